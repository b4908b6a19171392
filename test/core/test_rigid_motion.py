"""Flow, parallax and depth of a known motion."""
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from two_view_scene import K0, K1, motion, project

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.disparity import depth_from_disparity, flow_from_disparity
from panmatch_ros.core.errors import CalibrationError, PoseError, ShapeError
from panmatch_ros.core.rigid_motion import (
    epipolar_error,
    make_transform,
    relative_transform,
    require_rigid,
    rigid_flow,
    two_view_depth,
    two_view_parallax,
)

SIZE = (48, 64)
T = motion(4, (0.3, 0.05, 0.1))


def depth_map(seed=0, size=SIZE):
    return np.random.default_rng(seed).uniform(2, 8, size).astype(np.float32)


# rigid_flow

def test_flow_by_hand():
    # 500 px * 0.2 m / 2 m = 50 px to the left, as the camera moves right.
    flow = rigid_flow(np.full(SIZE, 2.0), K0, K0, make_transform(np.eye(3), [-0.2, 0, 0]))
    assert flow.dtype == np.float32
    np.testing.assert_allclose(flow[..., 0], -50, atol=1e-4)
    np.testing.assert_allclose(flow[..., 1], 0, atol=1e-4)


def test_flow_projects_the_points():
    depth = depth_map()
    flow = rigid_flow(depth, K0, K1, T)
    y, x = 31, 17
    point = np.linalg.inv(K0) @ [x, y, 1] * depth[y, x]
    expected = project(T[:3, :3] @ point + T[:3, 3], K1) - [x, y]
    np.testing.assert_allclose(flow[y, x], expected, atol=1e-4)


def test_flow_of_what_no_camera_sees_is_invalid():
    depth = np.full(SIZE, 2.0, np.float32)
    depth[0, :5] = [np.nan, 0, -1, np.inf, 0.5]
    flow = rigid_flow(depth, K0, K1, make_transform(np.eye(3), [0, 0, -1]))  # 1 m forward
    assert np.isnan(flow[0, :5]).all()
    assert np.isfinite(flow[1:]).all()


# two_view_depth

@pytest.mark.parametrize('T_1_0', [
    T, motion(0, (0.5, 0, 0)), motion(20, (-0.4, 0.2, 0)), motion(3, (0.1, 0.1, -0.6)),
    motion(-60, (3.0, 0, 1.0), axis=(0, 1, 0))])
def test_depth_of_exact_flow(T_1_0):
    truth = depth_map()
    flow = rigid_flow(truth, K0, K1, T_1_0)
    depth = two_view_depth(flow, K0, K1, T_1_0)
    assert (depth.dtype, depth.shape) == (np.float32, SIZE)
    known = np.isfinite(depth)
    assert known.sum() >= 0.95 * np.isfinite(flow[..., 0]).sum()
    assert np.abs(depth[known] / truth[known] - 1).max() < 2e-3  # of the rounding of the flow
    assert np.median(np.abs(depth[known] / truth[known] - 1)) < 2e-5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-30, 30), st.floats(0.1, 1.0))
def test_depth_inverts_flow(seed, angle_deg, length):
    random = np.random.default_rng(seed)
    t, axis = random.normal(size=(2, 3))
    T_1_0 = motion(angle_deg, length * t / np.linalg.norm(t), axis)
    truth = depth_map(seed, (12, 16))
    depth = two_view_depth(rigid_flow(truth, K0, K1, T_1_0), K0, K1, T_1_0, min_parallax_px=2)
    known = np.isfinite(depth)
    assert (np.abs(depth[known] / truth[known] - 1) < 1e-3).all()


def test_a_rectified_pair_gives_the_depth_of_its_disparity():
    rig = StereoRig.ideal(SIZE, focal_px=100, baseline_m=0.2)
    disparity = np.random.default_rng(1).uniform(1, 20, SIZE).astype(np.float32)
    flow = flow_from_disparity(disparity)
    flow[..., 1] += 0.8  # what is wrong across the epipolar line does not matter
    depth = two_view_depth(flow, rig.left.K, rig.right.K,
                           make_transform(np.eye(3), [-0.2, 0, 0]))
    np.testing.assert_allclose(depth, depth_from_disparity(disparity, rig), rtol=1e-5)


def test_noise_across_the_line_does_not_shrink_the_depth():
    T_1_0 = make_transform(np.eye(3), [-0.2, 0, 0])
    truth = np.full(SIZE, 50.0)  # parallax 2 px
    flow = rigid_flow(truth, K0, K0, T_1_0)
    flow[..., 1] += np.random.default_rng(2).normal(0, 1, SIZE).astype(np.float32)
    np.testing.assert_allclose(two_view_depth(flow, K0, K0, T_1_0), truth, rtol=1e-4)


def test_scale_is_that_of_the_translation():
    flow = rigid_flow(depth_map(), K0, K1, T)
    ten_times = make_transform(T[:3, :3], 10 * T[:3, 3])
    np.testing.assert_allclose(two_view_depth(flow, K0, K1, ten_times),
                               10 * two_view_depth(flow, K0, K1, T), rtol=1e-5)


def test_what_tells_no_depth_is_nan():
    T_1_0 = make_transform(np.eye(3), [-0.2, 0, 0])
    flow = np.zeros((1, 6, 2), np.float32)
    flow[0, :, 0] = [-10, 10, 0, -0.4, np.nan, -10]  # fine, behind, infinity, too far, invalid
    flow[0, 5, 1] = 3.0                               # off its line
    depth = two_view_depth(flow, K0, K0, T_1_0, max_epipolar_error_px=2.0)
    np.testing.assert_allclose(depth[0], [10, *[np.nan] * 5], rtol=1e-5)
    assert np.isfinite(two_view_depth(flow, K0, K0, T_1_0, min_parallax_px=0.3)[0, 3])
    assert np.isfinite(two_view_depth(flow, K0, K0, T_1_0)[0, 5])


def test_pixels_that_look_along_the_motion_are_nan():
    T_1_0 = make_transform(np.eye(3), [0, 0, -1])
    centre = np.array([[500.0, 0, 32], [0, 500, 24], [0, 0, 1]])
    flow = rigid_flow(np.full(SIZE, 5.0), centre, centre, T_1_0)
    depth = two_view_depth(flow, centre, centre, T_1_0, min_parallax_px=0)
    assert np.isnan(depth[24, 32])
    depth[24, 32] = 5
    np.testing.assert_allclose(depth, 5, rtol=1e-4)


def test_a_motion_without_translation_is_refused():
    with pytest.raises(PoseError, match='no translation'):
        two_view_depth(np.zeros((*SIZE, 2), np.float32), K0, K0, motion(5, (0, 0, 0)))


# two_view_parallax

def test_parallax_along_and_across():
    T_1_0 = make_transform(np.eye(3), [-0.2, 0, 0])
    flow = np.zeros((1, 3, 2), np.float32)
    flow[0] = [(-7, 0), (-3, 2), (np.nan, 0)]
    along, across = two_view_parallax(flow, K0, K0, T_1_0)
    np.testing.assert_allclose(along[0], [7, 3, np.nan], atol=1e-5)
    np.testing.assert_allclose(across[0], [0, 2, np.nan], atol=1e-5)


def test_parallax_does_not_count_the_rotation():
    flow = rigid_flow(np.full(SIZE, 1e6), K0, K1, T)
    along, across = two_view_parallax(flow, K0, K1, T)
    assert np.nanmax(along) < 1e-3
    assert np.nanmax(across) < 1e-3


# epipolar_error

def test_epipolar_error_of_exact_and_moved_matches():
    T_1_0 = make_transform(np.eye(3), [-0.2, 0, 0])
    points0 = np.array([[10.0, 20], [30, 40], [50, np.nan]])
    points1 = points0 + np.array([[-5, 0], [-5, 3], [0, 0]])
    error = epipolar_error(points0, points1, K0, K0, T_1_0)
    # 3 px between the two lines: each point has to move by half of it, 3 / sqrt(2) together.
    np.testing.assert_allclose(error, [0, 3 / np.sqrt(2), np.nan], atol=1e-9)


def test_epipolar_error_of_a_rigid_scene_is_zero():
    flow = rigid_flow(depth_map(), K0, K1, T)
    y, x = np.mgrid[:SIZE[0], :SIZE[1]]
    points0 = np.stack([x, y], -1).reshape(-1, 2)
    assert epipolar_error(points0, points0 + flow.reshape(-1, 2), K0, K1, T).max() < 1e-4


# Transforms

def test_relative_transform():
    T_world_0, T_world_1 = motion(30, (1, 2, 3)), motion(-50, (0, 1, -2), (1, 0, 0))
    np.testing.assert_allclose(relative_transform(T_world_0, T_world_1),
                               np.linalg.inv(T_world_1) @ T_world_0, atol=1e-12)


def test_rounded_rotations_are_made_exact():
    rounded = np.round(T, 4)
    exact = require_rigid(rounded[:3])
    np.testing.assert_allclose(exact[:3, :3] @ exact[:3, :3].T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(exact, T, atol=1e-3)


@pytest.mark.parametrize(('wrong', 'text'), [
    (np.eye(3), r'\(4, 4\) or \(3, 4\)'),
    (np.diag([1.0, 1, 1.1, 1]), 'not orthonormal'),
    (np.diag([1.0, 1, -1, 1]), 'mirrors'),
    (np.diag([1.0, 1, 1, 2]), 'last row'),
    (np.full((4, 4), np.nan), 'not finite')])
def test_what_is_not_rigid_is_refused(wrong, text):
    with pytest.raises(PoseError, match=text):
        require_rigid(wrong)


def test_wrong_shapes_and_intrinsics_are_refused():
    with pytest.raises(ShapeError, match='depth must be'):
        rigid_flow(np.zeros((2, 2, 2)), K0, K1, T)
    with pytest.raises(ShapeError, match='flow must be'):
        two_view_depth(np.zeros((2, 2), np.float32), K0, K1, T)
    with pytest.raises(ShapeError, match='points1'):
        epipolar_error(np.zeros((2, 2)), np.zeros((3, 2)), K0, K1, T)
    for wrong in (np.zeros((3, 3)), np.eye(4), np.diag([1.0, 1, 2]), K0 * np.nan):
        with pytest.raises(CalibrationError, match='K1 must be'):
            rigid_flow(depth_map(), K0, wrong, T)
