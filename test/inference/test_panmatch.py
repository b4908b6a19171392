"""The network behind the Matcher interface: scales, signs, confidence, shared features."""
import gc
import math
import weakref

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('safetensors', reason='safetensors is not installed')
from tiny_network import brightness_matcher, picture, plain, tiny_matcher, tiny_model
import torch

from panmatch_ros.core.correspondence import confidence_from_error, forward_backward_error
from panmatch_ros.core.errors import ConfigError, ImageError, ShapeError
from panmatch_ros.inference import consistency
from panmatch_ros.inference.consistency import consistency_confidence, inside_confidence
from panmatch_ros.inference.panmatch import PanMatchMatcher
from panmatch_ros.inference.panmatch_torch import TorchNetwork, network_name, with_iterations
from panmatch_ros.inference.transform import StretchTransform
from panmatch_ros.models.presets import preset

SIZE = (120, 150)
BRIGHT = (0.4, -0.3)  # brightness of image 1; that of image 0 is 0


def pair(size=SIZE):
    return plain(size), plain(size, *BRIGHT)


@pytest.mark.parametrize('size', [(112, 112), (120, 150), (113, 225), (16, 400), (2, 3)])
def test_flow_is_that_of_the_network_in_pixels_of_the_image(size):
    matcher, scale = brightness_matcher(gain=10), StretchTransform(size).scale
    result = matcher.match(*pair(size))
    assert result.flow.shape == (*size, 2)
    assert result.valid.all()
    np.testing.assert_allclose(result.flow[..., 0], 4 / scale[0], rtol=1e-4)
    np.testing.assert_allclose(result.flow[..., 1], -3 / scale[1], rtol=1e-4)


def test_confidence_is_full_where_both_directions_agree_and_zero_outside():
    result = brightness_matcher(gain=10).match(*pair((112, 112)))  # 4 px right, 3 px up
    expected = np.zeros((112, 112), np.float32)
    expected[3:, :-4] = 1
    np.testing.assert_allclose(result.confidence, expected, atol=1e-4)


def test_one_direction_alone_is_unsure_of_nothing_inside():
    result = brightness_matcher(gain=10, bidirectional=False).match(*pair((112, 112)))
    assert set(np.unique(result.confidence)) == {0, 1}
    assert result.confidence.mean() == pytest.approx(109 * 108 / 112 ** 2)


@pytest.mark.parametrize('both', [True, False])
def test_confidence_of_the_network_counts_too(both):
    matcher = brightness_matcher(confidence=0.25, bidirectional=both)
    assert matcher.match(*pair()).confidence[60, 70] == pytest.approx(0.25, abs=1e-4)


def test_each_image_is_encoded_once_for_both_directions():
    matcher = brightness_matcher()
    matcher.match(*pair())
    assert matcher.network._model.encoded == 2


def test_backward_flow_is_the_flow_of_the_swapped_images():
    network = tiny_matcher().network
    transform = StretchTransform((112, 112))
    image0, image1 = (transform.forward(picture((112, 112), seed)) for seed in (1, 2))
    view0, view1 = network.encode_pair(image0, image1, both_contexts=True)
    forward, backward = network.match(view0, view1, both=True)
    assert np.abs(forward.flow - backward.flow).max() > 0.1
    np.testing.assert_allclose(network.match(view1, view0, False)[0].flow, backward.flow,
                               atol=1e-4)
    alone = network.encode_pair(image1, image0, both_contexts=False)
    assert alone[1].context is None
    np.testing.assert_allclose(network.match(*alone, False)[0].flow, backward.flow, atol=1e-4)


def test_the_flow_equals_the_network_called_directly():
    model, matcher = tiny_model(), tiny_matcher()
    size = (112, 224)
    image0, image1 = picture(size, 1), picture(size, 2)
    transform = StretchTransform(size)
    with torch.inference_mode():
        tensors = (torch.from_numpy(transform.forward(image))[None] for image in (image0, image1))
        expected = model(*tensors).flow[0].permute(1, 2, 0).numpy()
    result = matcher.match(image0, image1)
    np.testing.assert_allclose(result.flow, expected, atol=1e-4)
    assert np.abs(result.flow).max() > 0.1
    assert result.flow.dtype == result.confidence.dtype == np.float32


def test_pairs_are_independent_of_each_other():
    matcher = tiny_matcher()
    first = matcher.match(picture(SIZE, 1), picture(SIZE, 2))
    matcher.match(picture((112, 130), 3), picture((112, 130), 4))
    again = matcher.match(picture(SIZE, 1), picture(SIZE, 2))
    np.testing.assert_array_equal(first.flow, again.flow)


@pytest.mark.parametrize('form', ['gray', 'rgba', 'uint16', 'float'])
def test_any_accepted_image_will_do(form):
    gray = [picture((112, 112), seed)[..., 0] for seed in (1, 2)]
    matcher = tiny_matcher()
    expected = matcher.match(*(np.dstack([image] * 3) for image in gray)).flow
    forms = {'gray': lambda image: image, 'rgba': lambda image: np.dstack([image] * 4),
             'uint16': lambda image: image.astype(np.uint16) * 257,
             'float': lambda image: image / 255}
    np.testing.assert_allclose(matcher.match(*map(forms[form], gray)).flow, expected, atol=1e-3)


def test_disparity_is_the_motion_to_the_left():
    matcher = brightness_matcher(gain=-10)  # flow (-4, 0): the right image is further left
    result = matcher.match_stereo(plain((112, 112)), plain((112, 112), 0.4))
    np.testing.assert_allclose(result.disparity, 4, rtol=1e-4)
    assert result.confidence[50, 50] == pytest.approx(1, abs=1e-4)
    assert (result.confidence[:, :3] == 0).all()  # beyond the left edge of the right image


def test_motion_across_the_rows_lowers_the_confidence_of_disparities():
    matcher = brightness_matcher(gain=-10)
    result = matcher.match_stereo(plain((112, 112)), plain((112, 112), 0.4, 0.1))
    assert result.confidence[50, 50] == pytest.approx(math.exp(-0.5), abs=1e-3)


@pytest.mark.parametrize(('flow_x', 'limits', 'disparity'), [
    (-4.0, {}, 4.0), (0.4, {}, 0.0), (1.5, {}, np.nan),
    (1.5, {'min_disparity': -3.0}, -1.5), (-4.0, {'min_disparity': 6.0}, np.nan),
    (-8.5, {'max_disparity': 8.0}, 8.0), (-9.5, {'max_disparity': 8.0}, np.nan),
])
def test_disparities_outside_the_range(flow_x, limits, disparity):
    matcher = brightness_matcher(gain=10, **limits)
    result = matcher.match_stereo(plain((112, 112)), plain((112, 112), flow_x / 10))
    expected = np.full((112, 112), disparity)
    np.testing.assert_allclose(result.disparity, expected, atol=1e-4)
    if math.isnan(disparity):
        assert (result.confidence == 0).all()


def test_search_range():
    assert brightness_matcher().search_range(640) == (0, 640)
    limited = brightness_matcher(min_disparity=-8.0, max_disparity=64.0)
    assert limited.search_range(640) == (-8, 64)


@pytest.mark.filterwarnings('ignore:invalid value')
def test_what_is_not_finite_is_invalid():
    result = brightness_matcher(gain=math.inf).match(*pair())
    assert not result.valid.any()
    assert np.isnan(result.flow).all()
    assert (result.confidence == 0).all()


def test_quirks_change_whole_images_and_the_scale():
    result = brightness_matcher(gain=10, reference_quirks=True).match(*pair((100, 112)))
    # Green was multiplied by 112 / 100, the flow by 100 / 112.
    np.testing.assert_allclose(result.flow[..., 1], -3 * (112 / 100) * (100 / 112), rtol=1e-4)
    tiles = brightness_matcher(gain=10, reference_quirks=True, tiles='always')
    np.testing.assert_allclose(tiles.match(*pair((100, 112))).flow[..., 1], -3 * 100 / 112,
                               rtol=1e-4)


@pytest.mark.parametrize(('image1', 'error'), [
    (np.zeros((120, 151, 3), np.uint8), ShapeError),
    (np.zeros((120, 150, 2), np.uint8), ShapeError),
    (np.zeros((120, 150, 3), np.int32), ShapeError),
    (np.zeros((0, 150, 3), np.uint8), ImageError),
])
def test_bad_images_are_errors(image1, error):
    matcher = brightness_matcher()
    with pytest.raises(error, match='image1'):
        matcher.match(picture(SIZE), image1)
    with pytest.raises(error, match='right'):
        matcher.match_stereo(picture(SIZE), image1)


def test_not_enough_memory_is_an_image_error(monkeypatch):
    matcher = brightness_matcher()

    def fail(*_):
        raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 9 GiB\nmore')
    monkeypatch.setattr(matcher.network._model, 'correlate', fail)
    with pytest.raises(ImageError, match=r'not enough memory for the network \(CUDA out of'):
        matcher.match(*pair())


@pytest.mark.parametrize('precision', ['fp16', 'bf16'])
def test_half_precision_is_close(precision):
    images = picture((112, 112), 1), picture((112, 112), 2)
    exact = tiny_matcher().match(*images).flow
    matcher = PanMatchMatcher(TorchNetwork(tiny_model(), 'cpu', precision))
    assert matcher.precision == precision
    error = np.abs(matcher.match(*images).flow - exact)
    assert 0 < np.median(error) < 0.1 * np.median(np.abs(exact))


@pytest.mark.gpu
def test_cuda_equals_the_cpu():
    if not torch.cuda.is_available():
        pytest.skip('no CUDA device')
    images = picture((112, 150), 1), picture((112, 150), 2)
    matcher = PanMatchMatcher(TorchNetwork(tiny_model(), 'cuda'))
    np.testing.assert_allclose(matcher.match(*images).flow, tiny_matcher().match(*images).flow,
                               atol=1e-2)


def test_a_missing_device_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ConfigError, match='device cuda: PyTorch finds no CUDA device'):
        TorchNetwork(tiny_model(), 'cuda')
    assert TorchNetwork(tiny_model(), 'auto').device.type == 'cpu'


def test_fewer_iterations_change_the_network_only():
    model = tiny_model()
    assert with_iterations(model, 0) is with_iterations(model, 3) is model
    short = with_iterations(model, 1)
    assert short.config == preset('panmatch_tiny', iterations=1)
    images = picture((112, 112), 1), picture((112, 112), 2)
    one = PanMatchMatcher(TorchNetwork(short, 'cpu')).match(*images)
    directly = tiny_matcher({'iterations': 1}).match(*images)
    np.testing.assert_array_equal(one.flow, directly.flow)


def test_nothing_keeps_a_network_that_is_no_longer_used():
    matcher = tiny_matcher()
    matcher.match(*pair((112, 112)))
    network = weakref.ref(matcher.network)
    gc.collect()
    gc.disable()
    try:
        del matcher
        assert network() is None
    finally:
        gc.enable()


def test_names_of_networks():
    assert tiny_matcher().name == 'panmatch_tiny'
    assert network_name(preset('panmatch_g', iterations=4, confidence_head=True)) == 'panmatch_g'
    assert network_name(preset('panmatch_g', features=96)) == 'panmatch'
    assert brightness_matcher().backend == 'torch'


def test_consistency_of_zero_flow_is_full_up_to_the_border():
    zero = np.zeros((5, 6, 2), np.float32)
    assert (consistency_confidence(zero, zero) == 1).all()
    nearly = zero - np.float32(0.4)
    assert (consistency_confidence(nearly, -nearly) > 0.99).all()
    assert (inside_confidence(nearly) == 1).all()
    beyond = consistency_confidence(zero - np.float32(0.6), zero + np.float32(0.6))
    assert (beyond[0] == 0).all()
    assert (beyond[:, 0] == 0).all()
    assert (beyond[1:, 1:] > 0.99).all()


def test_invalid_flow_has_no_confidence():
    broken = np.zeros((5, 6, 2), np.float32)
    broken[2, 3] = np.nan
    assert inside_confidence(broken)[2, 3] == 0
    assert consistency_confidence(broken, np.zeros_like(broken))[2, 3] == 0
    assert consistency_confidence(np.zeros_like(broken), broken)[2, 3] == 0


def test_consistency_of_very_wide_images_equals_that_of_others(monkeypatch):
    rng = np.random.default_rng(2)
    forward, backward = (rng.normal(0, 0.5, (40, 50, 2)).astype(np.float32) for _ in range(2))
    forward[3, 4] = np.nan
    usual = consistency_confidence(forward, backward)
    monkeypatch.setattr(consistency, 'MAX_REMAP_SIDE', 10)
    np.testing.assert_allclose(consistency_confidence(forward, backward), usual, atol=0.05)
    assert usual[3, 4] == 0
    errors = forward_backward_error(forward, backward)
    known = np.isfinite(errors)
    np.testing.assert_allclose(usual[known], confidence_from_error(errors[known]), atol=0.05)
