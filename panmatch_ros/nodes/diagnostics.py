"""What a node reports: /diagnostics, the statistics topic, and throttled log lines."""
from collections import OrderedDict
from functools import lru_cache
import re
import time
from types import ModuleType
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node
from std_msgs.msg import Header

from ..inference.matcher import Matcher
from .gpu_memory import gpu_memory_mb
from .statistics import Statistics

RECENT_ERROR_S = 5.0  # an error stays visible in /diagnostics for so long
MEMORY = 64           # different messages that the throttle remembers


class ThrottledLog:
    """
    Log each message once per period, however often it happens.

    :param node: whose logger is used.
    :param period_s: the period.
    """

    def __init__(self, node: Node, period_s: float = 5.0) -> None:
        self._logger = node.get_logger()
        self._period_s = period_s
        self._last: OrderedDict[str, float] = OrderedDict()

    def error(self, text: str, key: str = '') -> None:
        """Log an error; messages with one key share the throttle."""
        if self._due(text, key):
            self._logger.error(text)

    def warning(self, text: str, key: str = '') -> None:
        """Log a warning; messages with one key share the throttle."""
        if self._due(text, key):
            self._logger.warning(text)

    def info(self, text: str, key: str = '') -> None:
        """Log an information; messages with one key share the throttle."""
        if self._due(text, key):
            self._logger.info(text)

    def _due(self, text: str, key: str) -> bool:
        key = key or re.sub(r'[0-9.-]+', '#', text)  # numbers differ from frame to frame
        now = time.monotonic()
        last = self._last.get(key)
        if last is not None and now - last < self._period_s:
            return False
        self._last[key] = now
        self._last.move_to_end(key)
        if len(self._last) > MEMORY:
            self._last.popitem(last=False)
        return True


def diagnostic_array(node: Node, statistics: Statistics, details: dict[str, Any],
                     problem: str, idle: str) -> DiagnosticArray:
    """
    Describe the state of a node.

    :param details: further values to show.
    :param problem: of the inputs or the engines; empty if none.
    :param idle: why it has nothing to do; empty if it has.
    """
    status = DiagnosticStatus(name=node.get_fully_qualified_name().lstrip('/'),
                              hardware_id=str(details.get('matcher', '')))
    recent = time.monotonic() - statistics.last_error_s < RECENT_ERROR_S
    if recent:
        status.level, status.message = DiagnosticStatus.ERROR, statistics.last_error
    elif problem:
        status.level, status.message = DiagnosticStatus.WARN, problem
    elif idle:
        status.level, status.message = DiagnosticStatus.OK, idle
    else:
        status.level = DiagnosticStatus.OK
        status.message = f'{statistics.rate_hz:.1f} Hz, {statistics.last.total_ms:.0f} ms a frame'
    last = statistics.last
    values = {
        **details,
        'rate_hz': f'{statistics.rate_hz:.2f}',
        'frames_received': statistics.received,
        'frames_processed': statistics.processed,
        'frames_dropped': statistics.dropped,
        'frames_late': statistics.late,
        'frames_rejected': statistics.rejected,
        'frames_skipped': statistics.skipped,
        'input_size': f'{last.width}x{last.height}',
        'preprocess_ms': f'{last.preprocess_ms:.2f}',
        'inference_ms': f'{last.inference_ms:.2f}',
        'postprocess_ms': f'{last.postprocess_ms:.2f}',
        'publish_ms': f'{last.publish_ms:.2f}',
        'total_ms': f'{last.total_ms:.2f}',
        'input_age_ms': f'{last.input_age_ms:.1f}',
        'last_error': statistics.last_error,
    }
    status.values = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    array = DiagnosticArray(status=[status])
    array.header.stamp = node.get_clock().now().to_msg()
    return array


@lru_cache(maxsize=1)
def own_messages() -> ModuleType | None:
    """Import the messages of this package; None if they were not built."""
    try:
        import panmatch_ros.msg
    except ImportError:
        return None
    return panmatch_ros.msg


def statistics_message(header: Header, task: str, matcher: Matcher, statistics: Statistics,
                       sync_failures: int) -> Any:
    """Make an InferenceStatistics message of the last frame."""
    messages = own_messages()
    assert messages is not None  # the topic exists only where the messages do
    last = statistics.last
    return messages.InferenceStatistics(
        header=header, task=task, matcher=matcher.name, backend=matcher.backend,
        precision=matcher.precision, input_width=last.width, input_height=last.height,
        preprocess_ms=last.preprocess_ms, inference_ms=last.inference_ms,
        postprocess_ms=last.postprocess_ms, publish_ms=last.publish_ms,
        total_ms=last.total_ms, input_age_ms=last.input_age_ms, rate_hz=statistics.rate_hz,
        frames_received=statistics.received, frames_processed=statistics.processed,
        frames_dropped=statistics.dropped, frames_late=statistics.late,
        frames_rejected=statistics.rejected, sync_failures=sync_failures,
        gpu_memory_mb=gpu_memory_mb())
