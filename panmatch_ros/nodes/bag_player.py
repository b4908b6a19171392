"""Play a bag as topics with /clock, where `ros2 bag play` is not installed."""
from collections.abc import Iterator
import importlib
from pathlib import Path
import time
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock as ClockMessage

from ..core.errors import ConfigError
from ..data.bags.bag import Bag
from ..data.bags.records import Record, Topic
from .process import run_node
from .settings import Settings, Spec

SPECS = (
    Spec('bag', '', 'folder of a bag of ROS 2, or one of its files', live=False),
    Spec('rate', 1.0, 'how much faster than recorded it is played', 0.001, 1000.0, live=False),
    Spec('loop', False, 'start again after the last message', live=False),
    Spec('clock', True, 'publish /clock, for nodes with use_sim_time', live=False),
    Spec('topics', '', 'topics to play, separated by commas; empty is all', live=False),
    Spec('subscribers', 1, 'begin when an image topic has so many', 0, 100, live=False),
    Spec('wait_seconds', 10.0, 'begin after this time in any case (s)', 0.0, 3600.0, live=False),
    Spec('delay_seconds', 0.5, 'wait so long after the subscribers are there (s)', 0.0, 3600.0,
         live=False),
    Spec('end_process', True, 'end after the last message, if it does not loop', live=False),
)
PERIOD_S = 0.002
CLOCK_PERIOD_NS = 25_000_000
IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
NS_PER_S = 1_000_000_000


class BagPlayer(Node):
    """
    Publishes the messages of a bag, as they stand there, at the times of their recording.

    Messages whose type is not installed are left out and named. Everything is published
    reliably, which best-effort subscriptions take too.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('bag_player', **kwargs)
        self._values = Settings(self, SPECS).values
        if not self._values.bag:
            raise ConfigError('set bag to the bag to play')
        self._bag = Bag(Path(self._values.bag))
        self._problems_said = 0
        self._say_problems()
        self._outputs = self._advertise()
        if not self._outputs:
            raise ConfigError(f'{self._bag.path}: there is nothing to play')
        self._images = [publisher for name, publisher in self._outputs.items()
                        if self._bag.topics[name].message_type in IMAGES]
        self._clock = self.create_publisher(ClockMessage, '/clock', 10)
        self._records: Iterator[Record] = iter(())
        self._next: Record | None = None
        self._began_s, self._first_ns, self._clock_ns = 0.0, 0, 0
        self.finished = False
        self.played = 0
        self._created_s = self._ready_s = time.monotonic()
        self._timer = self.create_timer(PERIOD_S, self._step,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._is_started = False

    def stop(self) -> None:
        """Let go of the bag; called before the node is destroyed."""
        self._bag.close()

    def _say_problems(self) -> None:
        """Log what was lost of the bag since the last time."""
        for problem in self._bag.problems[self._problems_said:]:
            self.get_logger().warning(problem)
        self._problems_said = len(self._bag.problems)

    def _advertise(self) -> dict[str, Publisher]:
        wanted = [name.strip() for name in self._values.topics.split(',') if name.strip()]
        missing = [name for name in wanted if name not in self._bag.topics]
        if missing:
            raise ConfigError(f'the bag has no topic {", ".join(missing)}')
        outputs = {}
        for name, topic in self._bag.topics.items():
            if (wanted and name not in wanted) or (name == '/clock' and self._values.clock):
                continue
            message_class = _class_of(topic)
            if message_class is None:
                self.get_logger().warning(f'{name}: the message type {topic.message_type} is not '
                                          'installed; it is not played')
                continue
            qos = QoSProfile(depth=50)
            if name.endswith('tf_static'):
                qos.durability = DurabilityPolicy.TRANSIENT_LOCAL
            outputs[name] = self.create_publisher(message_class, name, qos)
        return outputs

    def _step(self) -> None:
        """Publish what is due."""
        if self.finished:
            return
        if not self._is_started:
            if not self._may_start():
                return
            self._is_started = True
            self._rewind()
        while self._next is not None and self._next.log_ns <= self._now_ns():
            self._tell_time(self._next.log_ns)
            self._outputs[self._next.topic].publish(self._next.data)
            self.played += 1
            self._next = next(self._records, None)
        if self._next is None:
            self._end()
            return
        now_ns = self._now_ns()
        if now_ns - self._clock_ns >= CLOCK_PERIOD_NS:
            self._tell_time(now_ns)

    def _may_start(self) -> bool:
        """Whether enough subscribers have been there for long enough."""
        now_s = time.monotonic()
        least = self._values.subscribers
        if self._images and all(image.get_subscription_count() < least for image in self._images):
            self._ready_s = now_s
        return (now_s - self._ready_s >= self._values.delay_seconds
                or now_s - self._created_s >= self._values.wait_seconds)

    def _rewind(self) -> None:
        self._records = self._bag.messages(self._outputs)
        self._next = next(self._records, None)
        self._began_s = time.monotonic()
        self._first_ns = self._next.log_ns if self._next else 0

    def _now_ns(self) -> int:
        elapsed_s = (time.monotonic() - self._began_s) * self._values.rate
        return self._first_ns + int(elapsed_s * NS_PER_S)

    def _tell_time(self, now_ns: int) -> None:
        self._clock_ns = now_ns
        if self._values.clock:
            message = ClockMessage()
            message.clock.sec, message.clock.nanosec = divmod(now_ns, NS_PER_S)
            self._clock.publish(message)

    def _end(self) -> None:
        self._say_problems()  # damage is found where it is
        if self._values.loop and self.played:
            self._rewind()
            return
        self.finished = True
        self._timer.cancel()
        self.get_logger().info(f'the bag is played: {self.played} messages')
        if self._values.end_process:
            raise SystemExit(0)


def _class_of(topic: Topic) -> Any:
    """Give the class of the messages of a topic; None if it is not installed."""
    package, _, name = topic.message_type.replace('/msg/', '/').partition('/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError, ValueError):
        return None


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(BagPlayer, args)

if __name__ == '__main__':
    raise SystemExit(main())
