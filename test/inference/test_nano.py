"""The nano network as a matcher: values of the network, all sizes, what it says when it cannot."""
import itertools
import logging
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from tiny_nano import nano_model, textured_pair  # noqa: E402

from panmatch_ros.core.errors import (  # noqa: E402
    ConfigError,
    FormatError,
    ImageError,
    MissingDependencyError,
    ShapeError,
)
from panmatch_ros.core.occlusion import fill_hidden  # noqa: E402
from panmatch_ros.core.types import Disparity, Displacement  # noqa: E402
from panmatch_ros.inference.backends import onnxruntime_backend  # noqa: E402
from panmatch_ros.inference.consistency import inside_confidence  # noqa: E402
from panmatch_ros.inference.nano import SURE, NanoMatcher, NanoOptions  # noqa: E402


@pytest.fixture(scope='module')
def matcher(nano_folder):
    return NanoMatcher(NanoOptions(weights=nano_folder, threads=1))


@pytest.fixture(scope='module')
def network():
    return nano_model()


def options_of(matcher, **values):
    return NanoOptions(weights=matcher.options.weights, threads=1, **values)


def torch_result(network, matcher, images, rectified):
    layout = matcher.view(images[0]).layout
    tensors = [torch.from_numpy(layout.forward(image)) for image in images]
    with torch.no_grad():
        flow, confidence = network(*tensors, rectified=rectified)
    height, width = layout.size
    return (flow[0, :, :height, :width].permute(1, 2, 0).numpy(),
            confidence[0, 0, :height, :width].numpy())


def assert_mostly_near(found, expected, tolerance=1e-3):
    """Rounding may choose between two candidates that are equally good, at a few pixels."""
    difference = np.abs(found - expected)
    assert (difference < tolerance).mean() > 0.99
    assert np.median(difference) < 0.05 * tolerance


@pytest.mark.parametrize('size', [(64, 64), (67, 130), (96, 192)])
def test_flow_is_that_of_the_network(matcher, network, size):
    images = textured_pair(*size)
    result = matcher.match(*images)
    flow, confidence = torch_result(network, matcher, images, False)
    assert isinstance(result, Displacement)
    assert result.flow.shape == (*size, 2)
    assert_mostly_near(result.flow, flow)
    inside = result.confidence > 0
    assert_mostly_near(result.confidence[inside], confidence[inside], 1e-3)
    rows, columns = np.indices(size)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    outside = (x < -0.6) | (x > size[1] - 0.4) | (y < -0.6) | (y > size[0] - 0.4)
    assert not result.confidence[outside].any()


@pytest.mark.parametrize('size', [(8, 8), (9, 100), (33, 8)])
def test_small_images_are_padded(matcher, size):
    images = textured_pair(*size)
    assert matcher.match(*images).flow.shape == (*size, 2)
    assert matcher.match_stereo(*images).disparity.shape == size


def test_disparity_is_that_of_the_network(matcher, network):
    images = textured_pair(80, 128, (0, -6))
    flow, confidence = torch_result(network, matcher, images, True)
    expected = fill_hidden(-flow[..., 0], confidence * inside_confidence(flow), SURE)
    least = round(float(np.percentile(expected, 40)))
    result = matcher.with_options(options_of(
        matcher, min_disparity=float(least))).match_stereo(*images)
    assert isinstance(result, Disparity)
    possible = expected > least
    assert 0.2 < possible.mean() < 0.8
    assert_mostly_near(result.disparity[possible], expected[possible])
    far_off = expected < least - 1.01
    assert far_off.any()
    assert np.isnan(result.disparity[far_off]).mean() > 0.99
    assert not result.confidence[~result.valid].any()
    near = (expected > least - 0.99) & (expected < least)
    assert near.any()
    assert (result.disparity[near] == least).mean() > 0.99


def test_limits_of_the_disparity(matcher):
    images = textured_pair(64, 128, (0, -6))
    free = matcher.match_stereo(*images).disparity
    low, high = np.nanpercentile(free, [30, 70]).round()
    limited = matcher.with_options(options_of(
        matcher, min_disparity=float(low), max_disparity=float(high))).match_stereo(*images)
    values = limited.disparity[limited.valid]
    assert low <= values.min() <= values.max() <= np.float32(high)
    np.testing.assert_array_equal(limited.valid, (free >= low - 1) & (free <= high + 1))


def test_the_range_that_is_searched(matcher):
    assert matcher.search_range(640) == (0, 128)  # 16 steps of 8 pixels
    assert matcher.search_range(100) == (0, 100)
    other = matcher.with_options(options_of(matcher, detail=True, max_disparity=90.0))
    assert other.search_range(640) == pytest.approx((0, 128 / 1.5))
    other = matcher.with_options(options_of(matcher, large_motion=True, min_disparity=-2.0))
    assert other.search_range(640) == (-2, 256)


@pytest.mark.parametrize('make', [
    lambda x: x[..., 0], lambda x: x[..., 1:2], lambda x: np.dstack([x, x[..., 0]]),
    lambda x: x.astype(np.uint16) << 8, lambda x: x.astype(np.float32) / 255])
def test_kinds_of_images(matcher, make):
    grey = [np.repeat(x[..., :1], 3, axis=2) for x in textured_pair(64, 64)]
    found, expected = matcher.match(*map(make, grey)), matcher.match(*grey)
    np.testing.assert_allclose(found.flow, expected.flow, atol=1e-4)


@pytest.mark.parametrize('values', [{'detail': True}, {'large_motion': True},
                                    {'detail': True, 'large_motion': True},
                                    {'max_pixels': 4096}])
def test_modes_give_results_of_the_size_of_the_image(matcher, values):
    images = textured_pair(75, 133)
    other = matcher.with_options(options_of(matcher, **values))
    result, plain = other.match(*images), matcher.match(*images)
    assert result.flow.shape == (75, 133, 2)
    assert result.valid.all()
    assert np.abs(result.flow - plain.flow).max() > 1e-3
    assert other.match_stereo(*images).disparity.shape == (75, 133)


def test_a_stream_gives_what_single_pairs_give(matcher):
    frames = [textured_pair(64, 128, (0, shift))[1] for shift in (0, 3, 6)]
    stream = matcher.stream()
    assert stream.matcher is matcher
    assert stream.next(frames[0]) is None
    for last, image in itertools.pairwise(frames):
        assert stream.last is last
        np.testing.assert_array_equal(stream.next(image).flow, matcher.match(last, image).flow)
    assert stream.next(frames[0][:60]) is None  # another size: a new sequence
    stream.forget()
    assert stream.last is None
    assert stream.next(frames[0]) is None


def test_a_stream_encodes_each_image_once(matcher, monkeypatch):
    parts, run = [], matcher.programs.run
    monkeypatch.setattr(matcher.programs, 'run', lambda part, *rest:
                        parts.append(part) or run(part, *rest))
    stream = matcher.stream()
    for image in textured_pair(64, 64) * 2:
        stream.next(image)
    assert parts.count('encoder') == 4
    assert parts.count('refine') == 3


def test_a_bad_image_ends_the_sequence(matcher):
    stream, image = matcher.stream(), textured_pair(64, 64)[0]
    stream.next(image)
    with pytest.raises(ShapeError):
        stream.next(image.astype(np.int32))
    assert stream.last is None
    assert stream.next(image) is None


def test_images_without_contrast_are_not_trusted(matcher):
    black, image = np.zeros((64, 64, 3), np.uint8), textured_pair(64, 64)[0]
    for pair in ((black, black), (image, black), (black, image)):
        assert not matcher.match(*pair).confidence.any()
        assert not matcher.match_stereo(*pair).confidence.any()
    assert matcher.match(image, image).confidence.any()


@pytest.mark.parametrize(('images', 'error', 'text'), [
    ([np.zeros((64, 64), np.uint8), np.zeros((64, 65), np.uint8)], ShapeError, 'same size'),
    ([np.zeros((64, 64), np.int32)] * 2, ShapeError, 'must be uint8'),
    ([np.zeros((0, 64), np.uint8)] * 2, ImageError, 'empty'),
    ([np.zeros((7, 64), np.uint8)] * 2, ImageError, 'at least 8 x 8'),
    ([np.zeros((1, 1), np.uint8)] * 2, ImageError, 'at least 8 x 8')])
def test_images_that_are_refused(matcher, images, error, text):
    for match in (matcher.match, matcher.match_stereo):
        with pytest.raises(error, match=text):
            match(*images)


@pytest.mark.parametrize(('leaning', 'warns'), [
    ((0.01, 0.5), True), ((0.3, 0.5), False), ((0.0, 0.01), False)])
def test_swapped_images_are_warned_about_once(nano_folder, monkeypatch, caplog, leaning, warns):
    matcher = NanoMatcher(NanoOptions(weights=nano_folder, threads=1))
    monkeypatch.setattr(matcher.order_check, 'leaning', lambda left, right: leaning)
    monkeypatch.setattr('panmatch_ros.inference.nano.DOUBTFUL', 1.0)
    images = textured_pair(64, 64)
    with caplog.at_level(logging.WARNING):
        matcher.match_stereo(*images)
        matcher.match_stereo(*images)
    assert caplog.text.count('look swapped') == warns


def test_good_pairs_are_not_looked_at_for_their_order(matcher, monkeypatch):
    monkeypatch.setattr('panmatch_ros.inference.nano.DOUBTFUL', -1.0)
    monkeypatch.setattr(matcher.order_check, 'leaning', None)
    matcher.match_stereo(*textured_pair(64, 64))


def test_programs_are_kept_for_a_few_sizes(nano_folder, monkeypatch):
    matcher = NanoMatcher(NanoOptions(weights=nano_folder, threads=1))
    made, program = [], onnxruntime_backend.OnnxRuntimeProgram
    monkeypatch.setattr(onnxruntime_backend, 'OnnxRuntimeProgram',
                        lambda graph, threads: made.append(graph.size) or program(
                            graph, threads))
    matcher.prepare('flow', (64, 64))
    assert len(made) == 3
    matcher.match(*textured_pair(60, 50))
    assert len(made) == 3
    for width in (128, 192, 256, 320):
        matcher.prepare('stereo', (64, width))
    assert len(made) == 3 + 12
    matcher.match(*textured_pair(64, 64))  # planned again: four other sizes came after it
    assert len(made) == 3 + 12 + 3
    with pytest.raises(ConfigError, match="no task 'depth'"):
        matcher.prepare('depth', (64, 64))


def test_names_for_reports(matcher):
    assert (matcher.name, matcher.backend, matcher.precision) == ('nano', 'onnxruntime', 'fp32')


def test_options_that_need_another_network(matcher):
    assert matcher.has_network_of(options_of(matcher, detail=True, max_disparity=5.0))
    assert not matcher.has_network_of(NanoOptions(weights=matcher.options.weights, threads=2))
    assert not matcher.has_network_of(NanoOptions(threads=1))


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(FormatError, match='holds no nano network'):
        NanoMatcher(NanoOptions(weights=str(tmp_path)))


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_a_backend_that_is_not_installed(nano_folder, monkeypatch, backend):
    monkeypatch.setitem(sys.modules, backend, None)
    with pytest.raises(MissingDependencyError, match=f'pip install {backend}'):
        NanoMatcher(NanoOptions(weights=nano_folder, backend=backend))


class Nothing:
    part, dimensions = 'flow', {}

    @staticmethod
    def onnx():
        return b'nothing'


def test_a_graph_that_is_none(tmp_path, nano_folder):
    from panmatch_ros.checkpoints.nano_graphs import NanoGraphs
    with pytest.raises(FormatError, match='ONNX Runtime .* cannot use the graph flow'):
        onnxruntime_backend.OnnxRuntimeProgram(Nothing(), 1)
    assert NanoGraphs(tmp_path, {'network': {'disparity_levels': 4}}).disparity_levels == 4


def test_openvino_gives_the_same(matcher):
    pytest.importorskip('openvino', reason='openvino is not installed')
    other = NanoMatcher(NanoOptions(weights=matcher.options.weights, backend='openvino'))
    images = textured_pair(70, 130)
    assert other.backend == 'openvino'
    assert_mostly_near(other.match(*images).flow, matcher.match(*images).flow, 4e-3)
    assert_mostly_near(np.nan_to_num(other.match_stereo(*images).disparity),
                       np.nan_to_num(matcher.match_stereo(*images).disparity), 4e-3)


def test_no_torch_is_needed(nano_folder):
    program = f"""
import sys
import numpy as np
from panmatch_ros.inference.factory import MatcherOptions, create_matcher
from panmatch_ros.inference.nano_config import NanoOptions
matcher = create_matcher('nano', MatcherOptions(nano=NanoOptions(weights={nano_folder!r})))
matcher.match(*[np.zeros((64, 64), np.uint8)] * 2)
assert 'torch' not in sys.modules and 'onnx' not in sys.modules
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
