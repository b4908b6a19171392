"""Columns by task, CSV line by line, and what is made of the columns."""
import csv
import math
from types import SimpleNamespace

import pytest

from panmatch_ros.evaluation.recordings.frame_evaluator import FrameScore
from panmatch_ros.evaluation.recordings.frame_table import SCORES, FrameTable, scores_for

START_NS = 1_700_000_000_123_456_789


def names(*args):
    return [score.name for score in scores_for(*args)]


def test_columns_by_task_truth_and_direction_back():
    assert names('stereo', [], False) == ['valid_percent', 'photometric_grey', 'temporal_px',
                                          'row_residual_px', 'latency_ms']
    assert 'left_right_percent' in names('stereo', [], True)
    assert names('flow', ['flow'], True) == [
        'flow_valid_percent', 'forward_backward_percent', 'flow_photometric_grey',
        'flow_temporal_px', 'flow_epe_px', 'flow_bad_1_percent', 'flow_bad_3_percent',
        'flow_fl_percent', 'flow_density_percent', 'latency_ms']
    assert names('perception', ['depth', 'disparity', 'flow', 'lidar'], True) == [
        score.name for score in SCORES]
    assert 'flow_epe_px' not in names('perception', [], True)


def test_every_score_says_what_it_is():
    assert len({score.name for score in SCORES}) == len(SCORES)
    for score in SCORES:
        assert score.meaning
        assert score.title
        unit = score.name.rpartition('_')[2]
        assert {'percent': '%', 'px': 'px', 'm': ' m', 'ms': 'ms', 'grey': 'grey'}.get(
            unit, '') in score.title


def row(index, run=0, **scores):
    previous_ns = None if index == 0 else START_NS
    return FrameScore(START_NS + index * 100_000_000, run, previous_ns, scores)


@pytest.fixture
def table(tmp_path):
    table = FrameTable(tmp_path / 'frames.csv', scores_for('stereo', [], False))
    yield SimpleNamespace(table=table, path=tmp_path / 'frames.csv')
    table.close()


def test_each_frame_is_in_the_file_as_soon_as_it_is_known(table):
    table.table.add(row(0, valid_percent=99.123456789123, latency_ms=1.5))
    table.table.add(row(3, run=1, valid_percent=math.nan, temporal_px=0.25))
    lines = list(csv.DictReader(table.path.open()))
    assert lines[0] == {'stamp_ns': str(START_NS), 'run': '0', 'time_s': '0', 'previous_ns': '',
                        'valid_percent': '99.1234568', 'photometric_grey': '', 'temporal_px': '',
                        'row_residual_px': '', 'latency_ms': '1.5'}
    assert (lines[1]['run'], lines[1]['time_s'], lines[1]['previous_ns']) == (
        '1', '0.3', str(START_NS))
    assert (lines[1]['valid_percent'], lines[1]['temporal_px']) == ('', '0.25')


def test_summary_is_over_the_frames_that_have_a_score(table):
    for index, value in enumerate((1.0, math.nan, 2.0, 6.0)):
        table.table.add(row(index, temporal_px=value))
    summary = table.table.summary()
    assert summary['temporal_px'] == {'frames': 3, 'mean': 3.0, 'median': 2.0,
                                      'p95': pytest.approx(5.6)}
    assert summary['valid_percent'] == {'frames': 0, 'mean': None, 'median': None, 'p95': None}


def test_text_has_a_line_for_each_score_that_is_known(table):
    table.table.add(row(0, temporal_px=0.5, latency_ms=12.0))
    lines = table.table.describe().splitlines()
    assert lines[0].split() == ['score', 'frames', 'mean', 'median', 'p95']
    assert [line.split() for line in lines[1:]] == [
        ['temporal', 'px', '1', '0.5', '0.5', '0.5'], ['latency', 'ms', '1', '12', '12', '12']]
