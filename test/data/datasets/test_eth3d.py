"""ETH3D two-view stereo in its official layout."""
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.data.datasets import guess_dataset, open_dataset
from panmatch_ros.data.sample import Annotation

CALIBRATION = """\
cam0=[541.764 0 553.869; 0 541.764 232.396; 0 0 1]
cam1=[541.764 0 553.869; 0 541.764 232.396; 0 0 1]
doffs=0
baseline=59.9046
width=942
height=489
ndisp=64
"""


@pytest.fixture(params=['two_view_training_gt', 'two_view_training'])
def eth3d(request, tmp_path):
    """Make two scenes, with the truth in a folder of its own and among the images."""
    for name in ('two_view_training/terrains_1l', 'two_view_training/facade_1s',
                 'two_view_testing/lakeside_1l'):
        files.images(tmp_path / name, 'im0.png', 'im1.png')
        files.text(tmp_path / name / 'calib.txt', CALIBRATION)
    for name in ('terrains_1l', 'facade_1s'):
        files.pfm(tmp_path / request.param / name / 'disp0GT.pfm',
                  np.array([[1.5, np.inf], [3, 4]]))
        files.levels(tmp_path / request.param / name / 'mask0nocc.png', [[255, 0], [0, 255]])
    return tmp_path


def test_samples(eth3d):
    assert guess_dataset(eth3d) == 'eth3d'
    samples = open_dataset('eth3d', eth3d)
    assert [(each.name, each.task, each.submission) for each in samples] == [
        ('facade_1s', 'stereo', 'low_res_two_view/facade_1s'),
        ('terrains_1l', 'stereo', 'low_res_two_view/terrains_1l')]
    assert samples[0].image0 == eth3d / 'two_view_training/facade_1s/im0.png'


def test_truth(eth3d):
    truth = open_dataset('eth3d', eth3d)[0].annotate()
    files.is_float32(truth.disparity, [[1.5, np.nan], [3, 4]])
    np.testing.assert_array_equal(truth.non_occluded, [[True, False], [False, True]])
    assert (truth.K0[0, 0], truth.K1[0, 2]) == (541.764, 553.869)
    assert truth.T_1_0[0, 3] == pytest.approx(-0.0599046, abs=1e-12)


def test_testing(eth3d):
    samples = open_dataset('eth3d', eth3d, {'split': 'testing'})
    assert [each.name for each in samples] == ['lakeside_1l']
    assert samples[0].annotate() == Annotation()


def test_truth_is_missing(eth3d):
    for path in eth3d.rglob('facade_1s/disp0GT.pfm'):
        path.unlink()
    with pytest.raises(ConfigError, match=r'two_view_training/facade_1s/disp0GT\.pfm: there is no '
                       r'such file, but it is the truth of the scene facade_1s \(in '
                       r'two_view_training_gt\.7z\)'):
        open_dataset('eth3d', eth3d)


def test_split_is_missing(tmp_path):
    files.images(tmp_path / 'two_view_testing/lakeside_1l', 'im0.png', 'im1.png')
    with pytest.raises(ConfigError, match=r'expected two_view_training/<scene>/im0\.png, found '
                       r'two_view_testing/; unpack two_view_training\.7z there'):
        open_dataset('eth3d', tmp_path)
