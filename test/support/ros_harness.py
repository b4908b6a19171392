"""A real ROS graph for tests: the node under test and a camera in one executor."""
from collections import defaultdict
from collections.abc import Callable
import os
import time
import traceback
from types import SimpleNamespace
from typing import Any

os.environ['ROS_DOMAIN_ID'] = str(os.getpid() % 100 + 1)
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
if os.environ.get('ROS_DISTRO') == 'humble':  # which does not know the other variable
    os.environ.setdefault('ROS_LOCALHOST_ONLY', '1')

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from panmatch_ros.core.camera import StereoRig

FRAME_ID = 'left_camera_optical_frame'
RELIABLE = QoSProfile(depth=10)


class Graph:
    """Publishers, recorded outputs, and a deadline for everything."""

    def __init__(self) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node('test_camera', context=self.context,
                                      enable_rosout=False)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.received: dict[str, list[Any]] = defaultdict(list)
        self.logged: list[Any] = []
        self._publishers: dict[str, Any] = {}
        self._under_test: list[Any] = []
        from rcl_interfaces.msg import Log
        # What a node logs before it is discovered comes too.
        self.node.create_subscription(Log, '/rosout', self.logged.append, QoSProfile(
            depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL))

    def add(self, node_class: type, **parameters: Any) -> Any:
        """Start the node under test."""
        try:
            node = node_class(context=self.context, parameter_overrides=[
                Parameter(name, value=value) for name, value in parameters.items()])
        except Exception as error:
            _end_unfinished(error)
            raise
        self._under_test.append(node)
        self.executor.add_node(node)
        return node

    def listen(self, topic: str, message_type: type, qos: QoSProfile = RELIABLE) -> None:
        """Record what arrives on a topic."""
        self.node.create_subscription(message_type, topic, self.received[topic].append, qos)

    def publish(self, topic: str, message: Any) -> None:
        """Publish, once somebody listens."""
        publisher = self._publishers.get(topic)
        if publisher is None:
            publisher = self.node.create_publisher(type(message), topic, RELIABLE)
            self._publishers[topic] = publisher
        assert self.spin_until(lambda: publisher.get_subscription_count() > 0), \
            f'nobody subscribes to {topic}'
        publisher.publish(message)

    def spin_until(self, condition: Callable[[], Any], timeout_s: float = 8.0) -> bool:
        """Spin until the condition holds; False if it does not in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if condition():
                return True
            self.executor.spin_once(timeout_sec=0.02)
        return bool(condition())

    def spin_for(self, seconds: float) -> None:
        """Spin for a time, for what must not happen."""
        self.spin_until(lambda: False, seconds)

    def wait_for(self, topic: str, count: int = 1, timeout_s: float = 8.0) -> Any:
        """Give the message number ``count`` of a topic."""
        assert self.spin_until(lambda: len(self.received[topic]) >= count, timeout_s), (
            f'{len(self.received[topic])} of {count} messages on {topic}; log: {self.log_text()}')
        return self.received[topic][count - 1]

    def wait_for_log(self, part: str, timeout_s: float = 8.0) -> str:
        """Give the first log line that contains a text."""
        assert self.spin_until(lambda: part in self.log_text(), timeout_s), \
            f'no {part!r} in the log: {self.log_text()}'
        return next(entry.msg for entry in self.logged if part in entry.msg)

    def log_text(self) -> str:
        return '\n'.join(entry.msg for entry in self.logged)

    def close_node(self, node: Any) -> None:
        """End a node under test."""
        self._under_test.remove(node)
        self.executor.remove_node(node)
        if hasattr(node, 'stop'):
            node.stop()
        node.destroy_node()

    def close(self) -> None:
        for node in list(self._under_test):
            self.close_node(node)
        self.executor.remove_node(self.node)
        self.node.destroy_node()
        self.executor.shutdown()
        rclpy.shutdown(context=self.context)


def _end_unfinished(error: Exception) -> None:
    """End a node whose constructor failed, or later tests would see its name in the graph."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for node in {id(node): node for frame in frames
                 if isinstance(node := frame.f_locals.get('self'), Node)}.values():
        worker = getattr(node, 'worker', None)
        if worker is not None:
            worker.stop()
        node.destroy_node()


def image_message(pixels: np.ndarray, encoding: str, stamp_s: float,
                  frame_id: str = FRAME_ID) -> Image:
    """Make an Image message of an array."""
    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding)
    message.step = int(np.prod(pixels.shape[1:])) * pixels.itemsize
    message.data.frombytes(np.ascontiguousarray(pixels).tobytes())
    return stamped(message, stamp_s, frame_id)


def stamped(message: Any, stamp_s: float, frame_id: str = FRAME_ID) -> Any:
    """Set stamp and frame."""
    total_ns = round(stamp_s * 1e9)
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(total_ns, 1_000_000_000)
    message.header.frame_id = frame_id
    return message


def stamp_of(message: Any) -> float:
    """Header stamp in seconds."""
    return message.header.stamp.sec + message.header.stamp.nanosec * 1e-9


def camera_infos(rig: StereoRig, stamp_s: float, convention: str = 'right') -> list[CameraInfo]:
    """
    Make the camera_info of a rig.

    :param convention: 'right': left P[0, 3] = 0 and right -f * B; 'left': +f * B and 0.
    """
    fb = rig.focal_px * rig.baseline_m
    shifts = {'right': (0.0, -fb), 'left': (fb, 0.0)}[convention]
    infos = []
    for camera, tx in zip((rig.left, rig.right), shifts, strict=True):
        info = CameraInfo(width=camera.width, height=camera.height)
        info.k = camera.K.ravel().tolist()
        info.r = np.eye(3).ravel().tolist()
        info.p = np.hstack([camera.K, [[tx], [0], [0]]]).ravel().tolist()
        infos.append(stamped(info, stamp_s))
    return infos


def publish_pair(graph: Graph, left: Image, right: Image, infos: list[CameraInfo]) -> None:
    """Publish a pair with its calibration."""
    graph.publish('left/camera_info', infos[0])
    graph.publish('right/camera_info', infos[1])
    graph.publish('left/image_rect', left)
    graph.publish('right/image_rect', right)


def points_of(cloud: Any) -> SimpleNamespace:
    """Read xyz (H, W, 3) and rgb (H, W, 3) of a PointCloud2 by its field table."""
    raw = np.frombuffer(cloud.data, np.uint8).reshape(cloud.height, cloud.width, cloud.point_step)
    offsets = {field.name: field.offset for field in cloud.fields}
    xyz = np.stack([raw[..., offsets[name]:offsets[name] + 4].copy().view(np.float32)[..., 0]
                    for name in 'xyz'], axis=-1)
    rgb = None
    if 'rgb' in offsets:
        start = offsets['rgb']
        rgb = raw[..., start:start + 3][..., ::-1]
    return SimpleNamespace(xyz=xyz, rgb=rgb)


def floats_of(image: Image, channels: int = 1) -> np.ndarray:
    """Read a 32FC1 or 32FC2 image."""
    shape = (image.height, image.width) + ((channels,) if channels > 1 else ())
    return np.frombuffer(image.data, np.float32).reshape(shape)
