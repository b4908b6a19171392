"""Results of several matchers on one pair, painted with one scale so that colours compare."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.errors import ShapeError
from .flow import flow_legend, flow_to_color, robust_max_px
from .scalar import disparity_to_color, error_to_color, robust_range, scalar_to_color

ERROR_STEPS_PX = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
ERROR_SHARE = 90.0        # percent of the errors that the scale of the error maps should hold
UNKNOWN = (120, 120, 120)  # where the truth is not known; black is where the result is missing
SPARSE_SHARE = 0.6         # truth of fewer pixels, as of a laser, is painted with thicker dots
NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))


@dataclass(frozen=True)
class PairScale:
    """
    What the colours of one pair mean.

    :param low_px: disparity of the first colour, pixels; 0 for flow.
    :param high_px: disparity of the last colour or flow of full colour, pixels.
    :param error_px: error of the last colour, pixels.
    """

    low_px: float
    high_px: float
    error_px: float


def common_scale(truth: np.ndarray | None, results: Sequence[np.ndarray]) -> PairScale:
    """
    Choose one scale for the truth and all results of a pair.

    Values are scaled by the truth if it is known, so that a result that is off looks so.

    :param truth: (H, W) disparity or (H, W, 2) flow, pixels; NaN is unknown. None if nobody
        knows it.
    :param results: arrays of that shape; NaN is invalid.
    :raises ShapeError: if they are neither, or not of one shape.
    """
    shown = [*([] if truth is None else [truth]), *results]
    if not shown:
        return PairScale(0.0, 1.0, ERROR_STEPS_PX[0])
    for values in shown:
        if values.shape != shown[0].shape or values.ndim not in (2, 3):
            raise ShapeError(f'expected maps of one shape, got {shown[0].shape} and '
                             f'{values.shape}')
    chosen = [truth] if truth is not None and np.isfinite(truth).any() else shown
    if shown[0].ndim == 3:
        low, high = 0.0, max(_full_color_px(values) for values in chosen)
    else:
        ranges = [robust_range(values) for values in chosen]
        low, high = min(each[0] for each in ranges), max(each[1] for each in ranges)
        high = high if high > low else low + 1
    errors = [] if truth is None else [error_px(values, truth) for values in results]
    return PairScale(low, high, _error_scale(errors))


def paint(values: np.ndarray, scale: PairScale) -> np.ndarray:
    """
    Paint a disparity map or a flow field in the colours of its pair.

    :param values: (H, W) disparity or (H, W, 2) flow, pixels; NaN is invalid.
    :param scale: of :func:`common_scale`.
    :returns: (H, W, 3) uint8 RGB; black where invalid.
    """
    if values.ndim == 3:
        return flow_to_color(values, scale.high_px)
    return disparity_to_color(values, scale.low_px, scale.high_px)


def paint_error(values: np.ndarray, truth: np.ndarray, scale: PairScale) -> np.ndarray:
    """
    Paint where a result is off: blue is right, pale is half of the scale, red is all of it.

    :param values: (H, W) disparity or (H, W, 2) flow, pixels; NaN is invalid.
    :param truth: the same; NaN is unknown.
    :param scale: of :func:`common_scale`.
    :returns: (H, W, 3) uint8 RGB; grey where the truth is not known, else black where the
        result is invalid.
    """
    error, known = error_px(values, truth), _finite(truth)
    if known.mean() < SPARSE_SHARE:
        # Missing results must not be filled from beside them: painted, then taken out.
        error[known & ~np.isfinite(error)] = np.inf
        error = thicken(error)
        known = ~np.isnan(error)
    picture = error_to_color(error, scale.error_px)
    picture[~known] = UNKNOWN
    return picture


def paint_truth(truth: np.ndarray, scale: PairScale) -> np.ndarray:
    """
    Paint the truth like a result; if it is sparse, with dots of three pixels.

    :param truth: (H, W) disparity or (H, W, 2) flow, pixels; NaN is unknown.
    :param scale: of :func:`common_scale`.
    :returns: (H, W, 3) uint8 RGB; black where unknown.
    """
    is_sparse = _finite(truth).mean() < SPARSE_SHARE
    return paint(thicken(truth) if is_sparse else truth, scale)


def thicken(values: np.ndarray) -> np.ndarray:
    """
    Give pixels without a value that of a neighbour, so that single ones are seen when reduced.

    :param values: (H, W) or (H, W, 2) floating point; NaN is no value.
    :returns: the same with values in all eight neighbours of a value.
    """
    known = ~np.isnan(values if values.ndim == 2 else values.sum(axis=2))
    result, filled = values.copy(), known.copy()
    padded = np.pad(values, ((1, 1), (1, 1), *[(0, 0)] * (values.ndim - 2)),
                    constant_values=np.nan)
    height, width = known.shape
    padded_known = np.pad(known, 1)
    for dy, dx in NEIGHBOURS:
        window = (slice(1 + dy, 1 + dy + height), slice(1 + dx, 1 + dx + width))
        taken = ~filled & padded_known[window]
        result[taken] = padded[window][taken]
        filled |= taken
    return result


def error_px(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """
    Length of the difference at each pixel.

    :param values: (H, W) disparity or (H, W, 2) flow, pixels.
    :param truth: the same.
    :returns: (H, W), pixels; NaN where one of the two is not finite.
    :raises ShapeError: if the shapes differ.
    """
    if values.shape != truth.shape:
        raise ShapeError(f'result and truth must be of one shape, got {values.shape} and '
                         f'{truth.shape}')
    known = _finite(values) & _finite(truth)
    difference = np.full(values.shape, np.nan, np.result_type(values, truth))
    difference[known] = values[known] - truth[known]
    if values.ndim == 3:
        return np.hypot(difference[..., 0], difference[..., 1])
    return np.abs(difference)


def color_bar(colormap: str, size: tuple[int, int]) -> np.ndarray:
    """
    Draw all colours of a map, the first on the left.

    :param colormap: one of ``viz.scalar.COLORMAPS``, or 'flow' for the colour wheel.
    :param size: (height, width), pixels; the wheel has the height on both sides.
    :returns: (height, width, 3) uint8 RGB.
    :raises ConfigError: if there is no such map.
    """
    if colormap == 'flow':
        return flow_legend(size[0])
    ramp = np.tile(np.linspace(0, 1, size[1], dtype=np.float32), (size[0], 1))
    return scalar_to_color(ramp, 0.0, 1.0, colormap)


def _finite(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    return finite.all(axis=2) if values.ndim == 3 else finite


def _full_color_px(flow: np.ndarray) -> float:
    """Longest vector, but not much more than what almost all have; at least one pixel."""
    robust = robust_max_px(flow)
    length = np.hypot(flow[..., 0], flow[..., 1])
    length = length[np.isfinite(length)]
    return float(np.clip(length.max(), robust, 1.5 * robust)) if length.size else robust


def _error_scale(errors: Sequence[np.ndarray]) -> float:
    """Smallest step that holds ``ERROR_SHARE`` of all errors."""
    known = [error[np.isfinite(error)] for error in errors]
    pooled = np.concatenate(known) if known else np.zeros(0)
    if not pooled.size:
        return ERROR_STEPS_PX[0]
    limit = np.percentile(pooled, ERROR_SHARE)
    return next((step for step in ERROR_STEPS_PX if step >= limit), ERROR_STEPS_PX[-1])
