"""The messages of nodes that publish depth: image, camera_info, point cloud and confidence."""
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from std_msgs.msg import Header

from ..core.camera import Camera
from ..core.disparity import camera_rays
from .outputs import CloudBuffer, ImageBuffer, camera_info_message, to_millimetres
from .statistics import StopWatch

NAN = np.float32(np.nan)


@dataclass(frozen=True)
class DepthFrame:
    """
    What the outputs of one image are made of, besides its depth.

    :param header: of the image.
    :param image: (H, W) grey or (H, W, 3) RGB, uint8 or uint16.
    :param camera: of the image, at its size.
    :param confidence: (H, W) float32 in [0, 1].
    """

    header: Header
    image: np.ndarray
    camera: Camera
    confidence: np.ndarray


class DepthOutputs:
    """
    Makes each message in buffers that are kept; one object serves one thread.

    ``fill(...)`` takes a depth map; a node that computes depth in stripes writes it into
    ``pixels(...)`` and calls ``write_points(...)``. Then ``messages(...)`` gives what is wanted.
    """

    def __init__(self) -> None:
        self._confidence = ImageBuffer('32FC1')
        self._depth = ImageBuffer('32FC1')
        self._depth_mm = ImageBuffer('16UC1')
        self._cloud = CloudBuffer(colored=True, padded=False)
        self._rays: tuple[Camera | None, Any] = (None, None)

    def pixels(self, height: int, width: int) -> np.ndarray:
        """(height, width) float32 to write the depth into: metres, NaN is invalid."""
        return self._depth.pixels(height, width)

    def prepare_points(self, frame: DepthFrame, settings: SimpleNamespace) -> None:
        """Make room for the points of an image, in the layout that the parameters ask for."""
        colored, padded = settings.use_color, not settings.avoid_point_cloud_padding
        if (self._cloud.colored, self._cloud.padded) != (colored, padded):
            self._cloud = CloudBuffer(colored, padded)
        if self._rays[0] != frame.camera:
            self._rays = (frame.camera, camera_rays(frame.camera))
        self._cloud.resize(*frame.image.shape[:2])

    def write_points(self, frame: DepthFrame, rows: slice) -> None:
        """Make the points of some rows, whose depth is written."""
        depth = self._depth.pixels(*frame.image.shape[:2])
        self._cloud.write(rows, depth, self._rays[1], frame.image)

    def fill(self, frame: DepthFrame, depth: np.ndarray, settings: SimpleNamespace,
             wanted: frozenset[str]) -> None:
        """
        Take a whole depth map, and make points of it if they are wanted.

        :param depth: (H, W) float32, metres; NaN is invalid. What is less confident than
            ``confidence_threshold`` becomes invalid too.
        """
        pixels = self.pixels(*depth.shape)
        np.copyto(pixels, depth)
        np.copyto(pixels, NAN,
                  where=frame.confidence < np.float32(settings.confidence_threshold))
        if 'points2' in wanted:
            self.prepare_points(frame, settings)
            self.write_points(frame, slice(None))

    def messages(self, frame: DepthFrame, settings: SimpleNamespace,
                 wanted: frozenset[str]) -> Iterator[tuple[str, Any]]:
        """Give the wanted messages with the names of their outputs, one after the other."""
        header = frame.header
        if 'depth' in wanted:
            self._depth.message.header = header
            yield 'depth', (self._depth.message if settings.depth_encoding == '32FC1' else
                            self._depth_mm.fill(header, to_millimetres(
                                self._depth.pixels(*frame.image.shape[:2]))))
        if 'points2' in wanted:
            self._cloud.message.header = header
            yield 'points2', self._cloud.message
        if 'confidence' in wanted:
            yield 'confidence', self._confidence.fill(header, frame.confidence)
        if 'depth/camera_info' in wanted:
            yield 'depth/camera_info', camera_info_message(header, frame.camera)


def publish_each(messages: Iterable[tuple[str, Any]],
                 publishers: Mapping[str, Any]) -> tuple[float, float]:
    """
    Publish messages as soon as they are made.

    :param messages: names of outputs with their messages.
    :param publishers: by name of the output.
    :returns: milliseconds spent making them, and publishing them.
    """
    watch, making_ms, publishing_ms = StopWatch(), 0.0, 0.0
    for name, message in messages:
        making_ms += watch.lap_ms()
        publishers[name].publish(message)
        publishing_ms += watch.lap_ms()
    return making_ms, publishing_ms
