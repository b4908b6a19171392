"""A score over time: lines break where values are missing and between runs."""
import re
from xml.dom.minidom import parseString

import numpy as np

from panmatch_ros.evaluation.time_plot import MOST_POINTS, time_plot


def lines(drawing):
    return [[tuple(map(float, point.split(','))) for point in points.split()]
            for points in re.findall(r'<polyline points="(.*?)"', drawing)]


def test_a_line_from_left_to_right_over_the_whole_scale():
    drawing = time_plot('a & b px', [0, 1, 2], [0.0, 5.0, 10.0], [0, 0, 0])
    parseString(drawing)
    (points,) = lines(drawing)
    assert [x for x, _ in points] == [52, 302, 552]
    y = [y for _, y in points]
    assert y[0] == 130  # the axis
    assert y[0] > y[1] > y[2] >= 10
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


def test_equal_values_have_a_scale():
    parseString(time_plot('a', [0, 0], [3.0, 3.0], [0, 0]))


def test_many_points_become_few():
    count = 10 * MOST_POINTS
    drawing = time_plot('a', range(count), np.sin(np.arange(count)), [0] * count)
    assert sum(map(len, lines(drawing))) <= MOST_POINTS
