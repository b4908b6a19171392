"""Sparsification curves, worked out by hand."""
from itertools import pairwise
import math

import numpy as np
import pytest

from panmatch_ros.core.errors import ShapeError
from panmatch_ros.evaluation.metrics.sparsification import (
    REMOVED,
    STEPS,
    Sparsification,
    mean_sparsification,
    sparsification,
)

NAN = np.nan


def test_perfect_order_is_the_oracle():
    errors = np.array([4.0, 1.0, 3.0, 2.0])
    found = sparsification(-errors, errors)
    np.testing.assert_allclose(found.error_px, found.oracle_px)
    assert found.ause == 0
    # All; without the 4; without 4 and 3; without 4, 3 and 2.
    at = [int(share * STEPS) for share in (0, 0.25, 0.5, 0.75)]
    np.testing.assert_allclose(found.error_px[at], [2.5, 2, 1.5, 1])


def test_wrong_order_rises():
    errors = np.array([4.0, 1.0, 3.0, 2.0])
    found = sparsification(errors, errors)  # most confident where it is worst
    at = [int(share * STEPS) for share in (0, 0.25, 0.5, 0.75)]
    np.testing.assert_allclose(found.error_px[at], [2.5, 3, 3.5, 4])
    np.testing.assert_allclose(found.oracle_px[at], [2.5, 2, 1.5, 1])


def test_ause_by_hand():
    """Two pixels of 0 and 2 px, the wrong one trusted: the gap is worked out at every share."""
    found = sparsification(np.array([0.1, 0.9]), np.array([0.0, 2.0]))
    # Kept k = 2 (1 - r) pixels. Up to half: (2 + 0 (k - 1)) / k, and oracle (0 + 2 (k - 1)) / k.
    # From half on: 2 and 0. In units of the mean error of 1 px.
    gap = [1 / (1 - r) - (2 - 4 * r) / (2 - 2 * r) if r < 0.5 else 2.0 for r in REMOVED]
    expected = sum((a + b) / 2 / STEPS for a, b in pairwise(gap))
    assert found.ause == pytest.approx(expected)
    np.testing.assert_allclose(found.error_px[[0, 4, 10]], [1, 2 / 1.6, 2])
    np.testing.assert_allclose(found.oracle_px[[0, 4, 10]], [1, 1.2 / 1.6, 0], atol=1e-12)


def test_equal_confidence_says_nothing_whatever_the_order_of_the_pixels():
    errors = np.array([5.0, 0.0, 1.0, 2.0])
    for order in (errors, errors[::-1], np.sort(errors)):
        np.testing.assert_allclose(sparsification(np.full(4, 0.5), order).error_px, 2.0)


def test_ties_within_a_curve():
    # 0.2 twice with a mean of 4, 0.8 twice with a mean of 1.
    found = sparsification(np.array([0.2, 0.2, 0.8, 0.8]), np.array([8.0, 0.0, 1.0, 1.0]))
    np.testing.assert_allclose(found.error_px[[0, 5, 10]], [2.5, (2 + 4) / 3, 1])


def test_unknown_pixels_are_left_out():
    whole = sparsification(np.array([0.1, 0.9]), np.array([3.0, 1.0]))
    holes = sparsification(np.array([0.1, 0.9, 0.5, NAN]), np.array([3.0, 1.0, NAN, 7.0]))
    np.testing.assert_array_equal(whole.error_px, holes.error_px)
    assert sparsification(np.array([0.5]), np.array([NAN])) is None


def test_oracle_is_never_above():
    generator = np.random.default_rng(3)
    found = sparsification(generator.random(500), generator.exponential(size=500))
    assert (found.oracle_px <= found.error_px + 1e-12).all()
    assert found.ause > 0


def test_no_error_has_no_area():
    assert math.isnan(sparsification(np.ones(3), np.zeros(3)).ause)


def test_mean_gives_pairs_equal_weight():
    low, high = (Sparsification(np.full(STEPS, value), np.full(STEPS, value / 2))
                 for value in (1.0, 3.0))
    found = mean_sparsification([low, None, high])
    np.testing.assert_array_equal(found.error_px, np.full(STEPS, 2.0))
    np.testing.assert_array_equal(found.oracle_px, np.full(STEPS, 1.0))
    assert mean_sparsification([None]) is None


def test_bad_input():
    with pytest.raises(ShapeError, match=r'must be \(N,\) of one size, got \(2,\) and \(3,\)'):
        sparsification(np.zeros(2), np.zeros(3))
    with pytest.raises(ShapeError, match=r'\(N,\)'):
        sparsification(np.zeros((2, 2)), np.zeros((2, 2)))
