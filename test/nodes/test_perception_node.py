"""The perception node, live: scene flow of a known scene, what moves, and what is not computed."""
from functools import lru_cache
import sys

from moving_ball_scene import BALL, DT_S, MovingBall
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('nav_msgs', reason='nav_msgs is not installed (ros-$ROS_DISTRO-nav-msgs)')
from diagnostic_msgs.msg import DiagnosticArray
from moving_camera import (
    BASE,
    CAMERA,
    ODOM,
    T_BASE_CAMERA,
    T_ODOM_SCENE,
    odometry_of,
    publish_static,
    transform,
)
from rclpy.parameter import Parameter
from ros_harness import camera_infos, floats_of, image_message, points_of, publish_pair, stamp_of
from sensor_msgs.msg import Image, PointCloud2
from stereo_msgs.msg import DisparityImage
from two_view_scene import motion

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.ego_motion import estimate_ego_motion
from panmatch_ros.core.errors import ConfigError
from panmatch_ros.inference.classical import ClassicalMatcher
from panmatch_ros.nodes import scene_flow_outputs
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

SIZE = (240, 320)
RIG = StereoRig.ideal(SIZE, focal_px=300.0, baseline_m=0.4)
FORWARD = motion(1.0, (0.01, 0.0, -0.06))  # T_1_0: the camera moves forward and turns
CAMERA_POSE = '0.2 0.05 0.3 -0.5 0.5 -0.5 0.5'  # T_BASE_CAMERA
POSE = T_ODOM_SCENE  # of the camera at the older frame
START_S = 100.0
LONG_S = 5.0  # of a wait for what is sure to come
TOPICS = {'disparity': DisparityImage, 'depth': Image, 'confidence': Image, 'points2': PointCloud2,
          'flow': Image, 'flow/confidence': Image, 'scene_flow': PointCloud2, 'moving': Image}


@lru_cache(maxsize=4)
def ball(moves):
    """Give the scene and the images of both frames, left and right."""
    scene = MovingBall(RIG, FORWARD if moves else np.eye(4))
    return scene, tuple(frame.images() for frame in scene.frames)


def listen(graph, *topics):
    for topic in topics:
        graph.listen(topic, TOPICS[topic])


def send(graph, pair, stamp_s):
    left, right = (image_message(pixels, 'rgb8', stamp_s, CAMERA) for pixels in pair)
    publish_pair(graph, left, right, camera_infos(RIG, stamp_s))


def settle(graph, node, received):
    """Wait until the node has worked on everything that it received."""
    def settled():
        waits = ((isinstance(node, StereoNode) and node._gate._held is not None)
                 or (isinstance(node, PerceptionNode) and len(node._pending)))
        return node.statistics.received == received and not waits and node.worker.idle
    assert graph.spin_until(settled), graph.log_text()


def send_all(graph, node, pairs, start_s=START_S):
    received = node.statistics.received
    for index, pair in enumerate(pairs):
        send(graph, pair, start_s + index * DT_S)
        settle(graph, node, received + index + 1)


def scene_of(cloud):
    """Read points, velocities, (H, W, 3) each, and colours of a scene_flow message."""
    assert [field.name for field in cloud.fields[:6]] == ['x', 'y', 'z', 'vx', 'vy', 'vz']
    assert all((field.offset, field.datatype, field.count) == (4 * index, 7, 1)
               for index, field in enumerate(cloud.fields))
    values = np.frombuffer(cloud.data, np.float32).reshape(
        cloud.height, cloud.width, cloud.point_step // 4)
    rgb = points_of(cloud).rgb
    return values[..., :3], values[..., 3:6], rgb


def mask_of(message):
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width)


def speed_error(velocity, scene):
    """Relative error of the speed of the known pixels of the ball."""
    where = (scene.frames[1].owners == BALL) & np.isfinite(velocity[..., 2])
    assert where.sum() > 500
    truth = scene.velocities(scene.frames[1].owners)[where]
    return (np.linalg.norm(velocity[where], axis=-1) / np.linalg.norm(truth, axis=-1) - 1)


def check_scene(scene, cloud, mask):
    """Ball and background, as they have to come out."""
    _, velocity, _ = scene_of(cloud)
    assert np.mean(np.abs(speed_error(velocity, scene)) < 0.1) > 0.8
    rest = (scene.frames[1].owners != BALL) & np.isfinite(velocity[..., 2])
    assert rest.sum() > 0.5 * (scene.frames[1].owners != BALL).sum()
    assert np.mean(np.linalg.norm(velocity[rest], axis=-1) < 0.1) > 0.99
    moving = mask_of(mask)
    assert set(np.unique(moving)) == {0, 255}
    known = np.isfinite(velocity[..., 2])
    on_ball = scene.frames[1].owners == BALL
    assert np.mean(moving[on_ball & known] == 255) > 0.8
    assert np.mean(moving[~on_ball] == 255) < 0.01


def send_pose(graph, node, index, start_s=START_S):
    """Send the pose of the base when the camera moves by FORWARD from frame to frame."""
    camera = POSE @ np.linalg.matrix_power(np.linalg.inv(FORWARD), index)
    base, stamp_s = camera @ np.linalg.inv(T_BASE_CAMERA), start_s + index * DT_S
    if node.settings.ego_motion == 'odometry':
        graph.publish('odometry', odometry_of(None, 0.0, stamp_s, T=base))
    else:
        from tf2_msgs.msg import TFMessage
        graph.publish('/tf', TFMessage(transforms=[transform(ODOM, BASE, base, stamp_s)]))


def values_of(graph, part):
    """Give level and values of the diagnostics whose message contains a text."""
    def found():
        return [array.status[0] for array in graph.received['/diagnostics']
                if part in array.status[0].message]
    assert graph.spin_until(found), [array.status[0].message
                                     for array in graph.received['/diagnostics']]
    return found()[-1].level, {item.key: item.value for item in found()[-1].values}


# Scene flow and what moves.

@pytest.mark.parametrize('moves', [False, True])
def test_ball_and_background(graph, moves):
    node = graph.add(PerceptionNode, matcher='classical')
    listen(graph, 'scene_flow', 'moving')
    scene, pairs = ball(moves)
    send_all(graph, node, pairs)
    check_scene(scene, graph.wait_for('scene_flow'), graph.wait_for('moving'))
    assert len(graph.received['scene_flow']) == 1  # one pair alone has no velocity
    details = node.report_details()
    assert float(details['ego_motion_m']) == pytest.approx(0.0608 if moves else 0, abs=0.01)
    assert float(details['ego_inlier_share']) > 0.6


@pytest.mark.parametrize('source', ['odometry', 'tf'])
def test_motion_of_the_camera_by_poses(graph, source):
    static = None
    if source == 'tf':
        pytest.importorskip('tf2_msgs.msg', reason='tf2_msgs is not installed: run make setup, or '
                            'install ros-$ROS_DISTRO-tf2-msgs')
        static = publish_static(graph)
    node = graph.add(PerceptionNode, matcher='classical', ego_motion=source,
                     transform_timeout_seconds=LONG_S,
                     camera_pose=CAMERA_POSE if source == 'odometry' else '')
    listen(graph, 'scene_flow', 'moving')
    scene, pairs = ball(True)
    for index, pair in enumerate(pairs):
        send(graph, pair, START_S + index * DT_S)
        assert graph.spin_until(lambda: len(node._pending) == 1)  # the pose comes late
        send_pose(graph, node, index)
        settle(graph, node, index + 1)
    check_scene(scene, graph.wait_for('scene_flow'), graph.wait_for('moving'))
    assert float(node.report_details()['ego_motion_m']) == pytest.approx(
        np.linalg.norm(FORWARD[:3, 3]), abs=1e-3)
    del static


def test_fields_frames_stamps_and_what_is_unknown(graph):
    node = graph.add(PerceptionNode, matcher='classical')
    listen(graph, 'scene_flow', 'moving', 'points2')
    scene, pairs = ball(True)
    send_all(graph, node, pairs)
    cloud, mask = graph.wait_for('scene_flow'), graph.wait_for('moving')
    for message in (cloud, mask):
        assert stamp_of(message) == pytest.approx(START_S + DT_S)  # the newer pair
        assert message.header.frame_id == CAMERA
        assert (message.height, message.width) == SIZE
    assert (mask.encoding, mask.step) == ('mono8', SIZE[1])
    assert [field.name for field in cloud.fields] == ['x', 'y', 'z', 'vx', 'vy', 'vz', 'rgb']
    assert (cloud.point_step, cloud.row_step) == (28, 28 * SIZE[1])
    assert not cloud.is_dense
    points, velocity, rgb = scene_of(cloud)
    assert np.array_equal(rgb, pairs[1][0])
    known = np.isfinite(velocity).all(axis=-1)
    assert 0.5 < known.mean() < 0.99
    assert np.array_equal(known, np.isfinite(velocity).any(axis=-1))
    assert np.isfinite(points[known]).all()
    # The points are those of the newer pair, on its grid.
    dense = points_of(graph.wait_for('points2', 2)).xyz
    assert np.allclose(points[known], dense[known], rtol=1e-4)
    assert np.median(np.abs(points[known][:, 2] / scene.frames[1].depth[known] - 1)) < 0.02
    assert not mask_of(mask)[~known].any()


def test_velocities_relative_to_the_camera(graph):
    node = graph.add(PerceptionNode, matcher='classical', ego_motion='none', use_color=False)
    assert 'moving' not in node.outputs
    listen(graph, 'scene_flow')
    scene, pairs = ball(True)
    send_all(graph, node, pairs)
    cloud = graph.wait_for('scene_flow')
    assert cloud.point_step == 24  # no colour
    _, velocity, _ = scene_of(cloud)
    rest = (scene.frames[1].owners != BALL) & np.isfinite(velocity[..., 2])
    assert np.median(velocity[rest][:, 2]) == pytest.approx(-0.6, abs=0.15)  # it comes nearer


def test_raw_velocities_are_those_of_the_noise_too(graph):
    node = graph.add(PerceptionNode, matcher='classical')
    listen(graph, 'scene_flow')
    _, pairs = ball(True)
    send_all(graph, node, pairs)
    _, quiet, _ = scene_of(graph.wait_for('scene_flow'))
    assert node.set_parameters([Parameter('raw_velocities', value=True)])[0].successful
    send_all(graph, node, pairs, START_S + 50)
    _, raw, _ = scene_of(graph.wait_for('scene_flow', 2))
    assert np.array_equal(np.isnan(raw), np.isnan(quiet))
    rest = np.isfinite(quiet[..., 2]) & (quiet == 0).all(axis=-1)
    assert rest.mean() > 0.4
    assert 0.01 < np.median(np.linalg.norm(raw[rest], axis=-1)) < 2
    moving = np.isfinite(quiet[..., 2]) & ~rest
    assert np.array_equal(raw[moving], quiet[moving])


# The same as the other nodes.

@pytest.mark.parametrize('matcher', ['classical', 'nano'])
def test_results_are_those_of_the_other_nodes(graph, matcher):
    _, pairs = ball(True)
    topics = ('disparity', 'depth', 'confidence', 'flow', 'flow/confidence')
    listen(graph, *topics)
    found = {}
    for node_class in (PerceptionNode, StereoNode, FlowNode):
        node = graph.add(node_class, matcher=matcher, threads=1)
        for index, pair in enumerate(pairs):
            if node_class is FlowNode:
                graph.publish('image', image_message(pair[0], 'rgb8', START_S + index * DT_S))
            else:
                send(graph, pair, START_S + index * DT_S)
            settle(graph, node, index + 1)
        count = {PerceptionNode: {'depth': 2, 'flow': 1, 'flow/confidence': 1}, FlowNode: {
            'flow': 1, 'flow/confidence': 1}, StereoNode: {'depth': 2}}[node_class]
        for topic, number in count.items():
            graph.wait_for(topic, number)
        graph.spin_for(0.1)
        found[node_class] = {topic: graph.received[topic][-1] for topic in topics
                             if graph.received[topic]}
        graph.close_node(node)
        for topic in topics:
            graph.received[topic].clear()
    both = found[PerceptionNode]
    for topic in ('depth', 'confidence'):
        assert both[topic] == found[StereoNode][topic]
    assert both['disparity'] == found[StereoNode]['disparity']
    for topic in ('flow', 'flow/confidence'):
        assert both[topic].header.stamp == found[FlowNode][topic].header.stamp
        assert both[topic].data == found[FlowNode][topic].data


def test_optical_flow_message(graph):
    panmatch_msgs = pytest.importorskip(
        'panmatch_ros.msg', reason='the messages of this package are not built (colcon build)')
    node = graph.add(PerceptionNode, matcher='classical', flow_confidence_threshold=0.5)
    graph.listen('optical_flow', panmatch_msgs.OpticalFlow)
    send_all(graph, node, ball(True)[1])
    message = graph.wait_for('optical_flow')
    assert stamp_of(message) == pytest.approx(START_S + DT_S)
    assert message.source_stamp.sec == START_S
    assert message.dt == pytest.approx(DT_S)
    unsure = floats_of(message.confidence) < 0.5
    assert 0 < unsure.mean() < 0.5
    assert np.array_equal(np.isnan(floats_of(message.flow, 2)).all(axis=-1), unsure)


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
