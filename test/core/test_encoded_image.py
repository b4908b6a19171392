"""Sizes and ends of encoded images, on headers made by hand and on what OpenCV writes."""
import cv2
import numpy as np
import pytest

from panmatch_ros.core.encoded_image import check_pixel_count, encoded_size, is_cut
from panmatch_ros.core.errors import ImageError
from panmatch_ros.core.image import MAX_PIXELS

PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
START, END = b'\xff\xd8', b'\xff\xd9'


def png_header(width, height):
    return (b'\x89PNG\r\n\x1a\n' + (13).to_bytes(4, 'big') + b'IHDR' + width.to_bytes(4, 'big')
            + height.to_bytes(4, 'big') + bytes([8, 2, 0, 0, 0]) + bytes(4))


def segment(marker, content):
    return bytes([0xff, marker]) + (len(content) + 2).to_bytes(2, 'big') + content


def frame(width, height, marker=0xc0):
    return segment(marker, b'\x08' + height.to_bytes(2, 'big') + width.to_bytes(2, 'big')
                   + b'\x01\x01\x11\x00')


SCAN = segment(0xda, b'\x01\x01\x00\x00\x3f\x00') + b'\x12\xff\x00\x34\xff\xd0\x56'
THUMBNAIL = START + frame(8, 6) + SCAN + END
EXIF = segment(0xe1, b'Exif\x00\x00' + THUMBNAIL)


def encoded(suffix, *options):
    return cv2.imencode(suffix, PICTURE, options)[1].tobytes()


PROGRESSIVE = encoded('.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTS = encoded('.jpg', cv2.IMWRITE_JPEG_RST_INTERVAL, 1)
COMPLETE = [encoded('.png'), encoded('.jpg'), PROGRESSIVE, RESTARTS,
            START + EXIF + encoded('.jpg')[2:]]
NAMES = ['png', 'jpeg', 'progressive', 'restarts', 'thumbnail']


@pytest.mark.parametrize(('data', 'size'), [
    (png_header(60000, 60000), (60000, 60000)),
    (png_header(7, 5), (5, 7)),
    (START + frame(65000, 65000), (65000, 65000)),
    (START + frame(7, 5), (5, 7)),
    (START + frame(640, 480, 0xc2), (480, 640)),  # progressive
    (START + EXIF + frame(640, 480), (480, 640)),
    (START + segment(0xc4, bytes(20)) + frame(640, 480), (480, 640)),  # a Huffman table
    (START + b'\xff\xff\xff' + frame(640, 480)[1:], (480, 640)),       # fill bytes
    (START + b'\x00\x01stray' + frame(640, 480), (480, 640)),          # libjpeg skips them too
    (START + b'\xff\xe1\x00\x00' + frame(640, 480), (480, 640)),       # so it does here
    (START + b'\xff\xd0' + frame(640, 480), (480, 640)),
])
def test_size_of_a_header(data, size):
    for buffer in (data, bytearray(data), memoryview(data)):
        assert encoded_size(buffer) == size


@pytest.mark.parametrize('data', COMPLETE, ids=NAMES)
def test_size_of_what_opencv_writes(data):
    assert encoded_size(data) == (48, 64)


@pytest.mark.parametrize('data', [
    b'', b'hello', b'BM' + bytes(60), START, START + END, START + SCAN + frame(7, 5),
    START + EXIF, START + EXIF[:30], b'\x89PNG\r\n\x1a\n' + bytes(16),
    encoded('.bmp'), encoded('.webp')])
def test_no_size_where_no_header_is_known(data):
    assert encoded_size(data) is None


@pytest.mark.parametrize('header', [png_header(7, 5)[:24], START + frame(7, 5)[:9]])
def test_truncated_headers(header):
    assert encoded_size(header) == (5, 7)
    for length in range(len(header)):
        assert encoded_size(header[:length]) is None
        if length >= 8:
            assert is_cut(header[:length])


@pytest.mark.parametrize('data', COMPLETE, ids=NAMES)
def test_complete_images_are_not_cut(data):
    for buffer in (data, bytearray(data), memoryview(data)):
        assert not is_cut(buffer)
    assert not is_cut(data + bytes(5000))
    assert not is_cut(data + b'\xff' * 5000)


@pytest.mark.parametrize('data', COMPLETE, ids=NAMES)
def test_every_cut_is_seen(data):
    # The end of a PNG is its chunk IEND: length, type and checksum.
    last = len(data) - (5 if data.startswith(b'\x89PNG') else 1)
    for length in [*range(8, last, 7), last]:
        assert is_cut(data[:length]), length
        assert is_cut(data[:length] + bytes(5000)), length


def test_the_end_of_a_thumbnail_is_not_that_of_the_image():
    # Regression: 0xffd9 near the end of the bytes was enough.
    assert is_cut(START + EXIF)
    assert is_cut(START + frame(64, 48) + EXIF + SCAN)
    assert is_cut(START + frame(64, 48) + SCAN + EXIF)
    assert not is_cut(START + frame(64, 48) + EXIF + SCAN + END)


@pytest.mark.parametrize('data', [b'', b'hello', encoded('.bmp')[:50], encoded('.webp')[:50]])
def test_other_formats_do_not_count_as_cut(data):
    assert not is_cut(data)


def test_random_bytes_end_the_walk():
    random = np.random.default_rng(1)
    for start in (START, b'\x89PNG\r\n\x1a\n', png_header(7, 5)):
        for _ in range(200):
            data = start + random.choice([0, 1, 0xc0, 0xd9, 0xda, 0xff], 60).astype(
                np.uint8).tobytes()
            encoded_size(data)
            is_cut(data)


def test_pixel_count():
    check_pixel_count(None, 'x')
    check_pixel_count((1 << 14, 1 << 14), 'x')
    with pytest.raises(ImageError, match='^/left: an image of 60000x50000 pixels is beyond the '
                                         f'limit of {MAX_PIXELS} pixels$'):
        check_pixel_count((50000, 60000), '/left')
    with pytest.raises(ImageError, match='beyond the limit of 11 pixels'):
        check_pixel_count((3, 4), 'x', 11)
