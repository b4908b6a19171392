"""
Rectify raw images with the calibration of ``sensor_msgs/CameraInfo``.

As image_geometry (C++) does: the tables have a precision of 1/32 px, and a region of interest is
cut from the rectified image at the place of the raw one. Other than there, an image without
distortion is still turned by R and scaled to P, and pixels without a source are known.
"""
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from .errors import CalibrationError, ConfigError
from .image import MAX_PIXELS, check_image
from .pixels import pixel_grid
from .raw_camera import CalibrationFields, RawCamera

CACHED_CALIBRATIONS = 8  # two are in use; their tables take 7 bytes a pixel
STEPS = 32               # of a table within a pixel
MAX_EDGE_PX = 32766      # of an image that cv2.remap takes
INTERPOLATIONS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


class _Region(NamedTuple):
    x_offset: int
    y_offset: int
    height: int
    width: int


@dataclass(frozen=True)
class _Calibration:
    """What is used of a CameraInfo, as the key of the cache."""

    width: int
    height: int
    distortion_model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]
    binning_x: int
    binning_y: int
    roi: _Region
    name: str = field(compare=False)  # for errors


@dataclass(frozen=True)
class _Tables:
    """
    Where the pixels of the rectified image come from.

    :param whole: (H, W, 2) int16, whole part of the source (x, y), pixels.
    :param fraction: (H, W) uint16, the rest in steps of 1/32 px, as ``cv2.remap`` has it.
    :param missing: (H, W) bool, pixels without a source; the other two are zero there.
    :param some_missing: whether there are such pixels.
    :param is_identity: whether every pixel comes from its own place.
    """

    whole: np.ndarray
    fraction: np.ndarray
    missing: np.ndarray
    some_missing: bool
    is_identity: bool

    @cached_property
    def nearest(self) -> np.ndarray:
        """(H, W, 2) int16, the nearest source; cv2.remap would cut the fraction off."""
        up = np.stack([self.fraction % STEPS, self.fraction // STEPS], axis=-1) >= STEPS // 2
        return self.whole + up.astype(np.int16)


class Rectifier:
    """
    Rectifies the images of one camera; made by :meth:`from_camera_info`, and never changes.

    Its tables are made when they are first needed.

    :param raw: the camera.
    :param name: how errors call its calibration.
    """

    def __init__(self, raw: RawCamera, name: str = 'camera_info') -> None:
        self.raw = raw
        self.camera = raw.rectified
        self._name = name

    @staticmethod
    def from_camera_info(info: CalibrationFields, name: str = 'camera_info') -> 'Rectifier':
        """
        Give the rectifier of a calibration; the same one while the calibration is the same.

        :param info: a ``sensor_msgs/CameraInfo`` of the raw image, or an object with the same
            fields; see :meth:`RawCamera.from_camera_info`.
        :param name: how errors call it, the topic for example.
        :raises CalibrationError: if the calibration cannot be used.
        """
        roi = info.roi
        region = _Region(int(roi.x_offset), int(roi.y_offset), int(roi.height), int(roi.width))
        return _rectifier(_Calibration(
            int(info.width), int(info.height), str(info.distortion_model), _numbers(info.d),
            _numbers(info.k), _numbers(info.r), _numbers(info.p), int(info.binning_x),
            int(info.binning_y), region, name))

    @property
    def missing(self) -> np.ndarray:
        """
        (H, W) bool, read-only: pixels of the rectified image that the raw one does not show.

        :raises CalibrationError: if those are all.
        """
        return self._tables.missing

    @property
    def is_identity(self) -> bool:
        """
        Whether rectifying moves no pixel by 1/64 px, so that the raw image is rectified.

        :raises CalibrationError: if the rectified image shows nothing.
        """
        return self._tables.is_identity

    def rectify(self, image: np.ndarray, interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
        """
        Rectify an image.

        :param image: (H, W) or (H, W, C), raw, as ``check_image`` of ``core/image.py`` accepts:
            uint8, uint16 or floating point, grey or colour. NaN spreads.
        :param interpolation: ``cv2.INTER_NEAREST``, ``INTER_LINEAR``, ``INTER_CUBIC`` or
            ``INTER_LANCZOS4``, numbered as the parameter of image_proc.
        :returns: same shape and dtype; 0 where :attr:`missing`. The input itself if
            :attr:`is_identity`.
        :raises ShapeError: if the array is not an image.
        :raises ImageError: if the image is empty or too large.
        :raises CalibrationError: if the calibration is for another size, or the rectified image
            shows nothing.
        :raises ConfigError: if there is no such interpolation.
        """
        check_image(image)
        if interpolation not in INTERPOLATIONS:
            raise ConfigError(f'interpolation must be one of {INTERPOLATIONS} (nearest, linear, '
                              f'cubic, Lanczos), got {interpolation!r}')
        self.camera.require_size(image.shape, self._name, 'the image')
        tables = self._tables
        if tables.is_identity:
            return image
        source = image.astype(np.float32) if image.dtype == np.float16 else image
        nearest = interpolation == cv2.INTER_NEAREST
        whole = tables.nearest if nearest else tables.whole
        fraction = np.empty(0, np.uint16) if nearest else tables.fraction
        # The border is for wide kernels only; what lies beyond it is missing.
        rectified = cv2.remap(source, whole, fraction, interpolation,
                              borderMode=cv2.BORDER_REPLICATE)
        if tables.some_missing:
            rectified[tables.missing] = 0
        return rectified.reshape(image.shape).astype(image.dtype, copy=False)

    @cached_property
    def _tables(self) -> _Tables:
        height, width = self.camera.height, self.camera.width
        if max(height, width) > MAX_EDGE_PX or height * width > MAX_PIXELS:
            raise CalibrationError(
                f'{self._name}: images of {width}x{height} pixels are too large to rectify; '
                f'an edge may have {MAX_EDGE_PX}, the image {MAX_PIXELS}')
        x, y = self._sources()
        low, high = -0.5 / STEPS, 0.5 / STEPS - 1  # those are rounded to the border
        seen = (x >= low) & (x <= width + high) & (y >= low) & (y <= height + high)
        seen &= self._is_described()
        if not seen.any():
            raise CalibrationError(f'{self._name}: by K, D, R and P the rectified image shows '
                                   'nothing of the raw one; do they belong together?')
        missing = ~seen
        x[missing] = y[missing] = 0
        whole, fraction = cv2.convertMaps(x, y, cv2.CV_16SC2)
        grid_x, grid_y = pixel_grid(height, width)
        moved = (fraction.any() or (whole[..., 0] != grid_x).any()
                 or (whole[..., 1] != grid_y).any())
        for array in (whole, fraction, missing):
            array.flags.writeable = False
        return _Tables(whole, fraction, missing, bool(missing.any()), not moved)

    def _sources(self) -> tuple[np.ndarray, np.ndarray]:
        """(H, W) float32 each: x and y in the raw image, pixels; anything if nothing is there."""
        raw, size = self.raw, (self.camera.width, self.camera.height)
        make = (cv2.fisheye.initUndistortRectifyMap if raw.fisheye
                else cv2.initUndistortRectifyMap)
        x, y = make(raw.K, raw.D, raw.R, self.camera.K, size, cv2.CV_32FC1)
        return np.asarray(x), np.asarray(y)

    def _is_described(self) -> np.ndarray:
        """(H, W) bool: the ray goes forward, to where the distortion does not fold back."""
        raw = self.raw
        to_ray = np.linalg.inv(self.camera.K @ raw.R).astype(np.float32)
        grid_x, grid_y = pixel_grid(self.camera.height, self.camera.width)
        x, y, z = (to_ray[row, 0] * grid_x + to_ray[row, 1] * grid_y + to_ray[row, 2]
                   for row in range(3))
        radius = np.hypot(x, y)
        if raw.fisheye:
            return (z > 0) & (np.arctan2(radius, z) <= raw.radial_limit)
        return (z > 0) & (radius <= z * min(raw.radial_limit, 1e9))


@lru_cache(maxsize=CACHED_CALIBRATIONS)
def _rectifier(calibration: _Calibration) -> Rectifier:
    return Rectifier(RawCamera.from_camera_info(calibration, calibration.name), calibration.name)


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(np.asarray(values, np.float64).ravel().tolist())
