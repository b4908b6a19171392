"""
Flow from the newer image to the older one, from the flow the other way.

Every pixel of the older image covers a small parallelogram of the newer one: its square, moved
and deformed by the flow of its surface. Neighbours on one surface cover it without gap or
overlap, whether it shrinks or grows, to twice its size at most. Where surfaces overlap, the
nearest one is seen. A pixel of the newer image that nothing covers stays unknown.
"""
from typing import NamedTuple

import cv2
import numpy as np

from .errors import ShapeError
from .pixels import pixel_grid
from .surface_sampling import EDGE_PX, Surfaces, nearest_pixels
from .types import Displacement

HALF_PIXEL = 0.51        # of the edge of a pixel; parallelograms of a curved surface leave gaps
SMALLEST_DEFORMED = 0.1  # area of a pixel in the newer image; less is folded or seen edge-on


class _Moved(NamedTuple):
    """
    Pixels of the older image in the newer one, float32, pixels.

    :param flow: x and y.
    :param pixel: column and row of the pixel that the centre comes to; maybe outside.
    :param rest: where in that pixel the centre is, from -0.5 to 0.5 along x and y.
    :param deformation: ``a, b, c, d``: ``[a, b; c, d]`` makes the square of a pixel a
        parallelogram.
    """

    flow: tuple[np.ndarray, ...]
    pixel: tuple[np.ndarray, ...]
    rest: tuple[np.ndarray, ...]
    deformation: tuple[np.ndarray, ...]

    def at(self, source: np.ndarray | None) -> '_Moved':
        """Flat copies of those with some flat indices, or of all."""
        return _Moved(*(tuple(part.flatten() if source is None else np.take(part, source)
                              for part in parts) for parts in self))


def invert_flow(flow01: Displacement, disparity0: np.ndarray,
                edge_px: float = EDGE_PX) -> Displacement:
    """
    Invert a flow, by depth where surfaces come to lie over each other.

    :param flow01: older to newer image, on the grid of the older one; mask what is not sure.
    :param disparity0: (H, W) float32 on that grid, pixels: what is larger is in front. Taken
        for the order in the newer image too; pixels where it is NaN are left out.
    :param edge_px: neighbours whose disparity or flow differs by this or more are on different
        surfaces.
    :returns: newer to older image, on the grid of the newer one, with the confidence of the
        pixel that is seen; NaN where no pixel of the older image is, nothing is filled.
    :raises ShapeError: if the sizes differ.
    :raises ConfigError: if ``edge_px`` is not positive.
    """
    target, source, u, v = _seen(flow01, disparity0, edge_px)
    size = disparity0.shape
    confidence = _scatter(target, flow01.confidence.ravel()[source], size, 0)
    return Displacement(cv2.merge([_scatter(target, u, size, np.nan),
                                   _scatter(target, v, size, np.nan)]), confidence)


def visible_in_other(flow01: Displacement, disparity0: np.ndarray,
                     edge_px: float = EDGE_PX) -> np.ndarray:
    """
    Tell which pixels are seen in the other image, at the pixel that their flow leads to.

    Pixels are not that leave the image, that another surface hides, or that come to a pixel
    whose centre shows another surface.

    :param flow01: this image to the other one.
    :param disparity0: (H, W) float32 of this image, pixels: what is larger is in front.
    :param edge_px: what differs by this or more is another surface.
    :returns: (H, W) bool on the grid of this image; False where something is invalid.
    :raises ShapeError: if the sizes differ.
    :raises ConfigError: if ``edge_px`` is not positive.
    """
    target, source, back_u, back_v = _seen(flow01, disparity0, edge_px)
    size = disparity0.shape
    grid_x, grid_y = pixel_grid(*size)
    u, v = cv2.split(flow01.flow)
    index, visible = nearest_pixels(grid_x + u, grid_y + v, size)
    with np.errstate(invalid='ignore'):
        # What is seen there moved like this, and is as near.
        for here, found in ((-u, back_u), (-v, back_v), (disparity0, disparity0.ravel()[source])):
            there = np.take(_scatter(target, found, size, np.nan), index)
            visible &= np.abs(there - here) < edge_px  # False for NaN
    return visible


def _seen(flow01: Displacement, disparity0: np.ndarray, edge_px: float,
          ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """
    Find what each pixel of the newer image shows.

    :returns: as :func:`_cover`, no pixel of the newer image twice.
    """
    if disparity0.shape != flow01.confidence.shape:
        raise ShapeError('disparity must have the size of the flow, '
                         f'{flow01.confidence.shape}, got {disparity0.shape}')
    moved, usable = _move(flow01.flow, disparity0, edge_px)
    beyond_x, beyond_y = _reach_next(moved)
    parts = [_cover(moved, reached, step) for step, reached in (
        ((0, 0), usable), ((1, 0), usable & beyond_x), ((0, 1), usable & beyond_y),
        ((1, 1), usable & beyond_x & beyond_y))]
    target, source, u, v = (np.concatenate(each) for each in zip(*parts, strict=True))
    kept = _nearest(target, disparity0.ravel()[source], disparity0.size)
    return target[kept], source[kept], u[kept], v[kept]


def _scatter(target: np.ndarray, values: np.ndarray, size: tuple[int, ...],
             elsewhere: float) -> np.ndarray:
    """Write values to their places in an image."""
    image = np.full(size[0] * size[1], elsewhere, values.dtype)
    image[target] = values
    return image.reshape(size)


def _move(flow: np.ndarray, disparity: np.ndarray, edge_px: float) -> tuple[_Moved, np.ndarray]:
    """Move and deform every pixel, and tell which are usable, (H, W) bool."""
    u, v = cv2.split(flow)
    surfaces = Surfaces.of(u, v, disparity, edge_px=edge_px)
    (a, b), (c, d) = surfaces.slopes(u), surfaces.slopes(v)
    a += 1
    d += 1
    grid_x, grid_y = pixel_grid(*disparity.shape)
    x, y = grid_x + u, grid_y + v
    column, row = np.rint(x), np.rint(y)
    with np.errstate(invalid='ignore'):
        x, y = x - column, y - row
    usable = (a * d - b * c > SMALLEST_DEFORMED) & np.isfinite(disparity + x + y)
    return _Moved((u, v), (column, row), (x, y), (a, b, c, d)), usable


def _reach_next(moved: _Moved) -> tuple[np.ndarray, np.ndarray]:
    """Tell which parallelograms may reach the next pixel along x and along y, (H, W) bool."""
    a, b, c, d = (np.abs(part) for part in moved.deformation)
    a += b
    c += d
    with np.errstate(invalid='ignore'):
        return (np.abs(moved.rest[0]) + HALF_PIXEL * a >= 1,
                np.abs(moved.rest[1]) + HALF_PIXEL * c >= 1)


def _cover(moved: _Moved, reached: np.ndarray, step: tuple[int, int],
           ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """
    Find which parallelograms cover the pixel of their centre, or a pixel next to it.

    :param moved: all pixels.
    :param reached: (H, W) bool, which of them to look at.
    :param step: 1 for the nearest other column, and for the nearest other row.
    :returns: flat index of what is covered in the newer image; that of what covers it in the
        older one; x and y of the flow from the former's centre to its place in the latter.
    """
    height, width = reached.shape
    some = np.flatnonzero(reached) if any(step) else None  # else nearly all: look at all
    (u, v), (column, row), (x, y), (a, b, c, d) = moved.at(some)
    step_x, step_y = np.copysign(np.float32(step[0]), x), np.copysign(np.float32(step[1]), y)
    column += step_x
    row += step_y
    x -= step_x  # now where the centre is, seen from the pixel that may be covered
    y -= step_y
    with np.errstate(divide='ignore', invalid='ignore'):
        scale = -1 / (a * d - b * c)
        along_x, along_y = (d * x - b * y) * scale, (a * y - c * x) * scale
        covers = (np.abs(along_x) < HALF_PIXEL) & (np.abs(along_y) < HALF_PIXEL)
        covers &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
        along_x += x - u
        along_y += y - v
    if some is None:
        covers &= reached.ravel()
    kept = np.flatnonzero(covers)
    target = row[kept].astype(np.intp) * width
    target += column[kept].astype(np.intp)
    source = kept if some is None else some[kept]
    return target, source, along_x[kept], along_y[kept]


def _nearest(target: np.ndarray, disparity: np.ndarray, size: int) -> np.ndarray:
    """Choose, for every target, the entry with the largest disparity; (K,) indices."""
    chosen = np.full(size, -1, np.intp)
    every = np.arange(len(target))
    chosen[target] = every
    rivals = chosen[target]
    lost = np.flatnonzero(rivals != every)
    nearer = lost[disparity[lost] > disparity[rivals[lost]]]
    nearer = nearer[np.argsort(disparity[nearer], kind='stable')]
    chosen[target[nearer]] = nearer  # of several for one target the last one stays
    return chosen[chosen >= 0]
