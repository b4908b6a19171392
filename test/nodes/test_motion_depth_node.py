"""The node of depth from motion, live: exact scenes, poses by TF and odometry, and refusals."""

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('nav_msgs', reason='nav_msgs is not installed (ros-$ROS_DISTRO-nav-msgs)')
from diagnostic_msgs.msg import DiagnosticArray
from motion_depth_runs import (
    DRIVE,
    ODOMETRY,
    depth_of,
    drive_for,
    relative_error,
    require_tf,
    send_poses,
    settle,
    stamps_of,
    values_of,
    wait_for_status,
)
from moving_camera import (
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
)
from ros_harness import floats_of, image_message, points_of, stamp_of
from sensor_msgs.msg import CompressedImage

from panmatch_ros.nodes.motion_depth_node import MotionDepthNode

pytestmark = pytest.mark.ros


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
