"""
Stereo pairs of textured planes, cast ray by ray from each camera's own intrinsics.

Nothing is interpolated: each pixel evaluates the texture where its ray meets the plane, so the
images agree with the exact disparity to the rounding of their colours.
"""
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...core.camera import Camera, StereoRig
from ...core.errors import ConfigError
from ...core.pixels import pixel_grid
from .motion import FlowSequence, render_flow_sequence
from .textures import Texture

__all__ = ['FlowSequence', 'StereoScene', 'render_flow_sequence', 'render_plane_pair',
           'render_stereo_scene']

CELL_PX = 4.0             # finest detail of a texture in the image
SELF_TOLERANCE = 1e-6     # relative depth within which two hits are one surface
BORDER_TOLERANCE_PX = 1e-6

# Disparities of a scene, as shares of the image width.
FAR, NEAR, GROUND_NEAR = 0.02, 0.10, 0.11
TINTS = ((1.15, 0.72, 0.55), (0.60, 0.95, 1.20), (1.25, 1.05, 0.50), (0.75, 1.15, 0.70),
         (1.10, 0.70, 0.95), (0.72, 0.78, 1.25), (1.20, 0.90, 0.75), (0.65, 1.10, 1.00))
BACKGROUND_TINT, GROUND_TINT = (0.78, 0.82, 0.92), (0.85, 0.76, 0.66)
OBJECT_COLUMNS, OBJECT_ROWS = 3, 2
OBJECTS_FROM = 2          # of the planes of a scene; before them are the wall and the ground


@dataclass(frozen=True)
class StereoScene:
    """
    A rendered pair and the truth about it, on the grid of the left image.

    :param left: (H, W, 3) uint8 RGB.
    :param right: (H, W, 3) uint8 RGB.
    :param disparity: (H, W) float32, pixels, ``x_left - x_right``; known everywhere.
    :param occlusion: (H, W) bool, True where the point is hidden in the right image or outside
        of it.
    :param depth: (H, W) float32, metres along the left optical axis; known everywhere.
    :param nearest: (H, W) bool, True on the nearest object, which alone can move.
    """

    left: np.ndarray
    right: np.ndarray
    disparity: np.ndarray
    occlusion: np.ndarray
    depth: np.ndarray
    nearest: np.ndarray


@dataclass(frozen=True)
class _Plane:
    """
    A textured rectangle, or an infinite plane.

    :param centre: (3,) metres.
    :param axes: (2, 3) orthogonal unit vectors of the texture's s and t.
    :param half_size: metres along the axes; infinity has no border.
    :param moved: (3,) metres from where it was at first.
    """

    centre: np.ndarray
    axes: np.ndarray
    half_size: tuple[float, float]
    texture: Texture
    moved: np.ndarray = field(default_factory=lambda: np.zeros(3))


@dataclass(frozen=True)
class _Rays:
    """Rays of one camera: ``origin + depth * directions``, with a third component of one."""

    origin: np.ndarray      # (3,) metres
    directions: np.ndarray  # (N, 3)


def render_plane_pair(rig: StereoRig, depth_m: float,
                      seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """
    Render a plane that faces the cameras: ``x_left - x_right`` is the same at every pixel.

    Each image is rendered from its own camera, so rigs of any baseline sign, principal points,
    region of interest or binning are right if their cameras are.

    :param rig: rectified pair.
    :param depth_m: distance of the plane along the optical axis, metres, > 0.
    :param seed: what chooses the texture.
    :returns: left and right image, (H, W, 3) uint8 RGB.
    :raises ConfigError: if ``depth_m`` is not a positive number.
    """
    if not 0 < depth_m < np.inf:
        raise ConfigError(f'depth_m must be a positive number of metres, got {depth_m}')
    texture = Texture(seed, CELL_PX * depth_m / rig.focal_px)
    plane = _Plane(np.array([0, 0, depth_m]), np.eye(3)[:2], (np.inf, np.inf), texture)
    left, right = (_render([plane], camera, np.zeros(3))[0]
                   for camera in (rig.left, rig.right))
    return left, right


def render_stereo_scene(rig: StereoRig, seed: int = 0,
                        shift: tuple[float, float, float] = (0.0, 0.0, 0.0),
                        nearest_shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
                        ) -> StereoScene:
    """
    Render a room of slanted rectangles before a wall and above a floor.

    Distances follow from the rig: the wall has about 2 % and the nearest object about 10 % of
    the image width as disparity (besides ``cx_left - cx_right``).

    :param rig: rectified pair.
    :param seed: what chooses objects and textures.
    :param shift: metres (x right, y down, z forward) by which both cameras have moved; with
        the same seed this makes a sequence of one scene.
    :param nearest_shift: metres by which the nearest object has moved; all others rest.
    :returns: the images and their exact disparity, depth and occlusion.
    :raises ConfigError: if a pixel sees no plane: the cameras went through the wall, or their
        field of view is too wide.
    """
    planes = _scene(rig, seed)
    nearest = min(range(OBJECTS_FROM, len(planes)), key=lambda index: planes[index].centre[2])
    planes[nearest] = _moved(planes[nearest], nearest_shift)
    moved = np.asarray(shift, np.float64)
    left, depth, owners = _render(planes, rig.left, moved)
    right = _render(planes, rig.right, moved)[0]
    rays = _rays(rig.left, moved)
    points = rays.origin + depth.reshape(-1, 1) * rays.directions
    x_right, y_right = _project(points, rig.right, moved)
    hidden = _hidden(planes, points, _origin(rig.right, moved))
    outside = (_beyond(x_right, rig.right.width) | _beyond(y_right, rig.right.height))
    disparity = pixel_grid(*depth.shape)[0] - x_right.reshape(depth.shape)
    return StereoScene(left, right, disparity.astype(np.float32),
                       (hidden | outside).reshape(depth.shape), depth.astype(np.float32),
                       owners == nearest)


def _moved(plane: _Plane, shift: Sequence[float]) -> _Plane:
    moved = np.asarray(shift, np.float64)
    return replace(plane, centre=plane.centre + moved, moved=moved)


def _scene(rig: StereoRig, seed: int) -> list[_Plane]:
    random = np.random.default_rng(seed)
    camera, width = rig.left, rig.left.width
    focal_baseline = rig.focal_px * rig.baseline_m

    def texture(depth: float, tint: tuple[float, float, float]) -> Texture:
        return Texture(int(random.integers(1 << 31)), CELL_PX * depth / rig.focal_px, tint)

    far, near = focal_baseline / (FAR * width), focal_baseline / (GROUND_NEAR * width)
    wall_axes = _orthonormal([1, 0, random.uniform(-0.25, 0.25)], [0, 1, 0])
    below = max(camera.height - 1 - camera.cy, camera.height / 4) / camera.fy
    endless = (np.inf, np.inf)
    planes = [
        _Plane(np.array([0, 0, far]), wall_axes, endless, texture(far, BACKGROUND_TINT)),
        _Plane(np.array([0, near * below, 0]), np.array([[1.0, 0, 0], [0, 0, 1]]), endless,
               texture(1.5 * near, GROUND_TINT)),
    ]
    tints = random.permutation(len(TINTS))
    count = OBJECT_COLUMNS * OBJECT_ROWS
    depths = focal_baseline / (np.linspace(1.6 * FAR, NEAR, count) * width)
    for place, depth in enumerate(random.permutation(depths)):
        x = (place % OBJECT_COLUMNS + random.uniform(0.25, 0.75)) / OBJECT_COLUMNS
        y = (place // OBJECT_COLUMNS + random.uniform(0.2, 0.6)) / OBJECT_ROWS
        centre = np.array([(x * width - camera.cx) / camera.fx,
                           (y * camera.height - camera.cy) / camera.fy, 1.0]) * depth
        axes, facing = _random_axes(random)
        half = random.uniform(0.08, 0.14, 2) * width * depth / camera.fx
        red, green, blue = (facing * channel for channel in TINTS[tints[place % len(TINTS)]])
        planes.append(_Plane(centre, axes, (half[0], half[1]),
                             texture(depth, (red, green, blue))))
    return planes


def _random_axes(random: np.random.Generator) -> tuple[np.ndarray, float]:
    """Axes of a slanted rectangle, and a brightness by how much it faces the camera."""
    slope_x, slope_y, roll = random.uniform((-0.8, -0.5, -0.35), (0.8, 0.5, 0.35))
    axes = _orthonormal([np.cos(roll), np.sin(roll), slope_x],
                        [-np.sin(roll), np.cos(roll), slope_y])
    return axes, 0.6 + 0.4 * abs(float(np.cross(*axes)[2]))


def _orthonormal(s: Sequence[float], t: Sequence[float]) -> np.ndarray:
    first = np.asarray(s, np.float64) / np.linalg.norm(s)
    second = np.asarray(t, np.float64)
    second = second - (second @ first) * first
    return np.stack([first, second / np.linalg.norm(second)])


def _origin(camera: Camera, moved: np.ndarray) -> np.ndarray:
    """Place of a camera in the frame of the rig before it moved: ``P[0, 3] = -fx * x``."""
    return moved + np.array([-camera.tx / camera.fx, 0, 0])


def _rays(camera: Camera, moved: np.ndarray) -> _Rays:
    x, y = np.broadcast_arrays(*pixel_grid(camera.height, camera.width))
    directions = np.stack([(x.ravel().astype(np.float64) - camera.cx) / camera.fx,
                           (y.ravel().astype(np.float64) - camera.cy) / camera.fy,
                           np.ones(x.size)], axis=-1)
    return _Rays(_origin(camera, moved), directions)


def _project(points: np.ndarray, camera: Camera,
             moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y, z = (points - _origin(camera, moved)).T
    return camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy


def _beyond(position: np.ndarray, length: int) -> np.ndarray:
    return ((position < -BORDER_TOLERANCE_PX)
            | (position > length - 1 + BORDER_TOLERANCE_PX))


def _intersect(plane: _Plane, rays: _Rays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth of the hits (infinity for none), and their texture positions s and t, metres."""
    normal = np.cross(*plane.axes)
    with np.errstate(divide='ignore', invalid='ignore'):
        depth = normal @ (plane.centre - rays.origin) / (rays.directions @ normal)
        offset = rays.origin - plane.centre
        s, t = (depth * (rays.directions @ axis) + offset @ axis for axis in plane.axes)
        hit = ((depth > 0) & (depth < np.inf)
               & (np.abs(s) <= plane.half_size[0]) & (np.abs(t) <= plane.half_size[1]))
    return np.where(hit, depth, np.inf), s, t


def _render(planes: Sequence[_Plane], camera: Camera,
            moved: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image (H, W, 3) uint8 RGB, depth (H, W) float64, metres, and (H, W) which plane it is."""
    rays = _rays(camera, moved)
    hits = [_intersect(plane, rays) for plane in planes]
    depths = np.stack([hit[0] for hit in hits])
    nearest, depth = depths.argmin(axis=0), depths.min(axis=0)
    if not np.isfinite(depth).all():
        raise ConfigError(f'some pixels see no plane: the shift {moved.tolist()} m takes the '
                          'cameras through the wall, or their field of view is too wide')
    colors = np.empty((len(depth), 3), np.float32)
    for index, (plane, (_, s, t)) in enumerate(zip(planes, hits, strict=True)):
        seen = nearest == index
        points = rays.origin + depth[seen, None] * rays.directions[seen]
        footprint = _footprint(plane, points, min(camera.fx, camera.fy))
        colors[seen] = plane.texture.colors(s[seen], t[seen], footprint)
    shape = (camera.height, camera.width)
    image = np.rint(colors).astype(np.uint8).reshape(*shape, 3)
    return image, depth.reshape(shape), nearest.reshape(shape)


def _footprint(plane: _Plane, points: np.ndarray, focal_px: float) -> np.ndarray:
    """
    Longest edge of a pixel on the plane, metres, seen from the origin of the rig.

    Always from there, and before the plane moved: a point keeps its colour from all places.
    """
    points = points - plane.moved
    height = np.abs(points @ np.cross(*plane.axes))
    return np.square(points).sum(axis=1) / (np.maximum(height, 1e-12) * focal_px)


def _hidden(planes: Sequence[_Plane], points: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """(N,) bool, whether a plane stands between the points and a camera."""
    towards = points - origin
    depth = towards[:, 2]
    rays = _Rays(origin, towards / depth[:, None])
    nearest = np.min([_intersect(plane, rays)[0] for plane in planes], axis=0)
    return nearest < depth * (1 - SELF_TOLERANCE)
