"""
Errors of a dense result against ground truth, as the public benchmarks count them.

Every pixel whose truth is known is counted. A pixel that the matcher left invalid (NaN) is a
bad pixel of every threshold, so leaving out what is hard does not pay; it has no error in
pixels, so the end-point error is the mean over the others, and how many those are is part of
the result.
"""
from dataclasses import dataclass

import numpy as np

from ...core.errors import ImageError, ShapeError

BAD_THRESHOLDS_PX = (0.5, 1.0, 2.0, 3.0, 4.0)
OUTLIER_PX = 3.0      # KITTI: an outlier is off by more than 3 px ...
OUTLIER_SHARE = 0.05  # ... and by more than 5 % of the true magnitude
OUTLIERS = {'stereo': 'D1-all', 'flow': 'Fl-all'}  # what the benchmarks call their share


@dataclass(frozen=True)
class Metrics:
    """
    What one result got wrong; shares are of all pixels with known truth.

    :param epe_px: mean end-point error, pixels, over ``epe_pixels``; NaN if there are none.
    :param epe_pixels: number of pixels with known truth and a valid result.
    :param truth_pixels: number of pixels with known truth.
    :param density_percent: ``100 * epe_pixels / truth_pixels``.
    :param bad_percent: for each of ``BAD_THRESHOLDS_PX`` the share of pixels that are invalid
        or have a larger error, percent.
    :param outlier_percent: share of pixels that are invalid or have an error > 3 px and > 5 %
        of the true magnitude, percent: D1-all of a disparity map, Fl-all of a flow field.
    """

    epe_px: float
    epe_pixels: int
    truth_pixels: int
    density_percent: float
    bad_percent: tuple[float, ...]
    outlier_percent: float


def disparity_metrics(disparity: np.ndarray, truth: np.ndarray,
                      valid: np.ndarray | None = None) -> Metrics:
    """
    Compare a disparity map with the truth.

    :param disparity: (H, W) floating point, pixels, ``x_left - x_right``; not finite is invalid.
    :param truth: (H, W) floating point, pixels; not finite is unknown.
    :param valid: (H, W) bool, pixels to count among those with known truth; all if not given.
    :returns: errors; ``outlier_percent`` is D1-all.
    :raises ShapeError: if the shapes are not equal and (H, W).
    :raises ImageError: if no pixel is left to count.
    """
    if truth.ndim != 2 or disparity.shape != truth.shape:
        raise ShapeError('disparity and truth must be (H, W) of one size, got '
                         f'{disparity.shape} and {truth.shape}')
    counted = _counted(np.isfinite(truth), valid)
    difference = disparity[counted].astype(np.float64) - truth[counted]
    return _summarize(np.abs(difference), np.abs(truth[counted]))


def flow_metrics(flow: np.ndarray, truth: np.ndarray, valid: np.ndarray | None = None) -> Metrics:
    """
    Compare a flow field with the truth; the error is the length of the difference vector.

    :param flow: (H, W, 2) floating point, pixels, +x right and +y down; not finite is invalid.
    :param truth: (H, W, 2) floating point, pixels; not finite is unknown.
    :param valid: (H, W) bool, pixels to count among those with known truth; all if not given.
    :returns: errors; ``outlier_percent`` is Fl-all.
    :raises ShapeError: if the shapes are not equal and (H, W, 2).
    :raises ImageError: if no pixel is left to count.
    """
    if truth.ndim != 3 or truth.shape[2] != 2 or flow.shape != truth.shape:
        raise ShapeError('flow and truth must be (H, W, 2) of one size, got '
                         f'{flow.shape} and {truth.shape}')
    counted = _counted(np.isfinite(truth).all(axis=2), valid)
    known = truth[counted].astype(np.float64)
    difference = flow[counted] - known
    return _summarize(np.hypot(difference[:, 0], difference[:, 1]),
                      np.hypot(known[:, 0], known[:, 1]))


def _counted(known: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    if valid is not None:
        if valid.shape != known.shape or valid.dtype != np.bool_:
            raise ShapeError(f'valid must be bool {known.shape}, got {valid.dtype} {valid.shape}')
        known = known & valid
    if not known.any():
        raise ImageError('the ground truth has no known pixel to compare with')
    return known


def _summarize(error_px: np.ndarray, magnitude_px: np.ndarray) -> Metrics:
    """
    Count errors.

    :param error_px: (N,) float64, >= 0; not finite where the result is invalid.
    :param magnitude_px: (N,) float64, true magnitude.
    """
    predicted = np.isfinite(error_px)
    epe_pixels, truth_pixels = int(np.count_nonzero(predicted)), error_px.size
    # "Not within the limit" is true for NaN as well.
    bad = tuple(_percent(~(error_px <= limit)) for limit in BAD_THRESHOLDS_PX)
    limit_px = np.maximum(OUTLIER_PX, OUTLIER_SHARE * magnitude_px)
    return Metrics(
        epe_px=float(error_px[predicted].mean()) if epe_pixels else float('nan'),
        epe_pixels=epe_pixels,
        truth_pixels=truth_pixels,
        density_percent=100.0 * epe_pixels / truth_pixels,
        bad_percent=bad,
        outlier_percent=_percent(~(error_px <= limit_px)))


def _percent(mask: np.ndarray) -> float:
    return 100.0 * int(np.count_nonzero(mask)) / mask.size
