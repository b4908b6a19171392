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
        result, header, rig = frame.result, frame.header, frame.rig
        parallax = self._disparity.parallax(result, rig, settings.confidence_threshold)
        if 'disparity' in wanted:
            yield 'disparity', self._disparity.describe(
                header, rig, frame.search_range, frame.delta_d)
        if 'confidence' in wanted:
            yield 'confidence', self._confidence.fill(header, result.confidence)
        if 'depth/camera_info' in wanted:
            yield 'depth/camera_info', camera_info_message(header, rig.left)
        if not wanted & {'depth', 'points2'}:
            return
        depth = depth_from_parallax(parallax, rig, out=self._depth.pixels(*parallax.shape))
        if 'depth' in wanted:
            self._depth.message.header = header
            yield 'depth', (self._depth.message if settings.depth_encoding == '32FC1'
                            else self._depth_mm.fill(header, to_millimetres(depth)))
        if 'points2' in wanted:
            yield 'points2', self._points(frame, depth, settings)

    def _points(self, frame: StereoFrame, depth: np.ndarray, settings: SimpleNamespace) -> Any:
        colored, padded = settings.use_color, not settings.avoid_point_cloud_padding
        if (self._cloud.colored, self._cloud.padded) != (colored, padded):
            self._cloud = CloudBuffer(colored, padded)
        if self._rays[0] != frame.rig.left:
            self._rays = (frame.rig.left, camera_rays(frame.rig.left))
        return self._cloud.fill(frame.header, depth, self._rays[1], frame.left)
