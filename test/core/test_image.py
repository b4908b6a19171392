"""Accepted images and what they become."""
import numpy as np
import pytest

from panmatch_ros.core import image as images
from panmatch_ros.core.errors import ImageError, ShapeError

GREY = np.array([[0, 100], [200, 255]], np.uint8)
RGB = np.dstack([GREY, GREY, GREY])


@pytest.mark.parametrize('image', [
    GREY, GREY[..., None], RGB, np.dstack([RGB, GREY]), GREY.astype(np.uint16) * 257,
    GREY.astype(np.float32) / 255, GREY.astype(np.float64) / 255, np.asfortranarray(GREY),
    GREY[::-1][::-1],
])
def test_every_accepted_form_of_one_picture_is_the_same_grey(image):
    images.check_image(image)
    assert np.array_equal(images.to_gray(image), GREY)
    assert np.array_equal(images.to_rgb(image), RGB)
    assert images.to_gray(image).flags.c_contiguous


def test_colour_is_rgb_not_bgr():
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 0] = 255
    assert images.to_gray(red)[0, 0] == 76  # 0.299 * 255


def test_values_out_of_range_are_clipped():
    values = np.array([[-1, 2], [np.nan, np.inf]], np.float32)
    assert images.to_uint8(values).tolist() == [[0, 255], [0, 255]]


def test_input_is_not_changed():
    values = np.array([[np.nan, 0.5]], np.float32)
    images.to_gray(values)
    assert np.isnan(values[0, 0])


@pytest.mark.parametrize(('image', 'error', 'match'), [
    ([[1, 2]], ShapeError, 'must be a numpy array, got list'),
    (np.zeros(5, np.uint8), ShapeError, r'must be \(H, W\).*got \(5,\)'),
    (np.zeros((4, 4, 2), np.uint8), ShapeError, r'got \(4, 4, 2\)'),
    (np.zeros((4, 4), np.int32), ShapeError, 'got int32'),
    (np.zeros((4, 4), bool), ShapeError, 'got bool'),
    (np.zeros((0, 4), np.uint8), ImageError, 'photo is empty'),
    (np.broadcast_to(np.uint8(0), (1 << 15, 1 << 14)), ImageError, 'more than the limit'),
])
def test_what_is_not_an_image(image, error, match):
    with pytest.raises(error, match=match):
        images.check_image(image, 'photo')


def test_pair_of_two_sizes():
    with pytest.raises(ShapeError, match='must have the same size, got 2x2 and 3x2'):
        images.check_pair(GREY, np.zeros((2, 3), np.uint8))


def test_contrast():
    random = np.random.default_rng(0)
    assert images.has_contrast(random.integers(0, 256, (48, 64, 3), np.uint8))
    assert images.has_contrast(np.tile(np.linspace(0, 1, 64, dtype=np.float32), (48, 1)))
    assert not images.has_contrast(np.full((48, 64), 200, np.uint8))
    assert not images.has_contrast(random.integers(10, 12, (480, 640), np.uint8))  # of a sensor
    assert images.has_contrast(np.uint16([[0, 60000], [60000, 0]]))
