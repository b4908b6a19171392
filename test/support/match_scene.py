"""Two views with known pose, as messages for the match node, and what it should find."""
from functools import cache

import numpy as np
from ros_harness import image_message, stamped
from sensor_msgs.msg import CameraInfo, Image
from two_view_scene import motion, render_views

from panmatch_ros.core.rigid_motion import rigid_flow

SIZE = (240, 320)
K = np.array([[260.0, 0, 159.5], [0, 260.0, 119.5], [0, 0, 1]])
MOTION = motion(3, (0.30, 0.04, 0.08))  # T_1_0
TURN = motion(5, (0.0, 0.0, 0.0))


@cache
def views(turned=False, seed=0):
    """Images and depth of the scene; kept, as rendering takes a while."""
    return render_views(K, SIZE, TURN if turned else MOTION, seed)


def info_of(matrix, size, stamp_s=0.0, frame_id='cam'):
    info = CameraInfo(height=size[0], width=size[1])
    info.k = matrix.ravel().tolist()
    info.p = np.hstack([matrix, np.zeros((3, 1))]).ravel().tolist()
    return stamped(info, stamp_s, frame_id)


def send_infos(graph, matrix1=K, size1=SIZE):
    graph.publish('camera_info0', info_of(K, SIZE))
    graph.publish('camera_info1', info_of(matrix1, size1))


def send_pair(graph, stamp_s, image0, image1, stamp1_s=None):
    graph.publish('image0', image_message(image0, 'rgb8', stamp_s, 'cam0'))
    graph.publish('image1', image_message(
        image1, 'rgb8', stamp_s if stamp1_s is None else stamp1_s, 'cam1'))


def send_image(graph, stamp_s, image):
    graph.publish('image', image_message(image, 'rgb8', stamp_s, 'cam'))


def points_of_message(message):
    """Points of both images (N, 2) and scores of a Correspondences message."""
    points0, points1 = (np.array(values, np.float32).reshape(-1, 2)
                        for values in (message.points0, message.points1))
    return points0, points1, np.array(message.scores, np.float32)


def match_errors(message, K1=K):
    """Distance of each match from where its point really is, pixels; NaN beyond the image."""
    points0, points1, _ = points_of_message(message)
    flow = rigid_flow(views().depth, K, K1, MOTION)
    columns, rows = points0.astype(int).T
    return np.linalg.norm(points0 + flow[rows, columns] - points1, axis=1)


def transform_of(message):
    """(4, 4) T_0_1 of a PoseStamped: its pose of camera 1 takes points of 1 to 0."""
    q, t = message.pose.orientation, message.pose.position
    x, y, z, w = q.x, q.y, q.z, q.w
    T = np.eye(4)
    T[:3, :3] = [[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                 [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                 [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]]
    T[:3, 3] = t.x, t.y, t.z
    return T


def picture_of(message: Image) -> np.ndarray:
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)


def values_of(array):
    """Level, message and values of the only status of a DiagnosticArray."""
    (status,) = array.status
    return status.level, status.message, {item.key: item.value for item in status.values}
