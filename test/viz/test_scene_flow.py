import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ImageError, ShapeError
from panmatch_ros.viz.scene_flow import scene_flow_to_color

GREY = np.full((1, 6, 3), 100, np.uint8)


def velocities(*rows):
    return np.array([rows], np.float32)


def test_colors_of_directions_and_what_rests():
    velocity = velocities((1, 0, 0), (0, 0, -1), (-1, 0, 0), (0, 0, 1), (0, 0, 0), [np.nan] * 3)
    painted = scene_flow_to_color(GREY, velocity, 1.0)
    assert painted.dtype == np.uint8
    right, towards, left, away, rests, unknown = painted[0].astype(int)
    assert right[0] == 224                         # 0.8 * 255 + 0.2 * 100
    assert right[1] == right[2] == 20              # of the grey only
    assert towards[0] == 224                       # yellow
    assert towards[1] > 190
    assert towards[2] == 20
    assert (left[0], left[2]) == (20, 224)         # cyan
    assert left[1] > 150
    assert away[2] > away[0] > 60 > away[1]        # violet
    assert rests.tolist() == [60] * 3
    assert unknown.tolist() == [25] * 3


def test_slow_is_pale_and_the_scale_is_the_median_of_what_moves():
    velocity = velocities((2, 0, 0), (1, 0, 0), *[(2, 0, 0)] * 4)
    painted = scene_flow_to_color(GREY, velocity).astype(int)
    assert painted[0, 0].tolist() == [224, 20, 20]
    assert painted[0, 1, 1] == pytest.approx((20 + 224) / 2, abs=3)
    assert scene_flow_to_color(GREY, 0 * velocity).tolist() == np.full((1, 6, 3), 60).tolist()


def test_up_and_down_is_no_direction_seen_from_above():
    painted = scene_flow_to_color(GREY, velocities(*[(0, 1, 0)] * 6), 1.0)
    assert painted.tolist() == np.full((1, 6, 3), 224).tolist()  # white


def test_bad_input():
    with pytest.raises(ShapeError, match=r'velocity must be \(1, 6, 3\) as the image, got '
                       r'\(1, 5, 3\)'):
        scene_flow_to_color(GREY, np.zeros((1, 5, 3), np.float32))
    with pytest.raises(ConfigError, match='max_px must be a positive number'):
        scene_flow_to_color(GREY, np.zeros((1, 6, 3), np.float32), 0.0)
    with pytest.raises(ImageError):
        scene_flow_to_color(np.zeros((0, 6, 3), np.uint8), np.zeros((0, 6, 3), np.float32))
