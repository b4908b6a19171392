"""Record what a matcher node publishes: the last outputs, and rates and latencies."""
import json
from pathlib import Path
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import PointCloud2

from ..core.errors import ConfigError
from ..data.ply import write_ply
from .process import run_node
from .recorded_arrays import arrays_of, pixels_of, values_of
from .recorder_topics import TOPICS, chosen_topics
from .settings import Settings, Spec

SPECS = (
    Spec('task', 'stereo', 'whose outputs to record', choices=tuple(TOPICS), live=False),
    Spec('topics', '', 'which of them, names with spaces between; empty is all', live=False),
    Spec('out', '', 'folder to write to', live=False),
    Spec('frames', 20, 'frames of each topic to wait for', 1, 1000000, live=False),
    Spec('timeout_seconds', 60.0, 'give up after this (s)', 0.1, 86400.0, live=False),
)
HISTORY = 16  # messages kept of each topic, to find those of one stamp


class Recorder(Node):
    """
    Keeps the last message of each topic and the arrival of all, writes them, and ends.

    ``outputs.npz`` holds the arrays by topic name, a ``.ply`` file each point cloud, and
    ``record.json`` the counts, rates (Hz), latencies (ms, from the input stamp to the arrival
    here) and the node's own counters.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('recorder', **kwargs)
        self._settings = Settings(self, SPECS).values
        if not self._settings.out:
            raise ConfigError('set out to the folder to write to')
        topics = chosen_topics(self._settings.task, self._settings.topics)
        self._last: dict[str, dict[int, Any]] = {name: {} for name in topics}
        self._arrivals: dict[str, list[tuple[float, float]]] = {name: [] for name in topics}
        self._reports: dict[str, dict[str, str]] = {}
        self._deadline_s = time.monotonic() + self._settings.timeout_seconds
        qos = QoSProfile(depth=5)
        for name, message_type in topics.items():
            self.create_subscription(
                message_type, name, lambda message, name=name: self._on(name, message), qos)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        self.create_timer(0.1, self._check, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on(self, name: str, message: Any) -> None:
        stamp = Time.from_msg(message.header.stamp)
        latency_ms = (self.get_clock().now() - stamp).nanoseconds / 1e6
        self._arrivals[name].append((time.monotonic(), latency_ms))
        kept = self._last[name]
        kept[stamp.nanoseconds] = message
        while len(kept) > HISTORY:
            del kept[min(kept)]

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self._reports.update(values_of(message))

    def _check(self) -> None:
        counts = [len(arrivals) for arrivals in self._arrivals.values()]
        done = min(counts) >= self._settings.frames and bool(self._reports)
        if not done and time.monotonic() < self._deadline_s:
            return
        self.write()
        self.get_logger().info(f'recorded {self._settings.out}')
        raise SystemExit(0 if done else 1)

    def write(self) -> None:
        """Write what was recorded so far."""
        folder = Path(self._settings.out)
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, np.ndarray] = {}
        statuses: dict[str, dict[str, dict[str, str]]] = {}
        for name, message in self._of_one_stamp().items():
            if isinstance(message, DiagnosticArray):
                statuses[name] = values_of(message)
                continue
            arrays.update(arrays_of(name, message))
            if isinstance(message, PointCloud2):
                write_ply(folder / f'{name}.ply', arrays[name], arrays.get(f'{name}.rgb'),
                          arrays.get(f'{name}.velocity'))
            if name == 'flow':
                arrays.update(self._image_before(message))
        np.savez_compressed(folder / 'outputs.npz', **arrays)  # type: ignore[arg-type]  # stub
        record = {'task': self._settings.task, 'reports': self._reports, 'statuses': statuses,
                  'topics': {name: _rates(arrivals)
                             for name, arrivals in self._arrivals.items()}}
        (folder / 'record.json').write_text(json.dumps(record, indent=2))

    def _image_before(self, flow: Any) -> dict[str, np.ndarray]:
        """Give the older image of a flow, and the time since it: seconds."""
        stamp = Time.from_msg(flow.header.stamp).nanoseconds
        told = self._last.get('optical_flow', {}).get(stamp)  # else that of the flow before
        before = (Time.from_msg(told.source_stamp).nanoseconds if told is not None else
                  max((other for other in self._last['flow'] if other < stamp), default=-1))
        name = 'image' if 'image' in self._last else 'left/image_rect'
        image = self._last.get(name, {}).get(before)
        if image is None:
            return {}
        return {f'{name}.before': pixels_of(image, name),
                'flow.dt': np.array((stamp - before) * 1e-9)}

    def _of_one_stamp(self) -> dict[str, Any]:
        """Choose the newest stamp that most topics have."""
        stamps = {stamp for kept in self._last.values() for stamp in kept}
        if not stamps:
            return {}
        best = max(stamps, key=lambda stamp: (
            sum(stamp in kept for kept in self._last.values()), stamp))
        return {name: kept[best] for name, kept in self._last.items() if best in kept}


def _rates(arrivals: list[tuple[float, float]]) -> dict[str, float]:
    if not arrivals:
        return {'count': 0}
    times = np.array([moment for moment, _ in arrivals])
    latency = np.array([value for _, value in arrivals])
    span = times[-1] - times[0]
    return {'count': len(arrivals), 'rate_hz': float((len(arrivals) - 1) / span) if span else 0.0,
            'latency_median_ms': float(np.median(latency)),
            'latency_p95_ms': float(np.percentile(latency, 95))}


def main(args: list[str] | None = None) -> int:
    """Run the node; exit code 0 if all frames came, 1 if the time was up."""
    return run_node(Recorder, args)


if __name__ == '__main__':
    raise SystemExit(main())
