"""Mosaics and planes of colour, pixel by pixel."""
from types import SimpleNamespace

import numpy as np
import pytest

from panmatch_ros.core.errors import ImageError
from panmatch_ros.core.image_message import FORMATS, image_from_message

RED, GREEN, BLUE = range(3)
# Channel of the pixels of the first two rows, as the names of ROS spell them.
PATTERNS = {'rggb': ((RED, GREEN), (GREEN, BLUE)), 'bggr': ((BLUE, GREEN), (GREEN, RED)),
            'gbrg': ((GREEN, BLUE), (RED, GREEN)), 'grbg': ((GREEN, RED), (BLUE, GREEN))}
BITS = {8: np.uint8, 16: np.uint16}
INNER = (slice(2, -2), slice(2, -2))


def message_of(data, encoding, size=None, step=0):
    height, width = size or data.shape
    return SimpleNamespace(encoding=encoding, height=height, width=width, is_bigendian=0,
                           step=step or width * data.itemsize, data=data.tobytes())


def channels_of(pattern, shape):
    """Give the channel of every pixel of a mosaic."""
    return np.tile(PATTERNS[pattern], (shape[0] // 2 + 1, shape[1] // 2 + 1))[
        :shape[0], :shape[1]]


def mosaic_of(rgb, pattern):
    channels = channels_of(pattern, rgb.shape[:2])
    return np.take_along_axis(rgb, channels[..., None], axis=2)[..., 0]


def read(mosaic, pattern):
    bits = 8 * mosaic.itemsize
    return image_from_message(message_of(mosaic, f'bayer_{pattern}{bits}'), 'x')


@pytest.fixture(params=[(pattern, bits) for pattern in PATTERNS for bits in BITS],
                ids=lambda param: f'{param[0]}{param[1]}')
def kind(request):
    pattern, bits = request.param
    return pattern, BITS[bits], 257 if bits == 16 else 1  # 255 times the last is the largest value


@pytest.mark.parametrize('size', [(3, 3), (8, 10), (7, 9)])
def test_a_mosaic_of_one_colour_is_that_colour(kind, size):
    pattern, dtype, scale = kind
    rgb = np.full((*size, 3), np.array([200, 120, 40]) * scale, dtype)
    found = read(mosaic_of(rgb, pattern), pattern)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, rgb)


def test_what_the_sensor_saw_stays(kind):
    pattern, dtype, scale = kind
    mosaic = np.random.default_rng(0).integers(0, 256, (12, 15)).astype(dtype) * dtype(scale)
    found = read(mosaic, pattern)
    channels = channels_of(pattern, mosaic.shape)
    kept = np.take_along_axis(found, channels[..., None], axis=2)[..., 0]
    np.testing.assert_array_equal(kept[INNER], mosaic[INNER])


@pytest.mark.parametrize('axis', [0, 1])
def test_a_grey_ramp_stays_a_ramp(kind, axis):
    pattern, dtype, scale = kind
    steps = np.indices((14, 16))[axis] * 12 * scale
    rgb = np.repeat(steps[..., None], 3, axis=2).astype(dtype)
    found = read(mosaic_of(rgb, pattern), pattern)
    np.testing.assert_array_equal(found[INNER], rgb[INNER])


@pytest.mark.parametrize('axis', [0, 1])
def test_an_edge_stays_sharp_in_green(kind, axis):
    pattern, dtype, scale = kind
    steps = np.where(np.indices((14, 16))[axis] < 7, 20, 220) * scale
    rgb = np.repeat(steps[..., None], 3, axis=2).astype(dtype)
    found = read(mosaic_of(rgb, pattern), pattern)
    np.testing.assert_array_equal(found[INNER][..., GREEN], rgb[INNER][..., GREEN])


def test_padded_rows_of_a_mosaic_are_honoured():
    rgb = np.full((6, 6, 3), (200, 120, 40), np.uint8)
    padded = np.full((6, 9), 99, np.uint8)
    padded[:, :6] = mosaic_of(rgb, 'grbg')
    found = image_from_message(message_of(padded, 'bayer_grbg8', (6, 6), step=9), 'x')
    np.testing.assert_array_equal(found, rgb)


@pytest.mark.parametrize('size', [(2, 8), (8, 2)])
def test_a_mosaic_has_three_rows_and_columns(size):
    with pytest.raises(ImageError, match=f'^/image: an image of {size[1]}x{size[0]} pixels holds '
                                         'no picture; expected at least 3x3$'):
        image_from_message(message_of(np.zeros(size, np.uint8), 'bayer_rggb8'), '/image')


def test_a_mosaic_of_swapped_words_is_refused():
    message = message_of(np.zeros((4, 4), np.uint16), 'bayer_rggb16')
    message.is_bigendian = 1
    with pytest.raises(ImageError, match='bayer_rggb16 in big-endian byte order is not supported'):
        image_from_message(message, 'x')


# Planes: brightness first, then half as many rows with two colours side by side.

@pytest.mark.parametrize('step', [6, 11])
@pytest.mark.parametrize('encoding', ['nv12', 'nv21'])
def test_colour_planes_are_read_in_their_order(encoding, step):
    # Red is (81, 90, 240), grey of 126 is (126, 128, 128), by ITU-R BT.601.
    planes = np.full((6, step), 7, np.uint8)
    planes[:4, :6] = 126
    planes[4:, :6] = 128
    planes[:2, 2:4] = 81
    planes[4, 2:4] = (90, 240) if encoding == 'nv12' else (240, 90)
    found = image_from_message(message_of(planes, encoding, (4, 6), step), 'x').astype(int)
    expected = np.full((4, 6, 3), round((126 - 16) * 255 / 219))
    expected[:2, 2:4] = (255, 0, 0)
    assert found.shape == (4, 6, 3)
    assert np.abs(found - expected).max() <= 2


def test_planes_and_pairs_are_one_colour_space():
    rng = np.random.default_rng(0)
    luma = rng.integers(16, 236, (4, 6), np.uint8)
    u, v = rng.integers(16, 241, (2, 2, 3), np.uint8)
    planes = np.concatenate([luma, np.stack([u, v], axis=-1).reshape(2, 6)])
    chroma = np.stack([u, v], axis=-1).reshape(2, 6).repeat(2, axis=0)
    pairs = np.stack([luma, chroma], axis=-1)
    message = message_of(pairs, 'yuyv', (4, 6), step=12)
    found = image_from_message(message_of(planes, 'nv12', (4, 6)), 'x').astype(int)
    assert np.abs(found - image_from_message(message, 'x')).max() <= 1


@pytest.mark.parametrize(('encoding', 'size', 'match'), [
    ('nv12', (4, 5), 'nv12 needs an even width, got 5'),
    ('nv21', (5, 4), 'nv21 needs an even height, got 5'),
    ('yuyv', (4, 5), 'yuyv needs an even width, got 5')])
def test_odd_sizes_are_refused(encoding, size, match):
    data = np.zeros((3 * size[0], 2 * size[1]), np.uint8)
    with pytest.raises(ImageError, match=match):
        image_from_message(message_of(data, encoding, size, step=2 * size[1]), 'x')


def test_planes_without_their_colours_are_truncated():
    with pytest.raises(ImageError, match='the data have 24 bytes, but 6 rows of 6 bytes are 36; '
                                         'the message is truncated'):
        image_from_message(message_of(np.zeros((4, 6), np.uint8), 'nv12'), 'x')


def test_an_unknown_mosaic_names_the_known_ones():
    with pytest.raises(ImageError) as raised:
        image_from_message(message_of(np.zeros((4, 4), np.uint8), 'bayer_rgbw8'), '/image')
    text = str(raised.value)
    assert text.startswith("/image: encoding 'bayer_rgbw8' is not supported; expected one of: ")
    for encoding in FORMATS:
        assert encoding in text
