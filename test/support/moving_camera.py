"""A camera on a robot that drives through a rendered scene: images, TF and odometry."""
from functools import lru_cache

import cv2
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
import numpy as np
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_harness import image_message, stamped
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from two_view_scene import render_view

from panmatch_ros.core.quaternion import quaternion_from_rotation
from panmatch_ros.core.rigid_motion import make_transform

SIZE = (192, 256)
K = np.array([[250.0, 0, 127.5], [0, 250, 95.5], [0, 0, 1]])
ODOM, BASE, CAMERA = 'odom', 'base_link', 'front_camera_optical_frame'
# Optical: z forward, x right. The base: x forward, z up; the camera is before and above it.
T_BASE_CAMERA = make_transform([[0, 0, 1], [-1, 0, 0], [0, -1, 0]], (0.2, 0.05, 0.3))
T_ODOM_SCENE = make_transform(cv2.Rodrigues(np.array([0.1, -0.2, 2.0]))[0], (4.0, -7.0, 0.5))


class Drive:
    """
    Constant speed and turn rate, from the origin of the scene at time 0.

    :param speed: metres per second, in the frame of the first camera.
    :param turn_deg: rotation vector per second, degrees.
    """

    def __init__(self, speed=(0.6, 0.1, 0.3), turn_deg=(1.0, 4.0, 2.0)):
        self.speed, self.turn_deg = tuple(speed), tuple(turn_deg)

    def camera(self, seconds):
        """(4, 4) pose of the camera in the scene."""
        R = cv2.Rodrigues(np.radians(self.turn_deg) * seconds)[0]
        return make_transform(R, np.multiply(self.speed, seconds))

    def base(self, seconds):
        """(4, 4) pose of the base in the odometry frame."""
        return T_ODOM_SCENE @ self.camera(seconds) @ np.linalg.inv(T_BASE_CAMERA)

    def image(self, seconds):
        return _view(self.speed, self.turn_deg, round(seconds * 1000))[0]

    def depth(self, seconds):
        return _view(self.speed, self.turn_deg, round(seconds * 1000))[1]


@lru_cache(maxsize=64)
def _view(speed, turn_deg, milliseconds):
    return render_view(K, SIZE, Drive(speed, turn_deg).camera(milliseconds / 1000))


def image_of(drive, seconds, start=100.0, frame_id=CAMERA):
    return image_message(drive.image(seconds), 'rgb8', start + seconds, frame_id)


def camera_info(start=100.0, size=SIZE, distortion=0.0):
    info = CameraInfo(width=size[1], height=size[0], distortion_model='plumb_bob',
                      d=[distortion, 0.0, 0.0, 0.0, 0.0])
    info.k = K.ravel().tolist()
    info.p = np.hstack([K, np.zeros((3, 1))]).ravel().tolist()
    return stamped(info, start, CAMERA)


def odometry_of(drive, seconds, start=100.0, child=BASE, T=None):
    """Odometry of the base, or of ``child`` whose pose is given."""
    message = Odometry(child_frame_id=child)
    fill_pose(message.pose.pose.position, message.pose.pose.orientation,
              drive.base(seconds) if T is None else T)
    return stamped(message, start + seconds, ODOM)


def transform(parent, child, T, stamp_s=0.0):
    message = TransformStamped(child_frame_id=child)
    fill_pose(message.transform.translation, message.transform.rotation, T)
    return stamped(message, stamp_s, parent)


def fill_pose(translation, quaternion, T):
    translation.x, translation.y, translation.z = T[:3, 3].tolist()
    (quaternion.x, quaternion.y, quaternion.z,
     quaternion.w) = quaternion_from_rotation(T[:3, :3]).tolist()


def tf_of(drive, seconds, start=100.0):
    from tf2_msgs.msg import TFMessage
    return TFMessage(transforms=[transform(ODOM, BASE, drive.base(seconds), start + seconds)])


def publish_static(graph, T=T_BASE_CAMERA, parent=BASE, child=CAMERA):
    """Latch where the camera is, as robot_state_publisher does."""
    from tf2_msgs.msg import TFMessage
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = graph.node.create_publisher(TFMessage, '/tf_static', qos)
    publisher.publish(TFMessage(transforms=[transform(parent, child, T)]))
    return publisher


def listen_all(graph):
    """Record every output but the statistics."""
    for topic, message_type in (('depth', Image), ('depth/camera_info', CameraInfo),
                                ('points2', PointCloud2), ('confidence', Image)):
        graph.listen(topic, message_type)
