"""``panmatch suite``: several datasets, one table."""
import csv
import json

import numpy as np
import pytest

from panmatch_ros.data.formats import write_flo, write_pfm

HEIGHT, WIDTH, DISPARITY, FLOW = 96, 160, 8, (3, -2)


@pytest.fixture
def root(tmp_path, make_stereo, make_flow):
    """Give the folders of two datasets and the file that names three."""
    root = tmp_path / 'datasets'
    for name in ('one', 'two'):
        make_stereo(root / 'indoor' / name)
        write_pfm(root / 'indoor' / name / 'disp0.pfm',
                  np.full((HEIGHT, WIDTH), DISPARITY, np.float32))
    make_flow(root / 'motion' / 'one')
    write_flo(root / 'motion' / 'one' / 'flow.flo', np.full((HEIGHT, WIDTH, 2), FLOW, np.float32))
    (tmp_path / 'suite.yaml').write_text("""
title: test
datasets:
  - {name: rooms, dataset: folder, folder: indoor, options: {task: stereo}}
  - {name: moving, dataset: folder, folder: motion}
  - {name: far, dataset: kitti2015, folder: kitti}
""")
    return root


def test_one_table_and_a_folder_for_each(panmatch, root, tmp_path):
    out = tmp_path / 'out'
    command = ('suite', tmp_path / 'suite.yaml', '--root', root, '--matcher', 'classical',
               '--out', out, '--skip-missing')
    result = panmatch(*command)
    assert result.status == 0
    lines = [line.split() for line in result.out.splitlines() if line]
    assert lines[0][:3] == ['stereo', 'matcher', 'pairs']
    assert lines[1][:3] == ['rooms', 'classical', '2']
    assert float(lines[1][3]) < 0.3
    assert lines[2][:3] == ['flow', 'matcher', 'pairs']
    assert lines[3][:3] == ['moving', 'classical', '1']
    assert lines[4] == ['not', 'there:', 'far']
    assert 'panmatch suite: rooms: folder, 2 stereo' in result.err
    results = json.loads((out / 'suite.json').read_text())
    assert results['missing'] == ['far']
    assert [(line['dataset'], line['task'], line['pairs']) for line in results['lines']] == [
        ('rooms', 'stereo', 2), ('moving', 'flow', 1)]
    with open(out / 'suite.csv', newline='') as file:
        assert [line['dataset'] for line in csv.DictReader(file)] == ['rooms', 'moving']
    page = (out / 'suite.html').read_text()
    for name in ('rooms', 'moving'):
        assert f'<a href="{name}/report.html">{name}</a>' in page
        assert (out / name / 'report.html').is_file()
    single = json.loads((out / 'rooms' / 'results.json').read_text())
    assert single['means'][0]['epe_px'] == results['lines'][0]['epe_px']
    # What evaluate knows of a run, it knows of each of these: score one of them again.
    again = panmatch('evaluate', out / 'rooms', '--score-only')
    assert again.status == 0
    assert panmatch(*command).status == 1
    kept = panmatch(*command, '--overwrite')
    assert kept.status == 0
    assert kept.err.count('(kept)') == 3


def test_without_out(panmatch, root, tmp_path):
    before = sorted(tmp_path.rglob('*'))
    result = panmatch('suite', tmp_path / 'suite.yaml', '--root', root, '--matcher', 'classical',
                      '--skip-missing', '--limit', 1)
    assert result.status == 0
    assert 'rooms: folder, 1 stereo' in result.err
    assert sorted(tmp_path.rglob('*')) == before


def test_missing_datasets_stop_it(panmatch, root, tmp_path):
    result = panmatch('suite', tmp_path / 'suite.yaml', '--root', root)
    assert result.status == 1
    assert f'not there: far (such as {root / "kitti"})' in result.err
    assert 'add --skip-missing' in result.err
    result = panmatch('suite', tmp_path / 'suite.yaml', '--root', tmp_path, '--skip-missing')
    assert result.status == 1
    assert 'not there: rooms, moving, far' in result.err


def test_failures_are_told(panmatch, root, tmp_path):
    (root / 'indoor' / 'one' / 'left.png').write_bytes(b'no image')
    result = panmatch('suite', tmp_path / 'suite.yaml', '--root', root, '--matcher', 'classical',
                      '--skip-missing')
    assert result.status == 1
    assert '1 (1 failed)' in result.out
    assert 'panmatch suite: error: 1 failed, see above' in result.err


def test_bad_file(panmatch, tmp_path):
    result = panmatch('suite', tmp_path / 'no.yaml')
    assert result.status == 1
    assert 'no.yaml: No such file or directory' in result.err
