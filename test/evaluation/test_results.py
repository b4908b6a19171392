"""Numbers as JSON and CSV, and back."""
import csv
import io
import json
import math

import numpy as np
import pytest

from panmatch_ros.core.errors import FormatError
from panmatch_ros.evaluation.metrics.confidence import BINS, Reliability
from panmatch_ros.evaluation.metrics.sparsification import STEPS, Sparsification
from panmatch_ros.evaluation.pair_score import PairScore, common_pairs, matchers_of
from panmatch_ros.evaluation.ranking import shown_pairs, worst_first
from panmatch_ros.evaluation.results import (
    compared,
    csv_of,
    curves_of,
    read_scores,
    results_of,
)
from panmatch_ros.evaluation.score_metrics import METRICS, main_metric, metrics_of, region_name


def score(pair, matcher, epe_px, task='stereo', **more):
    numbers = {} if epe_px is None else {'epe_px': epe_px, 'epe_pixels': 8, 'truth_pixels': 10}
    return PairScore(pair, task, matcher, (6, 8), numbers, 10.0, **more)


def failed(pair, matcher, task='stereo'):
    return PairScore(pair, task, matcher, error='out of luck')


SCORES = [score('a', 'x', 1.0), score('a', 'y', 2.0), score('b', 'x', 5.0),
          score('b', 'y', 4.0), score('c', 'x', 9.0), failed('c', 'y')]


def test_pairs():
    pairs = results_of([score('a', 'x', 1.5, truth_note='guessed', truth_scale=4.0,
                              scale_origin='its name'), failed('b', 'x'), score('c', 'x', None)]
                       )['pairs']
    assert pairs[0] == {
        'pair': 'a', 'task': 'stereo', 'matcher': 'x', 'height': 6, 'width': 8,
        'milliseconds': 10.0, 'truth_scale': 4.0, 'truth_scale_origin': 'its name',
        'truth_note': 'guessed', 'epe_px': 1.5, 'epe_pixels': 8, 'truth_pixels': 10}
    assert pairs[1] == {'pair': 'b', 'task': 'stereo', 'matcher': 'x', 'error': 'out of luck'}
    assert 'epe_px' not in pairs[2]


def test_means_are_over_pairs_that_all_solved():
    assert common_pairs(SCORES) == ['a', 'b']
    means = {mean['matcher']: mean for mean in results_of(SCORES)['means']}
    assert (means['x']['epe_px'], means['y']['epe_px']) == (3, 3)
    assert (means['x']['pairs'], means['x']['epe_pixels'], means['x']['truth_pixels']) == (
        2, 16, 20)
    assert means['x']['intervals']['epe_px'] == [1, 5]
    assert means['x']['milliseconds'] == 10


def test_differences_are_of_the_same_pairs():
    difference, = results_of(SCORES)['differences']
    assert (difference['first'], difference['second'], difference['pairs']) == ('x', 'y', 2)
    assert difference['epe_px'] == 0        # -1 and +1
    assert difference['intervals']['epe_px'] == [-1, 1]
    assert [[each.pair for each in mine] for mine in compared(SCORES, 'stereo').values()] == [
        ['a', 'b'], ['a', 'b']]


def test_one_pair_has_no_interval():
    results = results_of(SCORES[:2])
    assert results['means'][0]['intervals']['epe_px'] is None
    assert results['bootstrap'] == {'interval': 'expanded percentiles', 'level_percent': 95.0,
                                    'resamples': 2000, 'seed': 0}


def test_areas_under_recall_curves():
    errors = [1.0, 4.0, math.inf]
    scores = [PairScore(str(index), 'pose', 'x', (6, 8),
                        {'pose_error_deg': error, 'rotation_error_deg': error,
                         'translation_error_deg': 0.0, 'matches': 9})
              for index, error in enumerate(errors)]
    results = results_of(scores)
    mean = results['means'][0]
    # To 5 degrees: up from 0 to 1/3 at 1, to 2/3 at 4, level to 5.
    assert mean['pose_auc_5_percent'] == pytest.approx(
        100 * (1 / 6 + 3 / 2 + 2 / 3) / 5)
    assert mean['pose_error_deg'] == 2.5     # of those that there are
    assert results['pairs'][2]['pose_error_deg'] is None
    assert json.dumps(results, allow_nan=False)
    again = read_scores(results, curves_of(scores))
    assert results_of(again)['means'] == results['means']


def test_scores_come_back_from_the_files():
    pixels, confidence, right = np.zeros((3, BINS))
    pixels[3], confidence[3], right[3] = 10, 2.5, 4
    curves = Sparsification(np.linspace(2, 1, STEPS), np.linspace(2, 0, STEPS))
    given = [score('a', 'x', math.nan, truth_note='n', truth_scale=2.0, scale_origin='o',
                   reliability=Reliability(pixels, confidence, right), sparsification=curves),
             failed('a', 'y'), score('b', 'x', None)]
    results, stored = (json.loads(json.dumps(each, allow_nan=False))
                       for each in (results_of(given), curves_of(given)))
    first, second, third = read_scores(results, stored)
    assert math.isnan(first.value('epe_px'))
    assert (first.truth_note, first.truth_scale, first.scale_origin) == ('n', 2, 'o')
    assert (first.size, first.milliseconds) == ((6, 8), 10)
    np.testing.assert_array_equal(first.reliability.confidence, confidence)
    np.testing.assert_allclose(first.sparsification.error_px, curves.error_px, rtol=1e-5)
    assert second == given[1]
    assert not third.is_measured
    assert matchers_of([first, second]) == ['x', 'y']


@pytest.mark.parametrize(('results', 'curves'), [
    ({}, {'curves': []}), ({'pairs': [{'task': 'flow'}]}, {'curves': []}),
    ({'pairs': [{'task': 'flow', 'pair': 'a', 'matcher': 'x', 'epe_px': 'far'}]}, {'curves': []}),
    ({'pairs': []}, {'curves': [1]})])
def test_damaged_results(results, curves):
    with pytest.raises(FormatError, match='the results are damaged'):
        read_scores(results, curves)


def test_csv_has_every_number():
    lines = list(csv.DictReader(io.StringIO(csv_of(results_of(SCORES)['pairs']))))
    assert [line['pair'] for line in lines] == ['a', 'a', 'b', 'b', 'c', 'c']
    assert float(lines[0]['epe_px']) == 1
    assert (lines[5]['error'], lines[5]['epe_px']) == ('out of luck', '')


def test_worst_first():
    scores = [score('small', 'x', 1.0), score('none', 'x', math.nan), score('large', 'x', 9.0),
              failed('failed', 'x'), score('unknown', 'x', None), score('middle', 'x', 3.0)]
    assert worst_first(scores, 'stereo') == ['failed', 'none', 'large', 'middle', 'small',
                                             'unknown']
    assert worst_first(scores, 'flow') == []


def test_the_first_matcher_sorts_and_any_failure_counts():
    scores = [score('a', 'x', 1.0), score('a', 'y', 90.0), score('b', 'x', 2.0),
              score('b', 'y', 1.0), score('c', 'x', 0.5), failed('c', 'y')]
    assert worst_first(scores, 'stereo') == ['c', 'b', 'a']


def test_many_pairs_show_the_worst_and_a_few_of_the_best():
    scores = [score(f'{index:02d}', 'x', float(index)) for index in range(30)]
    scores.append(failed('bad', 'x'))
    scores.append(score('unknown', 'x', None))
    assert shown_pairs(scores, 'stereo', 10) == [
        'bad', '29', '28', '27', '26', '25', '24', '23', '01', '00']
    assert shown_pairs(scores, 'stereo', 3) == ['bad', '29', '28']
    assert len(shown_pairs(scores, 'stereo', 32)) == 32


def test_metrics_have_different_names_and_a_main_one():
    for task in METRICS:
        names = [metric.name for metric in metrics_of(task)]
        assert len(set(names)) == len(names)
    assert [main_metric(task).name for task in METRICS] == [
        'epe_px', 'epe_px', 'pose_error_deg', 'corner_error_px', 'median_error_px']
    assert region_name('epe_px', 'noc') == 'epe_noc_px'
    assert region_name('fl_all_percent', 'bg') == 'fl_bg_percent'
