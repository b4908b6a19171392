"""The node of depth from motion, live: exact scenes, poses by TF and odometry, and refusals."""
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('nav_msgs', reason='nav_msgs is not installed (ros-$ROS_DISTRO-nav-msgs)')
from diagnostic_msgs.msg import DiagnosticArray
from moving_camera import (
    BASE,
    CAMERA,
    SIZE,
    T_BASE_CAMERA,
    T_ODOM_SCENE,
    Drive,
    K,
    camera_info,
    image_of,
    listen_all,
    odometry_of,
    publish_static,
    tf_of,
)
from rclpy.parameter import Parameter
from ros_harness import floats_of, image_message, points_of, stamp_of
from sensor_msgs.msg import CompressedImage

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.nodes.motion_depth_node import MotionDepthNode

pytestmark = pytest.mark.ros

CAMERA_POSE = '0.2 0.05 0.3 -0.5 0.5 -0.5 0.5'  # T_BASE_CAMERA
ODOMETRY = {'pose_source': 'odometry', 'camera_pose': CAMERA_POSE, 'matcher': 'classical'}
DRIVE = Drive()
LONG_S = 5.0  # of a wait for what is sure to come


def require_tf():
    pytest.importorskip('tf2_msgs.msg', reason='tf2_msgs is not installed: run make setup, or '
                        'install ros-$ROS_DISTRO-tf2-msgs')


def send_poses(graph, node, drive, seconds, start=100.0):
    """Send the poses before and after a time, so that the one of the time is between them."""
    make, topic = ((odometry_of, 'odometry') if node.settings.pose_source == 'odometry'
                   else (tf_of, '/tf'))
    for offset in (-0.03, 0.02):
        graph.publish(topic, make(drive, seconds + offset, start))


def send(graph, node, drive, seconds, start=100.0):
    """Send an image with its camera_info and poses; wait until the node has worked on it."""
    received = node.statistics.received
    graph.publish('camera_info', camera_info(start + seconds))
    send_poses(graph, node, drive, seconds, start)
    graph.publish('image', image_of(drive, seconds, start))
    settle(graph, node, received + 1)


def settle(graph, node, received):
    assert graph.spin_until(lambda: node.statistics.received == received
                            and len(node._pending) == 0 and node.worker.idle), graph.log_text()


def drive_for(graph, node, drive, times, start=100.0):
    for seconds in times:
        send(graph, node, drive, seconds, start)


def depth_of(graph, count=1):
    return floats_of(graph.wait_for('depth', count))


def stamps_of(graph, count):
    """Give the stamps of the depth images, once there are that many."""
    graph.wait_for('depth', count)
    return [stamp_of(message) for message in graph.received['depth']]


def relative_error(depth, truth, where):
    known = np.isfinite(depth) & where
    return np.abs(depth[known] / truth[known] - 1), known


def wait_for_status(graph, part):
    """Give the diagnostics whose message contains a text."""
    def found():
        return [array.status[0] for array in graph.received['/diagnostics']
                if part in array.status[0].message]
    assert graph.spin_until(found), [array.status[0].message
                                     for array in graph.received['/diagnostics']]
    return found()[-1]


def values_of(status):
    return {item.key: item.value for item in status.values}


# Depth.

@pytest.mark.parametrize('matcher', ['classical', 'nano'])
@pytest.mark.parametrize('source', ['tf', 'odometry'])
def test_depth_of_a_known_scene(graph, source, matcher):
    if source == 'tf':
        require_tf()
        static = publish_static(graph)
        node = graph.add(MotionDepthNode, matcher=matcher)
    else:
        static = None
        node = graph.add(MotionDepthNode, **{**ODOMETRY, 'matcher': matcher})
    listen_all(graph)
    drive_for(graph, node, DRIVE, (0.0, 0.2, 0.4))
    depth_message = graph.wait_for('depth', 2)
    confidence_message = graph.wait_for('confidence', 2)
    depth, confidence = floats_of(depth_message), floats_of(confidence_message)
    truth = DRIVE.depth(0.4)  # that of the newer image
    error, known = relative_error(depth, truth, confidence > 0.5)
    assert np.median(error) < 0.05
    assert known.mean() > 0.4
    error, known = relative_error(depth, truth, confidence >= 0.2)
    assert np.median(error) < 0.05
    assert known.mean() > 0.6
    assert abs(np.median(depth[known] / truth[known]) - 1) < 0.01  # metres, as the poses are
    assert np.isnan(depth[confidence < 0.2]).all()
    assert confidence.min() >= 0
    assert confidence.max() <= 1
    for message in (depth_message, confidence_message):
        assert (message.encoding, message.step) == ('32FC1', 4 * SIZE[1])
        assert stamp_of(message) == pytest.approx(100.4)  # of the newer image
        assert message.header.frame_id == CAMERA
    del static


def test_points_and_camera_info_fit_the_depth(graph):
    node = graph.add(MotionDepthNode, **ODOMETRY)
    listen_all(graph)
    drive_for(graph, node, DRIVE, (0.0, 0.3))
    depth = depth_of(graph)
    info, cloud = graph.wait_for('depth/camera_info'), graph.wait_for('points2')
    for message in (info, cloud):
        assert stamp_of(message) == pytest.approx(100.3)
        assert message.header.frame_id == CAMERA
    assert (info.height, info.width) == (cloud.height, cloud.width) == SIZE
    assert list(info.k) == K.ravel().tolist()
    assert not any(info.d)
    points = points_of(cloud)
    y, x = np.mgrid[:SIZE[0], :SIZE[1]]
    assert np.array_equal(np.isnan(depth), np.isnan(points.xyz[..., 2]))
    known = np.isfinite(depth)
    assert np.allclose(points.xyz[known], np.stack(
        [(x - K[0, 2]) / K[0, 0] * depth, (y - K[1, 2]) / K[1, 1] * depth, depth],
        axis=-1)[known], atol=1e-4)
    assert np.array_equal(points.rgb[known], DRIVE.image(0.3)[known])


def test_millimetres(graph):
    node = graph.add(MotionDepthNode, depth_encoding='16UC1', **ODOMETRY)
    listen_all(graph)
    drive_for(graph, node, DRIVE, (0.0, 0.3))
    message = graph.wait_for('depth')
    assert (message.encoding, message.step) == ('16UC1', 2 * SIZE[1])
    depth_mm = np.frombuffer(message.data, np.uint16).reshape(SIZE)
    unsure = floats_of(graph.wait_for('confidence')) < 0.2
    assert np.all(depth_mm[unsure] == 0)
    known = depth_mm > 0
    assert np.median(np.abs(depth_mm[known] / DRIVE.depth(0.3)[known] / 1000 - 1)) < 0.05


def test_scale_is_that_of_the_poses(graph):
    node = graph.add(MotionDepthNode, **{
        **ODOMETRY, 'camera_pose': '0.4 0.1 0.6 -0.5 0.5 -0.5 0.5'})
    listen_all(graph)
    for index, seconds in enumerate((0.0, 0.3)):  # everything twice as large
        graph.publish('camera_info', camera_info())
        T = T_ODOM_SCENE @ DRIVE.camera(seconds)
        T[:3, 3] *= 2
        mounting = T_BASE_CAMERA.copy()
        mounting[:3, 3] *= 2
        graph.publish('odometry', odometry_of(DRIVE, seconds, T=T @ np.linalg.inv(mounting)))
        graph.publish('image', image_of(DRIVE, seconds))
        settle(graph, node, index + 1)
    depth = depth_of(graph)
    error, _ = relative_error(depth, 2 * DRIVE.depth(0.3), np.isfinite(depth))
    assert np.median(error) < 0.05


def test_odometry_of_the_camera_itself_needs_no_mounting(graph):
    node = graph.add(MotionDepthNode, pose_source='odometry', matcher='classical')
    listen_all(graph)
    for index, seconds in enumerate((0.0, 0.3)):
        graph.publish('camera_info', camera_info())
        graph.publish('odometry', odometry_of(DRIVE, seconds, child=CAMERA,
                                              T=T_ODOM_SCENE @ DRIVE.camera(seconds)))
        graph.publish('image', image_of(DRIVE, seconds))
        settle(graph, node, index + 1)
    depth = depth_of(graph)
    error, _ = relative_error(depth, DRIVE.depth(0.3), np.isfinite(depth))
    assert np.median(error) < 0.05


def test_mounting_of_the_camera_from_tf(graph):
    require_tf()
    static = publish_static(graph)
    node = graph.add(MotionDepthNode, pose_source='odometry', matcher='classical')
    listen_all(graph)
    drive_for(graph, node, DRIVE, (0.0, 0.3))
    depth = depth_of(graph)
    error, _ = relative_error(depth, DRIVE.depth(0.3), np.isfinite(depth))
    assert np.median(error) < 0.05
    del static


def test_camera_frame_wins_over_the_frame_of_the_images(graph):
    require_tf()
    static = publish_static(graph)
    node = graph.add(MotionDepthNode, matcher='classical', camera_frame=CAMERA)
    listen_all(graph)
    for index, seconds in enumerate((0.0, 0.3)):
        graph.publish('camera_info', camera_info())
        send_poses(graph, node, DRIVE, seconds)
        graph.publish('image', image_of(DRIVE, seconds, frame_id='default_cam'))
        settle(graph, node, index + 1)
    depth = depth_of(graph)
    error, _ = relative_error(depth, DRIVE.depth(0.3), np.isfinite(depth))
    assert np.median(error) < 0.05
    assert graph.received['depth'][0].header.frame_id == 'default_cam'  # as it came
    del static


def test_compressed_images(graph):
    node = graph.add(MotionDepthNode, image_transport='compressed', **ODOMETRY)
    listen_all(graph)
    for index, seconds in enumerate((0.0, 0.3)):
        graph.publish('camera_info', camera_info())
        send_poses(graph, node, DRIVE, seconds)
        message = CompressedImage(format='png', header=image_of(DRIVE, seconds).header)
        message.data.frombytes(cv2.imencode('.png', DRIVE.image(seconds)[..., ::-1])[1].tobytes())
        graph.publish('image/compressed', message)
        settle(graph, node, index + 1)
    depth = depth_of(graph)
    error, _ = relative_error(depth, DRIVE.depth(0.3), np.isfinite(depth))
    assert np.median(error) < 0.05


# Keyframes.

def test_keyframes_follow_the_camera(graph):
    node = graph.add(MotionDepthNode, max_keyframe_age_s=1.5, **ODOMETRY)
    listen_all(graph)
    graph.listen('/diagnostics', DiagnosticArray)
    times = np.arange(0, 3.01, 0.1)
    drive_for(graph, node, Drive((0.3, 0.0, 0.2), (0.0, 2.0, 0.0)), times)
    assert graph.spin_until(lambda: graph.received['depth']
                            and stamp_of(graph.received['depth'][-1]) > 102.9)
    assert len(graph.received['depth']) >= len(times) - 3  # none but the first ones lack depth
    numbers = node._tracker._numbers
    assert numbers['keyframe_age_s'] <= 1.5
    assert 8 < numbers['parallax_px'] < 32  # 16 is aimed at
    depth = depth_of(graph, len(graph.received['depth']))
    truth = Drive((0.3, 0.0, 0.2), (0.0, 2.0, 0.0)).depth(times[-1])
    error, _ = relative_error(depth, truth, np.isfinite(depth))
    assert np.median(error) < 0.05
    values = values_of(wait_for_status(graph, ' Hz, '))
    assert float(values['baseline_m']) >= 0.05
    assert values['frames_rejected'] == '0'


def test_time_that_jumps_back_starts_anew(graph):
    node = graph.add(MotionDepthNode, **ODOMETRY)
    listen_all(graph)
    drive_for(graph, node, DRIVE, (0.0, 0.3), start=100.0)
    drive_for(graph, node, DRIVE, (0.0, 0.3), start=20.0)
    assert stamps_of(graph, 2) == pytest.approx([100.3, 20.3])
    depth = depth_of(graph, 2)
    error, _ = relative_error(depth, DRIVE.depth(0.3), np.isfinite(depth))
    assert np.median(error) < 0.05
    assert node.statistics.rejected == 0


def test_tf_that_jumps_back_starts_anew(graph):
    require_tf()
    static = publish_static(graph)
    node = graph.add(MotionDepthNode, matcher='classical')
    listen_all(graph)
    drive_for(graph, node, DRIVE, (0.0, 0.3), start=100.0)
    drive_for(graph, node, DRIVE, (0.0, 0.3), start=20.0)
    assert stamps_of(graph, 2) == pytest.approx([100.3, 20.3])
    assert node.statistics.rejected == 0
    del static


def test_other_size_starts_anew(graph):
    node = graph.add(MotionDepthNode, **ODOMETRY)
    listen_all(graph)
    drive_for(graph, node, DRIVE, (0.0, 0.3))
    for index, seconds in enumerate((0.5, 0.7)):
        small = (SIZE[0] - 32, SIZE[1])
        graph.publish('camera_info', camera_info(size=small))
        send_poses(graph, node, DRIVE, seconds)
        graph.publish('image', image_message(DRIVE.image(seconds)[:small[0]], 'rgb8',
                                             100 + seconds, CAMERA))
        settle(graph, node, 3 + index)
    graph.wait_for('depth', 2)
    assert [message.height for message in graph.received['depth']] == [SIZE[0], small[0]]


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
