"""Images of one camera in; optical flow, its confidence and picture out."""
from dataclasses import dataclass
from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from ..core.camera import Camera
from ..core.errors import CalibrationError
from ..core.image_message import stamp_ns
from ..core.stamp_guard import JUMP, LATE
from ..core.types import Displacement
from ..inference.streaming import FlowStream
from ..viz.flow import flow_to_color
from . import parameters
from .base_node import MatcherNode
from .conversions import image_from_message, size_from_message
from .depth_outputs import publish_each
from .diagnostics import own_messages
from .flow_outputs import FlowFrame, FlowOutputs, sure_flow
from .inputs import InputTopic
from .outputs import ImageBuffer, camera_info_message
from .process import run_node
from .statistics import FrameTimes, StopWatch


@dataclass(frozen=True)
class Frame:
    """An image, its header, and the run of increasing stamps that it belongs to."""

    header: Header
    stamp_ns: int
    pixels: np.ndarray
    sequence: int


class FlowNode(MatcherNode):
    """
    Computes the optical flow between consecutive images of one camera.

    The flow goes from the older to the newer image, on the grid of the older one; its header is
    that of the newer one. Topics, parameters and frames: ``docs/nodes/flow_node.md``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('flow_node', 'flow', parameters.FLOW_NODE, **kwargs)
        for name, message_type in (('flow', Image), ('flow/confidence', Image),
                                   ('flow/image_color', Image), ('flow/camera_info', CameraInfo)):
            self.add_output(name, message_type)
        if messages := own_messages():
            self.add_output('optical_flow', messages.OpticalFlow)
        self._outputs, self._color = FlowOutputs(), ImageBuffer('rgb8')
        self._previous: Frame | None = None
        self._stream: FlowStream | None = None  # only the worker thread uses it
        self._sequence = 0  # increases when stamps go back
        self._info: CameraInfo | None = None
        self._image = InputTopic('image', Image, self._on_image)
        self._camera_info = InputTopic('camera_info', CameraInfo, self._on_info, required=False)
        self.add_inputs([self._image, self._camera_info])

    def _on_info(self, message: CameraInfo) -> None:
        self._camera_info.note()
        self._info = message

    def _on_image(self, message: Any) -> None:
        verdict = self.check_stamp(self._image, message)
        if verdict == LATE:
            return
        if verdict == JUMP:
            self._sequence += 1
        self.statistics.count('received')
        self.submit((message, stamp_ns(message), self._sequence))

    def size_of(self, item: Any) -> tuple[int, int]:
        return size_from_message(item[0], self._image.resolved)

    def forget_pending(self) -> None:
        self._sequence += 1  # images before and after the pause are no pair

    def release_matcher(self) -> None:
        self._stream = None  # it holds the matcher and the features of an image

    def process(self, item: Any, wanted: frozenset[str]) -> tuple[Header, FrameTimes] | None:
        message, stamp, sequence = item
        watch, times = StopWatch(), FrameTimes()
        pixels = image_from_message(message, self._image.resolved)
        newer = Frame(message.header, stamp, pixels, sequence)
        older, self._previous = self._previous, newer
        if older is not None and not self._belong_together(older, newer):
            older = None
        times.height, times.width = pixels.shape[:2]
        times.preprocess_ms = watch.lap_ms()
        result = self._match(older, newer)
        if older is None or result is None:
            return None
        times.inference_ms = watch.lap_ms()
        times.postprocess_ms, times.publish_ms = publish_each(
            self._messages(older, newer, result, wanted), self.outputs)
        return message.header, times

    def _match(self, older: Frame | None, newer: Frame) -> Displacement | None:
        """Match to the older image, or start a sequence if there is none."""
        matcher, last = self.matcher, older.pixels if older else None
        if self._stream is None or self._stream.matcher is not matcher:
            self._stream = matcher.stream()
        if self._stream.last is not last:  # new sequence, other matcher, or an image that failed
            self._stream.forget()
            if last is not None:
                self._stream.next(last)
        return self._stream.next(newer.pixels)

    def _belong_together(self, older: Frame, newer: Frame) -> bool:
        if older.sequence != newer.sequence:
            return False
        if older.pixels.shape[:2] != newer.pixels.shape[:2]:
            self.log.info(
                f'{self._image.resolved}: the size changed from {older.pixels.shape[1]}x'
                f'{older.pixels.shape[0]} to {newer.pixels.shape[1]}x{newer.pixels.shape[0]}; '
                'starting anew')
            return False
        return newer.stamp_ns - older.stamp_ns <= self.settings.max_gap_seconds * 1e9

    def _messages(self, older: Frame, newer: Frame, result: Displacement,
                  wanted: frozenset[str]) -> Any:
        """Make the wanted outputs, one after the other."""
        header, flow = newer.header, sure_flow(result, self.settings.confidence_threshold)
        yield from self._outputs.messages(
            FlowFrame(header, older.header, (newer.stamp_ns - older.stamp_ns) * 1e-9, flow,
                      result.confidence), wanted)
        if 'flow/image_color' in wanted:
            picture = flow_to_color(flow, self.settings.color_max_px or None)
            yield 'flow/image_color', self._color.fill(header, picture)
        if 'flow/camera_info' in wanted and self._info is not None:
            try:
                camera = Camera.from_camera_info(self._info, self._camera_info.resolved)
                camera.require_size(flow.shape, self._camera_info.resolved, self._image.resolved)
                yield 'flow/camera_info', camera_info_message(header, camera)
            except CalibrationError as error:  # the flow itself needs none
                self.log.warning(f'no flow/camera_info: {error}')


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(FlowNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
