"""Managed nodes: what each state and transition does, and parameters in every state."""
import gc
import threading
import weakref

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('lifecycle_msgs.msg', reason='lifecycle_msgs is not installed: run make '
                    'setup, or install ros-$ROS_DISTRO-lifecycle-msgs')
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle import SUCCESS, add_managed, bring, set_parameter
from plane_scene import DEPTH_M, INNER, RIG, listen_all, messages, send
from ros_harness import floats_of, image_message
from sensor_msgs.msg import Image

from panmatch_ros.nodes.managed import NODES

pytestmark = pytest.mark.ros
EXPECTED_PX = RIG.focal_px * RIG.baseline_m / DEPTH_M


def send_images(graph, node, stamps):
    """Publish the same image again and again, each when the last one is done."""
    pixels = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    for stamp in stamps:
        done = node.statistics.processed + node.statistics.skipped
        graph.publish('image', image_message(pixels, 'rgb8', stamp))
        assert graph.spin_until(
            lambda done=done: node.statistics.processed + node.statistics.skipped > done)


def threads_of_ours():
    return [thread for thread in threading.enumerate() if thread.name.startswith('panmatch')]


def status_message(graph):
    """Give what the next report says."""
    graph.received['/diagnostics'].clear()
    return graph.wait_for('/diagnostics').status[0].message


# Around the states.

def test_twice_around_all_states(graph, console):
    node = add_managed(graph)
    listen_all(graph)
    stamp = 0.0
    for _ in range(2):
        assert node.state == 'unconfigured'
        assert node.trigger_configure() == SUCCESS
        for _ in range(2):
            assert node.state == 'inactive'
            assert node.trigger_activate() == SUCCESS
            assert node.state == 'active'
            stamp += 1.0
            graph.received.clear()
            listen_all(graph)
            send(graph, stamp)
            message = graph.wait_for('disparity')
            assert message.header.stamp.sec == stamp
            disparity = floats_of(message.image)[INNER]
            assert np.nanmedian(disparity) == pytest.approx(EXPECTED_PX, abs=0.07)
            assert node.trigger_deactivate() == SUCCESS
        assert node.trigger_cleanup() == SUCCESS
    assert 'rror' not in console()


@pytest.mark.parametrize('state', ['unconfigured', 'inactive'])
def test_nothing_is_subscribed_or_published_before_it_is_active(graph, state):
    node = add_managed(graph)
    bring(node, state)
    listen_all(graph)
    graph.listen('/diagnostics', DiagnosticArray)
    assert status_message(graph) == state
    graph.spin_for(0.5)  # the inputs of a plain node open within 0.2 s
    assert not node.inputs.is_open
    assert node.count_subscribers('left/image_rect') == 0
    assert node.statistics.received == 0
    assert {name: messages for name, messages in graph.received.items() if messages} == {
        '/diagnostics': graph.received['/diagnostics']}


def test_inactive_again_is_as_quiet(graph):
    node = add_managed(graph)
    bring(node, 'active')
    listen_all(graph)
    send(graph, 1.0)
    assert graph.spin_until(lambda: all(graph.received[name] for name in node.outputs))
    assert node.trigger_deactivate() == SUCCESS
    assert graph.spin_until(lambda: node.count_subscribers('left/image_rect') == 0)
    count = {name: len(messages) for name, messages in graph.received.items()}
    graph.spin_for(0.5)
    assert {name: len(messages) for name, messages in graph.received.items()} == count
    assert not node.inputs.is_open


def test_inputs_stay_lazy_while_active(graph):
    node = add_managed(graph)
    bring(node, 'active')
    graph.listen('/diagnostics', DiagnosticArray)
    assert status_message(graph) == 'idle: nobody subscribes'
    assert not node.inputs.is_open
    graph.listen('depth', Image)
    assert graph.spin_until(lambda: node.inputs.is_open)


def test_configure_makes_the_matcher_and_cleanup_lets_go_of_it(graph):
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    node = add_managed(graph, 'flow', matcher='auto')
    bring(node, 'inactive')
    (made,) = node.matcher.made  # not when the first image comes
    assert made.name == 'nano'
    references = [weakref.ref(node.matcher), weakref.ref(made)]
    assert node.trigger_activate() == SUCCESS
    graph.listen('flow', Image)
    send_images(graph, node, (1.0, 1.1))
    assert np.abs(floats_of(graph.wait_for('flow'), 2)).mean() < 0.5
    assert node.matcher.made == [made]
    del made
    assert node.trigger_deactivate() == SUCCESS
    assert [reference() is None for reference in references] == [False, False]
    assert node.trigger_cleanup() == SUCCESS
    gc.collect()
    assert [reference() for reference in references] == [None, None]


@pytest.mark.parametrize('task', NODES)
def test_every_node_has_every_transition(graph, task):
    before = threads_of_ours()
    node = add_managed(graph, task)
    name = type(node).__name__
    assert name == f'Managed{NODES[task]}'
    assert node.get_name() == f'{task}_node'  # as the plain one: parameter files fit both
    for trigger, state in (('configure', 'inactive'), ('activate', 'active'),
                           ('deactivate', 'inactive'), ('cleanup', 'unconfigured'),
                           ('configure', 'inactive'), ('activate', 'active'),
                           ('shutdown', 'finalized')):
        assert getattr(node, f'trigger_{trigger}')() == SUCCESS
        assert node.state == state
        assert (node._matchers.current is None) == (state in ('unconfigured', 'finalized'))
        assert node.is_active == (state == 'active')
    assert threads_of_ours() == before


def test_a_plain_node_is_active_from_the_start(graph):
    from panmatch_ros.nodes.stereo_node import StereoNode
    node = graph.add(StereoNode)
    assert node.is_active
    assert not hasattr(node, 'trigger_configure')


# Frames that are under way.

def test_deactivate_sees_the_last_frame_out_and_drops_the_next(graph, monkeypatch):
    node = add_managed(graph)
    bring(node, 'active')
    listen_all(graph)
    began, may_end = threading.Event(), threading.Event()
    matcher = node.matcher
    compute = matcher.match_stereo

    def slow(left, right):
        began.set()
        assert may_end.wait(10)
        return compute(left, right)

    monkeypatch.setattr(matcher, 'match_stereo', slow)
    send(graph, 1.0)
    assert graph.spin_until(began.is_set)
    send(graph, 2.0)
    assert graph.spin_until(lambda: node.worker.unfinished == 2)
    threading.Timer(0.3, may_end.set).start()
    assert node.trigger_deactivate() == SUCCESS
    assert may_end.is_set()
    assert node.worker.idle
    assert node.statistics.processed == 1
    assert node.statistics.dropped == 1
    graph.wait_for('disparity')
    graph.spin_for(0.3)
    assert [message.header.stamp.sec for message in graph.received['disparity']] == [1]


def test_messages_that_still_come_where_inputs_cannot_be_closed(graph):
    """On Humble a node stays subscribed, since destroying a subscription may end it."""
    node = add_managed(graph)
    node.inputs._can_close = False
    listen_all(graph)
    bring(node, 'active')
    send(graph, 1.0)
    graph.wait_for('points2')
    assert node.trigger_deactivate() == SUCCESS
    send(graph, 2.0)
    assert graph.spin_until(lambda: node.statistics.skipped == 1)
    assert node.statistics.processed == 1
    assert node.trigger_activate() == SUCCESS
    send(graph, 3.0)
    graph.wait_for('points2', 2)
    assert [message.header.stamp.sec for message in graph.received['points2']] == [1, 3]


def test_halves_of_pairs_that_came_before_are_forgotten_where_inputs_cannot_be_closed(graph):
    node = add_managed(graph)
    node.inputs._can_close = False
    listen_all(graph)
    bring(node, 'active')
    send(graph, 1.0)
    graph.wait_for('points2')
    assert node.trigger_deactivate() == SUCCESS
    left, right, _ = messages(2.0)
    graph.publish('left/image_rect', left)
    assert graph.spin_until(lambda: node.inputs.topics[0].received == 2)
    assert node.trigger_activate() == SUCCESS
    graph.publish('right/image_rect', right)
    assert graph.spin_until(lambda: node.inputs.topics[1].received == 2)
    assert node.statistics.received == 1  # the pair is not complete
    send(graph, 3.0)
    graph.wait_for('points2', 2)
    assert [message.header.stamp.sec for message in graph.received['points2']] == [1, 3]


def test_flow_does_not_match_across_a_pause(graph):
    node = add_managed(graph, 'flow', max_gap_seconds=100.0)
    bring(node, 'active')
    graph.listen('flow', Image)
    send_images(graph, node, [1.0])
    assert node.trigger_deactivate() == SUCCESS
    assert node.trigger_activate() == SUCCESS
    send_images(graph, node, (2.0, 3.0))
    assert graph.wait_for('flow').header.stamp.sec == 3
    assert len(graph.received['flow']) == 1


@pytest.mark.parametrize('state', ['unconfigured', 'inactive', 'active'])
def test_shutdown_from_every_state_leaves_no_thread(graph, state):
    before = threads_of_ours()
    node = add_managed(graph)
    graph.listen('/diagnostics', DiagnosticArray)
    bring(node, state)
    assert len(threads_of_ours()) > len(before)
    assert node.trigger_shutdown() == SUCCESS
    assert threads_of_ours() == before
    assert status_message(graph) == 'finalized'
    assert node.stop()  # once more, as the process does at its end


# Parameters.

@pytest.mark.parametrize('state', ['unconfigured', 'inactive', 'active'])
def test_what_is_fixed_at_start_is_refused_in_every_state(graph, state):
    node = add_managed(graph)
    bring(node, state)
    assert set_parameter(graph, 'stereo_node', 'queue_size', 7) == (
        'queue_size cannot change while the node runs; set it in the launch '
        'file or parameter file and restart')
    assert set_parameter(graph, 'stereo_node', 'confidence_threshold', 7.0) == (
        'confidence_threshold must be from 0 to 1, got 7.0')
    assert node.get_parameter('queue_size').value == 5


@pytest.mark.parametrize('state', ['unconfigured', 'inactive', 'active'])
def test_live_parameters_change_in_every_state(graph, state):
    node = add_managed(graph)
    bring(node, state)
    assert set_parameter(graph, 'stereo_node', 'depth_encoding', '16UC1') == ''
    assert set_parameter(graph, 'stereo_node', 'max_disparity', 48.0) == ''
    for step in {'unconfigured': [node.trigger_configure, node.trigger_activate],
                 'inactive': [node.trigger_activate], 'active': []}[state]:
        assert step() == SUCCESS
    listen_all(graph)
    send(graph, 1.0)
    assert graph.wait_for('depth').encoding == '16UC1'
    assert graph.wait_for('disparity').max_disparity == 47.0  # 48 values, from 0 on
