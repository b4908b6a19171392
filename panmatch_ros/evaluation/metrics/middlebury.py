"""Metrics of the stereo benchmarks of Middlebury (version 3) and ETH3D (two views)."""
from dataclasses import dataclass
import math

import numpy as np

from ...core.errors import ConfigError
from .region_errors import error_map

BAD_PX = (0.5, 1.0, 2.0, 4.0)
QUANTILES_PERCENT = (50, 90, 95, 99)


@dataclass(frozen=True)
class MiddleburyRegion:
    """
    Errors of one region; NaN if it has no pixel (no result) with known truth.

    :param pixels: number of pixels with known truth.
    :param bad_percent: for each of ``BAD_PX`` the share of pixels that are further off or have
        no result, percent: bad 0.5, bad 1.0, bad 2.0, bad 4.0.
    :param invalid_percent: share of pixels without a result, percent.
    :param average_px: "avgerr", mean absolute error of the pixels with a result, pixels.
    :param rms_px: "rms", root of their mean squared error, pixels.
    :param quantiles_px: A50, A90, A95, A99: the smallest error that is not exceeded by this
        share of the pixels with a result, pixels.
    """

    pixels: int
    bad_percent: tuple[float, ...]
    invalid_percent: float
    average_px: float
    rms_px: float
    quantiles_px: tuple[float, ...]


@dataclass(frozen=True)
class MiddleburyMetrics:
    """
    Errors of one image; the benchmarks average over images.

    :param all: all pixels with known truth.
    :param non_occluded: those that both images see ("nonocc", "noc"); of no pixel if unknown.
    """

    all: MiddleburyRegion
    non_occluded: MiddleburyRegion


def middlebury_metrics(disparity: np.ndarray, truth: np.ndarray,
                       non_occluded: np.ndarray | None = None,
                       max_disparity: float | None = None) -> MiddleburyMetrics:
    """
    Count errors as Middlebury version 3 and ETH3D do.

    As in the tables of dense results, a pixel without a result is a bad one. (Scharstein et
    al., "High-resolution stereo datasets with subpixel-accurate ground truth", GCPR 2014, and
    the evaluation of its development kit.)

    :param disparity: (H, W), pixels; not finite is invalid.
    :param truth: (H, W), pixels; not finite is unknown.
    :param non_occluded: (H, W) bool, pixels that both images see.
    :param max_disparity: ``ndisp`` of the calibration, to whose range 0 to ``ndisp`` the
        development kit clips the result before it compares; not given, nothing is clipped.
    :returns: errors of both regions.
    :raises ShapeError: if the sizes differ, or the mask is not bool.
    :raises ImageError: if no pixel has a known truth.
    :raises ConfigError: if ``max_disparity`` is not positive.
    """
    if max_disparity is not None:
        if not max_disparity > 0:
            raise ConfigError(f'max_disparity must be positive, got {max_disparity}')
        disparity = np.where(np.isfinite(disparity), np.clip(disparity, 0, max_disparity),
                             np.nan)
    errors = error_map(disparity, truth)
    errors.within(non_occluded)  # checks it
    visible = (np.zeros_like(errors.known) if non_occluded is None
               else errors.known & non_occluded)
    return MiddleburyMetrics(_region(errors.error_px[errors.known]),
                             _region(errors.error_px[visible]))


def _region(errors_px: np.ndarray) -> MiddleburyRegion:
    """Sum up (N,) errors; NaN has no result."""
    found = errors_px[np.isfinite(errors_px)]
    if not errors_px.size:
        return MiddleburyRegion(0, (math.nan,) * len(BAD_PX), math.nan, math.nan, math.nan,
                                (math.nan,) * len(QUANTILES_PERCENT))
    return MiddleburyRegion(
        pixels=errors_px.size,
        bad_percent=tuple(100.0 * float(np.mean(~(errors_px <= limit))) for limit in BAD_PX),
        invalid_percent=100.0 * (1 - found.size / errors_px.size),
        average_px=float(found.mean()) if found.size else math.nan,
        rms_px=math.sqrt(float(np.mean(found ** 2))) if found.size else math.nan,
        quantiles_px=tuple(_quantile(np.sort(found), percent) for percent in QUANTILES_PERCENT))


def _quantile(ordered: np.ndarray, percent: int) -> float:
    if not ordered.size:
        return math.nan
    return float(ordered[-(-percent * ordered.size // 100) - 1])  # rounded up, counted from 1
