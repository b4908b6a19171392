"""Scene flow of exact scenes, of awkward input, and of images with the classical matcher."""
import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_ball_scene import BALL, DT_S, MovingBall, sure
import numpy as np
import pytest
from two_view_scene import motion

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.disparity import disparity_from_depth
from panmatch_ros.core.errors import ConfigError, PoseError, ShapeError
from panmatch_ros.core.rigid_motion import rigid_flow
from panmatch_ros.core.scene_flow import (
    PointPairs,
    SceneFlowConfig,
    points_by_forward_flow,
    points_on_newer_grid,
    points_on_older_grid,
    scene_flow,
)
from panmatch_ros.core.types import Disparity, Displacement

RIG = StereoRig.ideal((120, 160), focal_px=150, baseline_m=0.4)  # f B = 60
STILL, FORWARD = np.eye(4), motion(1.5, (0.03, -0.01, -0.08))
GRIDS = ('older', 'newer', 'by forward flow')


def exact_pairs(scene, grid, config=None):
    """Pairs of exact matches, and what each pixel shows."""
    function, start, shown = {
        'older': (points_on_older_grid, 0, 0), 'newer': (points_on_newer_grid, 1, 1),
        'by forward flow': (points_by_forward_flow, 0, 1)}[grid]
    pairs = function(*scene.disparities, scene.flow(start)[0], scene.rig, config)
    return pairs, scene.frames[shown].owners


def edge_of(owners):
    """What is within two pixels of another surface."""
    grown = cv2.dilate(owners.astype(np.uint8), np.ones((5, 5), np.uint8))
    shrunk = cv2.erode(owners.astype(np.uint8), np.ones((5, 5), np.uint8))
    return grown != shrunk


def lengths(vectors):
    return np.linalg.norm(vectors, axis=-1)


# Exact scenes

@pytest.mark.parametrize('T', [STILL, FORWARD, motion(-3, (-0.1, 0.05, 0.02), (0, 1, 0))])
@pytest.mark.parametrize('grid', GRIDS)
def test_velocities_of_exact_scenes(T, grid):
    scene = MovingBall(RIG, T)
    pairs, owners = exact_pairs(scene, grid)
    flow = scene_flow(pairs, RIG, DT_S, T)
    assert flow.compensated
    error = lengths(flow.velocity - scene.velocities(owners))
    rest, ball = flow.valid & (owners != BALL), flow.valid & (owners == BALL)
    assert (lengths(flow.velocity)[rest & ~edge_of(owners)] < 0.01).all()
    assert (lengths(flow.velocity)[rest] < 0.01).mean() > 0.98
    assert np.median(error[ball]) < 0.005
    assert (error[ball] < 0.13).mean() > 0.98  # 10 % of 1.3 m/s
    assert flow.moving[ball].mean() > 0.99
    assert flow.moving[rest].mean() < 0.002


@pytest.mark.parametrize('grid', GRIDS)
def test_what_is_known_and_what_is_hidden(grid):
    scene = MovingBall(RIG, FORWARD)
    pairs, owners = exact_pairs(scene, grid)
    visible = scene.flow(0 if grid == 'older' else 1)[1]
    inner = ~edge_of(owners)
    assert pairs.valid[visible & inner].mean() > 0.98
    assert (pairs.valid & ~visible).mean() < 0.002
    np.testing.assert_array_equal(pairs.confidence, pairs.valid.astype(np.float32))
    flow = scene_flow(pairs, RIG, DT_S, FORWARD)
    np.testing.assert_array_equal(flow.valid, pairs.valid)
    np.testing.assert_array_equal(flow.confidence, pairs.confidence)
    if grid != 'older':  # a point that came into view is a point all the same
        np.testing.assert_allclose(flow.points[..., 2], scene.frames[1].depth, rtol=1e-5)


@pytest.mark.parametrize('grid', GRIDS)
def test_no_velocity_mixes_two_surfaces(grid):
    # The wall is 1.5 m behind the ball, which is 15 m/s: one pixel of it would show.
    for T in (STILL, FORWARD, motion(2, (0.1, 0, 0))):
        scene = MovingBall(RIG, T, wall=(0, 0, 1.0, 6.0))
        flow = scene_flow(exact_pairs(scene, grid)[0], RIG, DT_S, T)
        assert (lengths(flow.velocity[flow.valid]) > 3).mean() < 3e-4


def test_without_the_motion_velocities_are_relative_to_the_camera():
    T = motion(0, (0, 0, -0.1))  # 1 m/s forward
    scene = MovingBall(RIG, T, velocity=(0, 0, 0))
    flow = scene_flow(exact_pairs(scene, 'newer')[0], RIG, DT_S)
    assert not flow.compensated
    assert flow.moving is None
    assert flow.velocity_or_rest is flow.velocity
    np.testing.assert_allclose(np.nanmedian(flow.velocity, axis=(0, 1)), [0, 0, -1], atol=1e-3)


def test_velocities_have_the_axes_of_the_newer_camera():
    T = motion(90, (0.5, 0.1, 0), (0, 0, 1))  # what was +x becomes +y
    points0 = np.array([[[0.2, 0.1, 3], [0.2, 0.1, 3]]], np.float32)
    moved = points0 + np.array([[[0, 0, 0], [0.3, 0, 0]]], np.float32)
    points1 = (moved @ T[:3, :3].T + T[:3, 3]).astype(np.float32)
    pairs = PointPairs(points0, points1, np.ones((1, 2), np.float32))
    flow = scene_flow(pairs, StereoRig.ideal((1, 2), 500, 0.12), 0.2, T)
    np.testing.assert_allclose(flow.velocity[0], [[0, 0, 0], [0, 1.5, 0]], atol=1e-5)
    assert flow.moving.tolist() == [[False, True]]
    assert flow.velocity_or_rest[0].tolist() == [[0, 0, 0], flow.velocity[0, 1].tolist()]
    np.testing.assert_array_equal(flow.points, points1)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(-4, 4))
def test_a_rigid_scene_rests_whatever_the_camera_does(seed, turn_deg):
    random = np.random.default_rng(seed)
    T = motion(turn_deg, random.normal(0, 0.05, 3), random.normal(size=3))
    scene = MovingBall(RIG, T, centre=(*random.uniform(-1, 1, 2), 3), velocity=(0, 0, 0))
    for grid in GRIDS:
        flow = scene_flow(exact_pairs(scene, grid)[0], RIG, DT_S, T)
        assert flow.valid.mean() > 0.5
        assert np.nanpercentile(lengths(flow.velocity), 95) < 0.01
        assert flow.moving.mean() < 0.002


def test_depth_serves_as_well():
    scene = MovingBall(RIG, FORWARD)
    depths = [sure(disparity_from_depth(frame.depth.astype(np.float32), RIG))
              for frame in scene.frames]
    again = points_on_older_grid(*depths, scene.flow(0)[0], RIG)
    np.testing.assert_allclose(again.points1, exact_pairs(scene, 'older')[0].points1, rtol=1e-4)


# Noise and thresholds

def noisy(scene, sigma_px, seed=0):
    random = np.random.default_rng(seed)
    disparities = [sure(each.disparity + random.normal(0, sigma_px, (120, 160)).astype(np.float32))
                   for each in scene.disparities]
    flow = scene.flow(1)[0]
    return (*disparities, Displacement(
        flow.flow + random.normal(0, sigma_px, (120, 160, 2)).astype(np.float32),
        flow.confidence), scene.rig)


def test_noise_is_not_taken_for_movement():
    scene = MovingBall(RIG, FORWARD)
    owners = scene.frames[1].owners
    sigmas = SceneFlowConfig(disparity_sigma_px=0.15, flow_sigma_px=0.15)
    pairs = points_on_newer_grid(*noisy(scene, 0.15), sigmas)
    flow = scene_flow(pairs, RIG, DT_S, FORWARD, sigmas)
    rest, ball = flow.valid & (owners != BALL), flow.valid & (owners == BALL)
    assert np.median(lengths(flow.velocity)[rest]) > 0.3
    assert flow.moving[rest].mean() < 0.005
    assert flow.moving[ball].mean() > 0.95
    assert (flow.velocity_or_rest[rest & ~flow.moving] == 0).all()
    # The velocities scatter as expected, a little more across the floor and where edges are.
    ratio = (flow.velocity - scene.velocities(owners)) / flow.velocity_sigma
    spread = 1.4826 * np.median(np.abs(ratio[rest]), axis=0)
    assert (spread > 0.8).all()
    assert (spread < 1.25).all()
    # A quarter of the noise assumed: then it is movement.
    wrong = SceneFlowConfig(disparity_sigma_px=0.04, flow_sigma_px=0.04)
    assert scene_flow(pairs, RIG, DT_S, FORWARD, wrong).moving[rest].mean() > 0.3


def test_what_is_slow_rests():
    scene = MovingBall(RIG)
    pairs, owners = exact_pairs(scene, 'newer')
    ball = pairs.valid & (owners == BALL)
    for least, moves in ((1.0, True), (1.6, False)):  # the ball has 1.3 m/s
        flow = scene_flow(pairs, RIG, DT_S, STILL, SceneFlowConfig(min_speed_mps=least))
        assert (flow.moving[ball].mean() > 0.95) == moves
        assert flow.moving.any() == moves


def test_what_is_too_fast_is_unknown():
    scene = MovingBall(RIG)
    pairs, owners = exact_pairs(scene, 'newer')
    flow = scene_flow(pairs, RIG, DT_S, STILL, SceneFlowConfig(max_speed_mps=1.0))
    ball = owners == BALL
    assert flow.valid[ball].mean() < 0.02
    assert np.isnan(flow.velocity_sigma[ball & ~flow.valid]).all()
    assert (flow.confidence[ball & ~flow.valid] == 0).all()
    assert flow.valid[~ball].mean() > 0.9


# Invalid and unsure input

@pytest.mark.parametrize('grid', GRIDS)
def test_unsure_and_invalid_matches_are_not_used(grid):
    scene = MovingBall(RIG, velocity=(0, 0, 0))  # nothing moves: a pixel is its own partner
    flow = scene.flow(0)[0]
    first, second = scene.disparities
    first.disparity[10, 10] = first.disparity[10, 11] = np.nan
    first.confidence[20, 20] = 0.1
    second.disparity[30, 30] = np.nan
    second.confidence[40, 40] = 0.1
    flow.flow[50, 50] = np.nan
    flow.confidence[60, 60] = 0.1
    flow.confidence[70, 70] = 0.6
    function = {'older': points_on_older_grid, 'newer': points_on_newer_grid,
                'by forward flow': points_by_forward_flow}[grid]
    before = [array.copy() for array in (first.disparity, second.disparity, flow.flow)]
    pairs = function(first, second, flow, RIG)
    unknown = np.argwhere(~pairs.valid & ~edge_of(scene.frames[0].owners)).tolist()
    assert unknown == [[10, 10], [10, 11], [20, 20], [30, 30], [40, 40], [50, 50], [60, 60]]
    assert pairs.confidence[70, 70] == np.float32(0.6)
    assert (pairs.confidence[~pairs.valid] == 0).all()
    for array, copy in zip((first.disparity, second.disparity, flow.flow), before, strict=True):
        np.testing.assert_array_equal(array, copy)  # the input is not touched
    all_used = function(first, second, flow, RIG, SceneFlowConfig(min_confidence=0))
    assert all_used.valid[20, 20]
    assert all_used.valid[60, 60]
    assert not all_used.valid[50, 50]


def test_nothing_known():
    nothing = sure(np.full((120, 160), np.nan, np.float32))
    nowhere = Displacement(np.full((120, 160, 2), np.nan, np.float32),
                           np.zeros((120, 160), np.float32))
    for function in (points_on_older_grid, points_on_newer_grid, points_by_forward_flow):
        pairs = function(nothing, nothing, nowhere, RIG)
        flow = scene_flow(pairs, RIG, DT_S, FORWARD)
        assert not flow.valid.any()
        assert not flow.moving.any()
        assert not flow.confidence.any()


def test_what_is_infinitely_far_has_no_velocity():
    disparity = np.full((120, 160), 12, np.float32)
    disparity[:40] = 0
    still = Displacement(np.zeros((120, 160, 2), np.float32), np.ones((120, 160), np.float32))
    flow = scene_flow(points_on_older_grid(sure(disparity), sure(disparity), still, RIG), RIG,
                      DT_S, STILL)
    assert not flow.valid[:40].any()
    assert not flow.confidence[:40].any()
    assert np.abs(flow.velocity[41:]).max() < 1e-4


def test_results_are_float32():
    pairs, _ = exact_pairs(MovingBall(RIG), 'newer')
    flow = scene_flow(pairs, RIG, DT_S, STILL)
    for array, shape in ((flow.points, (120, 160, 3)), (flow.velocity, (120, 160, 3)),
                         (flow.velocity_sigma, (120, 160, 3)), (flow.confidence, (120, 160))):
        assert (array.dtype, array.shape) == (np.float32, shape)
    assert (flow.moving.dtype, flow.moving.shape) == (bool, (120, 160))


def test_wrong_shapes():
    small = Disparity(np.ones((5, 6), np.float32), np.ones((5, 6), np.float32))
    flow = Displacement(np.zeros((5, 6, 2), np.float32), np.ones((5, 6), np.float32))
    good = MovingBall(RIG).disparities[0]
    still = MovingBall(RIG).flow(0)[0]
    for function in (points_on_older_grid, points_on_newer_grid, points_by_forward_flow):
        for wrong in ((small, good, still), (good, small, still), (good, good, flow)):
            with pytest.raises(ShapeError, match='camera describes 160x120'):
                function(*wrong, RIG)
    pairs = points_on_older_grid(small, small, flow, StereoRig.ideal((5, 6), 10, 0.1))
    with pytest.raises(ShapeError, match='camera describes 160x120'):
        scene_flow(pairs, RIG, DT_S)
    with pytest.raises(ShapeError, match='points1 must be'):
        PointPairs(pairs.points0, pairs.points1[:, :3], pairs.confidence)
    with pytest.raises(ShapeError, match='confidence must be'):
        PointPairs(pairs.points0, pairs.points1, pairs.confidence.astype(np.float64))


def test_wrong_options():
    pairs, _ = exact_pairs(MovingBall(RIG), 'older')
    for dt_s in (0.0, -0.1, np.nan, np.inf):
        with pytest.raises(ConfigError, match='dt_s'):
            scene_flow(pairs, RIG, dt_s)
    with pytest.raises(PoseError, match='T_1_0'):
        scene_flow(pairs, RIG, DT_S, np.diag([1, 1, 2, 1.0]))
    for name, wrong in (('edge_px', 0), ('disparity_sigma_px', -1), ('flow_sigma_px', 0),
                        ('moving_sigmas', np.nan), ('max_speed_mps', 0), ('min_speed_mps', -1),
                        ('min_confidence', 1.5), ('min_confidence', np.nan)):
        with pytest.raises(ConfigError, match=name):
            SceneFlowConfig(**{name: wrong})


def test_the_flow_of_a_rigid_scene_agrees_with_rigid_flow():
    """The scene of these tests and the package mean the same by T_1_0."""
    scene = MovingBall(RIG, FORWARD, velocity=(0, 0, 0))
    expected = rigid_flow(scene.frames[0].depth, RIG.left.K, RIG.left.K, FORWARD)
    np.testing.assert_allclose(scene.flow(0)[0].flow, expected, atol=1e-4)
