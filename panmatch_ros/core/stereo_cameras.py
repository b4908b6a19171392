"""The two cameras of a stereo pair: their rig, and how their raw images are rectified."""
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .camera import StereoRig
from .rectification import Rectifier
from .types import Disparity, Displacement


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


def stereo_cameras(infos: tuple[Any, Any], names: tuple[str, str],
                   rectify: bool) -> StereoCameras:
    """
    Read the cameras of a pair from their camera_info.

    :param infos: ``sensor_msgs/CameraInfo``, or objects with its fields.
    :param names: how errors call them.
    :param rectify: whether the images come raw.
    :raises CalibrationError: if they cannot be used.
    """
    rig = StereoRig.from_camera_info(*infos, names)
    if not rectify:
        return StereoCameras(rig)
    return StereoCameras(rig, tuple(Rectifier.from_camera_info(info, name)
                                    for info, name in zip(infos, names, strict=True)))


def calibration_content(info: Any) -> tuple[Any, ...]:
    """All that a camera_info says but its header, to compare."""
    roi = info.roi
    return (info.width, info.height, info.binning_x, info.binning_y, bytes(info.p),
            bytes(info.k), bytes(info.r), bytes(info.d), info.distortion_model,
            roi.x_offset, roi.y_offset, roi.width, roi.height)
