import dataclasses

import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.inference.classical import ClassicalConfig


@pytest.mark.parametrize(('option', 'text'), [
    ({'correlation_window_size': 4}, 'correlation_window_size must be odd, got 4'),
    ({'correlation_window_size': 23}, 'whole number from 1 to 21, got 23'),
    ({'correlation_window_size': 5.0}, 'must be a whole number from 1 to 21, got 5.0'),
    ({'max_disparity': 10, 'min_disparity': 10}, 'larger than min_disparity, or 0 for automatic'),
    ({'max_disparity': -5}, 'larger than min_disparity'),
    ({'max_disparity': float('nan')}, 'max_disparity must be a number from -2000 to 2000'),
    ({'min_disparity': 3000.0}, 'min_disparity must be a number from -2000 to 2000, got 3000'),
    ({'min_disparity': '0'}, "min_disparity must be a number from -2000 to 2000, got '0'"),
    ({'P1': 300}, 'P2 must be larger than P1, got P1 300 and P2 288'),
    ({'P1': 50, 'P2': 50}, 'P2 must be larger than P1, got P1 50 and P2 50'),
    ({'P1': -1}, 'P1 must be a number from 0'),
    ({'uniqueness_ratio': 101}, 'uniqueness_ratio must be a number from 0 to 100, got 101'),
    ({'speckle_size': -1}, 'speckle_size'),
    ({'speckle_range': True}, 'speckle_range must be a whole number from 0 to 100, got True'),
    ({'disp12_max_diff': -2}, 'disp12_max_diff must be a whole number from -1 to 128'),
    ({'prefilter_cap': 64}, 'prefilter_cap must be a whole number from 1 to 63, got 64'),
    ({'sgbm_mode': 4}, 'sgbm_mode must be a whole number from 0 to 3, got 4'),
    ({'max_pixels': 0}, 'max_pixels'),
    ({'fill_holes': 1}, 'fill_holes must be True or False, got 1'),
    ({'flow_preset': 'slow'}, "flow_preset must be one of ultrafast, fast, medium, got 'slow'"),
])
def test_values_that_cannot_work_are_refused(option, text):
    with pytest.raises(ConfigError, match=text):
        ClassicalConfig(**option)


def test_options_cannot_be_changed_after_the_check():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ClassicalConfig().sgbm_mode = 7


@pytest.mark.parametrize(('width', 'expected'), [
    (1, 16),        # never less than SGBM needs
    (40, 48),       # 64 would be more than the image is wide
    (64, 64),
    (320, 64),      # 18 % is 58
    (640, 128),     # 115.2
    (1280, 240),    # 230.4
    (6000, 1088),   # 1080
    (20000, 2032),  # what fits 16 bit
])
def test_automatic_range(width, expected):
    assert ClassicalConfig().search_range(width) == (0, expected)


@pytest.mark.parametrize(('low', 'high', 'width', 'expected'), [
    (0, 64, 640, (0, 64)),
    (0, 65, 640, (0, 80)),
    (0, 50.5, 640, (0, 64)),
    (10.7, 26, 640, (10, 16)),
    (10.7, 27, 640, (10, 32)),
    (-16, 0, 640, (-16, 128)),      # 0 is automatic: from -16 on
    (-16, 16, 640, (-16, 32)),
    (-64, -10, 640, (-64, 64)),
    (0, 200, 50, (0, 64)),          # no disparity is larger than the image
    (-200, -100, 50, (-49, 16)),
    (100, 200, 50, (100, 16)),
    (1990, 2000, 3000, (1990, 16)),
])
def test_given_range(low, high, width, expected):
    config = ClassicalConfig(min_disparity=low, max_disparity=high)
    assert config.search_range(width) == expected


def test_penalties_are_those_that_opencv_recommends_unless_given():
    assert ClassicalConfig(correlation_window_size=5).penalties() == (200, 800)
    assert ClassicalConfig(P1=10, P2=400.0).penalties() == (10, 400)
    assert ClassicalConfig(P1=10).penalties() == (10, 288)
