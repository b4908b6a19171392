"""The exact motion of every pixel of a rendered scene."""
import numpy as np

from .scene import Scene, Surface

BORDER_TOLERANCE_PX = 1e-4


def pixel_positions(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Give x as (1, W) and y as (H, 1), float64."""
    return np.arange(size[1], dtype=np.float64)[None], np.arange(size[0],
                                                                 dtype=np.float64)[:, None]


def exact_flow(scene: Scene, owners: np.ndarray, start: int, end: int) -> np.ndarray:
    """
    Displacement of every pixel of one view to another view.

    :param scene: the surfaces.
    :param owners: (H, W) uint8, index of the surface at each pixel of the first view.
    :param start: index of that view.
    :param end: index of the other view.
    :returns: (H, W, 2) float32, pixels.
    """
    x, y = pixel_positions(scene.size)
    table = np.stack([_rigid(surface, start, end) for surface in scene.surfaces]).reshape(-1, 9)
    table -= np.eye(3).ravel()  # displacements, which are small, rather than positions

    def column(index: int) -> np.ndarray:
        return np.take(np.ascontiguousarray(table[:, index]), owners)

    flow = np.empty((*scene.size, 2), np.float32)
    u = column(0) * x + column(1) * y + column(2)
    v = np.zeros_like(u) if scene.stereo else column(3) * x + column(4) * y + column(5)
    if table[:, 6:].any():
        bend = column(6) * x + column(7) * y
        u, v = (u - bend * x) / (1 + bend), (v - bend * y) / (1 + bend)
    flow[..., 0], flow[..., 1] = u, v
    for index, surface in enumerate(scene.surfaces):
        curved = surface.sphere is not None
        if curved or surface.deforms(start) or surface.deforms(end):
            row, col = np.nonzero(owners == index)
            kind = np.float64 if curved else np.float32
            px, py = col.astype(kind), row.astype(kind)
            u, v = _follow(surface, (px, py), start, end)
            flow[row, col, 0] = u - px
            flow[row, col, 1] = 0 if scene.stereo else v - py
    if scene.stereo:
        flow[..., 0] = np.minimum(flow[..., 0], 0) if end > start else np.maximum(flow[..., 0], 0)
    return flow


def _follow(surface: Surface, at: tuple[np.ndarray, np.ndarray], start: int,
            end: int) -> tuple[np.ndarray, np.ndarray]:
    """Where pixels of a ball or a surface that deforms are in another view."""
    if surface.sphere is None:
        return surface.place(*surface.rest(*at, start), end)
    u, v, _ = surface.sphere.transfer(*at, start, end)
    return u, v


def _rigid(surface: Surface, start: int, end: int) -> np.ndarray:
    matrix = surface.motions[end] @ surface.inverse_motions[start]
    return matrix / matrix[2, 2]


def find_occlusion(scene: Scene, views: tuple[int, int], seen: tuple[np.ndarray, np.ndarray],
                   other: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """
    Find the pixels that are out of sight in another view.

    :param scene: the surfaces.
    :param views: index of this view and of the other one.
    :param seen: surface at each pixel of this view, (H, W) uint8, and its flow to the other one.
    :param other: surface at each pixel of the other view, and its flow back.
    :returns: (H, W) bool, True where the target is outside of the other view, or its closest
        pixel shows a surface that is in front of the one at this pixel, or the point is on the
        far side of a ball.
    """
    owners, flow = seen
    height, width = owners.shape
    x, y = pixel_positions(scene.size)
    u, v = flow[..., 0] + x, flow[..., 1] + y
    eps = BORDER_TOLERANCE_PX
    outside = (u < -eps) | (u > width - 1 + eps) | (v < -eps) | (v > height - 1 + eps)
    outside |= _turned_away(scene, owners, *views)
    column = np.clip(np.rint(u), 0, width - 1).astype(np.int32)
    row = np.clip(np.rint(v), 0, height - 1).astype(np.int32)
    closest = row * width + column
    found = other[0].ravel()[closest]
    if scene.sorted:
        return outside | (found > owners)
    if scene.stereo:
        in_front = np.abs(other[1][..., 0]).ravel()[closest] > np.abs(flow[..., 0])
    else:
        in_front = (_nearness(scene, found, u, v, views[1])
                    > _nearness(scene, owners, u, v, views[1]))
    return outside | (in_front & (found != owners))


def _nearness(scene: Scene, owners: np.ndarray, x: np.ndarray, y: np.ndarray,
              view: int) -> np.ndarray:
    """Inverse depth of surfaces at positions of a view."""
    table = np.stack([surface.inverse_depths[view] for surface in scene.surfaces])
    a, b, c = (np.take(column, owners) for column in np.ascontiguousarray(table.T))
    inverse = a * x + b * y + c
    for index, surface in enumerate(scene.surfaces):
        if surface.sphere is not None:
            mine = owners == index
            px, py = (np.broadcast_to(axis, owners.shape)[mine] for axis in (x, y))
            inverse[mine] = surface.sphere.inverse_depth(px, py, view)
    return inverse


def _turned_away(scene: Scene, owners: np.ndarray, start: int, end: int) -> np.ndarray:
    """Pixels of one view that are on the far side of a ball in another, (H, W) bool."""
    away = np.zeros(owners.shape, bool)
    for index, surface in enumerate(scene.surfaces):
        if surface.sphere is not None:
            row, col = np.nonzero(owners == index)
            at = col.astype(np.float64), row.astype(np.float64)
            away[row, col] = ~surface.sphere.transfer(*at, start, end)[2]
    return away


def exact_depth(scene: Scene, owners: np.ndarray, flow: np.ndarray,
                view: int) -> np.ndarray | None:
    """
    Depth of every pixel of a view.

    :param scene: the surfaces.
    :param owners: (H, W) uint8, surface at each pixel.
    :param flow: (H, W, 2) float32, to the other view of a stereo pair.
    :param view: index of the view.
    :returns: (H, W) float32, metres, NaN at infinity; None if the scene has no depth.
    """
    if scene.depth_scale is None:
        return None
    if scene.stereo:
        return _depth_of(np.abs(flow[..., 0]).astype(np.float64), scene.depth_scale)
    return depth_map(scene, owners, view)


def depth_map(scene: Scene, owners: np.ndarray, view: int) -> np.ndarray:
    """
    Depth of every pixel of a view of a scene with depth that is not stereo.

    :param scene: the surfaces.
    :param owners: (H, W) uint8, surface at each pixel.
    :param view: index of the view.
    :returns: (H, W) float32, metres, NaN at infinity.
    """
    inverse = _nearness(scene, owners, *pixel_positions(scene.size), view)
    return _depth_of(inverse, scene.depth_scale or 1.0)


def _depth_of(inverse: np.ndarray, scale: float) -> np.ndarray:
    with np.errstate(divide='ignore'):
        depth = scale / inverse
    return np.where(inverse > 1e-6, depth, np.nan).astype(np.float32)
