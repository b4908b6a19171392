"""The page of a probe: its tables, curves and pictures."""
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from panmatch_ros.evaluation.robustness.curves import Condition, Robustness
from panmatch_ros.evaluation.robustness.probe_page import (
    curve_plots,
    kept_table,
    mean_kept,
    probe_page,
)


def condition(matcher, strength, error, right, corruption='fog', task='stereo'):
    return Condition(task, matcher, corruption if strength else 'none', strength, '', 2, error,
                     right, 100.0)


CONDITIONS = [condition('a', 0, 1, 90), condition('a', 1, 2, 80), condition('a', 5, 4, 50),
              condition('b<', 0, 2, 95), condition('b<', 1, 2, 60),
              condition('b<', 5, math.nan, 0)]
ROBUSTNESS = [Robustness('stereo', 'a', 'fog', 72.2, 3),
              Robustness('stereo', 'b<', 'fog', 31.6, 1),
              Robustness('stereo', 'a', 'rain', 50.0, 3),
              Robustness('stereo', 'b<', 'rain', math.nan, 1)]


def test_table_of_what_is_kept():
    text = kept_table(ROBUSTNESS, CONDITIONS)
    rows = [re.sub(r'<[^b/][^>]*>|</t.>', ' ', row).split()
            for row in re.findall(r'<tr>(.*?)</tr>', text)]
    assert rows[0] == ['corruption', 'a', 'b&lt;']
    assert rows[1] == ['right', 'without', 'damage', '90.0', '95.0']
    assert rows[2] == ['fog', '<b>72.2</b>', '31.6']
    assert rows[3] == ['rain', '50.0', '–']
    assert rows[4] == ['mean', 'of', 'all', '<b>61.1</b>', '31.6']
    assert mean_kept(ROBUSTNESS, 'a') == pytest.approx(61.1)
    assert math.isnan(mean_kept([], 'a'))


def test_curves_go_through_the_numbers():
    error, right = (ElementTree.fromstring(plot)
                    for plot in curve_plots('stereo', 'fog', CONDITIONS))
    lines = {svg: [[tuple(float(each) for each in point.split(','))
                    for point in line.get('points').split()]
                   for line in svg.iter('{http://www.w3.org/2000/svg}polyline')]
             for svg in (error, right)}
    first, second = lines[right]
    # x: strengths 0, 1 and 5 of 5; y: 90, 80 and 50 of 100 %, upwards.
    x, y = np.array(first).T
    assert (x[1] - x[0]) / (x[2] - x[0]) == pytest.approx(1 / 5, abs=0.01)
    assert (y[1] - y[0]) / (y[2] - y[0]) == pytest.approx(10 / 40, abs=0.01)
    assert second[0][1] < first[0][1]  # 95 is above 90
    assert len(lines[error][0]) == 3
    assert len(lines[error][1]) == 2   # there is no error where there is no result
    texts = [each.text for each in right.iter('{http://www.w3.org/2000/svg}text')]
    assert 'stereo, right: 100 − D1-all %' in texts
    assert 'b<' in texts


def test_page_is_one_file_with_all_of_it():
    picture = np.full((30, 40, 3), 7, np.uint8)
    page = probe_page('probe <x>', '2 pairs', CONDITIONS, ROBUSTNESS,
                      {'fog': [('none', picture), ('5: thick', picture)]})
    assert page.startswith('<!DOCTYPE html>')
    assert '<h1>probe &lt;x&gt;</h1>' in page
    assert page.count('data:image/jpeg;base64,') == 2
    assert page.count('<svg') == 4  # two corruptions, two diagrams each
    assert '<h2 id="fog">fog <small>haze, thicker' in page
    assert 'b&lt;' in page
    assert 'b<<' not in page
    assert '<script' not in page
    assert 'nan' not in page


def test_other_tasks_have_their_own_numbers():
    poses = [condition('a', strength, 3.0, 40.0, task='pose') for strength in (0, 2)]
    error, right = curve_plots('pose', 'fog', poses)
    assert 'pose, mean pose error °' in error
    assert 'pose, right: AUC@10° %' in right
