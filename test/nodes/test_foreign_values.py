"""Whatever stereo_image_proc and Isaac ROS take, the node runs, and says what it makes of it."""
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from disparity_node_file import DISPARITY_NODE, start_with_file
from plane_scene import INNER, listen_all, send
from rclpy.parameter import Parameter
from ros_harness import floats_of

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.nodes import parameters
from panmatch_ros.nodes.foreign_values import end_of_search, remarks
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

# The ends of the ranges that disparity_node declares.
RANGES = {
    'stereo_algorithm': (0, 1), 'prefilter_size': (5, 255), 'prefilter_cap': (1, 63),
    'correlation_window_size': (5, 255), 'min_disparity': (-2048, 2048),
    'disparity_range': (32, 4096), 'texture_threshold': (0, 10000), 'speckle_size': (0, 1000),
    'speckle_range': (0, 31), 'disp12_max_diff': (0, 128), 'uniqueness_ratio': (0.0, 100.0),
    'P1': (0.0, 4000.0), 'P2': (0.0, 4000.0), 'sgbm_mode': (0, 3),
}
WINDOW = 'correlation_window_size is 21 instead of 255: the classical matcher sums costs as 16'
NO_LIMIT = 'the search ends at the width of the images (160 px): the 4096 px'
NOTHING = 'beyond the width of the images (160 px): there is nothing to be found'
RAISED = 'P2 is 4001 instead of 400: it has to be larger than P1'
DEFAULTS = {spec.name: spec.default for spec in parameters.STEREO_NODE}


def disparity_of(graph, stamp_s):
    """Give what is valid of the inner part of the disparity of a frame, 30 px in truth."""
    send(graph, stamp_s)
    message = graph.wait_for('disparity', len(graph.received['disparity']) + 1)
    found = floats_of(message.image)[INNER]
    return message, found[np.isfinite(found)]


def values_of(**given):
    return SimpleNamespace(**{**DEFAULTS, **DISPARITY_NODE, **given})


@pytest.mark.parametrize(('values', 'low', 'high', 'expected'), [
    ({name: low for name, (low, _) in RANGES.items()}, -159, -144, [NOTHING]),
    ({name: high for name, (_, high) in RANGES.items()}, 1984, 1999, [NOTHING, WINDOW]),
    ({name: low for name, (low, _) in RANGES.items() if name != 'min_disparity'}, 0, 31, []),
    ({name: high for name, (_, high) in RANGES.items() if name != 'min_disparity'}, 0, 159,
     [NO_LIMIT, WINDOW, 'P2 is 4001 instead of 4000']),
    ({'min_disparity': -64, 'disparity_range': 64}, -64, -1, []),
], ids=['lowest', 'highest', 'lowest from 0 on', 'highest from 0 on', 'up to 0'])
def test_file_with_the_ends_of_all_ranges(graph, tmp_path, values, low, high, expected):
    node = start_with_file(graph, tmp_path, {**DISPARITY_NODE, **values})
    assert {name: getattr(node.settings, name) for name in values} == values
    listen_all(graph)
    message, found = disparity_of(graph, 1.0)
    assert (message.min_disparity, message.max_disparity) == (low, high)
    if low <= 30 <= high:
        assert found.size > 0.9 * np.prod(floats_of(message.image)[INNER].shape)
        assert np.median(found) == pytest.approx(30, abs=0.07)
    else:
        assert not np.any(np.abs(found - 30) < 1)
    for part in expected:
        graph.wait_for_log(part)
    if not expected:
        assert remarks(node.settings, 160, is_classical=True) == []


def test_each_end_of_each_range_at_runtime(graph):
    node = graph.add(StereoNode, **{**DISPARITY_NODE, 'matcher': 'classical'})
    listen_all(graph)
    stamp_s = 0.0
    for name, ends in RANGES.items():
        for value in ends:
            stamp_s += 1.0
            results = node.set_parameters([Parameter(name, value=value)])
            assert results[0].successful, results[0].reason
            _, found = disparity_of(graph, stamp_s)
            if name != 'min_disparity':
                assert found.size > 0.9 * 100 * 105, (name, value)
                assert np.median(found) == pytest.approx(30, abs=0.07), (name, value)
        assert node.set_parameters([Parameter(name, value=DISPARITY_NODE[name])])[0].successful
    for part in (WINDOW, NO_LIMIT, NOTHING, RAISED):
        graph.wait_for_log(part)


def test_a_remark_is_made_once(graph, tmp_path):
    node = start_with_file(graph, tmp_path, {**DISPARITY_NODE, 'P1': 4000.0})
    listen_all(graph)
    for stamp_s in (1.0, 2.0, 3.0):
        disparity_of(graph, stamp_s)
    graph.wait_for_log(RAISED)
    # Another value says nothing new of this one; back at it, nothing is new.
    for stamp_s, value in ((4.0, 100.0), (5.0, 4000.0)):
        assert node.set_parameters([Parameter('P1', value=value)])[0].successful
        disparity_of(graph, stamp_s)
    assert graph.log_text().count(RAISED) == 1


@pytest.mark.parametrize('matcher', ['classical', 'nano'])
def test_parameters_of_the_isaac_decoder(graph, matcher):
    if matcher == 'nano':
        pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    graph.add(StereoNode, matcher=matcher, min_disparity=0.0, max_disparity=10000.0,
              confidence_threshold=0.0)
    listen_all(graph)
    message, found = disparity_of(graph, 1.0)
    assert found.size == 100 * 105
    assert np.median(found) == pytest.approx(30, abs=0.3)
    assert 100 < message.max_disparity <= 160
    graph.wait_for_log('the search ends at the width of the images (160 px): the 10000 px')


# What is said, and what the matchers get.

@pytest.mark.parametrize(('given', 'width', 'expected'), [
    ({}, 640, []),
    ({'disparity_range': 640}, 640, []),
    ({'disparity_range': 656}, 640, ['the search ends at the width of the images (640 px): the '
                                     '656 px of max_disparity, or of min_disparity + '
                                     'disparity_range, are no limit']),
    ({'min_disparity': 640}, 640, ['the search starts at a disparity of 640 px, beyond the width '
                                   'of the images (640 px): there is nothing to be found']),
    ({'min_disparity': -800, 'disparity_range': 160}, 640, [
        'the search ends at a disparity of -640 px, beyond the width of the images (640 px): '
        'there is nothing to be found']),
    ({'min_disparity': 2000}, 4000, ['the classical matcher finds disparities from -2000 to 2000 '
                                     'px only, as it keeps them as 16 bits']),
    ({'min_disparity': -2048, 'disparity_range': 4096}, 4000, [
        'the classical matcher finds disparities from -2000 to 2000 px only, as it keeps them as '
        '16 bits']),
    ({'min_disparity': -2000, 'disparity_range': 4000}, 4000, []),
])
def test_remarks(given, width, expected):
    assert remarks(values_of(**given), width, is_classical=True) == expected


def test_what_concerns_the_classical_matcher_is_not_said_of_a_network():
    values = values_of(correlation_window_size=41, P1=900.0)
    assert len(remarks(values, 640, is_classical=True)) == 2
    assert remarks(values, 640, is_classical=False) == []


@pytest.mark.parametrize(('given', 'expected'), [
    ({'correlation_window_size': 41}, {'correlation_window_size': 21}),
    ({'correlation_window_size': 21}, {'correlation_window_size': 21}),
    ({'P1': 400.0}, {'P1': 400.0, 'P2': 401}),
    ({'P1': 400.4, 'P2': 400.6}, {'P1': 400.4, 'P2': 400.6}),  # 400 and 401
    ({'P1': 0.0, 'P2': 100.0, 'correlation_window_size': 5}, {'P1': 0.0, 'P2': 201}),
    ({'P1': 14999.0, 'P2': 15000.0}, {'P1': 14999.0, 'P2': 15000.0}),
    ({'P1': 14999.0, 'P2': 1.0}, {'P1': 14999.0, 'P2': 15000}),
    ({'min_disparity': 2048}, {'min_disparity': 1984, 'max_disparity': 2000}),
    ({'min_disparity': -2048}, {'min_disparity': -2000, 'max_disparity': -1984}),
    ({'disparity_range': 4096}, {'min_disparity': 0, 'max_disparity': 2000}),
    ({'min_disparity': -64, 'disparity_range': 64}, {'max_disparity': -0.001}),
    ({'min_disparity': 10, 'disparity_range': 2}, {'min_disparity': 10, 'max_disparity': 12}),
    ({'disp12_max_diff': 128}, {'disp12_max_diff': 128}),
])
def test_options_of_the_classical_matcher(given, expected):
    config = parameters.matcher_options(values_of(**given)).classical
    assert {name: getattr(config, name) for name in expected} == expected


def test_networks_get_the_range_as_it_is():
    options = parameters.matcher_options(values_of(min_disparity=-2048, max_disparity=10000.0))
    for network in (options.nano, options.panmatch):
        assert network.disparity_range() == (-2048, 10000)


@pytest.mark.parametrize(('given', 'match'), [
    ({'correlation_window_size': 254}, 'correlation_window_size must be odd, got 254'),
    ({'min_disparity': 8, 'max_disparity': 8.0}, 'max_disparity must be larger .* 8 and 8$'),
    ({'min_disparity': 2040, 'max_disparity': 2030.0}, 'must be larger .* 2030 and 2040$'),
    ({'min_disparity': -2030, 'max_disparity': -2040.0}, 'must be larger .* -2040 and -2030$'),
])
def test_what_contradicts_is_refused(given, match):
    with pytest.raises(ConfigError, match=match):
        parameters.matcher_options(values_of(**given))


def test_end_of_search():
    assert end_of_search(values_of(max_disparity=40.0)) == 40
    assert end_of_search(values_of(min_disparity=8)) == 72
    assert end_of_search(values_of(disparity_range=0)) == 0  # automatic
    assert -1 < end_of_search(values_of(min_disparity=-64)) < 0
