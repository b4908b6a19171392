"""The motion depth node, live: what it refuses, poses that are late, and bad parameters."""
import sys

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('nav_msgs', reason='nav_msgs is not installed (ros-$ROS_DISTRO-nav-msgs)')
from diagnostic_msgs.msg import DiagnosticArray
from motion_depth_runs import (
    DRIVE,
    LONG_S,
    ODOMETRY,
    drive_for,
    require_tf,
    send,
    send_poses,
    settle,
    stamps_of,
    values_of,
    wait_for_status,
)
from moving_camera import (
    BASE,
    CAMERA,
    SIZE,
    Drive,
    camera_info,
    image_of,
    listen_all,
    odometry_of,
    publish_static,
)
from rclpy.parameter import Parameter
from ros_harness import image_message, stamp_of

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.nodes.motion_depth_node import MotionDepthNode

pytestmark = pytest.mark.ros


# Refusals.

@pytest.mark.parametrize(('drive', 'reason'), [
    (Drive((0, 0, 0), (0, 0, 0)), 'no depth: the camera stands still: it moved by 0.000 m'),
    (Drive((0, 0, 0), (0, 10, 0)), 'no depth: the camera only turned, by 4.0 degrees'),
    (Drive((0.05, 0, 0), (0, 0, 0)), 'no depth: the camera stands still: it moved by 0.020 m'),
    (Drive((0.5, 0, 0), (0, 75, 0)), 'no depth: the camera turned by 30.0 degrees or more'),
])
def test_motion_that_tells_no_depth_is_refused(graph, drive, reason):
    node = graph.add(MotionDepthNode, **ODOMETRY)
    listen_all(graph)
    graph.listen('/diagnostics', DiagnosticArray)
    drive_for(graph, node, drive, (0.0, 0.4))
    graph.wait_for_log(reason)
    status = wait_for_status(graph, reason)
    assert status.level == b'\x01'
    assert int(values_of(status)['frames_refused']) >= 1
    assert values_of(status)['frames_rejected'] == '0'
    assert [graph.received[topic] for topic in ('depth', 'points2', 'confidence')] == [[], [], []]


def test_little_parallax_is_refused_until_there_is_more(graph):
    node = graph.add(MotionDepthNode, min_baseline_m=0.001, min_parallax_px=6.0, **ODOMETRY)
    listen_all(graph)
    drive_for(graph, node, Drive((0.3, 0, 0), (0, 0, 0)), (0.0, 0.1))  # 2 px
    graph.wait_for_log('no depth: the parallax is too small: ')
    assert graph.received['depth'] == []
    drive_for(graph, node, Drive((0.3, 0, 0), (0, 0, 0)), (0.3, 0.5, 0.7))
    assert graph.wait_for('depth')
    assert node.output_problem() == ''


def test_frame_that_is_not_optical_is_noticed(graph):
    node = graph.add(MotionDepthNode, **{**ODOMETRY, 'camera_pose': '0.2 0.05 0.3 0 0 0 1'})
    listen_all(graph)
    drive_for(graph, node, DRIVE, (0.0, 0.3, 0.6))
    text = graph.wait_for_log('no depth: the poses explain')
    assert 'optical' in text
    assert graph.received['depth'] == []


def test_images_of_another_scene_are_refused(graph):
    node = graph.add(MotionDepthNode, **ODOMETRY)
    listen_all(graph)
    drive_for(graph, node, DRIVE, (0.0,))
    graph.publish('camera_info', camera_info())
    send_poses(graph, node, DRIVE, 0.3)
    grey = np.full((*SIZE, 3), 128, np.uint8)
    graph.publish('image', image_message(grey, 'rgb8', 100.3, CAMERA))
    settle(graph, node, 2)
    graph.wait_for_log('no depth: ')
    assert graph.received['depth'] == []


# Poses that come late, or never.

@pytest.mark.parametrize('source', ['tf', 'odometry'])
def test_pose_that_comes_late_is_waited_for(graph, source):
    static = None
    if source == 'tf':
        require_tf()
        static = publish_static(graph)
    options = ODOMETRY if source == 'odometry' else {'matcher': 'classical'}
    node = graph.add(MotionDepthNode, transform_timeout_seconds=LONG_S, **options)
    listen_all(graph)
    send(graph, node, DRIVE, 0.0)
    graph.publish('image', image_of(DRIVE, 0.3))
    graph.publish('image', image_of(DRIVE, 0.4))
    assert graph.spin_until(lambda: node.statistics.received == 3)
    graph.spin_for(0.5)  # the executor goes on
    assert len(node._pending) == 2
    assert graph.received['depth'] == []
    send_poses(graph, node, DRIVE, 0.3)
    send_poses(graph, node, DRIVE, 0.4)
    settle(graph, node, 3)
    assert graph.spin_until(lambda: graph.received['depth']
                            and stamp_of(graph.received['depth'][-1]) > 100.39)
    assert node.statistics.rejected == 0
    del static


def test_pose_that_never_comes_is_said(graph):
    node = graph.add(MotionDepthNode, transform_timeout_seconds=0.1, **ODOMETRY)
    listen_all(graph)
    graph.listen('/diagnostics', DiagnosticArray)
    send(graph, node, DRIVE, 0.0)
    graph.publish('image', image_of(DRIVE, 0.3))
    reason = 'in vain: /odometry: the newest pose is 0.280 s older than what is asked for'
    assert graph.spin_until(lambda: node.statistics.rejected == 1)
    graph.wait_for_log(reason)
    assert wait_for_status(graph, reason).level == b'\x02'
    assert graph.received['depth'] == []


def test_gap_in_the_odometry_is_not_bridged(graph):
    node = graph.add(MotionDepthNode, transform_timeout_seconds=0.1, **ODOMETRY)
    listen_all(graph)
    send(graph, node, DRIVE, 0.0)
    graph.publish('odometry', odometry_of(DRIVE, 1.0))
    graph.publish('image', image_of(DRIVE, 0.5))
    graph.wait_for_log('/odometry: the poses around 100.500 s are 0.980 s apart, which is more '
                       'than 0.5 s')
    assert graph.received['depth'] == []


@pytest.mark.parametrize('options', [{'odom_frame': 'map'}, {'camera_frame': 'rear_camera'}])
def test_wrong_frame_is_said(graph, options):
    require_tf()
    static = publish_static(graph)
    node = graph.add(MotionDepthNode, transform_timeout_seconds=0.1, **options)
    listen_all(graph)
    send(graph, node, DRIVE, 0.0)
    text = graph.wait_for_log('an image waited 0.1 s in vain: TF')  # tf2 has its own words
    assert all(name in text for name in options.values())
    assert node.statistics.rejected == 1
    assert graph.received['depth'] == []
    del static


def test_silent_tf_is_named_by_the_watchdog(graph):
    require_tf()
    graph.add(MotionDepthNode, input_timeout_seconds=0.3)
    listen_all(graph)
    graph.wait_for_log('/tf: no message since the node subscribed (nobody publishes it)')


def test_images_without_a_frame_are_refused(graph):
    node = graph.add(MotionDepthNode, transform_timeout_seconds=0.1, **ODOMETRY)
    listen_all(graph)
    graph.publish('camera_info', camera_info())
    graph.publish('image', image_of(DRIVE, 0.0, frame_id=''))
    graph.wait_for_log('the images have no frame_id')
    assert node.statistics.rejected == 1


def test_full_queue_keeps_what_comes_next(graph):
    node = graph.add(MotionDepthNode, transform_timeout_seconds=LONG_S, queue_size=2, **ODOMETRY)
    listen_all(graph)
    send(graph, node, DRIVE, 0.0)
    for index, seconds in enumerate((0.2, 0.3, 0.4)):
        graph.publish('image', image_of(DRIVE, seconds))
        assert graph.spin_until(lambda count=2 + index: node.statistics.received == count)
    assert node.statistics.dropped == 1  # that of 0.3 s
    send_poses(graph, node, DRIVE, 0.2)
    graph.wait_for('depth')
    send_poses(graph, node, DRIVE, 0.4)
    settle(graph, node, 4)
    assert stamps_of(graph, 2) == pytest.approx([100.2, 100.4])


# Calibration.

def test_missing_camera_info_is_said(graph):
    node = graph.add(MotionDepthNode, transform_timeout_seconds=0.1, **ODOMETRY)
    listen_all(graph)
    send_poses(graph, node, DRIVE, 0.0)
    graph.publish('image', image_of(DRIVE, 0.0))
    graph.wait_for_log('images arrive, but no camera_info on /camera_info')
    assert node.statistics.rejected == 1


def test_camera_info_of_another_size_is_refused(graph):
    node = graph.add(MotionDepthNode, **ODOMETRY)
    listen_all(graph)
    graph.publish('camera_info', camera_info(size=(480, 640)))
    send_poses(graph, node, DRIVE, 0.0)
    graph.publish('image', image_of(DRIVE, 0.0))
    graph.wait_for_log('/camera_info describes an image of 640x480 pixels (after region of '
                       'interest and binning), but /image has 256x192')
    assert node.statistics.rejected == 1


def test_distortion_is_mentioned(graph):
    node = graph.add(MotionDepthNode, **ODOMETRY)
    listen_all(graph)
    graph.publish('camera_info', camera_info(distortion=-0.3))
    send_poses(graph, node, DRIVE, 0.0)
    graph.publish('image', image_of(DRIVE, 0.0))
    settle(graph, node, 1)
    graph.wait_for_log('/camera_info describes a lens with distortion; /image is taken to be '
                       'rectified')


# Parameters.

@pytest.mark.parametrize(('options', 'reason'), [
    ({'pose_source': 'gps'}, 'pose_source must be one of tf, odometry'),
    ({'pose_source': 'odometry', 'camera_pose': '1 2 3'}, 'camera_pose must be 7 numbers'),
    ({'pose_source': 'odometry', 'camera_pose': '1 2 3 0 0 0 5'}, 'must have length 1, has 5'),
    ({'min_baseline_m': 0.0}, 'min_baseline_m must be from 0.0001 to 1000'),
])
def test_values_that_cannot_work_stop_the_node(graph, options, reason):
    with pytest.raises(ConfigError, match=reason):
        graph.add(MotionDepthNode, **options)


def test_limits_change_while_the_node_runs(graph):
    node = graph.add(MotionDepthNode, **ODOMETRY)
    listen_all(graph)
    drive_for(graph, node, DRIVE, (0.0, 0.2))
    graph.wait_for('depth')
    assert node.set_parameters([Parameter('min_baseline_m', value=100.0)])[0].successful
    drive_for(graph, node, DRIVE, (0.4,))
    graph.wait_for_log('two views tell depth from 100 m on (min_baseline_m)')
    assert len(graph.received['depth']) == 1
    assert not node.set_parameters([Parameter('odom_frame', value='map')])[0].successful


@pytest.mark.parametrize(('missing', 'options', 'reason'), [
    ('tf2_msgs', {}, 'pose_source tf needs the messages of TF'),
    ('nav_msgs', ODOMETRY, 'pose_source odometry needs its messages'),
])
def test_missing_messages_are_named(graph, monkeypatch, missing, options, reason):
    for name in (missing, f'{missing}.msg'):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=reason):
        graph.add(MotionDepthNode, **options)


def test_odometry_without_tf_asks_for_the_mounting(graph, monkeypatch):
    for name in ('tf2_msgs', 'tf2_msgs.msg'):
        monkeypatch.setitem(sys.modules, name, None)
    node = graph.add(MotionDepthNode, pose_source='odometry', transform_timeout_seconds=0.1)
    listen_all(graph)
    send(graph, node, DRIVE, 0.0)
    graph.wait_for_log(f"/odometry is about '{BASE}', and where '{CAMERA}' is on it is not known")
    assert node.statistics.rejected == 1
