"""
Image messages to arrays: every check that an untrusted message needs.

Any object with the fields of ``sensor_msgs/Image`` or ``CompressedImage`` will do, so that nodes
and readers of bags share what is accepted.
"""
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from .encoded_image import check_pixel_count, encoded_size, is_cut
from .errors import ImageError
from .image import MAX_PIXELS

MIN_SIDE_PX = 2  # a single row or column holds no picture
MAX_COMPRESSED_PIXELS = 1 << 26  # 67 megapixels; few bytes can claim many, unlike in a raw image


@dataclass(frozen=True)
class PixelFormat:
    """
    How an encoding is laid out and read.

    :param dtype: of one channel, little endian.
    :param channels: per pixel.
    :param to_rgb: cv2 colour code to RGB or grey; None if it already is.
    :param even: which of width and height have to be even.
    :param has_chroma_rows: whether half as many rows of colour follow those of brightness.
    :param least_side: smallest width and height, pixels.
    """

    dtype: np.dtype
    channels: int
    to_rgb: int | None = None
    even: tuple[str, ...] = ()
    has_chroma_rows: bool = False
    least_side: int = MIN_SIDE_PX

    def rows(self, height: int) -> int:
        """Rows of data that an image of a height has."""
        return height * 3 // 2 if self.has_chroma_rows else height


_U8, _U16 = np.dtype('u1'), np.dtype('<u2')

# OpenCV names a mosaic by the second and third pixel of its second row, ROS by the first two of
# its first two rows: rggb is BG. Edge-aware, since edges are what matching goes by.
MOSAICS = {'rggb': cv2.COLOR_BayerBG2RGB_EA, 'bggr': cv2.COLOR_BayerRG2RGB_EA,
           'gbrg': cv2.COLOR_BayerGR2RGB_EA, 'grbg': cv2.COLOR_BayerGB2RGB_EA}
MIN_MOSAIC_PX = 3  # below, no pixel has neighbours all around, and OpenCV gives black

# Of the encodings without colour names, three channels are BGR as everywhere in OpenCV.
FORMATS = {
    'mono8': PixelFormat(_U8, 1),
    '8UC1': PixelFormat(_U8, 1),
    'mono16': PixelFormat(_U16, 1),
    '16UC1': PixelFormat(_U16, 1),
    'rgb8': PixelFormat(_U8, 3),
    'rgba8': PixelFormat(_U8, 4, cv2.COLOR_RGBA2RGB),
    'bgr8': PixelFormat(_U8, 3, cv2.COLOR_BGR2RGB),
    '8UC3': PixelFormat(_U8, 3, cv2.COLOR_BGR2RGB),
    'bgra8': PixelFormat(_U8, 4, cv2.COLOR_BGRA2RGB),
    '8UC4': PixelFormat(_U8, 4, cv2.COLOR_BGRA2RGB),
    'rgb16': PixelFormat(_U16, 3),
    'rgba16': PixelFormat(_U16, 4, cv2.COLOR_RGBA2RGB),
    'bgr16': PixelFormat(_U16, 3, cv2.COLOR_BGR2RGB),
    'bgra16': PixelFormat(_U16, 4, cv2.COLOR_BGRA2RGB),
    'yuv422': PixelFormat(_U8, 2, cv2.COLOR_YUV2RGB_UYVY, ('width',)),
    'uyvy': PixelFormat(_U8, 2, cv2.COLOR_YUV2RGB_UYVY, ('width',)),
    'yuv422_yuy2': PixelFormat(_U8, 2, cv2.COLOR_YUV2RGB_YUY2, ('width',)),
    'yuyv': PixelFormat(_U8, 2, cv2.COLOR_YUV2RGB_YUY2, ('width',)),
    'nv12': PixelFormat(_U8, 1, cv2.COLOR_YUV2RGB_NV12, ('width', 'height'), True),
    'nv21': PixelFormat(_U8, 1, cv2.COLOR_YUV2RGB_NV21, ('width', 'height'), True),
    **{f'bayer_{name}{bits}': PixelFormat(dtype, 1, code, least_side=MIN_MOSAIC_PX)
       for bits, dtype in ((8, _U8), (16, _U16)) for name, code in MOSAICS.items()},
}


def view_image(message: Any, dtype: np.dtype, channels: int, rows: int = 0) -> np.ndarray:
    """
    Look at the pixels of a message without copying them.

    :param message: checked: the data hold all rows of ``step`` bytes.
    :param dtype: of one channel.
    :param channels: per pixel.
    :param rows: of data; 0 is the height of the image.
    :returns: (rows, W) or (rows, W, channels); writable if the message data are.
    """
    shape: tuple[int, ...] = (rows or message.height, message.width)
    strides: tuple[int, ...] = (message.step, dtype.itemsize * channels)
    if channels > 1:
        shape, strides = (*shape, channels), (*strides, dtype.itemsize)
    return np.ndarray(shape, dtype, np.frombuffer(message.data, np.uint8), 0, strides)


def image_from_message(
        message: Any, topic: str,
        decode: Callable[[Any, np.dtype, int], np.ndarray] = view_image) -> np.ndarray:
    """
    Read the pixels of an image message.

    :param message: with the fields of a raw or compressed image.
    :param topic: how errors call it.
    :param decode: gives the pixels of a raw image that is checked, as :func:`view_image` does;
        images with rows of colour are not given to it.
    :returns: (H, W) grey or (H, W, 3) RGB; uint8 or uint16. It may share memory with the
        message.
    :raises ImageError: if encoding, sizes, byte order or data are not usable; the text says
        what was expected.
    """
    if not hasattr(message, 'encoding'):  # a compressed one
        return _from_compressed(message, topic)
    pixel_format = _checked_format(message, topic)
    if pixel_format.has_chroma_rows:
        pixels = view_image(message, pixel_format.dtype, 1, pixel_format.rows(message.height))
    else:
        pixels = decode(message, pixel_format.dtype, pixel_format.channels)
    if pixel_format.to_rgb is None:
        return pixels
    # The edge-aware codes of OpenCV take padded rows for longer ones.
    return cv2.cvtColor(np.ascontiguousarray(pixels), pixel_format.to_rgb)


def _checked_format(message: Any, topic: str) -> PixelFormat:
    width, height, step = message.width, message.height, message.step
    pixel_format = FORMATS.get(message.encoding)
    if pixel_format is None:
        raise ImageError(f'{topic}: encoding {message.encoding!r} is not supported; expected one '
                         f'of: {", ".join(FORMATS)}')
    least = pixel_format.least_side
    if width < least or height < least:
        what = 'is empty' if width == 0 or height == 0 else 'holds no picture'
        raise ImageError(f'{topic}: an image of {width}x{height} pixels {what}; expected at '
                         f'least {least}x{least}')
    check_pixel_count((height, width), topic, MAX_PIXELS)
    if message.is_bigendian and pixel_format.dtype.itemsize > 1:
        raise ImageError(f'{topic}: {message.encoding} in big-endian byte order is not '
                         'supported; expected is_bigendian = 0')
    row_bytes = width * pixel_format.channels * pixel_format.dtype.itemsize
    if step < row_bytes:
        raise ImageError(f'{topic}: step is {step} bytes, but a row of {width} {message.encoding} '
                         f'pixels has {row_bytes}; expected step >= {row_bytes}')
    for side in pixel_format.even:
        if getattr(message, side) % 2:
            raise ImageError(f'{topic}: {message.encoding} needs an even {side}, got '
                             f'{getattr(message, side)}')
    size, rows = len(message.data), pixel_format.rows(height)
    if size < step * rows:
        raise ImageError(f'{topic}: the data have {size} bytes, but {rows} rows of {step} '
                         f'bytes are {step * rows}; the message is truncated')
    return pixel_format


def _from_compressed(message: Any, topic: str) -> np.ndarray:
    if 'compressedDepth' in message.format:
        raise ImageError(f'{topic}: format {message.format!r} is a depth image; expected a JPEG '
                         'or PNG camera image')
    encoded = memoryview(message.data)
    check_pixel_count(encoded_size(encoded), topic, MAX_COMPRESSED_PIXELS)
    data = np.frombuffer(message.data, np.uint8)
    try:
        usable = data.size > 0 and not is_cut(encoded)
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if usable else None
    except cv2.error as error:
        raise ImageError(f'{topic}: cannot decode {len(message.data)} bytes of format '
                         f'{message.format!r}: {error}') from error
    if pixels is None:
        raise ImageError(f'{topic}: {len(message.data)} bytes of format {message.format!r} are '
                         'not a JPEG or PNG image, or they are truncated')
    check_pixel_count(pixels.shape[:2], topic, MAX_COMPRESSED_PIXELS)  # of other formats
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.shape[2:] not in ((), (3,), (4,)):
        raise ImageError(f'{topic}: format {message.format!r} holds {pixels.dtype} '
                         f'{pixels.shape}; expected 8 or 16 bits, grey or colour')
    if min(pixels.shape[:2]) < MIN_SIDE_PX:
        raise ImageError(f'{topic}: an image of {pixels.shape[1]}x{pixels.shape[0]} pixels holds '
                         f'no picture; expected at least {MIN_SIDE_PX}x{MIN_SIDE_PX}')
    if pixels.ndim == 2:
        return pixels
    code = cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGB
    return cv2.cvtColor(pixels, code)


def stamp_ns(message: Any) -> int:
    """Header stamp in nanoseconds."""
    stamp = message.header.stamp
    return stamp.sec * 1_000_000_000 + stamp.nanosec
