"""Disparity, depth, flow and points, on values worked out by hand."""
import numpy as np
import pytest

from panmatch_ros.core.camera import Camera, StereoRig
from panmatch_ros.core.disparity import (
    depth_from_disparity,
    disparity_from_depth,
    disparity_from_flow,
    flow_from_disparity,
    points_from_depth,
)
from panmatch_ros.core.errors import ShapeError

NAN = np.float32(np.nan)
RIG = StereoRig.ideal((2, 3), focal_px=100, baseline_m=0.2)  # f * B = 20
CONVERGING = StereoRig(Camera(3, 2, 100, 100, 1, 0.5), Camera(3, 2, 100, 100, 5, 0.5, -20))


def rows(*values):
    return np.array(values, np.float32)


def test_depth_is_focal_times_baseline_by_disparity():
    depth = depth_from_disparity(rows([10, 20, 40], [0.5, 1, 2]), RIG)
    assert depth.dtype == np.float32
    assert depth == pytest.approx(rows([2, 1, 0.5], [40, 20, 10]))


def test_nothing_but_positive_disparity_has_a_depth():
    depth = depth_from_disparity(rows([0, -1, NAN], [np.inf, -np.inf, 1e-45]), RIG)
    assert np.isnan(depth).tolist() == [[True, True, True], [True, True, True]]


def test_offset_of_the_principal_points_is_the_disparity_of_infinity():
    assert CONVERGING.cx_offset_px == -4
    depth = depth_from_disparity(rows([6, -4, -5], [-2, 0, 16]), CONVERGING)
    assert depth == pytest.approx(rows([2, NAN, NAN], [10, 5, 1]), nan_ok=True)


def test_depth_may_be_written_in_place():
    disparity = rows([10, NAN, 40], [0, 1, 2])
    depth = depth_from_disparity(disparity, RIG, out=disparity)
    assert depth is disparity
    assert depth == pytest.approx(rows([2, NAN, 0.5], [NAN, 20, 10]), nan_ok=True)


@pytest.mark.parametrize('rig', [RIG, CONVERGING])
def test_disparity_from_depth_is_the_inverse(rig):
    depth = rows([2, 1, 0.5], [NAN, 0, np.inf])
    disparity = disparity_from_depth(depth, rig)
    back = depth_from_disparity(disparity, rig)
    assert back == pytest.approx(rows([2, 1, 0.5], [NAN, NAN, NAN]), nan_ok=True)


def test_disparity_is_minus_the_x_part_of_the_flow():
    flow = np.zeros((1, 5, 2), np.float32)
    flow[0, :, 0] = [-3, 0, 2, NAN, -1]
    flow[0, :, 1] = [0, 0, 0, 0, 1.5]
    assert disparity_from_flow(flow) == pytest.approx(rows([3, 0, NAN, NAN, 1]), nan_ok=True)
    assert disparity_from_flow(flow, max_row_error_px=1.0) == pytest.approx(
        rows([3, 0, NAN, NAN, NAN]), nan_ok=True)


def test_flow_from_disparity_and_back():
    disparity = rows([3, 0, NAN])
    flow = flow_from_disparity(disparity)
    assert flow[0, 0].tolist() == [-3, 0]
    assert np.isnan(flow[0, 2]).all()
    assert disparity_from_flow(flow) == pytest.approx(disparity, nan_ok=True)


def test_points_lie_on_the_rays_of_their_pixels():
    camera = Camera(3, 2, 100, 50, 1, 0.5)
    points = points_from_depth(rows([2, 2, 2], [4, NAN, 4]), camera)
    assert points[0, 0] == pytest.approx([-0.02, -0.02, 2])
    assert points[1, 2] == pytest.approx([0.04, 0.04, 4])
    assert np.isnan(points[1, 1]).all()


def test_points_agree_with_Q():
    disparity = rows([6, 3, 16], [1, 2, 9])
    points = points_from_depth(depth_from_disparity(disparity, CONVERGING), CONVERGING.left)
    for y, x in np.ndindex(2, 3):
        homogeneous = CONVERGING.Q @ [x, y, disparity[y, x], 1]
        assert points[y, x] == pytest.approx(homogeneous[:3] / homogeneous[3], rel=1e-5)


@pytest.mark.parametrize(('function', 'match'), [
    (lambda: depth_from_disparity(np.zeros((1, 2, 3), np.float32), RIG), r'must be \(H, W\)'),
    (lambda: disparity_from_depth(np.zeros(3, np.float32), RIG), r'must be \(H, W\)'),
    (lambda: disparity_from_flow(np.zeros((2, 3), np.float32)), r'must be \(H, W, 2\)'),
    (lambda: flow_from_disparity(np.zeros(3, np.float32)), r'must be \(H, W\)'),
    (lambda: points_from_depth(np.zeros((5, 5), np.float32), RIG.left),
     'the camera describes 3x2 pixels, the image has 5x5'),
])
def test_wrong_shapes(function, match):
    with pytest.raises(ShapeError, match=match):
        function()
