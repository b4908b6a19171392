"""``panmatch evaluate``: table, JSON, guesses and failures."""
import csv
import json
import re

import numpy as np
from pair_folders import DISPARITY, HEIGHT, WIDTH, write_pair_folders
import pytest

from panmatch_ros.cli import evaluate


@pytest.fixture
def dataset(tmp_path, make_stereo, make_flow):
    return write_pair_folders(tmp_path / 'data', make_stereo, make_flow)


def rows(text):
    return [line.split() for line in text.splitlines() if line]


def test_table_and_notes(panmatch, dataset):
    result = panmatch('evaluate', dataset, '--matcher', 'classical')
    assert result.status == 0
    table = rows(result.out)
    assert [row[0] for row in table[:6]] == ['stereo', 'c', 'indoor/a', 'indoor/b', 'mean',
                                             'mean']
    assert [row[0] for row in table[-2:]] == ['flow', 'd']
    intervals = {row[0]: row for row in table[6:-2]}
    low, high = (float(text.strip('()')) for text in intervals['EPE'][3:6:2])
    assert low <= float(intervals['EPE'][2]) <= high
    assert 'D1-all %' in result.out.splitlines()[0]
    assert 'Fl-all %' in result.out
    assert float(table[1][3]) < 0.2
    assert '4 pairs: 3 stereo, 1 flow, told by the ground truth (override: --task)' in result.err
    assert ('guessed value / 4 from the name disp2.png; 0 is unknown (override: --scale)'
            in result.err)
    assert '[4/4] indoor/b stereo classical: ' in result.err


def test_results_json(panmatch, dataset, tmp_path):
    out = tmp_path / 'new' / 'out'
    result = panmatch('evaluate', dataset, '--out', out, '--max-disparity', 32)
    assert result.status == 0
    assert str(out / 'results.json') in result.out
    results = json.loads((out / 'results.json').read_text())
    assert [(pair['pair'], pair['task']) for pair in results['pairs']] == [
        ('c', 'stereo'), ('d', 'flow'), ('indoor/a', 'stereo'), ('indoor/b', 'stereo')]
    first, flow = results['pairs'][:2]
    assert first['truth_pixels'] == HEIGHT * (WIDTH - 20)
    assert first['epe_px'] < 0.2
    assert first['d1_all_percent'] < 1
    assert {'bad_0_5_percent', 'bad_1_percent', 'bad_2_percent', 'bad_4_percent',
            'density_percent', 'epe_pixels', 'milliseconds'} <= set(first)
    assert flow['truth_pixels'] == HEIGHT * WIDTH
    assert flow['epe_px'] < 0.5
    assert flow['fl_all_percent'] < 10
    assert 'd1_all_percent' not in flow
    stereo = [pair for pair in results['pairs'] if pair['task'] == 'stereo']
    means = {mean['task']: mean for mean in results['means']}
    assert means['stereo']['pairs'] == 3
    assert means['stereo']['epe_px'] == pytest.approx(np.mean([p['epe_px'] for p in stereo]))
    assert means['flow']['epe_px'] == flow['epe_px']
    assert results['options']['max_disparity'] == 32
    assert results['versions']['numpy'] == np.__version__


def test_two_matchers(panmatch, dataset, tmp_path):
    result = panmatch('evaluate', dataset / 'c', '--matcher', 'auto', '--matcher', 'classical',
                      '--matcher', 'auto', '--out', tmp_path / 'out')
    assert result.status == 0
    results = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert [pair['matcher'] for pair in results['pairs']] == ['auto (classical)', 'classical']
    assert results['pairs'][0]['epe_px'] == results['pairs'][1]['epe_px']
    assert len(rows(result.out)) == 6  # a head, two matchers, three files
    assert results['differences'][0]['epe_px'] == 0


def test_report_shows_every_pair_and_matcher(panmatch, dataset, tmp_path):
    (dataset / 'd').rename(dataset / 'd & <e>')
    (dataset / 'indoor' / 'a' / 'im1.png').write_text('not an image')
    out = tmp_path / 'out'
    result = panmatch('evaluate', dataset, '--matcher', 'classical', '--matcher', 'auto',
                      '--task', 'stereo', '--out', out)
    assert result.status == 1
    page = (out / 'report.html').read_text()
    assert re.findall(r'<section class="pair" id="([^"]+)"', page) == [
        'stereo-indoor_2f_a', 'stereo-c', 'stereo-indoor_2f_b']
    sections = page.split('<section class="pair"')[1:]
    assert all('<th scope="row">classical</th>' in section
               and '<th scope="row">auto (classical)</th>' in section for section in sections)
    assert [section.count('<figure>') for section in sections] == [0, 9, 9]
    assert 'im1.png: expected an image' in sections[0]
    assert 'Over the 2 of 3 pairs' in page
    panmatch('evaluate', dataset, '--task', 'flow', '--matcher', 'classical', '--out', out,
             '--overwrite')
    page = (out / 'report.html').read_text()
    assert 'd &amp; &lt;e&gt;' in page
    assert '<e>' not in page


def test_report_tells_who_is_better(dataset, tmp_path, monkeypatch, panmatch):
    """One matcher is made worse: it finds nothing in disparities below 20."""
    create = evaluate.matcher_options

    def make(name, args):
        args.min_disparity = 20 if name == 'auto' else 0
        return create(name, args)

    monkeypatch.setattr(evaluate, 'matcher_options', make)
    panmatch('evaluate', dataset / 'c', '--matcher', 'classical', '--matcher', 'auto',
             '--max-disparity', 48, '--out', tmp_path / 'out')
    page = (tmp_path / 'out' / 'report.html').read_text()
    rows = {name: re.findall(r'<td class="number">(.*?)</td>', cells)
            for name, cells in re.findall(r'<tr><th scope="row">(.*?)</th>(.*)</tr>', page)
            if 'class="number"' in cells}
    assert list(rows) == ['classical', 'auto (classical)']
    assert rows['classical'][0].startswith('<b>0.0')
    assert rows['classical'][2].startswith('<b>')
    assert float(rows['auto (classical)'][2]) > 90


def test_results_csv_has_the_numbers_of_the_json(panmatch, dataset, tmp_path):
    (dataset / 'c' / 'right.png').write_text('not an image')
    out = tmp_path / 'out'
    panmatch('evaluate', dataset, '--matcher', 'classical', '--out', out)
    with open(out / 'results.csv', newline='') as stream:
        lines = list(csv.DictReader(stream))
    pairs = json.loads((out / 'results.json').read_text())['pairs']
    assert [line['pair'] for line in lines] == [pair['pair'] for pair in pairs]
    assert 'right.png' in lines[0]['error']
    assert lines[0]['epe_px'] == lines[1]['d1_all_percent'] == ''
    assert float(lines[1]['epe_px']) == pairs[1]['epe_px']
    assert float(lines[2]['bad_3_percent']) == pairs[2]['bad_3_percent']


def test_task_chooses_pairs(panmatch, dataset):
    result = panmatch('evaluate', dataset, '--task', 'flow')
    assert result.status == 0
    assert [row[0] for row in rows(result.out)] == ['flow', 'd']
    assert 'told by' not in result.err


def test_scale_changes_the_truth(panmatch, dataset, tmp_path):
    result = panmatch('evaluate', dataset / 'indoor' / 'b', '--scale', 2,
                      '--out', tmp_path / 'out')
    assert result.status == 0
    assert 'guessed' not in result.err
    pair = json.loads((tmp_path / 'out' / 'results.json').read_text())['pairs'][0]
    assert (pair['truth_scale'], pair['truth_scale_origin']) == (2, 'given')
    assert pair['epe_px'] == pytest.approx(DISPARITY, abs=0.2)  # 16 px for 8 px


def test_a_failing_pair_does_not_stop_the_others(panmatch, dataset, tmp_path):
    (dataset / 'c' / 'right.png').write_text('not an image')
    result = panmatch('evaluate', dataset, '--task', 'stereo', '--out', tmp_path / 'out')
    assert result.status == 1
    assert '[1/3] c stereo auto (classical): failed: ' in result.err
    assert 'error: 1 of 3 failed, see above' in result.err
    assert 'Traceback' not in result.err
    assert rows(result.out)[1] == ['c', 'auto', '(classical)', 'failed']
    assert 'mean of 2' in result.out
    results = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert 'right.png' in results['pairs'][0]['error']
    assert results['means'][0]['pairs'] == 2


def test_all_fail(panmatch, dataset):
    (dataset / 'c' / 'right.png').write_text('not an image')
    result = panmatch('evaluate', dataset / 'c')
    assert result.status == 1
    assert 'failed' in result.out


def test_images_without_truth_are_told(panmatch, dataset, make_stereo, caplog):
    make_stereo(dataset / 'bare')
    result = panmatch('evaluate', dataset, '--task', 'flow')
    assert result.status == 0
    assert 'images without ground truth are left out: bare' in caplog.text


@pytest.mark.parametrize(('folder', 'part'), [('none', 'does not exist'), ('.', 'no pair')])
def test_no_pairs_is_one_line(panmatch, tmp_path, folder, part):
    result = panmatch('evaluate', tmp_path / folder)
    assert result.status == 1
    assert result.err.count('\n') == 1
    assert result.err.startswith('panmatch evaluate: error: ')
    assert part in result.err
    assert 'left/right' in result.err


def test_results_are_not_overwritten(panmatch, dataset, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'results.json').write_text('mine')
    (out / 'notes.txt').write_text('mine')
    arguments = ('evaluate', dataset / 'd', '--out', out)
    result = panmatch(*arguments)
    assert result.status == 1
    assert result.err.count('\n') == 1
    assert '--overwrite' in result.err
    assert (out / 'results.json').read_text() == 'mine'
    for name in ('results.csv', 'report.html'):
        (out / 'results.json').rename(out / name)
        assert name in panmatch(*arguments).err
        (out / name).rename(out / 'results.json')
    assert panmatch(*arguments, '--overwrite').status == 0
    assert json.loads((out / 'results.json').read_text())['pairs']
    assert (out / 'notes.txt').read_text() == 'mine'
    assert 'is a file' in panmatch('evaluate', dataset, '--out', out / 'notes.txt').err


def test_many_pairs_print_means_only(panmatch, dataset, monkeypatch):
    monkeypatch.setattr('panmatch_ros.cli.evaluate_report.MANY_PAIRS', 2)
    result = panmatch('evaluate', dataset, '--matcher', 'classical', '--task', 'stereo')
    assert 'indoor/a' not in result.out
    assert '3 pairs: the files that --out writes have each of them' in result.out
    assert 'mean of 3' in result.out
