"""HPatches sequences in their official layout."""
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.data.datasets import guess_dataset, open_dataset

H = '1.5 0.25 -3\n0 1 7e1\n1e-4 0 1.0\n'


@pytest.fixture
def hpatches(tmp_path):
    for name in ('v_wall', 'i_dc', 'i_ajuntament'):
        files.images(tmp_path / name, *(f'{number}.ppm' for number in range(1, 7)))
        for number in range(2, 7):
            files.text(tmp_path / name / f'H_1_{number}', H.replace('1.5', f'1.{number}'))
    return tmp_path


def test_samples(hpatches):
    assert guess_dataset(hpatches) == 'hpatches'
    samples = open_dataset('hpatches', hpatches)
    # i_dc is one of the eight large ones.
    assert [each.name for each in samples] == [
        f'{name}/1_{number}' for name in ('i_ajuntament', 'v_wall') for number in range(2, 7)]
    assert {each.task for each in samples} == {'homography'}
    assert (samples[7].image0, samples[7].image1) == (hpatches / 'v_wall/1.ppm',
                                                      hpatches / 'v_wall/4.ppm')


@pytest.mark.parametrize(('options', 'expected'), [
    ({'subset': '116'}, ['i_ajuntament', 'i_dc', 'v_wall']),
    ({'subset': '116', 'change': 'illumination'}, ['i_ajuntament', 'i_dc']),
    ({'change': 'viewpoint'}, ['v_wall']),
])
def test_parts(hpatches, options, expected):
    samples = open_dataset('hpatches', hpatches, options)
    assert list(dict.fromkeys(each.name.split('/')[0] for each in samples)) == expected
    assert len(samples) == 5 * len(expected)


def test_homography(hpatches):
    truth = open_dataset('hpatches', hpatches)[3].annotate()
    np.testing.assert_array_equal(truth.homography, [[1.5, 0.25, -3], [0, 1, 70], [1e-4, 0, 1]])
    assert truth.homography.dtype == np.float64


@pytest.mark.parametrize(('content', 'message'), [
    ('1 0 0\n0 1 0\n', 'expected an invertible 3x3 matrix, found 2 lines of 3 numbers'),
    ('1 0 0\n0 1 0\n0 0 0\n', 'expected an invertible 3x3 matrix'),
    ('1 0 0\n0 1 0 0\n0 0 1\n', "H_1_2, line 2: expected 3 numbers, found '0 1 0 0'"),
])
def test_wrong_homographies(hpatches, content, message):
    files.text(hpatches / 'i_ajuntament/H_1_2', content)
    with pytest.raises(FormatError, match=message):
        open_dataset('hpatches', hpatches)[0].annotate()


def test_missing_parts(hpatches):
    (hpatches / 'v_wall/6.ppm').unlink()
    with pytest.raises(ConfigError, match=r'v_wall/6\.ppm: there is no such file, but it is a '
                       'part of the sequence v_wall'):
        open_dataset('hpatches', hpatches)
    assert len(open_dataset('hpatches', hpatches, {'change': 'illumination'})) == 5


def test_nothing_is_left(tmp_path):
    files.images(tmp_path, 'i_dc/1.ppm')
    with pytest.raises(ConfigError, match=r'expected v_<name>/1\.ppm, found i_dc/; choose another '
                       'change or subset'):
        open_dataset('hpatches', tmp_path)
