"""What the tests of the motion depth node share: sending drives, reading what comes."""

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('nav_msgs', reason='nav_msgs is not installed (ros-$ROS_DISTRO-nav-msgs)')
from moving_camera import (
    Drive,
    camera_info,
    image_of,
    odometry_of,
    tf_of,
)
from ros_harness import floats_of, stamp_of

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
