"""Several matchers on one pair."""
import numpy as np
import pytest

from panmatch_ros.core.errors import ImageError
from panmatch_ros.core.types import Disparity, Displacement
from panmatch_ros.evaluation.compare import compare
from panmatch_ros.evaluation.evaluate import Example, matchers_of, mean_score
from panmatch_ros.evaluation.truth import Truth
from panmatch_ros.inference.matcher import Matcher

SIZE = (8, 10)


class Says(Matcher):
    """Says one value everywhere, or fails."""

    def __init__(self, value):
        self.value = value

    def match(self, image0, image1):
        return Displacement(np.full((*SIZE, 2), self.value, np.float32),
                            np.ones(SIZE, np.float32))

    def match_stereo(self, left, right):
        if self.value is None:
            raise ImageError('too dark')
        return Disparity(np.full(SIZE, self.value, np.float32), np.ones(SIZE, np.float32))


def example(task='stereo', truth=None):
    image = np.zeros((*SIZE, 3), np.uint8)
    return Example('inner', task, image, image, Truth(truth) if truth is not None else None)


@pytest.fixture
def three():
    truth = np.full(SIZE, 5, np.float32)
    return compare('pair', 'stereo', lambda: example(truth=truth),
                   {'right': Says(5), 'off': Says(7), 'broken': Says(None)})


def test_every_matcher_is_scored_and_one_that_fails_does_not_stop_the_others(three):
    assert matchers_of(three.scores) == ['right', 'off', 'broken']
    assert {score.pair for score in three.scores} == {'pair'}
    right, off, broken = three.scores
    assert (right.metrics.epe_px, off.metrics.epe_px, broken.metrics) == (0, 2, None)
    assert broken.error == 'too dark'
    assert set(three.results) == {'right', 'off'}
    assert off.reliability.right.sum() == 0
    assert right.reliability.pixels.sum() == SIZE[0] * SIZE[1]


def test_without_truth_there_is_a_result_and_a_time():
    found = compare('pair', 'flow', lambda: example('flow'), {'a': Says(1)})
    score, = found.scores
    assert (score.metrics, score.confidence, score.reliability, score.error) == (None, None,
                                                                                None, '')
    assert score.milliseconds >= 0
    assert found.results['a'].values.shape == (*SIZE, 2)


def test_a_pair_that_cannot_be_read_fails_for_all():
    def load():
        raise ImageError('no such file')

    found = compare('pair', 'flow', load, {'a': Says(1), 'b': Says(2)})
    assert found.example is None
    assert [(score.matcher, score.error) for score in found.scores] == [
        ('a', 'no such file'), ('b', 'no such file')]


def test_mean_leaves_out_what_failed(three):
    mean = mean_score(three.scores)
    assert (mean.pair, mean.metrics.epe_px, mean.reliability.pixels.sum()) == ('mean', 1, 160)
