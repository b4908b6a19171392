"""Rigid alignment of points: exact, robust, repeatable, and honest where there is none."""
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from two_view_scene import motion, rotation_error_deg

from panmatch_ros.core.errors import ConfigError, PoseError, ShapeError
from panmatch_ros.core.rigid_alignment import align_rigid, kabsch
from panmatch_ros.core.rigid_residual import move_points

T = motion(12, (0.3, -0.1, 0.2))


def cloud(count=400, seed=0):
    return np.random.default_rng(seed).uniform((-2, -1, 2), (2, 1, 6), (count, 3))


def pairs(count=400, seed=0, noise_m=0.0, outliers=0.0, T_1_0=T):
    """The first are outliers."""
    random = np.random.default_rng(seed + 1000)
    points0 = cloud(count, seed)
    points1 = move_points(points0, T_1_0) + noise_m * random.normal(size=points0.shape)
    wrong = int(outliers * count)
    points1[:wrong] = cloud(wrong, seed + 2000)
    return points0, points1


def errors(alignment, truth=T):
    return (rotation_error_deg(alignment.T_1_0, truth),
            np.linalg.norm(alignment.T_1_0[:3, 3] - truth[:3, 3]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-179, 179), st.floats(0, 5))
def test_exact_points_give_the_exact_motion(seed, turn_deg, length):
    random = np.random.default_rng(seed)
    axis, t = random.normal(size=(2, 3))
    T_1_0 = motion(turn_deg, length * t / np.linalg.norm(t), axis)
    alignment = align_rigid(*pairs(50, seed, T_1_0=T_1_0))
    np.testing.assert_allclose(alignment.T_1_0, T_1_0, atol=1e-9)
    assert alignment.inliers.all()
    assert alignment.inlier_share == 1
    assert alignment.error_m < 1e-9


@pytest.mark.parametrize('outliers', [0.0, 0.3, 0.6])
@pytest.mark.parametrize('seed', range(3))
def test_noise_and_outliers(outliers, seed):
    points = pairs(600, seed, noise_m=0.02, outliers=outliers)
    alignment = align_rigid(*points, 0.08)
    turn_deg, distance_m = errors(alignment)
    assert turn_deg < 0.15
    assert distance_m < 0.012
    wrong = int(outliers * 600)
    assert alignment.inliers[wrong:].mean() > 0.98
    assert alignment.inliers[:wrong].sum() <= 0.05 * wrong
    assert alignment.inlier_share == pytest.approx(1 - outliers, abs=0.04)
    assert alignment.error_m == pytest.approx(0.02 * 1.54, rel=0.15)
    assert turn_deg < 5 * alignment.rotation_std_deg


def test_a_plane_is_enough():
    points0 = cloud()
    points0[:, 2] = 4 + 0.3 * points0[:, 0]
    alignment = align_rigid(points0, move_points(points0, T))
    np.testing.assert_allclose(alignment.T_1_0, T, atol=1e-9)


def test_a_second_motion_is_outvoted():
    points0 = cloud(300)
    points1 = move_points(points0, T)
    points1[:120] = move_points(points0[:120], motion(0, (0, 0.5, 0)))
    alignment = align_rigid(points0, points1)
    np.testing.assert_allclose(alignment.T_1_0, T, atol=1e-9)
    assert not alignment.inliers[:120].any()
    assert alignment.inlier_share == pytest.approx(0.6)


def test_tolerances_weigh_points():
    points0, points1 = pairs(400)
    tolerance = np.where(np.arange(400) < 200, 0.01, 1.0)
    points1[200:] += 0.2  # all of them the same way
    alignment = align_rigid(points0, points1, tolerance)
    assert alignment.inliers.all()
    assert errors(alignment)[1] < 1e-3


def test_images_of_points_with_gaps():
    points0, points1 = (each.reshape(20, 20, 3).astype(np.float32) for each in pairs(400))
    points0[3, 4], points1[5, 6, 1] = np.nan, np.inf
    alignment = align_rigid(points0, points1)
    assert alignment.inliers.shape == (20, 20)
    assert np.argwhere(~alignment.inliers).tolist() == [[3, 4], [5, 6]]
    assert alignment.inlier_share == 1
    assert alignment.T_1_0.dtype == np.float64
    np.testing.assert_allclose(alignment.T_1_0, T, atol=1e-5)


def test_same_input_same_result():
    points = pairs(300, noise_m=0.03, outliers=0.5)
    first, again = align_rigid(*points, 0.1), align_rigid(*points, 0.1)
    np.testing.assert_array_equal(first.T_1_0, again.T_1_0)
    other = align_rigid(*points, 0.1, seed=7)
    np.testing.assert_allclose(other.T_1_0, first.T_1_0, atol=0.02)


def test_too_few_points():
    with pytest.raises(PoseError, match='at least 6 known pairs of points, got 5'):
        align_rigid(*pairs(5))
    points0, points1 = pairs(20)
    points0[4:] = np.nan
    with pytest.raises(PoseError, match='got 4'):
        align_rigid(points0, points1)
    with pytest.raises(PoseError, match='got 0'):
        align_rigid(np.zeros((0, 3)), np.zeros((0, 3)))


@pytest.mark.parametrize('noise_m', [0.0, 0.02])
@pytest.mark.parametrize('length', [3.0, 0.0])
def test_a_line_and_a_spot_are_refused(noise_m, length):
    random = np.random.default_rng(4)
    along = random.uniform(-1, 1, (500, 1))
    points0 = np.array([0.3, -0.2, 4]) + along * length * np.array([0.6, 0, 0.8])
    points1 = move_points(points0, T)
    points0, points1 = (each + noise_m * random.normal(size=(500, 3))
                        for each in (points0, points1))
    with pytest.raises(PoseError, match='line or in one spot'):
        align_rigid(points0, points1, 0.12)


def test_pairs_that_do_not_belong_together_are_refused():
    with pytest.raises(PoseError, match=r'only \d+ of 400 pairs .* less than 30 %'):
        align_rigid(cloud(400, 1), cloud(400, 2))
    points = pairs(400, outliers=0.5)
    with pytest.raises(PoseError, match='less than 80 %'):
        align_rigid(*points, min_inlier_share=0.8)


def test_wrong_input():
    points0, points1 = pairs(20)
    with pytest.raises(ShapeError, match='of one shape'):
        align_rigid(points0, points1[:-1])
    with pytest.raises(ShapeError, match=r'\(\.\.\., 3\)'):
        align_rigid(points0[:, :2], points1[:, :2])
    with pytest.raises(ShapeError, match='tolerance_m must be'):
        align_rigid(points0, points1, np.ones(3))
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ConfigError, match='tolerance_m'):
            align_rigid(points0, points1, wrong)
    for wrong in (0.0, 1.1, np.nan):
        with pytest.raises(ConfigError, match='min_inlier_share'):
            align_rigid(points0, points1, min_inlier_share=wrong)


def test_kabsch_is_never_a_mirror():
    points0 = cloud(30)
    points0[:, 2] = 4  # a plane that a mirror would fit as well
    R, t = kabsch(points0, move_points(points0, T), np.ones(30))
    assert np.linalg.det(R) == pytest.approx(1)
    np.testing.assert_allclose(R, T[:3, :3], atol=1e-9)
    np.testing.assert_allclose(t, T[:3, 3], atol=1e-9)
