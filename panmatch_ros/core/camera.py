"""
Pinhole cameras and rectified rigs, from the fields of ``sensor_msgs/CameraInfo``.

Rectified images are described by P, not K. Region of interest and binning are applied as
image_geometry (C++) does: P is given for the full image, the offset is subtracted first, then
rows 0 and 1 are divided by the binning, the fourth column included.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .errors import CalibrationError

FOCAL_TOLERANCE = 0.01   # relative difference of the focal lengths of a rectified pair
ROW_TOLERANCE_PX = 2.0   # difference of cy of a rectified pair
SMALLEST_FOCAL_PX = 1e-3  # below it, and above the next, float32 has no numbers for the points
LARGEST_OF_P = 1e9


class RoiFields(Protocol):
    """``sensor_msgs/RegionOfInterest``."""

    @property
    def x_offset(self) -> int: ...

    @property
    def y_offset(self) -> int: ...

    @property
    def height(self) -> int: ...

    @property
    def width(self) -> int: ...


class CameraInfoFields(Protocol):
    """What is read of ``sensor_msgs/CameraInfo``; any object with these attributes serves."""

    @property
    def height(self) -> int: ...

    @property
    def width(self) -> int: ...

    @property
    def p(self) -> Sequence[float]: ...

    @property
    def binning_x(self) -> int: ...

    @property
    def binning_y(self) -> int: ...

    @property
    def roi(self) -> RoiFields: ...


@dataclass(frozen=True)
class Camera:
    """
    A rectified pinhole camera at the size of its image.

    :param width: image width, pixels.
    :param height: image height, pixels.
    :param fx: focal length, pixels.
    :param fy: focal length, pixels.
    :param cx: principal point, pixels; the centre of the top-left pixel is (0, 0).
    :param cy: principal point, pixels.
    :param tx: ``P[0, 3]``, pixels times metres: ``-fx * baseline`` for the right camera of a
        rig whose left camera is the origin.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    tx: float = 0.0

    @property
    def K(self) -> np.ndarray:
        """(3, 3) float64 intrinsics."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    @property
    def P(self) -> np.ndarray:
        """(3, 4) float64 projection matrix."""
        return np.hstack([self.K, [[self.tx], [0.0], [0.0]]])

    def require_size(self, size: tuple[int, ...], name: str, image: str) -> None:
        """
        Raise an error unless this is the camera of an image of a size.

        :param size: shape of the image.
        :param name: how the error calls the camera_info.
        :param image: how it calls the image.
        :raises CalibrationError: if the sizes differ.
        """
        if (self.height, self.width) != size[:2]:
            raise CalibrationError(
                f'{name} describes an image of {self.width}x{self.height} pixels (after region '
                f'of interest and binning), but {image} has {size[1]}x{size[0]}')

    def resized(self, height: int, width: int) -> 'Camera':
        """Describe the same camera after its image was resized."""
        scale_x, scale_y = width / self.width, height / self.height
        return Camera(width, height, self.fx * scale_x, self.fy * scale_y,
                      (self.cx + 0.5) * scale_x - 0.5, (self.cy + 0.5) * scale_y - 0.5,
                      self.tx * scale_x)

    @classmethod
    def from_camera_info(cls, info: CameraInfoFields, name: str = 'camera_info') -> 'Camera':
        """
        Read the camera of a rectified image from its CameraInfo.

        :param info: a ``sensor_msgs/CameraInfo`` or an object with the same fields.
        :param name: how errors call it, the topic for example.
        :raises CalibrationError: if P is missing, not finite or not a rectified projection, or
            if size, region of interest or binning contradict each other.
        """
        P = _projection(info, name)
        offset_x, offset_y, full_width, full_height = _region(info, name)
        bin_x, bin_y = max(int(info.binning_x), 1), max(int(info.binning_y), 1)
        width, height = full_width // bin_x, full_height // bin_y
        if width == 0 or height == 0:
            raise CalibrationError(
                f'{name}: binning {bin_x}x{bin_y} leaves nothing of {full_width}x{full_height}')
        return cls(width, height, float(P[0, 0]) / bin_x, float(P[1, 1]) / bin_y,
                   float(P[0, 2] - offset_x) / bin_x, float(P[1, 2] - offset_y) / bin_y,
                   float(P[0, 3]) / bin_x)


@dataclass(frozen=True)
class StereoRig:
    """
    A rectified pair of cameras; points are in the frame of the left one.

    :param left: camera of the left image.
    :param right: camera of the right image.
    :raises CalibrationError: if the baseline is zero or the pair is not rectified.
    """

    left: Camera
    right: Camera

    def __post_init__(self) -> None:
        left, right = self.left, self.right
        if (left.width, left.height) != (right.width, right.height):
            raise CalibrationError(
                f'left and right camera_info must describe images of one size, got '
                f'{left.width}x{left.height} and {right.width}x{right.height}')
        for axis in ('fx', 'fy'):
            f_left, f_right = getattr(left, axis), getattr(right, axis)
            if abs(f_left - f_right) > FOCAL_TOLERANCE * f_left:
                raise CalibrationError(
                    f'a rectified pair has one focal length, got {axis} {f_left:.2f} (left) and '
                    f'{f_right:.2f} (right): are these the P matrices of rectified images?')
        if abs(left.cy - right.cy) > ROW_TOLERANCE_PX:
            raise CalibrationError(
                f'a rectified pair has one cy, got {left.cy:.2f} (left) and {right.cy:.2f} '
                '(right): are these the P matrices of rectified images?')
        if self.left.tx == self.right.tx:
            raise CalibrationError(
                'the baseline is zero: P[0, 3] of left and right camera_info are both '
                f'{left.tx:g}; the right one should be -fx * baseline')

    @property
    def baseline_m(self) -> float:
        """
        Distance of the two cameras in metres, > 0.

        ``(P_left[0, 3] - P_right[0, 3]) / P[0, 0]``: right for drivers that give the right
        camera ``-f * B`` and for those that give the left one ``+f * B``. Drivers with the
        opposite sign are met too, so the sign is dropped: see :attr:`baseline_sign_is_unusual`.
        """
        return abs(self.left.tx - self.right.tx) / self.left.fx

    @property
    def baseline_sign_is_unusual(self) -> bool:
        """Whether the right camera claims to stand left of the left one."""
        return self.left.tx < self.right.tx

    @property
    def focal_px(self) -> float:
        """Focal length in x of the left image, pixels."""
        return self.left.fx

    @property
    def cx_offset_px(self) -> float:
        """
        ``cx_left - cx_right``, pixels: the disparity of a point at infinity.

        Not zero for rigs that are rectified to converge or whose images were cropped.
        """
        return self.left.cx - self.right.cx

    @property
    def Q(self) -> np.ndarray:
        """
        (4, 4) float64: ``Q @ (x, y, disparity, 1)`` is the homogeneous point in metres.

        As OpenCV's ``reprojectImageTo3D`` takes it.
        """
        camera, baseline = self.left, self.baseline_m
        return np.array([
            [1 / camera.fx, 0, 0, -camera.cx / camera.fx],
            [0, 1 / camera.fy, 0, -camera.cy / camera.fy],
            [0, 0, 0, 1],
            [0, 0, 1 / (camera.fx * baseline), -self.cx_offset_px / (camera.fx * baseline)],
        ], np.float64)

    def resized(self, height: int, width: int) -> 'StereoRig':
        """Describe the same rig after both images were resized."""
        return StereoRig(self.left.resized(height, width), self.right.resized(height, width))

    @classmethod
    def from_camera_info(cls, left: CameraInfoFields, right: CameraInfoFields,
                         names: tuple[str, str] = ('left/camera_info', 'right/camera_info'),
                         ) -> 'StereoRig':
        """
        Read a rig from the CameraInfo of a rectified pair.

        :raises CalibrationError: if one is invalid or the two do not make a rectified pair.
        """
        return cls(Camera.from_camera_info(left, names[0]),
                   Camera.from_camera_info(right, names[1]))

    @classmethod
    def ideal(cls, size: tuple[int, int], focal_px: float, baseline_m: float) -> 'StereoRig':
        """
        Make a rig with the principal point in the image centre.

        :param size: (height, width), pixels.
        """
        height, width = size
        left = Camera(width, height, focal_px, focal_px, (width - 1) / 2, (height - 1) / 2)
        right = Camera(width, height, focal_px, focal_px, left.cx, left.cy,
                       -focal_px * baseline_m)
        return cls(left, right)


def _projection(info: CameraInfoFields, name: str) -> np.ndarray:
    values = np.asarray(info.p, np.float64).ravel()
    if values.size != 12:
        raise CalibrationError(f'{name}: P must have 12 numbers, got {values.size}')
    P = values.reshape(3, 4)
    if not np.isfinite(P).all():
        raise CalibrationError(f'{name}: P has a value that is not finite: {P.tolist()}')
    if not P.any():
        raise CalibrationError(f'{name}: P is all zero, so the camera is not calibrated')
    if P[0, 0] <= 0 or P[1, 1] <= 0:
        raise CalibrationError(
            f'{name}: focal lengths P[0, 0] and P[1, 1] must be positive, got {P[0, 0]:g} and '
            f'{P[1, 1]:g}')
    if np.abs(P).max() > LARGEST_OF_P or min(P[0, 0], P[1, 1]) < SMALLEST_FOCAL_PX:
        raise CalibrationError(f'{name}: P has a value that no camera has: {P.tolist()}')
    if not np.allclose(P[2], [0, 0, 1, 0]):
        raise CalibrationError(f'{name}: the last row of P must be 0 0 1 0, got {P[2].tolist()}')
    return P


def _region(info: CameraInfoFields, name: str) -> tuple[int, int, int, int]:
    """Offset and size of the image before binning, pixels."""
    width, height = int(info.width), int(info.height)
    roi = info.roi
    if roi.width == 0 and roi.height == 0:
        roi_width, roi_height = width - int(roi.x_offset), height - int(roi.y_offset)
    else:
        roi_width, roi_height = int(roi.width), int(roi.height)
    if width <= 0 or height <= 0:
        raise CalibrationError(f'{name}: width and height must be positive, got {width}x{height}')
    if (roi_width <= 0 or roi_height <= 0 or roi.x_offset + roi_width > width
            or roi.y_offset + roi_height > height):
        raise CalibrationError(
            f'{name}: the region of interest {roi_width}x{roi_height} at ({roi.x_offset}, '
            f'{roi.y_offset}) does not lie in the full image {width}x{height}')
    return int(roi.x_offset), int(roi.y_offset), roi_width, roi_height
