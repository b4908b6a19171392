"""What a comparison with a reference array says."""
from dataclasses import dataclass
import math

import numpy as np


@dataclass(frozen=True)
class ArrayError:
    """
    How far one array is from its reference.

    :param name: of the array in the file.
    :param error: largest absolute difference; infinity if the shapes differ, or a value is NaN
        in one of the two only.
    :param tolerance: largest error that passes.
    :param where: index of the largest difference, or what is wrong.
    """

    name: str
    error: float
    tolerance: float
    where: str = ''

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.error <= self.tolerance  # False for NaN


def compare(name: str, ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> ArrayError:
    """
    Compare an array with its reference.

    :param name: of the array.
    :param ours: computed here.
    :param theirs: the reference; NaN equals NaN, and infinity the same infinity.
    :param tolerance: largest absolute difference that passes.
    """
    if ours.shape != theirs.shape:
        return ArrayError(name, math.inf, tolerance,
                          f'shape {ours.shape} instead of {theirs.shape}')
    if theirs.size == 0:
        return ArrayError(name, 0.0, tolerance, 'empty')
    first, second = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    with np.errstate(invalid='ignore'):
        difference = np.abs(first - second)
    difference[(first == second) | (np.isnan(first) & np.isnan(second))] = 0.0
    difference[np.isnan(difference)] = np.inf
    index = np.unravel_index(int(difference.argmax()), difference.shape)
    return ArrayError(name, float(difference[index]), tolerance,
                      f'[{", ".join(str(int(each)) for each in index)}]' if index else '')
