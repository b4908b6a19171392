"""Stereo cameras in motion: what pairs give, with each image looked at once; warm starts."""
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
from tiny_nano import textured_pair
from tiny_network import brightness_matcher, tiny_matcher

from panmatch_ros.core.errors import ImageError, ShapeError
from panmatch_ros.inference import auto
from panmatch_ros.inference.auto import AutoMatcher
from panmatch_ros.inference.classical import ClassicalMatcher
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions
from panmatch_ros.inference.warm_start import WarmStart

SIZE = (112, 130)


@pytest.fixture(scope='module')
def matchers(nano_folder):
    return {'classical': ClassicalMatcher(), 'panmatch': tiny_matcher(),
            'nano': NanoMatcher(NanoOptions(weights=nano_folder, threads=1))}


@pytest.fixture(scope='module')
def pairs():
    left = [textured_pair(*SIZE, shift=(index, 2 * index))[1] for index in range(3)]
    return [(image, np.roll(image, -4, axis=1)) for image in left]


@pytest.mark.parametrize('name', ['classical', 'panmatch', 'nano'])
def test_results_are_those_of_the_pairs(matchers, pairs, name):
    matcher = matchers[name]
    stream = matcher.rig_stream()
    results = [stream.next(*pair) for pair in pairs]
    assert results[0][1] is None
    for pair, (disparity, _) in zip(pairs, results, strict=True):
        expected = matcher.match_stereo(*pair)
        np.testing.assert_allclose(disparity.disparity, expected.disparity, atol=1e-4)
        np.testing.assert_allclose(disparity.confidence, expected.confidence, atol=1e-4)
    for ((older, _), (newer, _)), (_, flow) in zip(pairwise(pairs), results[1:], strict=True):
        expected = matcher.match(older, newer)
        np.testing.assert_allclose(flow.flow, expected.flow, atol=1e-4)
        np.testing.assert_allclose(flow.confidence, expected.confidence, atol=1e-4)
    assert stream.last is pairs[-1][0]


def test_nano_describes_each_image_once(matchers, pairs, monkeypatch):
    matcher, parts = matchers['nano'], []
    run = matcher.programs.run
    monkeypatch.setattr(matcher.programs, 'run',
                        lambda part, *rest: parts.append(part) or run(part, *rest))
    stream = matcher.rig_stream()
    for count, pair in enumerate(pairs, 1):
        stream.next(*pair)
        assert parts.count('encoder') == 2 * count


def test_panmatch_describes_each_image_once(pairs):
    matcher = brightness_matcher()
    stream = matcher.rig_stream()
    for count, pair in enumerate(pairs, 1):
        stream.next(*pair)
        assert matcher.network._model.encoded == 2 * count


@pytest.mark.parametrize('name', ['classical', 'panmatch', 'nano'])
def test_bad_pairs_end_the_sequence(matchers, pairs, name):
    stream = matchers[name].rig_stream()
    stream.next(*pairs[0])
    with pytest.raises((ShapeError, ImageError)):
        stream.next(pairs[1][0], pairs[1][1][:-1])
    assert stream.last is None
    assert stream.next(*pairs[1])[1] is None
    assert stream.next(*pairs[2])[1] is not None
    stream.forget()
    assert stream.next(*pairs[0])[1] is None


def test_auto_shares_what_one_network_does_for_both(nano_folder, pairs, monkeypatch):
    options = NanoOptions(weights=nano_folder, threads=1)
    two = AutoMatcher(options).rig_stream()
    assert two.next(*pairs[0])[0].disparity.shape == SIZE
    monkeypatch.setattr(auto, 'AUTO', {'flow': 'nano', 'stereo': 'nano'})
    matcher = AutoMatcher(options)
    one = matcher.rig_stream()
    assert one.matcher is matcher
    parts, run = [], matcher.for_task('flow').programs.run
    monkeypatch.setattr(matcher.for_task('flow').programs, 'run',
                        lambda part, *rest: parts.append(part) or run(part, *rest))
    one.next(*pairs[0])
    one.next(*pairs[1])
    assert parts.count('encoder') == 4


@pytest.fixture
def starts(monkeypatch):
    """What warm starts gave, in order."""
    given, guess = [], WarmStart.guess

    def noted(self, *smalls):
        given.append(guess(self, *smalls))
        return given[-1]
    monkeypatch.setattr(WarmStart, 'guess', noted)
    return given


def moving(count, shift=(0, 3)):
    return [textured_pair(128, 192, shift=(shift[0] * index, shift[1] * index))[1]
            for index in range(count)]


def test_a_warm_start_carries_the_motion_on(starts):
    matcher = NanoMatcher(NanoOptions(threads=1, warm_start=True))
    stream = matcher.stream()
    frames = moving(4)
    flows = [stream.next(frame) for frame in frames][1:]
    assert starts[0] is None
    for guess, weight in starts[1:]:
        assert (weight > 0.5).mean() > 0.7
        np.testing.assert_allclose(np.median(guess[weight > 0.5], axis=0), (3, 0), atol=0.2)
    for flow in flows:
        np.testing.assert_allclose(np.median(flow.flow, axis=(0, 1)), (3, 0), atol=0.1)


def test_a_cut_a_gap_and_another_size_start_cold(starts):
    matcher = NanoMatcher(NanoOptions(threads=1, warm_start=True))
    stream = matcher.stream()
    frames = moving(3)
    other = textured_pair(128, 192, seed=5)[0]
    for frame in (*frames, other):
        stream.next(frame)
    assert starts[1] is not None
    assert starts[2] is None  # nothing of the old scene is in the new one
    starts.clear()
    for frame in frames:
        stream.next(frame)
    stream.forget()
    for frame in frames[:2]:
        stream.next(frame)
    assert starts[-1] is None
    starts.clear()
    small = [frame[:64, :128].copy() for frame in frames]
    assert stream.next(small[0]) is None
    stream.next(small[1])
    assert starts == [None]


def test_cold_streams_ask_for_nothing(starts):
    stream = NanoMatcher(NanoOptions(threads=1)).stream()
    for frame in moving(3):
        stream.next(frame)
    assert starts == []


def test_the_panmatch_network_starts_from_the_guess(monkeypatch):
    matcher = tiny_matcher(warm_start=True, bidirectional=False)
    seen, match = [], matcher.network.match
    monkeypatch.setattr(matcher.network, 'match',
                        lambda *arguments: seen.append(arguments[3]) or match(*arguments))
    guess = (np.full((14, 14, 2), 4, np.float32), np.ones((14, 14), np.float32))
    monkeypatch.setattr(WarmStart, 'guess', lambda self, *smalls: guess if len(seen) else None)
    stream = matcher.stream()
    flows = [stream.next(frame) for frame in moving(3)]
    assert flows[0] is None
    assert seen[0] is None
    assert seen[1].shape == (224, 224, 2)
    assert (seen[1] == 4).all()
    cold = tiny_matcher(bidirectional=False).match(*moving(3)[1:])
    assert np.abs(flows[2].flow - cold.flow).max() > 1e-3
