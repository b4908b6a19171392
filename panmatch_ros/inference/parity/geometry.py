"""
Geometry and tiling against the reference.

Where the reference is right, the functions of ``core`` are compared. What it does otherwise
(positions that shrink, zeros for invalid, its own limits) is here and nowhere else.
"""
from collections.abc import Callable, Iterator, Mapping
import re
from typing import Any

import numpy as np

from ...core.correspondence import tanh_confidence_from_error
from ...core.errors import FormatError, PanMatchError
from ...core.pixels import normalize_points, pixel_grid
from ...core.rigid_motion import make_transform, rigid_flow, two_view_depth
from .report import ArrayError, compare
from .vectors import strided

# Relative to the largest value of the reference, at least to one: it computes in float32.
TOLERANCE = 1e-5
# The corners of a tile weigh about 200 steps of the smallest float32; differences of a step or
# two are rounding, so their logarithms are compared.
CORNER_TOLERANCE = 0.02
EDGE = 1e-5                # relative distance from a limit within which both sides are right
CONFIDENCE_SLOPE = 0.5     # of the pictures of the reference
DEPTH_LIMIT = 0.4          # of the squared projection residual, in focal lengths
TILE_SIGMA = 0.05
TILE_OVERLAP = 224

WEIGHT_NAME = re.compile(r'tile_weight_(\d{1,5})x(\d{1,5})(_corner)?')
MATRICES = {'K1': (3, 3), 'K2': (3, 3), 'R2': (3, 3), 't2': (3, 1)}

Arrays = Mapping[str, np.ndarray]
Meta = Mapping[str, Any]


def check_geometry(vectors: Arrays, meta: Meta) -> Iterator[ArrayError]:
    """
    Compute every array of a file of geometry again and compare.

    :param vectors: arrays as :func:`~.vectors.load_vectors` gives them.
    :param meta: of the same file.
    :returns: one error for each array that is a result, and one for each tile grid.
    :raises FormatError: if an array that others are computed from is missing or has another
        form, or the file holds nothing that can be checked.
    """
    done = 0
    for needed, check in CHECKS:
        if any(name in vectors for name in check.results):
            for name in needed:
                if name not in vectors:
                    raise FormatError(f'the file has {check.results[0]} but not {name}, which '
                                      'it is computed from')
            for error in check(vectors):
                done += 1
                yield error
    for error in (*_check_tile_weights(vectors, meta), *_check_tile_grids(meta)):
        done += 1
        yield error
    if done == 0:
        raise FormatError('the file has no array of geometry or tiling that can be checked')


def sample_shrunk(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """
    Sample an image at ``p + flow(p)`` as the reference does, zero outside.

    It normalises positions by W and undoes that by W - 1: everything shrinks towards the
    top-left corner, by up to a pixel at the bottom right.

    :param image: (H, W, C) float32.
    :param flow: (H, W, 2) float32, pixels.
    :returns: (H, W, C) float32.
    """
    height, width = image.shape[:2]
    grid_x, grid_y = pixel_grid(*flow.shape[:2])
    x, y = ((2 * position / np.float32(length) - 1 + 1) / 2 * np.float32(length - 1)
            for position, length in ((grid_x + flow[..., 0], width),
                                     (grid_y + flow[..., 1], height)))
    left, top = np.floor(x), np.floor(y)
    total = np.zeros((*flow.shape[:2], image.shape[2]), np.float32)
    for column in (left, left + 1):
        for row in (top, top + 1):
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            weight = (1 - np.abs(x - column)) * (1 - np.abs(y - row))
            values = image[np.where(inside, row, 0).astype(np.intp),
                           np.where(inside, column, 0).astype(np.intp)]
            total += np.where(inside, weight, 0).astype(np.float32)[..., None] * values
    return total


def reference_error(flow01: np.ndarray, flow10: np.ndarray) -> np.ndarray:
    """
    Forward-backward error of the reference, not zero even for two flows of zero.

    :param flow01: (H, W, 2) float32, image 0 to image 1, pixels.
    :param flow10: (H, W, 2) float32, image 1 to image 0, pixels.
    :returns: (H, W) float32, pixels; large where a match leaves the image.
    """
    identity = np.stack(np.broadcast_arrays(*pixel_grid(*flow01.shape[:2])), axis=-1)
    there = sample_shrunk(sample_shrunk(identity, flow10), flow01)
    return np.linalg.norm(identity - there, axis=-1)


def reference_tile_weight(height: int, width: int) -> np.ndarray:
    """(height, width) float32 weight of a tile's pixels, denormal at its corners."""
    x, y = (grid.astype(np.float64) for grid in pixel_grid(height, width))
    radius = np.hypot(y / height - 0.5, x / width - 0.5)
    peak = 1 / (TILE_SIGMA * np.sqrt(2 * np.pi))
    return (peak * np.exp(-0.5 * (radius / TILE_SIGMA) ** 2)).astype(np.float32)


def reference_tile_offsets(image: tuple[int, int],
                           tile: tuple[int, int]) -> list[tuple[int, int]]:
    """
    List the tiles of the reference.

    :param image: (height, width), pixels.
    :param tile: (height, width), cut to the image.
    :returns: (row, column) of the top-left corners. One only if an edge of the tile is at most
        the overlap, even if it does not cover the image: the rest of the flow is NaN then.
    """
    sizes = [min(a, b) for a, b in zip(image, tile, strict=True)]
    if min(sizes) <= TILE_OVERLAP:
        return [(0, 0)]
    starts = []
    for whole, part in zip(image, sizes, strict=True):
        axis = [*range(0, whole - part, part - TILE_OVERLAP), whole - part]
        starts.append(axis)
    return [(row, column) for row in starts[0] for column in starts[1]]


class _Check:
    """A function of the arrays, and the names of what it computes again."""

    def __init__(self, function: Callable[[Arrays], Iterator[ArrayError]],
                 *results: str) -> None:
        self.function, self.results = function, results

    def __call__(self, vectors: Arrays) -> Iterator[ArrayError]:
        """Compare those results that the file has."""
        return (error for error in self.function(vectors) if error.name in vectors)


def _consistency(vectors: Arrays) -> Iterator[ArrayError]:
    flow12, flow21 = _flow(vectors, 'flow12'), _flow(vectors, 'flow21')
    error12, error21 = reference_error(flow12, flow21), reference_error(flow21, flow12)
    for name, error in (('fb_error', error12), ('conf1', error12), ('conf2', error21)):
        ours = error if name == 'fb_error' else tanh_confidence_from_error(error,
                                                                           CONFIDENCE_SLOPE)
        yield _compare(vectors, name, ours[None, None])


def _warps(vectors: Arrays) -> Iterator[ArrayError]:
    for name, flow, image, confidence in (('dense_warp_im1', 'flow12', 'im2', 'conf1'),
                                          ('dense_warp_im2', 'flow21', 'im1', 'conf2')):
        weight = _map(vectors, confidence)[..., None]
        warped = sample_shrunk(_planes(vectors, image, 3), _flow(vectors, flow))
        yield _compare(vectors, name, _batch(weight * warped + (1 - weight)))


def _matches(vectors: Arrays) -> Iterator[ArrayError]:
    """Write matches in [-1, 1]; those that leave the image get a certainty of zero."""
    flow, certainty = _flow(vectors, 'flow12'), _map(vectors, 'conf1')
    size = (flow.shape[0], flow.shape[1])
    start = np.stack(np.broadcast_arrays(*pixel_grid(*size)), axis=-1)
    end = normalize_points(start + flow, size)
    warp = np.concatenate([normalize_points(start, size), end.clip(-1, 1)], axis=-1)
    yield _compare(vectors, 'flow2match_warp', warp[None])
    farthest = np.abs(end).max(axis=-1)
    ours = np.where(farthest > 1, np.float32(0), certainty)
    yield _compare(vectors, 'flow2match_certainty', ours[None, None], np.abs(farthest - 1) < EDGE)


def _rigid(vectors: Arrays) -> Iterator[ArrayError]:
    depth = _array(vectors, 'rigid_depth_gt', (None, None))
    flow = rigid_flow(depth, *_cameras(vectors))
    yield _compare(vectors, 'rigid_flow', _batch(flow))


def _triangulated(vectors: Arrays) -> Iterator[ArrayError]:
    """Depth of the exact flow, zero where the reference trusts it too little."""
    flow, cameras = _flow(vectors, 'rigid_flow'), _cameras(vectors)
    depth = two_view_depth(flow, *cameras, min_parallax_px=0.0)
    yield _compare(vectors, 'triangulated_vis', depth[None, None], np.isnan(depth))
    residual = _projection_residual(flow, *cameras)
    limit = DEPTH_LIMIT * cameras[0][0, 0]
    trusted = (residual > limit) & np.isfinite(depth)
    yield _compare(vectors, 'triangulated_filtered',
                   np.where(trusted, depth, np.float32(0))[None, None],
                   np.abs(residual - limit) < EDGE * limit)


CHECKS: tuple[tuple[tuple[str, ...], _Check], ...] = (
    (('flow12', 'flow21'), _Check(_consistency, 'fb_error', 'conf1', 'conf2')),
    (('flow12', 'flow21', 'im1', 'im2', 'conf1', 'conf2'),
     _Check(_warps, 'dense_warp_im1', 'dense_warp_im2')),
    (('flow12', 'conf1'), _Check(_matches, 'flow2match_warp', 'flow2match_certainty')),
    (('rigid_depth_gt', *MATRICES), _Check(_rigid, 'rigid_flow')),
    (('rigid_flow', *MATRICES),
     _Check(_triangulated, 'triangulated_vis', 'triangulated_filtered')),
)


def _projection_residual(flow: np.ndarray, K0: np.ndarray, K1: np.ndarray,
                         T_1_0: np.ndarray) -> np.ndarray:
    """(H, W) float64: what the reference compares with its limit, squared pixels of a kind."""
    x, y = (grid.astype(np.float64) for grid in pixel_grid(*flow.shape[:2]))
    H = K1 @ T_1_0[:3, :3] @ np.linalg.inv(K0)
    moved = [H[i, 0] * x + H[i, 1] * y + H[i, 2] for i in range(3)]
    return ((moved[0] - moved[2] * (x + flow[..., 0])) ** 2
            + (moved[1] - moved[2] * (y + flow[..., 1])) ** 2)


def _check_tile_weights(vectors: Arrays, meta: Meta) -> Iterator[ArrayError]:
    for name in vectors:
        match = WEIGHT_NAME.fullmatch(name)
        if match is None:
            continue
        weight = reference_tile_weight(int(match[1]), int(match[2]))
        if match[3] is None:
            yield _compare(vectors, name, strided(weight, meta, name))
            continue
        rows, columns = _array(vectors, name, (None, None)).shape
        with np.errstate(divide='ignore', invalid='ignore'):
            yield compare(name, np.log(weight[:rows, :columns].astype(np.float64)),
                          np.log(vectors[name]), CORNER_TOLERANCE)


def _check_tile_grids(meta: Meta) -> Iterator[ArrayError]:
    grids = meta.get('tile_grids', [])
    try:
        cases = [((int(grid['image'][0]), int(grid['image'][1])),
                  (int(grid['tile'][0]), int(grid['tile'][1])),
                  np.array(grid['offsets'], np.float64)) for grid in grids]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise FormatError('tile_grids of the meta data must be a list of image, tile and '
                          f'offsets, found {error!r:.100}') from None
    for image, tile, offsets in cases:
        if not 0 < min(*image, *tile) <= max(*image, *tile) < 1 << 16:
            raise FormatError(f'tile_grids has an image of {image} and a tile of {tile}')
        ours = np.array(reference_tile_offsets(image, tile), np.float64)
        yield compare(f'tile_grid {image[0]}x{image[1]} by {tile[0]}x{tile[1]}', ours, offsets,
                      0.0)


def _compare(vectors: Arrays, name: str, ours: np.ndarray,
             ambiguous: np.ndarray | None = None) -> ArrayError:
    """Compare with a tolerance that fits the size of the values; not where both are right."""
    theirs = vectors.get(name, ours)
    finite = np.abs(theirs[np.isfinite(theirs)])
    tolerance = TOLERANCE * max(1.0, float(finite.max(initial=0.0)))
    if ambiguous is not None and theirs.shape == ours.shape:
        ours = np.where(ambiguous, theirs, ours)
    return compare(name, ours, theirs, tolerance)


def _cameras(vectors: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """K0, K1 and T_1_0."""
    K0, K1, R, t = (_array(vectors, name, shape) for name, shape in MATRICES.items())
    T_1_0 = make_transform(R, t)
    try:  # refuses what is no rotation or no intrinsics
        rigid_flow(np.ones((1, 1)), K0, K1, T_1_0)
    except PanMatchError as error:
        raise FormatError(f'K1, K2, R2 and t2 of the file: {error}') from None
    return K0, K1, T_1_0


def _flow(vectors: Arrays, name: str) -> np.ndarray:
    return _planes(vectors, name, 2)


def _planes(vectors: Arrays, name: str, channels: int) -> np.ndarray:
    """(H, W, C) of an array (1, C, H, W)."""
    return _array(vectors, name, (1, channels, None, None))[0].transpose(1, 2, 0)


def _map(vectors: Arrays, name: str) -> np.ndarray:
    """(H, W) of an array (1, 1, H, W)."""
    return _array(vectors, name, (1, 1, None, None))[0, 0]


def _batch(image: np.ndarray) -> np.ndarray:
    """(1, C, H, W) of an array (H, W, C)."""
    return image.transpose(2, 0, 1)[None]


def _array(vectors: Arrays, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    array = vectors[name]
    fits = array.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, array.shape, strict=True))
    if not fits or array.size == 0 or array.dtype.kind != 'f':
        raise FormatError(f'{name} must be floating point of shape '
                          f'{tuple("any" if n is None else n for n in shape)}, found '
                          f'{array.dtype} {array.shape}')
    return array
