"""Large images in overlapping tiles, and one field from those of all tiles."""
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

MIN_OVERLAP_PX = 224
CENTRE_WEIGHT = 0.05  # standard deviation of the weights around the centre, tile edges
LEAST_STEP = 8        # a tile moves by at least this part of its edge

Offsets = list[tuple[int, int]]


def clip_tile(size: tuple[int, int], tile: tuple[int, int]) -> tuple[int, int]:
    """Size of the tiles of an image: ``tile``, but not larger than the image."""
    return min(int(tile[0]), int(size[0])), min(int(tile[1]), int(size[1]))


def tile_offsets(size: tuple[int, int], tile: tuple[int, int],
                 min_overlap: int = MIN_OVERLAP_PX) -> Offsets:
    """
    Lay tiles over an image so that every pixel is in one.

    Per axis: from 0 in steps of ``tile - min_overlap``, and a last tile that ends with the
    image. Where the reference code is defined the tiles are the same, with two exceptions: it
    uses a single tile, and leaves holes, where the overlap is not smaller than the tile; here
    such tiles overlap by half. And where the overlap leaves a step of less than 1/8 of the tile
    (tiles below 256 pixels), the step is that.

    :param size: (height, width) of the image, pixels.
    :param tile: (height, width) of a tile; clipped to the image.
    :param min_overlap: how much neighbours share at least, pixels.
    :returns: (y, x) of the top-left pixel of each tile, row by row.
    """
    height, width = clip_tile(size, tile)
    rows = _axis_offsets(size[0], height, min_overlap)
    columns = _axis_offsets(size[1], width, min_overlap)
    return [(y, x) for y in rows for x in columns]


def _axis_offsets(length: int, tile: int, min_overlap: int) -> list[int]:
    if tile >= length:
        return [0]
    step = max(tile // 2, 1)
    if tile > min_overlap:
        step = max(tile - min_overlap, tile // LEAST_STEP)
    return [*range(0, length - tile, step), length - tile]


def log_weights(tile: tuple[int, int]) -> np.ndarray:
    """
    Weights of the pixels of a tile, as logarithms: its centre counts most.

    ``-(r / 0.05)^2 / 2`` with r the distance from the centre in tile edges. As plain weights
    they would be as small as 3e-43 in the corners, which float32 holds with two digits or, if
    the processor flushes such numbers to zero, not at all.

    :param tile: (height, width), pixels.
    :returns: (height, width) float64, at most 0.
    """
    y = np.arange(tile[0])[:, None] / tile[0] - 0.5
    x = np.arange(tile[1])[None, :] / tile[1] - 0.5
    return (y * y + x * x) * (-0.5 / CENTRE_WEIGHT ** 2)


def blend(fields: Iterable[np.ndarray], offsets: Sequence[tuple[int, int]],
          size: tuple[int, int]) -> np.ndarray:
    """
    Put the fields of the tiles together, each pixel as the weighted mean of its tiles.

    :param fields: (h, w, C) float32 of each tile, all of one size; may be a generator.
    :param offsets: (y, x) of each tile, as :func:`tile_offsets` gives them.
    :param size: (height, width) of the image; the tiles cover it.
    :returns: (height, width, C) float32; NaN only where a tile is.
    """
    remaining = iter(fields)
    first = next(remaining)
    height, width = first.shape[:2]
    logarithms = log_weights((height, width))
    highest = _highest(logarithms, offsets, size)
    weights, total = np.zeros((*size, 1)), np.zeros((*size, first.shape[2]))
    for (y, x), field in zip(offsets, chain([first], remaining), strict=True):
        window = (slice(y, y + height), slice(x, x + width))
        # Of the tiles of a pixel one has the weight 1, so that the sum is never 0.
        weight = np.exp(logarithms - highest[window])[..., None]
        weights[window] += weight
        total[window] += weight * field
    total /= weights
    return total.astype(np.float32)


def _highest(logarithms: np.ndarray, offsets: Sequence[tuple[int, int]],
             size: tuple[int, int]) -> np.ndarray:
    """Give the largest weight that any tile gives each pixel."""
    height, width = logarithms.shape
    highest = np.full(size, -np.inf)
    for y, x in offsets:
        window = highest[y:y + height, x:x + width]
        np.maximum(window, logarithms, out=window)
    return highest
