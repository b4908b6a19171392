"""Sequences: what matching pair by pair gives, with each image looked at once."""
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('safetensors', reason='safetensors is not installed')
from tiny_network import brightness_matcher, picture, plain, tiny_matcher

from panmatch_ros.core.errors import ImageError, ShapeError
from panmatch_ros.inference.classical import ClassicalMatcher
from panmatch_ros.inference.streaming import FlowStream

SIZE = (112, 130)


@pytest.mark.parametrize('options', [
    {}, {'bidirectional': False}, {'tiles': 'always', 'tile_size': (112, 112)}])
def test_a_stream_equals_the_pairs(options):
    matcher = tiny_matcher(**options)
    stream = matcher.stream()
    frames = [picture(SIZE, seed) for seed in range(3)]
    assert stream.next(frames[0]) is None
    for older, newer in pairwise(frames):
        streamed, matched = stream.next(newer), matcher.match(older, newer)
        np.testing.assert_allclose(streamed.flow, matched.flow, atol=1e-4)
        np.testing.assert_allclose(streamed.confidence, matched.confidence, atol=1e-4)
        assert stream.last is newer


def test_a_further_image_is_encoded_once():
    matcher = brightness_matcher()
    stream = matcher.stream()
    for count, red in enumerate((0.0, 0.3, 0.1, 0.2), start=1):
        stream.next(plain(SIZE, red))
        assert matcher.network._model.encoded == count


def test_streams_of_one_matcher_do_not_mix():
    matcher = brightness_matcher(gain=10)
    first, second = matcher.stream(), matcher.stream()
    first.next(plain((112, 112), 0.0))
    second.next(plain((112, 112), 0.5))
    assert first.next(plain((112, 112), 0.3)).flow[50, 50, 0] == pytest.approx(3, abs=1e-3)
    assert second.next(plain((112, 112), 0.3)).flow[50, 50, 0] == pytest.approx(-2, abs=1e-3)


@pytest.fixture(params=['classical', 'network'])
def stream(request):
    return (ClassicalMatcher() if request.param == 'classical' else brightness_matcher()).stream()


def test_forgetting_starts_a_new_sequence(stream):
    stream.next(picture(SIZE, 0))
    stream.forget()
    assert stream.last is None
    assert stream.next(picture(SIZE, 1)) is None
    assert stream.next(picture(SIZE, 2)) is not None


def test_another_size_starts_a_new_sequence(stream):
    stream.next(picture(SIZE, 0))
    assert stream.next(picture((120, 112), 1)) is None
    assert stream.next(picture((120, 112), 2)).flow.shape == (120, 112, 2)


def test_an_image_that_cannot_be_used_ends_the_sequence(stream):
    stream.next(picture(SIZE, 0))
    with pytest.raises(ShapeError):
        stream.next(np.zeros((*SIZE, 2), np.uint8))
    assert stream.last is None
    assert stream.next(picture(SIZE, 1)) is None
    with pytest.raises(ImageError):
        stream.next(np.zeros((0, 5), np.uint8))
    assert stream.last is None


def test_a_matcher_without_features_keeps_the_image():
    stream = ClassicalMatcher().stream()
    assert type(stream) is FlowStream
    frames = [picture(SIZE, 1), np.roll(picture(SIZE, 1), 2, axis=1)]
    stream.next(frames[0])
    np.testing.assert_array_equal(stream.next(frames[1]).flow,
                                  ClassicalMatcher().match(*frames).flow)
