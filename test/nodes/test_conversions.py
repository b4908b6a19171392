"""Image messages to arrays: right pixels, or an error that says what was expected.

Every test runs with our own view of the message data and with cv_bridge.
"""
import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from ros_harness import image_message
from sensor_msgs.msg import CompressedImage, Image

from panmatch_ros.core.errors import ImageError
from panmatch_ros.core.image_message import FORMATS, MAX_COMPRESSED_PIXELS, view_image
from panmatch_ros.nodes import compat
from panmatch_ros.nodes.conversions import image_from_message

pytestmark = pytest.mark.ros

RGB = np.array([[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [100, 110, 120]]], np.uint8)
BRIDGES = [None] if compat.working_bridge() is None else [None, compat.working_bridge()]
OPAQUE = np.full((2, 2, 1), 255, np.uint8)


@pytest.fixture(params=BRIDGES, ids=['cv_bridge' if bridge else 'own' for bridge in BRIDGES],
                autouse=True)
def bridge(request, monkeypatch):
    monkeypatch.setattr(compat, 'working_bridge', lambda: request.param)
    return request.param


def bad(message, match):
    with pytest.raises(ImageError, match=match):
        image_from_message(message, '/left/image_rect')


@pytest.mark.skipif(len(BRIDGES) == 1, reason='the ROS package cv_bridge is not installed, or '
                    'does not work here: the tests of this file run on our own view only')
def test_cv_bridge_reads_what_our_own_view_reads(bridge):
    for encoding, pixel_format in FORMATS.items():
        if encoding in ('uyvy', 'yuyv') or pixel_format.has_chroma_rows:
            continue  # not every version knows these names, and none the others
        shape, dtype = (3, 4, pixel_format.channels), pixel_format.dtype
        values = np.arange(12 * shape[2], dtype=dtype).reshape(shape)
        message = image_message(values, encoding, 1.0)
        pixels = BRIDGES[1].imgmsg_to_cv2(message, desired_encoding='passthrough')
        read = compat.decode_image(message, dtype, shape[2])
        assert read.dtype == pixels.dtype
        assert np.array_equal(read, pixels)


@pytest.mark.parametrize(('encoding', 'pixels'), [
    ('rgb8', RGB),
    ('bgr8', RGB[..., ::-1]),
    ('8UC3', RGB[..., ::-1]),
    ('rgba8', np.concatenate([RGB, OPAQUE], 2)),
    ('bgra8', np.concatenate([RGB[..., ::-1], OPAQUE], 2)),
    ('8UC4', np.concatenate([RGB[..., ::-1], OPAQUE], 2)),
])
def test_colour_encodings_become_rgb(encoding, pixels):
    assert np.array_equal(image_from_message(image_message(pixels, encoding, 1.0), 'x'), RGB)


@pytest.mark.parametrize(('encoding', 'dtype'), [
    ('mono8', np.uint8), ('8UC1', np.uint8), ('mono16', np.uint16), ('16UC1', np.uint16)])
def test_grey_encodings_keep_their_values(encoding, dtype):
    pixels = np.array([[1, 2, 3], [200, 201, 202]], dtype)
    read = image_from_message(image_message(pixels, encoding, 1.0), 'x')
    assert read.dtype == dtype
    assert np.array_equal(read, pixels)


def test_sixteen_bit_colour_is_swapped_not_scaled():
    pixels = RGB.astype(np.uint16) * 257
    read = image_from_message(image_message(pixels[..., ::-1], 'bgr16', 1.0), 'x')
    assert np.array_equal(read, pixels)


@pytest.mark.parametrize(('encoding', 'order'), [('yuv422', 'UYVY'), ('yuv422_yuy2', 'YUYV')])
def test_yuv_grey_level_survives(encoding, order):
    luma = np.array([[16, 235, 126, 126], [16, 16, 235, 235]], np.uint8)
    packed = np.full((2, 4, 2), 128, np.uint8)
    packed[..., 1 if order == 'UYVY' else 0] = luma
    read = image_from_message(image_message(packed, encoding, 1.0), 'x')
    expected = np.rint((luma.astype(float) - 16) * 255 / 219)
    assert np.abs(read.astype(float) - expected[..., None]).max() <= 1


def test_padded_rows_are_honoured():
    padded = np.zeros((2, 16), np.uint8)
    padded[:, :6] = RGB.reshape(2, 6)
    message = image_message(padded, 'rgb8', 1.0)
    message.width, message.step = 2, 16
    assert np.array_equal(image_from_message(message, 'x'), RGB)


def test_step_that_is_no_multiple_of_the_pixel_is_honoured():
    padded = np.zeros((2, 7), np.uint8)
    padded[:, :6] = RGB.reshape(2, 6)
    message = image_message(padded, 'rgb8', 1.0)
    message.width, message.step = 2, 7
    assert np.array_equal(image_from_message(message, 'x'), RGB)


def test_byte_order_has_no_meaning_for_bytes():
    message = image_message(RGB, 'rgb8', 1.0)
    message.is_bigendian = 1
    assert np.array_equal(image_from_message(message, 'x'), RGB)


def test_view_shares_the_memory_of_the_message():
    message = image_message(RGB, 'rgb8', 1.0)
    view_image(message, np.dtype('u1'), 3)[0, 0, 0] = 99
    assert message.data[0] == 99


def test_jpeg_and_png_are_decoded_as_rgb():
    for suffix, tolerance in (('.png', 0), ('.jpg', 8)):
        flat = np.full((16, 16, 3), (200, 100, 50), np.uint8)
        message = CompressedImage(format=f'bgr8; {suffix[1:]} compressed bgr8')
        message.data.frombytes(cv2.imencode(suffix, flat[..., ::-1])[1].tobytes())
        read = image_from_message(message, 'x').astype(int)
        assert np.abs(read - flat).max() <= tolerance


def test_sixteen_bit_png_keeps_its_values():
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    message = CompressedImage(format='mono16; png compressed')
    message.data.frombytes(cv2.imencode('.png', pixels)[1].tobytes())
    assert np.array_equal(image_from_message(message, 'x'), pixels)


def test_unknown_encoding_names_the_known_ones():
    bad(image_message(RGB, 'banana', 1.0),
        r"/left/image_rect: encoding 'banana' is not supported; expected one of: mono8.*rgb8")


def test_mosaics_become_rgb():
    mosaic = np.tile(np.array([[200, 120], [120, 40]], np.uint8), (3, 4))
    read = image_from_message(image_message(mosaic, 'bayer_rggb8', 1.0), 'x')
    assert np.array_equal(read, np.full((6, 8, 3), (200, 120, 40)))


def test_truncated_data():
    message = image_message(RGB, 'rgb8', 1.0)
    del message.data[-1]
    bad(message, r'the data have 11 bytes, but 2 rows of 6 bytes are 12; the message is truncated')


def test_step_too_small():
    message = image_message(RGB, 'rgb8', 1.0)
    message.step = 5
    bad(message, r'step is 5 bytes, but a row of 2 rgb8 pixels has 6; expected step >= 6')


def test_big_endian_words():
    message = image_message(RGB[..., 0].astype(np.uint16), 'mono16', 1.0)
    message.is_bigendian = 1
    bad(message, 'mono16 in big-endian byte order is not supported; expected is_bigendian = 0')


def test_empty_image():
    bad(Image(encoding='mono8'), r'an image of 0x0 pixels is empty; expected at least 2x2')


def test_one_pixel():
    bad(image_message(RGB[:1, :1], 'rgb8', 1.0), r'an image of 1x1 pixels holds no picture')


def test_huge_claimed_size_is_refused_before_any_allocation():
    message = image_message(RGB, 'rgb8', 1.0)
    message.width = message.height = 2**31
    bad(message, 'beyond the limit')


def test_odd_width_of_yuv():
    message = image_message(np.zeros((2, 3, 2), np.uint8), 'yuv422', 1.0)
    bad(message, 'needs an even width, got 3')


@pytest.mark.parametrize(('data', 'match'), [
    (b'', '0 bytes of format .* are not a JPEG or PNG'),
    (b'not an image', '12 bytes of format .* are not a JPEG or PNG'),
])
def test_broken_compressed_images(data, match):
    message = CompressedImage(format='jpeg')
    message.data.frombytes(data)
    bad(message, match)


@pytest.mark.parametrize('header', [
    b'\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x3e\x80\x00\x00\x3e\x80',
    b'\xff\xd8\xff\xc2\x00\x0b\x08\x3e\x80\x3e\x80'], ids=['png', 'jpeg'])
def test_size_is_refused_before_decoding(header, monkeypatch):
    # Regression: a PNG of 269 kB took 700 MB before anybody looked at its size.
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('the image was decoded'))
    message = CompressedImage(format='png')
    message.data.frombytes(header + bytes(100))
    bad(message, '^/left/image_rect: an image of 16000x16000 pixels is beyond the limit of '
                 f'{MAX_COMPRESSED_PIXELS} pixels$')


def test_size_of_other_formats_is_checked_after_decoding(monkeypatch):
    monkeypatch.setattr('panmatch_ros.core.image_message.MAX_COMPRESSED_PIXELS', 255)
    message = CompressedImage(format='bmp')
    message.data.frombytes(cv2.imencode('.bmp', np.zeros((16, 16), np.uint8))[1].tobytes())
    bad(message, 'an image of 16x16 pixels is beyond the limit of 255 pixels')


def test_truncated_jpeg_is_not_painted_grey():
    message = CompressedImage(format='jpeg')
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    encoded = cv2.imencode('.jpg', picture)[1].tobytes()
    message.data.frombytes(encoded[:len(encoded) // 2])
    bad(message, 'or they are truncated')
    padded = CompressedImage(format='jpeg')
    padded.data.frombytes(encoded + bytes(100))
    assert image_from_message(padded, 'x').shape == (64, 64, 3)


@pytest.mark.parametrize('dtype', [np.float32, np.float64, np.int16])
def test_compressed_images_of_other_types_are_refused(dtype):
    message = CompressedImage(format='tiff')
    message.data.frombytes(cv2.imencode('.tiff', np.ones((4, 4, 3), dtype))[1].tobytes())
    bad(message, rf'holds {np.dtype(dtype)} \(4, 4, 3\); expected 8 or 16 bits, grey or colour')


def test_compressed_depth_is_refused():
    bad(CompressedImage(format='16UC1; compressedDepth png'), 'is a depth image')


def test_every_encoding_reads_random_data_without_a_crash():
    random = np.random.default_rng(0)
    for encoding, pixel_format in FORMATS.items():
        raw = random.integers(0, 256, (pixel_format.rows(6), 8 * pixel_format.channels
                                       * pixel_format.dtype.itemsize), np.uint8)
        message = image_message(raw, encoding, 1.0)
        message.height, message.width = 6, 8
        read = image_from_message(message, 'x')
        assert read.shape[:2] == (6, 8)
        assert read.ndim == 2 or read.shape[2] == 3, encoding
