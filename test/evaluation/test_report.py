"""HTML report: who won, and that nothing is missing."""
import base64
from html.parser import HTMLParser
import re

import cv2
import numpy as np
import pytest

from panmatch_ros.evaluation.compare import Comparison
from panmatch_ros.evaluation.confidence import BINS, Reliability
from panmatch_ros.evaluation.evaluate import Example, PairScore, Result, score_result
from panmatch_ros.evaluation.reliability_plot import LEFT, SIDE, TOP, reliability_plot
from panmatch_ros.evaluation.report import (
    anchor,
    pair_section,
    picture_width,
    report_page,
    summary_section,
)
from panmatch_ros.evaluation.report_pictures import embed
from panmatch_ros.evaluation.report_tables import mean_table, number_table
from panmatch_ros.evaluation.truth import Truth

SIZE = (12, 16)
VOID = {'meta', 'img', 'br'}


class Checker(HTMLParser):
    """Counts what is open: every tag must be closed, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.ids = [], []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == 'id']
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(text):
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    return checker


def comparison(name, offsets, task='stereo', known=True, failed=()):
    """Compare matchers that are off by so many pixels, with times of 10, 20, ... ms."""
    shape = SIZE if task == 'stereo' else (*SIZE, 2)
    truth = np.full(shape, 4, np.float32)
    truth[:2] = np.nan
    image = np.full((*SIZE, 3), 90, np.uint8)
    example = Example(name, task, image, image, Truth(truth) if known else None)
    scores, results = [], {}
    for index, (label, offset) in enumerate(offsets.items()):
        if label in failed:
            scores.append(PairScore(name, task, label, error='out of <luck>'))
            continue
        values = np.full(shape, 4, np.float32)
        values[..., :SIZE[1] // 2] += offset if task == 'stereo' else (offset, 0)
        values = values if task == 'flow' else values[:SIZE[0]]
        confidence = np.full(SIZE, 0.9, np.float32)
        results[label] = Result(values, confidence, 10.0 * (index + 1))
        scores.append(score_result(results[label], label, example))
    return Comparison(name, task, tuple(scores), example, results)


def cells(html):
    """Give the cells of each row by its matcher."""
    return {row[0]: row[1:] for row in (
        re.findall(r'<t[hd][^>]*>(.*?)</t[hd]>', line) for line in html.splitlines())
        if row and row[0] != 'matcher'}


def test_winner_of_each_metric_is_bold():
    table = cells(number_table(comparison('a', {'good': 0.25, 'bad': 2.5}).scores))
    # Half of the pixels are off: by 0.25 px, and by 2.5 px, which is more than 2 but not 3.
    assert table['good'][:6] == ['<b>0.125</b>', '<b>0.00</b>', '<b>0.00</b>', '0.00', '0.00',
                                 '100.0']
    assert table['bad'][:6] == ['1.250', '50.00', '50.00', '0.00', '0.00', '100.0']
    # Right with 0.9 where all is right: 0.1 off; where half is: 0.4 off. The order is by chance.
    assert table['good'][6:] == ['–', '<b>0.100</b>', '<b>10</b>']
    assert table['bad'][6:] == ['0.500', '0.400', '20']


def test_equal_results_share_the_win_and_a_draw_has_no_winner():
    table = cells(number_table(comparison('a', {'x': 1.5, 'y': 1.5, 'z': 9}).scores))
    assert [table[name][0] for name in 'xyz'] == ['<b>0.750</b>', '<b>0.750</b>', '4.500']
    table = cells(number_table(comparison('a', {'x': 1.5, 'y': 1.5}).scores))
    assert table['x'][0] == table['y'][0] == '0.750'
    alone = number_table(comparison('a', {'x': 1.5}).scores)
    assert '<b>' not in alone


def test_a_failed_matcher_shows_its_error():
    section = pair_section(comparison('a', {'x': 1, 'y': 1}, failed=('y',)))
    check(section)
    assert 'failed: out of &lt;luck&gt;' in section
    assert section.count('<p class="failed">failed</p>') == 3
    assert '<b>' not in section


def test_a_pair_that_cannot_be_read_shows_its_error():
    score = PairScore('dark & <b>', 'flow', 'x<y', error='no "file"')
    section = pair_section(Comparison('dark & <b>', 'flow', (score,)))
    check(section)
    assert 'dark &amp; &lt;b&gt;' in section
    assert 'x&lt;y' in section
    assert 'failed: no &quot;file&quot;' in section
    assert '<img' not in section


def test_pictures_of_a_pair_have_one_column_for_each_matcher():
    section = pair_section(comparison('a', {'x': 1, 'y': 2}))
    assert section.count('<figure>') == 9
    assert re.findall(r'<figcaption>(.*?)<', section) == ['truth', 'left image', 'right image']
    assert 'alt="a, y: error"' in section
    assert '2 px and more' in section


def test_without_truth_there_is_no_error():
    section = pair_section(comparison('a', {'x': 1, 'y': 2}, 'flow', known=False))
    check(section)
    assert 'truth not known' in section
    assert section.count('<figure>') == 6
    assert 'error' not in section
    assert cells(number_table(comparison('a', {'x': 1, 'y': 2}, known=False).scores)) == {
        'x': ['<b>10</b>'], 'y': ['20']}


def test_error_maps_of_a_pair_compare():
    """The same error has the same colour whoever made it."""
    section = pair_section(comparison('a', {'x': 1, 'y': 8}), width=64)
    pictures = {alt: cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), 1).astype(int)
                for data, alt in re.findall(r'src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)"',
                                            section)}
    right, wrong = (slice(4, None), slice(10, None)), (slice(4, None), slice(0, 6))
    x, y = pictures['a, x: error'], pictures['a, y: error']
    assert x.shape == (*SIZE, 3)
    assert np.abs(x[right].mean((0, 1)) - y[right].mean((0, 1))).max() < 8
    assert np.abs(x[wrong].mean((0, 1)) - y[wrong].mean((0, 1))).max() > 80
    assert np.abs(x[:1] - 120).max() < 25  # where the truth is not known


def test_mean_is_over_pairs_that_all_solved():
    scores = [*comparison('a', {'x': 1, 'y': 3}).scores,
              *comparison('b', {'x': 2, 'y': 1}).scores,
              *comparison('c', {'x': 90, 'y': 1}, failed=('y',)).scores]
    table = mean_table(scores)
    assert [cells(table)[name][0] for name in 'xy'] == ['<b>0.750</b>', '1.000']
    assert 'Over the 2 of 3 pairs' in table
    assert 'No pair' in mean_table(comparison('c', {'x': 1, 'y': 1}, failed=('x', 'y')).scores)


def test_page_has_every_pair_and_matcher():
    pairs = [comparison('a/1', {'nano': 0.2, 'classical': 2}),
             comparison('a_1', {'nano': 3, 'classical': 0.2}),
             comparison('a/1', {'nano': 3, 'classical': 0.2}, 'flow'),
             comparison('un<k>', {'nano': 3, 'classical': 0.2}, 'flow', known=False)]
    scores = [score for pair in pairs for score in pair.scores]
    page = report_page('panmatch evaluate <dir>', 'four', scores,
                       [pair_section(pair) for pair in pairs])
    checker = check(page)
    assert checker.ids == ['stereo-a_2f_1', 'stereo-a_5f_1', 'flow-a_2f_1', 'flow-un_3c_k_3e_']
    assert all(f'href="#{each}"' in page for each in checker.ids[:2])
    assert 'panmatch evaluate &lt;dir&gt;' in page
    assert 'un&lt;k&gt;' in page
    assert '<k>' not in page
    assert page.count('<svg') == 3
    assert 'Mean of stereo <small>2 pairs' in page
    assert 'http' not in page.replace('http://www.w3.org/2000/svg', '')
    assert page == report_page('panmatch evaluate <dir>', 'four', scores,
                               [pair_section(pair) for pair in pairs])


def test_summary_of_one_task_has_one_plot_and_of_no_truth_none():
    assert summary_section(comparison('a', {'x': 1}).scores).count('<svg') == 1
    assert summary_section(comparison('a', {'x': 1}, known=False).scores) == ''
    assert summary_section([]) == ''


def test_places_differ():
    assert len({anchor('flow', name) for name in ('a b', 'a_b', 'a_20_b', 'ab')}) == 4


def test_many_pairs_have_small_pictures():
    assert picture_width(3) == 2 * picture_width(300)
    picture = np.zeros((50, 100, 3), np.uint8)
    assert cv2.imdecode(np.frombuffer(base64.b64decode(
        embed(picture, 40, '.png').split(',')[1]), np.uint8), 1).shape == (20, 40, 3)


@pytest.fixture
def two_bins():
    """30 pixels of 0.1 of which none is right, 90 of 0.9 of which two thirds are."""
    pixels, confidence, right = np.zeros((3, BINS))
    pixels[1], confidence[1] = 30, 3
    pixels[-1], confidence[-1], right[-1] = 90, 81, 60
    return Reliability(pixels, confidence, right)


def test_reliability_plot(two_bins):
    empty = Reliability(*np.zeros((3, BINS)))
    plot = reliability_plot('all <x>', {'none': empty, 'a&b': two_bins})
    check(plot)
    found = re.search(r'points="([^"]+)"', plot).group(1)
    points = [tuple(map(float, point.split(','))) for point in found.split()]
    assert points == [pytest.approx((LEFT + 0.1 * SIDE, TOP + SIDE), abs=0.06),
                      pytest.approx((LEFT + 0.9 * SIDE, TOP + SIDE / 3), abs=0.06)]
    assert 'a&amp;b: calibration error 0.200' in plot  # (3 + 21) / 120
    assert 'none' not in plot.replace('fill="none"', '')
    assert 'all &lt;x&gt;' in plot
