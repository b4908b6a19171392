"""Errors of depth maps, as KITTI depth and NYU are reported."""
from dataclasses import dataclass
import math

import numpy as np

from ...core.errors import ConfigError, ImageError, ShapeError

DELTA_BASE = 1.25
DELTA_POWERS = (1, 2, 3)


@dataclass(frozen=True)
class DepthMetrics:
    """
    What one depth map got wrong; errors are of the pixels with known truth and a result.

    :param truth_pixels: number of pixels with known truth.
    :param density_percent: share of them with a result, percent.
    :param abs_rel: "AbsRel", mean of ``|d - t| / t``, no unit.
    :param sq_rel_m: "SqRel", mean of ``(d - t)^2 / t``, metres.
    :param rmse_m: root of the mean of ``(d - t)^2``, metres.
    :param rmse_log: root of the mean of ``(ln d - ln t)^2``, no unit.
    :param log10: mean of ``|log10 d - log10 t|``, no unit.
    :param delta_percent: for each of ``DELTA_POWERS`` the share of all pixels with known truth
        for which ``max(d / t, t / d) < 1.25^n``, percent; a pixel without a result is not.
    :param scale: what the result was multiplied by; 1 without median scaling.
    """

    truth_pixels: int
    density_percent: float
    abs_rel: float
    sq_rel_m: float
    rmse_m: float
    rmse_log: float
    log10: float
    delta_percent: tuple[float, ...]
    scale: float


def depth_metrics(depth: np.ndarray, truth: np.ndarray, *,
                  limits_m: tuple[float, float] = (0.0, math.inf),
                  median_scaling: bool = False) -> DepthMetrics:
    """
    Compare a depth map with the truth.

    The errors of Eigen et al. ("Depth map prediction from a single image", NIPS 2014); log10 as
    in Saxena et al. ("Make3D", PAMI 2009). Median scaling (Zhou et al., "Unsupervised learning of
    depth and ego-motion from video", CVPR 2017) multiplies the result by the ratio of the
    medians of truth and result, for motions whose length is not known.

    :param depth: (H, W) floating point, metres; not finite or not positive is invalid.
    :param truth: (H, W) floating point, metres; not finite or not positive is unknown.
    :param limits_m: nearest and farthest depth that counts, metres: truth beyond them is left
        out, and the result is clipped to them after it is scaled; KITTI has 0.001 to 80.
    :param median_scaling: whether the scale of the result is open.
    :returns: errors; NaN if no pixel has a result.
    :raises ShapeError: if the shapes are not equal and (H, W).
    :raises ImageError: if no pixel has a known truth within the limits.
    :raises ConfigError: if the limits are not ``0 <= nearest < farthest``.
    """
    if truth.ndim != 2 or depth.shape != truth.shape:
        raise ShapeError('depth and truth must be (H, W) of one size, got '
                         f'{depth.shape} and {truth.shape}')
    near, far = limits_m
    if not 0 <= near < far:
        raise ConfigError(f'limits_m must be 0 <= nearest < farthest, got {near} and {far}')
    known = np.isfinite(truth) & (truth > near) & (truth < far)
    if not known.any():
        raise ImageError('the ground truth has no known depth to compare with between '
                         f'{near:g} m and {far:g} m')
    found, true = depth[known].astype(np.float64), truth[known].astype(np.float64)
    total = true.size
    with_result = np.isfinite(found) & (found > 0)
    found, true = found[with_result], true[with_result]
    if not found.size:
        return DepthMetrics(total, 0.0, *(math.nan,) * 5, (0.0,) * len(DELTA_POWERS), 1.0)
    scale = float(np.median(true) / np.median(found)) if median_scaling else 1.0
    found = np.clip(scale * found, near, far)
    return _summarize(found, true, total, scale)


def _summarize(found: np.ndarray, true: np.ndarray, total: int, scale: float) -> DepthMetrics:
    """Sum up (N,) depths, both positive, of ``total`` pixels with known truth."""
    difference, ratio = found - true, np.log(found / true)
    worse = np.maximum(found / true, true / found)
    return DepthMetrics(
        truth_pixels=total,
        density_percent=100.0 * found.size / total,
        abs_rel=float(np.mean(np.abs(difference) / true)),
        sq_rel_m=float(np.mean(difference ** 2 / true)),
        rmse_m=math.sqrt(float(np.mean(difference ** 2))),
        rmse_log=math.sqrt(float(np.mean(ratio ** 2))),
        log10=float(np.mean(np.abs(ratio))) / math.log(10),
        delta_percent=tuple(100.0 * int(np.count_nonzero(worse < DELTA_BASE ** power)) / total
                            for power in DELTA_POWERS),
        scale=scale)
