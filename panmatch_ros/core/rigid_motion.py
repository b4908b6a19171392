"""
What a rigid motion between two cameras does to pixels: flow, parallax and depth.

``T_1_0`` takes points of camera 0 into the frame of camera 1. With ``H = K1 R K0^-1`` and
``b = K1 t``, the pixel ``p`` of image 0 at depth ``z`` is seen at ``z H p + b`` in image 1: it
starts at ``H p`` (infinity) and moves along its epipolar line as it comes nearer.
"""
from typing import NamedTuple

import numpy as np

from .errors import CalibrationError, PoseError, ShapeError
from .pixels import pixel_grid

ROTATION_TOLERANCE = 1e-3   # of a matrix whose numbers were rounded
NO_TRANSLATION = 1e-12
MIN_PARALLAX_PX = 0.5


class Parallax(NamedTuple):
    """
    A match of a known motion, in the directions of its epipolar line.

    :param along_px: (H, W) float32, how far the match has left the place of infinity along the
        line; > 0 before both cameras, inverse to the depth in camera 1.
    :param across_px: (H, W) float32, distance from the line, >= 0; 0 for a rigid scene.
    """

    along_px: np.ndarray
    across_px: np.ndarray


def require_rigid(T: np.ndarray, name: str = 'T_1_0') -> np.ndarray:
    """
    Check that a matrix is a rigid motion.

    :param T: (4, 4), or its upper (3, 4).
    :param name: how errors call it.
    :returns: (4, 4) float64; the rotation is orthonormal to machine precision.
    :raises PoseError: if it is none.
    """
    given = np.asarray(T, np.float64)
    if given.shape not in ((3, 4), (4, 4)):
        raise PoseError(f'{name} must be a (4, 4) or (3, 4) matrix, got {given.shape}')
    if not np.isfinite(given).all():
        raise PoseError(f'{name} has a value that is not finite')
    if given.shape == (4, 4) and not np.allclose(given[3], [0, 0, 0, 1], atol=1e-6):
        raise PoseError(f'{name}: the last row must be 0 0 0 1, got {given[3].tolist()}')
    R = given[:3, :3]
    error = float(np.abs(R @ R.T - np.eye(3)).max())
    if error > ROTATION_TOLERANCE:
        raise PoseError(f'{name} must be a rotation and a translation; its 3 x 3 part is not '
                        f'orthonormal: R R^T differs from 1 by {error:.3g}')
    if np.linalg.det(R) < 0:
        raise PoseError(f'{name} must be a rotation and a translation; its 3 x 3 part mirrors '
                        '(its determinant is -1)')
    U, _, Vt = np.linalg.svd(R)
    return make_transform(U @ Vt, given[:3, 3])


def make_transform(R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Put a (3, 3) rotation and a translation into a (4, 4) float64 matrix."""
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = R, np.ravel(t)
    return T


def relative_transform(T_world_0: np.ndarray, T_world_1: np.ndarray) -> np.ndarray:
    """
    Motion between two cameras whose poses in one frame are known.

    :param T_world_0: takes points of camera 0 into the world, (4, 4) or (3, 4).
    :param T_world_1: takes points of camera 1 into the world.
    :returns: ``T_1_0``, (4, 4) float64.
    :raises PoseError: if one is not rigid.
    """
    first, second = require_rigid(T_world_0, 'T_world_0'), require_rigid(T_world_1, 'T_world_1')
    R = second[:3, :3].T
    return make_transform(R @ first[:3, :3], R @ (first[:3, 3] - second[:3, 3]))


def rigid_flow(depth: np.ndarray, K0: np.ndarray, K1: np.ndarray,
               T_1_0: np.ndarray) -> np.ndarray:
    """
    Flow of a rigid scene between two cameras.

    :param depth: (H, W), along the optical axis of camera 0, in the unit of the translation;
        NaN is invalid.
    :param K0: (3, 3) intrinsics of image 0, pixels.
    :param K1: (3, 3) intrinsics of image 1, pixels.
    :param T_1_0: (4, 4) or (3, 4), takes points of camera 0 into the frame of camera 1.
    :returns: (H, W, 2) float32, pixels; NaN where the depth is not positive and finite or the
        point is behind camera 1.
    :raises ShapeError: if ``depth`` is not (H, W).
    :raises CalibrationError: if an intrinsic matrix is none.
    :raises PoseError: if ``T_1_0`` is not rigid.
    """
    if depth.ndim != 2:
        raise ShapeError(f'depth must be (H, W), got {depth.shape}')
    H, b = _infinity_homography(K0, K1, T_1_0)
    x, y = (grid.astype(np.float64) for grid in pixel_grid(*depth.shape))
    known = (depth > 0) & (depth < np.inf)
    z = np.where(known, depth, 1.0)
    moved_x, moved_y, depth1 = (z * (H[i, 0] * x + H[i, 1] * y + H[i, 2]) + b[i]
                                for i in range(3))
    known &= depth1 > 0
    depth1 = np.where(known, depth1, 1.0)
    flow = np.stack([moved_x / depth1 - x, moved_y / depth1 - y], axis=-1)
    flow[~known] = np.nan
    return flow.astype(np.float32)


def two_view_parallax(flow: np.ndarray, K0: np.ndarray, K1: np.ndarray,
                      T_1_0: np.ndarray) -> Parallax:
    """
    Split matches into parallax along and distance across their epipolar lines.

    The relative error of a depth is about the error of the match over the parallax along.

    :param flow: (H, W, 2) float32, pixels; NaN is invalid.
    :param K0: (3, 3) intrinsics of image 0, pixels.
    :param K1: (3, 3) intrinsics of image 1, pixels.
    :param T_1_0: (4, 4) or (3, 4), takes points of camera 0 into the frame of camera 1.
    :returns: both parts, NaN where the flow is invalid or the pixel looks along the motion.
    :raises ShapeError: if ``flow`` is not (H, W, 2).
    :raises CalibrationError: if an intrinsic matrix is none.
    :raises PoseError: if ``T_1_0`` is not rigid or has no translation.
    """
    along, across, _, _ = _along_and_across(flow, K0, K1, T_1_0)
    return Parallax(along.astype(np.float32), np.abs(across).astype(np.float32))


def two_view_depth(flow: np.ndarray, K0: np.ndarray, K1: np.ndarray, T_1_0: np.ndarray, *,
                   min_parallax_px: float = MIN_PARALLAX_PX,
                   max_epipolar_error_px: float = np.inf) -> np.ndarray:
    """
    Triangulate every pixel of image 0 from its match and a known motion.

    The match is moved to the nearest point of its epipolar line, so that errors across the
    line do not make the depth too small, as least squares of the two projection equations
    does. For a rectified pair this is ``Z = f B / d``.

    :param flow: (H, W, 2) float32, pixels; NaN is invalid.
    :param K0: (3, 3) intrinsics of image 0, pixels.
    :param K1: (3, 3) intrinsics of image 1, pixels.
    :param T_1_0: (4, 4) or (3, 4), takes points of camera 0 into the frame of camera 1.
    :param min_parallax_px: with less, a point is too far to tell its depth.
    :param max_epipolar_error_px: farther from its line, a match is wrong or the point moved.
    :returns: (H, W) float32, along the optical axis of camera 0, in the unit of the
        translation; NaN where the flow is invalid, the parallax too small, or the point would
        be behind a camera.
    :raises ShapeError: if ``flow`` is not (H, W, 2).
    :raises CalibrationError: if an intrinsic matrix is none.
    :raises PoseError: if ``T_1_0`` is not rigid or has no translation.
    """
    depth, parallax = depth_and_parallax(flow, K0, K1, T_1_0)
    known = ((parallax.along_px >= min_parallax_px)
             & (parallax.across_px <= max_epipolar_error_px))  # False for NaN
    return np.where(known, depth, np.float32(np.nan))


def depth_and_parallax(flow: np.ndarray, K0: np.ndarray, K1: np.ndarray,
                       T_1_0: np.ndarray) -> tuple[np.ndarray, Parallax]:
    """
    Give :func:`two_view_depth` of all matches before both cameras, and their parallax, at once.

    The parameters and errors are those of :func:`two_view_depth`.

    :returns: (H, W) float32 depth, NaN behind a camera or where the flow is invalid; and the
        parallax as of :func:`two_view_parallax`.
    """
    along, across, line, scale = _along_and_across(flow, K0, K1, T_1_0)
    forward = _infinity_homography(K0, K1, T_1_0)[1][2]
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        depth = (line / along - forward) / scale  # the bracket is depth1 - b[2]
        known = (along > 0) & (depth > 0) & (depth < np.inf)
    parallax = Parallax(along.astype(np.float32), np.abs(across).astype(np.float32))
    return np.where(known, depth, np.nan).astype(np.float32), parallax


def epipolar_error(points0: np.ndarray, points1: np.ndarray, K0: np.ndarray, K1: np.ndarray,
                   T_1_0: np.ndarray) -> np.ndarray:
    """
    Distance of matches from the epipolar geometry, to first order (Sampson).

    :param points0: (N, 2), (x, y) in image 0, pixels.
    :param points1: (N, 2), (x, y) in image 1, pixels.
    :param K0: (3, 3) intrinsics of image 0, pixels.
    :param K1: (3, 3) intrinsics of image 1, pixels.
    :param T_1_0: (4, 4) or (3, 4); the length of its translation does not matter.
    :returns: (N,) float64, pixels by which both points together have to move, >= 0; NaN where
        a point is.
    :raises ShapeError: if the points are not (N, 2) both.
    :raises CalibrationError: if an intrinsic matrix is none.
    :raises PoseError: if ``T_1_0`` is not rigid or has no translation.
    """
    for name, points in (('points0', points0), ('points1', points1)):
        if points.ndim != 2 or points.shape != (len(points0), 2):
            raise ShapeError(f'{name} must be (N, 2) as many as the other, got {points.shape}')
    T = require_rigid(T_1_0)
    _require_translation(T)
    E = cross_matrix(T[:3, 3]) @ T[:3, :3]
    F = (np.linalg.inv(require_intrinsics(K1, 'K1')).T @ E
         @ np.linalg.inv(require_intrinsics(K0, 'K0')))
    return np.abs(sampson(homogeneous(points0), homogeneous(points1), F))


def sampson(p0: np.ndarray, p1: np.ndarray, F: np.ndarray) -> np.ndarray:
    """
    Signed Sampson distance ``p1^T F p0 / |gradient|``.

    :param p0: (N, 3) float64, homogeneous with a third component of one.
    :param p1: (N, 3) float64, likewise.
    :param F: (3, 3).
    :returns: (N,) float64, in the unit of the points; 0 where both are epipoles.
    """
    line1, line0 = p0 @ F.T, p1 @ F
    gradient = np.sqrt(line1[:, 0] ** 2 + line1[:, 1] ** 2 + line0[:, 0] ** 2 + line0[:, 1] ** 2)
    return np.sum(p1 * line1, axis=1) / np.where(gradient == 0, 1.0, gradient)


def homogeneous(points: np.ndarray) -> np.ndarray:
    """Append a column of ones: (N, 2) to (N, 3) float64."""
    return np.column_stack([np.asarray(points, np.float64), np.ones(len(points))])


def cross_matrix(t: np.ndarray) -> np.ndarray:
    """(3, 3) matrix of the cross product with ``t``."""
    x, y, z = t
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], np.float64)


def require_intrinsics(K: np.ndarray, name: str = 'K') -> np.ndarray:
    """
    Check an intrinsic matrix.

    :returns: (3, 3) float64.
    :raises CalibrationError: if it is none.
    """
    given = np.asarray(K, np.float64)
    if given.shape != (3, 3) or not np.isfinite(given).all():
        raise CalibrationError(f'{name} must be a finite (3, 3) matrix, got {given.shape}')
    if not (given[0, 0] > 0 and given[1, 1] > 0 and given[1, 0] == 0
            and np.array_equal(given[2], [0, 0, 1])):
        raise CalibrationError(f'{name} must be [fx s cx; 0 fy cy; 0 0 1] with positive focal '
                               f'lengths, got {given.tolist()}')
    return given


def _require_translation(T: np.ndarray) -> None:
    if np.linalg.norm(T[:3, 3]) <= NO_TRANSLATION:
        raise PoseError('T_1_0 has no translation; without one two views tell no depth')


def _infinity_homography(K0: np.ndarray, K1: np.ndarray,
                         T_1_0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """H = K1 R K0^-1 and b = K1 t."""
    T, K1 = require_rigid(T_1_0), require_intrinsics(K1, 'K1')
    return K1 @ T[:3, :3] @ np.linalg.inv(require_intrinsics(K0, 'K0')), K1 @ T[:3, 3]


def _along_and_across(flow: np.ndarray, K0: np.ndarray, K1: np.ndarray, T_1_0: np.ndarray,
                      ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """
    Parallax along and across (signed), and two factors of the depth; all (H, W) float64.

    A match at ``infinity - along * direction`` has the depth ``line / along`` in camera 1.
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ShapeError(f'flow must be (H, W, 2), got {flow.shape}')
    _require_translation(require_rigid(T_1_0))
    H, b = _infinity_homography(K0, K1, T_1_0)
    x, y = (grid.astype(np.float64) for grid in pixel_grid(*flow.shape[:2]))
    moved_x, moved_y, scale = (H[i, 0] * x + H[i, 1] * y + H[i, 2] for i in range(3))
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        infinity_x, infinity_y = moved_x / scale, moved_y / scale
        line_x, line_y = b[2] * infinity_x - b[0], b[2] * infinity_y - b[1]
        line = np.hypot(line_x, line_y)
        off_x, off_y = infinity_x - x - flow[..., 0], infinity_y - y - flow[..., 1]
        along = (off_x * line_x + off_y * line_y) / line
        across = (off_x * line_y - off_y * line_x) / line
    return along, across, line, scale
