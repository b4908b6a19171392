"""The topics that evaluator_node subscribes to, and where their messages go."""
from collections.abc import Callable
from functools import partial
import time
from types import SimpleNamespace
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from stereo_msgs.msg import DisparityImage

from ..core.errors import ConfigError
from ..core.stamp_pairing import DEFAULT_TOLERANCE_NS
from ..evaluation.recordings.frame_evaluator import FrameEvaluator
from ..evaluation.recordings.live_frames import LiveFrames
from ..evaluation.recordings.recorded_inputs import SingleInputs, StereoInputs
from .diagnostics import own_messages
from .evaluator_parameters import truths_of
from .pose_sources import STATIC_TF_QOS, TF_QOS

DEPTH_OF_QUEUES = 50  # of each subscription: a burst must not be lost
SIDES = ('left', 'right')
TF_TOPICS = ('/tf', '/tf_static')
Take = Callable[[Any], None]


class EvaluatorInputs:
    """
    Subscribes to images, results and ground truth; every message is handed on as work.

    :param node: the node.
    :param values: its parameters.
    :param submit: takes work, in the order of the messages.
    """

    def __init__(self, node: Node, values: SimpleNamespace,
                 submit: Callable[[Callable[[], object]], object]) -> None:
        self._node, self._values, self._submit = node, values, submit
        self._results_qos = QoSProfile(depth=DEPTH_OF_QUEUES)
        self._inputs_qos = self._results_qos if values.use_system_default_qos else QoSProfile(
            depth=DEPTH_OF_QUEUES, reliability=ReliabilityPolicy.BEST_EFFORT)
        self.received: dict[str, int] = {}  # messages by topic

    def result_topics(self) -> dict[str, str]:
        """
        Name the topics of the results, by their kinds.

        :raises ConfigError: if the messages of this package are needed and not built.
        """
        task, kinds = self._values.task, []
        if task != 'flow':
            kinds.append(self._values.prediction)
        if task != 'stereo':
            kinds.append('optical_flow')
            if own_messages() is None:
                raise ConfigError('optical_flow has a message of panmatch_ros, which is not '
                                  'built: build the package with colcon')
        return {kind: self._node.resolve_topic_name(kind) for kind in kinds}

    def truth_topics(self) -> dict[str, str]:
        """Name the topics of the ground truth, by their kinds."""
        return {kind: self._node.resolve_topic_name(truth_name(kind))
                for kind in truths_of(self._values)}

    def silent(self) -> list[str]:
        """Name the topics that nothing came on; of those of TF one is enough."""
        has_transforms = any(self.received.get(topic) for topic in TF_TOPICS)
        return [topic for topic, count in self.received.items()
                if not count and not (has_transforms and topic in TF_TOPICS)]

    def connect(self, live: LiveFrames, evaluator: FrameEvaluator) -> None:
        """Subscribe to everything."""
        live.inputs = self._connect_images(live)
        types = {'disparity': DisparityImage, 'depth': Image,
                 'optical_flow': getattr(own_messages(), 'OpticalFlow', None)}
        for kind in self.result_topics():
            self._add(kind, types[kind], partial(live.add_result, kind), live,
                      self._results_qos)
        types |= {'flow': types['optical_flow'], 'lidar': PointCloud2}
        for kind in self.truth_topics():
            self._add(truth_name(kind), types[kind], partial(evaluator.add_truth, kind), live)
            if kind == 'lidar':
                self._connect_transforms(live, evaluator)

    def _connect_images(self, live: LiveFrames) -> SingleInputs | StereoInputs:
        values = self._values
        if values.task == 'flow':
            single = SingleInputs(self._image_topic('image'), live.add_input)
            self._add_image('image', partial(single.add_image, 0), live)
            return single
        name = 'image_raw' if values.rectify else 'image_rect'
        images, infos = ([f'{side}/{each}' for side in SIDES] for each in (name, 'camera_info'))
        tolerance_ns = 0
        if values.approximate_sync:
            tolerance_ns = (int(values.approximate_sync_tolerance_seconds * 1e9)
                            or DEFAULT_TOLERANCE_NS)
        stereo = StereoInputs([self._image_topic(image) for image in images],
                              [self._node.resolve_topic_name(info) for info in infos],
                              live.add_input, rectify=values.rectify,
                              tolerance_ns=tolerance_ns, queue_size=values.queue_size)
        for index in range(len(SIDES)):
            self._add(infos[index], CameraInfo, partial(stereo.add_info, index), live)
            self._add_image(images[index], partial(stereo.add_image, index), live)
        return stereo

    def _connect_transforms(self, live: LiveFrames, evaluator: FrameEvaluator) -> None:
        try:
            from tf2_msgs.msg import TFMessage
        except ImportError as error:
            raise ConfigError(f'lidar needs the messages of TF ({error}): install '
                              'ros-$ROS_DISTRO-tf2-msgs') from None
        for topic, is_static, qos in zip(TF_TOPICS, (False, True), (TF_QOS, STATIC_TF_QOS),
                                         strict=True):
            self._add(topic, TFMessage, partial(evaluator.add_transforms, static=is_static), live,
                      qos)

    def _image_topic(self, name: str) -> str:
        topic = self._node.resolve_topic_name(name)
        return f'{topic}/compressed' if self._values.image_transport == 'compressed' else topic

    def _add_image(self, name: str, take: Take, live: LiveFrames) -> None:
        if self._values.image_transport == 'compressed':
            self._add(self._image_topic(name), CompressedImage, take, live)
        else:
            self._add(name, Image, take, live)

    def _add(self, name: str, message_type: Any, take: Take, live: LiveFrames,
             qos: QoSProfile | None = None) -> None:
        # By the given name: one that is resolved already would be remapped again.
        topic = self._node.resolve_topic_name(name)
        self.received[topic] = 0
        self._node.create_subscription(
            message_type, name, partial(self._on_message, topic, take, live),
            qos or self._inputs_qos,
            qos_overriding_options=QoSOverridingOptions.with_default_policies())

    def _on_message(self, topic: str, take: Take, live: LiveFrames, message: Any) -> None:
        self.received[topic] += 1
        arrived_s = time.monotonic()

        def work() -> None:
            live.now_s = arrived_s
            take(message)

        self._submit(work)


def truth_name(kind: str) -> str:
    """Name the topic of a kind of ground truth, before remapping."""
    return 'lidar/points' if kind == 'lidar' else f'ground_truth/{kind}'
