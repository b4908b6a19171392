import cv2
from moving_textures import stereo_pair
import numpy as np
import pytest

from panmatch_ros.core.errors import ImageError, ShapeError
from panmatch_ros.inference.classical import ClassicalConfig, ClassicalMatcher


def same(result, expected):
    for name in vars(expected):
        np.testing.assert_array_equal(getattr(result, name), getattr(expected, name))


@pytest.mark.parametrize('method', ['match', 'match_stereo'])
class TestInputs:
    @pytest.fixture
    def pair(self):
        return stereo_pair(5, (41, 103))

    @pytest.mark.parametrize('form', [
        lambda image: image[..., None],
        lambda image: np.dstack([image] * 3),
        lambda image: np.dstack([image] * 3 + [255 - image]),
        lambda image: image.astype(np.uint16) * 257,
        lambda image: image.astype(np.float32) / 255,
        lambda image: image.astype(np.float64) / 255,
        lambda image: (image / 255).astype(np.float16),
        lambda image: np.dstack([image / 255] * 4),
        np.asfortranarray,
        lambda image: image[::-1, ::-1].copy()[::-1, ::-1],
        lambda image: np.repeat(np.repeat(image, 2, 0), 3, 1)[::2, ::3],
        lambda image: np.dstack([image] * 3)[::-1].copy()[::-1],
    ])
    def test_the_form_of_the_images_does_not_matter(self, pair, method, form):
        match = getattr(ClassicalMatcher(), method)
        given = [form(image) for image in pair]
        for image in given:
            image.flags.writeable = False
        before = [image.copy() for image in given]
        same(match(*given), match(*pair))
        for image, copy in zip(given, before, strict=True):
            np.testing.assert_array_equal(image, copy)

    def test_both_images_may_have_different_forms(self, pair, method):
        match = getattr(ClassicalMatcher(), method)
        same(match(pair[0], np.dstack([pair[1]] * 3)), match(*pair))

    def test_the_same_images_give_the_same_result(self, pair, method):
        matcher = ClassicalMatcher()
        first = getattr(matcher, method)(*pair)
        getattr(matcher, method)(*stereo_pair(3, (50, 90), seed=3))
        same(getattr(matcher, method)(*pair), first)
        same(getattr(ClassicalMatcher(), method)(*pair), first)

    def test_a_result_is_not_changed_by_the_next_call(self, pair, method):
        match = getattr(ClassicalMatcher(), method)
        first = match(*pair)
        kept = {name: value.copy() for name, value in vars(first).items()}
        match(*stereo_pair(3, (41, 103), seed=3))
        for name, value in kept.items():
            np.testing.assert_array_equal(getattr(first, name), value)

    def test_flat_images_are_no_error(self, method):
        flat = np.full((30, 50), 7, np.uint8)
        result = getattr(ClassicalMatcher(), method)(flat, flat)
        assert ((result.confidence >= 0) & (result.confidence <= 1)).all()

    def test_sizes_must_be_equal(self, pair, method):
        with pytest.raises(ShapeError, match='must have the same size, got 103x41 and 102x41'):
            getattr(ClassicalMatcher(), method)(pair[0], pair[1][:, 1:])

    @pytest.mark.parametrize('image', [
        np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4), np.int32), np.zeros(4, np.uint8)])
    def test_other_arrays_are_refused(self, method, image):
        with pytest.raises(ShapeError, match='must be'):
            getattr(ClassicalMatcher(), method)(image, image)

    def test_empty_images_are_refused(self, method):
        with pytest.raises(ImageError, match='is empty'):
            getattr(ClassicalMatcher(), method)(*[np.zeros((0, 5), np.uint8)] * 2)

    def test_images_beyond_the_limit_are_refused(self, pair, method):
        matcher = ClassicalMatcher(ClassicalConfig(max_pixels=41 * 103 - 1))
        with pytest.raises(ImageError, match='103 x 41 pixels, more than the limit of 4222'):
            getattr(matcher, method)(*pair)

    def test_images_too_wide_for_opencv_are_refused(self, method):
        with pytest.raises(ImageError, match='40000 x 1 pixels, OpenCV matches up to 32766'):
            getattr(ClassicalMatcher(), method)(*[np.zeros((1, 40000), np.uint8)] * 2)

    def test_errors_of_opencv_come_as_ours(self, pair, method, monkeypatch):
        def fail(*_args, **_options):
            cv2.resize(np.empty((0, 0), np.uint8), (1, 1))

        monkeypatch.setattr(cv2, 'remap', fail)
        with pytest.raises(ImageError, match='of images of 103 x 41 pixels: .*empty') as caught:
            getattr(ClassicalMatcher(), method)(*pair)
        assert isinstance(caught.value.__cause__, cv2.error)
