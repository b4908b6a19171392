"""How far away the pixels of a pair are, from what is known about it."""
import numpy as np

from ....core.hole_filling import fill_from_background
from ....data.sample import Annotation

LEAST_KNOWN = 0.01  # share of the pixels, below which nothing is filled up from them

Distances = tuple[np.ndarray | None, np.ndarray | None]


def relative_distances(annotation: Annotation, size0: tuple[int, int],
                       size1: tuple[int, int]) -> Distances:
    """
    Tell the distance of all pixels of both images.

    Disparity, or depth of both images, is filled up from the background; what image 1 sees of a
    disparity map is what that map moves there.

    :param annotation: of the pair.
    :param size0: (height, width) of image 0, pixels.
    :param size1: the same of image 1.
    :returns: (H, W) float32 for each image, relative to the median of image 0, no unit,
        infinite where nothing is known to be near; None for both if too little is known.
    """
    nearness = _nearness(annotation)
    if nearness is None or (nearness[0].shape, nearness[1].shape) != (size0, size1):
        return None, None
    if any(np.count_nonzero(each > 0) < LEAST_KNOWN * each.size for each in nearness):
        return None, None
    filled = [fill_from_background(each) for each in nearness]
    middle = float(np.median(filled[0]))
    if not middle > 0:
        return None, None
    with np.errstate(divide='ignore'):
        first, second = (np.float32(middle) / each for each in filled)
    return first, second


def _nearness(annotation: Annotation) -> tuple[np.ndarray, np.ndarray] | None:
    """(H, W) float32 each, inverse distance of any unit, >= 0; NaN is unknown."""
    if annotation.disparity is not None:
        left = _known(annotation.disparity)
        return left, _seen_from_right(left)
    if annotation.depth0 is not None and annotation.depth1 is not None:
        with np.errstate(divide='ignore', invalid='ignore'):
            return _known(1 / annotation.depth0), _known(1 / annotation.depth1)
    return None


def _known(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values) & (values >= 0), values, np.nan).astype(np.float32)


def _seen_from_right(disparity: np.ndarray) -> np.ndarray:
    """Move a disparity map to the right image; where two come to one pixel the nearer stays."""
    row, column = np.nonzero(np.isfinite(disparity))
    values = disparity[row, column]
    target = np.rint(column - values).astype(np.int64)
    inside = target >= 0
    order = np.flatnonzero(inside)[np.argsort(values[inside], kind='stable')]
    moved = np.full(disparity.shape, np.nan, np.float32)
    moved[row[order], target[order]] = values[order]
    return moved
