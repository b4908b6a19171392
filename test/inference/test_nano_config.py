"""Options of the nano network: what is allowed, and what is said otherwise."""
import math

import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.inference.nano_config import NanoOptions


def test_defaults_use_the_shipped_network():
    options = NanoOptions()
    assert (options.weights, options.backend, options.threads) == ('', 'auto', 0)
    assert not options.detail
    assert not options.large_motion
    assert options.disparity_range() == (0, math.inf)
    assert options.max_pixels >= 1080 * 1920


def test_limits_of_the_disparity():
    assert NanoOptions(min_disparity=-3, max_disparity=64).disparity_range() == (-3, 64)


@pytest.mark.parametrize(('values', 'text'), [
    ({'weights': None}, 'weights must be the name of a file or folder'),
    ({'backend': 'cuda'}, 'backend must be one of auto, onnxruntime, openvino'),
    ({'threads': -1}, 'threads must be a whole number from 0 to 256'),
    ({'threads': 1.5}, 'threads must be a whole number'),
    ({'threads': True}, 'threads must be a whole number'),
    ({'max_pixels': 100}, 'max_pixels must be a whole number from 4096'),
    ({'detail': 1}, 'detail must be True or False'),
    ({'large_motion': 'yes'}, 'large_motion must be True or False'),
    ({'min_disparity': math.nan}, 'min_disparity must be a finite number'),
    ({'max_disparity': '9'}, 'max_disparity must be a finite number'),
    ({'min_disparity': 8, 'max_disparity': 8}, 'max_disparity must be larger'),
])
def test_wrong_values(values, text):
    with pytest.raises(ConfigError, match=text):
        NanoOptions(**values)
