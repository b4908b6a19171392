"""Results in the files that the benchmarks take, read byte by byte."""
import struct

import cv2
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError, ShapeError
from panmatch_ros.data.datasets import open_dataset
from panmatch_ros.data.sample import Sample
from panmatch_ros.data.submission import FORMS, read_submission, write_submission

NAN = float('nan')
HEIGHT, WIDTH = files.SIZE


@pytest.fixture
def pair(tmp_path):
    """Make a sample with a given image size and place in a submission."""
    def make(kind, task, submission, size=files.SIZE):
        files.images(tmp_path, 'image.png', size=size)
        image = tmp_path / 'image.png'
        return Sample('pair', task, image, image, dataset=kind, submission=submission)
    return make


def disparity_map():
    values = np.arange(1, HEIGHT * WIDTH + 1, dtype=np.float32).reshape(HEIGHT, WIDTH)
    return values + np.float32(0.25)


def flow_map():
    return np.stack([disparity_map(), -disparity_map()], axis=-1)


SUBMISSIONS = {
    ('kitti2012', 'stereo'): ('stereo/000000_10', 'stereo/000000_10.png'),
    ('kitti2012', 'flow'): ('flow/000000_10', 'flow/000000_10.png'),
    ('kitti2015', 'stereo'): ('disp_0/000000_10', 'disp_0/000000_10.png'),
    ('kitti2015', 'flow'): ('flow/000000_10', 'flow/000000_10.png'),
    ('sintel', 'flow'): ('clean/cave_3/frame_0001', 'clean/cave_3/frame_0001.flo'),
    ('spring', 'stereo'): ('0003/disp1_left/disp1_left_0001',
                           '0003/disp1_left/disp1_left_0001.dsp5'),
    ('spring', 'flow'): ('0003/flow_FW_left/flow_FW_left_0001',
                         '0003/flow_FW_left/flow_FW_left_0001.flo5'),
    ('middlebury', 'stereo'): ('testQ/Australia', 'testQ/Australia/disp0panmatch.pfm'),
    ('eth3d', 'stereo'): ('low_res_two_view/lakeside_1l', 'low_res_two_view/lakeside_1l.pfm')}


def test_all_kinds_are_tested():
    assert set(SUBMISSIONS) == set(FORMS)


@pytest.mark.parametrize('kind', SUBMISSIONS, ids='-'.join)
def test_round_trip(tmp_path, pair, kind):
    if kind[0] == 'spring':
        pytest.importorskip('h5py', reason='h5py is not installed: pip install h5py')
    submission, path = SUBMISSIONS[kind]
    sample = pair(*kind, submission)
    values = disparity_map() if kind[1] == 'stereo' else flow_map()
    written = write_submission(kind[0], tmp_path / 'out', sample, values, 0.5)
    assert written[0] == tmp_path / 'out' / path
    assert sorted(each for each in (tmp_path / 'out').rglob('*') if each.is_file()) == (
        sorted(written))
    # All these values are whole multiples of 1/256 and 1/64: nothing is rounded.
    files.is_float32(read_submission(kind[0], tmp_path / 'out', sample), values)


def test_kitti_disparity_levels(tmp_path, pair):
    sample = pair('kitti2015', 'stereo', 'disp_0/000007_10', (2, 3))
    values = np.array([[0, -5, 1], [2.5, 300, 0.001]], np.float32)
    path, = write_submission('kitti2015', tmp_path, sample, values, 1)
    # 0 would mean unknown; what is out of range takes the nearest level.
    np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_UNCHANGED),
                                  np.array([[1, 1, 256], [640, 65535, 1]], np.uint16))


def test_kitti_flow_levels(tmp_path, pair):
    sample = pair('kitti2012', 'flow', 'flow/000007_10', (1, 3))
    values = np.array([[[0, 1], [-600, 600], [-1 / 64, 511.984375]]], np.float32)
    path, = write_submission('kitti2012', tmp_path, sample, values, 1)
    bgr = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(
        bgr[..., ::-1], [[[32768, 32832, 1], [0, 65535, 1], [32767, 65535, 1]]])


def test_sintel_bytes(tmp_path, pair):
    sample = pair('sintel', 'flow', 'final/cave_3/frame_0001', (1, 2))
    values = np.array([[[1.5, -2], [3, 4]]], np.float32)
    path, = write_submission('sintel', tmp_path, sample, values, 1)
    assert path.read_bytes() == struct.pack('<fii4f', 202021.25, 2, 1, 1.5, -2, 3, 4)


def test_middlebury_files(tmp_path, pair):
    sample = pair('middlebury', 'stereo', 'trainingQ/Piano', (2, 1))
    written = write_submission('middlebury', tmp_path, sample,
                               np.array([[1.5], [3]], np.float32), 0.123456789, method='Nano_1')
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        'trainingQ/Piano/disp0Nano_1.pfm', 'trainingQ/Piano/timeNano_1.txt']
    # The bottom row comes first.
    assert written[0].read_bytes() == b'Pf\n1 2\n-1.0\n' + struct.pack('<2f', 3, 1.5)
    assert written[1].read_text() == '0.123457\n'
    files.is_float32(read_submission('middlebury', tmp_path, sample, 'Nano_1'), [[1.5], [3]])


def test_eth3d_time(tmp_path, pair):
    sample = pair('eth3d', 'stereo', 'low_res_two_view/facade_1s', (1, 1))
    written = write_submission('eth3d', tmp_path, sample, np.ones((1, 1), np.float32), 12)
    assert [path.name for path in written] == ['facade_1s.pfm', 'facade_1s.txt']
    assert written[1].read_text() == 'runtime 12\n'


def test_spring_data_sets(tmp_path, pair):
    h5py = pytest.importorskip('h5py', reason='h5py is not installed: pip install h5py')
    sample = pair('spring', 'flow', '0003/flow_BW_right/flow_BW_right_0002', (1, 2))
    path, = write_submission('spring', tmp_path, sample, np.ones((1, 2, 2), np.float32), 1)
    with h5py.File(path) as file:
        assert file['flow'].shape == (1, 2, 2)  # the size of the images, not of the truth


def test_holes_are_filled(tmp_path, pair):
    stereo = pair('eth3d', 'stereo', 'low_res_two_view/facade_1s', (1, 4))
    write_submission('eth3d', tmp_path, stereo, np.array([[7, NAN, np.inf, 3]], np.float32), 1)
    files.is_float32(read_submission('eth3d', tmp_path, stereo), [[7, 3, 3, 3]])
    flow = pair('sintel', 'flow', 'clean/cave_3/frame_0001', (1, 4))
    values = np.array([[[7, 1], [NAN, 1], [1, NAN], [3, 2]]], np.float32)
    write_submission('sintel', tmp_path, flow, values, 1)
    files.is_float32(read_submission('sintel', tmp_path, flow), [[[7, 1], [7, 1], [3, 2], [3, 2]]])


@pytest.mark.parametrize(('values', 'message'), [
    (np.full(files.SIZE, NAN, np.float32), 'has no value at all, so its holes cannot be filled'),
    (np.ones((4, 5), np.float32), r'must have the shape \(4, 6\), as the image has it, got '
     r'\(4, 5\)'),
    (np.ones((4, 6, 2), np.float32), r'must have the shape \(4, 6\), .*got \(4, 6, 2\)'),
])
def test_results_that_cannot_be_written(tmp_path, pair, values, message):
    sample = pair('kitti2015', 'stereo', 'disp_0/000000_10')
    with pytest.raises(ShapeError, match=f'the result of pair {message}'):
        write_submission('kitti2015', tmp_path / 'out', sample, values, 1)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(('kind', 'sample_kind', 'task', 'submission', 'message'), [
    ('hpatches', 'hpatches', 'homography', 'a', "there is no submission to 'hpatches'; there are "
     'kitti2012, kitti2015, sintel, spring, middlebury, eth3d'),
    ('sintel', 'kitti2015', 'flow', 'a', r"sintel takes no result of the pair 'pair' \(kitti2015, "
     r'flow\)'),
    ('sintel', 'sintel', 'stereo', 'a', 'sintel takes no result of the pair'),
    ('middlebury', 'middlebury', 'stereo', '', 'middlebury takes no result of the pair'),
])
def test_pairs_that_are_not_taken(tmp_path, pair, kind, sample_kind, task, submission, message):
    sample = pair(sample_kind, task, submission)
    with pytest.raises(ConfigError, match=message):
        write_submission(kind, tmp_path, sample, disparity_map(), 1)
    with pytest.raises(ConfigError, match=message):
        read_submission(kind, tmp_path, sample)


@pytest.mark.parametrize('seconds', [0, -1, NAN, float('inf')])
def test_wrong_times(tmp_path, pair, seconds):
    sample = pair('eth3d', 'stereo', 'low_res_two_view/a')
    with pytest.raises(ConfigError, match='must be a positive number of seconds, got'):
        write_submission('eth3d', tmp_path, sample, disparity_map(), seconds)


@pytest.mark.parametrize('method', ['', 'a b', '../a', 'nano_s', 'a' * 41, '-a', 'a.b'])
def test_wrong_names_of_methods(tmp_path, pair, method):
    sample = pair('middlebury', 'stereo', 'testQ/Australia')
    with pytest.raises(ConfigError, match='the name of a method must be up to 40 letters, digits, '
                       '- and _, and must not end with _s, got'):
        write_submission('middlebury', tmp_path, sample, disparity_map(), 1, method)


def test_folders_that_cannot_be_made(tmp_path, pair):
    sample = pair('sintel', 'flow', 'clean/cave_3/frame_0001')
    (tmp_path / 'clean').write_text('a file')
    with pytest.raises(FormatError, match='clean/cave_3: cannot be made: '):
        write_submission('sintel', tmp_path, sample, flow_map(), 1)


def test_missing_results(tmp_path, pair):
    sample = pair('sintel', 'flow', 'clean/cave_3/frame_0001')
    with pytest.raises(FormatError, match=r'frame_0001\.flo: there is no such file'):
        read_submission('sintel', tmp_path, sample)


def test_with_a_real_layout(tmp_path):
    files.images(tmp_path, *(f'test/clean/cave_3/frame_{number:04d}.png' for number in (1, 2)))
    sample, = open_dataset('sintel', tmp_path, {'split': 'test', 'pass': 'clean'})
    path, = write_submission('sintel', tmp_path / 'out', sample, flow_map(), 1)
    assert path == tmp_path / 'out/clean/cave_3/frame_0001.flo'
