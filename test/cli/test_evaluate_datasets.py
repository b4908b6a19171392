"""``panmatch evaluate``: which pairs, and files for the site of a benchmark."""
import json

import numpy as np
from pair_folders import DISPARITY, HEIGHT, WIDTH, write_pair_folders
import pytest

from panmatch_ros.cli import dataset_options, evaluate
from panmatch_ros.cli.main import build_parser
from panmatch_ros.data.datasets import DATASETS
from panmatch_ros.data.formats import read_kitti_disparity, write_kitti_disparity
from panmatch_ros.data.sample import TASKS
from panmatch_ros.evaluation.report.picture_files import DEFAULT_LIMIT


@pytest.fixture
def dataset(tmp_path, make_stereo, make_flow):
    return write_pair_folders(tmp_path / 'data', make_stereo, make_flow)


def test_limit_takes_pairs_of_the_whole_dataset(panmatch, dataset):
    result = panmatch('evaluate', dataset, '--matcher', 'classical', '--limit', 2)
    assert '2 pairs: 2 stereo' in result.err
    assert '[1/2] c ' in result.err
    assert '[2/2] indoor/a ' in result.err
    assert dataset_options.spread(list(range(10)), 3) == [0, 3, 6]
    assert dataset_options.spread([1, 2], 5) == [1, 2]


@pytest.fixture
def kitti(tmp_path, make_stereo):
    """Make KITTI 2015 with one pair in each half."""
    root = tmp_path / 'kitti'
    for half in ('training', 'testing'):
        left, right = make_stereo(tmp_path / half)
        for side, path in (('2', left), ('3', right)):
            (root / half / f'image_{side}').mkdir(parents=True)
            path.rename(root / half / f'image_{side}' / '000000_10.png')
    truth = np.full((HEIGHT, WIDTH), DISPARITY, np.float32)
    for name in ('disp_occ_0', 'disp_noc_0'):
        (root / 'training' / name).mkdir()
        write_kitti_disparity(root / 'training' / name / '000000_10.png', truth)
        truth[:, :20] = np.nan
    return root


def test_dataset_is_guessed_and_told(panmatch, kitti, tmp_path):
    out = tmp_path / 'out'
    result = panmatch('evaluate', kitti, '--matcher', 'classical', '--out', out)
    assert result.status == 0, result.err
    assert ('dataset kitti2015, guessed by the names in the folder (override: --dataset)'
            in result.err)
    results = json.loads((out / 'results.json').read_text())
    assert results['pairs'][0]['d1_noc_percent'] < 1
    assert results['dataset']['name'] == 'kitti2015'
    official, = results['official']
    assert (official['dataset'], official['pairs'], official['total']) == ('kitti2015', 1, 1)
    assert official['numbers']['D1-all %'] < 1
    assert 'D1-all % (noc)' in result.out
    assert 'As the benchmarks count' in (out / 'report.html').read_text()
    named = panmatch('evaluate', kitti, '--dataset', 'kitti2015', '--split', 'training')
    assert 'guessed' not in named.err
    wrong = panmatch('evaluate', kitti, '--split', 'best')
    assert wrong.status == 1
    assert 'split must be one of training, testing' in wrong.err
    other = panmatch('evaluate', kitti, '--part', 'camera=left')
    assert "has no option 'camera'" in other.err


def test_submission(panmatch, kitti, tmp_path):
    arguments = ('evaluate', kitti, '--split', 'testing', '--task', 'stereo', '--matcher',
                 'classical')
    upload = tmp_path / 'upload'
    result = panmatch(*arguments, '--out', tmp_path / 'out', '--submission', upload)
    assert result.status == 0, result.err
    assert f'1 results are in {upload}, as kitti2015 takes them' in result.err
    disparity = read_kitti_disparity(upload / 'disp_0' / '000000_10.png')
    assert np.median(disparity) == pytest.approx(DISPARITY, abs=0.1)
    assert np.isfinite(disparity).all()
    pair, = json.loads((tmp_path / 'out' / 'results.json').read_text())['pairs']
    assert 'epe_px' not in pair
    assert 'truth not known' in (tmp_path / 'out' / 'report.html').read_text()
    for more, text in (((), 'needs --out'),
                       (('--out', tmp_path / 'new', '--matcher', 'auto'), 'is of one matcher'),
                       (('--out', tmp_path / 'new'), 'is not an empty folder')):
        assert text in panmatch(*arguments, '--submission', upload, *more).err


def test_submission_of_pairs_that_nobody_takes(panmatch, dataset, tmp_path):
    result = panmatch('evaluate', dataset / 'c', '--out', tmp_path / 'out', '--submission',
                      tmp_path / 'upload')
    assert result.status == 1
    assert 'the benchmark folder takes none of these pairs' in result.err


def test_no_folder_at_all(panmatch, tmp_path):
    (tmp_path / 'file').write_text('')
    for name, text in (('none', 'does not exist'), ('file', 'is a file')):
        result = panmatch('evaluate', tmp_path / name, '--dataset', 'sintel')
        assert result.status == 1
        assert f'{name} {text}; name the folder of the dataset' in result.err


def test_options_are_those_of_the_registry():
    assert tuple(DATASETS) == dataset_options.DATASETS
    assert TASKS == dataset_options.TASKS
    for name in dataset_options.PARTS:
        assert any(name in dataset.options for dataset in DATASETS.values())
    assert evaluate.PICTURES == DEFAULT_LIMIT


@pytest.mark.parametrize('text', ['resolution', '=H', 'resolution='])
def test_part_needs_name_and_value(panmatch, text):
    result = panmatch('evaluate', 'a', '--part', text)
    assert result.status == 2
    assert 'is not NAME=VALUE' in result.err


def test_parts_are_given_to_the_dataset():
    args = build_parser().parse_args(['evaluate', 'a', '--part', 'resolution=H', '--split',
                                      'test', '--scale', '0.1'])
    assert dataset_options.given_options(args) == {'split': 'test', 'resolution': 'H',
                                                   'scale': '0.1'}
