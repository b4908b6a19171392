"""A stereo camera that sees a moving ball, as messages for the perception node."""
from functools import lru_cache

from moving_ball_scene import DT_S, MovingBall
from moving_camera import BASE, CAMERA, ODOM, T_BASE_CAMERA, T_ODOM_SCENE, odometry_of, transform
import numpy as np
from ros_harness import camera_infos, image_message, publish_pair
from sensor_msgs.msg import Image, PointCloud2
from stereo_msgs.msg import DisparityImage
from two_view_scene import motion

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.nodes.perception_node import PerceptionNode
from panmatch_ros.nodes.stereo_node import StereoNode

SIZE = (240, 320)
RIG = StereoRig.ideal(SIZE, focal_px=300.0, baseline_m=0.4)
FORWARD = motion(1.0, (0.01, 0.0, -0.06))  # T_1_0: the camera moves forward and turns
CAMERA_POSE = '0.2 0.05 0.3 -0.5 0.5 -0.5 0.5'  # T_BASE_CAMERA
POSE = T_ODOM_SCENE  # of the camera at the older frame
START_S = 100.0
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
                 or (isinstance(node, PerceptionNode) and len(node._queue)))
        return node.statistics.received == received and not waits and node.worker.idle
    assert graph.spin_until(settled), graph.log_text()


def send_all(graph, node, pairs, start_s=START_S):
    received = node.statistics.received
    for index, pair in enumerate(pairs):
        send(graph, pair, start_s + index * DT_S)
        settle(graph, node, received + index + 1)


def send_pose(graph, node, index, start_s=START_S):
    """Send the pose of the base when the camera moves by FORWARD from frame to frame."""
    camera = POSE @ np.linalg.matrix_power(np.linalg.inv(FORWARD), index)
    base, stamp_s = camera @ np.linalg.inv(T_BASE_CAMERA), start_s + index * DT_S
    if node.settings.ego_motion == 'odometry':
        graph.publish('odometry', odometry_of(None, 0.0, stamp_s, T=base))
    else:
        from tf2_msgs.msg import TFMessage
        graph.publish('/tf', TFMessage(transforms=[transform(ODOM, BASE, base, stamp_s)]))
