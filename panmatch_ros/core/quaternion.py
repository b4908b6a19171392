"""Rotations as unit quaternions, in the order of ROS: x, y, z, w."""
from collections.abc import Sequence

import numpy as np

from .errors import PoseError


def quaternion_from_rotation(R: np.ndarray) -> np.ndarray:
    """
    Give the quaternion of a rotation.

    The eigenvector of Bar-Itzhack's matrix: exact for a rotation, of half a turn too, and the
    nearest one for a matrix that was rounded.

    :param R: (3, 3) rotation.
    :returns: (4,) float64, ``x, y, z, w`` of length one with ``w >= 0``.
    :raises PoseError: if ``R`` is no finite (3, 3) matrix.
    """
    given = np.asarray(R, np.float64)
    if given.shape != (3, 3) or not np.isfinite(given).all():
        raise PoseError(f'a rotation must be a finite (3, 3) matrix, got {given.shape}')
    matrix = np.empty((4, 4))
    matrix[:3, :3] = given + given.T - np.eye(3) * np.trace(given)
    matrix[:3, 3] = matrix[3, :3] = (given[2, 1] - given[1, 2], given[0, 2] - given[2, 0],
                                     given[1, 0] - given[0, 1])
    matrix[3, 3] = np.trace(given)
    quaternion = np.linalg.eigh(matrix)[1][:, -1]
    return -quaternion if quaternion[3] < 0 else quaternion


def rotation_from_quaternion(quaternion: Sequence[float] | np.ndarray) -> np.ndarray:
    """
    Give the rotation of a quaternion.

    :param quaternion: ``x, y, z, w`` of length one.
    :returns: (3, 3) float64.
    """
    x, y, z, w = map(float, quaternion)
    return np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                     [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                     [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]])
