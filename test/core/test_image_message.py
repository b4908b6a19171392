"""Images from objects with the fields of a message; test_conversions.py has all encodings."""
from types import SimpleNamespace

import cv2
import numpy as np
from plain_messages import header, image
import pytest

from panmatch_ros.core.errors import ImageError
from panmatch_ros.core.image_message import image_from_message, stamp_ns, view_image

RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def test_colours_become_rgb_and_grey_is_not_copied():
    np.testing.assert_array_equal(image_from_message(image(RGB[..., ::-1], 'bgr8'), '/a'), RGB)
    message = image(RGB[..., 0], 'mono8')
    message.data = bytearray(message.data)
    pixels = image_from_message(message, '/a')
    message.data[0] = 200
    assert pixels[0, 0] == 200


def test_the_one_who_decodes_can_be_another():
    asked = []

    def decode(message, dtype, channels):
        asked.append((dtype, channels))
        return view_image(message, dtype, channels)

    np.testing.assert_array_equal(image_from_message(image(RGB, 'rgb8'), '/a', decode), RGB)
    assert asked == [(np.dtype('u1'), 3)]


def test_compressed_images_are_told_by_their_fields():
    message = SimpleNamespace(header=header(), format='png',
                              data=cv2.imencode('.png', RGB[..., ::-1])[1].tobytes())
    np.testing.assert_array_equal(image_from_message(message, '/a'), RGB)
    message.data = message.data[:-20]
    with pytest.raises(ImageError, match='/a: .* truncated'):
        image_from_message(message, '/a')


@pytest.mark.parametrize(('encoding', 'text'), [
    ('exotic', "/a: encoding 'exotic' is not supported"), ('rgb16', 'step is 18 bytes')])
def test_what_cannot_be_read(encoding, text):
    with pytest.raises(ImageError, match=text):
        image_from_message(image(RGB, encoding), '/a')


def test_stamp():
    assert stamp_ns(image(RGB, 'rgb8', 12_345_678_901)) == 12_345_678_901
