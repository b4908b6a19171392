"""Fill the holes of a disparity map from the background, and those of a flow field."""
import cv2
import numpy as np

from .errors import ShapeError


def fill_from_background(disparity: np.ndarray) -> np.ndarray:
    """
    Give every pixel a disparity: that of the background next to the hole.

    A hole in a row takes the smaller of the disparities at its two ends, since what is hidden
    in the other image lies behind what hides it; at the border of the image there is one end.
    A row without any disparity takes, pixel by pixel, the smaller of the next rows above and
    below that have some.

    :param disparity: (H, W) float32, pixels; NaN is invalid.
    :returns: (H, W) float32, pixels, a new array; NaN only if all of ``disparity`` is.
    :raises ShapeError: if ``disparity`` is not two-dimensional.
    """
    if disparity.ndim != 2:
        raise ShapeError(f'disparity must be (H, W), got {disparity.shape}')
    filled = np.array(disparity, order='C')
    hole = np.isnan(filled)
    starts, ends = _runs(hole)
    if starts.size == 0:
        return filled
    width = filled.shape[1]
    values = filled.ravel()
    # Without a neighbour in the row: inf, so that the other one is the smaller.
    before = np.where(starts % width > 0, values[starts - 1], np.inf)
    after = np.where(ends % width > 0, values[ends % values.size], np.inf)
    filled[hole] = np.repeat(np.minimum(before, after), ends - starts)
    _fill_rows(filled, starts[ends - starts == width] // width)
    return filled


def fill_from_nearest(flow: np.ndarray) -> np.ndarray:
    """
    Give every pixel a flow: that of the nearest pixel that has one.

    :param flow: (H, W, 2) float32, pixels; NaN is invalid.
    :returns: (H, W, 2) float32, pixels, a new array; NaN only if all of ``flow`` is.
    :raises ShapeError: if ``flow`` is not (H, W, 2).
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ShapeError(f'flow must be (H, W, 2), got {flow.shape}')
    known = np.isfinite(flow).all(axis=2)
    filled = np.where(known[..., None], flow, np.nan).astype(np.float32)
    if known.all() or not known.any():
        return filled
    # A label for every pixel at distance zero, and for the others that of the nearest of them.
    labels = cv2.distanceTransformWithLabels((~known).astype(np.uint8), cv2.DIST_L2,
                                             cv2.DIST_MASK_5,
                                             labelType=cv2.DIST_LABEL_PIXEL)[1]
    vectors = np.empty((int(labels.max()) + 1, 2), np.float32)
    vectors[labels[known]] = flow[known]
    filled[~known] = vectors[labels[~known]]
    return filled


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last-plus-one flat index of every horizontal run of True; runs end with rows."""
    first, last = mask.copy(), mask.copy()
    first[:, 1:] &= ~mask[:, :-1]
    last[:, :-1] &= ~mask[:, 1:]
    return np.flatnonzero(first), np.flatnonzero(last) + 1


def _fill_rows(filled: np.ndarray, empty: np.ndarray) -> None:
    """Fill whole rows in place; ``empty`` are their indices, ascending."""
    if empty.size == 0:
        return
    known = np.setdiff1d(np.arange(filled.shape[0]), empty)
    if known.size == 0:
        filled[:] = np.nan
        return
    position = np.searchsorted(known, empty)
    above = known[np.maximum(position - 1, 0)]
    below = known[np.minimum(position, known.size - 1)]
    filled[empty] = np.minimum(filled[above], filled[below])
