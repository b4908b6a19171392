"""A camera that publishes while the graph spins, and in whose images every value is known."""
from functools import lru_cache

import cv2
import numpy as np
import rclpy
from ros_harness import RELIABLE, camera_infos, image_message
from sensor_msgs.msg import CameraInfo, Image

from panmatch_ros.core.camera import StereoRig

LARGE, SMALL = (96, 160), (72, 128)
DISPARITY_PX = {LARGE: 20.0, SMALL: 12.0}
MOTION_PX = np.array([2, -1])  # in a period of RATE_HZ: right and up
INNER = (slice(12, -12), slice(40, -12))
STEREO = {'left/camera_info': CameraInfo, 'right/camera_info': CameraInfo,
          'left/image_rect': Image, 'right/image_rect': Image}
MONO = {'image': Image}
RATE_HZ = 20.0
START_S = 1000.0


@lru_cache(maxsize=2)
def texture(size):
    """(H, W) uint8 blobs; what leaves at one side comes back at the other."""
    noise = np.tile(np.random.default_rng(0).standard_normal(size), (3, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)[size[0]:2 * size[0], size[1]:2 * size[1]]
    return np.clip(128 + 50 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def messages(size, stamp_s):
    """Make all messages of a frame, by topic; what it shows follows from its stamp."""
    steps = int(np.floor((stamp_s - START_S) * RATE_HZ + 1e-3))
    left = np.roll(texture(size), steps * MOTION_PX[::-1], axis=(0, 1))
    right = np.roll(left, -round(DISPARITY_PX[size]), axis=1)
    images = [image_message(pixels, 'mono8', stamp_s) for pixels in (left, right)]
    rig = StereoRig.ideal(size, focal_px=200.0, baseline_m=0.3)
    return dict(zip([*STEREO, *MONO], [*camera_infos(rig, stamp_s), *images, images[0]],
                    strict=True))


class LiveCamera:
    """
    A node that publishes at a rate, until it is ended.

    :param graph: that spins it.
    :param topics: STEREO or MONO.
    :param stamp_s: of the first frame; the next ones follow in the period of the rate.
    """

    def __init__(self, graph, topics, stamp_s=START_S):
        self._graph = graph
        self.size, self.stamp_s, self.stamps = LARGE, stamp_s, []
        self._node = rclpy.create_node('live_camera', context=graph.context, enable_rosout=False)
        self._publishers = {topic: self._node.create_publisher(message_type, topic, RELIABLE)
                            for topic, message_type in topics.items()}
        self.set_rate(RATE_HZ)
        graph.executor.add_node(self._node)

    def set_rate(self, rate_hz):
        self._period_s = 1 / rate_hz
        for timer in list(self._node.timers):
            self._node.destroy_timer(timer)
        self._node.create_timer(self._period_s, self._publish)

    def _publish(self):
        if any(publisher.get_subscription_count() == 0
               for publisher in self._publishers.values()):
            return  # the node has not found this camera yet
        made = messages(self.size, self.stamp_s)
        for topic, publisher in self._publishers.items():
            publisher.publish(made[topic])
        self.stamps.append(self.stamp_s)
        self.stamp_s += self._period_s

    def end(self):
        self._graph.executor.remove_node(self._node)
        self._node.destroy_node()
