"""Two-view geometry: the motion of a camera from matches, and what follows from it."""
from dataclasses import dataclass

import cv2
import numpy as np

from .errors import ConfigError, PoseError
from .motion_candidates import agreeing, motions_by_plane, motions_by_points, rotation_error, score
from .rigid_motion import (
    Parallax,
    cross_matrix,
    epipolar_error,
    homogeneous,
    make_transform,
    relative_transform,
    require_intrinsics,
    require_rigid,
    rigid_flow,
    sampson,
    two_view_depth,
    two_view_parallax,
)
from .types import Correspondences

__all__ = [
    'Parallax', 'RelativePose', 'epipolar_error', 'relative_pose', 'relative_transform',
    'require_rigid', 'rigid_flow', 'two_view_depth', 'two_view_parallax',
]

MIN_POINTS = 8
REFINEMENTS = 3            # times that inliers are chosen anew
GAUSS_NEWTON_STEPS = 5
STEP = 1e-6                # radians, of the numeric derivative
SMALLEST_NOISE_PX = 0.02   # of exact matches, which float32 rounds
MAX_DIRECTION_STD_DEG = 30.0
WORST_CONDITION = 1e13     # beyond it the inverse is rounding
MOVED_SHARE = 0.05         # of the inliers that a pure rotation must not explain
MOVED_SIGMAS = 5.3         # a match of pure rotation exceeds it once in a thousand


@dataclass(frozen=True)
class RelativePose:
    """
    Motion between two cameras up to the length of its translation, which images do not tell.

    :param T_1_0: (4, 4) float64, takes points of camera 0 into the frame of camera 1; its
        translation has length one.
    :param inliers: (N,) bool, the matches that agree.
    :param error_px: median distance of the inliers from the epipolar geometry, pixels.
    :param parallax_deg: median angle under which an inlier sees the two cameras; below about
        one degree the depth is uncertain.
    :param direction_std_deg: standard deviation of the direction of the translation that
        follows from the scatter of the inliers.
    """

    T_1_0: np.ndarray
    inliers: np.ndarray
    error_px: float
    parallax_deg: float
    direction_std_deg: float

    def scaled(self, baseline_m: float) -> np.ndarray:
        """
        Give the translation a length.

        :param baseline_m: distance between the two cameras, metres.
        :returns: (4, 4) float64.
        """
        return make_transform(self.T_1_0[:3, :3], self.T_1_0[:3, 3] * baseline_m)


def relative_pose(correspondences: Correspondences, K0: np.ndarray, K1: np.ndarray, *,
                  threshold_px: float = 1.0, seed: int = 0) -> RelativePose:
    """
    Estimate the motion of a camera from matches of a rigid scene.

    RANSAC with the five-point method (a plane is no problem), then the pose is refined on all
    inliers. The same input gives the same result.

    :param correspondences: matches, in any order; those that are not finite are outliers.
    :param K0: (3, 3) intrinsics of image 0, pixels.
    :param K1: (3, 3) intrinsics of image 1, pixels.
    :param threshold_px: distance from the epipolar geometry up to which a match is an inlier.
    :param seed: chooses the samples of the test for pure rotation.
    :returns: the motion and its inliers.
    :raises PoseError: if there are too few matches, too few agree on a motion, or they do not
        tell the direction of the translation: the camera only turned, or all points are on a
        line.
    :raises CalibrationError: if an intrinsic matrix is none.
    :raises ConfigError: if ``threshold_px`` is not a positive number.
    """
    if not 0 < threshold_px < np.inf:
        raise ConfigError(f'threshold_px must be a positive number, got {threshold_px}')
    K0, K1 = require_intrinsics(K0, 'K0'), require_intrinsics(K1, 'K1')
    points0, points1 = correspondences.points0, correspondences.points1
    finite = np.isfinite(points0).all(axis=1) & np.isfinite(points1).all(axis=1)
    if np.count_nonzero(finite) < MIN_POINTS:
        raise PoseError(f'a pose needs at least {MIN_POINTS} matches, got '
                        f'{np.count_nonzero(finite)}; are the images textured and do they show '
                        'the same scene?')
    # One focal length for both: distances are pixels in it, whatever the two cameras have.
    focal_px = float(np.mean([K0[0, 0], K0[1, 1], K1[0, 0], K1[1, 1]]))
    rays0 = homogeneous(points0[finite]) @ np.linalg.inv(K0).T
    rays1 = homogeneous(points1[finite]) @ np.linalg.inv(K1).T
    threshold = threshold_px / focal_px
    R, t = _best_motion(rays0, rays1, focal_px, threshold)
    errors = np.abs(sampson(rays0, rays1, cross_matrix(t) @ R))
    agree = agreeing(R, t, rays0, rays1, threshold)
    random = np.random.default_rng(seed)
    _require_agreement(agree, rays0, rays1, threshold, random)
    noise = 1.4826 * float(np.median(errors[agree]))
    _require_translation(rays0[agree], rays1[agree],
                         max(threshold, MOVED_SIGMAS * noise), random)
    direction_std_deg = _direction_std_deg(R, t, rays0[agree], rays1[agree],
                                           max(noise, SMALLEST_NOISE_PX / focal_px))
    if not direction_std_deg <= MAX_DIRECTION_STD_DEG:
        raise PoseError('the matches leave the direction of the translation open: it is '
                        f'uncertain by {direction_std_deg:.0f} degrees; do they all lie on a '
                        'line or in one spot?')
    inliers = np.zeros(len(points0), bool)
    inliers[finite] = agree
    return RelativePose(make_transform(R, t), inliers,
                        float(np.median(errors[agree])) * focal_px,
                        _median_angle_deg(rays0[agree] @ R.T, rays1[agree]), direction_std_deg)


def _best_motion(rays0: np.ndarray, rays1: np.ndarray, focal_px: float,
                 threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and unit translation with which most matches agree, refined."""
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for motion in (*motions_by_points(rays0, rays1, focal_px, threshold),
                   *motions_by_plane(rays0, rays1, focal_px, threshold)):
        R, t = motion
        for _ in range(REFINEMENTS):
            near = np.abs(sampson(rays0, rays1, cross_matrix(t) @ R)) <= threshold
            R, t = _refine(R, t, rays0[near], rays1[near], threshold)
        value = score(R, t, rays0, rays1, threshold)
        if best is None or value > best[0]:
            best = value, R, t
    if best is None:
        raise PoseError(f'no motion explains the {len(rays0)} matches; are they all on one '
                        'line, or all the same?')
    return best[1], best[2]


def _refine(R: np.ndarray, t: np.ndarray, rays0: np.ndarray, rays1: np.ndarray,
            threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Minimise the Sampson distances with Cauchy weights: Gauss-Newton on five angles."""
    if len(rays0) < MIN_POINTS:
        return R, t

    def residuals(R: np.ndarray, t: np.ndarray) -> np.ndarray:
        return sampson(rays0, rays1, cross_matrix(t) @ R)

    def cost(values: np.ndarray) -> float:
        return float(np.sum(np.log1p((values / threshold) ** 2)))

    now = residuals(R, t)
    for _ in range(GAUSS_NEWTON_STEPS):
        jacobian = _jacobian(R, t, rays0, rays1)
        weights = 1 / (1 + (now / threshold) ** 2)
        normal = (jacobian * weights[:, None]).T @ jacobian
        normal += 1e-9 * np.trace(normal) * np.eye(5)
        step = -np.linalg.lstsq(normal, jacobian.T @ (weights * now), rcond=None)[0]
        candidate = _moved(R, t, step)
        then = residuals(*candidate)
        if not cost(then) < cost(now):
            break
        (R, t), now = candidate, then
    return R, t


def _jacobian(R: np.ndarray, t: np.ndarray, rays0: np.ndarray,
              rays1: np.ndarray) -> np.ndarray:
    """(N, 5) derivative of the Sampson distances by the angles of :func:`_moved`."""
    columns = []
    for axis in np.eye(5):
        (R_after, t_after), (R_before, t_before) = (_moved(R, t, sign * STEP * axis)
                                                    for sign in (1, -1))
        columns.append(sampson(rays0, rays1, cross_matrix(t_after) @ R_after)
                       - sampson(rays0, rays1, cross_matrix(t_before) @ R_before))
    return np.stack(columns, axis=1) / (2 * STEP)


def _direction_std_deg(R: np.ndarray, t: np.ndarray, rays0: np.ndarray, rays1: np.ndarray,
                       noise: float) -> float:
    """Carry the scatter of the matches over to the direction of the translation."""
    jacobian = _jacobian(R, t, rays0, rays1)
    information = jacobian.T @ jacobian / noise ** 2
    if np.linalg.cond(information) > WORST_CONDITION:
        return 180.0
    variances = np.diag(np.linalg.inv(information))[3:]
    return float(np.degrees(np.sqrt(variances.sum())))


def _moved(R: np.ndarray, t: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn by three angles, and the unit translation by two across it."""
    across = np.linalg.svd(t[None, :])[2][1:]
    moved = t + step[3:] @ across
    return cv2.Rodrigues(step[:3])[0] @ R, moved / np.linalg.norm(moved)


def _require_agreement(agree: np.ndarray, rays0: np.ndarray, rays1: np.ndarray,
                       threshold: float, random: np.random.Generator) -> None:
    """Refuse a motion that explains no more matches than random ones would."""
    count, total = int(np.count_nonzero(agree)), len(agree)
    extent = np.ptp(rays1[:, :2], axis=0)
    by_chance = 2 * threshold * np.hypot(*extent) / max(extent[0] * extent[1], 1e-12)
    needed = max(MIN_POINTS, 5 + 4 * min(by_chance, 1.0) * total)
    if count >= min(needed, total):
        return
    # Of a camera that stands still RANSAC may find no motion at all.
    turned = int(np.count_nonzero(rotation_error(rays0, rays1, threshold, random) <= threshold))
    if turned >= min(needed, total):
        raise _only_turned(turned, total)
    raise PoseError(f'only {count} of {total} matches agree on a motion, which random '
                    'matches do too; do the images show the same rigid scene, and are the '
                    'intrinsics right?')


def _require_translation(rays0: np.ndarray, rays1: np.ndarray, limit: float,
                         random: np.random.Generator) -> None:
    """Refuse matches that a rotation alone explains: they fit a translation in any direction."""
    moved = rotation_error(rays0, rays1, limit, random) > limit
    count = int(np.count_nonzero(moved))
    if count < max(MIN_POINTS // 2, MOVED_SHARE * len(moved)):
        raise _only_turned(len(moved) - count, len(moved))


def _only_turned(explained: int, total: int) -> PoseError:
    return PoseError(f'the camera only turned, or moved too little: a rotation explains '
                     f'{explained} of {total} matches, so the direction of the translation is '
                     'not told; take images from places farther apart')


def _median_angle_deg(turned: np.ndarray, rays1: np.ndarray) -> float:
    sine = np.linalg.norm(np.cross(turned, rays1), axis=1)
    return float(np.degrees(np.median(np.arctan2(sine, np.sum(turned * rays1, axis=1)))))
