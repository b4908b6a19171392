"""Parameters: names of stereo_image_proc, ranges, live changes, clear refusals."""
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from rclpy.parameter import Parameter
from ros_harness import camera_infos, floats_of, image_message, publish_pair
from sensor_msgs.msg import Image

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.errors import ConfigError
from panmatch_ros.data.synthetic.planes import render_plane_pair
from panmatch_ros.nodes import parameters
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

# With the values of its documentation.
STEREO_IMAGE_PROC = {
    'stereo_algorithm': 0, 'prefilter_size': 9, 'prefilter_cap': 31,
    'correlation_window_size': 15, 'min_disparity': 0, 'disparity_range': 64,
    'texture_threshold': 10, 'speckle_size': 100, 'speckle_range': 4, 'disp12_max_diff': 0,
    'uniqueness_ratio': 15.0, 'P1': 200.0, 'P2': 400.0, 'sgbm_mode': 0,
    'approximate_sync': False, 'approximate_sync_tolerance_seconds': 0.0, 'queue_size': 5,
    'image_transport': 'raw', 'use_color': True, 'avoid_point_cloud_padding': False,
    'use_system_default_qos': False,
}


def change(node, name, value):
    return node.set_parameters([Parameter(name, value=value)])[0]


def test_parameters_of_stereo_image_proc_are_taken(graph):
    node = graph.add(StereoNode, **STEREO_IMAGE_PROC)
    options = parameters.matcher_options(node.settings).classical
    assert options.correlation_window_size == 15
    assert options.max_disparity == 64.0  # min_disparity + disparity_range
    assert (options.P1, options.P2, options.speckle_range) == (200, 400, 4)


def test_max_disparity_wins_over_disparity_range(graph):
    node = graph.add(StereoNode, min_disparity=8, disparity_range=64, max_disparity=40.0)
    assert parameters.matcher_options(node.settings).classical.max_disparity == 40.0
    assert node.matcher.search_range(640) == (8.0, pytest.approx(39, abs=1))


@pytest.mark.parametrize(('name', 'value', 'match'), [
    ('matcher', 'magic', 'matcher must be one of auto, classical'),
    ('confidence_threshold', 1.5, 'confidence_threshold must be from 0 to 1, got 1.5'),
    ('confidence_threshold', float('nan'), 'confidence_threshold must be finite'),
    ('queue_size', 0, 'queue_size must be from 1 to 1000, got 0'),
    ('queue_size', 2.5, 'queue_size must be a whole number, got 2.5'),
    ('queue_size', float('inf'), 'queue_size must be finite, got inf'),
    ('image_transport', 'theora', 'image_transport must be one of raw, compressed'),
    ('depth_encoding', '64FC1', 'depth_encoding must be one of 32FC1, 16UC1'),
    ('correlation_window_size', 4, 'correlation_window_size must be odd, got 4'),
    ('correlation_window_size', 40, 'correlation_window_size must be odd, got 40'),
    ('correlation_window_size', 257, 'correlation_window_size must be from 1 to 255, got 257'),
    ('disparity_range', 4097, 'disparity_range must be from 0 to 4096, got 4097'),
    ('min_disparity', 2049.0, 'min_disparity must be from -2048 to 2048, got 2049'),
    ('disp12_max_diff', 129, 'disp12_max_diff must be from -1 to 128, got 129'),
    ('max_depth', -1.0, 'max_depth must be from 0 to 10000, got -1'),
    ('invalid_value', '0', 'invalid_value must be one of nan, below_minimum, zero'),
    ('rectification_check_interval', -1,
     'rectification_check_interval must be from 0 to 100000, got -1'),
    ('max_disparity', -5.0, 'max_disparity must be larger than min_disparity'),
])
def test_values_that_cannot_work_stop_the_node_with_a_reason(graph, name, value, match):
    with pytest.raises(ConfigError, match=match):
        graph.add(StereoNode, **{name: value})


def test_parameters_that_do_not_exist_are_told(graph):
    """ROS ignores them without a word, a misspelt one too."""
    graph.add(StereoNode, max_disparty=64.0, zzz=1, use_sim_time=False, **{
        'qos_overrides./depth.publisher.depth': 5})
    graph.wait_for_log('there is no parameter zzz: its value is ignored')
    lines = [line for line in graph.log_text().splitlines() if 'there is no parameter' in line]
    assert sorted(lines) == [
        'there is no parameter max_disparty: its value is ignored; did you mean max_disparity?',
        'there is no parameter zzz: its value is ignored']


def test_values_that_cannot_work_are_refused_while_running(graph):
    node = graph.add(StereoNode)
    for name, value, reason in (
            ('confidence_threshold', 2.0, 'must be from 0 to 1'),
            ('confidence_threshold', 'high', 'must be a number'),
            ('speckle_size', float('nan'), 'speckle_size must be finite, got nan'),
            ('speckle_size', float('-inf'), 'speckle_size must be finite, got -inf'),
            ('correlation_window_size', 4, 'must be odd'),
            ('queue_size', 9, 'queue_size cannot change while the node runs')):
        before = node.get_parameter(name).value
        result = change(node, name, value)
        assert not result.successful
        assert reason in result.reason
        assert node.get_parameter(name).value == before


def test_whole_numbers_are_taken_for_floats(graph):
    node = graph.add(StereoNode, confidence_threshold=1)
    assert node.settings.confidence_threshold == 1.0
    assert isinstance(node.settings.confidence_threshold, float)
    assert change(node, 'confidence_threshold', 0).successful


def test_descriptions_tell_range_and_unit(graph):
    node = graph.add(StereoNode)
    for spec in parameters.STEREO_NODE:
        descriptor = node.describe_parameter(spec.name)
        assert spec.description in descriptor.description
        if spec.low is not None:
            assert f'{spec.low:g} to {spec.high:g}' in descriptor.description


def test_live_change_takes_effect_between_frames(graph):
    rig = StereoRig.ideal((80, 160), focal_px=200.0, baseline_m=0.3)
    left, right = render_plane_pair(rig, 2.0)  # 30 px
    node = graph.add(StereoNode, max_disparity=64.0)
    graph.listen('depth', Image)

    def depth(stamp):
        images = [image_message(pixels, 'rgb8', stamp) for pixels in (left, right)]
        publish_pair(graph, *images, camera_infos(rig, stamp))
        return floats_of(graph.wait_for('depth', len(graph.received['depth']) + 1))

    assert np.nanmedian(depth(1.0)) == pytest.approx(2.0, abs=0.01)
    first = node.matcher
    assert change(node, 'confidence_threshold', 1.0).successful
    assert np.isnan(depth(2.0)).mean() > 0.5
    assert node.matcher is first  # nothing that concerns the matcher changed
    assert change(node, 'confidence_threshold', 0.2).successful
    assert change(node, 'max_disparity', 16.0).successful  # 30 px are out of reach now
    assert np.nanmedian(depth(3.0)) != pytest.approx(2.0, abs=0.01)
    assert node.matcher is not first


def test_watchdog_follows_a_live_change_without_any_frame(graph):
    node = graph.add(StereoNode, input_timeout_seconds=600.0)
    graph.listen('depth', Image)
    assert graph.spin_until(lambda: node.inputs.is_open)
    assert change(node, 'input_timeout_seconds', 0.2).successful
    graph.wait_for_log('/left/image_rect: no message since the node subscribed')


def test_parameters_that_belong_together_change_together(graph):
    node = graph.add(StereoNode, P1=100.0, P2=200.0)
    first = node._parameters_now.values
    results = node.set_parameters_atomically([Parameter('P1', value=300.0),
                                              Parameter('P2', value=400.0)])
    assert results.successful
    assert (first.P1, first.P2) == (100.0, 200.0)  # whoever took it keeps one set
    values = node._parameters_now.values
    assert (values.P1, values.P2) == (300.0, 400.0)
    assert change(node, 'P2', 250.0).successful  # what OpenCV makes of it
    assert parameters.matcher_options(node._parameters_now.values).classical.P2 == 301


def test_qos_overrides_are_accepted(graph):
    name = 'qos_overrides./left/image_rect.subscription.reliability'
    node = graph.add(StereoNode, **{name: 'reliable',
                                    'qos_overrides./depth.publisher.depth': 7})
    graph.listen('depth', Image)
    assert graph.spin_until(lambda: node.inputs.is_open)
    profiles = [info.qos_profile for info in graph.node.get_subscriptions_info_by_topic(
        '/left/image_rect') if info.node_name == 'stereo_node']
    assert [profile.reliability.name for profile in profiles] == ['RELIABLE']
    assert node.get_parameter('qos_overrides./depth.publisher.depth').value == 7


def test_default_qos_is_that_of_image_pipeline(graph):
    node = graph.add(FlowNode)
    graph.listen('flow', Image)
    assert graph.spin_until(lambda: node.inputs.is_open)
    subscription = next(info for info in graph.node.get_subscriptions_info_by_topic('/image')
                        if info.node_name == 'flow_node').qos_profile
    publisher = next(info for info in graph.node.get_publishers_info_by_topic('/flow')
                     if info.node_name == 'flow_node').qos_profile
    assert subscription.reliability.name == 'BEST_EFFORT'
    assert publisher.reliability.name == 'RELIABLE'


def test_options_of_what_computes(graph):
    given = {'backend': 'tensorrt', 'threads': 3, 'device': 'cuda', 'precision': 'fp32',
             'allow_fallback': True, 'engine_cache_dir': '/engines', 'allow_engine_build': False}
    node = graph.add(FlowNode, **given)
    options = parameters.matcher_options(node.settings)
    for each in (options.nano, options.panmatch):
        assert {name: getattr(each, name) for name in given} == given
        assert each.background_build  # a node never waits for an engine
    assert change(node, 'backend', 'onnx_tensorrt').successful
    assert not change(node, 'backend', 'cudnn').successful
    result = change(node, 'build_only', True)
    assert not result.successful
    assert 'build_only cannot change while the node runs' in result.reason


def test_with_build_only_the_engines_are_waited_for(graph):
    node = graph.add(StereoNode, build_only=True, backend='onnx_tensorrt')
    options = parameters.matcher_options(node.settings)
    assert not options.nano.background_build
    assert not options.panmatch.background_build
