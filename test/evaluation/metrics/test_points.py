"""Shares of found points against values worked out by hand."""
import math

import numpy as np
import pytest

from panmatch_ros.core.errors import ImageError, ShapeError
from panmatch_ros.evaluation.metrics.points import follow, mean_point_metrics, point_metrics

POINTS = np.array([[10, 10], [50, 20], [30, 30], [70, 5]], float)


def test_by_hand():
    found = POINTS + np.array([[0, 0], [3, 4], [0, 10], [math.nan, 0]])
    metrics = point_metrics(found, POINTS, (80, 100))
    # errors: 0, 5, 10, none. Bounds 1, 3, 5 and 10 px both ways: 100 px is the longer side.
    assert metrics.points == 4
    assert metrics.pck_percent == (25, 25, 50, 75)
    assert metrics.pck_px_percent == (25, 25, 50, 75)
    # 0 to 4 px: one, 5 to 9 px: two, 10 to 19 px: three of four points
    assert metrics.mean_accuracy_percent == pytest.approx((5 * 25 + 5 * 50 + 10 * 75) / 20)
    assert metrics.median_px == pytest.approx(7.5)


def test_alpha_is_of_the_longer_side():
    found = POINTS + np.array([6.0, 0])
    assert point_metrics(found, POINTS, (80, 100)).pck_percent == (0, 0, 0, 100)
    assert point_metrics(found, POINTS, (200, 100)).pck_percent == (0, 100, 100, 100)


def test_no_match_at_all():
    metrics = point_metrics(np.full_like(POINTS, math.nan), POINTS, (80, 100))
    assert metrics.pck_percent == metrics.pck_px_percent == (0, 0, 0, 0)
    assert metrics.mean_accuracy_percent == 0
    assert metrics.median_px == math.inf


def test_mean_over_pairs():
    good = point_metrics(POINTS, POINTS, (80, 100))
    bad = point_metrics(POINTS[:2] + 50.0, POINTS[:2], (80, 100))
    both = mean_point_metrics([good, bad])
    assert both.points == 6
    assert both.pck_percent == (50, 50, 50, 50)
    assert both.mean_accuracy_percent == 50


def test_follow():
    flow = np.zeros((4, 6, 2), np.float32)
    flow[..., 0] = np.arange(6)
    flow[3, 5] = np.nan
    found = follow(np.array([[2.5, 1], [0, 0], [5, 3], [6, 0]]), flow)
    assert found[:2] == pytest.approx(np.array([[5, 1], [0, 0]]))
    assert np.isnan(found[2:, 0]).all()


def test_bad_input():
    with pytest.raises(ShapeError, match='found1 and points1'):
        point_metrics(POINTS[:1], POINTS, (80, 100))
    with pytest.raises(ImageError, match='no marked point'):
        point_metrics(POINTS[:0], POINTS[:0], (80, 100))
    with pytest.raises(ShapeError, match=r'flow \(H, W, 2\)'):
        follow(POINTS, np.zeros((4, 6)))
