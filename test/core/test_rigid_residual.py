"""Residuals of a rigid motion: zero where it holds, else as large as the noise."""
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from two_view_scene import motion

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.rigid_residual import (
    Noise,
    displacement_sigma,
    move_points,
    rigid_residual,
)

RIG = StereoRig.ideal((480, 640), focal_px=500, baseline_m=0.12)  # f B = 60
NOISE = Noise(disparity_px=0.2, flow_px=0.3)
T = motion(2, (0.03, -0.02, -0.1))


def random_points(count=2000, seed=0, near=2.0, far=8.0):
    random = np.random.default_rng(seed)
    slopes = random.uniform((-0.6, -0.45), (0.6, 0.45), (count, 2))
    return np.column_stack([slopes, np.ones(count)]) * random.uniform(near, far, (count, 1))


def seen(points, random=None, noise=NOISE):
    """Project points to (x, y, disparity), add noise, and triangulate again."""
    x, y, z = points.T
    image = np.stack([500 * x / z, 500 * y / z, 60 / z], axis=1)
    if random is not None:
        image += random.normal(size=image.shape) * (noise.flow_px, noise.flow_px,
                                                    noise.disparity_px)
    z = 60 / image[:, 2]
    return np.stack([image[:, 0] * z / 500, image[:, 1] * z / 500, z], axis=1)


def noisy_pairs(seed=0, T_1_0=T):
    """The pixel of a point in the older frame is a grid point: it has no noise in x and y."""
    random = np.random.default_rng(seed)
    points = random_points(20_000, seed)
    return (seen(points, random, Noise(NOISE.disparity_px, 0.0)),
            seen(move_points(points, T_1_0), random))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-10, 10), st.sampled_from([np.float32, np.float64]))
def test_a_rigid_motion_leaves_nothing(seed, turn_deg, dtype):
    T_1_0 = motion(turn_deg, np.random.default_rng(seed).normal(0, 0.2, 3))
    points = random_points(100, seed).astype(dtype)
    residual = rigid_residual(points, move_points(points, T_1_0), RIG, T_1_0, NOISE)
    assert residual.significance().dtype == dtype
    assert residual.significance().max() < (5e-3 if dtype == np.float32 else 1e-9)


def test_by_hand():
    # 0.06 m at 3 m are 10 px; 3 m to 2.5 m are 20 px to 24 px of disparity.
    points0 = np.array([[[0, 0, 3.0], [0, 0, 3.0], [np.nan] * 3, [0, 0, -1]]])
    points1 = np.array([[[0.06, 0, 3.0], [0, 0, 2.5], [0, 0, 3.0], [0, 0, 3.0]]])
    residual = rigid_residual(points0, points1, RIG, np.eye(4), NOISE)
    np.testing.assert_allclose(residual.error[0][0, :2], [10 / 0.3, 0], atol=1e-9)
    np.testing.assert_allclose(residual.error[2][0, :2], [0, 4 / 0.2], atol=1e-9)
    # The disparities of both frames have noise: sqrt(2) times that of one.
    np.testing.assert_allclose(residual.significance()[0],
                               [10 / 0.3, 4 / 0.2 / np.sqrt(2), np.nan, np.nan], rtol=1e-9)


@pytest.mark.parametrize('T_1_0', [np.eye(4), T, motion(5, (0.4, 0.0, -0.3))])
def test_noise_is_as_significant_as_chi_squared_says(T_1_0):
    significance = rigid_residual(*noisy_pairs(1, T_1_0), RIG, T_1_0, NOISE).significance()
    assert np.median(significance) == pytest.approx(1.538, rel=0.03)
    assert np.mean(significance > 2.5) == pytest.approx(0.100, rel=0.15)
    assert np.mean(significance > 4) < 0.004  # 0.001 if far points were not skewed


def test_the_expected_error_is_the_scatter():
    points0, points1 = noisy_pairs(2)
    moved = move_points(points0, T)
    sigma = displacement_sigma(moved, points1, RIG, NOISE)
    ratio = (points1 - moved) / sigma
    np.testing.assert_allclose(np.std(ratio, axis=0), 1, rtol=0.1)
    # By hand: 9 / 60 * 0.2 * sqrt(2) m along z and 3 / 500 * 0.3 m across.
    axis = np.array([[0, 0, 3.0]])
    np.testing.assert_allclose(displacement_sigma(axis, axis, RIG, NOISE),
                               [[0.0018, 0.0018, 0.03 * np.sqrt(2)]], rtol=1e-9)


def test_points_of_any_shape_move():
    points = random_points(24).astype(np.float32)
    moved = move_points(points, T)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, points @ T[:3, :3].T + T[:3, 3], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(move_points(points.reshape(4, 6, 3), T).reshape(-1, 3), moved)
    assert move_points(points[:0], T).shape == (0, 3)
