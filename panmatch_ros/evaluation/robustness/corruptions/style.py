"""Pictures that are no photographs: few tones, brush strokes, false colours."""
import cv2
import numpy as np

from .base import Corruption, View, to_float, to_image

PALETTES = (cv2.COLORMAP_JET, cv2.COLORMAP_HSV, cv2.COLORMAP_OCEAN, cv2.COLORMAP_HOT)
INK = 0.9             # of an outline, at most
OUTLINE_LEVELS = 500  # of Sobel's filter, from which an outline is full


def posterise(view: View, grade: float, _shared: np.random.Generator,
              _own: np.random.Generator) -> np.ndarray:
    """
    Leave few tones in each colour.

    :param grade: how many, >= 2.
    """
    steps = max(2, round(grade)) - 1
    return to_image(np.rint(to_float(view.image) * (steps / 255)) * (255 / steps))


def painting(view: View, grade: float, _shared: np.random.Generator,
             _own: np.random.Generator) -> np.ndarray:
    """
    Paint with a brush (Kuwahara's filter) and outline what has edges.

    :param grade: radius of the brush, percent of the width of the image.
    """
    radius = max(1, round(grade / 100 * view.image.shape[1]))
    values = to_float(view.image)
    painted = _kuwahara(values, radius)
    grey = cv2.cvtColor(cv2.GaussianBlur(values, (0, 0), 1.0), cv2.COLOR_RGB2GRAY)
    edges = np.hypot(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1)) / OUTLINE_LEVELS
    ink = INK * min(1.0, grade / PAINTING.grades[-1]) * np.minimum(edges, 1)
    return to_image(painted * (1 - ink[..., None]))


def recolour(view: View, grade: float, shared: np.random.Generator,
             _own: np.random.Generator) -> np.ndarray:
    """
    Replace colours by those of a palette, chosen by brightness.

    :param grade: share of the new colours, 0 to 1.
    """
    palette = PALETTES[int(shared.integers(len(PALETTES)))]
    grey = cv2.cvtColor(view.image, cv2.COLOR_RGB2GRAY)
    colours = to_float(cv2.applyColorMap(grey, palette)[..., ::-1])
    values = to_float(view.image)
    return to_image(values + grade * (colours - values))


def _kuwahara(values: np.ndarray, radius: int) -> np.ndarray:
    """Give every pixel the mean of the quietest of the four squares that it is a corner of."""
    side, border = radius + 1, cv2.BORDER_REFLECT_101
    best, least = values, np.full(values.shape[:2], np.inf, np.float32)
    for x in (0, radius):
        for y in (0, radius):
            mean = cv2.blur(values, (side, side), anchor=(x, y), borderType=border)
            power = cv2.blur(values * values, (side, side), anchor=(x, y), borderType=border)
            variance = (power - mean * mean).sum(axis=2)
            better = variance < least
            least = np.where(better, variance, least)
            best = np.where(better[..., None], mean, best)
    return best


POSTERISE = Corruption('posterise', 'few tones in each colour', 'tones',
                       (256, 12, 8, 6, 4, 3), posterise)
PAINTING = Corruption('painting', 'brush strokes and outlines', '% of the width, brush',
                      (0, 0.3, 0.5, 0.8, 1.2, 1.8), painting)
RECOLOUR = Corruption('recolour', 'false colours by brightness', 'share of the new colours',
                      (0, 0.2, 0.4, 0.6, 0.8, 1.0), recolour)
