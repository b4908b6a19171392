"""A score over time: lines break where values are missing and between runs."""
import re
from xml.dom.minidom import parseString

import numpy as np
import pytest

from panmatch_ros.evaluation.report.svg_plot import LEFT, TOP
from panmatch_ros.evaluation.report.time_plot import HEIGHT_PX, MOST_POINTS, WIDTH_PX, time_plot

NAN = float('nan')


def lines(drawing):
    return [[tuple(map(float, point.split(','))) for point in points.split()]
            for points in re.findall(r'<polyline points="(.*?)"', drawing)]


def test_a_line_from_left_to_right_over_the_whole_scale():
    drawing = time_plot('a & b px', [0, 1, 2], [0.0, 5.0, 10.0], [0, 0, 0])
    parseString(drawing)
    (points,) = lines(drawing)
    assert [x for x, _ in points] == [LEFT, LEFT + WIDTH_PX / 2, LEFT + WIDTH_PX]
    y = [y for _, y in points]
    assert y[0] == TOP + HEIGHT_PX  # the axis
    assert y[1] == pytest.approx(TOP + HEIGHT_PX * (1 - 5 / 9.9), abs=0.06)  # 99 % are below
    assert y[2] == TOP
    assert 'a &amp; b px' in drawing


def test_lines_break_at_missing_values_and_between_runs():
    drawing = time_plot('a', range(7), [1, 2, np.nan, 3, 4, 5, 6], [0, 0, 0, 0, 0, 1, 1])
    assert [len(points) for points in lines(drawing)] == [2, 2, 2]


def test_a_value_alone_is_a_dot():
    drawing = time_plot('a', range(3), [np.nan, 2.0, np.nan], [0, 0, 0])
    assert drawing.count('<circle') == 1
    assert lines(drawing) == []


def test_nothing_known_draws_nothing():
    assert time_plot('a', [0, 1], [np.nan, np.nan], [0, 0]) == ''


@pytest.mark.parametrize(('value', 'height'), [(3.0, TOP), (0.0, TOP + HEIGHT_PX)])
def test_equal_values_have_a_scale_from_zero(value, height):
    drawing = time_plot('a', [0, 1], [value, value], [0, 0])
    parseString(drawing)
    (points,) = lines(drawing)
    assert {y for _, y in points} == {height}
    assert '>-' not in drawing  # no axis goes below zero


def test_one_frame_alone():
    drawing = time_plot('a', [0], [3.0], [0])
    parseString(drawing)
    assert drawing.count('<circle') == 1


def test_many_points_become_few():
    count = 10 * MOST_POINTS
    drawing = time_plot('a', range(count), np.sin(np.arange(count)), [0] * count)
    assert sum(map(len, lines(drawing))) <= MOST_POINTS


def test_rare_values_stay_when_points_become_few():
    count = 4 * MOST_POINTS + 3
    values = np.full(count, NAN)
    values[::5] = 2.0   # a lidar that is slower than the camera
    (points,) = lines(time_plot('a', range(count), values, [0] * count))
    # Five neighbours become one point, and one of the five is known.
    assert len(points) == count // 5 + 1
