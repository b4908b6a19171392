"""Where a camera was when it took an image: from TF, or from odometry."""
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from ..core.errors import ConfigError, PoseError
from ..core.image_message import stamp_ns
from ..core.pose_track import PoseTrack, make_pose
from ..core.stamp_guard import JUMP, StampGuard
from ..core.transform_tree import CACHE_S, TransformError
from .diagnostics import ThrottledLog
from .inputs import InputTopic
from .transforms import Buffer, make_buffer

TF_QOS = QoSProfile(depth=100)
STATIC_TF_QOS = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
ODOMETRY_QOS = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
POSE_NUMBERS = 7


class PoseSource(Protocol):
    """
    Tells poses of a camera in a frame that does not move.

    ``topics`` are its inputs.
    """

    topics: list[InputTopic]

    def pose(self, camera_frame: str, stamp: int) -> np.ndarray:
        """
        Give the (4, 4) transform that takes points of the camera into the fixed frame.

        :param camera_frame: optical frame of the camera.
        :param stamp: when, nanoseconds.
        :raises PoseError: if it is not known (yet).
        """

    def forget(self) -> None:
        """Forget poses, since there will be a gap."""


class Transforms:
    """
    What /tf and /tf_static say.

    :param log: of the node.
    :param on_news: called when there is more to look up.
    :param buffer: where transforms are kept.
    """

    def __init__(self, log: ThrottledLog, on_news: Callable[[], None],
                 buffer: Buffer | None = None) -> None:
        from tf2_msgs.msg import TFMessage
        self.buffer = buffer or make_buffer()
        self._log = log
        self._on_news = on_news
        self._guards: dict[str, StampGuard] = {}
        self._topics = [
            InputTopic('/tf', TFMessage, partial(self._on_message, 0), qos=TF_QOS),
            InputTopic('/tf_static', TFMessage, partial(self._on_message, 1), required=False,
                       lasting=True, qos=STATIC_TF_QOS)]

    def topics(self, required: bool) -> list[InputTopic]:
        """
        Give the inputs.

        :param required: whether nothing can be done without moving transforms.
        """
        self._topics[0].required = required
        return self._topics

    def forget(self) -> None:
        """Forget all but static transforms."""
        self.buffer.clear()
        self._guards.clear()

    def _on_message(self, index: int, message: Any) -> None:
        self._topics[index].note()
        for transform in message.transforms:
            if index == 0:
                guard = self._guards.setdefault(transform.child_frame_id, StampGuard())
                if guard.check(stamp_ns(transform)) == JUMP:
                    self._log.info('/tf: stamps went back in time; starting anew', key='tf jump')
                    self.forget()  # once, not again for each of the other frames
                    self._guards[transform.child_frame_id] = guard
            try:
                self.buffer.set(transform, static=index == 1)
            except TransformError as error:
                self._log.warning(f'{self._topics[index].resolved}: {error}; it is left out')
        self._on_news()


class TfPoses:
    """
    Poses from TF.

    :param transforms: what TF says.
    :param odom_frame: the frame that does not move.
    """

    def __init__(self, transforms: Transforms, odom_frame: str) -> None:
        self._transforms = transforms
        self._odom_frame = odom_frame
        self.topics = transforms.topics(required=True)

    def pose(self, camera_frame: str, stamp: int) -> np.ndarray:
        return self._transforms.buffer.lookup(self._odom_frame, camera_frame, stamp)

    def forget(self) -> None:
        self._transforms.forget()


class OdometryPoses:
    """
    Poses from a ``nav_msgs/Odometry`` topic, and where the camera is on the moving base.

    :param log: of the node.
    :param on_news: called when there is more to look up.
    :param max_gap_s: messages farther apart are not interpolated.
    :param T_base_camera: (4, 4), the place of the camera; None takes it from TF.
    :param transforms: what TF says; None without TF, which then is not needed if the odometry
        is that of the camera itself.
    """

    def __init__(self, log: ThrottledLog, on_news: Callable[[], None], max_gap_s: float,
                 T_base_camera: np.ndarray | None, transforms: Transforms | None) -> None:
        from nav_msgs.msg import Odometry
        self._log, self._on_news = log, on_news
        self._max_gap_s = max_gap_s
        self._T_base_camera, self._transforms = T_base_camera, transforms
        self._track = PoseTrack(CACHE_S)
        self._frames = ('', '')
        self._topic = InputTopic('odometry', Odometry, self._on_odometry, qos=ODOMETRY_QOS)
        self.topics = [self._topic, *(transforms.topics(required=False) if transforms else [])]

    def pose(self, camera_frame: str, stamp: int) -> np.ndarray:
        try:
            pose = self._track.at(stamp, self._max_gap_s)
        except PoseError as error:
            raise TransformError(f'{self._topic.resolved}: {error}') from None
        return pose.matrix @ self._mounting(camera_frame, stamp)

    def forget(self) -> None:
        self._track.clear()
        if self._transforms:
            self._transforms.forget()

    def _mounting(self, camera_frame: str, stamp: int) -> np.ndarray:
        base = self._frames[1]
        if self._T_base_camera is not None:
            return self._T_base_camera
        if base == camera_frame:
            return np.eye(4)
        if self._transforms is None:
            raise TransformError(
                f'{self._topic.resolved} is about {base!r}, and where {camera_frame!r} is on it '
                'is not known: set camera_pose, or install tf2_msgs to take it from TF')
        return self._transforms.buffer.lookup(base, camera_frame, stamp)

    def _on_odometry(self, message: Any) -> None:
        topic = self._topic
        topic.note()
        frames = (message.header.frame_id, message.child_frame_id)
        if topic.guard.check(stamp_ns(message)) == JUMP or frames != self._frames:
            if len(self._track):
                self._log.info(f'{topic.resolved}: stamps went back in time, or its frames '
                               'changed; starting anew', key='odometry jump')
            self._track.clear()
        self._frames = frames
        place, turn = message.pose.pose.position, message.pose.pose.orientation
        try:
            pose = make_pose((place.x, place.y, place.z), (turn.x, turn.y, turn.z, turn.w))
        except PoseError as error:
            self._log.warning(f'{topic.resolved}: {error}; it is left out')
            return
        self._track.add(stamp_ns(message), pose)
        self._on_news()


def make_pose_source(settings: SimpleNamespace, log: ThrottledLog, on_news: Callable[[], None],
                     parameter: str = 'pose_source') -> PoseSource:
    """
    Make what the parameters ask for.

    :param parameter: name of the one that is 'tf' or 'odometry'.
    :raises ConfigError: if the messages that it needs are not installed.
    """
    if getattr(settings, parameter) == 'tf':
        try:
            return TfPoses(Transforms(log, on_news), settings.odom_frame)
        except ModuleNotFoundError as error:
            raise ConfigError(
                f'{parameter} tf needs the messages of TF ({error}): install '
                f'ros-$ROS_DISTRO-tf2-msgs, or set {parameter} to odometry') from None
    T_base_camera = parse_camera_pose(settings.camera_pose)
    transforms = None
    if T_base_camera is None:
        try:
            transforms = Transforms(log, on_news)
        except ModuleNotFoundError as error:
            log.info(f'TF is not looked at ({error}): the odometry has to be that of the camera '
                     'itself, or camera_pose says where that is')
    try:
        return OdometryPoses(log, on_news, settings.max_odometry_gap_seconds, T_base_camera,
                             transforms)
    except ModuleNotFoundError as error:
        raise ConfigError(f'{parameter} odometry needs its messages ({error}): install '
                          'ros-$ROS_DISTRO-nav-msgs') from None


def parse_camera_pose(text: str) -> np.ndarray | None:
    """
    Read the parameter ``camera_pose``.

    :returns: (4, 4); None if the text is empty.
    :raises ConfigError: if it is no pose.
    """
    words = text.replace(',', ' ').split()
    if not words:
        return None
    try:
        x, y, z, qx, qy, qz, qw = map(float, words)
        return make_pose((x, y, z), (qx, qy, qz, qw)).matrix
    except PoseError as error:
        raise ConfigError(f'camera_pose {text!r}: {error}') from None
    except ValueError:
        raise ConfigError(f'camera_pose must be {POSE_NUMBERS} numbers, x y z qx qy qz qw, got '
                          f'{text!r}') from None
