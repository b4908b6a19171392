"""Rain and fog."""
import cv2
import numpy as np

from .base import Corruption, View, to_float, to_image

PIXELS_PER_STREAK = 600       # of an image, in the heaviest rain
REFERENCE_HEIGHT = 400        # pixels, for which streaks are one pixel wide
LONGEST_STREAK = 0.12         # of the height of the image
MOST_STREAKS = 20000
RAIN_LIGHT = 215.0            # grey level of a drop that scatters the sky
VEIL = 0.35                   # share of the light that heavy rain scatters into the image
SUB_PIXEL_BITS = 4


def rain(view: View, grade: float, shared: np.random.Generator,
         own: np.random.Generator) -> np.ndarray:
    """
    Draw streaks and a veil.

    Drops are near and fast: the streaks of the two images are not the same ones. What the two
    share is the direction.

    :param grade: share of the heaviest rain, 0 to 1.
    """
    slant = shared.uniform(-0.25, 0.25)
    streaks = _streaks(view.image.shape[:2], grade, slant, own)[..., None]
    values = to_float(view.image)
    values += VEIL * grade * (RAIN_LIGHT - values)
    return to_image(values + streaks * (RAIN_LIGHT + 30 - values))


def _streaks(size: tuple[int, int], grade: float, slant: float,
             own: np.random.Generator) -> np.ndarray:
    """(H, W) float32, how much of the light each pixel has from a streak, 0 to 1."""
    height, width = size
    most = min(max(height * width // PIXELS_PER_STREAK, 8), MOST_STREAKS)
    x, y = own.uniform(-0.1, 1.1, (2, most)) * [[width], [height]]
    length = own.uniform(0.25, 1.0, most) * LONGEST_STREAK * height
    lean = slant + own.normal(0, 0.02, most)
    bright = own.uniform(40, 150, most)
    thick = own.uniform(0.6, 1.8, most) * height / REFERENCE_HEIGHT
    chosen = np.argsort(bright[:max(1, round(grade * most))])  # the brightest come last, on top
    ends = np.stack([x, y, x + lean * length, y + length], axis=1) * 2 ** SUB_PIXEL_BITS
    layer = np.zeros(size, np.uint8)
    for index in chosen:
        x0, y0, x1, y1 = (int(value) for value in np.rint(ends[index]))
        cv2.line(layer, (x0, y0), (x1, y1), int(bright[index]),
                 max(1, round(float(thick[index]))), cv2.LINE_AA, SUB_PIXEL_BITS)
    soft = cv2.GaussianBlur(layer, (0, 0), max(0.6, 0.6 * height / REFERENCE_HEIGHT))
    return soft.astype(np.float32) / 255


def fog(view: View, grade: float, shared: np.random.Generator,
        _own: np.random.Generator) -> np.ndarray:
    """
    Let the air scatter light (Koschmieder's law).

    What is farther fades more where the distance is known; else all fades alike.

    :param grade: optical thickness of the air up to the median distance, no unit: of what is
        there ``exp(-grade)`` of the light arrives.
    """
    air = np.float32(shared.uniform(185, 225)) + shared.normal(0, 3, 3).astype(np.float32)
    if view.distance is None:
        clear: np.ndarray = np.full((1, 1, 1), np.exp(-grade), np.float32)
    else:
        clear = np.exp(-grade * view.distance)[..., None].astype(np.float32)
    values = to_float(view.image)
    return to_image(values * clear + air * (1 - clear))


RAIN = Corruption('rain', 'streaks, other ones in each image, and a veil',
                  'of the heaviest rain', (0, 0.15, 0.3, 0.5, 0.75, 1.0), rain)
FOG = Corruption('fog', 'haze, thicker with the distance where it is known',
                 'optical thickness at the median distance', (0, 0.4, 0.8, 1.4, 2.2, 3.2), fog)
