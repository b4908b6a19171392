"""WxBS v1.1 in its official layout."""
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.data.datasets import guess_dataset, open_dataset


@pytest.fixture
def wxbs(tmp_path):
    for name, suffix in (('WGALBS/rovenki', 'png'), ('WGABS/kremlin', 'jpg'),
                         ('WLABS/petrzin', 'png')):
        files.images(tmp_path / name, f'01.{suffix}', f'02.{suffix}')
        files.text(tmp_path / name / 'corrs.txt', '1.5 2 30 40\n5 6 7.25 8e1\n')
        files.text(tmp_path / name / 'crossval_errors.txt', '0.5\n0.25\n')
    return tmp_path


def test_samples(wxbs):
    assert guess_dataset(wxbs) == 'wxbs'
    samples = open_dataset('wxbs', wxbs)
    assert [(each.name, each.task) for each in samples] == [
        ('WGABS/kremlin', 'points'), ('WGALBS/rovenki', 'points')]
    assert (samples[0].image0, samples[0].image1) == (wxbs / 'WGABS/kremlin/01.jpg',
                                                      wxbs / 'WGABS/kremlin/02.jpg')


def test_subsets(wxbs):
    assert [each.name for each in open_dataset('wxbs', wxbs, {'subset': 'validation'})] == [
        'WLABS/petrzin']
    assert len(open_dataset('wxbs', wxbs, {'subset': 'all'})) == 3


def test_points(wxbs):
    truth = open_dataset('wxbs', wxbs)[1].annotate()
    np.testing.assert_array_equal(truth.points0, [[1.5, 2], [5, 6]])
    np.testing.assert_array_equal(truth.points1, [[30, 40], [7.25, 80]])
    assert truth.points0.dtype == truth.points1.dtype == np.float64


def test_wrong_files(wxbs):
    files.text(wxbs / 'WGABS/kremlin/corrs.txt', '1 2 3 4\n1 2 3\n')
    with pytest.raises(FormatError, match="line 2: expected 4 numbers, found '1 2 3'"):
        open_dataset('wxbs', wxbs)[0].annotate()
    (wxbs / 'WGABS/kremlin/corrs.txt').unlink()
    with pytest.raises(ConfigError, match=r'kremlin/corrs\.txt: there is no such file, but it is '
                       'the truth of WGABS/kremlin'):
        open_dataset('wxbs', wxbs)
    (wxbs / 'WGABS/kremlin/02.jpg').unlink()
    with pytest.raises(ConfigError, match=r'kremlin/02\.png: there is no such file, but it is an '
                       'image of WGABS/kremlin'):
        open_dataset('wxbs', wxbs)


def test_nothing_is_left(tmp_path):
    files.images(tmp_path / 'WLABS/petrzin', '01.png', '02.png')
    files.touch(tmp_path, 'WLABS/petrzin/corrs.txt')
    with pytest.raises(ConfigError, match='expected the pairs of the subset test, found WLABS/; '
                       'choose another subset'):
        open_dataset('wxbs', tmp_path)
