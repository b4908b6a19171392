"""Diagrams of the report: where points are, round ticks, legends."""
from html.parser import HTMLParser
import re

import numpy as np
import pytest

from panmatch_ros.evaluation.metrics.sparsification import REMOVED, STEPS, Sparsification
from panmatch_ros.evaluation.pair_score import PairScore
from panmatch_ros.evaluation.report.plots import latency_plot, sparsification_plot
from panmatch_ros.evaluation.report.svg_plot import (
    COLORS,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    Axis,
    axis_around,
    axis_from_zero,
    round_step,
)


def score(pair, epe_px, milliseconds, ause=None, curve=None):
    numbers = {'epe_px': epe_px} | ({} if ause is None else {'confidence_ause': ause})
    return PairScore(pair, 'stereo', 'x', (4, 4), numbers, milliseconds, sparsification=curve)


def polylines(svg):
    return [[tuple(map(float, point.split(','))) for point in line.split()]
            for line in re.findall(r'points="([^"]+)"', svg)]


@pytest.mark.parametrize(('step', 'rounded'), [
    (0.7, 1), (1, 1), (1.1, 2), (2.1, 5), (6, 10), (0.03, 0.05), (0.011, 0.02)])
def test_steps_are_round(step, rounded):
    assert round_step(step) == pytest.approx(rounded)


def test_axes():
    assert Axis('a', 0, 10).ticks() == [0, 2, 4, 6, 8, 10]
    assert Axis('a', 0, 10).share(2.5) == 0.25
    wide = axis_around('a', [10, 1000])
    assert wide.is_log
    assert wide.ticks() == [10, 20, 50, 100, 200, 500, 1000]
    assert wide.share(100) == pytest.approx(0.5)
    assert not axis_around('a', [10, 20]).is_log
    assert not axis_around('a', [0, 20]).is_log
    assert axis_from_zero('a', [2.0]).high == pytest.approx(2.16)
    assert axis_from_zero('a', []).high == 1


def test_ticks_do_not_crowd():
    fast_and_slow = axis_around('ms', [0.4, 20000])
    assert fast_and_slow.ticks() == [1, 10, 100, 1000, 10000]
    assert Axis('a', 95.62, 96.16).ticks(3) == pytest.approx([95.8, 96.0])
    assert Axis('a', 0, 10).ticks(2) == [0, 5, 10]


def test_dots_are_at_median_time_and_mean_error():
    slow = [score(str(index), error, time)
            for index, (error, time) in enumerate([(1, 90), (3, 100), (2, 500)])]
    svg = latency_plot('stereo', {'a<b': slow, 'fast': [score('0', 1, 100)]})
    HTMLParser().feed(svg)
    x, y = map(float, re.search(r'<circle cx="([\d.]+)" cy="([\d.]+)"', svg).groups())
    times, interval = polylines(svg)[:2]
    assert [point[1] for point in times] == [y, y]
    assert times[0][0] < x < times[1][0]        # 95 and 300 ms around the median of 100
    assert [point[0] for point in interval] == [x, x]
    assert interval[0][1] > y > interval[1][1]  # upwards is less
    assert 'a&lt;b: 2, 100 ms' in svg
    assert 'fast: 1, 100 ms' in svg
    assert COLORS[1] in svg
    # One pair has no interval: its line of times only.
    assert len(polylines(svg)) == 3
    assert latency_plot('stereo', {'x': []}) == ''


def test_sparsification_curves():
    curve = Sparsification(2 - REMOVED, 2 * (1 - REMOVED))
    other = Sparsification(np.full(STEPS, 2.0), 2 * (1 - REMOVED))
    svg = sparsification_plot('stereo', {'x': [score('a', 2, 9, 0.2, curve),
                                               score('b', 2, 9, 0.4, other)]})
    oracle, mine = polylines(svg)
    assert len(mine) == STEPS
    assert mine[0] == oracle[0]
    high = axis_from_zero('', [2.0]).high
    assert mine[10] == pytest.approx(
        (LEFT + WIDTH * 50 / 95, TOP + HEIGHT * (1 - 1.75 / high)), abs=0.06)
    assert oracle[10][1] == pytest.approx(TOP + HEIGHT * (1 - 1 / high), abs=0.06)
    assert 'stroke-dasharray' in svg
    assert 'x: AUSE 0.300' in svg
    assert sparsification_plot('stereo', {'x': [score('a', 2, 9)]}) == ''
