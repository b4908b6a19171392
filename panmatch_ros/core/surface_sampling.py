"""
Sampling between pixels without mixing surfaces.

Neighbours belong to one surface if their values are close. Every pixel continues its own surface
as a plane, its slope taken from those neighbours alone, half a pixel to each side. For planes,
whose disparity and small flow are linear in the image, that is exact up to their edges.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ConfigError, ShapeError

EDGE_PX = 1.0  # the disparity of a surface that both cameras see grows by less per pixel


@dataclass(frozen=True)
class Surfaces:
    """
    Which neighbours are on one surface.

    :param joined_x: (H, W - 1) bool, whether a pixel and the next one to the right are.
    :param joined_y: (H - 1, W) bool, whether a pixel and the next one below are.
    """

    joined_x: np.ndarray
    joined_y: np.ndarray

    @classmethod
    def of(cls, *channels: np.ndarray, edge_px: float = EDGE_PX) -> 'Surfaces':
        """
        Join neighbours that differ by less than an edge in all channels.

        :param channels: (H, W) each, pixels; NaN joins nothing.
        :param edge_px: difference that is an edge, pixels.
        :raises ShapeError: if a channel is not (H, W) or their sizes differ.
        :raises ConfigError: if ``edge_px`` is not positive.
        """
        if not edge_px > 0:
            raise ConfigError(f'edge_px must be positive, got {edge_px}')
        for channel in channels:
            if channel.ndim != 2 or channel.shape != channels[0].shape:
                raise ShapeError('channels must be (H, W) of one size, got '
                                 f'{[each.shape for each in channels]}')
        with np.errstate(invalid='ignore'):
            along_x, along_y = (
                [np.abs(np.diff(channel, axis=axis)) < edge_px for channel in channels]
                for axis in (1, 0))
        return cls(np.logical_and.reduce(along_x), np.logical_and.reduce(along_y))

    def slopes(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Slopes of each pixel's surface: the mean of the steps to its joined neighbours.

        :param values: (H, W) float32; not invalid where pixels are joined.
        :returns: along x and along y, (H, W) float32 each, per pixel; 0 without a neighbour.
        """
        along_x, along_y = np.zeros_like(values), np.zeros_like(values)
        _add_steps(along_x, np.diff(values, axis=1), self.joined_x, np.s_[:, :-1], np.s_[:, 1:])
        _add_steps(along_y, np.diff(values, axis=0), self.joined_y, np.s_[:-1], np.s_[1:])
        return along_x, along_y


    def torn(self, values: np.ndarray, edge_px: float = EDGE_PX) -> np.ndarray:
        """
        Tell which pixels are joined to a neighbour whose value is on another surface.

        :param values: (H, W), pixels; NaN is torn from nothing.
        :param edge_px: difference that is an edge, pixels.
        :returns: (H, W) bool.
        """
        torn = np.zeros(values.shape, bool)
        with np.errstate(invalid='ignore'):
            along_x = self.joined_x & (np.abs(np.diff(values, axis=1)) >= edge_px)
            along_y = self.joined_y & (np.abs(np.diff(values, axis=0)) >= edge_px)
        torn[:, :-1] = along_x
        torn[:, 1:] |= along_x
        torn[:-1] |= along_y
        torn[1:] |= along_y
        return torn


def nearest_pixels(x: np.ndarray, y: np.ndarray,
                   size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """
    Find the pixels that positions lie in.

    :param x: any shape, float32, pixels; NaN is outside.
    :param y: of the same shape.
    :param size: (height, width) of the image.
    :returns: flat indices, 0 where outside, and whether a position is inside, both of that
        shape. An image ends half a pixel beyond the centres of its border.
    """
    height, width = size
    column, row = np.rint(x), np.rint(y)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)  # False for NaN
    with np.errstate(invalid='ignore'):
        index = row.astype(np.intp) * width + column.astype(np.intp)
    index *= inside
    return index, inside


def sample_surface(values: np.ndarray, x: np.ndarray, y: np.ndarray,
                   edge_px: float = EDGE_PX) -> np.ndarray:
    """
    Sample a map at real positions, on the surface of the pixel that each lies in.

    :param values: (H, W) float32, pixels; a disparity for example. NaN is invalid.
    :param x: any shape, float32, pixels.
    :param y: of the same shape.
    :param edge_px: neighbours that differ by this or more are on another surface.
    :returns: of that shape, float32; NaN where that pixel is invalid or the position is outside.
    :raises ShapeError: if ``values`` is not (H, W).
    :raises ConfigError: if ``edge_px`` is not positive.
    """
    slope_x, slope_y = Surfaces.of(values, edge_px=edge_px).slopes(values)
    index, inside = nearest_pixels(x, y, (values.shape[0], values.shape[1]))
    sampled, along_y = np.take(slope_x, index), np.take(slope_y, index)
    with np.errstate(invalid='ignore'):
        sampled *= x - np.rint(x)
        along_y *= y - np.rint(y)
    sampled += along_y
    sampled += np.take(values, index)
    sampled[~inside] = np.nan
    return sampled


def _add_steps(slope: np.ndarray, step: np.ndarray, joined: np.ndarray,
               before: Any, after: Any) -> None:
    """Write the mean of the joined steps to both sides; ``before`` and ``after`` slice pixels."""
    np.copyto(step, np.float32(0), where=~joined)
    slope[before] = step
    slope[after] += step
    both = np.ones(slope.shape, np.float32)
    inner = both[before][after]
    inner -= np.float32(0.5) * (joined[before] & joined[after])
    slope *= both
