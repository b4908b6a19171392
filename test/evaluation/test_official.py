"""Numbers as the benchmarks count them: pooled over the pixels of all pairs, by hand."""
from pathlib import Path

import numpy as np
import pytest

from panmatch_ros.core.errors import FormatError
from panmatch_ros.data.sample import Annotation, Sample
from panmatch_ros.evaluation.official import BENCHMARKS, official_lines, plain_lines
from panmatch_ros.evaluation.pair_score import PairScore
from panmatch_ros.evaluation.prediction import Prediction
from panmatch_ros.evaluation.report.official import official_section, official_tables
from panmatch_ros.evaluation.score import score_prediction

NAN = np.nan


def row(*values):
    return np.array([values], np.float32)


def flags(text):
    return np.array([[letter == 'x' for letter in text]])


def lines_of(dataset, task, pairs):
    """Sum up what matcher ``m`` did; a pair is (result or None, annotation)."""
    samples, scores = [], []
    for index, (result, annotation) in enumerate(pairs):
        sample = Sample(f'pair {index}', task, Path('0.png'), Path('1.png'), dataset=dataset)
        samples.append(sample)
        if result is None:
            scores.append(PairScore(sample.name, task, 'm', error='failed'))
            continue
        prediction = Prediction(result, np.ones(result.shape[:2], np.float32), 1.0,
                                result.shape[:2])
        scores.append(score_prediction(sample, annotation, prediction, 'm'))
    return official_lines(samples, scores)


def test_kitti_2015_pools_pixels():
    big = Annotation(disparity=row(10, 10, 10), foreground=flags('x..'), non_occluded=flags('xx.'))
    small = Annotation(disparity=row(20), foreground=flags('x'), non_occluded=flags('x'))
    line, = lines_of('kitti2015', 'stereo', [
        (row(10, 10, 10), big), (row(40), small), (None, small), (row(1), Annotation())])
    assert (line.dataset, line.task, line.matcher) == ('kitti2015', 'stereo', 'm')
    assert (line.pairs, line.total) == (2, 3)  # one has no result, the truth of one is not known
    assert line.numbers == {
        'D1-bg %': 0, 'D1-fg %': 50, 'D1-all %': 25,  # not 50, the mean over the pairs
        'D1-bg % (noc)': 0, 'D1-fg % (noc)': 50, 'D1-all % (noc)': pytest.approx(100 / 3)}


def test_kitti_2012():
    annotation = Annotation(disparity=row(100, 100, 10), non_occluded=flags('xx.'))
    line, = lines_of('kitti2012', 'stereo', [(row(104, 100, 12), annotation)])
    # 4 px of 100 are 4 %: an outlier of 2012 (3 px), not of 2015
    assert line.numbers == {'Out-Noc 3 px %': 50, 'Out-All 3 px %': pytest.approx(100 / 3),
                            'Avg-Noc px': 2, 'Avg-All px': 2}


def test_sintel():
    truth = np.zeros((1, 3, 2), np.float32)
    truth[0, 1], truth[0, 2] = (30, 0), (0, 50)
    flow = truth + np.float32([[[1, 0], [0, 2], [3, 0]]])
    line, = lines_of('sintel', 'flow', [
        (flow, Annotation(flow=truth, non_occluded=flags('xx.')))])
    assert line.numbers == {'EPE all px': 2, 'EPE matched px': 1.5, 'EPE unmatched px': 3,
                            's0-10 px': 1, 's10-40 px': 2, 's40+ px': 3}


def test_spring_takes_the_candidates():
    candidates = np.array([[[10, 50]], [[12, 50]], [[14, 50]], [[16, 54]]], np.float32)
    annotation = Annotation(disparity=candidates[0], candidates=candidates,
                            non_occluded=flags('x.'))
    line, = lines_of('spring', 'stereo', [(row(15.5, 52), annotation)])
    assert line.numbers['Abs px'] == pytest.approx((0.5 + 2) / 2)
    assert line.numbers['1px total %'] == 50
    assert line.numbers['1px matched %'] == 0
    assert line.numbers['1px unmatched %'] == 100
    assert line.numbers['D1 %'] == 0
    assert 'WAUC %' not in line.numbers
    flow = np.zeros((1, 2, 2), np.float32)
    line, = lines_of('spring', 'flow', [
        (flow, Annotation(flow=flow, candidates=np.stack([flow] * 4)))])
    assert line.numbers['WAUC %'] == pytest.approx(100)
    assert np.isnan(line.numbers['1px matched %'])


@pytest.mark.parametrize('dataset', ['middlebury', 'eth3d'])
def test_middlebury_averages_over_images(dataset):
    both = Annotation(disparity=row(10, 10), non_occluded=flags('x.'))
    line, = lines_of(dataset, 'stereo', [
        (row(10, 13), both), (row(11, 11), both)])
    assert line.numbers['bad 2.0 % (all)'] == 25
    assert line.numbers['bad 2.0 % (nonocc)'] == 0
    assert line.numbers['avgerr px (all)'] == pytest.approx((1.5 + 1) / 2)
    assert line.numbers['avgerr px (nonocc)'] == pytest.approx(0.5)
    assert line.numbers['A50 px (all)'] == pytest.approx((0 + 1) / 2)
    unknown = Annotation(disparity=row(10, 10))
    line, = lines_of(dataset, 'stereo', [(row(9, 9), unknown)])
    assert not any('nonocc' in title for title in line.numbers)


def test_other_datasets_and_tasks_have_none():
    truth = Annotation(disparity=row(1))
    assert lines_of('folder', 'stereo', [(row(1), truth)]) == []
    assert lines_of('kitti2015', 'pose', [(row(1), truth)]) == []
    assert set(BENCHMARKS) == {'kitti2015', 'kitti2012', 'sintel', 'spring', 'middlebury',
                               'eth3d'}


def test_nothing_to_sum_up():
    assert lines_of('kitti2012', 'stereo', [(None, Annotation(disparity=row(1)))]) == []
    assert lines_of('kitti2012', 'stereo', [(row(1), Annotation())]) == []  # a test split


def test_tables():
    annotation = Annotation(disparity=row(10, 10), foreground=flags('..'))
    lines = lines_of('kitti2015', 'stereo', [(row(10, 20), annotation)])
    results = {'official': plain_lines(lines)}
    table, = official_tables(results)
    assert table[0][:4] == ['kitti2015 stereo', 'pairs', 'D1-bg %', 'D1-fg %']
    assert table[1] == ['m', '1 of 1', '50.00', '–', '50.00', '–', '–', '–']
    page = official_section(results)
    assert '<h2>As the benchmarks count</h2>' in page
    assert '<td class="number">50.00</td>' in page
    assert official_section({}) == ''
    with pytest.raises(FormatError, match="damaged: KeyError 'dataset'"):
        official_tables({'official': [{}]})
