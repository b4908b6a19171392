"""Record what the stereo or flow node publishes: the last outputs, and rates and latencies."""
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
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from stereo_msgs.msg import DisparityImage

from ..core.errors import ConfigError
from . import parameters
from .compat import view_image
from .parameters import Spec
from .process import run_node

SPECS = (
    Spec('task', 'stereo', 'whose outputs to record', choices=('stereo', 'flow'), live=False),
    Spec('out', '', 'folder to write to', live=False),
    Spec('frames', 20, 'frames of each topic to wait for', 1, 1000000, live=False),
    Spec('timeout_seconds', 60.0, 'give up after this (s)', 0.1, 86400.0, live=False),
)
TOPICS: dict[str, dict[str, type]] = {
    'stereo': {'left/image_rect': Image, 'disparity': DisparityImage, 'depth': Image,
               'depth/camera_info': CameraInfo, 'points2': PointCloud2, 'confidence': Image},
    'flow': {'image': Image, 'flow': Image, 'flow/confidence': Image,
             'flow/image_color': Image},
}
HISTORY = 16  # messages kept of each topic, to find those of one stamp
LAYOUT = {'32FC1': ('f4', 1), '32FC2': ('f4', 2), '16UC1': ('u2', 1), 'rgb8': ('u1', 3),
          'mono8': ('u1', 1)}


class Recorder(Node):
    """
    Keeps the last message of each topic and the arrival of all, writes them, and ends.

    ``outputs.npz`` holds the arrays by topic name; ``record.json`` the counts, rates (Hz),
    latencies (ms, from the input stamp to the arrival here) and the node's own counters.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('recorder', **kwargs)
        self._settings = parameters.Settings(self, SPECS).values
        if not self._settings.out:
            raise ConfigError('set out to the folder to write to')
        self._topics = TOPICS[self._settings.task]
        self._last: dict[str, dict[int, Any]] = {name: {} for name in self._topics}
        self._arrivals: dict[str, list[tuple[float, float]]] = {
            name: [] for name in self._topics}
        self._reports: dict[str, dict[str, str]] = {}
        self._deadline_s = time.monotonic() + self._settings.timeout_seconds
        qos = QoSProfile(depth=5)
        for name, message_type in self._topics.items():
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
        for status in message.status:
            values = {item.key: item.value for item in status.values}
            self._reports[status.name] = {'message': status.message, **values}

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
        chosen = self._of_one_stamp()
        for name, message in chosen.items():
            arrays.update(_arrays(name, message))
        if 'flow' in chosen:
            arrays.update(self._image_before(chosen['flow']))
        np.savez_compressed(folder / 'outputs.npz', **arrays)  # type: ignore[arg-type]  # stub
        record = {'task': self._settings.task, 'reports': self._reports,
                  'topics': {name: _rates(arrivals)
                             for name, arrivals in self._arrivals.items()}}
        (folder / 'record.json').write_text(json.dumps(record, indent=2))

    def _image_before(self, flow: Image) -> dict[str, np.ndarray]:
        """Give the older image of a flow: the newer one of the flow before."""
        stamp = Time.from_msg(flow.header.stamp).nanoseconds
        before = max((other for other in self._last['flow'] if other < stamp), default=-1)
        image = self._last['image'].get(before)
        return {'image.before': _pixels(image)} if image is not None else {}

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


def _arrays(name: str, message: Any) -> dict[str, np.ndarray]:
    """Turn a message into arrays, keyed by its topic (and field)."""
    if isinstance(message, DisparityImage):
        fields = ('f', 't', 'min_disparity', 'max_disparity', 'delta_d')
        return {name: _pixels(message.image),
                **{f'{name}.{field}': np.array(getattr(message, field)) for field in fields}}
    if isinstance(message, PointCloud2):
        floats = np.frombuffer(message.data, np.float32).reshape(
            message.height, message.width, message.point_step // 4)
        offsets = {field.name: field.offset for field in message.fields}
        arrays: dict[str, np.ndarray] = {name: floats[..., :3].copy()}
        if 'rgb' in offsets:
            start = offsets['rgb']
            raw = np.frombuffer(message.data, np.uint8).reshape(
                message.height, message.width, message.point_step)
            arrays[f'{name}.rgb'] = raw[..., start:start + 3][..., ::-1].copy()
        return arrays
    if isinstance(message, CameraInfo):
        return {f'{name}.p': np.array(message.p)}
    return {name: _pixels(message)}


def _pixels(message: Image) -> np.ndarray:
    kind, channels = LAYOUT[message.encoding]
    return view_image(message, np.dtype(kind), channels).copy()


def main(args: list[str] | None = None) -> int:
    """Run the node; exit code 0 if all frames came, 1 if the time was up."""
    return run_node(Recorder, args)


if __name__ == '__main__':
    raise SystemExit(main())
