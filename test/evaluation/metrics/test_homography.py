"""Errors of homographies and matches against values worked out by hand."""
import math

import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.evaluation.metrics.homography import (
    corner_error,
    homography_metrics,
    matching_accuracy,
    mean_matching_accuracy,
    transfer,
)

SIZE = (101, 201)  # corners at 0, 200 and 0, 100


def move(x, y):
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], float)


def test_corner_error_by_hand():
    assert corner_error(move(3, 4), np.eye(3), SIZE) == pytest.approx(5)
    assert corner_error(-2 * move(3, 4), np.eye(3), SIZE) == pytest.approx(5)  # any scale
    wider = np.diag([1.01, 1, 1])  # the right corners are 2 px off, the left ones are right
    assert corner_error(wider, np.eye(3), SIZE) == pytest.approx(1)
    assert corner_error(wider, np.eye(3), SIZE, shorter_side_px=202) == pytest.approx(2)
    assert corner_error(move(10, 0), move(10, 0), SIZE) == 0


def test_failures_are_infinite():
    assert corner_error(None, np.eye(3), SIZE) == math.inf
    assert corner_error(np.zeros((3, 3)), np.eye(3), SIZE) == math.inf
    horizon = np.array([[1, 0, 0], [0, 1, 0], [-1 / 200, 0, 1]])  # x = 200 is at infinity
    assert corner_error(horizon, np.eye(3), SIZE) == math.inf


def test_many_pairs():
    metrics = homography_metrics([1, 4, math.inf, 20])
    assert (metrics.pairs, metrics.failed) == (4, 1)
    # @3: (1, 1/4), level: 1/8 + 1/2. @5: (1, 1/4), (4, 1/2), level: 1/8 + 9/8 + 1/2.
    # @10: the same and 5 more at 1/2.
    assert metrics.auc_percent == pytest.approx((100 * 0.625 / 3, 100 * 1.75 / 5,
                                                 100 * 4.25 / 10))
    assert metrics.correct_percent == pytest.approx((25, 25, 50))
    assert all(math.isnan(value) for value in homography_metrics([]).auc_percent)


def test_matching_accuracy_by_hand():
    points0 = np.array([[0, 0], [10, 10], [20, 0], [5, 5]], float)
    points1 = points0 + np.array([[10, 0], [13, 4], [10.5, 0], [np.nan, 0]])
    result = matching_accuracy(points0, points1, move(10, 0))
    # errors: 0, 5, 0.5, none
    assert result.matches == 4
    assert result.percent == (50, 50, 50, 50, 75, 75, 75, 75, 75, 75)
    nothing = matching_accuracy(points0[:0], points1[:0], move(10, 0))
    assert nothing.percent == (0,) * 10
    both = mean_matching_accuracy([result, nothing])
    assert both.matches == 4
    assert both.percent[:5] == (25, 25, 25, 25, 37.5)


def test_transfer_with_perspective():
    H = np.array([[2, 0, 0], [0, 2, 0], [0.1, 0, 1]])
    assert transfer(np.array([[10.0, 4.0]]), H) == pytest.approx(np.array([[10, 4]]))


def test_bad_input():
    with pytest.raises(ShapeError, match=r'a homography must be \(3, 3\), got \(2, 3\)'):
        corner_error(np.zeros((2, 3)), np.eye(3), SIZE)
    with pytest.raises(ConfigError, match='takes a corner of the image to infinity'):
        corner_error(np.eye(3), np.diag([1, 1, 0]), SIZE)
    with pytest.raises(ConfigError, match='shorter_side_px must be positive, got 0'):
        corner_error(np.eye(3), np.eye(3), SIZE, shorter_side_px=0)
    with pytest.raises(ShapeError, match='points0 and points1'):
        matching_accuracy(np.zeros((2, 2)), np.zeros((3, 2)), np.eye(3))
