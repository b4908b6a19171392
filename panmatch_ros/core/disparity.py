"""Disparity, depth and flow of a rectified pair, and points from depth."""
import numpy as np

from .camera import Camera, StereoRig
from .errors import ShapeError
from .pixels import pixel_grid

SMALLEST_PARALLAX_PX = 1e-6  # below, a point is at infinity


def depth_from_disparity(disparity: np.ndarray, rig: StereoRig,
                         out: np.ndarray | None = None) -> np.ndarray:
    """
    Convert disparity to metric depth: ``Z = f * B / (d - (cx_left - cx_right))``.

    :param disparity: (H, W) float32, pixels, ``x_left - x_right``; NaN is invalid.
    :param rig: rectified pair.
    :param out: where to write, (H, W) float32; may be ``disparity`` itself.
    :returns: (H, W) float32, metres along the left optical axis; NaN where the disparity is
        invalid or at or beyond infinity.
    :raises ShapeError: if ``disparity`` is not two-dimensional.
    """
    if disparity.ndim != 2:
        raise ShapeError(f'disparity must be (H, W), got {disparity.shape}')
    parallax = np.subtract(disparity, np.float32(rig.cx_offset_px), out=out, dtype=np.float32)
    return depth_from_parallax(parallax, rig, out=parallax)


def depth_from_parallax(parallax: np.ndarray, rig: StereoRig,
                        out: np.ndarray | None = None) -> np.ndarray:
    """
    Convert disparity without the offset of the principal points to depth: ``Z = f * B / d``.

    :param parallax: (H, W) float32, pixels, ``x_left - x_right - (cx_left - cx_right)`` as a
        DisparityImage message has it; NaN is invalid.
    :param rig: rectified pair.
    :param out: where to write, (H, W) float32; may be ``parallax`` itself.
    :returns: (H, W) float32, metres along the left optical axis; NaN where the parallax is
        invalid or not positive.
    """
    pointless = (parallax <= SMALLEST_PARALLAX_PX) | (parallax == np.inf)  # NaN stays NaN
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        depth = np.divide(np.float32(rig.focal_px * rig.baseline_m), parallax, out=out)
    np.copyto(depth, np.float32(np.nan), where=pointless)
    return depth


def disparity_from_depth(depth: np.ndarray, rig: StereoRig) -> np.ndarray:
    """
    Convert metric depth to disparity: ``d = f * B / Z + (cx_left - cx_right)``.

    :param depth: (H, W) float32, metres along the left optical axis; NaN is invalid.
    :param rig: rectified pair.
    :returns: (H, W) float32, pixels, ``x_left - x_right``; NaN where the depth is not positive
        and finite.
    :raises ShapeError: if ``depth`` is not two-dimensional.
    """
    if depth.ndim != 2:
        raise ShapeError(f'depth must be (H, W), got {depth.shape}')
    known = (depth > 0) & (depth < np.inf)
    safe = np.where(known, depth, np.float32(1))
    disparity = rig.focal_px * rig.baseline_m / safe + rig.cx_offset_px
    return np.where(known, disparity, np.nan).astype(np.float32)


def disparity_from_flow(flow: np.ndarray, max_row_error_px: float = np.inf) -> np.ndarray:
    """
    Read the disparity of a rectified pair from its left-to-right flow: ``d = -u``.

    :param flow: (H, W, 2) float32, pixels, left to right; NaN is invalid.
    :param max_row_error_px: where ``|v|`` is larger, the match breaks the epipolar constraint
        and becomes invalid.
    :returns: (H, W) float32, pixels; NaN where the flow is invalid, breaks the constraint or
        points right (negative disparity).
    :raises ShapeError: if ``flow`` is not (H, W, 2).
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ShapeError(f'flow must be (H, W, 2), got {flow.shape}')
    u, v = flow[..., 0], flow[..., 1]
    usable = (u <= 0) & (np.abs(v) <= max_row_error_px)  # False for NaN
    return np.where(usable, -u, np.float32(np.nan)).astype(np.float32)


def flow_from_disparity(disparity: np.ndarray) -> np.ndarray:
    """
    Write a disparity map as left-to-right flow: ``(-d, 0)``.

    :param disparity: (H, W) float32, pixels; NaN is invalid.
    :returns: (H, W, 2) float32, pixels; both parts NaN where the disparity is.
    :raises ShapeError: if ``disparity`` is not two-dimensional.
    """
    if disparity.ndim != 2:
        raise ShapeError(f'disparity must be (H, W), got {disparity.shape}')
    flow = np.empty((*disparity.shape, 2), np.float32)
    np.negative(disparity, out=flow[..., 0])
    flow[..., 1] = disparity * np.float32(0)  # NaN stays NaN
    return flow


def points_from_depth(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """
    Back-project a depth image: ``X = (x - cx) Z / fx``, ``Y = (y - cy) Z / fy``.

    :param depth: (H, W) float32, metres along the optical axis; NaN is invalid.
    :param camera: of the size of the depth image.
    :returns: (H, W, 3) float32, metres in the optical frame (x right, y down, z forward); NaN
        where the depth is.
    :raises ShapeError: if the sizes differ.
    """
    require_camera_size(depth, camera)
    points = np.empty((*depth.shape, 3), np.float32)
    ray_x, ray_y = camera_rays(camera)
    np.multiply(depth, ray_x, out=points[..., 0])
    np.multiply(depth, ray_y, out=points[..., 1])
    points[..., 2] = depth
    return points


def camera_rays(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """
    Slopes X/Z and Y/Z of all pixels.

    :returns: (1, W) and (H, 1) float32; they broadcast to (H, W).
    """
    grid_x, grid_y = pixel_grid(camera.height, camera.width)
    ray_x = ((grid_x - camera.cx) / camera.fx).astype(np.float32)
    ray_y = ((grid_y - camera.cy) / camera.fy).astype(np.float32)
    return ray_x, ray_y


def require_camera_size(image: np.ndarray, camera: Camera) -> None:
    """
    Check that a camera describes an image of this size.

    :raises ShapeError: if the sizes differ.
    """
    if image.shape[:2] != (camera.height, camera.width):
        raise ShapeError(f'the camera describes {camera.width}x{camera.height} pixels, the '
                         f'image has {image.shape[1]}x{image.shape[0]}')
