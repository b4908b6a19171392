"""Scoring of one pair, and means."""
import math

import cv2
import numpy as np
import pytest

from panmatch_ros.core.types import Disparity, Displacement
from panmatch_ros.evaluation.evaluate import mean_metrics, score_pair
from panmatch_ros.evaluation.metrics import Metrics
from panmatch_ros.evaluation.pairs import TruthPair
from panmatch_ros.inference.matcher import Matcher

SIZE = (6, 8)


class Constant(Matcher):
    """Says 4 px everywhere, and nothing in the first column."""

    name = 'constant'

    def match(self, image0, image1):
        flow = np.full((*SIZE, 2), (3, 4), np.float32)
        flow[:, 0] = np.nan
        return Displacement(flow, np.ones(SIZE, np.float32))

    def match_stereo(self, left, right):
        disparity = np.full(SIZE, 4, np.float32)
        disparity[:, 0] = np.nan
        return Disparity(disparity, np.ones(SIZE, np.float32))


@pytest.fixture
def pair(tmp_path):
    def make(task, truth, size=SIZE):
        for name in ('a.png', 'b.png'):
            cv2.imwrite(str(tmp_path / name), np.zeros(size, np.uint8))
        np.save(tmp_path / 'truth.npy', truth)
        return TruthPair('scene', task, tmp_path / 'a.png', tmp_path / 'b.png',
                         tmp_path / 'truth.npy')
    return make


def test_stereo(pair):
    score = score_pair(Constant(), 'mine', pair('stereo', np.full(SIZE, 5, np.float32)))
    assert (score.pair, score.task, score.matcher, score.size) == ('scene', 'stereo', 'mine', SIZE)
    assert score.error == ''
    assert score.metrics.epe_px == 1
    assert (score.metrics.truth_pixels, score.metrics.epe_pixels) == (48, 42)
    assert score.metrics.bad_percent == (100, 12.5, 12.5, 12.5, 12.5)
    assert score.metrics.outlier_percent == 12.5
    assert score.milliseconds >= 0


def test_flow(pair):
    score = score_pair(Constant(), 'mine', pair('flow', np.zeros((*SIZE, 2), np.float32)))
    assert score.metrics.epe_px == 5
    assert score.metrics.outlier_percent == 100
    assert score.metrics.density_percent == 87.5


@pytest.mark.parametrize(('truth', 'text'), [
    (np.zeros((6, 9), np.float32), 'has 9x6 pixels, a.png has 8x6'),
    (np.full(SIZE, np.nan, np.float32), 'no known pixel'),
    (np.zeros((6, 8, 3), np.float32), '(H, W)')])
def test_failures_become_scores(pair, truth, text):
    score = score_pair(Constant(), 'mine', pair('stereo', truth))
    assert score.metrics is None
    assert text in score.error


def test_missing_image(pair, tmp_path):
    found = pair('stereo', np.zeros(SIZE, np.float32))
    (tmp_path / 'b.png').unlink()
    assert 'b.png' in score_pair(Constant(), 'mine', found).error


def test_mean_gives_pairs_equal_weight():
    mean = mean_metrics([Metrics(1.0, 10, 10, 100.0, (4, 3, 2, 1, 0), 8.0),
                         Metrics(3.0, 500, 1000, 50.0, (8, 5, 4, 3, 2), 4.0)])
    assert mean == Metrics(2.0, 510, 1010, 75.0, (6, 4, 3, 2, 1), 6.0)


def test_mean_with_a_pair_that_has_no_valid_pixel():
    empty = Metrics(math.nan, 0, 10, 0.0, (100,) * 5, 100.0)
    mean = mean_metrics([Metrics(1.0, 10, 10, 100.0, (0,) * 5, 0.0), empty])
    assert mean.epe_px == 1
    assert mean.outlier_percent == 50
    assert math.isnan(mean_metrics([empty]).epe_px)
