"""Input topics: lazy subscriptions, stamps that jump or come late, and the watchdog."""
from collections.abc import Callable, Sequence
import copy
from dataclasses import dataclass, field
from functools import partial
import os
import time
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from ..core.stamp_guard import LATE_LIMIT, StampGuard


@dataclass
class InputTopic:
    """
    One topic that a node may subscribe to, and what was seen of it.

    :param name: relative name, before remapping.
    :param message_type: ROS message class.
    :param callback: called with each message.
    :param required: whether the node can do nothing without it.
    :param lasting: whether one message serves until the next, however late that comes.
    :param qos: what it is subscribed to with; None for that of the inputs of the node.
    """

    name: str
    message_type: type
    callback: Callable[[Any], None]
    required: bool = True
    lasting: bool = False
    qos: QoSProfile | None = None
    guard: StampGuard = field(default_factory=StampGuard)
    resolved: str = ''
    received: int = 0
    arrived_s: float = 0.0  # monotonic; of the last message
    subscription: Any = None

    def note(self) -> None:
        """Record an arrival."""
        self.received += 1
        self.arrived_s = time.monotonic()


class Inputs:
    """
    The subscriptions of a node, open only while somebody wants its outputs.

    :param node: the node.
    :param topics: what it needs.
    :param on_error: called with an exception that a callback of a topic raises: one bad
        message must not end the node.
    :param compressed: subscribe to ``<topic>/compressed`` for images.
    :param reliable: default QoS instead of sensor data QoS.
    """

    def __init__(self, node: Node, topics: Sequence[InputTopic],
                 on_error: Callable[[Exception], None], *, compressed: bool = False,
                 reliable: bool = False) -> None:
        self._node = node
        self._on_error = on_error
        self.topics = topics
        self._qos = QoSProfile(depth=10) if reliable else qos_profile_sensor_data
        self._opened_s = 0.0
        # Humble can crash when a subscription is destroyed while the node spins.
        self._can_close = os.environ.get('ROS_DISTRO', '') != 'humble'
        for topic in topics:
            topic.resolved = node.resolve_topic_name(topic.name)
            if compressed and topic.message_type is Image:
                topic.message_type = CompressedImage
                topic.name = topic.resolved = f'{topic.resolved}/compressed'
        # Wrong QoS overrides show now, not when the first subscriber comes.
        self.open()
        self._destroy()

    @property
    def is_open(self) -> bool:
        """Whether the node is subscribed."""
        return any(topic.subscription is not None for topic in self.topics)

    @property
    def images_received(self) -> int:
        """Images of all topics since the node started."""
        return sum(topic.received for topic in self.topics
                   if topic.message_type in (Image, CompressedImage))

    def open(self) -> None:
        """Subscribe."""
        self._opened_s = time.monotonic()
        for topic in self.topics:
            # A copy, since rclpy writes overrides into the profile that it is given.
            qos = copy.copy(topic.qos or self._qos)
            # By its own name: remapping what is remapped undoes an exchange of two topics.
            topic.subscription = self._node.create_subscription(
                topic.message_type, topic.name, partial(self._deliver, topic), qos,
                qos_overriding_options=QoSOverridingOptions.with_default_policies())

    def _deliver(self, topic: InputTopic, message: Any) -> None:
        try:
            topic.callback(message)
        except Exception as error:
            self._on_error(error)

    def close(self) -> None:
        """Unsubscribe, where that is safe."""
        if self._can_close:
            self._destroy()

    def _destroy(self) -> None:
        for topic in self.topics:
            if topic.subscription is not None:
                self._node.destroy_subscription(topic.subscription)
                topic.subscription = None

    def problem(self, timeout_s: float) -> str:
        """
        Say which topic is missing or stuck; empty if all is well.

        :param timeout_s: silence that counts, seconds.
        """
        now = time.monotonic()
        for topic in self.topics:
            if topic.guard.repeated >= LATE_LIMIT and topic.guard.newest_ns is not None:
                return (f'{topic.resolved}: all images have the same stamp '
                        f'({topic.guard.newest_ns / 1e9:.3f} s) and are dropped; does the driver '
                        'set header.stamp?')
        if not self.is_open or now - self._opened_s < timeout_s:
            return ''
        silent = [topic for topic in self.topics
                  if topic.required and not (topic.lasting and topic.received)
                  and now - max(topic.arrived_s, self._opened_s) > timeout_s]
        if not silent:
            return ''
        stamps = [topic.guard.newest_ns for topic in self.topics
                  if topic.guard.newest_ns is not None]
        return '; '.join(self._describe(topic, now, max(stamps, default=None))
                         for topic in silent)

    def _describe(self, topic: InputTopic, now: float, newest_ns: int | None) -> str:
        publishers = self._node.count_publishers(topic.resolved)
        if topic.received == 0:
            why = ('nobody publishes it' if publishers == 0 else
                   f'{publishers} publisher(s), but nothing arrives: compare the QoS with '
                   f'`ros2 topic info -v {topic.resolved}`')
            return f'{topic.resolved}: no message since the node subscribed ({why})'
        text = f'{topic.resolved}: no message for {(now - topic.arrived_s) * 1000:.0f} ms'
        if topic.guard.newest_ns is not None and newest_ns is not None:
            behind_ms = (newest_ns - topic.guard.newest_ns) / 1e6
            if behind_ms > 0:
                text += f', its last stamp is {behind_ms:.0f} ms behind the newest input'
        return f'{text} ({publishers} publisher(s))'
