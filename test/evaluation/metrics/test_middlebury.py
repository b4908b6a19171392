"""Metrics of Middlebury and ETH3D against values worked out by hand."""
import math

import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ImageError, ShapeError
from panmatch_ros.evaluation.metrics.middlebury import middlebury_metrics

NAN = np.nan


def row(*values):
    return np.array([values], np.float32)


def test_by_hand():
    truth = row(10, 10, 10, 10, 10, NAN)
    result = row(10, 10.5, 11.5, 13, NAN, 2)
    # errors: 0, 0.5, 1.5, 3, none
    metrics = middlebury_metrics(result, truth, np.array([[True, True, False, True, False, True]]))
    assert metrics.all.pixels == 5
    assert metrics.all.bad_percent == pytest.approx((60, 60, 40, 20))
    assert metrics.all.invalid_percent == pytest.approx(20)
    assert metrics.all.average_px == pytest.approx(1.25)
    assert metrics.all.rms_px == pytest.approx(math.sqrt((0.25 + 2.25 + 9) / 4))
    assert metrics.all.quantiles_px == pytest.approx((0.5, 3, 3, 3))
    assert metrics.non_occluded.pixels == 3
    assert metrics.non_occluded.bad_percent == pytest.approx((100 / 3, 100 / 3, 100 / 3, 0))
    assert metrics.non_occluded.average_px == pytest.approx(3.5 / 3)


def test_quantiles_of_a_hundred_pixels():
    errors = np.arange(1, 101, dtype=np.float32).reshape(10, 10)
    metrics = middlebury_metrics(errors, np.zeros((10, 10), np.float32))
    assert metrics.all.quantiles_px == (50, 90, 95, 99)


def test_without_mask_or_result():
    metrics = middlebury_metrics(row(NAN, NAN), row(1, 2))
    assert metrics.all.bad_percent == (100, 100, 100, 100)
    assert metrics.all.invalid_percent == 100
    assert math.isnan(metrics.all.average_px)
    assert math.isnan(metrics.all.rms_px)
    assert all(math.isnan(value) for value in metrics.all.quantiles_px)
    assert metrics.non_occluded.pixels == 0
    assert all(math.isnan(value) for value in metrics.non_occluded.bad_percent)


def test_clipped_to_the_range_of_the_calibration():
    result, truth = row(90, -5, NAN), row(60, 0, 3)
    assert middlebury_metrics(result, truth).all.average_px == pytest.approx(17.5)
    clipped = middlebury_metrics(result, truth, max_disparity=64)
    assert clipped.all.average_px == pytest.approx((4 + 0) / 2)
    assert clipped.all.invalid_percent == pytest.approx(100 / 3)


def test_bad_input():
    with pytest.raises(ShapeError, match='of one size'):
        middlebury_metrics(row(1), row(1, 2))
    with pytest.raises(ShapeError, match='a region must be bool'):
        middlebury_metrics(row(1), row(1), np.ones((1, 1), np.uint8))
    with pytest.raises(ImageError, match='no known pixel'):
        middlebury_metrics(row(1), row(NAN))
    with pytest.raises(ConfigError, match='max_disparity must be positive, got 0'):
        middlebury_metrics(row(1), row(1), max_disparity=0)
