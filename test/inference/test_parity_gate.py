"""Whether a wrong engine is refused, with the right numbers, and a right one accepted."""
from dataclasses import FrozenInstanceError, replace

import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, EngineError
from panmatch_ros.core.types import Displacement
from panmatch_ros.inference.engine_key import PRECISIONS
from panmatch_ros.inference.parity_gate import BOUNDS, ParityBounds, bounds_of, compare
from panmatch_ros.inference.parity_pair import make_parity_pair

HEIGHT, WIDTH = 20, 50  # 1000 pixels
FP32 = BOUNDS['fp32']


@pytest.fixture
def reference():
    rng = np.random.default_rng(1)
    return Displacement(rng.normal(0, 9, (HEIGHT, WIDTH, 2)).astype(np.float32),
                        rng.uniform(0, 1, (HEIGHT, WIDTH)).astype(np.float32))


# The verdict.

@pytest.mark.parametrize('precision', PRECISIONS)
def test_the_same_result_is_accepted(reference, precision):
    verdict = compare(reference.flow, reference.confidence, reference, bounds_of(precision))
    assert verdict.accepted
    assert (verdict.mean_px, verdict.p99_px, verdict.max_px) == (0, 0, 0)
    assert (verdict.off_share, verdict.confidence) == (0, 0)
    assert verdict.text.startswith('mean 0 px, p99 0 px, max 0 px, share off by more than ')


def test_the_numbers_are_those_worked_out_by_hand(reference):
    flow = reference.flow.astype(np.float64)
    flow[:2, :, :] += (3, -4)    # 100 of 1000 pixels are off by 5
    flow[2, 0, 0] += 20          # and one by 20
    confidence = reference.confidence.astype(np.float64)
    confidence[:10] -= 0.5
    verdict = compare(flow, confidence, reference, ParityBounds(1, 10, 100, 4, 0.2, 0.3))
    assert verdict.accepted
    assert verdict.mean_px == pytest.approx(0.52)
    assert verdict.p99_px == pytest.approx(5)
    assert verdict.max_px == pytest.approx(20)
    assert (verdict.off_px, verdict.off_share) == (4, 0.101)
    assert verdict.confidence == pytest.approx(0.25)
    assert verdict.text == ('mean 0.52 px, p99 5 px, max 20 px, share off by more than 4 px '
                            '0.101, confidence 0.25')


@pytest.mark.parametrize(('name', 'text'), [
    ('mean_px', 'mean 0.52 px (at most 0.519)'), ('p99_px', 'p99 5 px (at most 4.99)'),
    ('max_px', 'max 20 px (at most 19.9)'),
    ('off_share', 'share off by more than 4 px 0.101 (at most 0.1)'),
    ('confidence', 'confidence 0.25 (at most 0.249)')])
def test_each_bound_refuses_alone_and_says_so(reference, name, text):
    flow = reference.flow.astype(np.float64)
    flow[:2, :, :] += (3, -4)
    flow[2, 0, 0] += 20
    confidence = reference.confidence.astype(np.float64)
    confidence[:10] -= 0.5
    bound = float(text.split('at most ')[1].rstrip(')'))
    bounds = replace(ParityBounds(1, 10, 100, 4, 0.2, 0.3), **{name: bound})
    verdict = compare(flow, confidence, reference, bounds)
    assert not verdict.accepted
    assert text in verdict.text
    assert verdict.text.count('at most') == 1


@pytest.mark.parametrize('precision', PRECISIONS)
@pytest.mark.parametrize('change', [
    lambda flow: flow[..., ::-1], lambda flow: -flow, lambda flow: 0 * flow,
    lambda flow: flow * (1 + 1 / WIDTH), lambda flow: np.roll(flow, 1, axis=1)],
    ids=['axes', 'sign', 'zero', 'scale', 'shift'])
def test_wrong_conventions_are_refused(precision, change):
    pair = make_parity_pair((96, 160))
    confidence = np.ones((96, 160), np.float32)
    reference = Displacement(pair.flow * 10, confidence)
    assert not compare(change(pair.flow * 10), confidence, reference,
                       bounds_of(precision)).accepted


def test_rounding_of_a_precision_is_accepted_by_its_bounds(reference):
    def differ(scale):
        noise = np.random.default_rng(2).normal(0, scale, reference.flow.shape)
        return [precision for precision in PRECISIONS
                if compare(reference.flow + noise, reference.confidence, reference,
                           bounds_of(precision)).accepted]
    assert differ(1e-3) == ['fp32', 'fp16', 'bf16']
    assert differ(0.05) == ['fp16', 'bf16']
    assert differ(0.1) == ['bf16']
    assert differ(0.5) == []


def test_results_in_16_bits_are_compared(reference):
    flow, confidence = (array.astype(np.float16)
                        for array in (reference.flow, reference.confidence))
    assert compare(flow, confidence, reference, bounds_of('fp16')).accepted


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('where', ['flow', 'confidence'])
def test_what_is_not_finite_is_refused(reference, where, bad):
    results = {'flow': reference.flow.copy(), 'confidence': reference.confidence.copy()}
    results[where][3, 4] = bad
    verdict = compare(**results, reference=reference, bounds=FP32)
    assert not verdict.accepted
    count = results[where][3, 4].size
    assert verdict.text == (f'{count} of {results[where].size} values of its {where} are not '
                            'finite')
    assert np.isnan(verdict.mean_px)


def test_huge_values_are_refused(reference):
    verdict = compare(reference.flow + np.float32(3e38), reference.confidence, reference,
                      BOUNDS['bf16'])
    assert not verdict.accepted


@pytest.mark.parametrize(('flow', 'text'), [
    (np.zeros((HEIGHT, WIDTH), np.float32), 'its flow has the shape (20, 50), and (20, 50, 2)'),
    (np.zeros((2, HEIGHT, WIDTH), np.float32), 'the shape (2, 20, 50)'),
    (np.zeros((WIDTH, HEIGHT, 2), np.float32), 'the shape (50, 20, 2)'),
    (np.zeros((0, 0, 2), np.float32), 'the shape (0, 0, 2)'),
    (np.zeros((HEIGHT, WIDTH, 2), np.int32), 'its flow is int32'),
    (None, 'its flow is NoneType'), ([], 'its flow is list')])
def test_other_shapes_and_types_are_refused(reference, flow, text):
    verdict = compare(flow, reference.confidence, reference, FP32)
    assert not verdict.accepted
    assert text in verdict.text
    verdict = compare(reference.flow, flow, reference, FP32)
    assert not verdict.accepted


def test_a_reference_that_is_not_finite_is_an_error(reference):
    flow = reference.flow.copy()
    flow[0, 0] = np.nan
    with pytest.raises(EngineError, match='check its weights'):
        compare(flow, reference.confidence, Displacement(flow, reference.confidence), FP32)


def test_bounds():
    assert tuple(BOUNDS) == PRECISIONS
    with pytest.raises(ConfigError, match="no bounds for the precision 'int8'"):
        bounds_of('int8')
    with pytest.raises(ConfigError, match='max_px must be finite'):
        replace(FP32, max_px=float('nan'))
    with pytest.raises(ConfigError, match='mean_px must be finite'):
        replace(FP32, mean_px=-1)
    with pytest.raises(FrozenInstanceError):
        FP32.mean_px = 1


# The pair.

@pytest.mark.parametrize('task', ['flow', 'stereo'])
@pytest.mark.parametrize('size', [(16, 16), (33, 70), (160, 96), (17, 1000)])
def test_a_pair_of_any_size(size, task):
    pair = make_parity_pair(size, task)
    for image in (pair.image0, pair.image1):
        assert (image.shape, image.dtype) == ((*size, 3), np.uint8)
        assert image.std() > 20
        assert image.flags.c_contiguous
    assert (pair.flow.shape, pair.flow.dtype) == ((*size, 2), np.float32)
    assert 0.5 < np.abs(pair.flow).max() <= 48
    again = make_parity_pair(size, task)
    assert all(np.array_equal(getattr(pair, name), getattr(again, name))
               for name in ('image0', 'image1', 'flow'))


@pytest.mark.parametrize('task', ['flow', 'stereo'])
def test_the_images_fit_the_displacement(task):
    pair = make_parity_pair((120, 200), task)
    y, x = np.mgrid[:120, :200].astype(np.float32)
    warped = cv2.remap(pair.image1, x + pair.flow[..., 0], y + pair.flow[..., 1],
                       cv2.INTER_CUBIC)
    inside = (slice(8, -8), slice(16, -16))
    difference = np.abs(warped[inside].astype(int) - pair.image0[inside])
    assert difference.mean() < 0.01
    moved = np.abs(pair.image1[inside].astype(int) - pair.image0[inside])
    assert moved.mean() > 10


def test_the_disparity_is_positive_and_along_the_rows():
    flow = make_parity_pair((96, 400), 'stereo').flow
    assert -flow[..., 0].min() == pytest.approx(24, abs=0.5)
    assert flow[..., 0].max() < -1
    assert not flow[..., 1].any()


@pytest.mark.parametrize(('size', 'task', 'text'), [
    ((15, 100), 'flow', r'15x100 \(height x width\) cannot be drawn'),
    ((100, 32001), 'flow', 'cannot be drawn'), ((100, 100), 'depth', "no task 'depth'")])
def test_pairs_that_cannot_be_drawn(size, task, text):
    with pytest.raises(ConfigError, match=text):
        make_parity_pair(size, task)
