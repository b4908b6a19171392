"""
Pixel coordinates and resizing.

The centre of the top-left pixel is (0, 0), so an image of width W covers x from -0.5 to
W - 0.5. Resizing to width V maps ``x -> (x + 0.5) * V / W - 0.5`` (as cv2.resize and
``align_corners=False`` do). Other conventions are converted here and nowhere else.
"""
from functools import lru_cache

import cv2
import numpy as np

from .errors import ShapeError


def resize_points(points: np.ndarray, size: tuple[int, int],
                  new_size: tuple[int, int]) -> np.ndarray:
    """
    Move points from an image to its resized version.

    :param points: (..., 2), (x, y) in pixels.
    :param size: (height, width) before.
    :param new_size: (height, width) after.
    :returns: (..., 2), same dtype.
    """
    scale = np.array([new_size[1] / size[1], new_size[0] / size[0]], points.dtype)
    return (points + points.dtype.type(0.5)) * scale - points.dtype.type(0.5)


def resize_flow(flow: np.ndarray, new_size: tuple[int, int]) -> np.ndarray:
    """
    Resize a displacement field, its vectors scaled per axis.

    A new pixel is invalid (NaN) where any old pixel it is interpolated from is.

    :param flow: (H, W, 2) float32, pixels.
    :param new_size: (height, width).
    :returns: (height, width, 2) float32, pixels of the new size.
    :raises ShapeError: if ``flow`` is not (H, W, 2).
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ShapeError(f'flow must be (H, W, 2), got {flow.shape}')
    height, width = flow.shape[:2]
    if (height, width) == tuple(new_size):
        return flow.copy()
    resized = cv2.resize(flow, (new_size[1], new_size[0]), interpolation=cv2.INTER_LINEAR)
    return resized * np.array([new_size[1] / width, new_size[0] / height], np.float32)


def resize_disparity(disparity: np.ndarray, new_size: tuple[int, int]) -> np.ndarray:
    """
    Resize a disparity map, its values scaled with the width.

    A new pixel is invalid (NaN) where any old pixel it is interpolated from is.

    :param disparity: (H, W) float32, pixels.
    :param new_size: (height, width).
    :returns: (height, width) float32, pixels of the new size.
    :raises ShapeError: if ``disparity`` is not (H, W).
    """
    if disparity.ndim != 2:
        raise ShapeError(f'disparity must be (H, W), got {disparity.shape}')
    if disparity.shape == tuple(new_size):
        return disparity.copy()
    resized = cv2.resize(disparity, (new_size[1], new_size[0]), interpolation=cv2.INTER_LINEAR)
    return resized * np.float32(new_size[1] / disparity.shape[1])


def resize_intrinsics(K: np.ndarray, size: tuple[int, int],
                      new_size: tuple[int, int]) -> np.ndarray:
    """
    Intrinsics (or a projection matrix) of a resized image.

    :param K: (3, 3) or (3, 4) float64; of a (3, 4) matrix the fourth column scales too.
    :param size: (height, width) before.
    :param new_size: (height, width) after.
    :returns: same shape, float64.
    """
    scaled = np.array(K, np.float64)
    for row, axis in ((0, 1), (1, 0)):
        scale = new_size[axis] / size[axis]
        centre = (scaled[row, 2] + 0.5) * scale - 0.5
        scaled[row] *= scale
        scaled[row, 2] = centre
    return scaled


def normalize_points(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """
    Convert pixels to [-1, 1] per axis, the borders of the image at -1 and 1.

    So networks and samplers with ``align_corners=False`` count: ``(2 x + 1) / W - 1``.

    :param points: (..., 2), (x, y) in pixels.
    :param size: (height, width) of the image.
    :returns: (..., 2), same dtype.
    """
    extent = np.array([size[1], size[0]], points.dtype)
    one = points.dtype.type(1)
    return (2 * points + one) / extent - one


def denormalize_points(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """
    Convert [-1, 1] per axis to pixels: ``W (x + 1) / 2 - 0.5``.

    :param points: (..., 2), (x, y), the borders of the image at -1 and 1.
    :param size: (height, width) of the image.
    :returns: (..., 2), pixels, same dtype.
    """
    extent = np.array([size[1], size[0]], points.dtype)
    half = points.dtype.type(0.5)
    return (points + points.dtype.type(1)) * half * extent - half


@lru_cache(maxsize=4)
def pixel_grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Coordinates of all pixel centres.

    :returns: x (1, W) and y (H, 1), float32, read-only; they broadcast to (H, W).
    """
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    x.flags.writeable = y.flags.writeable = False
    return x, y


def sample(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """
    Sample an image at real positions, bilinearly.

    :param image: (H, W) or (H, W, C), a type that ``cv2.remap`` takes; NaN spreads.
    :param x: (h, w) float32, pixels.
    :param y: (h, w) float32, pixels.
    :returns: (h, w) or (h, w, C) float32; NaN outside ``[0, W - 1] x [0, H - 1]``.
    """
    height, width = image.shape[:2]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)  # False for NaN
    map_x = np.where(inside, x, 0).astype(np.float32)
    map_y = np.where(inside, y, 0).astype(np.float32)
    sampled = _remap(image.astype(np.float32), map_x, map_y)
    sampled[~inside] = np.nan
    return sampled


def warp(image1: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """
    Bring image 1 onto the grid of image 0: ``warped(p) = image1(p + flow(p))``.

    :param image1: (H1, W1) or (H1, W1, C).
    :param flow: (H, W, 2) float32, pixels; NaN is invalid.
    :returns: (H, W) or (H, W, C) float32; NaN where the flow is invalid or leaves image 1.
    """
    grid_x, grid_y = pixel_grid(*flow.shape[:2])
    return sample(image1, grid_x + flow[..., 0], grid_y + flow[..., 1])


def _remap(image: np.ndarray, map_x: np.ndarray, map_y: np.ndarray) -> np.ndarray:
    """Interpolate exactly: cv2.remap rounds positions to 1/32 px."""
    height, width = image.shape[:2]
    x0 = np.minimum(map_x.astype(np.int32), max(width - 2, 0))
    y0 = np.minimum(map_y.astype(np.int32), max(height - 2, 0))
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    fx, fy = map_x - x0, map_y - y0
    if image.ndim == 3:
        fx, fy = fx[..., None], fy[..., None]
    # A weight of zero must not let a NaN neighbour in.
    top = _mix(image[y0, x0], image[y0, x1], fx)
    bottom = _mix(image[y1, x0], image[y1, x1], fx)
    return _mix(top, bottom, fy)


def _mix(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    mixed = a + (b - a) * weight
    return np.where(weight == 0, a, np.where(weight == 1, b, mixed))
