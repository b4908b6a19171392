import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.viz.scalar import (
    COLORMAPS,
    confidence_to_color,
    depth_to_color,
    disparity_to_color,
    error_to_color,
    robust_range,
    scalar_to_color,
)

TURBO_FIRST, TURBO_LAST = (48, 18, 59), (122, 4, 3)


def row(*values):
    return np.array([values], np.float32)


def test_gray_is_linear_and_saturates():
    color = scalar_to_color(row(-5, 0, 1, 2, 4, 9), 0.0, 4.0, 'gray')
    assert color.shape == (1, 6, 3)
    assert color.dtype == np.uint8
    assert color[0, :, 0].tolist() == [0, 0, 64, 128, 255, 255]
    assert (color == color[..., :1]).all()


def test_turbo_is_rgb():
    color = scalar_to_color(row(0, 1), 0.0, 1.0)
    assert color[0, 0].tolist() == list(TURBO_FIRST)
    assert color[0, 1].tolist() == list(TURBO_LAST)


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_invalid_is_black(bad):
    color = scalar_to_color(row(1, bad, 2))
    assert (color[0, 1] == 0).all()
    assert color[0, [0, 2]].any(axis=-1).all()


@pytest.mark.parametrize('colormap', COLORMAPS)
def test_all_maps_have_many_colors(colormap):
    color = scalar_to_color(np.arange(256, dtype=np.float32)[None], 0.0, 255.0, colormap)
    assert len(np.unique(color.reshape(-1, 3), axis=0)) > 150


def test_automatic_limits_ignore_outliers():
    values = np.linspace(10, 20, 1000, dtype=np.float32).reshape(20, 50)
    values[3, 3], values[4, 4] = 1e9, np.nan
    low, high = robust_range(values)
    assert low == pytest.approx(10.2, abs=0.05)
    assert high == pytest.approx(19.8, abs=0.05)


def test_one_limit_may_be_given():
    values = row(*range(101))
    assert (scalar_to_color(values, 50.0)[0, :50] == TURBO_FIRST).all()
    assert (scalar_to_color(values, None, 50.0)[0, 50:] == TURBO_LAST).all()
    # All values are on one side of the limit: one color, and no error.
    assert (scalar_to_color(values, 500.0) == TURBO_FIRST).all()
    assert scalar_to_color(values, None, -500.0).shape == (1, 101, 3)


@pytest.mark.parametrize('values', [np.full((4, 5), 7.0), np.full((4, 5), np.nan),
                                    np.zeros((0, 3)), np.arange(20).reshape(4, 5),
                                    np.array([[-1e30, 1e30]]), np.ones((2, 2), bool)])
def test_degenerate_maps_are_painted(values):
    assert scalar_to_color(values).shape == (*values.shape, 3)


def test_near_is_warm_in_disparity_and_depth():
    for near, far in (disparity_to_color(row(100, 10), 10.0, 100.0)[0],
                      depth_to_color(row(1, 10), 1.0, 10.0)[0]):
        assert near.tolist() == list(TURBO_LAST)
        assert far.tolist() == list(TURBO_FIRST)


def test_depth_looks_like_the_disparity_of_the_same_scene():
    disparity = np.linspace(2, 80, 400, dtype=np.float32).reshape(20, 20)
    disparity[2, 3] = np.nan
    # Depth of a rig with f * B = 50 px m.
    difference = (depth_to_color(50 / disparity, 50 / 80, 50 / 2).astype(int)
                  - disparity_to_color(disparity, 2, 80))
    assert np.abs(difference).max() <= 8  # one step of the map, by rounding


def test_depth_that_is_not_positive_is_black():
    color = depth_to_color(row(0, -1, np.nan, np.inf, 2, 3))
    assert (color[0, :4] == 0).all()
    assert color[0, 4:].any(axis=-1).all()


def test_confidence_has_a_fixed_scale():
    color = confidence_to_color(row(0.0, 0.5, 1.0))
    assert (color[0, 1] == confidence_to_color(row(0.5))[0, 0]).all()
    assert color[0, 2].astype(int).sum() > color[0, 0].astype(int).sum()


def test_error_colors():
    color = error_to_color(row(0, 3, 30, np.nan), 3.0)
    assert color[0].tolist() == [[49, 54, 149], [165, 0, 38], [165, 0, 38], [0, 0, 0]]


def test_bad_input():
    with pytest.raises(ShapeError, match=r'must be \(H, W\), got \(2, 3, 1\)'):
        scalar_to_color(np.zeros((2, 3, 1)))
    with pytest.raises(ConfigError, match=r"no colour map 'rainbow'.*turbo"):
        scalar_to_color(row(1), colormap='rainbow')
    with pytest.raises(ConfigError, match='low must be less than high, got 2 and 2'):
        disparity_to_color(row(1), 2, 2)
    with pytest.raises(ConfigError, match='finite'):
        scalar_to_color(row(1), None, np.inf)
    with pytest.raises(ConfigError, match='low must be less than high'):
        scalar_to_color(row(1), np.nan, 1.0)
    with pytest.raises(ConfigError, match='low must be a positive depth'):
        depth_to_color(row(1), 0.0, 5.0)
    with pytest.raises(ConfigError, match='low must be less than high'):
        error_to_color(row(1), 0.0)
