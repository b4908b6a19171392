"""From a disparity map to the messages of the stereo node."""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from std_msgs.msg import Header

from ..core.camera import Camera, StereoRig
from ..core.disparity import camera_rays, depth_from_parallax
from ..core.types import Disparity
from .outputs import (
    CloudBuffer,
    DisparityBuffer,
    ImageBuffer,
    camera_info_message,
    to_millimetres,
)
from .statistics import StopWatch

NAN = np.float32(np.nan)
STRIPE_ROWS = 32


@dataclass(frozen=True)
class StereoFrame:
    """
    What the outputs of one pair are made of.

    :param header: of the left image.
    :param left: (H, W) grey or (H, W, 3) RGB, uint8 or uint16.
    :param rig: the pair at the size of the images.
    :param result: what the matcher found.
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
        self._disparity = DisparityBuffer()
        self._confidence = ImageBuffer('32FC1')
        self._depth = ImageBuffer('32FC1')
        self._depth_mm = ImageBuffer('16UC1')
        self._cloud = CloudBuffer(colored=True, padded=False)
        self._rays: tuple[Camera | None, Any] = (None, None)

    def publish(self, frame: StereoFrame, settings: SimpleNamespace,
                publishers: Mapping[str, Any], wanted: frozenset[str]) -> tuple[float, float]:
        """
        Make and publish the wanted outputs, one after the other.

        :param settings: parameters of the node.
        :param publishers: by name of the output.
        :param wanted: names of the outputs to make.
        :returns: milliseconds spent making messages, and publishing them.
        """
        watch, spent = StopWatch(), [0.0, 0.0]
        for name, message in self._messages(frame, settings, wanted):
            spent[0] += watch.lap_ms()
            publishers[name].publish(message)
            spent[1] += watch.lap_ms()
        return spent[0], spent[1]

    def _messages(self, frame: StereoFrame, settings: SimpleNamespace,
                  wanted: frozenset[str]) -> Iterator[tuple[str, Any]]:
        header, rig = frame.header, frame.rig
        if wanted & {'disparity', 'depth', 'points2'}:
            self._compute(frame, settings, wanted)
        if 'disparity' in wanted:
            yield 'disparity', self._disparity.describe(
                header, rig, frame.search_range, frame.delta_d)
        if 'depth' in wanted:
            self._depth.message.header = header
            yield 'depth', (self._depth.message if settings.depth_encoding == '32FC1' else
                            self._depth_mm.fill(header, to_millimetres(self._depth.pixels(
                                *frame.result.disparity.shape))))
        if 'points2' in wanted:
            self._cloud.message.header = header
            yield 'points2', self._cloud.message
        if 'confidence' in wanted:
            yield 'confidence', self._confidence.fill(header, frame.result.confidence)
        if 'depth/camera_info' in wanted:
            yield 'depth/camera_info', camera_info_message(header, rig.left)

    def _compute(self, frame: StereoFrame, settings: SimpleNamespace,
                 wanted: frozenset[str]) -> None:
        """Write the pixels of all outputs, stripe by stripe, so that they stay in the cache."""
        disparity, confidence = frame.result.disparity, frame.result.confidence
        height, width = disparity.shape
        parallax, depth = self._disparity.pixels(height, width), self._depth.pixels(height, width)
        cloud = self._cloud_for(frame, settings) if 'points2' in wanted else None
        offset, threshold = (np.float32(value) for value in (
            frame.rig.cx_offset_px, settings.confidence_threshold))
        for start in range(0, height, STRIPE_ROWS):
            rows = slice(start, start + STRIPE_ROWS)
            np.subtract(disparity[rows], offset, out=parallax[rows])
            np.copyto(parallax[rows], NAN, where=confidence[rows] < threshold)
            if wanted & {'depth', 'points2'}:
                depth_from_parallax(parallax[rows], frame.rig, out=depth[rows])
            if cloud is not None:
                cloud.write(rows, depth, self._rays[1], frame.left)

    def _cloud_for(self, frame: StereoFrame, settings: SimpleNamespace) -> CloudBuffer:
        colored, padded = settings.use_color, not settings.avoid_point_cloud_padding
        if (self._cloud.colored, self._cloud.padded) != (colored, padded):
            self._cloud = CloudBuffer(colored, padded)
        if self._rays[0] != frame.rig.left:
            self._rays = (frame.rig.left, camera_rays(frame.rig.left))
        self._cloud.resize(*frame.result.disparity.shape)
        return self._cloud
