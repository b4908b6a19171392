"""Points of another sensor as a sparse depth map of a camera."""
import numpy as np

from .camera import Camera
from .errors import ShapeError

NEAREST_M = 0.05  # nearer points are those of the sensor's own mount


def sparse_depth(points: np.ndarray, T_camera_points: np.ndarray, camera: Camera) -> np.ndarray:
    """
    Project points into an image; of several at one pixel the nearest is seen.

    :param points: (N, 3), metres, in any frame.
    :param T_camera_points: (4, 4), takes them into the optical frame of the camera.
    :param camera: of the rectified image.
    :returns: (H, W) float32, metres along the optical axis; NaN where there is no point.
    :raises ShapeError: if the shapes are others.
    """
    if points.ndim != 2 or points.shape[1] != 3 or T_camera_points.shape != (4, 4):
        raise ShapeError('points must be (N, 3) and the transform (4, 4), got '
                         f'{points.shape} and {T_camera_points.shape}')
    there = points.astype(np.float64) @ T_camera_points[:3, :3].T + T_camera_points[:3, 3]
    there = there[there[:, 2] > NEAREST_M]
    Z = there[:, 2]
    with np.errstate(over='ignore'):
        x = np.rint(camera.fx * there[:, 0] / Z + camera.cx)
        y = np.rint(camera.fy * there[:, 1] / Z + camera.cy)
    inside = (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
    depth = np.full(camera.height * camera.width, np.inf)
    place = (y[inside] * camera.width + x[inside]).astype(np.intp)
    np.minimum.at(depth, place, Z[inside])
    depth[~np.isfinite(depth)] = np.nan
    return depth.reshape(camera.height, camera.width).astype(np.float32)
