"""The rigid motion between two sets of matched points in space, in spite of wrong matches."""
from dataclasses import dataclass

import numpy as np

from .errors import ConfigError, PoseError, ShapeError
from .rigid_motion import make_transform

MIN_POINTS = 6
TRIALS = 300               # three of ten matches right: all three of a trial are in 1 of 37
SCORED_POINTS = 500        # of the matches that trials are compared on
REFINED_TRIALS = 5         # of which the best one wins
REFINEMENTS = 5            # times that inliers are chosen anew
MAX_ROTATION_STD_DEG = 5.0
ROUNDING = 1e-6            # of exact points, as a share of their distance


@dataclass(frozen=True)
class RigidAlignment:
    """
    Rigid motion that most matched points agree with.

    :param T_1_0: (4, 4) float64, takes points of frame 0 into frame 1.
    :param inliers: (...) bool, the pairs that agree, in the shape of the points.
    :param inlier_share: of the pairs whose points are both known, from 0 to 1.
    :param error_m: median distance of the inliers after the motion, metres.
    :param rotation_std_deg: standard deviation of the rotation about its least certain axis,
        that follows from the scatter of the inliers, degrees.
    """

    T_1_0: np.ndarray
    inliers: np.ndarray
    inlier_share: float
    error_m: float
    rotation_std_deg: float


def align_rigid(points0: np.ndarray, points1: np.ndarray, tolerance_m: float | np.ndarray = 0.05,
                *, min_inlier_share: float = 0.3, seed: int = 0) -> RigidAlignment:
    """
    Align matched points rigidly.

    RANSAC with three pairs, then least squares (Kabsch) over all inliers, weighted by
    ``1 / tolerance_m^2``. The same input gives the same result.

    :param points0: (..., 3), metres; NaN is unknown.
    :param points1: (..., 3), metres, the same points in the other frame, in the same order.
    :param tolerance_m: distance after the motion up to which a pair is an inlier, metres, one
        for all or (...) one for each: about three standard deviations of the noise.
    :param min_inlier_share: of the known pairs that have to agree.
    :param seed: chooses the samples.
    :returns: the motion and its inliers.
    :raises ShapeError: if the shapes do not go together.
    :raises ConfigError: if ``tolerance_m`` or ``min_inlier_share`` cannot work.
    :raises PoseError: if there are too few pairs, too few agree on a motion, or they leave the
        rotation open: they lie on a line or in one spot.
    """
    first, second, tolerance, known = _known_pairs(points0, points1, tolerance_m)
    if not 0 < min_inlier_share <= 1:
        raise ConfigError(f'min_inlier_share must be above 0 and at most 1, got '
                          f'{min_inlier_share}')
    total = len(first)
    if total < MIN_POINTS:
        raise PoseError(f'a rigid motion needs at least {MIN_POINTS} known pairs of points, got '
                        f'{total}')
    R, t = _refine(first, second, tolerance,
                   _best_motion(first, second, tolerance, np.random.default_rng(seed)))
    error = _distance(first, second, R, t)
    agree = error <= tolerance
    count = int(np.count_nonzero(agree))
    if count < max(MIN_POINTS, min_inlier_share * total):
        raise PoseError(f'only {count} of {total} pairs of points agree on a rigid motion, less '
                        f'than {100 * min_inlier_share:.0f} %; is most of the scene moving, or '
                        'the tolerance too small?')
    std_deg = _rotation_std_deg(first[agree], error[agree], tolerance[agree] ** -2.0)
    if not std_deg <= MAX_ROTATION_STD_DEG:
        raise PoseError('the points leave the rotation open: it is uncertain by '
                        f'{min(std_deg, 180):.0f} degrees; do they all lie on a line '
                        'or in one spot?')
    inliers = np.zeros(known.shape, bool)
    inliers[known] = agree
    return RigidAlignment(make_transform(R, t), inliers, count / total,
                          float(np.median(error[agree])), std_deg)


def kabsch(points0: np.ndarray, points1: np.ndarray,
           weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Align points by least squares, without regard to wrong ones.

    :param points0: (..., N, 3) float64; leading axes are separate problems.
    :param points1: (..., N, 3) float64.
    :param weights: (..., N), > 0.
    :returns: rotations (..., 3, 3) and translations (..., 3): ``points1 = R points0 + t``. Of
        points on a line, any of the rotations that fit.
    """
    share = (weights / weights.sum(axis=-1, keepdims=True))[..., None]
    centre0 = np.sum(share * points0, axis=-2, keepdims=True)
    centre1 = np.sum(share * points1, axis=-2, keepdims=True)
    covariance = np.swapaxes(share * (points1 - centre1), -1, -2) @ (points0 - centre0)
    U, _, Vt = np.linalg.svd(covariance)
    U[..., :, 2] *= np.linalg.det(U @ Vt)[..., None]  # a rotation, not a mirror
    R = U @ Vt
    return R, centre1[..., 0, :] - np.einsum('...ij,...j->...i', R, centre0[..., 0, :])


def _known_pairs(points0: np.ndarray, points1: np.ndarray, tolerance_m: float | np.ndarray,
                 ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Known points as (N, 3) float64, their tolerances (N,), and which they are."""
    if points0.ndim < 1 or points0.shape != points1.shape or points0.shape[-1] != 3:
        raise ShapeError('points0 and points1 must be (..., 3) of one shape, got '
                         f'{points0.shape} and {points1.shape}')
    shape = points0.shape[:-1]
    tolerance = np.asarray(tolerance_m, np.float64)
    if tolerance.shape not in ((), shape):
        raise ShapeError(f'tolerance_m must be a number or {shape}, got {tolerance.shape}')
    known = np.isfinite(points0).all(axis=-1) & np.isfinite(points1).all(axis=-1)
    each = np.broadcast_to(tolerance, shape)[known]
    if not ((each > 0) & (each < np.inf)).all():
        raise ConfigError('tolerance_m must be positive for all known pairs')
    return points0[known].astype(np.float64), points1[known].astype(np.float64), each, known


def _best_motion(first: np.ndarray, second: np.ndarray, tolerance: np.ndarray,
                 random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Motion with the least truncated squares on some of the pairs, refined on these."""
    some = random.choice(len(first), min(SCORED_POINTS, len(first)), replace=False)
    triples = random.integers(len(first), size=(TRIALS, 3))
    R, t = kabsch(first[triples], second[triples], tolerance[triples] ** -2.0)
    first, second, tolerance = first[some], second[some], tolerance[some]
    cost = _cost(first, second, tolerance, R, t)
    best: tuple[float, np.ndarray, np.ndarray] = np.inf, np.eye(3), np.zeros(3)
    for trial in np.argsort(cost, kind='stable')[:REFINED_TRIALS]:
        motion = _refine(first, second, tolerance, (R[trial], t[trial]))
        value = float(_cost(first, second, tolerance, *motion))
        if value < best[0]:
            best = value, *motion
    return best[1], best[2]


def _refine(first: np.ndarray, second: np.ndarray, tolerance: np.ndarray,
            motion: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Align the inliers of a motion, again and again."""
    for _ in range(REFINEMENTS):
        near = _distance(first, second, *motion) <= tolerance
        if np.count_nonzero(near) < MIN_POINTS:
            break
        motion = kabsch(first[near], second[near], tolerance[near] ** -2.0)
    return motion


def _distance(first: np.ndarray, second: np.ndarray, R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(..., N) distances after each of the motions."""
    return np.linalg.norm(first @ np.swapaxes(R, -1, -2) + t[..., None, :] - second, axis=-1)


def _cost(first: np.ndarray, second: np.ndarray, tolerance: np.ndarray, R: np.ndarray,
          t: np.ndarray) -> np.ndarray:
    error = _distance(first, second, R, t) / tolerance
    return np.minimum(error * error, 1).sum(axis=-1)


def _rotation_std_deg(points: np.ndarray, error: np.ndarray, weights: np.ndarray) -> float:
    """
    Tell how certain an alignment is about turns around the line that fits the points best.

    What the points scatter beside that line by noise alone tells nothing.

    :param points: (N, 3) float64, aligned ones, metres.
    :param error: (N,) their distances after the motion, metres.
    :param weights: (N,), > 0.
    :returns: standard deviation of the turn, degrees; infinite if there is only noise.
    """
    share = weights / weights.sum()
    noise = np.sum(share * error ** 2) / 3 + (ROUNDING * np.abs(points).max()) ** 2
    centred = points - share @ points
    spread = np.linalg.eigvalsh(centred.T @ (share[:, None] * centred))  # ascending
    effective = spread[:2].sum() - 2 * noise
    if effective <= 0:
        return np.inf
    return float(np.degrees(np.sqrt(noise / (effective * len(points)))))
