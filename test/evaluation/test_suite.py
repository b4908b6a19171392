"""Suites of datasets: the file, and the table of all of them."""
from pathlib import Path

import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.data.datasets import DATASETS
from panmatch_ros.evaluation.pair_score import PairScore
from panmatch_ros.evaluation.report.suite_table import (
    HEADLINES,
    headline_metrics,
    lines_of,
    plain_line,
    suite_page,
    text_rows,
)
from panmatch_ros.evaluation.suite import Entry, read_suite

SUITES = sorted((Path(__file__).parents[2] / 'config' / 'eval').glob('*.yaml'))


def write(path, text):
    path.write_text(text)
    return path


def test_read(tmp_path):
    suite = read_suite(write(tmp_path / 's.yaml', """
title: two
datasets:
  - {name: kitti-stereo, dataset: kitti2015, folder: kitti/2015, options: {task: stereo}}
  - {name: mine, dataset: folder, folder: ., limit: 3}
"""))
    assert suite.title == 'two'
    assert suite.entries == (Entry('kitti-stereo', 'kitti2015', 'kitti/2015', {'task': 'stereo'}),
                             Entry('mine', 'folder', '.', {}, 3))


@pytest.mark.parametrize(('text', 'expected'), [
    ('a: [', 'is not YAML'),
    ('- 1', 'a suite has a title and a list of datasets'),
    ('{title: a, datasets: [], more: 1}', 'a suite has a title and a list of datasets'),
    ('{title: a, datasets: []}', 'at least one dataset, and names that differ; got none'),
    ('{title: 1, datasets: [{name: a, dataset: folder, folder: b}]}', 'title must be a text'),
    ('{title: a, datasets: [1]}', 'a dataset must be names with values, got int'),
    ('{title: a, datasets: [{name: a, dataset: folder}]}', 'missing: folder'),
    ('{title: a, datasets: [{name: a, dataset: folder, folder: b, x: 1}]}', 'unknown: x'),
    ('{title: a, datasets: [{name: a, dataset: nope, folder: b}]}', "a: there is no dataset 'no"),
    ('{title: a, datasets: [{name: a/b, dataset: folder, folder: b}]}', "got 'a/b'"),
    ('{title: a, datasets: [{name: 3, dataset: folder, folder: b}]}', 'name must be a text'),
    ('{title: a, datasets: [{name: a, dataset: kitti2015, folder: b, options: {task: x}}]}',
     'task must be one of'),
    ('{title: a, datasets: [{name: a, dataset: folder, folder: b, options: {scale: 2}}]}',
     'options must be names with texts'),
    ('{title: a, datasets: [{name: a, dataset: folder, folder: b, limit: -1}]}',
     'limit must be a whole number from 0, got -1'),
    ('{title: a, datasets: [{name: a, dataset: folder, folder: b}, '
     '{name: a, dataset: folder, folder: c}]}', 'names that differ; got a, a')])
def test_bad_files(tmp_path, text, expected):
    path = write(tmp_path / 's.yaml', text)
    with pytest.raises(ConfigError, match=expected) as caught:
        read_suite(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize('path', SUITES, ids=lambda path: path.name)
def test_shipped_suites(path):
    suite = read_suite(path)  # checks names of datasets and options
    assert all(DATASETS[entry.dataset].tasks for entry in suite.entries)


def test_there_are_suites():
    assert [path.name for path in SUITES] == ['weather.yaml', 'zero_shot.yaml']


def test_headlines_are_numbers_of_their_tasks():
    for task, names in HEADLINES.items():
        assert tuple(metric.name for metric in headline_metrics(task)) == names


def score(pair, epe, matcher='m', error=''):
    numbers = {} if error else {'epe_px': epe, 'bad_1_percent': 50.0, 'bad_2_percent': 25.0,
                                'd1_all_percent': 20.0}
    return PairScore(pair, 'stereo', matcher, (8, 8), numbers, 1.0, error=error)


def test_lines_by_hand():
    lines = lines_of('kitti', [score('a', 1), score('b', 3), score('a', 2, 'n'),
                               score('b', 9, 'n', 'no')])
    assert [(line.matcher, line.pairs, line.failed) for line in lines] == [('m', 1, 0),
                                                                          ('n', 1, 1)]
    assert [line.values['epe_px'].mean for line in lines] == [1, 2]  # of pair a, which both have
    plain = plain_line(lines[1])
    assert (plain['dataset'], plain['epe_px'], plain['epe_px_low']) == ('kitti', 2, None)
    assert text_rows('stereo', lines) == [
        ['stereo', 'matcher', 'pairs', 'EPE px', 'bad-1 %', 'bad-2 %', 'D1-all %'],
        ['kitti', 'm', '1', '1.000', '50.00', '25.00', '20.00'],
        ['kitti', 'n', '1 (1 failed)', '2.000', '50.00', '25.00', '20.00']]


def test_page():
    lines = lines_of('kit<ti', [score('a', 1), score('a', 2, 'n')])
    page = suite_page('zero', lines, ['sintel'], {'kit<ti': 'kit/report.html'})
    assert '<a href="kit/report.html">kit&lt;ti</a>' in page
    assert '<b>1.000</b>' in page
    assert 'Not there: sintel.' in page
    assert '<h2>stereo</h2>' in page
