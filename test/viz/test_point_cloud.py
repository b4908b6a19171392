import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.viz.point_cloud import BACKGROUND, render_point_cloud

RED, GREEN = (220, 20, 20), (20, 220, 20)
SIZE = (60, 80)


def square(half, depth, count=60):
    axis = np.linspace(-half, half, count, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    return np.stack([x, y, np.full_like(x, depth)], axis=-1).reshape(-1, 3)


def wall_and_box():
    """A red wall 4 m away and a small green square 3 m away, on the optical axis."""
    wall, box = square(1.0, 4.0), square(0.2, 3.0, 20)
    colors = np.concatenate([np.tile(np.uint8(RED), (len(wall), 1)),
                             np.tile(np.uint8(GREEN), (len(box), 1))])
    return np.concatenate([wall, box]), colors


def centre_of(picture, channel):
    mask = picture[..., channel].astype(int) > picture.sum(axis=-1) * 0.6
    rows, columns = np.nonzero(mask)
    return rows.mean(), columns.mean()


def test_the_nearest_point_is_seen():
    points, colors = wall_and_box()
    for order in (slice(None), slice(None, None, -1)):
        picture = render_point_cloud(points[order], colors[order], SIZE, 0.0, 0.0)
        assert picture.shape == (*SIZE, 3)
        assert picture.dtype == np.uint8
        assert picture[30, 40, 1] > 150
        assert picture[12, 40, 0] > 150
        assert (picture[30, 2] == BACKGROUND).all()  # the scene is square, the picture wide


def test_from_behind_the_wall_hides_the_box():
    points, colors = wall_and_box()
    picture = render_point_cloud(points, colors, SIZE, 180.0, 0.0)
    assert picture[30, 40, 0] > 150


@pytest.mark.parametrize(('yaw', 'pitch', 'axis', 'sign'), [
    (20.0, 0.0, 1, -1),   # the camera went right: what is near moves left
    (-20.0, 0.0, 1, 1),
    (0.0, 20.0, 0, 1),    # the camera went up: what is near moves down
    (0.0, -20.0, 0, -1),
])
def test_the_camera_swings_to_the_documented_side(yaw, pitch, axis, sign):
    points, colors = wall_and_box()
    picture = render_point_cloud(points, colors, SIZE, yaw, pitch)
    assert sign * (centre_of(picture, 1)[axis] - centre_of(picture, 0)[axis]) > 3


def test_a_cloud_may_have_the_shape_of_an_image():
    points, colors = wall_and_box()
    flat = render_point_cloud(points, colors, SIZE)
    assert (render_point_cloud(points.reshape(8, -1, 3), colors.reshape(8, -1, 3),
                               SIZE) == flat).all()


def test_invalid_and_far_off_points_do_not_matter():
    points, colors = wall_and_box()
    expected = render_point_cloud(points, colors, SIZE)
    bad = np.array([[np.nan, 0, 1], [0, np.inf, 1]], np.float32)
    with_bad = render_point_cloud(np.concatenate([points, bad]),
                                  np.concatenate([colors, np.zeros((2, 3), np.uint8)]), SIZE)
    assert (with_bad == expected).all()
    outlier = render_point_cloud(np.concatenate([points, [[500, 500, 501]]]).astype(np.float32),
                                 np.concatenate([colors, np.uint8([RED])]), SIZE)
    assert np.mean(np.abs(outlier.astype(int) - expected) > 40) < 0.05


def test_gaps_between_points_are_closed():
    points = square(1.0, 4.0, 25)  # 25 points on 60 px
    picture = render_point_cloud(points, np.full(points.shape, 200, np.uint8), SIZE, 0.0, 0.0)
    assert (picture[10:50, 20:60] > 100).all()


@pytest.mark.parametrize('points', [np.empty((0, 3), np.float32),
                                    np.full((4, 5, 3), np.nan, np.float32)])
def test_an_empty_cloud_is_dark_ground(points):
    picture = render_point_cloud(points, np.zeros(points.shape, np.uint8), SIZE)
    assert (picture == BACKGROUND).all()


def test_one_point_is_drawn():
    picture = render_point_cloud(np.float32([[0, 0, 2]]), np.uint8([GREEN]), SIZE)
    assert (picture != BACKGROUND).any()


def test_bad_input():
    points, colors = wall_and_box()
    with pytest.raises(ShapeError, match=r'points must be \(H, W, 3\) or \(N, 3\), got \(3,\)'):
        render_point_cloud(points[0], colors[0])
    with pytest.raises(ShapeError, match='colors must be uint8'):
        render_point_cloud(points, colors[:-1])
    with pytest.raises(ShapeError, match='got float64'):
        render_point_cloud(points, colors.astype(np.float64))
    with pytest.raises(ConfigError, match='size must be positive'):
        render_point_cloud(points, colors, (0, 10))
