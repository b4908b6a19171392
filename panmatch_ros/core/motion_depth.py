"""Depth of a rigid scene from the matches of two views with a known motion, and how sure it is."""
from dataclasses import dataclass

import numpy as np

from .correspondence import confidence_from_error
from .errors import MotionError
from .rigid_motion import MIN_PARALLAX_PX, depth_and_parallax
from .types import Displacement

CONFIDENT = 0.5          # from here on a match counts in what is said of the whole image
EPIPOLAR_SCALE_PX = 1.0  # distance from the epipolar line at which the confidence is 0.61
MATCH_NOISE_PX = 1.0     # parallax at which the depth is as uncertain as it is large
STRIPE_ROWS = 32
MIN_CONFIDENT = 0.01     # share of the pixels, below which nothing is said of the motion


@dataclass(frozen=True)
class MotionDepth:
    """
    What two views of a moving camera tell.

    :param depth: (H, W) float32, along the optical axis, in the unit of the translation; NaN is
        invalid.
    :param confidence: (H, W) float32 in [0, 1]; 0 where the depth is invalid.
    :param parallax_px: median parallax of the confident matches, pixels; NaN if there are none.
    :param fitting: share of the confident matches that the motion can explain; NaN if there are
        none.
    :param confident: share of the pixels whose match is confident.
    """

    depth: np.ndarray
    confidence: np.ndarray
    parallax_px: float
    fitting: float
    confident: float


def depth_from_motion(match: Displacement, K0: np.ndarray, K1: np.ndarray, T_1_0: np.ndarray, *,
                      min_parallax_px: float = MIN_PARALLAX_PX,
                      max_epipolar_error_px: float = np.inf) -> MotionDepth:
    """
    Triangulate dense matches, and weigh them.

    The confidence is the product of three: that of the match; that of its distance from the
    epipolar line, which is none for a rigid scene; and ``a^2 / (a^2 + 1)`` for the parallax ``a``
    in pixels, since the relative error of a depth is about the error of the match over the
    parallax.

    :param match: from image 0 to image 1.
    :param K0: (3, 3) intrinsics of image 0, pixels.
    :param K1: (3, 3) intrinsics of image 1, pixels.
    :param T_1_0: (4, 4) or (3, 4), takes points of camera 0 into the frame of camera 1.
    :param min_parallax_px: with less, a point is too far to tell its depth.
    :param max_epipolar_error_px: farther from its line, a match is wrong or the point moved.
    :raises CalibrationError: if an intrinsic matrix is none.
    :raises PoseError: if ``T_1_0`` is not rigid or has no translation.
    """
    depth, confidence, along = (np.empty(match.confidence.shape, np.float32) for _ in range(3))
    sure = match.confidence >= CONFIDENT
    fitting = 0
    for start in range(0, len(depth), STRIPE_ROWS):  # which stay in the cache: twice as fast
        rows = slice(start, start + STRIPE_ROWS)
        depth[rows], (along[rows], across) = depth_and_parallax(
            match.flow[rows], _from_row(K0, start), _from_row(K1, start), T_1_0)
        near_line = across <= max_epipolar_error_px  # False for NaN
        np.copyto(depth[rows], np.float32(np.nan),
                  where=~(near_line & (along[rows] >= min_parallax_px)))
        confidence[rows] = _weighed(match.confidence[rows], along[rows], across)
        # Noise may take a far point beyond infinity, but not by more than it leaves its line.
        fits = near_line & (along[rows] >= -max_epipolar_error_px)
        fitting += np.count_nonzero(fits & sure[rows])
    confidence[np.isnan(depth)] = 0
    count = np.count_nonzero(sure)
    return MotionDepth(depth, confidence, _median(along[::2, ::2][sure[::2, ::2]]),
                       fitting / count if count else np.nan, count / sure.size)


def _from_row(K: np.ndarray, row: int) -> np.ndarray:
    """Intrinsics of an image whose upper rows are cut off."""
    cut = np.array(K, np.float64)
    if cut.shape == (3, 3):  # or it is refused later
        cut[1, 2] -= row
    return cut


def _weighed(confidence: np.ndarray, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    squared = along * along
    return (confidence * confidence_from_error(across, EPIPOLAR_SCALE_PX)
            * (squared / (squared + np.float32(MATCH_NOISE_PX ** 2))))


def _median(values: np.ndarray) -> float:
    """Median of what is finite; NaN if nothing is."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else np.nan


def require_depth(result: MotionDepth, min_parallax_px: float, min_fitting: float) -> None:
    """
    Refuse a depth that the images do not support.

    :param min_parallax_px: smallest median parallax.
    :param min_fitting: smallest share of the confident matches that the motion explains.
    :raises MotionError: with what is wrong.
    """
    if result.confident < MIN_CONFIDENT:
        raise MotionError(
            f'the matcher is sure of {100 * result.confident:.1f} % of the pixels only; do the '
            'two images show the same scene, and are they textured?')
    if result.fitting < min_fitting:
        raise MotionError(
            f'the poses explain {100 * result.fitting:.0f} % of the confident matches only: is '
            'the camera frame an optical one (z forward, x right), do poses and images have one '
            'clock, is the image rectified, and does the scene stand still?')
    if not result.parallax_px >= min_parallax_px:
        raise MotionError(
            f'the parallax is too small: {result.parallax_px:.2f} px in the median, and '
            f'min_parallax_px is {min_parallax_px:g}; the scene is too far for this motion')
