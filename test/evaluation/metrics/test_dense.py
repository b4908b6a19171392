"""Metrics against values worked out by hand."""
import math

import numpy as np
import pytest

from panmatch_ros.core.errors import ImageError, ShapeError
from panmatch_ros.evaluation.metrics.dense import disparity_metrics, flow_metrics

NAN = np.nan


def row(*values):
    return np.array([values], np.float32)


def test_disparity_by_hand():
    truth = row(10, 10, 10, 10, 100, NAN, np.inf, 10)
    result = row(10, 10.75, 8.5, 14, 104, 7, 8, 13.5)
    # errors: 0, 0.75, 1.5, 4, 4 (4 % of 100), -, -, 3.5
    metrics = disparity_metrics(result, truth)
    assert metrics.truth_pixels == metrics.epe_pixels == 6
    assert metrics.epe_px == pytest.approx((0 + 0.75 + 1.5 + 4 + 4 + 3.5) / 6)
    assert metrics.density_percent == 100
    # > 0.5: five, > 1: four, > 2 and > 3: three, > 4: none (a bound is not exceeded by itself)
    assert metrics.bad_percent == pytest.approx((500 / 6, 400 / 6, 300 / 6, 300 / 6, 0))
    # > 3 px and > 5 %: 4 of 10 and 3.5 of 10, but not 4 of 100
    assert metrics.outlier_percent == pytest.approx(200 / 6)


def test_invalid_result_is_bad_and_not_in_the_mean():
    truth = row(10, 10, 10, 10)
    result = row(11, NAN, np.inf, 10)
    metrics = disparity_metrics(result, truth)
    assert metrics.epe_px == pytest.approx(0.5)
    assert (metrics.epe_pixels, metrics.truth_pixels) == (2, 4)
    assert metrics.density_percent == 50
    assert metrics.bad_percent == (75, 50, 50, 50, 50)
    assert metrics.outlier_percent == 50


def test_nothing_predicted():
    metrics = disparity_metrics(row(NAN, NAN), row(1, 2))
    assert math.isnan(metrics.epe_px)
    assert metrics.bad_percent == (100, 100, 100, 100, 100)
    assert metrics.outlier_percent == 100
    assert metrics.density_percent == 0


def test_outlier_needs_both_bounds():
    # 5 px off: 5 % of 100 is not exceeded, 5 % of 99 is; 2.9 px is never an outlier.
    assert disparity_metrics(row(105), row(100)).outlier_percent == 0
    assert disparity_metrics(row(104), row(99)).outlier_percent == 100
    assert disparity_metrics(row(2.9), row(0)).outlier_percent == 0
    assert disparity_metrics(row(3.1), row(0)).outlier_percent == 100


def test_flow_by_hand():
    truth = np.array([[[0, 0], [3, 4], [60, 80], [NAN, 0], [1, 1]]], np.float32)
    flow = np.array([[[3, 4], [3, 4.75], [60, 76], [9, 9], [NAN, 1]]], np.float32)
    # errors: 5 (of 0), 0.75 (of 5), 4 (of 100), -, invalid
    metrics = flow_metrics(flow, truth)
    assert (metrics.epe_pixels, metrics.truth_pixels) == (3, 4)
    assert metrics.epe_px == pytest.approx((5 + 0.75 + 4) / 3)
    assert metrics.bad_percent == (100, 75, 75, 75, 50)
    assert metrics.outlier_percent == 50
    assert metrics.density_percent == 75


def test_valid_restricts_what_is_counted():
    truth, result = row(1, 1, 1), row(1, 5, 1)
    valid = np.array([[True, False, True]])
    assert disparity_metrics(result, truth, valid).epe_px == 0
    assert disparity_metrics(result, truth, valid).truth_pixels == 2
    flow = np.stack([result, result], axis=2)
    assert flow_metrics(flow, np.stack([truth, truth], axis=2), valid).outlier_percent == 0


def test_stereo_and_flow_agree_on_one_field():
    generator = np.random.default_rng(0)
    truth = generator.uniform(0, 80, (20, 30)).astype(np.float32)
    result = truth + generator.normal(0, 3, truth.shape).astype(np.float32)
    result[generator.random(truth.shape) < 0.1] = NAN
    zero = np.zeros_like(truth)
    stereo = disparity_metrics(result, truth)
    flow = flow_metrics(np.stack([-result, zero], 2), np.stack([-truth, zero], 2))
    assert flow.epe_px == pytest.approx(stereo.epe_px)
    assert flow.bad_percent == stereo.bad_percent
    assert flow.outlier_percent == stereo.outlier_percent


def test_bad_input():
    with pytest.raises(ShapeError, match='of one size'):
        disparity_metrics(row(1, 2), row(1, 2, 3))
    with pytest.raises(ShapeError, match=r'\(H, W, 2\)'):
        flow_metrics(row(1), row(1))
    with pytest.raises(ShapeError, match='valid must be bool'):
        disparity_metrics(row(1), row(1), np.ones((1, 1), np.uint8))
    with pytest.raises(ImageError, match='no known pixel'):
        disparity_metrics(row(1), row(NAN))
    with pytest.raises(ImageError, match='no known pixel'):
        disparity_metrics(row(1), row(1), np.zeros((1, 1), bool))
