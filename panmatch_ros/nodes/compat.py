"""
cv_bridge where it is installed and works, the same behaviour without it.

cv_bridge is not on PyPI, and builds against NumPy 1 fail to import or to convert under NumPy 2.
So it is tried once on a tiny message; if it does not give the right pixels, our own view of the
message data serves. The same view stands in for single messages that cv_bridge refuses.

Compressed images never go through cv_bridge: it only wraps ``cv2.imdecode``, and up to ROS 2 Iron
it cut 16-bit images to 8 bits.
"""
from functools import lru_cache
import logging
from typing import Any

import numpy as np
from sensor_msgs.msg import Image

from ..core.image_message import view_image

log = logging.getLogger(__name__)


def decode_image(message: Image, dtype: np.dtype, channels: int) -> np.ndarray:
    """
    Read the pixels of a message, through cv_bridge if it works here.

    :param message: checked, as for :func:`view_image`.
    :param dtype: of one channel.
    :param channels: per pixel.
    :returns: (H, W) or (H, W, channels); it may share memory with the message.
    """
    view = view_image(message, dtype, channels)
    bridge = working_bridge()
    # On single bytes is_bigendian has no meaning, but cv_bridge would swap them; and it cannot
    # read rows that are no whole number of pixels.
    if bridge is None or message.is_bigendian or message.step % (dtype.itemsize * channels):
        return view
    try:
        pixels = bridge.imgmsg_to_cv2(message, desired_encoding='passthrough')
        if (pixels.shape, pixels.dtype) == (view.shape, view.dtype):
            return pixels
        reason = f'it gave {pixels.dtype} {pixels.shape}'
    except Exception as error:  # it lets pass what NumPy, OpenCV and Boost raise
        reason = repr(error)
    _note_refusal(message.encoding, reason)
    return view


@lru_cache(maxsize=1)
def working_bridge() -> Any:
    """
    Import cv_bridge and let it convert two pixels.

    :returns: a ``cv_bridge.CvBridge``; None, and a warning unless it is just not installed, if it
        does not work here.
    """
    try:
        from cv_bridge import CvBridge
    except Exception as error:  # a NumPy ABI clash raises more than ImportError
        if not (isinstance(error, ModuleNotFoundError) and error.name == 'cv_bridge'):
            log.warning('cv_bridge is installed but cannot be imported (%r); using our own '
                        'conversion', error)
        return None
    probe = Image(height=1, width=2, step=12, encoding='rgb16')
    expected = np.array([[[1, 2, 3], [4, 5, 600]]], '<u2')
    probe.data.frombytes(expected.tobytes())
    try:
        bridge = CvBridge()
        converted = bridge.imgmsg_to_cv2(probe, desired_encoding='passthrough')
        if np.array_equal(converted, expected):
            return bridge
        reason = f'it read {np.asarray(converted).tolist()} instead of {expected.tolist()}'
    except Exception as error:
        reason = repr(error)
    log.warning('cv_bridge is installed but does not convert (%s); using our own conversion',
                reason)
    return None


@lru_cache(maxsize=32)
def _note_refusal(encoding: str, reason: str) -> None:
    """Log once per encoding; older versions do not know uyvy and yuyv, for example."""
    log.info('cv_bridge does not convert %s images (%s); using our own conversion', encoding,
             reason)
