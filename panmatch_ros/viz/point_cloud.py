"""A point cloud as a picture, seen from a virtual camera beside the real one."""
import cv2
import numpy as np

from ..core.errors import ConfigError, ShapeError

BACKGROUND = (17, 19, 24)
SUPERSAMPLING = 2        # drawn larger and shrunk, for smooth edges
FRAMED = (1.0, 99.0)     # percentiles of the points that the picture must hold
MARGIN = 1.08
SHADE_STRENGTH = 60.0    # how dark the border of a near surface makes a far one
MIN_SHADE = 0.35
MAX_SPLAT_PX = 5
CLOSED_GAP_PX = 7        # of the supersampled picture


def render_point_cloud(points: np.ndarray, colors: np.ndarray,
                       size: tuple[int, int] = (480, 640), yaw_deg: float = -22.0,
                       pitch_deg: float = 14.0) -> np.ndarray:
    """
    Draw a coloured point cloud from beside the camera that saw it.

    The virtual camera looks at the median point and is swung around it; the picture is framed
    so that the outermost points on each side may be cut off. Edges of depth are darkened
    (eye-dome lighting), which lets shapes be seen without normals.

    :param points: (H, W, 3) or (N, 3) float32, metres in the optical frame (x right, y down,
        z forward); points with a NaN or infinity are left out.
    :param colors: (H, W, 3) or (N, 3) uint8 RGB, one for each point.
    :param size: (height, width) of the picture, pixels.
    :param yaw_deg: degrees; positive moves the camera to the right of the scene.
    :param pitch_deg: degrees; positive lifts the camera, which looks down then.
    :returns: (height, width, 3) uint8 RGB; only the dark ground if no point is finite.
    :raises ShapeError: if points and colours do not belong together.
    :raises ConfigError: if ``size`` is not positive.
    """
    if points.ndim not in (2, 3) or points.shape[-1] != 3:
        raise ShapeError(f'points must be (H, W, 3) or (N, 3), got {points.shape}')
    if colors.shape != points.shape or colors.dtype != np.uint8:
        raise ShapeError(f'colors must be uint8 {points.shape} as the points, got '
                         f'{colors.dtype} {colors.shape}')
    if min(size) < 1:
        raise ConfigError(f'size must be positive, got {size}')
    points, colors = points.reshape(-1, 3), colors.reshape(-1, 3)
    finite = np.isfinite(points).all(axis=1)
    points, colors = points[finite].astype(np.float64), colors[finite]
    height, width = size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING
    picture = np.full((height, width, 3), BACKGROUND, np.uint8)
    if len(points):
        column, row, depth = _project(points, (height, width), yaw_deg, pitch_deg)
        _splat(picture, np.stack([row, column]), depth, colors)
    return cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def _project(points: np.ndarray, size: tuple[int, int], yaw_deg: float,
             pitch_deg: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Column and row in pixels, and depth of all points in the virtual camera."""
    pivot = np.median(points, axis=0)
    distance = max(float(np.linalg.norm(pivot)), 1e-6)
    seen = (points - pivot) @ _rotation(yaw_deg, pitch_deg).T + [0, 0, distance]
    depth = seen[:, 2]
    in_front = depth > 0.05 * distance
    depth = np.where(in_front, depth, np.nan)
    slope = seen[:, :2] / depth[:, None]
    low, high = np.nanpercentile(slope, FRAMED, axis=0)
    extent = np.maximum(high - low, 1e-9) * MARGIN
    focal = min(size[1] / extent[0], size[0] / extent[1])
    column, row = ((slope - (low + high) / 2) * focal + [size[1] / 2, size[0] / 2]).T
    return column, row, depth


def _rotation(yaw_deg: float, pitch_deg: float) -> np.ndarray:
    """Rotation of the scene that shows it from a camera moved by these angles."""
    yaw, pitch = np.deg2rad(yaw_deg), np.deg2rad(pitch_deg)
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0],
                        [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)],
                        [0, np.sin(pitch), np.cos(pitch)]])
    return about_x @ about_y


def _splat(picture: np.ndarray, position: np.ndarray, depth: np.ndarray,
           colors: np.ndarray) -> None:
    """Draw squares, the nearest on top, and shade them."""
    height, width = picture.shape[:2]
    row, column = position
    edge = _splat_edge(position, (height, width))
    order = np.argsort(-depth, kind='stable')  # far to near, NaN at the end
    order = order[:np.count_nonzero(np.isfinite(depth))]
    first_row = np.floor(row[order] - (edge - 1) / 2).astype(np.int64)
    first_column = np.floor(column[order] - (edge - 1) / 2).astype(np.int64)
    # Points are numbered from far to near: the highest number at a pixel is the visible one.
    visible = np.full(height * width, -1, np.int64)
    for step in range(edge * edge):
        y, x = first_row + step // edge, first_column + step % edge
        inside = np.flatnonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
        layer = np.full(height * width, -1, np.int64)
        layer[y[inside] * width + x[inside]] = inside  # of equal places the last one stays
        np.maximum(visible, layer, out=visible)
    visible = _close_gaps(visible.reshape(height, width))
    drawn = visible >= 0
    depth_map = np.full((height, width), np.inf, np.float32)
    depth_map[drawn] = depth[order][visible[drawn]]
    shade = _eye_dome_shade(depth_map)[drawn]
    picture[drawn] = colors[order][visible[drawn]] * shade[:, None]


def _close_gaps(visible: np.ndarray) -> np.ndarray:
    """Fill the gaps that are narrow and have points on both sides; -1 stays elsewhere."""
    kernel = np.ones((CLOSED_GAP_PX, CLOSED_GAP_PX), np.uint8)
    # A margin, or everything beside the border of the picture would count as a gap.
    drawn = np.pad((visible >= 0).astype(np.uint8), CLOSED_GAP_PX)
    closed = cv2.morphologyEx(drawn, cv2.MORPH_CLOSE, kernel)
    closed = closed[CLOSED_GAP_PX:-CLOSED_GAP_PX, CLOSED_GAP_PX:-CLOSED_GAP_PX]
    near = cv2.dilate(visible.astype(np.float64), kernel).astype(np.int64)
    return np.where((visible < 0) & (closed > 0), near, visible)


def _splat_edge(position: np.ndarray, size: tuple[int, int]) -> int:
    """Edge of a square that lets neighbouring points close up, pixels."""
    row, column = position
    inside = (row >= 0) & (row < size[0]) & (column >= 0) & (column < size[1])
    count = max(int(np.count_nonzero(inside)), 1)
    return int(np.clip(np.ceil(1.6 * np.sqrt(size[0] * size[1] / count)), 2, MAX_SPLAT_PX))


def _eye_dome_shade(depth: np.ndarray) -> np.ndarray:
    """Factor in (0, 1]: darker where the neighbours are nearer (Boucheny 2009)."""
    log_depth = np.log(np.where(np.isfinite(depth), depth, np.nan))
    padded = np.pad(log_depth, 2, mode='edge')
    height, width = depth.shape
    obscured = np.zeros_like(depth)
    for dy, dx in ((0, 2), (2, 0), (-2, 0), (0, -2), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        neighbour = padded[2 + dy:2 + dy + height, 2 + dx:2 + dx + width]
        obscured += np.nan_to_num(np.maximum(log_depth - neighbour, 0), nan=0.0) / 8
    return np.maximum(np.exp(-SHADE_STRENGTH * obscured), MIN_SHADE)
