import time

import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.viz.flow import flow_legend, flow_to_color, robust_max_px


def constant_flow(u, v, size=(3, 4)):
    return np.full((*size, 2), (u, v), np.float32)


# The wheel has 55 steps: 15 from red to yellow, 6 to green, 4 to cyan, 11 to blue, 13 to
# magenta, 6 to red. A quarter turn is 13.75 steps.
@pytest.mark.parametrize(('u', 'v', 'rgb'), [
    (8, 0, (255, 0, 0)),
    (0, 8, (255, 234, 0)),        # 255 * 13.75 / 15
    (-8, 0, (0, 197, 255)),       # 255 * (1 - (27.5 - 25) / 11)
    (0, -8, (103, 0, 255)),       # 255 * (41.25 - 36) / 13
    (0, 0, (255, 255, 255)),
    (16, 0, (191, 0, 0)),         # beyond the scale: 0.75 * 255
])
def test_colors_of_directions(u, v, rgb):
    color = flow_to_color(constant_flow(u, v), 8.0)
    assert color.shape == (3, 4, 3)
    assert color.dtype == np.uint8
    assert (color == rgb).all()


def test_half_the_scale_is_half_saturated():
    assert np.allclose(flow_to_color(constant_flow(4, 0), 8.0), (255, 127.5, 127.5), atol=2)


def test_right_is_red_whatever_the_sign_of_a_tiny_v():
    # The published program steps from (255, 0, 0) to (255, 0, 43) there.
    colors = [flow_to_color(constant_flow(8, v), 8.0)[0, 0].astype(int) for v in (-1e-3, 1e-3)]
    assert np.abs(colors[0] - colors[1]).max() <= 4


@pytest.mark.parametrize('bad', [(np.nan, np.nan), (np.nan, 1), (1, np.nan), (np.inf, 0)])
def test_invalid_is_black(bad):
    flow = constant_flow(1, 2)
    flow[1, 2] = bad
    color = flow_to_color(flow)
    assert (color[1, 2] == 0).all()
    assert np.count_nonzero((color == 0).all(axis=-1)) == 1


def test_scaling_flow_and_scale_together_changes_nothing():
    flow = np.random.default_rng(0).normal(0, 3, (20, 30, 2)).astype(np.float32)
    assert (flow_to_color(flow, 6.0) == flow_to_color(flow * 4, 24.0)).all()


def test_an_automatic_scale_does_not_darken_the_longest():
    flow = constant_flow(5, 0, (20, 20))
    flow[0, 0] = (50, 0)
    assert (flow_to_color(flow)[0, 0] == (255, 0, 0)).all()


def test_robust_maximum_ignores_one_outlier_in_a_thousand():
    flow = constant_flow(3, 4, (40, 25))
    flow[7, 7] = (1000, 0)
    flow[8, 8] = np.nan
    assert robust_max_px(flow) == pytest.approx(5)


@pytest.mark.parametrize('flow', [constant_flow(0.01, 0), constant_flow(np.nan, 0),
                                  np.empty((0, 0, 2), np.float32)])
def test_robust_maximum_is_at_least_a_pixel(flow):
    assert robust_max_px(flow) == 1.0


def test_other_layouts_give_the_same_colors():
    flow = np.random.default_rng(1).normal(0, 3, (16, 20, 2)).astype(np.float32)
    expected = flow_to_color(flow, 5.0)
    assert (flow_to_color(flow.astype(np.float64), 5.0) == expected).all()
    assert (flow_to_color(np.asfortranarray(flow), 5.0) == expected).all()
    assert (flow_to_color(flow[::2], 5.0) == expected[::2]).all()


def test_the_input_is_not_changed():
    flow = constant_flow(9, 9)
    flow[0, 0] = np.nan
    before = flow.copy()
    flow_to_color(flow, 2.0)
    assert np.array_equal(flow, before, equal_nan=True)


def test_empty_field():
    assert flow_to_color(np.empty((0, 5, 2), np.float32)).shape == (0, 5, 3)


def test_a_frame_takes_milliseconds():
    flow = np.random.default_rng(0).normal(0, 20, (720, 1280, 2)).astype(np.float32)
    flow[:50] = np.nan
    flow_to_color(flow)
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        flow_to_color(flow)
        best = min(best, time.perf_counter() - start)
    assert best < 0.06  # about 0.01 on two cores of an idle machine


def test_legend():
    legend = flow_legend(65)
    assert legend.shape == (65, 65, 3)
    assert (legend[32, 32] > 245).all()
    assert np.allclose(legend[32, 63], (255, 0, 0), atol=14)   # right
    assert np.allclose(legend[63, 32], (255, 234, 0), atol=14)  # down
    assert (legend[0, 0] == 0).all()


def test_bad_input():
    with pytest.raises(ShapeError, match=r'flow must be \(H, W, 2\), got \(4, 5\)'):
        flow_to_color(np.zeros((4, 5), np.float32))
    with pytest.raises(ShapeError, match=r'\(4, 5, 3\)'):
        robust_max_px(np.zeros((4, 5, 3), np.float32))
    for scale in (0, -1, np.nan, np.inf):
        with pytest.raises(ConfigError, match='max_px must be a positive number'):
            flow_to_color(constant_flow(1, 1), scale)
    with pytest.raises(ConfigError, match='positive size'):
        flow_legend(0)
