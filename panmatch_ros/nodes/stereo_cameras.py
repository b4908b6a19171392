"""The cameras of the stereo node: their rig, and how their raw images are rectified."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..core.camera import StereoRig
from ..core.errors import CalibrationError
from ..core.rectification import Rectifier
from ..core.types import Disparity, Displacement
from .diagnostics import ThrottledLog
from .inputs import InputTopic


@dataclass(frozen=True, eq=False)
class StereoCameras:
    """
    A calibration of both cameras.

    :param rig: the rectified pair, at the size of the images.
    :param rectifiers: of left and right images that come raw; none if they come rectified.
    """

    rig: StereoRig
    rectifiers: tuple[Rectifier, ...] = ()

    def rectify(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Rectify a pair; the arrays themselves if that moves nothing.

        :raises CalibrationError: if the calibration does not fit the images.
        """
        if not self.rectifiers:
            return left, right
        return self.rectifiers[0].rectify(left), self.rectifiers[1].rectify(right)

    def without_missing(self, result: Disparity) -> Disparity:
        """Make invalid what the left camera does not see: NaN, with a confidence of 0."""
        missing = self._missing
        if missing is None:
            return result
        return Disparity(np.where(missing, np.float32(np.nan), result.disparity),
                         np.where(missing, np.float32(0), result.confidence))

    def flow_without_missing(self, result: Displacement) -> Displacement:
        """Do the same to a flow on the grid of the left image."""
        missing = self._missing
        if missing is None:
            return result
        return Displacement(np.where(missing[..., None], np.float32(np.nan), result.flow),
                            np.where(missing, np.float32(0), result.confidence))

    @cached_property
    def _missing(self) -> np.ndarray | None:
        """(H, W) bool, pixels of the left image without a source; None if there are none."""
        missing = self.rectifiers[0].missing if self.rectifiers else None
        return missing if missing is not None and missing.any() else None


class StereoCamerasReader:
    """
    Reads the cameras of the pairs from their camera_info.

    :param images: topics of the images, left first.
    :param infos: topics of their camera_info.
    :param log: of the node.
    :param rectify: whether the images come raw.
    """

    def __init__(self, images: Sequence[InputTopic], infos: Sequence[InputTopic],
                 log: ThrottledLog, *, rectify: bool) -> None:
        self._images, self._infos, self._log, self._rectify = images, infos, log, rectify
        self._last: tuple[Any, StereoCameras] | None = None  # with what it was read from

    def read(self, infos: tuple[Any, Any], size: tuple[int, ...]) -> StereoCameras:
        """
        Read the calibration of a pair.

        :param infos: ``sensor_msgs/CameraInfo`` of both cameras.
        :param size: shape of the left image.
        :returns: the same object as for the last pair while the calibration stays the same.
        :raises CalibrationError: if it cannot be used, or describes another size.
        """
        key = tuple(_content(info) for info in infos)
        if self._last is None or key != self._last[0]:
            self._last = key, self._read(infos)
        cameras = self._last[1]
        left = cameras.rig.left
        if (left.height, left.width) != size[:2]:
            raise CalibrationError(
                f'{self._infos[0].resolved} describes an image of {left.width}x{left.height} '
                f'pixels (after region of interest and binning), but '
                f'{self._images[0].resolved} has {size[1]}x{size[0]}')
        if cameras.rig.baseline_sign_is_unusual:
            self._log.warning(
                'by P[0, 3] the right camera stands left of the left one; using the absolute '
                'baseline. Are the two cameras swapped?', key='baseline sign')
        return cameras

    def _read(self, infos: tuple[Any, Any]) -> StereoCameras:
        names = self._infos[0].resolved, self._infos[1].resolved
        rig = StereoRig.from_camera_info(*infos, names)
        if not self._rectify:
            return StereoCameras(rig)
        return StereoCameras(rig, tuple(
            Rectifier.from_camera_info(info, name)
            for info, name in zip(infos, names, strict=True)))


def _content(info: Any) -> tuple[Any, ...]:
    """All that a camera_info says but its header, to compare."""
    roi = info.roi
    return (info.width, info.height, info.binning_x, info.binning_y, bytes(info.p),
            bytes(info.k), bytes(info.r), bytes(info.d), info.distortion_model,
            roi.x_offset, roi.y_offset, roi.width, roi.height)
