"""Messages to arrays: every check that an untrusted image message needs."""
from dataclasses import dataclass

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from ..core.encoded_image import check_pixel_count, encoded_size, is_cut
from ..core.errors import ImageError
from ..core.image import MAX_PIXELS
from .compat import decode_image

MIN_SIDE_PX = 2  # a single row or column holds no picture
MAX_COMPRESSED_PIXELS = 1 << 26  # 67 megapixels; few bytes can claim many, unlike in a raw image


@dataclass(frozen=True)
class PixelFormat:
    """
    How an encoding is laid out and read.

    :param dtype: of one channel, little endian.
    :param channels: per pixel.
    :param to_rgb: cv2 colour code to RGB or grey; None if it already is.
    """

    dtype: np.dtype
    channels: int
    to_rgb: int | None = None


_U8, _U16 = np.dtype('u1'), np.dtype('<u2')

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
    'yuv422': PixelFormat(_U8, 2, cv2.COLOR_YUV2RGB_UYVY),
    'uyvy': PixelFormat(_U8, 2, cv2.COLOR_YUV2RGB_UYVY),
    'yuv422_yuy2': PixelFormat(_U8, 2, cv2.COLOR_YUV2RGB_YUY2),
    'yuyv': PixelFormat(_U8, 2, cv2.COLOR_YUV2RGB_YUY2),
}


def image_from_message(message: Image | CompressedImage, topic: str) -> np.ndarray:
    """
    Read the pixels of an image message.

    :param message: raw or compressed image.
    :param topic: how errors call it.
    :returns: (H, W) grey or (H, W, 3) RGB; uint8 or uint16. It may share memory with the
        message.
    :raises ImageError: if encoding, sizes, byte order or data are not usable; the text says
        what was expected.
    """
    if isinstance(message, CompressedImage):
        return _from_compressed(message, topic)
    pixel_format = _checked_format(message, topic)
    pixels = decode_image(message, pixel_format.dtype, pixel_format.channels)
    if pixel_format.to_rgb is None:
        return pixels
    return cv2.cvtColor(pixels, pixel_format.to_rgb)


def _checked_format(message: Image, topic: str) -> PixelFormat:
    width, height, step = message.width, message.height, message.step
    pixel_format = FORMATS.get(message.encoding)
    if pixel_format is None:
        raise ImageError(f'{topic}: {_unknown_encoding(message.encoding)}')
    if width < MIN_SIDE_PX or height < MIN_SIDE_PX:
        what = 'is empty' if width == 0 or height == 0 else 'holds no picture'
        raise ImageError(f'{topic}: an image of {width}x{height} pixels {what}; expected at '
                         f'least {MIN_SIDE_PX}x{MIN_SIDE_PX}')
    check_pixel_count((height, width), topic, MAX_PIXELS)
    if message.is_bigendian and pixel_format.dtype.itemsize > 1:
        raise ImageError(f'{topic}: {message.encoding} in big-endian byte order is not '
                         'supported; expected is_bigendian = 0')
    row_bytes = width * pixel_format.channels * pixel_format.dtype.itemsize
    if step < row_bytes:
        raise ImageError(f'{topic}: step is {step} bytes, but a row of {width} {message.encoding} '
                         f'pixels has {row_bytes}; expected step >= {row_bytes}')
    size = len(message.data)
    if size < step * height:
        raise ImageError(f'{topic}: the data have {size} bytes, but {height} rows of {step} '
                         f'bytes are {step * height}; the message is truncated')
    if pixel_format.channels == 2 and width % 2:
        raise ImageError(f'{topic}: {message.encoding} needs an even width, got {width}')
    return pixel_format


def _unknown_encoding(encoding: str) -> str:
    supported = ', '.join(FORMATS)
    if encoding.startswith('bayer'):
        return (f'{encoding} is a raw sensor image; debayer it first (image_proc does), or '
                f'publish one of: {supported}')
    return f'encoding {encoding!r} is not supported; expected one of: {supported}'


def _from_compressed(message: CompressedImage, topic: str) -> np.ndarray:
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


def stamp_ns(message: Image | CompressedImage) -> int:
    """Header stamp in nanoseconds."""
    stamp = message.header.stamp
    return stamp.sec * 1_000_000_000 + stamp.nanosec
