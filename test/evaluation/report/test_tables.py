"""Tables and sections of the report: who is better, what failed."""
import re

from evaluation_cases import SIZE
from html_checker import check

from panmatch_ros.evaluation.pair_score import PairScore
from panmatch_ros.evaluation.report.page import anchor, pair_section
from panmatch_ros.evaluation.report.picture_files import Picture, PictureRow
from panmatch_ros.evaluation.report.tables import (
    MANY_COLUMNS,
    difference_table,
    format_column,
    mean_table,
    number_table,
    table,
)
from panmatch_ros.evaluation.results import compared
from panmatch_ros.evaluation.score_metrics import mean_of


def score(pair, matcher, epe_px, bad_1=0.0, task='stereo', **more):
    return PairScore(pair, task, matcher, SIZE, {'epe_px': epe_px, 'bad_1_percent': bad_1}, 10.0,
                     **more)


def cells(html):
    """Give the cells of each row by its matcher, without intervals."""
    rows = (re.findall(r'<t[hd][^>]*>(.*?)</t[hd]>', line) for line in html.splitlines())
    return {row[0]: [re.sub(r'<br><small.*?</small>', '', cell) for cell in row[1:]]
            for row in rows if row and row[0] != 'matcher'}


def test_a_table_of_many_columns_is_dense():
    names = [f'<th>{index}</th>' for index in range(MANY_COLUMNS + 1)]
    assert '<table class="dense">' in table(''.join(names), [])
    assert '<table>' in table(''.join(names[1:]), [])
    assert '<table class="narrow">' in table(''.join(names[:2]), [], is_narrow=True)


def test_winner_of_each_metric_is_bold():
    table = cells(number_table([score('a', 'good', 0.125, 50), score('a', 'bad', 1.25, 25)]))
    assert table == {'good': ['<b>0.125</b>', '50.00', '10'],
                     'bad': ['1.250', '<b>25.00</b>', '10']}


def test_equal_results_share_the_win_and_a_draw_has_no_winner():
    less, more = mean_of('a', 'a', 2), mean_of('a', 'a', 2, 'more')
    assert format_column(less, [1.001, 1.002, 4]) == ['<b>1.00</b>', '<b>1.00</b>', '4.00']
    assert format_column(more, [1.001, 1.002, 4]) == ['1.00', '1.00', '<b>4.00</b>']
    assert format_column(less, [1, 1]) == ['1.00', '1.00']
    assert format_column(less, [1, float('nan')]) == ['1.00', '–']
    assert format_column(mean_of('a', 'a', 0, ''), [1, 2]) == ['1', '2']


def test_mean_is_over_pairs_that_all_solved():
    scores = [score('a', 'x', 1), score('a', 'y', 3), score('b', 'x', 2), score('b', 'y', 1),
              score('c', 'x', 90), PairScore('c', 'stereo', 'y', error='no')]
    table = mean_table('stereo', compared(scores, 'stereo'), 3)
    check(table)
    assert [cells(table)[name][0] for name in 'xy'] == ['<b>1.500</b>', '2.000']
    assert '<small title="95 % interval">1.000&nbsp;… 2.000</small>' in table
    assert 'Over the 2 of 3 pairs' in table
    assert 'No pair' in mean_table('stereo', compared(scores[4:], 'stereo'), 1)


def test_difference_says_who_is_better():
    def table(offset, pairs):
        scores = [score(str(index), name, 3.0 * index + (offset if name == 'x' else 0))
                  for index in range(pairs) for name in 'xy']
        return difference_table('stereo', compared(scores, 'stereo'))

    worse, better, few = table(0.5, 6), table(-0.5, 6), table(0.5, 5)
    assert '<b class="worse">+0.500</b>' in worse
    assert 'EPE px: y is better than x (+0.500, +0.500 to +0.500).' in worse
    assert '<b>-0.500</b>' in better
    assert 'EPE px: x is better than y' in better
    assert '>+0.500<' in few
    assert 'EPE px: 5 pairs are too few to tell x from y; 6 are needed.' in few
    assert table(0.5, 1) == ''


def test_more_is_better_where_it_is_the_headline():
    def pose(pair, matcher, error):
        return PairScore(pair, 'pose', matcher, SIZE, {'pose_error_deg': error}, 10.0)

    scores = [pose(str(index), name, error) for index in range(8)
              for name, error in (('x', 1.0), ('y', 3.0 if index else float('inf')))]
    text = difference_table('pose', compared(scores, 'pose'))
    assert 'AUC@5° %: x is better than y (+' in text
    assert '<b>+' in text


def test_a_difference_by_chance_is_told_as_such():
    values = {'x': [1.0, 2, 3, 4, 5, 6], 'y': [2.0, 1, 4, 3, 6, 5]}
    scores = [score(str(index), name, values[name][index]) for index in range(6)
              for name in 'xy']
    assert 'these pairs do not tell x from y' in difference_table(
        'stereo', compared(scores, 'stereo'))


# Sections of pairs.

def test_a_failed_matcher_shows_its_error():
    picture = Picture('p', b'data')
    rows = [PictureRow('error', ('error', 0.0, 2.0), picture, (picture, None))]
    section = pair_section([score('a', 'x', 1), PairScore('a', 'stereo', 'y',
                                                          error='out of <luck>')], rows)
    check(section)
    assert 'failed: out of &lt;luck&gt;' in section
    assert section.count('<p class="failed">failed</p>') == 1
    assert '2 px and more' in section


def test_a_pair_that_cannot_be_read_shows_its_error():
    section = pair_section([PairScore('dark & <b>', 'flow', 'x<y', error='no "file"')], [])
    check(section)
    assert 'dark &amp; &lt;b&gt;' in section
    assert 'x&lt;y' in section
    assert 'failed: no &quot;file&quot;' in section
    assert '<img' not in section


def test_unknown_truth_and_guesses_are_told():
    section = pair_section([PairScore('a', 'flow', 'x', SIZE, milliseconds=10.0)], [])
    assert 'flow, 32x24, truth not known' in section
    assert cells(section) == {'x': ['10']}
    told = pair_section([score('a', 'x', 1, truth_note='guessed <4>')], [])
    assert 'Truth: guessed &lt;4&gt;.' in told


def test_places_differ():
    assert len({anchor('flow', name) for name in ('a b', 'a_b', 'a_20_b', 'ab')}) == 4
