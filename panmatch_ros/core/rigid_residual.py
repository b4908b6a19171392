"""
How far matched points are from a rigid motion, in units of the noise of the matching.

A stereo camera sees a point as (x, y, disparity), with about the same noise in pixels near and
far. A motion ``T_1_0`` predicts what the newer frame sees of a point of the older one; the noise
of its disparity moves the prediction along one direction, the spread. So the covariance of
observed minus predicted is that of the newer observation, a diagonal matrix, plus spread times
spread transposed. On the grid of the newer image the noise of the flow is that of the older
place instead; to first order it is the same.
"""
from typing import NamedTuple

import cv2
import numpy as np

from .camera import StereoRig

Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


class Noise(NamedTuple):
    """
    Standard deviations of a matching.

    :param disparity_px: of a disparity, pixels, > 0.
    :param flow_px: of each component of a flow, pixels, > 0.
    """

    disparity_px: float
    flow_px: float


class Residual(NamedTuple):
    """
    Observed minus predicted, in units of the noise; every part has one value per point.

    :param error: of x, y and disparity in the newer frame; NaN where a point is unknown or
        would be behind the camera.
    :param spread: by how much the noise of the older disparity moves the same three.
    """

    error: Parts
    spread: Parts

    def significance(self) -> np.ndarray:
        """
        Mahalanobis distance of observed and predicted.

        Noise alone makes it 1.5 in the median; one in a thousand exceeds 4.
        """
        along = _dot(self.error, self.spread)
        along *= along
        along /= 1 + _dot(self.spread, self.spread)  # the inverse by Sherman and Morrison
        return np.sqrt(np.maximum(_dot(self.error, self.error) - along, 0))


def rigid_residual(points0: np.ndarray, points1: np.ndarray, rig: StereoRig, T_1_0: np.ndarray,
                   noise: Noise) -> Residual:
    """
    Compare points with what a rigid motion predicts.

    :param points0: (..., 3), metres, in the frame of the older left camera; NaN is unknown.
    :param points1: (..., 3), metres, in that of the newer one.
    :param rig: that saw them.
    :param T_1_0: (4, 4), takes points of the older frame into the newer one.
    :param noise: of the matching.
    :returns: the residual, in the precision of the points.
    """
    x1, y1, z1 = _parts(points1)
    x, y, z = _parts(move_points(points0, T_1_0))
    t_x, t_y, t_z = T_1_0[:3, 3].astype(points0.dtype)
    kind = points0.dtype.type
    focal_baseline = rig.focal_px * rig.baseline_m
    scale_x, scale_y = kind(rig.left.fx / noise.flow_px), kind(rig.left.fy / noise.flow_px)
    scale_d = kind(focal_baseline / noise.disparity_px)
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        inverse1, inverse = 1 / z1, 1 / np.where(z > 0, z, kind(np.nan))
        slope_x, slope_y = x * inverse, y * inverse
        error = (scale_x * (x1 * inverse1 - slope_x), scale_y * (y1 * inverse1 - slope_y),
                 scale_d * (inverse1 - inverse))
        # An error of the disparity moves the point along its ray by z0 / (f B) of its length.
        closer = points0[..., 2] * inverse
        moved = closer * kind(noise.disparity_px / focal_baseline)
        spread = (scale_x * moved * (t_x - slope_x * t_z), scale_y * moved * (t_y - slope_y * t_z),
                  closer * (1 - t_z * inverse))
    return Residual(error, spread)


def move_points(points: np.ndarray, T: np.ndarray) -> np.ndarray:
    """
    Move points by a rigid motion.

    :param points: (..., 3) float32 or float64, metres.
    :param T: (4, 4).
    :returns: same shape and dtype.
    """
    if points.size == 0:
        return points.copy()
    # Not a product of matrices: the threads of BLAS would compete with those of OpenCV.
    return cv2.transform(points.reshape(-1, 1, 3), T[:3]).reshape(points.shape)


def displacement_sigma(points0: np.ndarray, points1: np.ndarray, rig: StereoRig,
                       noise: Noise) -> np.ndarray:
    """
    Estimate the error of the displacement between two points, to first order.

    Along the rays it is the noise of the disparities, which grows with the square of the
    distance; across them that of the flow, which grows with the distance.

    :param points0: (..., 3), metres: the older point, moved into the newer frame.
    :param points1: (..., 3), metres, in the newer frame.
    :param rig: that saw them.
    :param noise: of the matching.
    :returns: (..., 3), standard deviations along x, y and z, metres.
    """
    kind = points0.dtype.type
    along = kind(noise.disparity_px / (rig.focal_px * rig.baseline_m))
    before, after = _parts(points0), _parts(points1)
    along0, along1 = np.square(along * before[2]), np.square(along * after[2])
    squared_z = np.square(after[2])
    across = [squared_z * kind((noise.flow_px / focal) ** 2)
              for focal in (rig.left.fx, rig.left.fy)]
    sigma = np.empty_like(points0)
    for axis in range(3):
        variance = along0 * np.square(before[axis])
        variance += along1 * np.square(after[axis])
        if axis < 2:
            variance += across[axis]
        np.sqrt(variance, out=sigma[..., axis])
    return sigma


def _parts(points: np.ndarray) -> Parts:
    """Split x, y and z, contiguous each."""
    x, y, z = cv2.split(points) if points.ndim == 3 else np.moveaxis(points, -1, 0)
    return x, y, z


def _dot(a: Parts, b: Parts) -> np.ndarray:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
