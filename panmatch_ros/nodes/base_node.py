"""What the matcher nodes share: settings, lazy inputs, the worker, reports."""
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
import math
import traceback
from types import SimpleNamespace
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.time import Time
from std_msgs.msg import Header

from ..core.errors import PanMatchError
from ..core.image_message import stamp_ns
from ..core.stamp_guard import JUMP, LATE
from ..inference.engine_programs import engines_at_work
from ..inference.engine_status import engine_status
from ..inference.matcher import Matcher
from ..inference.matcher_cache import MatcherCache
from .diagnostics import ThrottledLog, diagnostic_array, own_messages, statistics_message
from .engines import EngineLog, build_engines
from .gpu_memory import gpu_memory_mb
from .inputs import Inputs, InputTopic
from .latest_worker import LatestWorker
from .parameters import matcher_options
from .settings import Settings, Spec
from .statistics import FrameTimes, Statistics

POLL_S = 0.2            # how fast a new subscriber is noticed
CLOSE_AFTER_POLLS = 10  # how long inputs stay open without one
FOREIGN_CLOCK_MS = 3.6e6  # an input older than an hour was stamped by another clock


class MatcherNode(Node, ABC):
    """
    A node that feeds a matcher.

    A subclass adds its inputs and outputs, hands work to ``self.worker`` and implements
    ``process(item, wanted)`` and ``size_of(item)``, which run in the worker thread.

    :param name: node name.
    :param task: for the reports; also that of the matcher, 'stereo' or 'flow', unless
        ``engine_tasks`` is set to others.
    :param specs: its parameters.
    :param check: looks at a whole new set of values; raises a PanMatchError to refuse it.
    """

    def __init__(self, name: str, task: str, specs: Sequence[Spec],
                 check: Callable[[SimpleNamespace], object] = matcher_options,
                 **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.task = task
        self.engine_tasks: tuple[str, ...] = (task,)
        self._parameters_now = Settings(self, specs, check)
        self.settings = self._parameters_now.values
        self.statistics = Statistics()
        self.log = ThrottledLog(self)
        self.outputs: dict[str, Publisher] = {}
        self.inputs: Inputs | None = None
        self.is_active = True  # whether to work at all; see ManagedNode
        self.worker = LatestWorker(self._work, self._on_error)
        self._matchers = MatcherCache(self.release_matcher)
        self._engines = EngineLog(self.get_logger())
        self._exit_code: int | None = None  # of a node that has done what it was started for
        self._polls_unwanted = 0
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        messages = own_messages()
        self._statistics_publisher = messages and self.create_publisher(
            messages.InferenceStatistics, 'statistics', 1)
        if messages is None:
            self.get_logger().info(
                'the messages of panmatch_ros are not built: statistics appear in /diagnostics '
                'only; all other outputs have standard types')
        # ROS time stands still while a bag is paused; these timers must not.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(POLL_S, partial(self._guarded, self._poll), clock=steady)
        self.create_timer(1.0, partial(self._guarded, self._report), clock=steady)

    def add_output(self, name: str, message_type: type) -> None:
        """Advertise an output: reliable, depth 1, QoS overrides allowed."""
        self.outputs[name] = self.create_publisher(
            message_type, name, QoSProfile(depth=1),
            qos_overriding_options=QoSOverridingOptions.with_default_policies())

    def add_inputs(self, topics: Sequence[InputTopic]) -> None:
        """Name the inputs; they are subscribed to while an output is wanted."""
        self.inputs = Inputs(self, topics, self._on_error,
                             compressed=self.settings.image_transport == 'compressed',
                             reliable=self.settings.use_system_default_qos)

    def check_stamp(self, topic: InputTopic, message: Any) -> str:
        """
        Note an image and classify its stamp; count one that is late.

        :returns: ``OK``, ``LATE`` (drop it) or ``JUMP`` (start anew with it).
        """
        topic.note()
        stamp = stamp_ns(message)
        if stamp < 0:
            self.reject(f'{topic.resolved}: the stamp is negative ({stamp / 1e9:.3f} s)')
            return LATE
        verdict = topic.guard.check(stamp)
        if verdict == LATE:
            self.statistics.count('late')
        elif verdict == JUMP:
            self.log.info(f'{topic.resolved}: stamps went back in time; starting anew', key='jump')
        return verdict

    def wanted(self) -> frozenset[str]:
        """Names of the outputs that somebody subscribes to; none while the node is not active."""
        return frozenset(name for name, publisher in self.outputs.items()
                         if self.is_active and publisher.get_subscription_count() > 0)

    @abstractmethod
    def process(self, item: Any, wanted: frozenset[str]) -> tuple[Header, FrameTimes] | None:
        """
        Do the work of one frame in the worker thread.

        :param item: what was submitted.
        :param wanted: outputs to make.
        :returns: header of the outputs and what they cost; None if there was nothing to do.
        :raises PanMatchError: if the input is bad; it is logged and counted.
        """

    @abstractmethod
    def size_of(self, item: Any) -> tuple[int, int]:
        """
        Give the (height, width) of the images of a frame.

        :raises PanMatchError: if the input is bad.
        """

    def sync_failures(self) -> int:
        """Images that never found their partner."""
        return 0

    def frames_waiting(self) -> int:
        """Complete inputs that are not finished yet."""
        return self.worker.unfinished

    def check_pending(self) -> None:
        """Look after work that waits for another input; called a few times a second."""

    def forget_pending(self) -> None:
        """Forget such work; called when the inputs were closed."""

    def release_matcher(self) -> None:
        """Let go of the matcher; called in the worker before another network is read."""

    @property
    def matcher(self) -> Matcher:
        """The matcher for the current settings; made anew in the worker when they change."""
        return self._matchers.get(self.settings.matcher,
                                  matcher_options(self.settings))

    def submit(self, item: Any) -> None:
        """Hand a frame to the worker; count the one that it replaces."""
        if self.worker.submit(item):
            self.statistics.count('dropped')

    def reject(self, reason: str, key: str = '') -> None:
        """Count and log an input that cannot be processed."""
        self.statistics.reject(reason)
        self.log.error(reason, key)

    def stop(self) -> bool:
        """
        End the worker; called before the node is destroyed.

        :returns: False if it, or a thread that builds an engine, is still at work.
        """
        return self.worker.stop() and not engines_at_work()

    def _work(self, item: Any) -> None:
        wanted, result = self.wanted(), None
        if self.settings.build_only and self.is_active:
            self._build_engines(item)
        elif wanted:
            self.settings = self._parameters_now.values
            result = self.process(item, wanted)
        if result is None:
            self.statistics.count('skipped')
            return
        header, times = result
        times.input_age_ms = self._age_ms(header)
        self.statistics.finish(times)
        publisher = self._statistics_publisher
        if publisher is not None and publisher.get_subscription_count() > 0:
            publisher.publish(statistics_message(
                header, self.task, self.matcher, self.statistics, self.sync_failures()))

    def _build_engines(self, item: Any) -> None:
        if self._exit_code is None:
            self.settings = self._parameters_now.values
            self._exit_code = max(build_engines(self.get_logger(), lambda: self.matcher, task,
                                                self.size_of(item))
                                  for task in self.engine_tasks)

    def _needs_inputs(self) -> bool:
        return self.is_active and (self.settings.build_only or bool(self.wanted()))

    def _age_ms(self, header: Header) -> float:
        age_ms = (self.get_clock().now() - Time.from_msg(header.stamp)).nanoseconds / 1e6
        return age_ms if abs(age_ms) < FOREIGN_CLOCK_MS else math.nan

    def _on_error(self, error: Exception) -> None:
        if not self.context.ok():
            return  # publishing fails while ROS shuts down
        if isinstance(error, PanMatchError):
            self.reject(str(error))
        else:
            text = ''.join(traceback.format_exception(error))
            self.reject(f'unexpected error, please report it; the frame is dropped:\n{text}',
                        key=repr(error))

    def _guarded(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:  # no timer may end the node
            self._on_error(error)

    def _poll(self) -> None:
        """Open the inputs when an output is wanted, close them some time after the last."""
        if self._exit_code is not None:
            raise SystemExit(self._exit_code)
        inputs = self.inputs
        if inputs is None:
            return
        if self._needs_inputs():
            self._polls_unwanted = 0
            if not inputs.is_open:
                inputs.open()
        else:
            self._polls_unwanted += 1
            if self._polls_unwanted >= CLOSE_AFTER_POLLS:
                self.close_inputs()
        self.check_pending()

    def close_inputs(self) -> None:
        """Unsubscribe, and forget what waits."""
        if self.inputs is not None and self.inputs.is_open:
            self.inputs.close()
            self.forget_pending()

    def _report(self) -> None:
        problem = self.input_problem() if self._needs_inputs() else ''
        if problem:
            self.log.warning(problem, key='inputs')
        matcher, loading = self._matchers.current, self._matchers.is_loading
        engines = engine_status(matcher)
        if not self.settings.build_only:  # which says itself what it does
            self._engines.note(matcher, engines)
        if self._diagnostics.get_subscription_count() == 0:
            return
        name = matcher.name if matcher else self.settings.matcher
        details = {'task': self.task, 'sync_failures': self.sync_failures(),
                   'images_received': self.inputs.images_received if self.inputs else 0,
                   'frames_waiting': self.frames_waiting(),
                   'matcher': f'{name} (loading)' if loading else name,
                   'backend': matcher.backend if matcher else '',
                   'precision': matcher.precision if matcher else '',
                   'engine_status': engines.text, 'gpu_memory_mb': f'{gpu_memory_mb():.0f}',
                   **self.report_details()}
        problem = problem or self.output_problem()
        if engines.has_failed:
            problem = problem or engines.text
        self._diagnostics.publish(
            diagnostic_array(self, self.statistics, details, problem, self.idle_reason()))

    def idle_reason(self) -> str:
        """Say why nothing is published; empty if something is."""
        if self.settings.build_only:
            return 'build_only: nothing is published'
        return '' if self.wanted() else 'idle: nobody subscribes'

    def input_problem(self) -> str:
        """Say what is wrong with the inputs; empty if nothing is."""
        return self.inputs.problem(
            self._parameters_now.values.input_timeout_seconds) if self.inputs else ''

    def output_problem(self) -> str:
        """Say what is wrong with the outputs, for /diagnostics; empty if nothing is."""
        return ''

    def report_details(self) -> dict[str, Any]:
        """Give further values for /diagnostics."""
        return {}
