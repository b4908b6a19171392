"""Metrics of KITTI, Sintel and Spring against values worked out by hand."""
import math

import numpy as np
import pytest

from panmatch_ros.core.errors import ImageError, ShapeError
from panmatch_ros.evaluation.metrics.benchmarks import (
    SpringMaps,
    kitti_metrics,
    sintel_metrics,
    spring_metrics,
)
from panmatch_ros.evaluation.metrics.dense import disparity_metrics, flow_metrics
from panmatch_ros.evaluation.metrics.region_errors import RegionErrors, add_regions, error_map

NAN = np.nan


def row(*values):
    return np.array([values], np.float32)


def flags(text):
    return np.array([[letter == 'x' for letter in text]])


def test_kitti_by_hand():
    truth = row(10, 10, 10, 100, 100, NAN)
    result = row(10, 14, NAN, 104, 106, 7)
    # errors: 0, 4 (40 %), none, 4 (4 %), 6 (6 %), unknown: outliers are 1, 2 and 4, and 3 as
    # well if only pixels count
    metrics = kitti_metrics(result, truth, flags('xx.xx.'), flags('.xx..x'))
    assert metrics.all.pixels == 5
    assert metrics.all.outlier_percent == pytest.approx(60)
    assert metrics.all.three_px_percent == pytest.approx(80)
    assert metrics.noc.three_px_percent == pytest.approx(75)
    assert metrics.foreground.outlier_percent == pytest.approx(100)      # 1, 2
    assert metrics.background.outlier_percent == pytest.approx(100 / 3)  # 0, 3, 4
    assert metrics.noc.outlier_percent == pytest.approx(50)              # 0, 1, 3, 4
    assert metrics.noc_foreground.outlier_percent == pytest.approx(100)  # 1
    assert metrics.noc_background.outlier_percent == pytest.approx(100 / 3)
    assert metrics.all.epe_px == pytest.approx((0 + 4 + 4 + 6) / 4)
    assert metrics.noc.epe_px == pytest.approx(14 / 4)
    assert metrics.all.density_percent == pytest.approx(80)


def test_kitti_flow_by_hand():
    truth = np.array([[[3, 4], [60, 80], [0, 0]]], np.float32)
    flow = np.array([[[3, 7.5], [60, 76], [0, -3]]], np.float32)
    # errors: 3.5 of 5, 4 of 100, 3 of 0: only the first is an outlier
    metrics = kitti_metrics(flow, truth, foreground=flags('x..'))
    assert metrics.all.outlier_percent == pytest.approx(100 / 3)
    assert metrics.foreground.outlier_percent == 100
    assert metrics.background.outlier_percent == 0


def test_unknown_regions_are_empty():
    metrics = kitti_metrics(row(1, 2), row(1, 2))
    assert metrics.all.outlier_percent == 0
    for region in (metrics.foreground, metrics.background, metrics.noc, metrics.noc_foreground):
        assert region == RegionErrors()
        numbers = (region.outlier_percent, region.epe_px, region.one_px_percent,
                   region.wauc_percent, region.density_percent)
        assert all(math.isnan(number) for number in numbers)
    # A mask without a true pixel is known, and empty just the same.
    empty = kitti_metrics(row(1, 2), row(1, 2), foreground=flags('..'))
    assert empty.foreground == RegionErrors()
    assert empty.background.pixels == 2


def test_pixels_of_pairs_are_pooled():
    first = kitti_metrics(row(10), row(20))                            # 1 of 1
    second = kitti_metrics(row(5, 5, 5), row(5, 5, 5), flags('x..'))   # 0 of 3
    both = add_regions([first, second])
    assert both.all.outlier_percent == 25  # not the mean of 100 and 0
    assert both.all.epe_px == 2.5
    assert both.noc.pixels == 1


def test_sintel_by_hand():
    truth = np.array([[[3, 4], [9.9, 0], [0, 10], [39, 0], [24, 32], [NAN, 0]]], np.float32)
    flow = truth.copy()
    flow[0, :, 0] += (1, 2, 3, 4, 5, 6)
    metrics = sintel_metrics(flow, truth, flags('xx.x..'))
    assert metrics.all.epe_px == pytest.approx(3)
    assert metrics.matched.epe_px == pytest.approx((1 + 2 + 4) / 3)
    assert metrics.unmatched.epe_px == pytest.approx((3 + 5) / 2)
    assert metrics.s0_10.epe_px == pytest.approx(1.5)      # speeds 5 and 9.9
    assert metrics.s10_40.epe_px == pytest.approx(3.5)     # speeds 10 and 39
    assert metrics.s40_plus.epe_px == pytest.approx(5)     # speed 40
    assert math.isnan(sintel_metrics(flow, truth).matched.epe_px)


def test_weighted_area_by_hand():
    # The sum of all weights is 50.5. Exact: all of them. 0.05 is within all 100 limits. 0.06 is
    # within all but the first, whose weight is 1. 5 is within the last only, whose weight is
    # 0.01; what is beyond 5 or has no result within none.
    def area(error):
        return spring_metrics(row(error), row(0)).total.wauc_percent

    assert area(0) == pytest.approx(100)
    assert area(0.05 - 1e-6) == pytest.approx(100)
    assert area(0.06) == pytest.approx(100 * 49.5 / 50.5)
    assert area(5) == pytest.approx(100 * 0.01 / 50.5)
    assert area(5.001) == 0
    assert area(NAN) == 0
    # Of two pixels the mean: one exact, one within the last two limits (0.02 and 0.01).
    both = spring_metrics(row(0, 4.93), row(0, 0)).total
    assert both.wauc_percent == pytest.approx(100 * (1 + 0.03 / 50.5) / 2)


def test_weighted_area_against_its_definition():
    errors = np.abs(np.random.default_rng(0).normal(0, 3, (20, 30)))
    errors[0, :10] = np.arange(1, 11) / 20  # on the limits
    weights = [1 - (index - 1) / 100 for index in range(1, 101)]
    shares = [np.mean(errors <= index / 20) for index in range(1, 101)]
    expected = 100 * np.dot(weights, shares) / np.sum(weights)
    assert spring_metrics(errors, np.zeros_like(errors)).total.wauc_percent == pytest.approx(
        expected)


def test_spring_by_hand():
    truth = row(5, 5, 20, 50, NAN)
    result = row(5.5, 7, 24, NAN, 3)
    maps = SpringMaps(high_detail=flags('x....'), non_rigid=flags('xxx..'),
                      unmatched=flags('..xx.'), sky=flags('....x'))
    metrics = spring_metrics(result, truth, maps)
    # errors: 0.5, 2, 4 (20 %), none
    assert metrics.total.one_px_percent == 75
    assert metrics.total.outlier_percent == 50
    assert metrics.total.epe_px == pytest.approx(6.5 / 3)
    assert metrics.high_detail.one_px_percent == 0
    assert metrics.low_detail.one_px_percent == 100
    assert metrics.non_rigid.one_px_percent == pytest.approx(200 / 3)
    assert metrics.rigid.one_px_percent == 100
    assert metrics.matched.epe_px == pytest.approx(1.25)
    assert metrics.unmatched.epe_px == pytest.approx(4)
    assert (metrics.sky.pixels, metrics.not_sky.pixels) == (0, 4)
    assert (metrics.s0_10.pixels, metrics.s10_40.pixels, metrics.s40_plus.pixels) == (2, 1, 1)


def test_spring_takes_the_nearest_of_four_truths():
    truth = np.array([[[10, 98]], [[14, 104]], [[11, 100]], [[30, NAN]]], np.float32)
    metrics = spring_metrics(row(12, 100), truth)
    # Of the second pixel one value is unknown: it does not count. Of the first the nearest is 11;
    # its mean is 16.25, and an outlier would be relative to 30.
    assert metrics.total.pixels == 1
    assert metrics.total.epe_px == 1
    assert metrics.total.one_px_percent == 0
    assert metrics.s10_40.pixels == 1
    four = np.full((4, 1, 1), 100, np.float32)
    assert spring_metrics(row(104), four).total.outlier_percent == 0    # 4 of 100
    four[3] = 60
    assert spring_metrics(row(56), four).total.outlier_percent == 0     # still 4 of 100
    four[:] = 60
    assert spring_metrics(row(56), four).total.outlier_percent == 100   # 4 of 60


def test_spring_flow_with_four_truths():
    truth = np.zeros((4, 1, 1, 2), np.float32)
    truth[1] = (3, 0)
    truth[2] = (0, 4)
    metrics = spring_metrics(np.array([[[3, 1]]], np.float32), truth)
    assert metrics.total.epe_px == pytest.approx(1)
    assert metrics.s0_10.pixels == 1


def test_all_agree_with_the_plain_metrics():
    generator = np.random.default_rng(1)
    truth = generator.uniform(0, 80, (20, 30, 2)).astype(np.float32)
    result = truth + generator.normal(0, 3, truth.shape).astype(np.float32)
    result[generator.random(truth.shape[:2]) < 0.1] = NAN
    truth[generator.random(truth.shape[:2]) < 0.1] = NAN
    for each, plain in ((kitti_metrics(result, truth).all, flow_metrics(result, truth)),
                        (spring_metrics(result, truth).total, flow_metrics(result, truth)),
                        (kitti_metrics(result[..., 0], truth[..., 0]).all,
                         disparity_metrics(result[..., 0], truth[..., 0]))):
        assert each.epe_px == pytest.approx(plain.epe_px)
        assert each.outlier_percent == pytest.approx(plain.outlier_percent)
        assert each.one_px_percent == pytest.approx(plain.bad_percent[1])
        assert each.density_percent == pytest.approx(plain.density_percent)


def test_bad_input():
    with pytest.raises(ShapeError, match=r'of one size, got \(1, 2\) and \(1, 3\)'):
        kitti_metrics(row(1, 2), row(1, 2, 3))
    with pytest.raises(ShapeError, match='of one size, got'):
        sintel_metrics(np.zeros((1, 1, 2)), np.zeros((2, 2, 2)))
    with pytest.raises(ShapeError, match=r'candidates, of one size, got \(1, 2\) and \(4, 1, 3\)'):
        spring_metrics(row(1, 2), np.zeros((4, 1, 3)))
    with pytest.raises(ShapeError, match='of one size'):
        error_map(np.zeros(3), np.zeros(3))
    with pytest.raises(ShapeError, match=r'a region must be bool \(1, 2\), got uint8'):
        kitti_metrics(row(1, 2), row(1, 2), np.ones((1, 2), np.uint8))
    with pytest.raises(ShapeError, match=r'got bool \(1, 1\)'):
        spring_metrics(row(1, 2), row(1, 2), SpringMaps(sky=np.ones((1, 1), bool)))
    with pytest.raises(ImageError, match='no known pixel'):
        sintel_metrics(np.zeros((1, 1, 2)), np.full((1, 1, 2), NAN))
