"""Images as numpy arrays: what is accepted, and how it becomes grey or RGB."""
import cv2
import numpy as np

from .errors import ImageError, ShapeError

MAX_PIXELS = 1 << 28  # 268 megapixels; beyond that a size is a mistake, not an image


def check_image(image: np.ndarray, name: str = 'image') -> None:
    """
    Check that an array is an image.

    Accepted: (H, W) or (H, W, 1) grey, (H, W, 3) RGB, (H, W, 4) RGBA; uint8, uint16 (full
    range), or float16/32/64 in [0, 1].

    :raises ShapeError: if shape or dtype is none of these.
    :raises ImageError: if the image is empty or too large.
    """
    if not isinstance(image, np.ndarray):
        raise ShapeError(f'{name} must be a numpy array, got {type(image).__name__}')
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise ShapeError(f'{name} must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), '
                         f'got {image.shape}')
    if image.dtype not in (np.uint8, np.uint16) and image.dtype.kind != 'f':
        raise ShapeError(f'{name} must be uint8, uint16 or floating point in [0, 1], '
                         f'got {image.dtype}')
    if image.size == 0:
        raise ImageError(f'{name} is empty: its shape is {image.shape}')
    if image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise ImageError(f'{name} has {image.shape[1]} x {image.shape[0]} pixels, more than '
                         f'the limit of {MAX_PIXELS}')


def check_pair(image0: np.ndarray, image1: np.ndarray,
               names: tuple[str, str] = ('image0', 'image1')) -> None:
    """
    Check two images that have to have one size.

    :raises ShapeError: if a shape or dtype is wrong or the sizes differ.
    :raises ImageError: if an image is empty or too large.
    """
    check_image(image0, names[0])
    check_image(image1, names[1])
    if image0.shape[:2] != image1.shape[:2]:
        raise ShapeError(
            f'{names[0]} and {names[1]} must have the same size, got '
            f'{image0.shape[1]}x{image0.shape[0]} and {image1.shape[1]}x{image1.shape[0]}')


def to_uint8(image: np.ndarray) -> np.ndarray:
    """
    Bring any accepted image to uint8, same channels.

    uint16 keeps its eight high bits; floating point takes [0, 1] to [0, 255], NaN becomes 0.
    """
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        return (image >> 8).astype(np.uint8)
    values = np.nan_to_num(image.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    return np.rint(np.clip(values, 0.0, 1.0) * 255.0).astype(np.uint8)


def to_gray(image: np.ndarray) -> np.ndarray:
    """
    Convert any accepted image to grey.

    :param image: as :func:`check_image` accepts; colour is RGB, alpha is ignored.
    :returns: (H, W) uint8, contiguous; the input itself if it has that form.
    """
    image = to_uint8(image)
    if image.ndim == 2:
        return np.ascontiguousarray(image)
    if image.shape[2] == 1:
        return np.ascontiguousarray(image[..., 0])
    code = cv2.COLOR_RGB2GRAY if image.shape[2] == 3 else cv2.COLOR_RGBA2GRAY
    return cv2.cvtColor(image, code)


def to_rgb(image: np.ndarray) -> np.ndarray:
    """
    Convert any accepted image to RGB.

    :param image: as :func:`check_image` accepts; colour is RGB, alpha is ignored.
    :returns: (H, W, 3) uint8, contiguous; the input itself if it has that form.
    """
    image = to_uint8(image)
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    if image.shape[2] == 4:
        return cv2.cvtColor(image, cv2.COLOR_RGBA2RGB)
    return np.ascontiguousarray(image)


def has_contrast(image: np.ndarray, min_std: float = 1.0) -> bool:
    """
    Whether there is anything to see: not with the lens cap on, or in front of a plain wall.

    :param image: as :func:`check_image` accepts; of large ones a part of the pixels is looked at.
    :param min_std: standard deviation of the grey values, of 255.
    """
    step = max(1, min(image.shape[:2]) // 128)
    return float(to_gray(image[::step, ::step]).std()) >= min_std
