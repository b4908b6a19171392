"""Messages to arrays: the checks of ``core/image_message.py``, with cv_bridge where it works."""
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from ..core import image_message
from .compat import decode_image


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
    return image_message.image_from_message(message, topic, decode_image)


def size_from_message(message: Image | CompressedImage, topic: str) -> tuple[int, int]:
    """
    Give the (height, width) of an image that can be used.

    :raises ImageError: as :func:`image_from_message`.
    """
    height, width = image_from_message(message, topic).shape[:2]
    return height, width
