"""Images made smaller or padded: what is measured on them comes back to the same place."""
import dataclasses

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('safetensors', reason='safetensors is not installed')
from tiny_nano import textured_pair
from tiny_network import brightness_matcher, picture, plain, tiny_matcher

from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.inference.fitting import LetterboxTransform, Shrink
from panmatch_ros.inference.nano import NanoMatcher
from panmatch_ros.inference.nano_config import NanoOptions
from panmatch_ros.inference.nano_layout import lay_out
from panmatch_ros.inference.panmatch_config import PanMatchOptions
from panmatch_ros.inference.transform import MEAN, STD


@pytest.mark.parametrize(('size', 'max_side', 'shrunk'), [
    ((480, 640), 0, (480, 640)), ((480, 640), 640, (480, 640)), ((480, 640), 320, (240, 320)),
    ((640, 481), 320, (320, 240)), ((5, 1000), 100, (1, 100))])
def test_the_longer_side_is_limited(size, max_side, shrunk):
    assert Shrink.to_side(size, max_side).shrunk == shrunk


def test_a_spot_stays_where_it_is():
    image = np.zeros((64, 96, 3), np.uint8)
    image[30:34, 46:50] = 255
    shrink = Shrink.to_side((64, 96), 48)
    small = shrink.forward(image)
    assert small.shape == (32, 48, 3)
    assert small.max() == 1
    back = shrink.inverse_map(small[..., 0])
    rows, columns = np.indices(back.shape)
    assert (back * rows).sum() / back.sum() == pytest.approx(31.5, abs=0.01)
    assert (back * columns).sum() / back.sum() == pytest.approx(47.5, abs=0.01)


def test_flow_grows_by_the_factor_of_each_axis():
    shrink = Shrink((100, 90), (50, 30))
    flow = shrink.inverse_flow(np.full((50, 30, 2), (2, 3), np.float32))
    assert flow.shape == (100, 90, 2)
    np.testing.assert_allclose(flow[7, 8], (6, 6))
    same = Shrink((9, 9), (9, 9))
    image = np.zeros((9, 9), np.uint8)
    assert same.forward(image) is image


def test_letterbox_repeats_the_edge_and_cuts_it_off_again():
    image = picture((100, 150), 0)
    transform = LetterboxTransform((100, 150))
    tensor = transform.forward(image)
    assert tensor.shape == (3, 112, 224)
    np.testing.assert_allclose(tensor[:, :100, :150].transpose(1, 2, 0),
                               (image / np.float32(255) - MEAN) / STD, atol=1e-6)
    np.testing.assert_array_equal(tensor[:, 111], tensor[:, 99])
    np.testing.assert_array_equal(tensor[:, :, 223], tensor[:, :, 149])
    flow = np.random.default_rng(0).normal(size=(112, 224, 2)).astype(np.float32)
    np.testing.assert_array_equal(transform.inverse_flow(flow), flow[:100, :150])
    np.testing.assert_array_equal(
        transform.inverse_flow(transform.forward_flow(flow[:100, :150])), flow[:100, :150])
    np.testing.assert_array_equal(transform.scale_intrinsics(np.eye(3)), np.eye(3))
    with pytest.raises(ShapeError, match=r'must be \(100, 150\), got \(112, 224\)'):
        transform.forward(np.zeros((112, 224), np.uint8))
    with pytest.raises(ShapeError, match='at least 1 x 1'):
        LetterboxTransform((0, 5))


@pytest.mark.parametrize('fit', ['stretch', 'letterbox'])
def test_panmatch_at_a_smaller_size(fit):
    """The stand-in finds 4 and -3 pixels of what it sees, which has half the size."""
    matcher = brightness_matcher(gain=10, max_side=200, fit=fit)
    layout = matcher.layout(np.zeros((300, 400)))
    assert (layout.size, layout.part) == ((300, 400), (150, 200))
    result = matcher.match(plain((300, 400)), plain((300, 400), 0.4, -0.3))
    assert result.flow.shape == (300, 400, 2)
    scale = np.array(layout.transform.scale)
    np.testing.assert_allclose(result.flow[100, 100], np.array([8, -6]) / scale, rtol=1e-3)
    assert result.confidence[100, 100] == pytest.approx(1, abs=1e-3)


def test_tiles_of_a_smaller_image():
    matcher = tiny_matcher(max_side=160, tiles='always', tile_size=(112, 112))
    assert len(matcher.layout(np.zeros((240, 320))).offsets) == 4
    result = matcher.match(picture((240, 320), 1), picture((240, 320), 2))
    assert result.flow.shape == (240, 320, 2)
    assert np.isfinite(result.flow).all()


def test_the_reference_code_has_no_letterbox():
    with pytest.raises(ConfigError, match='does not go with fit letterbox'):
        PanMatchOptions(reference_quirks=True, fit='letterbox')


@pytest.mark.parametrize(('options', 'scaled', 'padded'), [
    ({'max_side': 320}, (240, 320), (240, 320)), ({'max_side': 1000}, (480, 640), (480, 640)),
    ({'max_side': 300}, (225, 300), (240, 320)),
    ({'max_side': 300, 'fit': 'stretch'}, (240, 320), (240, 320)),
    ({'max_side': 800, 'detail': True}, (600, 800), (608, 832))])
def test_nano_at_other_sizes(options, scaled, padded):
    layout = lay_out((480, 640), NanoOptions(**options))
    assert (layout.scaled, layout.padded) == (scaled, padded)


@pytest.mark.parametrize('options', [{'max_side': 192}, {'fit': 'stretch'}])
def test_nano_measures_the_same_motion(options):
    images = textured_pair(200, 250, (4, 10))
    usual = NanoMatcher(NanoOptions(threads=1))
    other = usual.with_options(dataclasses.replace(usual.options, **options))
    found = other.match(*images)
    inside = found.flow[40:-40, 40:-40]
    assert found.flow.shape == (200, 250, 2)
    np.testing.assert_allclose(np.median(inside, axis=(0, 1)), (10, 4), atol=0.15)


def test_the_search_of_nano_reaches_further_in_smaller_images():
    matcher = NanoMatcher(NanoOptions(threads=1))
    smaller = matcher.with_options(NanoOptions(threads=1, max_side=640))
    assert smaller.search_range(1280)[1] == pytest.approx(2 * matcher.search_range(1280)[1])


@pytest.mark.parametrize(('values', 'text'), [
    ({'fit': 'crop'}, 'fit must be one of auto, letterbox, stretch'),
    ({'max_side': -1}, 'max_side must be a whole number from 0'),
    ({'warm_start': 1}, 'warm_start must be True or False')])
def test_wrong_values(values, text):
    with pytest.raises(ConfigError, match=text):
        NanoOptions(**values)
