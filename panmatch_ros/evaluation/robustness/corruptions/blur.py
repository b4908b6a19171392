"""Blur of motion and of defocus."""
import cv2
import numpy as np

from .base import Corruption, View, to_image

STEPS_PER_PIXEL = 8
RINGS, SPOKES = 24, 48


def motion_blur(view: View, grade: float, shared: np.random.Generator,
                own: np.random.Generator) -> np.ndarray:
    """
    Smear along a line, as a camera that moves while it exposes; nearly alike in both images.

    :param grade: length of the line, percent of the width of the image.
    """
    angle = shared.uniform(0, np.pi) + own.normal(0, 0.1)
    length_px = grade / 100 * view.image.shape[1]
    along = np.linspace(-0.5, 0.5, max(3, int(length_px * STEPS_PER_PIXEL) | 1)) * length_px
    return _spread(view.image, along * np.cos(angle), along * np.sin(angle))


def defocus(view: View, grade: float, _shared: np.random.Generator,
            _own: np.random.Generator) -> np.ndarray:
    """
    Spread every point over a disc.

    :param grade: radius of the disc, percent of the width of the image.
    """
    radius_px = grade / 100 * view.image.shape[1]
    radii = radius_px * np.sqrt((np.arange(RINGS) + 0.5) / RINGS)  # rings of one area each
    spokes = 2 * np.pi * np.arange(SPOKES) / SPOKES
    return _spread(view.image, np.outer(radii, np.cos(spokes)).ravel(),
                   np.outer(radii, np.sin(spokes)).ravel())


def _spread(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """
    Average an image over offsets.

    :param x: (N,) offsets to the right, pixels; the kernel is centred, so nothing moves.
    :param y: (N,) offsets down.
    """
    reach = int(np.ceil(max(np.abs(x).max(), np.abs(y).max()))) + 1
    side = 2 * reach + 1
    kernel = np.zeros((side, side))
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right_share, low_share = x - left, y - top
    for row, column, share in ((0, 0, (1 - low_share) * (1 - right_share)),
                               (0, 1, (1 - low_share) * right_share),
                               (1, 0, low_share * (1 - right_share)),
                               (1, 1, low_share * right_share)):
        np.add.at(kernel, (top + reach + row, left + reach + column), share)
    centred = ((kernel + kernel[::-1, ::-1]) / (2 * len(x))).astype(np.float32)
    return to_image(cv2.filter2D(image.astype(np.float32), -1, centred,
                                 borderType=cv2.BORDER_REFLECT_101))


MOTION_BLUR = Corruption('motion-blur', 'camera shake, nearly alike in both images',
                         '% of the width', (0, 0.4, 0.8, 1.4, 2.2, 3.2), motion_blur)
DEFOCUS = Corruption('defocus', 'out of focus, alike in both images',
                     '% of the width, radius', (0, 0.15, 0.3, 0.5, 0.8, 1.2), defocus)
