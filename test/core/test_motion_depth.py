"""Depth of a moving camera from dense matches: values, confidence, and what is refused."""
import numpy as np
import pytest
from two_view_scene import K0, K1, motion, render_view, render_views

from panmatch_ros.core.errors import MotionError, PoseError, ShapeError
from panmatch_ros.core.motion_depth import MotionDepth, depth_from_motion, require_depth
from panmatch_ros.core.rigid_motion import rigid_flow, two_view_depth
from panmatch_ros.core.types import Displacement

SIZE = (64, 80)
T = motion(2.0, (-0.3, 0.05, 0.1))


@pytest.fixture(scope='module')
def depth():
    y, x = np.mgrid[:SIZE[0], :SIZE[1]]
    return (3 + 0.02 * x + 0.01 * y).astype(np.float32)


def match_of(flow, confidence=1.0):
    return Displacement(flow.astype(np.float32),
                        np.full(flow.shape[:2], confidence, np.float32))


def test_exact_matches_give_the_depth(depth):
    result = depth_from_motion(match_of(rigid_flow(depth, K0, K1, T)), K0, K1, T)
    assert np.allclose(result.depth, depth, rtol=1e-4)
    assert result.depth.dtype == result.confidence.dtype == np.float32
    assert result.parallax_px > 20
    assert (result.fitting, result.confident) == (1.0, 1.0)
    assert result.confidence.min() > 0.99


def test_same_as_two_view_depth(depth):
    flow = rigid_flow(depth, K0, K1, T)
    flow[..., 1] += np.linspace(-3, 3, SIZE[1], dtype=np.float32)
    result = depth_from_motion(match_of(flow), K0, K1, T, min_parallax_px=2.0,
                               max_epipolar_error_px=2.0)
    expected = two_view_depth(flow, K0, K1, T, min_parallax_px=2.0, max_epipolar_error_px=2.0)
    assert np.allclose(result.depth, expected, rtol=1e-5, equal_nan=True)
    assert 0.2 < np.isnan(result.depth).mean() < 0.5
    assert np.array_equal(result.confidence == 0, np.isnan(result.depth))


def test_confidence_falls_with_the_distance_from_the_line(depth):
    T_right = motion(0.0, (-0.3, 0.0, 0.0))
    flow = rigid_flow(depth, K0, K0, T_right)
    flow[..., 1] += 1.0  # across, since the lines are the rows
    result = depth_from_motion(match_of(flow), K0, K0, T_right)
    assert np.median(result.confidence) == pytest.approx(np.exp(-0.5), abs=0.01)


@pytest.mark.parametrize(('parallax_px', 'expected'), [(1.0, 0.5), (3.0, 0.9), (10.0, 0.99)])
def test_confidence_falls_with_less_parallax(parallax_px, expected):
    T_right = motion(0.0, (-0.3, 0.0, 0.0))
    flow = np.zeros((*SIZE, 2))
    flow[..., 0] = -parallax_px
    result = depth_from_motion(match_of(flow), K0, K0, T_right)
    assert np.allclose(result.confidence, expected, atol=0.001)
    assert result.parallax_px == pytest.approx(parallax_px)
    assert np.allclose(result.depth, 500 * 0.3 / parallax_px, rtol=1e-5)


def test_confidence_of_the_match_counts(depth):
    flow = rigid_flow(depth, K0, K1, T)
    result = depth_from_motion(match_of(flow, 0.25), K0, K1, T)
    assert np.allclose(result.confidence, 0.25, atol=0.01)
    assert result.confident == 0
    assert np.isnan(result.parallax_px)
    assert np.isnan(result.fitting)


def test_inverse_motion_does_not_fit(depth):
    flow = rigid_flow(depth, K0, K0, T)
    result = depth_from_motion(match_of(flow), K0, K0, np.linalg.inv(T),
                               max_epipolar_error_px=2.0)
    assert result.fitting < 0.1


def test_unknown_matches_have_no_depth(depth):
    flow = rigid_flow(depth, K0, K1, T)
    flow[:10] = np.nan
    match = Displacement(flow, np.where(np.isnan(flow[..., 0]), 0, 1).astype(np.float32))
    result = depth_from_motion(match, K0, K1, T)
    assert np.isnan(result.depth[:10]).all()
    assert (result.confidence[:10] == 0).all()
    assert np.isfinite(result.depth[10:]).all()
    assert result.fitting == 1.0


def test_bad_input(depth):
    match = match_of(rigid_flow(depth, K0, K1, T))
    with pytest.raises(PoseError, match='no translation'):
        depth_from_motion(match, K0, K1, np.eye(4))
    with pytest.raises(ShapeError):
        depth_from_motion(match_of(np.zeros((*SIZE, 3))), K0, K1, T)


@pytest.mark.parametrize(('numbers', 'reason'), [
    ((16.0, 0.9, 0.005), 'sure of 0.5 % of the pixels only'),
    ((np.nan, np.nan, 0.0), 'sure of 0.0 % of the pixels only'),
    ((16.0, 0.3, 0.8), 'the poses explain 30 % of the confident matches only'),
    ((1.5, 0.9, 0.8), 'the parallax is too small: 1.50 px in the median'),
    ((np.nan, 0.9, 0.8), 'the parallax is too small'),
])
def test_what_the_images_do_not_support_is_refused(numbers, reason):
    empty = np.zeros(SIZE, np.float32)
    with pytest.raises(MotionError, match=reason):
        require_depth(MotionDepth(empty, empty, *numbers), 2.0, 0.5)


def test_what_they_support_is_not():
    empty = np.zeros(SIZE, np.float32)
    require_depth(MotionDepth(empty, empty, 2.0, 0.5, 0.01), 2.0, 0.5)
    require_depth(MotionDepth(empty, empty, 2.0, 0.0, 0.01), 2.0, 0.0)


def test_two_ways_to_render_agree():
    views = render_views(K0, SIZE, T)
    image1, _ = render_view(K0, SIZE, np.linalg.inv(T))
    assert np.abs(views.image1.astype(int) - image1).max() <= 1
