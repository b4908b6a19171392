"""The inverse of a flow: exact, by depth, without gaps and without inventions."""
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_ball_scene import BALL, MovingBall
import numpy as np
import pytest
from two_view_scene import motion

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.core.flow_inversion import invert_flow, visible_in_other
from panmatch_ros.core.types import Displacement

SIZE = (24, 32)
Y, X = np.mgrid[:SIZE[0], :SIZE[1]].astype(np.float32)
RIG = StereoRig.ideal((120, 160), focal_px=150, baseline_m=0.4)
SCENES = [MovingBall(RIG), MovingBall(RIG, motion(1.5, (0.03, -0.01, -0.08))),
          MovingBall(RIG, motion(4, (-0.1, 0.02, 0.1)), velocity=(-2, 0.3, -3))]


def displacement(flow, confidence=1.0):
    return Displacement(flow.astype(np.float32),
                        np.full(flow.shape[:2], confidence, np.float32))


def uniform(u, v, size=SIZE):
    return displacement(np.broadcast_to(np.float32((u, v)), (*size, 2)).copy())


def flat(value=10.0, size=SIZE):
    return np.full(size, value, np.float32)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.6, 1.35), st.floats(-40, 40), st.floats(-4, 4), st.floats(-4, 4))
def test_affine_flow_is_inverted_exactly_and_without_gaps(scale, turn_deg, u, v):
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix, centre = scale * turn, np.array([15.5, 11.5])
    grid = np.stack([X, Y], -1)
    flow = (grid - centre) @ matrix.T + centre + (u, v) - grid
    edge = 1 + float(np.abs(matrix - np.eye(2)).max())  # such flow is steep: no edges in it
    inverse = invert_flow(displacement(flow), flat(), edge)
    origin = (grid - centre - (u, v)) @ np.linalg.inv(matrix).T + centre
    inner = ((origin >= 0) & (origin <= (31, 23))).all(axis=-1)
    beyond = ((origin < -0.6) | (origin > (31.6, 23.6))).any(axis=-1)
    assert inverse.valid[inner].all()
    assert not inverse.valid[beyond].any()
    np.testing.assert_allclose(inverse.flow[inner], (origin - grid)[inner], atol=1e-3)


def test_shift_by_hand():
    inverse = invert_flow(uniform(2.25, -1), flat())
    assert inverse.flow.dtype == np.float32
    assert inverse.valid[0:23, 3:].all()
    assert not inverse.valid[23:].any()
    assert not inverse.valid[:, :2].any()
    np.testing.assert_allclose(inverse.flow[inverse.valid], [(-2.25, 1)] * inverse.valid.sum(),
                               atol=1e-5)


@pytest.mark.parametrize('upwards', [True, False])
def test_the_nearer_surface_is_seen(upwards):
    # Columns 8 to 15 move onto columns 16 to 23, which rest.
    moves = (X >= 8) & (X < 16)
    flow = displacement(np.stack([np.where(moves, 8, 0), 0 * Y], -1))
    disparity = np.where(moves == upwards, 20, 10).astype(np.float32)
    inverse = invert_flow(flow, disparity)
    assert not inverse.valid[:, 8:16].any()  # nothing is filled
    assert (inverse.flow[:, 16:24, 0] == (-8 if upwards else 0)).all()
    hidden = ~visible_in_other(flow, disparity)
    assert hidden[:, 16:24].all() == upwards
    assert hidden[:, 8:16].all() != upwards
    assert not hidden[:, :8].any()


def test_confidence_goes_along():
    flow = Displacement(uniform(1, 0).flow, (X / 31).astype(np.float32))
    inverse = invert_flow(flow, flat())
    np.testing.assert_array_equal(inverse.confidence[:, 1:], flow.confidence[:, :-1])
    assert (inverse.confidence[:, 0] == 0).all()


def test_unknown_flow_and_disparity_leave_gaps():
    flow, disparity = uniform(1, 0), flat()
    flow.flow[5, 5] = np.nan
    flow.flow[9, 5, 1] = np.inf
    disparity[7, 7] = np.nan
    inverse = invert_flow(flow, disparity)
    assert np.argwhere(~inverse.valid[:, 1:]).tolist() == [[5, 5], [7, 7], [9, 5]]
    assert np.argwhere(~visible_in_other(flow, disparity)[:, :-1]).tolist() == [
        [5, 5], [7, 7], [9, 5]]


def test_nothing_known_gives_nothing():
    nothing = uniform(np.nan, np.nan)
    assert not invert_flow(nothing, flat()).valid.any()
    assert not visible_in_other(nothing, flat()).any()
    assert not invert_flow(uniform(500, 0), flat()).valid.any()


@pytest.mark.parametrize('scene', SCENES)
def test_exact_scenes(scene):
    flow01, visible01 = scene.flow(0)
    flow10, visible10 = scene.flow(1)
    disparity0 = scene.disparities[0].disparity
    inverse = invert_flow(flow01, disparity0)
    # A silhouette is known to a pixel, and 1 % of all touch one.
    assert (inverse.valid & ~visible10).mean() < 0.01
    assert (~inverse.valid & visible10).mean() < 0.01
    error = np.abs(inverse.flow - flow10.flow).max(axis=-1)[inverse.valid & visible10]
    assert np.percentile(error, 98) < 0.02
    assert np.median(error) < 1e-4
    visible = visible_in_other(flow01, disparity0)
    assert (visible & ~visible01).mean() < 0.01
    assert (~visible & visible01).mean() < 0.01


def test_a_ball_that_comes_closer_has_no_holes():
    scene = MovingBall(RIG, velocity=(0, 0, -8.0))  # 3.5 m to 2.7 m: 30 % larger
    inverse = invert_flow(scene.flow(0)[0], scene.disparities[0].disparity)
    ball = scene.frames[1].owners == BALL
    y, x = np.nonzero(ball)
    middle = ball & (np.hypot(X_BIG - x.mean(), Y_BIG - y.mean()) < 0.8 * np.sqrt(ball.sum() / 3))
    assert inverse.valid[middle].all()
    assert np.abs(inverse.flow - scene.flow(1)[0].flow)[middle].max() < 0.1


Y_BIG, X_BIG = np.mgrid[:120, :160]


def test_wrong_input():
    with pytest.raises(ShapeError, match='size of the flow'):
        invert_flow(uniform(0, 0), flat(size=(3, 3)))
    with pytest.raises(ShapeError, match='size of the flow'):
        visible_in_other(uniform(0, 0), flat(size=(3, 3)))
    with pytest.raises(ConfigError, match='edge_px'):
        invert_flow(uniform(0, 0), flat(), -1)
