"""
Images of a recording as the nodes take them: paired by stamp, with their calibration.

The rules are those of ``stereo_node`` and ``flow_node``, whether messages come from a bag or from
topics.
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.camera import StereoRig
from ...core.errors import CalibrationError, ImageError
from ...core.image_message import image_from_message, stamp_ns
from ...core.stamp_guard import JUMP, LATE, StampGuard
from ...core.stamp_pairing import PairSynchronizer
from ...core.stereo_cameras import StereoCameras, calibration_content, stereo_cameras

MOST_INFOS = 16          # camera_info of each side that are kept by their stamp
SIZE_TOLERANCE_PX = 1.0  # resizing to a given width may round the height up or down
SIDES = (0, 1)


@dataclass(frozen=True, eq=False)
class Input:
    """
    The messages of one frame.

    :param messages: of the images: left and right, or of the one camera.
    :param run: how often stamps went back before it.
    :param number: of this input; those that follow each other differ by one.
    """

    messages: tuple[Any, ...]
    run: int
    number: int

    @property
    def stamp_ns(self) -> int:
        """Stamp of the left image."""
        return stamp_ns(self.messages[0])

    @property
    def frame_id(self) -> str:
        """Frame of the left camera."""
        return self.messages[0].header.frame_id


class SingleInputs:
    """
    The images of one camera.

    :param topic: how errors call it.
    :param on_input: called with each input.
    """

    def __init__(self, topic: str, on_input: Callable[[Input], None]) -> None:
        self._topic, self._on_input = topic, on_input
        self._guard = StampGuard()
        self.run, self.number, self.late, self.received = 0, 0, 0, [0]

    def add_image(self, index: int, message: Any) -> None:
        """Take an image."""
        self.received[index] += 1
        verdict = self._guard.check(stamp_ns(message))
        if verdict == LATE:
            self.late += 1
            return
        self.run += verdict == JUMP
        self.number += 1
        self._on_input(Input((message,), self.run, self.number))

    def read(self, given: Input) -> np.ndarray:
        """
        Read the pixels.

        :raises ImageError: if they cannot be used.
        """
        return image_from_message(given.messages[0], self._topic)

    @property
    def unpaired(self) -> int:
        """Images that never found their partner: they need none."""
        return 0


class StereoInputs:
    """
    The pairs of a stereo camera.

    :param topics: of left and right image, how errors call them.
    :param infos: of left and right camera_info.
    :param on_input: called with each pair.
    :param rectify: whether the images come raw.
    :param tolerance_ns: 0 for equal stamps, else the largest difference.
    :param queue_size: images of each side that wait for their partner.
    """

    def __init__(self, topics: Sequence[str], infos: Sequence[str],
                 on_input: Callable[[Input], None], *, rectify: bool = False,
                 tolerance_ns: int = 0, queue_size: int = 5) -> None:
        self._topics, self._info_topics = tuple(topics), (infos[0], infos[1])
        self._on_input, self._rectify = on_input, rectify
        self._guards = (StampGuard(), StampGuard())
        self._synchronizer = PairSynchronizer(self._on_pair, queue_size, tolerance_ns)
        self._infos: tuple[dict[int, Any], dict[int, Any]] = ({}, {})  # by stamp, newest last
        self._last: tuple[Any, StereoCameras] | None = None  # with what it was read from
        self._fixed: StereoCameras | None = None
        self.run, self.number, self.late, self.received = 0, 0, 0, [0, 0]

    @property
    def unpaired(self) -> int:
        """Images that never found their partner."""
        return self._synchronizer.failures

    def use(self, rig: StereoRig, name: str) -> None:
        """
        Take a calibration of rectified images in place of that of camera_info.

        :param rig: of images of the same shape, at any size.
        :param name: how errors call it.
        """
        self._fixed = StereoCameras(rig)
        self._info_topics = (name, name)

    def add_info(self, index: int, message: Any) -> None:
        """Take the camera_info of side 0 or 1."""
        infos = self._infos[index]
        infos.pop(stamp_ns(message), None)
        infos[stamp_ns(message)] = message
        if len(infos) > MOST_INFOS:
            del infos[next(iter(infos))]

    def add_image(self, index: int, message: Any) -> None:
        """Take the image of side 0 or 1."""
        self.received[index] += 1
        verdict = self._guards[index].check(stamp_ns(message))
        if verdict == LATE:
            self.late += 1
            return
        if verdict == JUMP:
            self._start_anew(index)
        self._synchronizer.add(index, stamp_ns(message), message)

    def cameras(self, given: Input, size: tuple[int, int]) -> StereoCameras | None:
        """
        Give the calibration of a pair: that of its stamp, else the latest.

        :param size: (height, width) of its images, pixels.
        :returns: None if there is none (yet).
        :raises CalibrationError: if it cannot be used.
        """
        if self._fixed is not None:
            return self._fitted(size, self._fixed)
        if not all(self._infos):
            return None
        infos = tuple(by_stamp.get(stamp_ns(message), next(reversed(by_stamp.values())))
                      for by_stamp, message in zip(self._infos, given.messages, strict=True))
        key = tuple(calibration_content(info) for info in infos)
        if self._last is None or key != self._last[0]:
            self._last = key, stereo_cameras((infos[0], infos[1]), self._info_topics,
                                             self._rectify)
        return self._last[1]

    def read(self, given: Input) -> tuple[np.ndarray, np.ndarray, StereoCameras | None]:
        """
        Read a pair.

        :returns: left and right image, rectified, and the cameras if they are known.
        :raises PanMatchError: if it cannot be used.
        """
        left, right = (image_from_message(message, topic)
                       for message, topic in zip(given.messages, self._topics, strict=True))
        if left.shape[:2] != right.shape[:2]:
            raise ImageError(
                f'{self._topics[0]} and {self._topics[1]} must have one size, got '
                f'{left.shape[1]}x{left.shape[0]} and {right.shape[1]}x{right.shape[0]}')
        cameras = self.cameras(given, (left.shape[0], left.shape[1]))
        if cameras is None:
            if self._rectify:
                raise CalibrationError('raw images need the camera_info of both cameras to be '
                                       f'rectified: {" and ".join(self._info_topics)}')
            return left, right, None
        camera = cameras.rig.left
        if (camera.height, camera.width) != left.shape[:2]:
            raise CalibrationError(
                f'{self._info_topics[0]} describes an image of {camera.width}x{camera.height} '
                f'pixels (after region of interest and binning), but {self._topics[0]} has '
                f'{left.shape[1]}x{left.shape[0]}')
        return *cameras.rectify(left, right), cameras

    def _fitted(self, size: tuple[int, int], cameras: StereoCameras) -> StereoCameras:
        """Bring the given calibration to the size of images that were only resized."""
        (height, width), left = size, cameras.rig.left
        if (left.height, left.width) == size or abs(
                left.height * width / left.width - height) > SIZE_TOLERANCE_PX:
            return cameras
        self._fixed = StereoCameras(cameras.rig.resized(height, width))
        return self._fixed

    def _start_anew(self, index: int) -> None:
        """Forget what waits: the stamps of one side went back; the other one follows."""
        self._synchronizer.reset()
        self.run += 1
        mine, other = self._guards[index], self._guards[1 - index]
        if other.newest_ns is not None and mine.newest_ns is not None \
                and other.newest_ns > mine.newest_ns:
            other.newest_ns = None

    def _on_pair(self, left: Any, right: Any) -> None:
        self.number += 1
        self._on_input(Input((left, right), self.run, self.number))
