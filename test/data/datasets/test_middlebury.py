"""Middlebury version 3 and 2014 in their official layouts."""
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import CalibrationError, ConfigError, FormatError
from panmatch_ros.data.datasets import guess_dataset, open_dataset
from panmatch_ros.data.sample import Annotation

NAN, INF = float('nan'), float('inf')
CALIBRATION = """\
cam0=[994.978 0 311.193; 0 994.978 254.877; 0 0 1]
cam1=[994.978 0 342.193; 0 994.978 254.877; 0 0 1]
doffs=31
baseline=193.001
width=6
height=4
ndisp=70
"""
DISPARITY = np.array([[1, 2, 3], [INF, 5.25, 6]])


def scene(folder, truth='disp0GT.pfm'):
    files.images(folder, 'im0.png', 'im1.png')
    files.text(folder / 'calib.txt', CALIBRATION)
    if truth:
        files.pfm(folder / truth, DISPARITY)
    return folder


@pytest.fixture
def benchmark(tmp_path):
    for resolution in 'HQ':
        for name in ('Jadeplant', 'Adirondack'):
            files.levels(scene(tmp_path / f'training{resolution}' / name) / 'mask0nocc.png',
                         [[255, 128, 0], [0, 255, 255]])
    scene(tmp_path / 'testQ/Australia', truth='')
    return tmp_path


def test_the_largest_size_is_taken(benchmark):
    assert guess_dataset(benchmark) == 'middlebury'
    samples = open_dataset('middlebury', benchmark)
    assert [each.name for each in samples] == ['trainingH/Adirondack', 'trainingH/Jadeplant']
    assert [each.submission for each in samples] == [each.name for each in samples]
    assert samples[0].image1 == benchmark / 'trainingH/Adirondack/im1.png'


def test_truth(benchmark):
    truth = open_dataset('middlebury', benchmark, {'resolution': 'Q'})[0].annotate()
    files.is_float32(truth.disparity, [[1, 2, 3], [NAN, 5.25, 6]])
    # 128 is occluded, 0 has no truth.
    np.testing.assert_array_equal(truth.non_occluded, [[True, False, False], [False, True, True]])
    np.testing.assert_array_equal(truth.K0, [[994.978, 0, 311.193], [0, 994.978, 254.877],
                                             [0, 0, 1]])
    assert truth.K1[0, 2] - truth.K0[0, 2] == 31  # doffs
    np.testing.assert_allclose(truth.T_1_0[:3, 3], [-0.193001, 0, 0], rtol=1e-12)
    np.testing.assert_array_equal(truth.T_1_0[:3, :3], np.eye(3))


def test_test_scenes_have_no_truth(benchmark):
    samples = open_dataset('middlebury', benchmark, {'split': 'test'})
    assert [each.name for each in samples] == ['testQ/Australia']
    assert samples[0].annotate() == Annotation()


def test_2014(tmp_path):
    scene(tmp_path / 'Piano-perfect', 'disp0.pfm')
    scene(tmp_path / 'Flowers-perfect', 'disp0.pfm')
    assert guess_dataset(tmp_path) == 'middlebury'
    samples = open_dataset('middlebury', tmp_path)
    assert [(each.name, each.submission) for each in samples] == [
        ('Flowers-perfect', ''), ('Piano-perfect', '')]
    truth = samples[0].annotate()
    files.is_float32(truth.disparity, [[1, 2, 3], [NAN, 5.25, 6]])
    assert truth.non_occluded is None


@pytest.mark.parametrize(('options', 'expected'), [
    ({'resolution': 'F'}, 'expected trainingF/<scene>/im0.png, found testQ/, trainingH/, '
     'trainingQ/; choose another resolution or split'),
    ({'resolution': 'H', 'split': 'test'}, 'expected testH/<scene>/im0.png, found'),
])
def test_what_is_not_there(benchmark, options, expected):
    with pytest.raises(ConfigError, match=expected):
        open_dataset('middlebury', benchmark, options)


def test_missing_parts(benchmark):
    (benchmark / 'trainingH/Adirondack/im1.png').unlink()
    with pytest.raises(ConfigError, match=r'Adirondack/im1\.png: there is no such file, but it is '
                       'an image of the scene trainingH/Adirondack'):
        open_dataset('middlebury', benchmark)
    (benchmark / 'trainingQ/Adirondack/disp0GT.pfm').unlink()
    sample = open_dataset('middlebury', benchmark, {'resolution': 'Q'})[0]
    with pytest.raises(FormatError, match=r'disp0GT\.pfm: there is no such file'):
        sample.annotate()


def test_damaged_parts(benchmark):
    folder = benchmark / 'trainingH/Adirondack'
    sample = open_dataset('middlebury', benchmark)[0]
    (folder / 'calib.txt').write_text(CALIBRATION.replace('doffs=31', 'doffs=30'))
    with pytest.raises(CalibrationError, match='doffs is 30, but cam1 and cam0 have'):
        sample.annotate()
    files.levels(folder / 'mask0nocc.png', [[255]])
    with pytest.raises(FormatError, match='expected the size of the truth, 3x2, found 1x1'):
        sample.annotate()
    files.pfm(folder / 'disp0GT.pfm', np.ones((2, 3, 3)))
    with pytest.raises(FormatError, match=r'a disparity map has one channel, found \(2, 3, 3\)'):
        sample.annotate()
