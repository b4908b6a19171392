"""Metrics of depth against values worked out by hand."""
import math

import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ImageError, ShapeError
from panmatch_ros.evaluation.metrics.depth import depth_metrics

NAN = np.nan


def row(*values):
    return np.array([values], np.float32)


def test_by_hand():
    metrics = depth_metrics(row(2, 5, 8, 3), row(2, 4, 16, NAN))
    # differences 0, 1, -8; ratios 1, 1.25, 2
    assert metrics.truth_pixels == 3
    assert metrics.density_percent == 100
    assert metrics.abs_rel == pytest.approx((0 + 1 / 4 + 8 / 16) / 3)
    assert metrics.sq_rel_m == pytest.approx((0 + 1 / 4 + 64 / 16) / 3)
    assert metrics.rmse_m == pytest.approx(math.sqrt(65 / 3))
    assert metrics.rmse_log == pytest.approx(
        math.sqrt((math.log(1.25) ** 2 + math.log(2) ** 2) / 3))
    assert metrics.log10 == pytest.approx((math.log10(1.25) + math.log10(2)) / 3)
    # 1.25 is not below 1.25; 2 is not below 1.25^3 = 1.953
    assert metrics.delta_percent == pytest.approx((100 / 3, 200 / 3, 200 / 3))
    assert metrics.scale == 1


def test_pixels_without_result():
    metrics = depth_metrics(row(2, NAN, np.inf, -1), row(2, 4, 4, 4))
    assert metrics.density_percent == 25
    assert metrics.abs_rel == 0
    assert metrics.delta_percent == (25, 25, 25)  # what is missing is not right
    nothing = depth_metrics(row(NAN, 0), row(1, 2))
    assert nothing.density_percent == 0
    assert math.isnan(nothing.abs_rel)
    assert math.isnan(nothing.rmse_log)
    assert nothing.delta_percent == (0, 0, 0)


def test_median_scaling():
    truth = row(2, 4, 6, 100)
    metrics = depth_metrics(row(1, 2, 3, NAN), truth, median_scaling=True)
    assert metrics.scale == 2  # medians 4 and 2, of the pixels with a result
    assert metrics.abs_rel == 0
    assert metrics.density_percent == 75
    assert depth_metrics(row(1, 2, 3, NAN), truth).abs_rel == pytest.approx(0.5)


def test_limits():
    truth, depth = row(0.5, 10, 80, 200), row(3, 100, 90, 7)
    metrics = depth_metrics(depth, truth, limits_m=(1, 80))
    assert metrics.truth_pixels == 1  # 80 is not below 80
    assert metrics.abs_rel == pytest.approx(7)  # clipped to 80
    assert depth_metrics(row(0.1), row(2), limits_m=(1, 80)).abs_rel == pytest.approx(0.5)


def test_bad_input():
    with pytest.raises(ShapeError, match='depth and truth must be'):
        depth_metrics(row(1, 2), row(1))
    with pytest.raises(ImageError, match='no known depth to compare with between 0 m and inf m'):
        depth_metrics(row(1), row(0))
    with pytest.raises(ImageError, match='between 1 m and 5 m'):
        depth_metrics(row(1), row(9), limits_m=(1, 5))
    with pytest.raises(ConfigError, match='0 <= nearest < farthest, got 5 and 1'):
        depth_metrics(row(1), row(1), limits_m=(5, 1))
