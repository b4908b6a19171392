"""Spring in its official layout, and which of its four truths a pixel is compared with."""
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.data.datasets import guess_dataset, open_dataset
from panmatch_ros.data.sample import Annotation, nearest_truth

h5py = pytest.importorskip('h5py', reason='h5py is not installed: pip install h5py')
NAN = float('nan')
# Twice the size of a 1x2 image: rows 0 and 1, columns 0 and 1 are the first pixel.
DISPARITY = np.array([[1, 2, 5, 6], [3, 4, NAN, 8]], np.float32)
FLOW = np.stack([DISPARITY, -DISPARITY], axis=-1)


def hdf5(path, name, values):
    with h5py.File(files.made(path), 'w') as file:
        file.create_dataset(name, data=values, compression='gzip', compression_opts=5)


@pytest.fixture
def spring(tmp_path):
    for scene in ('train/0001', 'train/0004', 'test/0003'):
        for camera in ('left', 'right'):
            files.images(tmp_path / scene, *(f'frame_{camera}/frame_{camera}_{number:04d}.png'
                                             for number in (1, 2, 3)), size=(1, 2))
    for scene in (tmp_path / 'train/0001', tmp_path / 'train/0004'):
        for number in (1, 2, 3):
            hdf5(scene / f'disp1_left/disp1_left_{number:04d}.dsp5', 'disparity', DISPARITY)
            for camera in ('left', 'right'):
                for direction in ('FW', 'BW'):
                    name = f'flow_{direction}_{camera}'
                    hdf5(scene / name / f'{name}_{number:04d}.flo5', 'flow', FLOW)
    # Red or green marks a pixel that is not seen in the other image.
    files.levels(tmp_path / 'train/0001/maps/matchmap_flow_FW_left/matchmap_flow_FW_left_0001.png',
                 [[[0, 0, 255], [0, 255, 0]]])
    files.levels(tmp_path / 'train/0001/maps/matchmap_disp1_left/matchmap_disp1_left_0001.png',
                 [[[255, 0, 0], [0, 0, 0]]])
    return tmp_path


def test_samples(spring):
    assert guess_dataset(spring) == 'spring'
    samples = open_dataset('spring', spring)
    assert [each.name for each in samples if each.task == 'stereo'] == [
        f'stereo/{scene}/{number:04d}' for scene in ('0001', '0004') for number in (1, 2, 3)]
    assert [each.name for each in samples if each.task == 'flow'] == [
        f'flow/{scene}/FW_left_{number:04d}' for scene in ('0001', '0004') for number in (1, 2)]
    stereo, flow = samples[1], samples[6]
    scene = spring / 'train/0001'
    assert stereo.image1 == scene / 'frame_right/frame_right_0002.png'
    assert (flow.image0, flow.image1) == (scene / 'frame_left/frame_left_0001.png',
                                          scene / 'frame_left/frame_left_0002.png')


def test_all_flows_of_the_benchmark(spring):
    options = {'split': 'test', 'task': 'flow', 'camera': 'all', 'direction': 'all'}
    samples = open_dataset('spring', spring, options)
    assert [each.submission for each in samples] == [
        f'0003/flow_{motion}/flow_{motion}_{number:04d}'
        for motion, numbers in (('FW_left', (1, 2)), ('FW_right', (1, 2)), ('BW_left', (2, 3)),
                                ('BW_right', (2, 3)))
        for number in numbers]
    assert samples[-1].image0.name == 'frame_right_0003.png'
    assert samples[-1].image1.name == 'frame_right_0002.png'
    assert samples[0].annotate() == Annotation()
    stereo = open_dataset('spring', spring, {'split': 'test', 'task': 'stereo'})
    assert stereo[0].submission == '0003/disp1_left/disp1_left_0001'


def test_disparity(spring):
    truth = open_dataset('spring', spring, {'task': 'stereo'})[0].annotate()
    # One of the second pixel's four is unknown, so the benchmark does not count the pixel.
    files.is_float32(truth.disparity, [[1, NAN]])
    files.is_float32(truth.candidates, [[[1, NAN]], [[2, NAN]], [[3, NAN]], [[4, NAN]]])
    np.testing.assert_array_equal(truth.non_occluded, [[False, True]])


def test_flow(spring):
    truth = open_dataset('spring', spring, {'task': 'flow'})[0].annotate()
    files.is_float32(truth.flow, [[[1, -1], [NAN, NAN]]])
    files.is_float32(truth.candidates[:, 0, 0], [[1, -1], [2, -2], [3, -3], [4, -4]])
    np.testing.assert_array_equal(truth.non_occluded, [[True, False]])
    assert open_dataset('spring', spring, {'task': 'flow'})[1].annotate().non_occluded is None


@pytest.mark.parametrize(('result', 'nearest'), [(3.4, 3), (0, 1), (9, 4), (NAN, 1)])
def test_the_nearest_of_four_counts(spring, result, nearest):
    values = np.full((1, 2), result, np.float32)
    stereo = open_dataset('spring', spring, {'task': 'stereo'})[0].annotate()
    files.is_float32(nearest_truth(stereo, values), [[nearest, NAN]])
    flow = open_dataset('spring', spring, {'task': 'flow'})[0].annotate()
    files.is_float32(nearest_truth(flow, np.stack([values, -values], axis=-1)),
                     [[[nearest, -nearest], [NAN, NAN]]])


def test_backward_flow(spring):
    sample = open_dataset('spring', spring, {'task': 'flow', 'direction': 'BW'})[0]
    assert sample.name == 'flow/0001/BW_left_0002'
    hdf5(spring / 'train/0001/flow_BW_left/flow_BW_left_0002.flo5', 'flow', 10 * FLOW)
    files.is_float32(sample.annotate().flow, [[[10, -10], [NAN, NAN]]])


def test_what_cannot_be(spring):
    with pytest.raises(ConfigError, match="leave the option camera at left, got 'right'"):
        open_dataset('spring', spring, {'task': 'stereo', 'camera': 'right'})
    (spring / 'train/0001/disp1_left').rename(spring / 'train/0001/disparity')
    with pytest.raises(ConfigError, match=r'train/0001: expected disp1_left/, found disparity/, '
                       r'flow_BW_left/.*; unpack the files for stereo there'):
        open_dataset('spring', spring, {'task': 'stereo'})
    assert {each.task for each in open_dataset('spring', spring)} == {'flow'}


def test_damaged_truth(spring):
    sample = open_dataset('spring', spring, {'task': 'stereo'})[0]
    path = spring / 'train/0001/disp1_left/disp1_left_0001.dsp5'
    hdf5(path, 'disparity', DISPARITY[:1])
    with pytest.raises(FormatError, match='expected truth of twice the size of the images, found '
                       '4x1'):
        sample.annotate()
    hdf5(path, 'disparity', np.ones((4, 4)))
    with pytest.raises(FormatError, match=r'matchmap_disp1_left_0001\.png: expected the size of '
                       'the truth, 2x2, found 2x1'):
        sample.annotate()
    hdf5(path, 'flow', FLOW)
    with pytest.raises(FormatError, match="expected the data set 'disparity', found flow"):
        sample.annotate()
