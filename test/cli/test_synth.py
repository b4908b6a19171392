"""``panmatch synth``: files, repetition, and that nothing is overwritten."""
import json

import numpy as np
import pytest

from panmatch_ros.data.formats import read_flo, read_pfm
from panmatch_ros.data.images import read_image


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}


def test_stereo_and_flow_pairs(panmatch, tmp_path):
    for kind, truth in (('stereo', 'disparity.pfm'), ('layers', 'flow.flo')):
        out = tmp_path / kind
        result = panmatch('synth', out, '--count', 2, '--size', '64x80', '--kind', kind)
        assert result.status == 0
        assert f'{out}: 2 pairs' in result.out
        assert files(out) == {'contact_sheet.png', 'synth.json', *(
            f'0000{index}/{name}' for index in (0, 1)
            for name in ('image0.png', 'image1.png', 'occlusion.png', truth))}
        assert read_image(out / '00001' / 'image1.png').shape == (64, 80, 3)
        assert set(np.unique(read_image(out / '00000' / 'occlusion.png'))) <= {0, 255}
    disparity = read_pfm(tmp_path / 'stereo' / '00000' / 'disparity.pfm')
    assert disparity.shape == (64, 80)
    assert 0 <= disparity.min() <= disparity.max() <= 20.01
    assert np.isfinite(read_flo(tmp_path / 'layers' / '00000' / 'flow.flo')).all()


def test_the_sheet_shows_four_pictures_a_pair(panmatch, tmp_path):
    panmatch('synth', tmp_path / 'a', '--count', 3, '--size', '64x80')
    assert read_image(tmp_path / 'a' / 'contact_sheet.png').shape[1] == 1280
    about = json.loads((tmp_path / 'a' / 'synth.json').read_text())
    assert (about['count'], about['seed'], about['recipe']['width']) == (3, 0, 80)


def test_a_seed_repeats_the_pairs(panmatch, tmp_path):
    for name, seed in (('a', 1), ('b', 1), ('c', 2)):
        panmatch('synth', tmp_path / name, '--count', 1, '--size', '64x80', '--seed', seed)
    a, b, c = (read_image(tmp_path / name / '00000' / 'image0.png') for name in 'abc')
    assert (a == b).all()
    assert (a != c).any()


def test_nothing_is_overwritten_unasked(panmatch, tmp_path):
    command = ('synth', tmp_path / 'a', '--count', 2, '--size', '64x80')
    assert panmatch(*command).status == 0
    result = panmatch(*command)
    assert result.status == 1
    assert '--overwrite' in result.err
    assert panmatch('synth', tmp_path / 'a', '--count', 1, '--size', '64x80',
                    '--overwrite').status == 0
    assert not (tmp_path / 'a' / '00001').exists()


def test_other_folders_are_never_replaced(panmatch, tmp_path):
    (tmp_path / '00000').mkdir()
    (tmp_path / '00000' / 'mine.txt').write_text('keep')
    result = panmatch('synth', tmp_path, '--overwrite')
    assert result.status == 1
    assert 'synth.json' in result.err
    assert (tmp_path / '00000' / 'mine.txt').read_text() == 'keep'


@pytest.mark.parametrize('option', [('--size', '64'), ('--size', '0x-3'), ('--count', '0'),
                                    ('--seed', '-1'), ('--photometrics', '2')])
def test_wrong_options(panmatch, tmp_path, option):
    assert panmatch('synth', tmp_path / 'a', *option).status == 2
    assert not (tmp_path / 'a').exists()


def test_a_size_that_is_too_small(panmatch, tmp_path):
    result = panmatch('synth', tmp_path / 'a', '--size', '8x8')
    assert result.status == 1
    assert 'at least 32' in result.err
    assert not (tmp_path / 'a').exists()


def test_evaluate_reads_the_pairs(panmatch, tmp_path):
    panmatch('synth', tmp_path / 'a', '--count', 2, '--size', '96x128', '--kind', 'stereo')
    result = panmatch('evaluate', tmp_path / 'a', '--matcher', 'classical')
    assert result.status == 0
    assert '2 pairs: 2 stereo, 0 flow' in result.err
