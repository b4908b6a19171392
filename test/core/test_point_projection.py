"""Points in an image: known pixels, the nearest is seen, the others are not."""
import numpy as np
import pytest

from panmatch_ros.core.camera import Camera
from panmatch_ros.core.errors import ShapeError
from panmatch_ros.core.point_projection import sparse_depth

CAMERA = Camera(8, 6, 10.0, 20.0, 3.0, 2.0)
# Lidar: x forward, y left, z up; 0.5 m above the camera.
T_CAMERA_LIDAR = np.array([[0, -1, 0, 0], [0, 0, -1, -0.5], [1, 0, 0, 0], [0, 0, 0, 1]], float)


def test_known_points():
    points = np.array([[2.0, -0.4, -0.6],   # x 0.4, y 0.1, z 2 in the camera: pixel (5, 3)
                       [4.0, 0.8, -0.5]])   # x -0.8, y 0, z 4: pixel (1, 2)
    depth = sparse_depth(points, T_CAMERA_LIDAR, CAMERA)
    assert (depth.shape, depth.dtype) == ((6, 8), np.float32)
    assert depth[3, 5] == 2.0
    assert depth[2, 1] == 4.0
    assert np.count_nonzero(np.isfinite(depth)) == 2


def test_of_several_points_at_a_pixel_the_nearest_is_seen():
    points = np.array([[0, 0, 5.0], [0, 0, 3.0], [0.01, 0, 4.0]])
    depth = sparse_depth(points, np.eye(4), CAMERA)
    assert depth[2, 3] == 3.0
    assert np.count_nonzero(np.isfinite(depth)) == 1


def test_points_behind_too_near_or_beside_are_not_seen():
    points = np.array([[0, 0, -1.0], [0, 0, 0.0], [0, 0, 0.01], [100, 0, 1], [0, -100, 1]])
    assert not np.isfinite(sparse_depth(points, np.eye(4), CAMERA)).any()


def test_border_pixels_count_up_to_their_edge():
    inside, outside = [-3.49 / 10, 0, 1], [-3.51 / 10, 0, 1]
    assert np.isfinite(sparse_depth(np.array([inside]), np.eye(4), CAMERA)).sum() == 1
    assert np.isfinite(sparse_depth(np.array([outside]), np.eye(4), CAMERA)).sum() == 0


def test_no_points():
    assert not np.isfinite(sparse_depth(np.empty((0, 3)), np.eye(4), CAMERA)).any()


@pytest.mark.parametrize(('points', 'T'), [(np.zeros((3, 2)), np.eye(4)),
                                           (np.zeros((3, 3)), np.eye(3))])
def test_wrong_shapes(points, T):
    with pytest.raises(ShapeError, match=r'points must be \(N, 3\) and the transform \(4, 4\)'):
        sparse_depth(points, T, CAMERA)
