"""What the sensor and the transmission do: noise, JPEG, low resolution."""
import cv2
import numpy as np

from ....core.errors import ImageError
from .base import Corruption, View, to_float, to_image

SHOT_SHARE = 0.5  # of the variance at white


def noise(view: View, grade: float, _shared: np.random.Generator,
          own: np.random.Generator) -> np.ndarray:
    """
    Add noise: half of its variance at white is constant, half grows with the light.

    :param grade: standard deviation at white, grey levels of 255.
    """
    values = to_float(view.image)
    drawn = own.standard_normal(values.shape, dtype=np.float32)
    deviation = grade * np.sqrt((1 - SHOT_SHARE) + SHOT_SHARE * values / 255)
    return to_image(values + deviation * drawn)


def jpeg(view: View, grade: float, _shared: np.random.Generator,
         _own: np.random.Generator) -> np.ndarray:
    """
    Encode as JPEG and decode.

    :param grade: quality of the encoder, 1 to 100.
    :raises ImageError: if the image is too large for JPEG.
    """
    quality = [cv2.IMWRITE_JPEG_QUALITY, max(1, round(grade))]
    try:
        done, data = cv2.imencode('.jpg', view.image[..., ::-1], quality)
    except cv2.error:
        done = False
    if not done:
        raise ImageError(f'JPEG cannot hold an image of {view.image.shape[1]}x'
                         f'{view.image.shape[0]}')
    return cv2.cvtColor(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)


def low_resolution(view: View, grade: float, _shared: np.random.Generator,
                   _own: np.random.Generator) -> np.ndarray:
    """
    Reduce an image and enlarge it again to its size.

    :param grade: factor, >= 1.
    """
    height, width = view.image.shape[:2]
    small = cv2.resize(view.image, (max(1, round(width / grade)), max(1, round(height / grade))),
                       interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


NOISE = Corruption('noise', 'Gaussian and shot noise, other in each image',
                   'grey levels of 255, standard deviation', (0, 5, 10, 18, 28, 40), noise)
JPEG = Corruption('jpeg', 'compression', 'of 100, quality', (100, 60, 35, 20, 10, 5), jpeg)
LOW_RESOLUTION = Corruption('low-resolution', 'reduced, and enlarged again',
                            'times fewer pixels on each side', (1, 1.5, 2, 3, 4.5, 7),
                            low_resolution)
