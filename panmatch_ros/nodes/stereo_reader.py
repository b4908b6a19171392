"""The pairs of the stereo nodes: images and cameras, read from their messages."""
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ImageError
from ..core.stereo_cameras import StereoCameras, calibration_content, stereo_cameras
from .conversions import image_from_message
from .diagnostics import ThrottledLog
from .inputs import InputTopic


class StereoReader:
    """
    Reads pairs of images and the cameras that took them.

    :param images: topics of the images, left first.
    :param infos: topics of their camera_info.
    :param log: of the node.
    :param rectify: whether the images come raw.
    """

    def __init__(self, images: Sequence[InputTopic], infos: Sequence[InputTopic],
                 log: ThrottledLog, *, rectify: bool) -> None:
        self._images, self._infos, self._log, self._rectify = images, infos, log, rectify
        self._last: tuple[Any, StereoCameras] | None = None  # with what it was read from

    def read(self, messages: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray, StereoCameras]:
        """
        Read a pair.

        :param messages: both images and both camera_info, left first.
        :returns: left and right image, rectified, and the cameras.
        :raises PanMatchError: if it cannot be used.
        """
        names = [topic.resolved for topic in self._images]
        left, right = map(image_from_message, messages[:2], names)
        if left.shape[:2] != right.shape[:2]:
            raise ImageError(
                f'{names[0]} and {names[1]} must have one size, got {left.shape[1]}x'
                f'{left.shape[0]} and {right.shape[1]}x{right.shape[0]}')
        cameras = self._cameras((messages[2], messages[3]), left.shape)
        return *cameras.rectify(left, right), cameras

    def _cameras(self, infos: tuple[Any, Any], size: tuple[int, ...]) -> StereoCameras:
        """
        Read the calibration of a pair.

        :param infos: ``sensor_msgs/CameraInfo`` of both cameras.
        :param size: shape of the left image.
        :returns: the same object as for the last pair while the calibration stays the same.
        :raises CalibrationError: if it cannot be used, or describes another size.
        """
        key = tuple(calibration_content(info) for info in infos)
        if self._last is None or key != self._last[0]:
            self._last = key, self._read(infos)
        cameras = self._last[1]
        cameras.rig.left.require_size(size, self._infos[0].resolved, self._images[0].resolved)
        if cameras.rig.baseline_sign_is_unusual:
            self._log.warning(
                'by P[0, 3] the right camera stands left of the left one; using the absolute '
                'baseline. Are the two cameras swapped?', key='baseline sign')
        return cameras

    def _read(self, infos: tuple[Any, Any]) -> StereoCameras:
        names = self._infos[0].resolved, self._infos[1].resolved
        return stereo_cameras(infos, names, self._rectify)
