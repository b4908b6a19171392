"""Relative pose from matches: how far it is from the truth, and when there is none."""
import numpy as np
import pytest
from two_view_scene import (
    K0,
    K1,
    direction_error_deg,
    motion,
    random_matches,
    rotation_error_deg,
)

from panmatch_ros.core.errors import CalibrationError, ConfigError, PoseError
from panmatch_ros.core.two_view import relative_pose
from panmatch_ros.core.types import Correspondences

T = motion(5, (0.3, 0.05, 0.1))


def errors(pose, truth=T):
    return rotation_error_deg(pose.T_1_0, truth), direction_error_deg(pose.T_1_0, truth)


def test_exact_matches_give_the_exact_pose():
    pose = relative_pose(random_matches(300, T), K0, K1)
    assert max(errors(pose)) < 2e-3
    assert np.linalg.norm(pose.T_1_0[:3, 3]) == pytest.approx(1)
    assert pose.inliers.all()
    assert pose.error_px < 1e-4
    assert 2 < pose.parallax_deg < 5


@pytest.mark.parametrize('T_1_0', [
    T, motion(0, (0.3, 0, 0)), motion(2, (0, 0, 0.5)), motion(2, (0, 0, -0.5)),
    motion(15, (-0.5, 0.1, 0.0)), motion(40, (2.0, 0, 1.0), (0, 1, 0))])
@pytest.mark.parametrize('seed', [0, 1])
def test_noise_and_outliers(T_1_0, seed):
    matches = random_matches(600, T_1_0, seed=seed, noise_px=0.5, outliers=0.4)
    pose = relative_pose(matches, K0, K1)
    rotation, direction = errors(pose, T_1_0)
    assert rotation < 0.25
    assert direction < 1.5
    assert pose.inliers[240:].mean() > 0.9
    assert pose.inliers[:240].mean() < 0.05
    assert 0.2 < pose.error_px < 0.45  # the median of |normal(0, 0.5)| is 0.34


@pytest.mark.parametrize('seed', range(6))
def test_a_plane_has_two_solutions_and_the_right_one_is_chosen(seed):
    matches = random_matches(400, T, seed=seed, noise_px=0.3, plane=True)
    rotation, direction = errors(relative_pose(matches, K0, K1))
    assert rotation < 0.2
    assert direction < 1.5


def test_refinement_uses_all_inliers():
    found = [max(errors(relative_pose(random_matches(2000, T, seed=s, noise_px=0.5), K0, K1)))
             for s in range(3)]
    assert max(found) < 0.4


def test_the_same_matches_give_the_same_pose():
    matches = random_matches(300, T, noise_px=0.5, outliers=0.4)
    first, second = relative_pose(matches, K0, K1), relative_pose(matches, K0, K1)
    np.testing.assert_array_equal(first.T_1_0, second.T_1_0)
    np.testing.assert_array_equal(first.inliers, second.inliers)


def test_the_threshold_is_in_pixels_of_both_focal_lengths():
    # All off by 2 px across the line of a sideways motion: 1.41 px of Sampson distance.
    matches = random_matches(300, motion(0, (0.3, 0, 0)), noise_px=0.0)
    shift = np.random.default_rng(0).choice([-2.0, 2.0], 300).astype(np.float32)
    shift[100:] = 0
    moved = matches.points1 + shift[:, None] * np.array([0, 1], np.float32)
    both = Correspondences(matches.points0, moved, matches.scores)
    strict = relative_pose(both, K0, K1, threshold_px=1.2)
    loose = relative_pose(both, K0, K1, threshold_px=1.7)
    assert not strict.inliers[:100].any()
    assert strict.inliers[100:].all()
    assert loose.inliers[:100].mean() > 0.8
    assert loose.inliers[100:].all()


def test_focal_lengths_of_the_two_cameras_may_differ_much():
    K_far = np.diag([1500.0, 1500, 1]) + np.array([[0, 0, 320], [0, 0, 240], [0, 0, 0.0]])
    matches = random_matches(300, T)
    # The same rays through a longer lens.
    rays = (matches.points1 - K1[:2, 2]) / K1[[0, 1], [0, 1]]
    points1 = (rays * 1500 + [320, 240]).astype(np.float32)
    pose = relative_pose(Correspondences(matches.points0, points1, matches.scores), K0, K_far)
    assert max(errors(pose)) < 2e-3


@pytest.mark.parametrize('noise_px', [0.0, 0.5])
@pytest.mark.parametrize('outliers', [0.0, 0.4])
@pytest.mark.parametrize('angle_deg', [0, 5, 20])
def test_pure_rotation_tells_no_translation(noise_px, outliers, angle_deg):
    matches = random_matches(500, motion(angle_deg, (0, 0, 0)), noise_px=noise_px,
                             outliers=outliers)
    with pytest.raises(PoseError, match='only turned'):
        relative_pose(matches, K0, K1)


@pytest.mark.parametrize('wrong', [0, 120])
def test_a_camera_that_stands_still(wrong):
    points0 = random_matches(300, T).points0
    points1 = points0.copy()
    points1[:wrong] = np.random.default_rng(5).uniform((0, 0), (639, 479), (wrong, 2))
    with pytest.raises(PoseError, match='only turned'):
        relative_pose(Correspondences(points0, points1, np.ones(300, np.float32)), K0, K0)


@pytest.mark.parametrize('count', [0, 1, 4, 7])
def test_too_few_matches(count):
    with pytest.raises(PoseError, match=f'at least 8 matches, got {count}'):
        relative_pose(random_matches(count, T), K0, K1)


@pytest.mark.parametrize('count', [8, 9, 12])
def test_few_exact_matches_are_enough(count):
    pose = relative_pose(random_matches(count, T, seed=1), K0, K1)
    assert max(errors(pose)) < 0.1


@pytest.mark.parametrize(('count', 'seed'), [(12, 0), (50, 1), (400, 2)])
def test_random_matches_agree_on_nothing(count, seed):
    with pytest.raises(PoseError, match='random matches do too'):
        relative_pose(random_matches(count, T, seed=seed, outliers=1.0), K0, K1)


def test_degenerate_matches_are_refused():
    same = np.full((50, 2), 100, np.float32)
    line = np.stack([np.linspace(0, 600, 50), np.full(50, 240)], -1).astype(np.float32)
    ones = np.ones(50, np.float32)
    for points in (same, line):
        with pytest.raises(PoseError, match='only turned|leave the direction'):
            relative_pose(Correspondences(points, points + np.float32(3), ones), K0, K1)


def test_the_uncertainty_is_that_of_repeated_estimates():
    poses = [relative_pose(random_matches(300, T, seed=seed, noise_px=0.5), K0, K1)
             for seed in range(12)]
    actual = np.sqrt(np.mean([errors(pose)[1] ** 2 for pose in poses]))
    told = np.median([pose.direction_std_deg for pose in poses])
    assert 0.5 < actual / told < 2


def test_matches_that_are_not_finite_are_outliers():
    matches = random_matches(100, T)
    matches.points1[3] = np.nan
    matches.points0[5, 0] = np.inf
    pose = relative_pose(matches, K0, K1)
    assert not pose.inliers[[3, 5]].any()
    assert pose.inliers.sum() == 98
    assert max(errors(pose)) < 5e-3


def test_a_length_for_the_translation():
    pose = relative_pose(random_matches(100, T), K0, K1)
    metric = pose.scaled(float(np.linalg.norm(T[:3, 3])))
    np.testing.assert_allclose(metric, T, atol=1e-4)


def test_wrong_options_are_refused():
    matches = random_matches(50, T)
    with pytest.raises(ConfigError, match='threshold_px'):
        relative_pose(matches, K0, K1, threshold_px=0)
    with pytest.raises(CalibrationError, match='K0 must be'):
        relative_pose(matches, np.zeros((3, 3)), K1)
