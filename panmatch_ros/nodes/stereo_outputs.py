"""From a disparity map to the messages of the stereo node."""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from ..core.camera import StereoRig
from ..core.disparity import depth_from_parallax
from ..core.types import Disparity
from .depth_outputs import DepthFrame, DepthOutputs, publish_each
from .outputs import DisparityBuffer, ImageBuffer

NAN = np.float32(np.nan)
STRIPE_ROWS = 32


@dataclass(frozen=True)
class StereoFrame:
    """
    What the outputs of one pair are made of.

    :param header: of the left image.
    :param left: (H, W) grey or (H, W, 3) RGB, uint8 or uint16; rectified.
    :param rig: the pair at the size of the images.
    :param result: what the matcher found and the filters leave.
    :param search_range: smallest and largest disparity that was searched, pixels.
    :param delta_d: smallest difference that the matcher can tell, pixels.
    """

    header: Header
    left: np.ndarray
    rig: StereoRig
    result: Disparity
    search_range: tuple[float, float]
    delta_d: float


class StereoOutputs:
    """Makes each message in buffers that are kept; one object serves one thread."""

    def __init__(self) -> None:
        self._rectified = ImageBuffer('rgb8')
        self._disparity = DisparityBuffer()
        self._outputs = DepthOutputs()

    def publish(self, frame: StereoFrame, settings: SimpleNamespace,
                publishers: Mapping[str, Any], wanted: frozenset[str]) -> tuple[float, float]:
        """
        Make and publish the wanted outputs, one after the other.

        :param settings: parameters of the node.
        :param publishers: by name of the output.
        :param wanted: names of the outputs to make.
        :returns: milliseconds spent making messages, and publishing them.
        """
        return publish_each(self._messages(frame, settings, wanted), publishers)

    def _messages(self, frame: StereoFrame, settings: SimpleNamespace,
                  wanted: frozenset[str]) -> Iterator[tuple[str, Any]]:
        header, rig = frame.header, frame.rig
        if 'left/image_rect' in wanted:
            yield 'left/image_rect', self._rectified_image(frame)
        depth_frame = DepthFrame(header, frame.left, rig.left, frame.result.confidence)
        if wanted & {'disparity', 'depth', 'points2'}:
            self._compute(frame, depth_frame, settings, wanted)
        if 'disparity' in wanted:
            message = self._disparity.describe(header, rig, frame.search_range, frame.delta_d)
            self._disparity.mark_invalid(settings.invalid_value)
            yield 'disparity', message
        yield from self._outputs.messages(depth_frame, settings, wanted)

    def _rectified_image(self, frame: StereoFrame) -> Image:
        depth = '8' if frame.left.dtype == np.uint8 else '16'
        encoding = ('mono' if frame.left.ndim == 2 else 'rgb') + depth
        if self._rectified.message.encoding != encoding:
            self._rectified = ImageBuffer(encoding)
        return self._rectified.fill(frame.header, frame.left)

    def _compute(self, frame: StereoFrame, depth_frame: DepthFrame, settings: SimpleNamespace,
                 wanted: frozenset[str]) -> None:
        """Write the pixels of all outputs, stripe by stripe, so that they stay in the cache."""
        disparity, confidence = frame.result.disparity, frame.result.confidence
        height, width = disparity.shape
        parallax = self._disparity.pixels(height, width)
        depth = self._outputs.pixels(height, width)
        if 'points2' in wanted:
            self._outputs.prepare_points(depth_frame, settings)
        offset, threshold = (np.float32(value) for value in (
            frame.rig.cx_offset_px, settings.confidence_threshold))
        for start in range(0, height, STRIPE_ROWS):
            rows = slice(start, start + STRIPE_ROWS)
            np.subtract(disparity[rows], offset, out=parallax[rows])
            np.copyto(parallax[rows], NAN, where=confidence[rows] < threshold)
            if wanted & {'depth', 'points2'}:
                depth_from_parallax(parallax[rows], frame.rig, out=depth[rows])
            if 'points2' in wanted:
                self._outputs.write_points(depth_frame, rows)
