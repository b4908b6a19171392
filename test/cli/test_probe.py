"""``panmatch probe``: tables, files, and what is refused."""
import csv
import json

import numpy as np
import pytest

from panmatch_ros.cli import probe
from panmatch_ros.data.formats import write_flo, write_pfm
from panmatch_ros.evaluation.robustness.corruptions.registry import CORRUPTIONS

HEIGHT, WIDTH, DISPARITY, FLOW = 96, 160, 8, (3, -2)


@pytest.fixture
def dataset(tmp_path, make_stereo, make_flow):
    """Give a stereo pair and a flow pair."""
    root = tmp_path / 'data'
    make_stereo(root / 'a')
    write_pfm(root / 'a' / 'disp0.pfm', np.full((HEIGHT, WIDTH), DISPARITY, np.float32))
    make_flow(root / 'b')
    write_flo(root / 'b' / 'flow.flo', np.full((HEIGHT, WIDTH, 2), FLOW, np.float32))
    return root


def test_the_command_knows_all_corruptions():
    assert tuple(CORRUPTIONS) == probe.CORRUPTIONS


def test_tables_and_files(panmatch, dataset, tmp_path):
    out = tmp_path / 'out'
    command = ('probe', dataset, '--matcher', 'classical', '--corruption', 'noise',
               '--corruption', 'motion-blur', '--strengths', '5,2', '--out', out)
    result = panmatch(*command)
    assert result.status == 0
    assert 'panmatch probe: 2 pairs: 1 stereo, 1 flow' in result.err
    assert '[5/5] motion-blur 5' in result.err
    text = result.out.splitlines()
    assert text[0] == 'stereo, 1 pair: right (100 - D1-all %) by strength'
    assert text[1].split() == ['corruption', 'matcher', '0', '2', '5', 'kept', '%']
    noise, blur = (line.split() for line in text[2:4])
    assert noise[:2] == ['noise', 'classical']
    assert blur[:2] == ['motion-blur', 'classical']
    assert float(noise[2]) > 95
    assert noise[2] == blur[2]
    whole, little, much = (float(cell) for cell in text[text.index(
        'stereo: mean EPE px by strength') + 2].split()[2:5])
    assert whole < little < much
    assert 'flow: mean EPE px by strength' in text
    results = json.loads((out / 'probe.json').read_text())
    assert results['options']['strengths'] == [5.0, 2.0]
    assert len(results['conditions']) == 2 * 5
    assert len(results['robustness']) == 2 * 2
    assert results['failures'] == []
    with open(out / 'probe.csv', newline='') as file:
        table = list(csv.DictReader(file))
    assert len(table) == 10
    assert table[0]['corruption'] == 'none'
    assert float(table[0]['right_percent']) == pytest.approx(float(noise[2]), abs=0.06)
    page = (out / 'probe.html').read_text()
    assert page.count('<svg') == 2 * 2 * 2
    assert page.count('data:image/jpeg') == 2 * 4
    assert sorted(path.name for path in (out / 'scores').iterdir()) == [
        'motion-blur-2.json', 'motion-blur-5.json', 'noise-2.json', 'noise-5.json', 'none.json']
    again = panmatch(*command)
    assert again.status == 1
    assert 'exists; name another folder, or add --overwrite' in again.err
    again = panmatch(*command, '--overwrite')
    assert again.status == 0
    assert '[5/5] motion-blur 5 (kept)' in again.err
    assert again.out == result.out
    fresh = panmatch(*command, '--overwrite', '--fresh')
    assert '(kept)' not in fresh.err


def test_without_out_nothing_is_written(panmatch, dataset, tmp_path):
    before = sorted(tmp_path.rglob('*'))
    result = panmatch('probe', dataset / 'a', '--matcher', 'classical', '--corruption', 'jpeg',
                      '--strengths', '1', '--images', 'second', '--seed', 3)
    assert result.status == 0
    assert 'jpeg' in result.out
    assert sorted(tmp_path.rglob('*')) == before


def test_failures_are_told(panmatch, dataset):
    (dataset / 'a' / 'right.png').write_bytes(b'no image')
    result = panmatch('probe', dataset, '--matcher', 'classical', '--corruption', 'fog',
                      '--strengths', '1')
    assert result.status == 1
    assert 'a stereo classical, fog 1: failed: ' in result.err
    assert 'error: 2 failed, see above' in result.err
    assert 'flow, 1 pair: right' in result.out


@pytest.mark.parametrize(('options', 'text'), [
    (('--strengths', '0'), '0 is not positive'),
    (('--strengths', 'a'), "'a' is not a finite number"),
    (('--corruption', 'snow'), "invalid choice: 'snow'")])
def test_wrong_command_lines(panmatch, dataset, options, text):
    result = panmatch('probe', dataset, *options)
    assert result.status == 2
    assert text in result.err


@pytest.mark.parametrize(('options', 'text'), [
    (('--strengths', '6'), 'strength must be from 0 to 5, got 6'),
    (('--seed', '-1'), 'seed must not be negative, got -1'),
    (('--ablation', 'bilinear'), '--ablation bilinear is for the PanMatch network, and the '
                                 'matcher is auto; add --matcher panmatch --weights FILE')])
def test_what_is_refused(panmatch, dataset, options, text):
    result = panmatch('probe', dataset, *options)
    assert result.status == 1
    assert text in result.err


def test_out_is_a_file(panmatch, dataset, tmp_path):
    (tmp_path / 'file').write_text('')
    result = panmatch('probe', dataset, '--out', tmp_path / 'file')
    assert result.status == 1
    assert 'is a file; name a folder' in result.err
