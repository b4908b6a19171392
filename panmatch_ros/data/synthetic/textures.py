"""
Random textures as continuous functions of the plane, so that any sub-pixel shift is exact.

A texture is a random grid of coefficients, blended by cubic B-splines: it has two continuous
derivatives, a known finest detail (the edge of a cell), and repeats after ``GRID`` cells.
"""
import numpy as np

GRID = 256       # cells per period; a power of two: positions wrap by a mask
LEVELS = 6       # each has cells twice as large as the one before
MEAN = 128.0
CONTRAST = 46.0  # standard deviation of the grey values
CHROMA = 0.15    # share of the contrast that differs between the colour channels


class Texture:
    """
    Smooth random colours over a plane.

    :param seed: what chooses the texture.
    :param cell: edge of the finest cell, in the unit of the positions; about four pixels wide
        in the image, it is sampled without aliasing.
    :param tint: RGB factors of the mean colour.
    """

    def __init__(self, seed: int, cell: float,
                 tint: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> None:
        self._cell = cell
        self._mean = MEAN * np.array(tint, np.float32)
        self._levels = _coefficients(np.random.default_rng(seed))

    def colors(self, s: np.ndarray, t: np.ndarray,
               footprint: np.ndarray | None = None) -> np.ndarray:
        """
        Colours at positions of the plane.

        :param s: (N,) float64.
        :param t: (N,) float64.
        :param footprint: (N,) float64, edge of the pixel on the plane, in the same unit. Where
            a pixel covers more than a quarter of a cell, detail is left out gradually.
        :returns: (N, 3) float32, 0 to 255, not rounded.
        """
        s, t = s / self._cell, t / self._cell
        if footprint is None:
            return np.clip(self._mean + _blend(self._levels[0], s, t), 0, 255)
        level = np.log2(np.maximum(footprint * (4 / self._cell), 1.0))
        level = np.minimum(level, len(self._levels) - 1)
        value = np.empty((len(s), 3), np.float32)
        value[:] = self._mean
        for index, grid in enumerate(self._levels):
            weight = 1 - np.abs(level - index)
            used = np.flatnonzero(weight > 0)
            if len(used):
                value[used] += (weight[used, None].astype(np.float32)
                                * _blend(grid, s[used] / 2 ** index, t[used] / 2 ** index))
        return np.clip(value, 0, 255)


def _coefficients(random: np.random.Generator) -> list[np.ndarray]:
    """Grids of (n, n, 3) float32, from the one with all detail to the coarsest."""
    # The variance of white noise that cubic B-splines blend is 0.23 of its own.
    deviation = np.sqrt(0.23 * LEVELS * ((1 - CHROMA) ** 2 + CHROMA ** 2))
    levels: list[np.ndarray] = []
    for index in reversed(range(LEVELS)):
        edge = GRID >> index
        noise = ((1 - CHROMA) * random.standard_normal((edge, edge, 1), np.float32)
                 + CHROMA * random.standard_normal((edge, edge, 3), np.float32))
        grid = noise * np.float32(CONTRAST / deviation)
        levels.insert(0, grid + _refine(levels[0]) if levels else grid)
    return levels


def _refine(grid: np.ndarray) -> np.ndarray:
    """Coefficients of the same function on a grid of half the cell, exactly."""
    for axis in (0, 1):
        before, after = np.roll(grid, 1, axis), np.roll(grid, -1, axis)
        pairs = np.stack([(before + 6 * grid + after) / 8, (grid + after) / 2], axis + 1)
        shape = list(grid.shape)
        shape[axis] *= 2
        grid = pairs.reshape(shape)
    return grid


def _blend(grid: np.ndarray, s: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(N, 3) float32: value of the spline at column s and row t, cells."""
    edge = len(grid)
    columns, column_weights = _spline(s, edge)
    rows, row_weights = _spline(t, edge)
    flat = grid.reshape(-1, 3)
    value = np.zeros((len(s), 3), np.float32)
    for row, row_weight in zip(rows, row_weights, strict=True):
        for column, column_weight in zip(columns, column_weights, strict=True):
            value += flat[row * edge + column] * (row_weight * column_weight)[:, None]
    return value


def _spline(x: np.ndarray, edge: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Give indices and float32 weights of the four coefficients around each position."""
    first = np.floor(x)
    f = (x - first).astype(np.float32)
    g = 1 - f
    weights = [g ** 3 / 6, 2 / 3 - f ** 2 * (1 + g) / 2, 2 / 3 - g ** 2 * (1 + f) / 2, f ** 3 / 6]
    index = first.astype(np.int64)
    return [(index + step) & (edge - 1) for step in (-1, 0, 1, 2)], weights
