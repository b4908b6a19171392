"""
Metrics of KITTI, MPI Sintel and Spring, split by their regions.

All three pool the pixels of their images: use :func:`~.region_errors.add_regions` over pairs,
then read the shares.
"""
from dataclasses import dataclass

import numpy as np

from .region_errors import ErrorMap, RegionErrors, error_map

SPEED_BOUNDS_PX = (10.0, 40.0)


@dataclass(frozen=True)
class KittiMetrics:
    """
    Errors of KITTI 2012 and 2015.

    Read ``outlier_percent`` (D1 or Fl of 2015), ``three_px_percent`` (Out of 2012) and ``epe_px``
    (Avg of 2012). A region whose mask is not known is empty, its numbers are NaN.

    :param all: all pixels with known truth: D1-all or Fl-all, Avg-All.
    :param background: those that are not on moving objects: D1-bg or Fl-bg.
    :param foreground: those on moving objects: D1-fg or Fl-fg.
    :param noc: pixels that both images see: the same of "non-occluded", Avg-Noc.
    :param noc_background: both.
    :param noc_foreground: both.
    """

    all: RegionErrors
    background: RegionErrors
    foreground: RegionErrors
    noc: RegionErrors
    noc_background: RegionErrors
    noc_foreground: RegionErrors


@dataclass(frozen=True)
class SintelMetrics:
    """
    End-point errors of MPI Sintel; read ``epe_px``.

    A region whose mask is not known is empty, its numbers are NaN.

    :param all: all pixels with known truth: "EPE all".
    :param matched: pixels that are visible in both images.
    :param unmatched: pixels that are visible in image 0 only.
    :param s0_10: pixels that move by less than 10 px.
    :param s10_40: by 10 px to less than 40 px.
    :param s40_plus: by 40 px or more.
    """

    all: RegionErrors
    matched: RegionErrors
    unmatched: RegionErrors
    s0_10: RegionErrors
    s10_40: RegionErrors
    s40_plus: RegionErrors


@dataclass(frozen=True)
class SpringMaps:
    """
    Regions of a Spring image, as its maps mark them; None is not known.

    :param high_detail: (H, W) bool, fine structures.
    :param non_rigid: (H, W) bool, what moves on its own.
    :param unmatched: (H, W) bool, what image 1 does not show.
    :param sky: (H, W) bool.
    """

    high_detail: np.ndarray | None = None
    non_rigid: np.ndarray | None = None
    unmatched: np.ndarray | None = None
    sky: np.ndarray | None = None


@dataclass(frozen=True)
class SpringMetrics:
    """
    Errors of Spring.

    Read ``one_px_percent``, ``epe_px`` (Abs of stereo), ``outlier_percent`` (D1 or Fl) and
    ``wauc_percent`` (the benchmark has it for flow only). A region whose map is not known is
    empty, its numbers are NaN.

    :param total: all pixels with known truth.
    :param low_detail: without fine structures.
    :param high_detail: with them.
    :param rigid: what moves with the scene.
    :param non_rigid: what moves on its own.
    :param matched: visible in both images.
    :param unmatched: visible in image 0 only.
    :param not_sky: all but the sky.
    :param sky: the sky.
    :param s0_10: true magnitude below 10 px.
    :param s10_40: 10 px to less than 40 px.
    :param s40_plus: 40 px or more.
    """

    total: RegionErrors
    low_detail: RegionErrors
    high_detail: RegionErrors
    rigid: RegionErrors
    non_rigid: RegionErrors
    matched: RegionErrors
    unmatched: RegionErrors
    not_sky: RegionErrors
    sky: RegionErrors
    s0_10: RegionErrors
    s10_40: RegionErrors
    s40_plus: RegionErrors


def kitti_metrics(result: np.ndarray, truth: np.ndarray, non_occluded: np.ndarray | None = None,
                  foreground: np.ndarray | None = None) -> KittiMetrics:
    """
    Count errors as KITTI 2012 and 2015 do.

    An outlier is off by more than 3 px and more than 5 % of the true magnitude (Menze and
    Geiger, "Object scene flow for autonomous vehicles", CVPR 2015, and the development kit).
    The development kit fills the holes of a result before it counts all pixels; here a hole
    is an outlier. Of a result without holes the numbers are equal.

    :param result: (H, W) disparity or (H, W, 2) flow, pixels; not finite is invalid.
    :param truth: the same, of all pixels ("occ"); not finite is unknown.
    :param non_occluded: (H, W) bool, where the truth of "noc" is known.
    :param foreground: (H, W) bool, where the object map is not 0.
    :returns: errors by regions.
    :raises ShapeError: if the sizes differ, or a mask is not bool.
    :raises ImageError: if no pixel has a known truth.
    """
    errors = error_map(result, truth)
    background = _opposite(foreground)
    return KittiMetrics(
        errors.within(), errors.within(background), errors.within(foreground),
        errors.within(non_occluded), errors.within(non_occluded, background),
        errors.within(non_occluded, foreground))


def sintel_metrics(flow: np.ndarray, truth: np.ndarray,
                   non_occluded: np.ndarray | None = None) -> SintelMetrics:
    """
    Count errors as MPI Sintel does.

    The end-point error is the length of the difference; "matched" are the pixels that the
    occlusion mask leaves (Butler et al., "A naturalistic open source movie for optical flow
    evaluation", ECCV 2012). The regions by distance from occlusions (d0-10 ...) are left out.

    :param flow: (H, W, 2), pixels; not finite is invalid and has no error.
    :param truth: (H, W, 2), pixels; not finite is unknown (the benchmark's "invalid" mask).
    :param non_occluded: (H, W) bool, pixels that are visible in both images.
    :returns: errors by regions.
    :raises ShapeError: if the sizes differ, or a mask is not bool.
    :raises ImageError: if no pixel has a known truth.
    """
    errors = error_map(flow, truth)
    return SintelMetrics(errors.within(), errors.within(non_occluded),
                         errors.within(_opposite(non_occluded)), *_by_speed(errors))


def spring_metrics(result: np.ndarray, truth: np.ndarray,
                   maps: SpringMaps | None = None) -> SpringMetrics:
    """
    Count errors as Spring does.

    1px is the share of pixels that are more than 1 px off; EPE, D1 and Fl are those of KITTI;
    WAUC is that of VIPER (Richter et al., "Playing for benchmarks", ICCV 2017): the mean of the
    shares of pixels within ``i / 20`` px, i from 1 to 100, with weights ``1 - (i - 1) / 100``.
    The truth of Spring is twice as large as its images: of the four values of a pixel the
    nearest one counts (Mehl et al., "Spring", CVPR 2023, and the evaluation of its site).

    :param result: (H, W) disparity or (H, W, 2) flow, pixels; not finite is invalid.
    :param truth: of the same size, or with candidates, (4, H, W) or (4, H, W, 2), see
        :class:`~...data.sample.Annotation`; not finite is unknown.
    :param maps: regions; none are known if not given.
    :returns: errors by regions.
    :raises ShapeError: if the sizes do not fit, or a map is not bool.
    :raises ImageError: if no pixel has a known truth.
    """
    errors = error_map(result, truth)
    maps = maps or SpringMaps()
    s0_10, s10_40, s40_plus = _by_speed(errors)
    return SpringMetrics(
        total=errors.within(),
        low_detail=errors.within(_opposite(maps.high_detail)),
        high_detail=errors.within(maps.high_detail),
        rigid=errors.within(_opposite(maps.non_rigid)),
        non_rigid=errors.within(maps.non_rigid),
        matched=errors.within(_opposite(maps.unmatched)),
        unmatched=errors.within(maps.unmatched),
        not_sky=errors.within(_opposite(maps.sky)), sky=errors.within(maps.sky),
        s0_10=s0_10, s10_40=s10_40, s40_plus=s40_plus)


def _opposite(region: np.ndarray | None) -> np.ndarray | None:
    """Give all that is not in a region; that of one that is not bool is not bool either."""
    if region is None or region.dtype != np.bool_:
        return region
    return ~region


def _by_speed(errors: ErrorMap) -> tuple[RegionErrors, RegionErrors, RegionErrors]:
    slow, fast = SPEED_BOUNDS_PX
    speed = errors.speed_px
    return (errors.within(speed < slow), errors.within((speed >= slow) & (speed < fast)),
            errors.within(speed >= fast))
