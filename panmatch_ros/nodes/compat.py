"""
cv_bridge where it is installed and works, the same behaviour without it.

cv_bridge is not on PyPI, and builds against NumPy 1 fail to import or to convert under NumPy 2.
So it is tried once on a tiny message; if it does not give the right pixels, our own view of the
message data serves. Callers have checked the message, see :mod:`.conversions`.
"""
from collections.abc import Callable
from functools import lru_cache
import logging

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

log = logging.getLogger(__name__)

ImageDecoder = Callable[[Image, np.dtype, int], np.ndarray]
CompressedDecoder = Callable[[CompressedImage], 'np.ndarray | None']


def view_image(message: Image, dtype: np.dtype, channels: int) -> np.ndarray:
    """
    Look at the pixels of a message without copying them.

    :param message: checked: the data hold ``height`` rows of ``step`` bytes.
    :param dtype: of one channel.
    :param channels: per pixel.
    :returns: (H, W) or (H, W, channels); writable if the message data are.
    """
    shape: tuple[int, ...] = (message.height, message.width)
    strides: tuple[int, ...] = (message.step, dtype.itemsize * channels)
    if channels > 1:
        shape, strides = (*shape, channels), (*strides, dtype.itemsize)
    return np.ndarray(shape, dtype, np.frombuffer(message.data, np.uint8), 0, strides)


def decode_compressed(message: CompressedImage) -> np.ndarray | None:
    """
    Decode a JPEG or PNG.

    :returns: (H, W), (H, W, 3) BGR or (H, W, 4) BGRA, uint8 or uint16; None if it cannot be
        decoded.
    """
    data = np.frombuffer(message.data, np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None


@lru_cache(maxsize=1)
def image_decoder() -> ImageDecoder:
    """Choose how raw images become arrays: through cv_bridge if it works here."""
    bridge = _working_bridge()
    if bridge is None:
        return view_image

    def through_cv_bridge(message: Image, dtype: np.dtype, channels: int) -> np.ndarray:
        # On single bytes the flag has no meaning, but cv_bridge would swap them.
        if message.is_bigendian or message.step % (dtype.itemsize * channels):
            return view_image(message, dtype, channels)
        return bridge.imgmsg_to_cv2(message, desired_encoding='passthrough')
    return through_cv_bridge


@lru_cache(maxsize=1)
def compressed_decoder() -> CompressedDecoder:
    """Choose how compressed images become arrays: through cv_bridge if it works here."""
    bridge = _working_bridge()
    if bridge is None:
        return decode_compressed

    def through_cv_bridge(message: CompressedImage) -> np.ndarray | None:
        if len(message.data) == 0:
            return None
        return bridge.compressed_imgmsg_to_cv2(message, desired_encoding='passthrough')
    return through_cv_bridge


def _working_bridge():  # type: ignore[no-untyped-def]  # cv_bridge has no types
    """Import cv_bridge and let it convert four pixels."""
    try:
        from cv_bridge import CvBridge
    except Exception as error:  # a NumPy ABI clash raises more than ImportError
        if not isinstance(error, ModuleNotFoundError):
            log.warning('cv_bridge is installed but cannot be imported (%s); using our own '
                        'conversion', error)
        return None
    probe = Image(height=1, width=4, step=4, encoding='mono8')
    probe.data.frombytes(bytes([1, 2, 3, 4]))
    try:
        bridge = CvBridge()
        converted = bridge.imgmsg_to_cv2(probe, desired_encoding='passthrough')
        if converted.tolist() == [[1, 2, 3, 4]]:
            return bridge
        reason = f'it read {converted.tolist()} instead of [[1, 2, 3, 4]]'
    except Exception as error:
        reason = repr(error)
    log.warning('cv_bridge is installed but does not convert (%s); using our own conversion',
                reason)
    return None
