"""The listener of the endurance benchmark: takes the outputs, their ages and what is reported."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
import struct
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import PointCloud2
from stereo_msgs.msg import DisparityImage

from panmatch_ros.nodes.diagnostics import own_messages

OUTPUTS = {'disparity': DisparityImage, 'points2': PointCloud2}
HEADER = struct.Struct('<iII')  # stamp and length of the frame_id, behind four bytes
CHECK_PERIOD_S = 1.0            # between two outputs whose values are compared


@dataclass(frozen=True)
class Output:
    """
    An output that arrived.

    :param run: of the camera.
    :param size: index of the size that the camera had.
    :param scene: that it showed.
    :param stamp_ns: of the images.
    :param arrived_s: monotonic.
    :param age_ms: time from the stamp to the arrival.
    """

    run: int
    size: int
    scene: int
    stamp_ns: int
    arrived_s: float
    age_ms: float


@dataclass(frozen=True)
class Check:
    """
    Values of an output next to the truth.

    :param output: whose values they are.
    :param error_px: median of the absolute error of the disparity.
    """

    output: Output
    error_px: float


class Listener:
    """
    Subscribes to outputs and reports of the node.

    Most outputs stay serialised and only their header is read: the listener shares the cores
    with the node.

    :param truths: true disparities by size and scene.
    """

    def __init__(self, truths: Sequence[Sequence[np.ndarray]]) -> None:
        self._truths = truths
        self.outputs: dict[str, list[Output]] = {name: [] for name in OUTPUTS}
        self.checks: list[Check] = []
        self.ages_ms: list[tuple[float, float]] = []  # monotonic, and as the node reports it
        self.report: dict[str, int] = {}              # counters of the last /diagnostics
        self.reports = 0
        self.node = rclpy.create_node('endurance_listener')
        for name, message_type in OUTPUTS.items():
            self.node.create_subscription(message_type, name, partial(self._on_output, name),
                                          QoSProfile(depth=10), raw=True)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        messages = own_messages()
        if messages is not None:
            self.node.create_subscription(messages.InferenceStatistics, 'statistics',
                                          self._on_statistics, 100)

    def spin_until(self, condition: Callable[[], Any], timeout_s: float) -> bool:
        """Spin until the condition holds; False if it does not in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            rclpy.spin_once(self.node, timeout_sec=0.05)
        return True

    def first_of(self, run: int) -> Output | None:
        """Give the first disparity of a run; None before it has come."""
        return next((output for output in self.outputs['disparity'] if output.run == run), None)

    def largest_error_px(self, run: int) -> float:
        """Give the largest of the errors of a run; infinite if nothing was compared."""
        return max((check.error_px for check in self.checks if check.output.run == run),
                   default=np.inf)

    def _on_output(self, name: str, message: bytes) -> None:
        now_ns, arrived_s = self.node.get_clock().now().nanoseconds, time.monotonic()
        seconds, nanoseconds, length = HEADER.unpack_from(message, 4)
        start = 4 + HEADER.size
        run, size, scene = map(int, message[start:start + length - 1].split())
        stamp_ns = seconds * 1_000_000_000 + nanoseconds
        output = Output(run, size, scene, stamp_ns, arrived_s, (now_ns - stamp_ns) / 1e6)
        self.outputs[name].append(output)
        if name == 'disparity' and self._is_check_due(output):
            self.checks.append(Check(output, self._error_px(output, message)))

    def _is_check_due(self, output: Output) -> bool:
        last = self.checks[-1].output if self.checks else None
        return (last is None or output.run != last.run
                or output.arrived_s - last.arrived_s > CHECK_PERIOD_S)

    def _error_px(self, output: Output, message: bytes) -> float:
        """Compare with the truth; infinite if the size is another or nothing is valid."""
        image = deserialize_message(message, DisparityImage).image
        truth = self._truths[output.size][output.scene]
        if (image.height, image.width) != truth.shape:
            return np.inf
        error = np.abs(np.frombuffer(image.data, np.float32).reshape(truth.shape) - truth)
        known = error[np.isfinite(error)]
        return float(np.median(known)) if known.size > truth.size // 2 else np.inf

    def _on_statistics(self, message: Any) -> None:
        self.ages_ms.append((time.monotonic(), message.input_age_ms))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.endswith('stereo_node'):
                self.report = {item.key: int(item.value) for item in status.values
                               if item.key.startswith(('frames_', 'images_', 'sync_'))}
                self.reports += 1
