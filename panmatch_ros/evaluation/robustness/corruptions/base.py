"""What a corruption is, and what it gets to see of a pair."""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAX_STRENGTH = 5


@dataclass(frozen=True)
class View:
    """
    One image of a pair, as a corruption gets it.

    :param image: (H, W, 3) uint8 RGB.
    :param distance: (H, W) float32, distance of each pixel relative to the median of image 0, no
        unit, may be infinite; None where it is not known.
    """

    image: np.ndarray
    distance: np.ndarray | None = None


# Change one image: the view, the grade, choices that both images share, choices of this image.
# Draw the same numbers whatever the grade, so that more of it is more of the same damage.
Change = Callable[[View, float, np.random.Generator, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Corruption:
    """
    One kind of damage in five grades.

    :param name: as the command takes it.
    :param summary: what it does, for people.
    :param measure: what the grades count, with the unit.
    :param grades: at the strengths 0 to 5; between them linear. The first is no damage.
    :param change: damages one image; returns (H, W, 3) uint8 RGB.
    """

    name: str
    summary: str
    measure: str
    grades: tuple[float, ...]
    change: Change

    def grade(self, strength: float) -> float:
        """
        Give the grade of a strength.

        :param strength: 0 to 5.
        """
        return float(np.interp(strength, range(MAX_STRENGTH + 1), self.grades))

    def describe(self, strength: float) -> str:
        """Say in words what a strength means."""
        return f'{self.grade(strength):.3g} {self.measure}'


def to_float(image: np.ndarray) -> np.ndarray:
    """Turn an image (H, W, 3) uint8 into float32, grey levels 0 to 255."""
    return image.astype(np.float32)


def to_image(values: np.ndarray) -> np.ndarray:
    """Round and clip grey levels to an image (H, W, 3) uint8."""
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
