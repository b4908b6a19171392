"""
Sparsification: how the error falls when the least confident pixels are taken away first.

A confidence that knows the errors takes the worst pixels away first. The oracle does so by the
errors themselves, and no order can be below it. The area between the two curves, the AUSE, is
therefore 0 for a perfect confidence; what is measured is the order alone, not the scale.
"""
from collections.abc import Iterable
from dataclasses import dataclass
import math

import numpy as np

from ...core.errors import ShapeError

STEPS = 20                                  # 0, 5, 10, ... 95 % of the pixels are taken away
REMOVED = np.arange(STEPS) / STEPS


@dataclass(frozen=True)
class Sparsification:
    """
    Mean error of what is left, over the share of pixels that were taken away.

    :param error_px: (STEPS,) float64, pixels, at the shares ``REMOVED``: least confident first.
    :param oracle_px: the same, largest error first.
    """

    error_px: np.ndarray
    oracle_px: np.ndarray

    @property
    def ause(self) -> float:
        """
        Area between curve and oracle from 0 to 95 % taken away, in units of the mean error.

        0 is a perfect order. NaN without any error or any pixel.
        """
        whole = float(self.error_px[0])
        if not whole > 0:
            return math.nan
        gap = (self.error_px - self.oracle_px) / whole
        return float((gap[:-1] + gap[1:]).sum() / (2 * STEPS))


def sparsification(confidence: np.ndarray, error_px: np.ndarray) -> Sparsification | None:
    """
    Take away pixels by their confidence, and by their error.

    Among equal confidences none is first: each of them counts as their mean, so the curve does
    not depend on the order of the pixels. A share that is no whole number of pixels takes a part
    of the next one.

    :param confidence: (N,) floating point; not finite is left out.
    :param error_px: (N,) floating point, pixels, >= 0; not finite is left out.
    :returns: the curves; None without any pixel.
    :raises ShapeError: if the shapes are not equal and (N,).
    """
    if confidence.ndim != 1 or confidence.shape != error_px.shape:
        raise ShapeError(f'confidence and error_px must be (N,) of one size, got '
                         f'{confidence.shape} and {error_px.shape}')
    known = np.isfinite(error_px) & np.isfinite(confidence)
    if not known.any():
        return None
    errors = error_px[known].astype(np.float64)
    _, group, counts = np.unique(confidence[known], return_inverse=True, return_counts=True)
    means = np.bincount(group.ravel(), errors) / counts
    by_confidence = np.repeat(means[::-1], counts[::-1])  # most confident first
    return Sparsification(_means_of_the_rest(by_confidence), _means_of_the_rest(np.sort(errors)))


def mean_sparsification(curves: Iterable[Sparsification | None]) -> Sparsification | None:
    """
    Average the curves of pairs, each with the same weight.

    :param curves: pairs without any pixel (None) are left out.
    :returns: None if nothing is left.
    """
    known = [curve for curve in curves if curve is not None]
    if not known:
        return None
    return Sparsification(np.mean([curve.error_px for curve in known], axis=0),
                          np.mean([curve.oracle_px for curve in known], axis=0))


def _means_of_the_rest(errors: np.ndarray) -> np.ndarray:
    """
    Mean of the first pixels, at each share.

    :param errors: (N,) float64, in the order in which they stay: the last is taken away first.
    """
    sums = np.concatenate([[0.0], np.cumsum(errors)])
    kept = len(errors) * (1 - REMOVED)
    return np.interp(kept, np.arange(len(errors) + 1), sums) / kept
