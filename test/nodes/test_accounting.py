"""Every complete input ends in one counter, whatever becomes of it."""
import threading

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from diagnostic_msgs.msg import DiagnosticArray
from live_camera import LARGE, MONO, STEREO, messages
from ros_harness import floats_of, stamp_of
from sensor_msgs.msg import Image, PointCloud2

from panmatch_ros.inference.classical import ClassicalMatcher
from panmatch_ros.nodes import calibration_gate
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.motion_depth_node import MotionDepthNode
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

IMAGES = [topic for topic, message_type in STEREO.items() if message_type is Image]
DEPTH_M = 200.0 * 0.3 / 20


def send(graph, stamp_s, topics=STEREO):
    made = messages(LARGE, stamp_s)
    for topic in topics:
        graph.publish(topic, made[topic])


def counts_of(node):
    """Give the counters, and check that nothing is missing."""
    counts = node.statistics
    ends = counts.processed, counts.dropped, counts.rejected, counts.skipped
    assert counts.received == sum(ends) + node.frames_waiting()
    return dict(zip(('processed', 'dropped', 'rejected', 'skipped'), ends, strict=True))


def wait_for_counts(graph, node, **expected):
    zero = dict.fromkeys(('processed', 'dropped', 'rejected', 'skipped'), 0)
    assert graph.spin_until(lambda: node.worker.idle and counts_of(node) == zero | expected), (
        counts_of(node), graph.log_text())


@pytest.fixture
def waiting(graph, monkeypatch):
    """Give a node at work in which a pair waits for its camera_info."""
    monkeypatch.setattr(calibration_gate, 'PATIENCE_S', 60.0)
    node = graph.add(StereoNode)
    graph.listen('depth', Image)
    send(graph, 10.0)
    graph.wait_for('depth')
    send(graph, 10.1, IMAGES)
    assert graph.spin_until(lambda: node.frames_waiting() == 1 and node.worker.idle)
    return node


def test_pair_that_waits_when_time_jumps_back_is_dropped(graph, waiting):
    send(graph, 5.0, IMAGES)
    wait_for_counts(graph, waiting, processed=2, dropped=1)
    assert np.nanmedian(floats_of(graph.wait_for('depth', 2))) == pytest.approx(DEPTH_M, abs=0.05)


def test_pair_that_waits_for_the_worker_when_time_jumps_back_is_dropped(graph, monkeypatch):
    began, may_go_on = threading.Event(), threading.Event()
    match_stereo = ClassicalMatcher.match_stereo

    def match_later(*args):
        began.set()
        assert may_go_on.wait(20)
        return match_stereo(*args)

    monkeypatch.setattr(ClassicalMatcher, 'match_stereo', match_later)
    node = graph.add(StereoNode)
    graph.listen('depth', Image)
    send(graph, 10.0)
    assert graph.spin_until(began.is_set)
    for received, stamp_s in ((2, 10.1), (3, 5.0)):
        send(graph, stamp_s)
        assert graph.spin_until(lambda received=received: (
            node.statistics.received, node.worker.unfinished) == (received, 2)), graph.log_text()
    assert counts_of(node)['dropped'] == 1
    may_go_on.set()
    wait_for_counts(graph, node, processed=2, dropped=1)
    graph.wait_for('depth', 2)
    assert [stamp_of(message) for message in graph.received['depth']] == [10.0, 5.0]


def test_diagnostics_tell_of_the_pair_that_waits(graph, waiting):
    graph.listen('/diagnostics', DiagnosticArray)
    values = {item.key: item.value for item in graph.wait_for('/diagnostics').status[0].values}
    told = {name: values[name] for name in (
        'images_received', 'sync_failures', 'frames_received', 'frames_waiting',
        'frames_processed', 'frames_dropped', 'frames_late', 'frames_rejected', 'frames_skipped')}
    assert list(told.values()) == ['4', '0', '2', '1', '1', '0', '0', '0', '0'], told


def test_pair_that_waits_when_the_inputs_close_is_dropped(graph, waiting):
    waiting.forget_pending()  # at once: the pair would not wait until the inputs close
    wait_for_counts(graph, waiting, processed=1, dropped=1)


@pytest.mark.parametrize(('node_class', 'parameters', 'output', 'topics'), [
    (PerceptionNode, {'ego_motion': 'odometry'}, ('scene_flow', PointCloud2), STEREO),
    (MotionDepthNode, {'pose_source': 'odometry'}, ('depth', Image), MONO)])
def test_frame_that_awaits_its_pose_when_the_inputs_close_is_dropped(
        graph, node_class, parameters, output, topics):
    pytest.importorskip('nav_msgs', reason='nav_msgs is not installed '
                        '(ros-$ROS_DISTRO-nav-msgs)')
    node = graph.add(node_class, matcher='classical', transform_timeout_seconds=10.0,
                     **parameters)
    subscription = graph.node.create_subscription(output[1], output[0], lambda _: None, 1)
    send(graph, 10.0, topics)
    assert graph.spin_until(lambda: len(topics) == sum(
        topic.received for topic in node.inputs.topics))
    assert (counts_of(node)['dropped'], node.frames_waiting()) == (0, 1)
    graph.node.destroy_subscription(subscription)
    wait_for_counts(graph, node, dropped=1)
    assert not node.inputs.is_open


def test_pair_whose_camera_info_comes_after_all_is_not_rejected(graph):
    node = graph.add(StereoNode)
    graph.listen('depth', Image)
    send(graph, 10.0, IMAGES)
    graph.wait_for_log('no camera_info on /left/camera_info and /right/camera_info')
    assert counts_of(node)['rejected'] == 1
    send(graph, 10.0, [topic for topic in STEREO if topic not in IMAGES])
    assert np.nanmedian(floats_of(graph.wait_for('depth'))) == pytest.approx(DEPTH_M, abs=0.05)
    wait_for_counts(graph, node, processed=1)


def test_image_without_one_before_it_is_skipped(graph):
    node = graph.add(FlowNode)
    graph.listen('flow', Image)
    send(graph, 10.0, MONO)
    wait_for_counts(graph, node, skipped=1)
    send(graph, 10.1, MONO)
    wait_for_counts(graph, node, skipped=1, processed=1)


def test_pair_that_nobody_wants_any_more_is_skipped(graph, monkeypatch):
    node = graph.add(StereoNode)
    graph.listen('depth', Image)
    assert graph.spin_until(lambda: node.inputs.is_open)
    monkeypatch.setattr(node, 'wanted', frozenset)
    send(graph, 10.0)
    wait_for_counts(graph, node, skipped=1)
