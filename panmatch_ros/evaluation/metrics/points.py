"""How well marked points are found: PCK, and its mean over bounds as for WxBS."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.errors import ImageError, ShapeError
from ...core.pixels import sample

ALPHAS = (0.01, 0.03, 0.05, 0.1)         # shares of the longer side of the image
PIXEL_LIMITS = (1.0, 3.0, 5.0, 10.0)
MEAN_LIMITS_PX = tuple(range(20))  # of the mean accuracy: 0, 1 ... 19 px, as WxBS has them


@dataclass(frozen=True)
class PointMetrics:
    """
    Share of marked points whose match is near enough; a point without a match is not.

    :param points: how many there are; of several pairs their sum.
    :param pck_percent: for each of ``ALPHAS`` the share of points that are not further off than
        this part of the longer side of image 1, percent: PCK@alpha.
    :param pck_px_percent: for each of ``PIXEL_LIMITS`` the share that is not further off than
        this, percent.
    :param mean_accuracy_percent: mean of the shares for 0, 1 ... 19 px, percent: "mAA".
    :param median_px: median distance, pixels; infinite if half of the points have no match.
    """

    points: int
    pck_percent: tuple[float, ...]
    pck_px_percent: tuple[float, ...]
    mean_accuracy_percent: float
    median_px: float


def point_metrics(found1: np.ndarray, points1: np.ndarray, size: tuple[int, int]) -> PointMetrics:
    """
    Compare the matches of marked points with where they are.

    PCK is that of PF-Pascal (Ham et al., "Proposal flow", PAMI 2018) with the image as the
    reference; the mean accuracy has the bounds of the WxBS benchmark (Mishkin et al., BMVC
    2015), which takes the mean of both directions: call it for each and average.

    :param found1: (N, 2), (x, y) in image 1, pixels; not finite is no match.
    :param points1: (N, 2), the marked places.
    :param size: (height, width) of image 1, pixels.
    :returns: shares.
    :raises ShapeError: if the points are not (N, 2) of one length.
    :raises ImageError: if there are none.
    """
    if points1.ndim != 2 or points1.shape[1:] != (2,) or found1.shape != points1.shape:
        raise ShapeError('found1 and points1 must be (N, 2) of one length, got '
                         f'{found1.shape} and {points1.shape}')
    if not len(points1):
        raise ImageError('there is no marked point to compare with')
    errors = np.linalg.norm(found1.astype(np.float64) - points1, axis=1)
    errors[~np.isfinite(errors)] = np.inf

    def share(limit_px: float) -> float:
        return 100.0 * float(np.mean(errors <= limit_px))

    return PointMetrics(
        points=len(errors),
        pck_percent=tuple(share(alpha * max(size)) for alpha in ALPHAS),
        pck_px_percent=tuple(share(limit) for limit in PIXEL_LIMITS),
        mean_accuracy_percent=float(np.mean([share(limit) for limit in MEAN_LIMITS_PX])),
        median_px=float(np.median(errors)))


def mean_point_metrics(parts: Sequence[PointMetrics]) -> PointMetrics:
    """
    Average over pairs (or both directions of one), each with the same weight.

    :param parts: at least one.
    """
    def mean(name: str) -> np.ndarray:
        return np.mean([getattr(part, name) for part in parts], axis=0)

    return PointMetrics(sum(part.points for part in parts),
                        tuple(float(value) for value in mean('pck_percent')),
                        tuple(float(value) for value in mean('pck_px_percent')),
                        float(mean('mean_accuracy_percent')), float(mean('median_px')))


def follow(points0: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """
    Match points of image 0 by a flow field.

    :param points0: (N, 2), (x, y) in image 0, pixels.
    :param flow: (H, W, 2) float32, pixels; NaN is invalid.
    :returns: (N, 2) float64, (x, y) in image 1; NaN where the flow is invalid or the point is
        outside image 0.
    :raises ShapeError: if the points are not (N, 2) or the flow not (H, W, 2).
    """
    if points0.ndim != 2 or points0.shape[1:] != (2,) or flow.ndim != 3 or flow.shape[2] != 2:
        raise ShapeError('points0 must be (N, 2) and flow (H, W, 2), got '
                         f'{points0.shape} and {flow.shape}')
    x, y = (points0[None, :, axis].astype(np.float32) for axis in (0, 1))
    return points0 + sample(flow, x, y)[0].astype(np.float64)
