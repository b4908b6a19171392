"""The motion of the camera from what it sees."""
from moving_ball_scene import BALL, MovingBall
import numpy as np
import pytest
from two_view_scene import motion, rotation_error_deg

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.ego_motion import estimate_ego_motion
from panmatch_ros.core.errors import PoseError
from panmatch_ros.core.rigid_residual import Noise, move_points
from panmatch_ros.core.scene_flow import PointPairs, SceneFlowConfig, points_by_forward_flow

RIG = StereoRig.ideal((120, 160), focal_px=150, baseline_m=0.4)
NOISE = Noise(0.2, 0.2)
CONFIG = SceneFlowConfig(disparity_sigma_px=0.2, flow_sigma_px=0.2)
MOTIONS = [np.eye(4), motion(0, (-0.05, 0, 0)), motion(0, (0, 0, -0.2)),
           motion(3, (0.03, -0.01, -0.08)), motion(-5, (0.2, 0, 0.1), (0, 1, 0))]


def pairs_of(points0, T, seed=None):
    """What a camera sees of (N, 3) points, N a multiple of 160, as pairs on a grid."""
    sides = []
    random = np.random.default_rng(seed)
    for points, flow_px in ((points0, 0.0), (move_points(points0, T), NOISE.flow_px)):
        x, y, z = points.T
        image = np.stack([150 * x / z, 150 * y / z, 60 / z], axis=1)
        if seed is not None:
            image += random.normal(size=image.shape) * (flow_px, flow_px, NOISE.disparity_px)
        z = 60 / image[:, 2]
        seen = np.stack([image[:, 0] * z / 150, image[:, 1] * z / 150, z], axis=1)
        sides.append(seen.reshape(-1, 160, 3).astype(np.float32))
    return PointPairs(*sides, np.ones(sides[0].shape[:2], np.float32))


def room(count=3200, seed=0, near=2.0, far=8.0):
    random = np.random.default_rng(seed)
    slopes = random.uniform((-0.5, -0.4), (0.5, 0.4), (count, 2))
    return np.column_stack([slopes, np.ones(count)]) * random.uniform(near, far, (count, 1))


@pytest.mark.parametrize('T', MOTIONS)
def test_exact_scene_with_a_moving_ball(T):
    scene = MovingBall(RIG, T)
    pairs = points_by_forward_flow(*scene.disparities, scene.flow(0)[0], RIG)
    ego = estimate_ego_motion(pairs, RIG)
    np.testing.assert_allclose(ego.T_1_0, T, atol=2e-4)
    rest = (scene.frames[1].owners != BALL)[pairs.valid].mean()
    assert ego.inlier_share == pytest.approx(rest, abs=0.02)


@pytest.mark.parametrize('T', MOTIONS)
def test_noise_and_what_moves(T):
    points0 = room()
    pairs = pairs_of(points0, T, seed=3)
    pairs.points1[:7] += np.float32([0.4, 0.1, 0.3])  # a third moves, as one
    ego = estimate_ego_motion(pairs, RIG, CONFIG)
    turn_deg = rotation_error_deg(ego.T_1_0, T)
    distance_m = np.linalg.norm(ego.T_1_0[:3, 3] - T[:3, 3])
    assert turn_deg < 0.1
    assert distance_m < 0.01
    assert turn_deg < 5 * ego.rotation_std_deg
    assert distance_m < 5 * ego.translation_std_m
    assert ego.rotation_std_deg < 0.1
    assert ego.inlier_share == pytest.approx(13 / 20, abs=0.05)


def test_stds_are_those_of_repeated_measurements():
    T = MOTIONS[3]
    found = [estimate_ego_motion(pairs_of(room(), T, seed), RIG, CONFIG, seed=seed)
             for seed in range(12)]
    worst_m = np.std([ego.T_1_0[:3, 3] for ego in found], axis=0).max()
    assert 0.5 < worst_m / found[0].translation_std_m < 1.6


def test_same_input_same_result():
    pairs = pairs_of(room(8000), MOTIONS[3], seed=5)
    first, again = (estimate_ego_motion(pairs, RIG, CONFIG) for _ in range(2))
    np.testing.assert_array_equal(first.T_1_0, again.T_1_0)


def test_too_few_points():
    pairs = pairs_of(room(160), MOTIONS[3])
    pairs.points0[0, 40:] = np.nan
    with pytest.raises(PoseError, match='at least 50 pairs of points, got 40'):
        estimate_ego_motion(pairs, RIG)


@pytest.mark.parametrize('seed', [None, 1])
def test_a_pole_and_a_spot_are_refused(seed):
    along = np.random.default_rng(0).uniform(-1, 1, (1600, 1))
    for length in (1.0, 0.001):
        pole = np.array([0.2, 0.0, 3.0]) + along * length * np.array([0, 1.0, 0])
        with pytest.raises(PoseError, match='on a line or in one spot of the image'):
            estimate_ego_motion(pairs_of(pole, MOTIONS[3], seed), RIG, CONFIG)


def test_what_is_too_far_is_refused():
    with pytest.raises(PoseError, match='leave the motion of the camera open'):
        estimate_ego_motion(pairs_of(room(320, near=5000, far=9000), MOTIONS[3]), RIG)


def test_chaos_is_refused():
    points0, points1 = room(1600, 1), room(1600, 2)
    pairs = PointPairs(pairs_of(points0, np.eye(4)).points0, pairs_of(points1, np.eye(4)).points0,
                       np.ones((10, 160), np.float32))
    with pytest.raises(PoseError, match='of the points agree on a motion of the camera'):
        estimate_ego_motion(pairs, RIG)
