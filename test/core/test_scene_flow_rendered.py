"""Scene flow of rendered images with the classical matcher."""
from moving_ball_scene import BALL, DT_S, MovingBall
import numpy as np
import pytest
from two_view_scene import motion

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.ego_motion import estimate_ego_motion
from panmatch_ros.core.scene_flow import (
    points_by_forward_flow,
    scene_flow,
)
from panmatch_ros.inference.classical import ClassicalMatcher

STILL, FORWARD = np.eye(4), motion(1.5, (0.03, -0.01, -0.08))

BIG = StereoRig.ideal((480, 640), focal_px=600, baseline_m=0.12)
BALL_VELOCITY = (1.5, 0.2, 0.0)


def lengths(vectors):
    return np.linalg.norm(vectors, axis=-1)


def matched(T):
    """Forward flow and disparities of a ball at 3.5 m with 1.5 m/s before a wall at 5 m."""
    scene = MovingBall(BIG, T, velocity=BALL_VELOCITY)
    matcher = ClassicalMatcher()
    (left0, right0), (left1, right1) = (frame.images() for frame in scene.frames)
    return scene, points_by_forward_flow(matcher.match_stereo(left0, right0),
                                         matcher.match_stereo(left1, right1),
                                         matcher.match(left0, left1), BIG)


@pytest.mark.slow
@pytest.mark.parametrize(('T', 'raw_median_mps'), [
    (STILL, 0.01), (motion(0, (-0.05, 0, 0)), 0.1), (motion(0.5, (0.02, -0.005, -0.05)), 0.6)])
def test_rendered_scene_and_classical_matcher(T, raw_median_mps):
    scene, pairs = matched(T)
    owners = scene.frames[1].owners
    ego = estimate_ego_motion(pairs, BIG)
    np.testing.assert_allclose(ego.T_1_0, T, atol=2e-3)
    speed = np.linalg.norm(BALL_VELOCITY)
    for T_1_0 in (T, ego.T_1_0):
        flow = scene_flow(pairs, BIG, DT_S, T_1_0)
        rest, ball = flow.valid & (owners != BALL), flow.valid & (owners == BALL)
        assert ball.sum() > 0.9 * (owners == BALL).sum()
        assert rest.sum() > 0.9 * (owners != BALL).sum()
        good = np.abs(lengths(flow.velocity) / speed - 1) < 0.1
        assert good[ball].mean() > 0.95
        assert good[owners == BALL].mean() > 0.8
        assert flow.moving[ball].mean() > 0.99
        assert flow.moving[rest].mean() < 0.01
        assert np.percentile(lengths(flow.velocity_or_rest)[rest], 99) < 0.1
        # SGBM draws disparities to whole pixels: where they change, 0.2 px are 0.7 m/s at 5 m.
        assert np.median(lengths(flow.velocity)[rest]) < raw_median_mps
