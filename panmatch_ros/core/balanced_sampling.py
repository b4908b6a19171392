"""
Sparse matches drawn from a dense field, confident ones first and evenly over the scene.

The balanced sampling of RoMa, which PanMatch uses for poses: candidates are drawn by their
confidence, then thinned by the inverse of their density, so that a large smooth surface does
not take all matches. Unlike there the density is computed in single precision, who counts as
isolated depends on the number of candidates (their limit of 10 suits 40 000; with a few thousand
it would drop thinly covered parts for the crowded ones), and a seed gives the same again.
"""
import cv2
import numpy as np

from .correspondence import lands_inside
from .errors import ConfigError
from .pixels import normalize_points
from .types import Correspondences, Displacement

CANDIDATES = 4             # per match
CERTAIN = 0.999            # more confident is certain
BANDWIDTH = 0.1            # of the density; images reach from -1 to 1
ISOLATED_SHARE = 2.5e-4    # if fewer of the others are like it, a candidate is likely wrong
ISOLATED_WEIGHT = 1e-7     # and taken last
MAX_COMPARED = 4096        # candidates that all are compared with
BLOCK_VALUES = 1 << 22     # of the matrix of distances that exist at a time


def balanced_correspondences(displacement: Displacement, *, max_matches: int = 2000,
                             min_confidence: float = 0.0, seed: int = 0,
                             size1: tuple[int, int] | None = None) -> Correspondences:
    """
    Draw matches from a dense field, evenly over both images.

    Where :func:`~panmatch_ros.core.correspondence.correspondences_from_displacement` takes
    the best pixel of each cell, this draws at random, as estimators of a pose want it.

    :param displacement: dense field.
    :param max_matches: at most so many; fewer if there are no more candidates.
    :param min_confidence: pixels below are no candidates, nor are those of confidence 0.
    :param seed: what chooses the matches.
    :param size1: (height, width) of image 1 if it is not that of image 0, pixels.
    :returns: matches whose points lie in their images, no pixel twice; best first.
    :raises ConfigError: if a number makes no sense.
    """
    if max_matches < 0 or not 0 <= min_confidence <= 1:
        raise ConfigError('max_matches must not be negative and min_confidence from 0 to 1, got '
                          f'{max_matches} and {min_confidence}')
    size0 = displacement.confidence.shape
    size1 = (size0[0], size0[1]) if size1 is None else size1
    random = np.random.default_rng(seed)
    confidence = displacement.confidence
    rows, columns = np.nonzero((confidence > 0) & (confidence >= min_confidence)
                               & displacement.valid & lands_inside(displacement.flow, size1))
    weights = confidence[rows, columns]
    weights = np.where(weights > CERTAIN, np.float32(1), weights)
    chosen = draw_weighted(weights, CANDIDATES * max_matches, random)
    rows, columns = rows[chosen], columns[chosen]
    points0 = np.stack([columns, rows], axis=-1).astype(np.float32)
    points1 = points0 + displacement.flow[rows, columns]

    if len(chosen) > max_matches:
        density = match_density(normalize_points(points0, size0),
                                normalize_points(points1, size1), random=random)
        isolated = density - 1 < ISOLATED_SHARE * len(density)
        rarity = np.where(isolated, ISOLATED_WEIGHT, 1 / (density + 1))
        kept = draw_weighted(rarity, max_matches, random)
    else:
        kept = np.arange(len(chosen), dtype=np.intp)
    scores = confidence[rows[kept], columns[kept]]
    # Ties in the order of the pixels: the result does not depend on the order of drawing.
    kept = kept[np.lexsort((columns[kept], rows[kept], -scores))]
    return Correspondences(points0[kept], points1[kept], confidence[rows[kept], columns[kept]])


def draw_weighted(weights: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """
    Draw indices without putting them back, each with a chance in proportion to its weight.

    :param weights: (N,), >= 0; a weight of 0 is never drawn.
    :param count: how many; all of positive weight if there are no more.
    :param random: source of the randomness.
    :returns: (M,) indices, M <= ``count``, none twice.
    """
    possible = np.flatnonzero(weights > 0)
    if len(possible) <= count:
        return possible
    # The first of N exponential clocks with these rates (Efraimidis and Spirakis).
    clocks = random.standard_exponential(len(possible)) / weights[possible].astype(np.float64)
    return possible[np.sort(np.argpartition(clocks, count)[:count])]


def match_density(points0: np.ndarray, points1: np.ndarray, bandwidth: float = BANDWIDTH,
                  random: np.random.Generator | None = None) -> np.ndarray:
    """
    Count how many matches are alike: the sum of Gaussians of their distances in 4-D.

    Of more than ``MAX_COMPARED`` matches a random part is compared with all, and the sum scaled.

    :param points0: (N, 2) float32, normalised to [-1, 1].
    :param points1: (N, 2) float32, likewise.
    :param bandwidth: standard deviation of the Gaussian.
    :param random: what chooses that part; a fixed choice if not given.
    :returns: (N,) float64, at least about 1: a match is like itself.
    """
    matches = np.hstack([points0, points1]).astype(np.float32) / np.float32(bandwidth)
    total = len(matches)
    compared: np.ndarray = np.arange(total)
    if total > MAX_COMPARED:
        random = np.random.default_rng(0) if random is None else random
        compared = random.choice(total, MAX_COMPARED, replace=False)
    # -|a - b|^2 / 2 = a.b - |a|^2 / 2 - |b|^2 / 2
    half_norms = np.float32(0.5) * np.sum(matches ** 2, axis=1)
    others = matches[compared].T
    alike = np.empty(total, np.float64)
    step = max(1, BLOCK_VALUES // max(len(compared), 1))
    for start in range(0, total, step):
        block = slice(start, start + step)
        exponents = matches[block] @ others
        exponents -= half_norms[block, None]
        exponents -= half_norms[compared]
        alike[block] = cv2.exp(exponents).sum(axis=1, dtype=np.float64)
    itself = np.zeros(total)
    itself[compared] = 1
    return 1 + (alike - itself) * (total - 1) / np.maximum(len(compared) - itself, 1)
