"""The perception node, live: what is not computed, sequences, and what is missing."""
import sys
from types import SimpleNamespace

from moving_ball_scene import DT_S
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('nav_msgs', reason='nav_msgs is not installed (ros-$ROS_DISTRO-nav-msgs)')
from ball_rig import (
    CAMERA_POSE,
    RIG,
    SIZE,
    START_S,
    ball,
    listen,
    send,
    send_all,
    settle,
)
from diagnostic_msgs.msg import DiagnosticArray
from moving_camera import CAMERA
from ros_harness import camera_infos, floats_of, image_message, publish_pair, stamp_of

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.ego_motion import estimate_ego_motion
from panmatch_ros.core.errors import ConfigError
from panmatch_ros.inference.classical import ClassicalMatcher
from panmatch_ros.nodes import base_node, scene_flow_outputs
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.pose_queue import Pair, PoseQueue

pytestmark = pytest.mark.ros


def values_of(graph, part):
    """Give level and values of the diagnostics whose message contains a text."""
    def found():
        return [array.status[0] for array in graph.received['/diagnostics']
                if part in array.status[0].message]
    assert graph.spin_until(found), [array.status[0].message
                                     for array in graph.received['/diagnostics']]
    return found()[-1].level, {item.key: item.value for item in found()[-1].values}


# Only what is wanted.

@pytest.fixture
def calls(monkeypatch):
    """Names of the methods of the matcher, as they are called."""
    names = []
    for name in ('match', 'match_stereo'):
        method = getattr(ClassicalMatcher, name)

        def called(self, *images, name=name, method=method):
            names.append(name)
            return method(self, *images)
        monkeypatch.setattr(ClassicalMatcher, name, called)
    return names


@pytest.mark.parametrize(('topics', 'expected'), [
    (('disparity', 'depth', 'points2'), ['match_stereo', 'match_stereo']),
    (('flow',), ['match']),
    (('moving',), ['match_stereo', 'match_stereo', 'match']),
    (('flow', 'depth'), ['match_stereo', 'match_stereo', 'match']),
])
def test_only_what_is_wanted_is_matched(graph, calls, monkeypatch, topics, expected):
    estimated = []
    monkeypatch.setattr(scene_flow_outputs, 'estimate_ego_motion', lambda *args, **kwargs: (
        estimated.append(1) or estimate_ego_motion(*args, **kwargs)))
    node = graph.add(PerceptionNode, matcher='classical')
    listen(graph, *topics)
    send_all(graph, node, ball(False)[1])
    for topic in topics:
        graph.wait_for(topic)
    assert calls == expected
    assert len(estimated) == ('moving' in topics)
    assert set(graph.received) == set(topics)


def test_flow_that_is_wanted_later_starts_with_the_next_two_pairs(graph, calls):
    node = graph.add(PerceptionNode, matcher='classical')
    listen(graph, 'depth')
    _, pairs = ball(False)
    send_all(graph, node, pairs)
    listen(graph, 'flow')
    assert graph.spin_until(lambda: 'flow' in node.wanted())
    send_all(graph, node, pairs, START_S + 2 * DT_S)
    assert stamp_of(graph.wait_for('flow')) == pytest.approx(START_S + 3 * DT_S)
    assert calls == ['match_stereo'] * 4 + ['match']
    graph.wait_for('depth', 4)


# Sequences.

@pytest.mark.parametrize('start_s', [START_S - 50, START_S + 50])
def test_jump_and_gap_start_anew(graph, start_s):
    node = graph.add(PerceptionNode, matcher='classical', max_gap_seconds=0.5)
    listen(graph, 'flow', 'scene_flow', 'depth')
    _, pairs = ball(False)
    send_all(graph, node, pairs)
    send_all(graph, node, pairs, start_s)
    for topic in ('flow', 'scene_flow'):
        graph.wait_for(topic, 2)
        assert [stamp_of(message) for message in graph.received[topic]] == pytest.approx(
            [START_S + DT_S, start_s + DT_S])
    assert np.array_equal(*(floats_of(message, 2) for message in graph.received['flow']))
    graph.wait_for('depth', 4)  # which needs no pair before
    assert node.statistics.rejected == 0


def test_new_size_starts_anew(graph):
    node = graph.add(PerceptionNode, matcher='classical')
    listen(graph, 'flow', 'scene_flow')
    _, pairs = ball(False)
    send_all(graph, node, pairs)
    small = StereoRig.ideal((200, 320), RIG.focal_px, RIG.baseline_m)
    for index in range(2):
        stamp_s = START_S + (2 + index) * DT_S
        left, right = (image_message(pixels[:200], 'rgb8', stamp_s, CAMERA)
                       for pixels in pairs[index])
        publish_pair(graph, left, right, camera_infos(small, stamp_s))
        settle(graph, node, 3 + index)
    for topic in ('flow', 'scene_flow'):
        graph.wait_for(topic, 2)
        assert [message.height for message in graph.received[topic]] == [240, 200]
    assert node.statistics.rejected == 0


def test_pair_that_cannot_be_used_ends_the_sequence(graph):
    node = graph.add(PerceptionNode, matcher='classical')
    listen(graph, 'flow')
    _, pairs = ball(False)
    send(graph, pairs[0], START_S)
    settle(graph, node, 1)
    bad = image_message(pairs[0][0], 'rgb8', START_S + 0.05, CAMERA)
    bad.encoding = 'banana'
    publish_pair(graph, bad, image_message(pairs[0][1], 'rgb8', START_S + 0.05, CAMERA),
                 camera_infos(RIG, START_S + 0.05))
    settle(graph, node, 2)
    assert node.statistics.rejected == 1
    send(graph, pairs[1], START_S + DT_S)  # the bad one is left out
    settle(graph, node, 3)
    assert stamp_of(graph.wait_for('flow')) == pytest.approx(START_S + DT_S)


# Parameters.

@pytest.mark.parametrize(('options', 'reason'), [
    ({'ego_motion': 'gps'}, 'ego_motion must be one of none, estimate, odometry, tf'),
    ({'ego_motion': 'odometry', 'camera_pose': '1 2 3'}, 'camera_pose must be 7 numbers'),
    ({'disparity_sigma_px': 0.0}, 'disparity_sigma_px must be from 0.001 to 100'),
])
def test_values_that_cannot_work_stop_the_node(graph, options, reason):
    with pytest.raises(ConfigError, match=reason):
        graph.add(PerceptionNode, **options)


def test_engines_are_built_for_both_tasks(graph, monkeypatch):
    tasks = []
    monkeypatch.setattr(base_node, 'build_engines',
                        lambda logger, make, task, size: tasks.append((task, size)) or 0)
    node = graph.add(PerceptionNode, matcher='nano', backend='tensorrt', build_only=True)
    send(graph, ball(False)[1][0], START_S)
    with pytest.raises(SystemExit, match='0'):
        graph.spin_for(5)
    assert sorted(tasks) == [('flow', SIZE), ('stereo', SIZE)]
    assert node.statistics.processed == 0


def test_missing_messages_are_named(graph, monkeypatch):
    for name in ('tf2_msgs', 'tf2_msgs.msg'):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match='ego_motion tf needs the messages of TF'):
        graph.add(PerceptionNode, ego_motion='tf')


# What is missing.

def test_missing_calibration_is_said(graph):
    node = graph.add(PerceptionNode, matcher='classical')
    listen(graph, 'scene_flow', 'flow')
    for side, pixels in zip(('left', 'right'), ball(False)[1][0], strict=True):
        graph.publish(f'{side}/image_rect', image_message(pixels, 'rgb8', START_S, CAMERA))
    graph.wait_for_log('image pairs arrive, but no camera_info on /left/camera_info and '
                       '/right/camera_info')
    assert node.statistics.rejected == 1


def test_missing_pose_costs_scene_flow_only(graph):
    node = graph.add(PerceptionNode, matcher='classical', ego_motion='odometry',
                     camera_pose=CAMERA_POSE, transform_timeout_seconds=0.1)
    listen(graph, 'scene_flow', 'moving', 'depth', 'flow')
    graph.listen('/diagnostics', DiagnosticArray)
    send_all(graph, node, ball(True)[1])
    graph.wait_for('depth', 2)
    graph.wait_for('flow')
    reason = ('no scene_flow: the motion of the camera is not known: a pair waited 0.1 s in '
              'vain: /odometry: there is no pose yet')
    graph.wait_for_log(reason)
    level, values = values_of(graph, reason)
    assert level == b'\x01'
    assert values['scene_flow_refused'] == '2'
    assert values['frames_rejected'] == '0'
    assert graph.received['scene_flow'] == graph.received['moving'] == []


def test_pairs_leave_the_queue_in_order():
    emitted, dropped = [], []
    values = SimpleNamespace(queue_size=5, ego_motion='none', transform_timeout_seconds=0.0,
                             camera_frame='')
    queue = PoseQueue(lambda: values, None, emitted.append, dropped.append, lambda reason: None)
    late, next_one = (Pair((image_message(np.zeros((2, 2), np.uint8), 'mono8', stamp_s),), 0)
                      for stamp_s in (1.0, 2.0))
    queue.add(next_one, needs_pose=True)
    queue.add(late, needs_pose=True)
    assert (emitted, dropped) == ([next_one], [1])
    queue.start_anew()
    queue.add(late, needs_pose=False)
    assert emitted == [next_one, late]


def test_nobody_waits_for_a_pose_without_scene_flow(graph):
    node = graph.add(PerceptionNode, matcher='classical', ego_motion='odometry',
                     camera_pose=CAMERA_POSE, transform_timeout_seconds=60.0)
    listen(graph, 'depth')
    send_all(graph, node, ball(True)[1])
    graph.wait_for('depth', 2)


def test_ego_motion_that_cannot_be_told_is_said(graph):
    node = graph.add(PerceptionNode, matcher='classical', min_inlier_share=1.0)
    listen(graph, 'scene_flow', 'moving', 'depth')
    graph.listen('/diagnostics', DiagnosticArray)
    send_all(graph, node, ball(True)[1])
    reason = 'no scene_flow: the motion of the camera is not known: only '
    graph.wait_for_log(reason)
    level, values = values_of(graph, reason)
    assert (level, values['scene_flow_refused']) == (b'\x01', '1')
    graph.wait_for('depth', 2)
    assert graph.received['scene_flow'] == graph.received['moving'] == []
