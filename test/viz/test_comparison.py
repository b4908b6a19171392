"""One scale for all results of a pair."""
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.viz.comparison import (
    UNKNOWN,
    color_bar,
    common_scale,
    error_px,
    paint,
    paint_error,
    paint_truth,
    thicken,
)
from panmatch_ros.viz.flow import flow_to_color
from panmatch_ros.viz.scalar import disparity_to_color, error_to_color

NAN = np.nan


def ramp(low, high):
    return np.tile(np.linspace(low, high, 50, dtype=np.float32), (20, 1))


def field(x, y, size=(4, 6)):
    return np.full((*size, 2), (x, y), np.float32)


def test_error_by_hand():
    assert error_px(np.array([[1, 5, NAN, 2]]), np.array([[4, 3, 1, NAN]])) == pytest.approx(
        np.array([[3, 2, NAN, NAN]]), nan_ok=True)
    flow = np.array([[[3, 4], [1, NAN], [0, 0]]])
    truth = np.array([[[0, 0], [1, 1], [np.inf, 0]]])
    assert error_px(flow, truth) == pytest.approx(np.array([[5, NAN, NAN]]), nan_ok=True)
    with pytest.raises(ShapeError, match='one shape'):
        error_px(np.zeros((2, 3)), np.zeros((3, 2)))


def test_the_truth_scales_all_results():
    scale = common_scale(ramp(10, 20), [ramp(0, 100), ramp(10, 21)])
    assert (scale.low_px, scale.high_px) == pytest.approx((10.2, 19.8), abs=0.2)
    assert common_scale(None, [ramp(0, 10), ramp(20, 30)]).low_px < 1
    assert common_scale(None, [ramp(0, 10), ramp(20, 30)]).high_px > 29
    assert common_scale(field(3, 4), [field(90, 0)]).high_px == 5
    assert common_scale(None, [field(3, 4), field(6, 8)]).high_px == 10


def test_scale_of_constant_unknown_and_missing_values_is_one():
    flat = np.full((4, 6), 7, np.float32)
    assert common_scale(flat, [flat]).high_px > common_scale(flat, [flat]).low_px
    unknown = np.full((4, 6), NAN, np.float32)
    assert common_scale(unknown, [ramp(0, 10)[:4, :6]]).error_px == 1
    assert common_scale(None, []).high_px == 1
    with pytest.raises(ShapeError, match='one shape'):
        common_scale(flat, [flat[:2]])


@pytest.mark.parametrize(('off', 'limit'), [(0.2, 1), (1.5, 2), (7, 8), (1000, 64)])
def test_error_scale_holds_nearly_all_errors(off, limit):
    truth = ramp(10, 20)
    assert common_scale(truth, [truth, truth + np.float32(off)]).error_px == limit


def test_equal_values_have_equal_colours():
    truth = ramp(10, 20)
    scale = common_scale(truth, [truth, truth + 30])
    assert np.array_equal(paint(truth, scale), disparity_to_color(
        truth, scale.low_px, scale.high_px))
    flow = field(3, 4)
    assert np.array_equal(paint(flow, common_scale(flow, [])), flow_to_color(flow, 5.0))


def test_error_map_tells_unknown_from_missing():
    truth = np.full((2, 4), 5, np.float32)
    truth[0, 0] = NAN
    result = np.full((2, 4), 6, np.float32)
    result[1, 1] = NAN
    scale = common_scale(truth, [result])
    picture = paint_error(result, truth, scale)
    assert tuple(picture[0, 0]) == UNKNOWN
    assert tuple(picture[1, 1]) == (0, 0, 0)
    assert np.array_equal(picture[1, 2], error_to_color(np.ones((1, 1)), scale.error_px)[0, 0])


def test_sparse_truth_is_thickened_but_missing_results_stay():
    truth = np.full((9, 9), NAN, np.float32)
    truth[2, 2] = truth[6, 6] = 5
    result = np.full((9, 9), 5, np.float32)
    result[6, 6] = NAN
    scale = common_scale(truth, [result])
    picture = paint_error(result, truth, scale)
    right = error_to_color(np.zeros((1, 1)), 1.0)[0, 0]
    assert np.array_equal(picture[1:4, 1:4], np.broadcast_to(right, (3, 3, 3)))
    assert not picture[5:8, 5:8].any()
    assert tuple(picture[4, 4]) == tuple(picture[0, 0]) == UNKNOWN
    assert np.count_nonzero(paint_truth(truth, scale).any(axis=2)) == 18


def test_thicken_keeps_values_and_does_not_wrap():
    values = np.full((4, 5), NAN)
    values[0, 0], values[1, 2] = 1, 2
    thick = thicken(values)
    assert (thick[0, 0], thick[1, 2], thick[1, 0]) == (1, 2, 1)
    assert np.isnan(thick[3]).all()
    assert np.isnan(thick[:, 4]).all()
    flow = np.stack([values, 10 * values], axis=2)
    assert tuple(thicken(flow)[2, 3]) == (2, 20)


def test_color_bar():
    bar = color_bar('error', (3, 256))
    assert bar.shape == (3, 256, 3)
    assert np.array_equal(bar[:, 0], error_to_color(np.zeros((3, 1)), 1)[:, 0])
    assert np.array_equal(bar[:, -1], error_to_color(np.ones((3, 1)), 1)[:, 0])
    assert color_bar('flow', (16, 99)).shape == (16, 16, 3)
    with pytest.raises(ConfigError, match='no colour map'):
        color_bar('none', (3, 9))
