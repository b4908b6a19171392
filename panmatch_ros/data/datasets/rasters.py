"""Truth and masks in image files, with errors of the kind that other files of truth have."""
from pathlib import Path

import numpy as np

from ...core.errors import FormatError, ImageError
from ..images import read_image


def read_raster(path: Path, dtype: type, channels: int, what: str) -> np.ndarray:
    """
    Read an image that has to have a certain form.

    :param dtype: ``np.uint8`` or ``np.uint16``.
    :param channels: 1 or 3; equal channels are taken as one.
    :param what: what such an image is, for the error.
    :returns: (H, W) or (H, W, 3).
    :raises FormatError: if it is no image or has another form.
    """
    try:
        image = read_image(path)
    except ImageError as error:
        raise FormatError(str(error)) from None
    if channels == 1 and image.ndim == 3 and (image[..., :1] == image[..., :3]).all():
        image = image[..., 0]
    if image.dtype != dtype or (image.shape[2] if image.ndim == 3 else 1) != channels:
        bits = 'an 8' if dtype == np.uint8 else 'a 16'
        kind = 'grey' if channels == 1 else 'RGB'
        raise FormatError(f'{path}: {what} is {bits}-bit {kind} image, found '
                          f'{image.dtype} {image.shape}')
    return image


def read_levels(path: Path, size: tuple[int, int]) -> np.ndarray:
    """
    Read the levels of a mask.

    :param path: a grey image of 8 bits.
    :param size: (height, width) that the truth has.
    :returns: (H, W) uint8.
    :raises FormatError: if it is no such image, or of another size.
    """
    image = read_raster(path, np.uint8, 1, 'a mask')
    require_size(image, size, path)
    return image


def require_size(array: np.ndarray, size: tuple[int, int], path: Path) -> None:
    """
    Check that what belongs to the truth has its size.

    :param size: (height, width) of the truth.
    :raises FormatError: if not.
    """
    if array.shape[:2] != tuple(size):
        raise FormatError(f'{path}: expected the size of the truth, {size[1]}x{size[0]}, found '
                          f'{array.shape[1]}x{array.shape[0]}')
