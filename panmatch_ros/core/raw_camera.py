"""
The camera of a raw image, from the fields of ``sensor_msgs/CameraInfo``.

Binning and region of interest are applied to K and P alike, as image_geometry (C++) does; see
``core/camera.py``.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.polynomial import Polynomial

from .camera import Camera, CameraInfoFields
from .errors import CalibrationError

ROTATION_TOLERANCE = 1e-3      # of R times its transpose: files have few digits
PINHOLE_MODELS = ('plumb_bob', 'rational_polynomial')
FISHEYE_MODEL = 'equidistant'  # as in cv2.fisheye
PINHOLE_LENGTHS = (4, 5, 8, 12, 14)
FISHEYE_LENGTHS = (4,)


class CalibrationFields(CameraInfoFields, Protocol):
    """What rectifying reads of ``sensor_msgs/CameraInfo``; any object with these serves."""

    @property
    def distortion_model(self) -> str: ...

    @property
    def d(self) -> Sequence[float]: ...

    @property
    def k(self) -> Sequence[float]: ...

    @property
    def r(self) -> Sequence[float]: ...


@dataclass(frozen=True, eq=False)
class RawCamera:
    """
    A camera with distortion, and how its image is rectified, at the size of the image.

    :param rectified: the camera of the rectified image, which has the same size.
    :param K: (3, 3) float64, intrinsics of the raw image, pixels.
    :param D: (N,) float64, distortion coefficients as OpenCV takes them.
    :param R: (3, 3) float64, rotation from the raw into the rectified frame.
    :param fisheye: whether ``D`` is that of ``cv2.fisheye``.
    """

    rectified: Camera
    K: np.ndarray
    D: np.ndarray
    R: np.ndarray
    fisheye: bool

    @classmethod
    def from_camera_info(cls, info: CalibrationFields, name: str = 'camera_info') -> 'RawCamera':
        """
        Read the calibration of a raw image from its CameraInfo.

        :param info: a ``sensor_msgs/CameraInfo`` or an object with the same fields. Models:
            ``plumb_bob`` and ``rational_polynomial`` with 4, 5, 8, 12 (thin prism) or 14
            (tilted sensor) coefficients, ``equidistant`` (cv2.fisheye) with 4. No coefficients,
            or zeros, are no distortion.
        :param name: how errors call it, the topic for example.
        :raises CalibrationError: if the camera is not calibrated, the model is unknown, a
            matrix is not what its name says, or a number is missing or not finite.
        """
        K = _intrinsics(info, name)
        rectified = Camera.from_camera_info(info, name)
        if info.p[1] or info.p[4]:
            raise CalibrationError(f'{name}: P must have no skew, got P[0, 1] = {info.p[1]:g} '
                                   f'and P[1, 0] = {info.p[4]:g}')
        D, fisheye = _distortion(info, name)
        return cls(rectified, K, D, _rotation(info, name), fisheye)

    @property
    def radial_limit(self) -> float:
        """
        How far from its axis the lens is described; inf if everywhere.

        There the distorted radius stops growing: beyond, the model folds the image back.
        Tangent of the angle to the optical axis; with a fisheye the angle itself, radians.
        """
        roots = np.concatenate([each.trim().roots() for each in self._growth()])
        real = roots[np.abs(np.imag(roots)) < 1e-9 * (1 + np.abs(roots))].real
        return float(np.sqrt(np.min(real[real > 0], initial=np.inf)))

    def _growth(self) -> list[Polynomial]:
        """Polynomials of the squared radius (or angle), one of which is zero at the limit."""
        if self.fisheye:
            return [Polynomial([1, *(self.D * [3, 5, 7, 9])])]
        k1, k2, _, _, k3, k4, k5, k6 = np.append(self.D, np.zeros(8))[:8]
        above, below, twice = (Polynomial([1, k1, k2, k3]), Polynomial([1, k4, k5, k6]),
                               Polynomial([0, 2]))
        return [(above + twice * above.deriv()) * below - twice * above * below.deriv(), below]


def _intrinsics(info: CalibrationFields, name: str) -> np.ndarray:
    """(3, 3) float64 K of the raw image at its size."""
    K = _matrix('K', info.k, name)
    if K[0, 0] == 0:
        raise CalibrationError(
            f'{name}: K[0, 0] is 0, so the camera is not calibrated; run camera_calibration, or '
            'tell the driver where its calibration is (often camera_info_url)')
    if K[0, 0] < 0 or K[1, 1] <= 0 or not np.array_equal(
            K, [[K[0, 0], 0, K[0, 2]], [0, K[1, 1], K[1, 2]], [0, 0, 1]]):
        raise CalibrationError(f'{name}: K must be fx 0 cx, 0 fy cy, 0 0 1 with positive fx and '
                               f'fy, got {K.tolist()}')
    K[0, 2] -= info.roi.x_offset
    K[1, 2] -= info.roi.y_offset
    K[0] /= max(int(info.binning_x), 1)
    K[1] /= max(int(info.binning_y), 1)
    return K


def _rotation(info: CalibrationFields, name: str) -> np.ndarray:
    R = _matrix('R', info.r, name)
    if not R.any():
        raise CalibrationError(f'{name}: R is all zero, expected a rotation: the identity for a '
                               'camera that stands alone')
    if not np.allclose(R @ R.T, np.eye(3), atol=ROTATION_TOLERANCE) or np.linalg.det(R) < 0:
        raise CalibrationError(f'{name}: R must be a rotation, got {R.tolist()}')
    return R


def _distortion(info: CalibrationFields, name: str) -> tuple[np.ndarray, bool]:
    """Coefficients as OpenCV takes them, and whether they are those of cv2.fisheye."""
    model, D = info.distortion_model, np.array(info.d, np.float64).ravel()
    if not np.isfinite(D).all():
        raise CalibrationError(f'{name}: D has a value that is not finite: {D.tolist()}')
    if not model and not D.any():
        return np.zeros(5), False
    if model not in (*PINHOLE_MODELS, FISHEYE_MODEL):
        raise CalibrationError(
            f'{name}: the distortion model {model!r} is not known; expected '
            f'{", ".join(PINHOLE_MODELS)} or {FISHEYE_MODEL} (that of cv2.fisheye)')
    fisheye = model == FISHEYE_MODEL
    lengths = FISHEYE_LENGTHS if fisheye else PINHOLE_LENGTHS
    if D.size not in (0, *lengths):
        raise CalibrationError(
            f'{name}: with the distortion model {model}, D must have '
            f'{" or ".join(map(str, lengths))} numbers (none without distortion), got {D.size}')
    return D if D.size else np.zeros(lengths[0]), fisheye


def _matrix(what: str, values: Sequence[float], name: str) -> np.ndarray:
    matrix = np.array(values, np.float64).ravel()
    if matrix.size != 9:
        raise CalibrationError(f'{name}: {what} must have 9 numbers, got {matrix.size}')
    if not np.isfinite(matrix).all():
        raise CalibrationError(
            f'{name}: {what} has a value that is not finite: {matrix.tolist()}')
    return matrix.reshape(3, 3)
