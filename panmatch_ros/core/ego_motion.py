"""The motion of a stereo camera from the points it sees, where neither odometry nor TF tells."""
from dataclasses import dataclass

import cv2
import numpy as np

from .camera import StereoRig
from .errors import PoseError
from .point_pairs import PointPairs, SceneFlowConfig
from .rigid_alignment import align_rigid
from .rigid_motion import make_transform
from .rigid_residual import Noise, displacement_sigma, move_points, rigid_residual

MIN_POINTS = 50
USED_POINTS = 3000
TOLERANCE_SIGMAS = 3.0           # of the first guess
SCALES = (32, 16, 8, 4, 2, 1, 1, 1)  # of the weights, standard deviations
CAUCHY, CUT = 2.4, 6.0           # scales at which a weight is a half, and beyond which it is zero
MAX_ROTATION_STD_DEG = 1.0
MAX_TRANSLATION_STD_M = 0.2
LEAST_SPREAD = 0.01              # of the width of the image, standard deviation
LEAST_EXCESS = 0.1               # of the scatter over the given noise: exact input is rare
MEDIAN_SIGNIFICANCE = 1.538      # of noise alone: the root of the median of chi squared of three


@dataclass(frozen=True)
class EgoMotion:
    """
    Motion of the camera relative to most of what it sees.

    :param T_1_0: (4, 4) float64, takes points of the older left camera into the newer one.
    :param inlier_share: of the pairs, those that do not surely move, from 0 to 1.
    :param rotation_std_deg: standard deviation of the rotation about its least certain axis,
        degrees. Both follow from the scatter of the matches; errors that they have in common
        come on top.
    :param translation_std_m: that of the translation along its least certain axis, metres.
    """

    T_1_0: np.ndarray
    inlier_share: float
    rotation_std_deg: float
    translation_std_m: float


def estimate_ego_motion(pairs: PointPairs, rig: StereoRig, config: SceneFlowConfig | None = None,
                        *, min_inlier_share: float = 0.4, seed: int = 0) -> EgoMotion:
    """
    Estimate how the camera moved from points before and after.

    A rigid alignment of the points gives the first guess; the result fits what was measured, in
    pixels, with less and less weight for what does not agree. If something that moves covers
    more of the image than what rests, the motion relative to that is found.

    :param pairs: points before and after, on either grid.
    :param rig: that saw them.
    :param config: noise of the matching, and how many standard deviations are movement.
    :param min_inlier_share: of the pairs that have to agree.
    :param seed: chooses the pairs that are used.
    :returns: the motion.
    :raises PoseError: if there are too few pairs, too few agree, or they leave rotation or
        translation open: they lie on a line, in one spot or too far away.
    """
    config = config or SceneFlowConfig()
    known = np.flatnonzero(pairs.valid)
    if len(known) < MIN_POINTS:
        raise PoseError(f'the motion of the camera needs at least {MIN_POINTS} pairs of points, '
                        f'got {len(known)}; are the images textured, and is the threshold of '
                        'the confidence too high?')
    random = np.random.default_rng(seed)
    used = np.sort(random.choice(known, min(USED_POINTS, len(known)), replace=False))
    points0, points1 = (each.reshape(-1, 3)[used].astype(np.float64)
                        for each in (pairs.points0, pairs.points1))
    fits = [_fit(points0, points1, rig, start, config.noise)
            for start in _guesses(points0, points1, rig, config.noise, seed)]
    T, information = min(fits, key=lambda fit: _cost(points0, points1, rig, fit[0], config))
    significance = _significance(points0, points1, rig, T, config.noise)
    agree = significance <= config.moving_sigmas
    share = float(agree.mean())
    if share < min_inlier_share:
        raise PoseError(f'only {100 * share:.0f} % of the points agree on a motion of the '
                        f'camera, less than {100 * min_inlier_share:.0f} %; does most of the '
                        'scene move, or is the noise larger than given?')
    excess = max(float(np.median(significance[agree])) / MEDIAN_SIGNIFICANCE, LEAST_EXCESS)
    rotation_std_deg, translation_std_m = _stds(information, excess)
    _require_area(points1[agree], rig)
    _require_certainty(rotation_std_deg, translation_std_m)
    return EgoMotion(T, share, rotation_std_deg, translation_std_m)


def _guesses(points0: np.ndarray, points1: np.ndarray, rig: StereoRig, noise: Noise,
             seed: int) -> list[np.ndarray]:
    """Rest, and the alignment of the points if there is one."""
    sigma = np.linalg.norm(displacement_sigma(points0, points1, rig, noise), axis=-1)
    try:
        aligned = align_rigid(points0, points1, TOLERANCE_SIGMAS * sigma, seed=seed)
    except PoseError:
        return [np.eye(4)]
    return [np.eye(4), aligned.T_1_0]


def _fit(points0: np.ndarray, points1: np.ndarray, rig: StereoRig, T: np.ndarray,
         noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """
    Minimise the residuals, by Gauss-Newton with Cauchy weights of shrinking scale.

    :returns: the motion, and the (6, 6) information about rotation and translation.
    """
    information = np.zeros((6, 6))
    for scale in SCALES:
        error, jacobian = _linearise(points0, points1, rig, T, noise)
        squared = np.sum(error * error, axis=1) / scale ** 2
        used = squared <= CUT ** 2  # False for NaN: behind the camera
        roots = 1 / np.sqrt(1 + squared[used] / CAUCHY ** 2)
        weighted = (jacobian[used] * roots[:, None, None]).reshape(-1, 6)
        information = weighted.T @ weighted
        step = np.linalg.lstsq(information, weighted.T @ (error[used] * roots[:, None]).ravel(),
                               rcond=None)[0]
        T = make_transform(cv2.Rodrigues(step[:3])[0], step[3:]) @ T
    return T, information


def _linearise(points0: np.ndarray, points1: np.ndarray, rig: StereoRig, T: np.ndarray,
               noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """
    Residuals of unit variance, (N, 3), and their derivatives by a further motion, (N, 3, 6).

    The derivatives are those of the prediction, which the residuals have with the other sign.
    """
    residual = rigid_residual(points0, points1, rig, T, noise)
    x, y, z = move_points(points0, T).T
    with np.errstate(divide='ignore', invalid='ignore'):
        by_point = np.zeros((len(points0), 3, 3))
        by_point[:, 0, 0] = rig.left.fx / noise.flow_px / z
        by_point[:, 1, 1] = rig.left.fy / noise.flow_px / z
        by_point[:, 0, 2] = -by_point[:, 0, 0] * x / z
        by_point[:, 1, 2] = -by_point[:, 1, 1] * y / z
        by_point[:, 2, 2] = -rig.focal_px * rig.baseline_m / noise.disparity_px / z ** 2
    zero = np.zeros_like(x)
    turned = np.stack([np.stack([zero, z, -y], -1), np.stack([-z, zero, x], -1),
                       np.stack([y, -x, zero], -1)], axis=1)
    jacobian = np.concatenate([by_point @ turned, by_point], axis=2)
    spread = np.stack(residual.spread, axis=1)
    length = np.sum(spread * spread, axis=1, keepdims=True)
    # The covariance is 1 + spread spread^T; the inverse of its root is 1 - factor of that.
    factor = (1 - 1 / np.sqrt(1 + length)) / np.maximum(length, 1e-12)
    error = np.stack(residual.error, axis=1)
    error = error - factor * np.sum(spread * error, axis=1, keepdims=True) * spread
    along = np.einsum('nk,nki->ni', spread, jacobian)
    return error, jacobian - (factor * spread)[:, :, None] * along[:, None, :]


def _significance(points0: np.ndarray, points1: np.ndarray, rig: StereoRig, T: np.ndarray,
                  noise: Noise) -> np.ndarray:
    significance = rigid_residual(points0, points1, rig, T, noise).significance()
    return np.nan_to_num(significance, nan=np.inf)


def _cost(points0: np.ndarray, points1: np.ndarray, rig: StereoRig, T: np.ndarray,
          config: SceneFlowConfig) -> float:
    significance = _significance(points0, points1, rig, T, config.noise)
    return float(np.minimum(significance, config.moving_sigmas).sum())


def _stds(information: np.ndarray, excess: float) -> tuple[float, float]:
    """Largest standard deviations of rotation, degrees, and translation, metres."""
    if np.linalg.matrix_rank(information, hermitian=True) < 6:
        return 180.0, np.inf
    covariance = np.linalg.inv(information) * excess ** 2
    rotation, translation = (np.sqrt(max(np.linalg.eigvalsh(block)[-1], 0.0))
                             for block in (covariance[:3, :3], covariance[3:, 3:]))
    return float(np.degrees(rotation)), float(translation)


def _require_area(points1: np.ndarray, rig: StereoRig) -> None:
    """
    Refuse points on a line in the image, or in a spot.

    Turning about them changes nothing. The noise of their depth would hide that.
    """
    image = points1[:, :2] / points1[:, 2:] * (rig.left.fx, rig.left.fy)
    spread_px = float(np.sqrt(max(np.linalg.eigvalsh(np.cov(image.T))[0], 0.0)))
    if not spread_px > LEAST_SPREAD * rig.left.width:
        raise PoseError('the points leave the motion of the camera open: they all lie on a line '
                        f'or in one spot of the image, {spread_px:.1f} px wide')


def _require_certainty(rotation_std_deg: float, translation_std_m: float) -> None:
    if rotation_std_deg <= MAX_ROTATION_STD_DEG and translation_std_m <= MAX_TRANSLATION_STD_M:
        return
    raise PoseError('the points leave the motion of the camera open: it is uncertain by '
                    f'{rotation_std_deg:.1f} degrees and {translation_std_m:.2f} m; are they '
                    'all too far away, or in too small a part of the image?')
