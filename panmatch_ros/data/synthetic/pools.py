"""Pools of textures and outlines, built once per process from their own fixed seed."""
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
import os
from pathlib import Path
import tempfile

import cv2
import numpy as np

from .outline_families import SOLID_FAMILIES, THIN_FAMILIES
from .texture_families import FAMILIES, PLAIN_FAMILIES

POOL_SEED = 20261125
HELD_OUT_POOL_SEED = 20261126   # of scenes that measure what was learned
POOL_VERSION = 3
EDGE = 512           # texture pixels of the finest level
LEVELS = 5           # each has half the edge of the one before
OUTLINE_EDGE = 256   # pixels of an outline
OUTLINES = 240
THIN_SHARE = 0.5
INSIDE = 127
DISTANCE_STEPS = 16


@dataclass(frozen=True)
class Pools:
    """
    Textures and outlines to choose from.

    :param textures: one array (N, EDGE >> level, EDGE >> level, 4) uint8 per level, RGB and a
        fourth channel of 255.
    :param plain: index of the first texture that has hardly any contrast; those are last.
    :param outlines: (M, OUTLINE_EDGE, OUTLINE_EDGE) uint8, signed distance to the border in
        sixteenths of a pixel of the outline, plus 127.5: larger than ``INSIDE`` inside.
    :param thin: index of the first outline made of thin parts; those are last.
    """

    textures: tuple[np.ndarray, ...]
    plain: int
    outlines: np.ndarray
    thin: int


@lru_cache(maxsize=2)
def load_pools(count: int, cache: str | None = None, seed: int = POOL_SEED) -> Pools:
    """
    Build the pools, or map them from a folder where an earlier process left them.

    :param count: number of textures.
    :param cache: folder of the files; None keeps the pools in memory only.
    :param seed: of all textures and outlines.
    :returns: the pools; the arrays of a cache are shared by all processes that map them.
    """
    plain = count - max(1, count * 15 // 100)
    thin = OUTLINES - int(OUTLINES * THIN_SHARE)
    other = '' if seed == POOL_SEED else f'_seed{seed}'
    levels = [_cached(cache, f'textures_{count}_{level}{other}',
                      partial(_level, seed, count, plain, level))
              for level in range(LEVELS)]
    outlines = _cached(cache, f'outlines{other}', partial(_outlines, seed, thin))
    _textures.cache_clear()
    return Pools(tuple(levels), plain, outlines, thin)


def _cached(cache: str | None, name: str, build: Callable[[], np.ndarray]) -> np.ndarray:
    if cache is None:
        return build()
    path = Path(cache) / f'{name}_v{POOL_VERSION}.npy'
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(suffix='.npy', dir=path.parent)
        with os.fdopen(handle, 'wb') as file:
            np.save(file, build())
        os.replace(temporary, path)  # whole files only, also with several processes
    return np.load(path, mmap_mode='r')


def _level(seed: int, count: int, plain: int, level: int) -> np.ndarray:
    return _textures(seed, count, plain)[level]


@lru_cache(maxsize=1)
def _textures(seed: int, count: int, plain: int) -> tuple[np.ndarray, ...]:
    levels = tuple(np.full((count, EDGE >> level, EDGE >> level, 4), 255, np.uint8)
                   for level in range(LEVELS))
    for index in range(count):
        random = np.random.default_rng((seed, 0, index))
        families = PLAIN_FAMILIES if index >= plain else FAMILIES
        image = families[index % len(families)](random, EDGE)
        image = _saturated(image, random.uniform(0.1, 1.0))
        for level in range(LEVELS):
            levels[level][index, ..., :3] = image
            image = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return levels


def _saturated(image: np.ndarray, share: float) -> np.ndarray:
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(image, share, grey, 1 - share, 0)


def _outlines(seed: int, thin: int) -> np.ndarray:
    distances = np.empty((OUTLINES, OUTLINE_EDGE, OUTLINE_EDGE), np.uint8)
    for index in range(OUTLINES):
        random = np.random.default_rng((seed, 1, index))
        families = THIN_FAMILIES if index >= thin else SOLID_FAMILIES
        shape = families[index % len(families)](random, 2 * OUTLINE_EDGE)
        level = INSIDE + 0.5 + DISTANCE_STEPS * _signed_distance(shape)
        distances[index] = np.clip(np.rint(level), 0, 255)
    return distances


def _signed_distance(shape: np.ndarray) -> np.ndarray:
    """Distance to the border of a shape drawn at twice the size, (H / 2, W / 2) float32."""
    inside = (shape > 127).astype(np.uint8)
    inside[:6], inside[-6:], inside[:, :6], inside[:, -6:] = 0, 0, 0, 0
    distance = (cv2.distanceTransform(inside, cv2.DIST_L2, 5)
                - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5))
    return 0.5 * cv2.resize(np.asarray(distance, np.float32), None, fx=0.5, fy=0.5,
                            interpolation=cv2.INTER_AREA)
