"""Sparse matches as lines between two images."""
import cv2
import numpy as np

from ..core.errors import ConfigError
from ..core.image import check_image, to_rgb
from ..core.types import Correspondences
from .scalar import confidence_to_color

COLORED_BY = ('height', 'confidence')
GAP_PX = 6
BACKGROUND = 24
DIMMED = 0.7        # the images step back behind the lines
SUBPIXEL_BITS = 4   # cv2 draws at 1/16 px


def draw_matches(image0: np.ndarray, image1: np.ndarray, correspondences: Correspondences,
                 max_drawn: int = 150, color_by: str = 'height') -> np.ndarray:
    """
    Draw two images side by side with lines between matched points.

    By default the colour follows the height in image 0, so a line that crosses lines of other
    colours is a match that disagrees with its neighbours. Matches that are not finite or whose
    ends lie outside the images are left out.

    :param image0: as :func:`~panmatch_ros.core.image.check_image` accepts.
    :param image1: the same; may have another size.
    :param correspondences: matches, best first.
    :param max_drawn: at most so many lines, taken evenly from best to worst.
    :param color_by: 'height', or 'confidence': from dark violet (0) to yellow (1).
    :returns: (max(H0, H1), W0 + gap + W1, 3) uint8 RGB.
    :raises ShapeError: if an image has a form that is not accepted.
    :raises ImageError: if an image is empty or too large.
    :raises ConfigError: if ``max_drawn`` is negative or ``color_by`` unknown.
    """
    if max_drawn < 0:
        raise ConfigError(f'max_drawn must not be negative, got {max_drawn}')
    if color_by not in COLORED_BY:
        raise ConfigError(f'color_by must be one of {", ".join(COLORED_BY)}, got {color_by!r}')
    check_image(image0, 'image0')
    check_image(image1, 'image1')
    height0, width0 = image0.shape[:2]
    height1, width1 = image1.shape[:2]
    canvas = np.full((max(height0, height1), width0 + GAP_PX + width1, 3), BACKGROUND, np.uint8)
    canvas[:height0, :width0] = cv2.convertScaleAbs(to_rgb(image0), alpha=DIMMED)
    canvas[:height1, width0 + GAP_PX:] = cv2.convertScaleAbs(to_rgb(image1), alpha=DIMMED)

    points0, points1 = correspondences.points0, correspondences.points1
    drawable = np.flatnonzero(_inside(points0, image0) & _inside(points1, image1))
    if len(drawable) > max_drawn:
        drawable = drawable[np.linspace(0, len(drawable) - 1, max_drawn).astype(np.intp)]
    colors = (_colors_by_height(points0[drawable, 1] / max(height0 - 1, 1))
              if color_by == 'height' else _colors_by_confidence(correspondences.scores[drawable]))
    shifted = points1 + np.array([width0 + GAP_PX, 0], np.float32)
    # The best are drawn last, on top.
    for index, color in reversed(list(zip(drawable, colors, strict=True))):
        _draw_match(canvas, points0[index], shifted[index], color)
    return canvas


def _inside(points: np.ndarray, image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    x, y = points[:, 0], points[:, 1]
    return (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)  # False for NaN


def _colors_by_height(height: np.ndarray) -> list[tuple[int, int, int]]:
    """Bright saturated hues, from red (0, top) to violet (1, bottom)."""
    if len(height) == 0:
        return []
    hsv = np.empty((1, len(height), 3), np.uint8)
    hsv[..., 0] = np.rint(np.clip(height, 0, 1) * 150)  # of 180: violet must not meet red
    hsv[..., 1], hsv[..., 2] = 190, 255
    return _as_tuples(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0])


def _colors_by_confidence(scores: np.ndarray) -> list[tuple[int, int, int]]:
    return _as_tuples(confidence_to_color(scores[None, :])[0])


def _as_tuples(rgb: np.ndarray) -> list[tuple[int, int, int]]:
    return [(int(red), int(green), int(blue)) for red, green, blue in rgb]


def _draw_match(canvas: np.ndarray, start: np.ndarray, end: np.ndarray,
                color: tuple[int, int, int]) -> None:
    scale = 1 << SUBPIXEL_BITS
    x0, y0, x1, y1 = (int(v) for v in np.rint(np.concatenate([start, end]) * scale))
    cv2.line(canvas, (x0, y0), (x1, y1), color, 1, cv2.LINE_AA, SUBPIXEL_BITS)
    for x, y in ((x0, y0), (x1, y1)):
        cv2.circle(canvas, (x, y), 4 * scale, (0, 0, 0), -1, cv2.LINE_AA, SUBPIXEL_BITS)
        cv2.circle(canvas, (x, y), 3 * scale, color, -1, cv2.LINE_AA, SUBPIXEL_BITS)
