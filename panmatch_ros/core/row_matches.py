"""
A few sure matches of a stereo pair that need not lie on one row.

Cheap enough to look after a stereo matcher, which searches along the rows only.
"""
from collections.abc import Sequence

import cv2
import numpy as np

from .errors import ConfigError
from .image import check_pair, to_gray
from .pixels import resize_points
from .types import Correspondences

FINE_WIDTH_PX = 640     # larger images are reduced to it, so that the cost has a bound
GRID = (8, 12)          # rows and columns of cells, one patch in each
SMALLEST_CELL_PX = 8    # of the image at half the size
COARSE_RADIUS = 6       # of a patch, pixels of the image at half the size
FINE_RADIUS = 7
FINE_REACH = 3          # how far the fine search goes, pixels
MIN_GRADIENT = 3.0      # of a patch in its weakest direction, grey levels per pixel
MIN_COARSE_SCORE = 0.7  # normalised correlation
MIN_FINE_SCORE = 0.8
SAME_PEAK = 4           # around the best score, pixels; beyond it,
UNIQUE_BY = 0.05        # scores must be so much lower
ROW_REACH = 0.05        # of the height: how far the rows may be off
SMALLEST_PX = 64        # of an image that is matched at all


def match_rows(left: np.ndarray, right: np.ndarray,
               disparity_range: tuple[float, float] | None = None) -> Correspondences:
    """
    Match a grid of textured patches from left to right, up to 5 % of the height off their rows.

    Normalised correlation, so the exposure of the two may differ; at half the size first,
    forth and back and without a rival, then with sub-pixel precision.

    :param left: left image, as ``check_image`` of ``core/image.py`` accepts.
    :param right: right image, same size.
    :param disparity_range: smallest and largest ``x_left - x_right``, pixels; by default
        0 to a quarter of the width.
    :returns: at most 96 matches, best first; the scores are correlations. None in images that
        are smaller than 64 px.
    :raises ShapeError: if an array is not an image or the sizes differ.
    :raises ImageError: if an image is empty or too large.
    :raises ConfigError: if the range is none.
    """
    check_pair(left, right, ('left', 'right'))
    height, width = left.shape[:2]
    low, high = (0.0, width / 4) if disparity_range is None else disparity_range
    if not -np.inf < low <= high < np.inf:
        raise ConfigError(f'disparity_range must be a smallest and a largest disparity, got '
                          f'{disparity_range}')
    if min(height, width) < SMALLEST_PX:
        return _correspondences([], (height, width), (height, width))
    fine_size = _reduced(height, width, max(1.0, width / FINE_WIDTH_PX))
    coarse_size = _reduced(*fine_size, 2)
    fine = _resize(to_gray(left), fine_size), _resize(to_gray(right), fine_size)
    coarse = _resize(fine[0], coarse_size), _resize(fine[1], coarse_size)
    scale = coarse_size[1] / width
    # One more to each side, for a peak at the border of a window is none.
    reach_x = -int(np.ceil(high * scale)) - 1, 1 - int(np.floor(low * scale))
    rows = int(np.ceil(coarse_size[0] * ROW_REACH)) + 1
    found = []
    for start in _textured(coarse[0]):
        place = _coarse_place(coarse, start, reach_x, (-rows, rows))
        if place is not None:
            both = np.rint(resize_points(np.array([start, place], np.float64), coarse_size,
                                         fine_size)).astype(int)
            found.append(_fine_match(fine, both))
    return _correspondences([match for match in found if match is not None], fine_size,
                            (height, width))


def _textured(image: np.ndarray) -> list[tuple[int, int]]:
    """Position (x, y) of the best corner of each cell that has one."""
    block, margin = 2 * COARSE_RADIUS + 1, 2 * COARSE_RADIUS
    strength = cv2.cornerMinEigenVal(image, block, ksize=3)
    strength = strength[margin:-margin, margin:-margin]
    places = []
    for band_y in _bands(strength.shape[0], GRID[0]):
        for band_x in _bands(strength.shape[1], GRID[1]):
            cell = strength[band_y[0]:band_y[-1] + 1, band_x[0]:band_x[-1] + 1]
            y, x = np.unravel_index(int(cell.argmax()), cell.shape)
            if cell[y, x] > (MIN_GRADIENT / 255) ** 2:
                places.append((int(band_x[0] + x) + margin, int(band_y[0] + y) + margin))
    return places


def _bands(length: int, count: int) -> list[np.ndarray]:
    return np.array_split(np.arange(length), max(1, min(count, length // SMALLEST_CELL_PX)))


def _coarse_place(images: tuple[np.ndarray, np.ndarray], start: tuple[int, int],
                  reach_x: tuple[int, int], reach_y: tuple[int, int]) -> tuple[int, int] | None:
    """Where the right image has the patch; None if it is not found, or not found back."""
    left, right = images
    there = _best_place(_patch(left, start, COARSE_RADIUS), right, start, reach_x, reach_y)
    patch = _patch(right, there, COARSE_RADIUS) if there else None
    if there is None or patch is None:
        return None
    back = _best_place(patch, left, there, (-reach_x[1], -reach_x[0]), reach_y)
    if back is None or max(abs(back[0] - start[0]), abs(back[1] - start[1])) > 1:
        return None
    return there


def _best_place(patch: np.ndarray | None, image: np.ndarray, around: tuple[int, int],
                reach_x: tuple[int, int], reach_y: tuple[int, int]) -> tuple[int, int] | None:
    """Where the correlation is highest, if no other place is nearly as good."""
    scores, origin = _correlation(patch, image, around, reach_x, reach_y)
    if scores is None:
        return None
    _, score, _, (x, y) = cv2.minMaxLoc(scores)
    if score < MIN_COARSE_SCORE or _is_at_border(scores, (x, y)):
        return None
    scores[max(y - SAME_PEAK, 0):y + SAME_PEAK + 1, max(x - SAME_PEAK, 0):x + SAME_PEAK + 1] = 0
    if scores.max() > score - UNIQUE_BY:
        return None  # a pattern that repeats itself
    return x + origin[0], y + origin[1]


def _fine_match(images: tuple[np.ndarray, np.ndarray],
                places: np.ndarray) -> tuple[float, ...] | None:
    """(x_left, y_left, x_right, y_right, score) near two places (2, 2); None if not found."""
    start, there = ((int(x), int(y)) for x, y in places)
    reach = -FINE_REACH, FINE_REACH
    scores, origin = _correlation(_patch(images[0], start, FINE_RADIUS), images[1], there,
                                  reach, reach)
    if scores is None:
        return None
    _, score, _, (x, y) = cv2.minMaxLoc(scores)
    if score < MIN_FINE_SCORE or _is_at_border(scores, (x, y)):
        return None
    return (*start, origin[0] + x + _peak(scores[y, x - 1:x + 2]),
            origin[1] + y + _peak(scores[y - 1:y + 2, x]), score)


def _patch(image: np.ndarray, centre: tuple[int, int], radius: int) -> np.ndarray | None:
    x, y = centre
    if min(x, y) < radius or x >= image.shape[1] - radius or y >= image.shape[0] - radius:
        return None
    return image[y - radius:y + radius + 1, x - radius:x + radius + 1]


def _correlation(patch: np.ndarray | None, image: np.ndarray, around: tuple[int, int],
                 reach_x: tuple[int, int], reach_y: tuple[int, int],
                 ) -> tuple[np.ndarray | None, tuple[int, int]]:
    """Correlation at the places of a window that are in the image, and (x, y) of the first."""
    if patch is None:
        return None, (0, 0)
    (x, y), radius, (height, width) = around, patch.shape[0] // 2, image.shape
    left, right = max(x + reach_x[0], radius), min(x + reach_x[1], width - 1 - radius)
    top, bottom = max(y + reach_y[0], radius), min(y + reach_y[1], height - 1 - radius)
    if right < left or bottom < top:
        return None, (0, 0)
    window = image[top - radius:bottom + radius + 1, left - radius:right + radius + 1]
    return cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED), (left, top)


def _is_at_border(scores: np.ndarray, place: Sequence[int]) -> bool:
    height, width = scores.shape
    return not (0 < place[0] < width - 1 and 0 < place[1] < height - 1)


def _peak(scores: np.ndarray) -> float:
    """Offset of the maximum of the parabola through three scores, the middle one the highest."""
    before, best, after = (float(score) for score in scores)
    curvature = before - 2 * best + after
    return (before - after) / (2 * curvature) if curvature < 0 else 0.0


def _correspondences(matches: list[tuple[float, ...]], fine_size: tuple[int, int],
                     size: tuple[int, int]) -> Correspondences:
    best_first = sorted(matches, key=lambda match: -match[4])
    table = np.array(best_first, np.float64).reshape(len(matches), 5)
    points = [resize_points(table[:, first:first + 2], fine_size, size).astype(np.float32)
              for first in (0, 2)]
    return Correspondences(points[0], points[1], table[:, 4].clip(0, 1).astype(np.float32))


def _reduced(height: int, width: int, factor: float) -> tuple[int, int]:
    return max(round(height / factor), 1), max(round(width / factor), 1)


def _resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if image.shape == size:
        return image
    return cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
