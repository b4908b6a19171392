"""Image files, and what all file formats share: reading bytes and naming what is wrong."""
from pathlib import Path

import cv2
import numpy as np

from ..core.encoded_image import check_pixel_count, encoded_size, is_cut
from ..core.errors import FormatError, ImageError, PanMatchError, ShapeError
from ..core.image import MAX_PIXELS, check_image

MAX_FILE_BYTES = 1 << 31
LFS_POINTER = b'version https://git-lfs'
SIXTEEN_BIT_SUFFIXES = ('.png', '.tif', '.tiff')


def read_image(path: str | Path) -> np.ndarray:
    """
    Read an image file as it is: bit depth and alpha are kept, EXIF rotation is not applied.

    :param path: anything that OpenCV reads (.png, .jpg, .tiff, .bmp, .webp, .ppm, ...).
    :returns: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA; uint8 or uint16.
    :raises ImageError: if the file is missing, empty, incomplete, a Git LFS pointer, no image,
        or of another pixel type.
    """
    image = decode_image(read_bytes(path, ImageError), path)
    try:
        check_image(image, str(path))
    except ShapeError as error:
        raise ImageError(str(error)) from None
    if image.dtype not in (np.uint8, np.uint16):
        raise ImageError(f'{path}: expected an image of 8 or 16 bits, found {image.dtype}')
    return image


def read_image_size(path: str | Path) -> tuple[int, int]:
    """
    Read the size of an image file; of PNG and JPEG the pixels are not decoded.

    :returns: (height, width), pixels.
    :raises ImageError: if the file is missing or no image.
    """
    data = read_bytes(path, ImageError)
    size = encoded_size(data)
    if size is None:
        height, width = decode_image(data, path).shape[:2]
        return height, width
    return size


def write_image(path: str | Path, rgb: np.ndarray) -> None:
    """
    Write an image; the suffix chooses the format.

    :param path: where to; its folder must exist.
    :param rgb: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA; uint8, or uint16 for .png and
        .tiff.
    :raises ShapeError: if the array is no image.
    :raises ImageError: if the format cannot hold it, is unknown or the file cannot be written.
    """
    check_image(rgb, 'the image to write')
    suffix = Path(path).suffix.lower()
    if rgb.dtype == np.uint16 and suffix not in SIXTEEN_BIT_SUFFIXES:
        raise ImageError(f'{path}: 16 bits need one of {", ".join(SIXTEEN_BIT_SUFFIXES)}')
    if rgb.dtype not in (np.uint8, np.uint16):
        raise ImageError(f'{path}: expected uint8 or uint16 to write, got {rgb.dtype}')
    try:
        done, encoded = cv2.imencode(suffix, _swap_red_and_blue(rgb))
    except cv2.error:
        done = False
    if not done:
        raise ImageError(f'{path}: cannot write an image of shape {rgb.shape} as '
                         f'{suffix!r}; use .png or .jpg')
    write_bytes(path, encoded.tobytes(), ImageError)


def decode_image(data: bytes, path: str | Path) -> np.ndarray:
    """
    Decode the bytes of an image file.

    :param data: the file.
    :param path: how errors call it.
    :returns: (H, W), (H, W, 3) RGB or (H, W, 4) RGBA of the type in the file.
    :raises ImageError: if these bytes are no complete image, or one beyond MAX_PIXELS; PNG and
        JPEG are not decoded then.
    """
    check_pixel_count(encoded_size(data), str(path))
    if is_cut(data):
        raise ImageError(f'{path}: the image is incomplete: its end is missing after '
                         f'{len(data)} bytes')
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError(f'{path}: the image cannot be decoded: {error.err}') from None
    if image is None:
        raise ImageError(f'{path}: expected an image (.png, .jpg, .tiff, ...), found bytes '
                         f'that are none: {data[:8]!r}')
    check_pixel_count(image.shape[:2], str(path))
    return _swap_red_and_blue(image)


def read_bytes(path: str | Path, error: type[PanMatchError] = FormatError,
               limit: int = MAX_FILE_BYTES) -> bytes:
    """
    Read a whole file that is expected to hold data.

    :param path: the file.
    :param error: class of the errors.
    :param limit: longest file that is read, bytes.
    :raises PanMatchError: of the given class, if the file is missing, a folder, empty, too
        long, unreadable or a Git LFS pointer.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise error(f'{path}: there is no such file')
        if not path.is_file():
            raise error(f'{path}: expected a file, found something else')
        length = path.stat().st_size
        if length > limit:
            raise error(f'{path}: expected at most {limit} bytes, found {length}')
        data = path.read_bytes()
    except OSError as problem:
        raise error(f'{path}: cannot be read: {problem.strerror}') from None
    if not data:
        raise error(f'{path}: the file is empty')
    if data.startswith(LFS_POINTER):
        raise error(f'{path}: expected data, found a Git LFS pointer; run "git lfs pull"')
    return data


def write_bytes(path: str | Path, data: bytes,
                error: type[PanMatchError] = FormatError) -> None:
    """
    Write a whole file.

    :raises PanMatchError: of the given class, if that fails.
    """
    try:
        Path(path).write_bytes(data)
    except OSError as problem:
        raise error(f'{path}: cannot be written: {problem.strerror}') from None


def check_size(width: int, height: int, path: str | Path) -> None:
    """
    Check a size that a file header claims, before memory is taken for it.

    :raises FormatError: if it is not positive or beyond any real image.
    """
    if width <= 0 or height <= 0 or width * height > MAX_PIXELS:
        raise FormatError(f'{path}: the header claims a size of {width} x {height}; expected '
                          f'1 to {MAX_PIXELS} pixels')


def _swap_red_and_blue(image: np.ndarray) -> np.ndarray:
    if image.ndim == 3 and image.shape[2] == 3:
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    if image.ndim == 3 and image.shape[2] == 4:
        return cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA)
    return image
