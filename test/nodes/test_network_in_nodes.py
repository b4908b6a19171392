"""The PanMatch network in the nodes: values of the direct call, and weights that are not there."""
import gc
import weakref

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('safetensors', reason='safetensors is not installed')
from diagnostic_msgs.msg import DiagnosticArray
from plane_scene import LEFT, RIGHT, listen_all, send
from rclpy.parameter import Parameter
from ros_harness import floats_of, image_message
from sensor_msgs.msg import Image
from tiny_network import picture, tiny_matcher, write_tiny

from panmatch_ros.inference import matcher_cache
from panmatch_ros.inference.factory import create_matcher
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

SIZE = (96, 128)


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp('weights') / 'tiny.safetensors')


def network(weights, **parameters):
    return {'matcher': 'panmatch', 'weights': weights, 'device': 'cpu', **parameters}


def send_image(graph, node, index, stamp_s, size=SIZE):
    before = node.statistics.received
    graph.publish('image', image_message(picture(size, index), 'rgb8', stamp_s))
    assert graph.spin_until(
        lambda: node.statistics.received == before + 1 and node.worker.idle, 20)


def last_status(graph):
    return graph.received['/diagnostics'][-1].status[0] if graph.received['/diagnostics'] else None


def test_stereo_node_publishes_what_the_matcher_gives(graph, weights):
    graph.add(StereoNode, **network(weights, confidence_threshold=0.0, min_disparity=-400.0,
                                    max_disparity=400.0))
    listen_all(graph)
    send(graph, 1.0)
    found = floats_of(graph.wait_for('disparity', timeout_s=20).image)
    expected = tiny_matcher(min_disparity=-400.0, max_disparity=400.0).match_stereo(LEFT, RIGHT)
    assert np.abs(expected.disparity).max() > 1
    np.testing.assert_allclose(found, expected.disparity, atol=2e-3)
    np.testing.assert_allclose(floats_of(graph.wait_for('confidence')), expected.confidence,
                               atol=2e-2)
    message = graph.received['disparity'][0]
    assert (message.min_disparity, message.max_disparity) == (-400, 160)  # the width


def test_flow_node_publishes_what_the_matcher_gives(graph, weights):
    node = graph.add(FlowNode, **network(weights))
    graph.listen('flow', Image)
    graph.listen('flow/confidence', Image)
    for index in range(3):
        send_image(graph, node, index, 1.0 + index / 10)
    matcher = tiny_matcher()
    for index in range(2):
        expected = matcher.match(picture(SIZE, index), picture(SIZE, index + 1))
        flow = floats_of(graph.wait_for('flow', index + 1), 2)
        confidence = floats_of(graph.wait_for('flow/confidence', index + 1))
        np.testing.assert_allclose(flow, expected.flow, atol=2e-3)
        np.testing.assert_allclose(confidence, expected.confidence, atol=2e-2)
    assert node.matcher.name == 'panmatch_tiny'


def count_encoded(node, monkeypatch):
    """Count the images that the network of a node looks at from now on."""
    encoded, encode = [], node.matcher.network.encode
    monkeypatch.setattr(node.matcher.network, 'encode',
                        lambda image: encoded.append(1) or encode(image))
    return encoded


def test_each_image_of_a_sequence_is_looked_at_once(graph, weights, monkeypatch):
    node = graph.add(FlowNode, **network(weights))
    graph.listen('flow', Image)
    encoded = count_encoded(node, monkeypatch)
    for index in range(4):
        send_image(graph, node, index, 1.0 + index / 10)
    graph.wait_for('flow', 3)
    assert len(encoded) == 4


def test_gaps_and_new_sizes_start_a_new_sequence(graph, weights):
    node = graph.add(FlowNode, **network(weights))
    graph.listen('flow', Image)
    for index, (stamp, size) in enumerate((
            (1.0, SIZE), (9.0, SIZE), (9.1, SIZE), (9.2, (100, 90)), (9.3, (100, 90)))):
        send_image(graph, node, index, stamp, size)
    graph.wait_for('flow', 2)
    expected = (tiny_matcher().match(picture(SIZE, 1), picture(SIZE, 2)),
                tiny_matcher().match(picture((100, 90), 3), picture((100, 90), 4)))
    assert len(graph.received['flow']) == 2
    for message, displacement in zip(graph.received['flow'], expected, strict=True):
        np.testing.assert_allclose(floats_of(message, 2), displacement.flow, atol=2e-3)


def test_changing_the_matcher_between_frames_loses_none(graph, weights):
    node = graph.add(FlowNode, **network(weights, matcher='classical'))
    graph.listen('flow', Image)
    send_image(graph, node, 0, 1.0)
    assert node.set_parameters([Parameter('matcher', value='panmatch')])[0].successful
    send_image(graph, node, 1, 1.1)
    expected = tiny_matcher().match(picture(SIZE, 0), picture(SIZE, 1))
    np.testing.assert_allclose(floats_of(graph.wait_for('flow'), 2), expected.flow, atol=2e-3)


def test_the_old_network_is_gone_before_another_is_read(graph, weights, monkeypatch):
    node = graph.add(FlowNode, **network(weights))
    graph.listen('flow', Image)
    for index in range(2):
        send_image(graph, node, index, 1.0 + index / 10)
    graph.wait_for('flow')
    old, alive = weakref.ref(node.matcher.network), []

    def make(*arguments):
        alive.append(old() is not None)
        return create_matcher(*arguments)
    monkeypatch.setattr(matcher_cache, 'create_matcher', make)
    gc.disable()
    try:
        assert node.set_parameters([Parameter('precision', value='bf16')])[0].successful
        send_image(graph, node, 2, 1.2)
        graph.wait_for('flow', 2)
    finally:
        gc.enable()
    assert alive == [False]


def test_weights_that_are_not_there_are_an_error_and_the_node_lives_on(graph, weights, tmp_path):
    missing = str(tmp_path / 'missing.safetensors')
    node = graph.add(FlowNode, **network(missing))
    graph.listen('flow', Image)
    graph.listen('/diagnostics', DiagnosticArray)
    for index in range(3):
        send_image(graph, node, index, 1.0 + index / 10)
    text = graph.wait_for_log('missing.safetensors does not exist; name a checkpoint file')
    assert text.startswith('weights: ')
    assert node.statistics.rejected == 3
    assert graph.received['flow'] == []
    assert graph.spin_until(lambda: (status := last_status(graph)) is not None
                            and status.level == b'\x02' and 'missing' in status.message)
    changed = node.set_parameters([Parameter('weights', value=weights)])[0]
    assert changed.successful
    send_image(graph, node, 3, 1.3)
    expected = tiny_matcher().match(picture(SIZE, 2), picture(SIZE, 3))
    np.testing.assert_allclose(floats_of(graph.wait_for('flow'), 2), expected.flow, atol=2e-3)


def test_weights_of_another_network_and_none_at_all(graph, weights):
    node = graph.add(StereoNode, **network(weights, matcher='panmatch_g'))
    listen_all(graph)
    send(graph, 1.0)
    graph.wait_for_log('holds the network panmatch_tiny, and the matcher is panmatch_g', 20)
    assert node.set_parameters([Parameter('weights', value='')])[0].successful
    send(graph, 2.0)
    graph.wait_for_log('matcher panmatch_g needs weights, none are given', 20)
    assert node.set_parameters([Parameter('matcher', value='classical')])[0].successful
    send(graph, 3.0)
    graph.wait_for('disparity')


def test_parameters_of_the_network_are_checked(graph, weights):
    node = graph.add(FlowNode, **network(weights))
    for name, value, reason in (('device', 'tpu', 'device must be one of auto, cpu, cuda'),
                                ('precision', 'int8', 'precision must be one of auto, fp32'),
                                ('tiles', 'on', 'tiles must be one of auto, always, never')):
        result = node.set_parameters([Parameter(name, value=value)])[0]
        assert not result.successful
        assert reason in result.reason
