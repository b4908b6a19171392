"""Balanced sampling: which matches it draws, and that it draws no others."""
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from panmatch_ros.core import balanced_sampling
from panmatch_ros.core.balanced_sampling import (
    balanced_correspondences,
    draw_weighted,
    match_density,
)
from panmatch_ros.core.errors import ConfigError
from panmatch_ros.core.types import Displacement

SIZE = (48, 64)


def field(u=0.0, v=0.0, confidence=1.0, size=SIZE):
    flow = np.empty((*size, 2), np.float32)
    flow[..., 0], flow[..., 1] = u, v
    return Displacement(flow, np.full(size, confidence, np.float32))


def test_matches_follow_the_field():
    displacement = field(3.25, -2.5)
    found = balanced_correspondences(displacement, max_matches=200)
    assert len(found) == 200
    np.testing.assert_allclose(found.points1 - found.points0, [[3.25, -2.5]] * 200, atol=1e-5)
    np.testing.assert_array_equal(found.points0, np.rint(found.points0))
    assert len(np.unique(found.points0, axis=0)) == 200


def test_a_seed_gives_the_same_matches_and_another_seed_others():
    first, again, other = (balanced_correspondences(field(), max_matches=100, seed=seed)
                           for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.points0, again.points0)
    assert not np.array_equal(first.points0, other.points0)


def test_points_that_leave_image_1_are_dropped():
    found = balanced_correspondences(field(u=60.0), max_matches=10_000)
    assert len(found) == 4 * SIZE[0]  # the columns 0 to 3 land on 60 to 63
    assert found.points1[:, 0].max() <= SIZE[1] - 0.5
    assert len(balanced_correspondences(field(u=64.0))) == 0


def test_the_size_of_image_1_may_differ():
    found = balanced_correspondences(field(u=60.0), max_matches=10_000, size1=(24, 124))
    assert len(found) == 24 * 64
    assert found.points1[:, 1].max() == 23


def test_best_come_first_with_the_confidence_of_the_field():
    confidence = np.random.default_rng(0).uniform(0.1, 1, SIZE).astype(np.float32)
    found = balanced_correspondences(Displacement(field().flow, confidence), max_matches=300)
    assert (np.diff(found.scores) <= 0).all()
    x, y = found.points0.astype(int).T
    np.testing.assert_array_equal(found.scores, confidence[y, x])


def test_few_candidates_are_all_returned():
    confidence = np.zeros(SIZE, np.float32)
    confidence[5, 6], confidence[7, 8] = 0.2, 0.9
    found = balanced_correspondences(Displacement(field().flow, confidence), max_matches=500)
    np.testing.assert_array_equal(found.points0, [[8, 7], [6, 5]])
    sure = balanced_correspondences(Displacement(field().flow, confidence), max_matches=500,
                                    min_confidence=0.5)
    np.testing.assert_array_equal(sure.points0, [[8, 7]])


@pytest.mark.parametrize('displacement', [
    field(confidence=0.0), field(u=np.nan), field(size=(1, 1), u=5.0)])
def test_nothing_to_draw_from_gives_no_match(displacement):
    found = balanced_correspondences(displacement, max_matches=50)
    assert len(found) == 0
    assert found.points0.shape == (0, 2)
    assert len(balanced_correspondences(field(), max_matches=0)) == 0


def test_nan_is_never_drawn():
    displacement = field()
    displacement.flow[:, ::2] = np.nan
    found = balanced_correspondences(displacement, max_matches=10_000)
    assert len(found) == SIZE[0] * SIZE[1] // 2
    assert np.isfinite(found.points1).all()


def test_a_crowd_gives_way_to_the_rest():
    # Left half: all pixels. Right half: one in 16. Confidence alone would take 94 % left.
    confidence = np.zeros((96, 128), np.float32)
    confidence[:, :64] = 1
    confidence[::4, 64::4] = 1
    flow = np.zeros((96, 128, 2), np.float32)
    found = balanced_correspondences(Displacement(flow, confidence), max_matches=800)
    candidates = 4 * 800 * 384 / (384 + 96 * 64)  # that expected right of the middle
    right = np.count_nonzero(found.points0[:, 0] >= 64)
    assert 0.75 * candidates < right <= 1.25 * candidates
    assert right > 2.5 * 800 * 384 / (384 + 96 * 64)


def test_isolated_matches_are_taken_last():
    # A tenth of the pixels point anywhere: nothing is like them.
    random = np.random.default_rng(1)
    flow = np.zeros((96, 128, 2), np.float32)
    wrong = random.random((96, 128)) < 0.1
    y, x = np.nonzero(wrong)
    target = random.uniform((0, 0), (127, 95), (len(x), 2))
    flow[wrong] = target - np.stack([x, y], axis=-1)
    found = balanced_correspondences(Displacement(flow, np.ones((96, 128), np.float32)),
                                     max_matches=1000)
    drawn = wrong[found.points0[:, 1].astype(int), found.points0[:, 0].astype(int)]
    assert drawn.mean() < 0.04


def test_density_is_that_of_all_pairs(monkeypatch):
    random = np.random.default_rng(2)
    a, b = random.uniform(-1, 1, (2, 300, 2)).astype(np.float32)
    matches = np.hstack([a, b]).astype(np.float64)
    distance = np.linalg.norm(matches[:, None] - matches[None], axis=-1)
    expected = np.exp(-distance ** 2 / (2 * 0.3 ** 2)).sum(axis=1)
    np.testing.assert_allclose(match_density(a, b, 0.3), expected, rtol=1e-4)
    monkeypatch.setattr(balanced_sampling, 'BLOCK_VALUES', 300 * 7)  # 43 blocks, one not full
    np.testing.assert_allclose(match_density(a, b, 0.3), expected, rtol=1e-4)


def test_density_of_a_crowd_does_not_saturate():
    # In half precision, a sum of ones stops at 2048.
    same = np.full((5000, 2), 0.9, np.float32)
    np.testing.assert_allclose(match_density(same, same), 5000, rtol=1e-3)


def test_density_of_many_is_estimated_from_a_part(monkeypatch):
    points = np.random.default_rng(4).normal(0, 0.3, (3000, 2)).astype(np.float32)
    exact = match_density(points, points, 0.3)
    monkeypatch.setattr(balanced_sampling, 'MAX_COMPARED', 1500)
    estimated = match_density(points, points, 0.3, np.random.default_rng(0))
    assert np.abs(estimated / exact - 1).mean() < 0.1
    assert estimated.min() >= 1 - 1e-3
    np.testing.assert_array_equal(estimated,
                                  match_density(points, points, 0.3, np.random.default_rng(0)))


def test_drawing_is_in_proportion_to_the_weights():
    weights = np.array([1.0, 2.0, 0.0, 5.0])
    random = np.random.default_rng(3)
    first = [draw_weighted(weights, 1, random)[0] for _ in range(4000)]
    share = np.bincount(first, minlength=4) / 4000
    np.testing.assert_allclose(share, weights / 8, atol=0.03)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_drawing_gives_different_indices_of_positive_weight(seed, count):
    random = np.random.default_rng(seed)
    weights = random.uniform(-1, 1, 50).clip(0).astype(np.float32)
    chosen = draw_weighted(weights, count, random)
    assert len(np.unique(chosen)) == len(chosen) == min(count, np.count_nonzero(weights))
    assert (weights[chosen] > 0).all()


@pytest.mark.parametrize('options', [{'max_matches': -1}, {'min_confidence': 1.5},
                                     {'min_confidence': -0.1}])
def test_numbers_without_sense_are_refused(options):
    with pytest.raises(ConfigError, match='max_matches must not be negative'):
        balanced_correspondences(field(), **options)
