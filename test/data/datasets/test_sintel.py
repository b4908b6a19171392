"""MPI Sintel in its official layout."""
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.data.datasets import guess_dataset, open_dataset
from panmatch_ros.data.sample import Annotation

NAN = float('nan')
FLOW = np.array([[[1.5, -2], [3, 4]], [[5, 6], [-700.25, 8]]])


@pytest.fixture
def sintel(tmp_path):
    for split, scenes in (('training', ('bamboo_1', 'alley_1')), ('test', ('ambush_1',))):
        for scene in scenes:
            for name in ('clean', 'final'):
                files.images(tmp_path / split / name / scene,
                             *(f'frame_{number:04d}.png' for number in (1, 2, 3)))
    for scene in ('bamboo_1', 'alley_1'):
        base = tmp_path / 'training'
        for number in (1, 2):
            files.flo(base / f'flow/{scene}/frame_{number:04d}.flo', FLOW + number - 1)
            files.levels(base / f'occlusions/{scene}/frame_{number:04d}.png', [[255, 0], [0, 0]])
        for number in (1, 2, 3):
            files.levels(base / f'invalid/{scene}/frame_{number:04d}.png', [[0, 0], [255, 0]])
    return tmp_path


def test_samples(sintel):
    assert guess_dataset(sintel) == 'sintel'
    samples = open_dataset('sintel', sintel)
    assert [each.name for each in samples] == [
        'final/alley_1/frame_0001', 'final/alley_1/frame_0002', 'final/bamboo_1/frame_0001',
        'final/bamboo_1/frame_0002']
    assert {each.task for each in samples} == {'flow'}
    assert samples[1].image0 == sintel / 'training/final/alley_1/frame_0002.png'
    assert samples[1].image1 == sintel / 'training/final/alley_1/frame_0003.png'
    first = open_dataset('sintel', sintel, {'pass': 'clean'})[0]
    assert first.name == 'clean/alley_1/frame_0001'


def test_truth(sintel):
    truth = open_dataset('sintel', sintel)[0].annotate()
    files.is_float32(truth.flow, [[[1.5, -2], [3, 4]], [[NAN, NAN], [-700.25, 8]]])
    np.testing.assert_array_equal(truth.non_occluded, [[False, True], [True, True]])
    assert open_dataset('sintel', sintel)[1].annotate().flow[0, 0, 0] == 2.5


def test_masks_may_be_missing(sintel):
    for folder in ('invalid', 'occlusions'):
        (sintel / f'training/{folder}/alley_1/frame_0001.png').unlink()
    truth = open_dataset('sintel', sintel)[0].annotate()
    files.is_float32(truth.flow, FLOW)
    assert truth.non_occluded is None


def test_test(sintel):
    samples = open_dataset('sintel', sintel, {'split': 'test', 'pass': 'clean'})
    assert [each.submission for each in samples] == [
        'clean/ambush_1/frame_0001', 'clean/ambush_1/frame_0002']
    assert samples[0].annotate() == Annotation()


def test_wrong_layouts(sintel):
    (sintel / 'training/final/alley_1/frame_0002.png').unlink()
    with pytest.raises(ConfigError, match=r'alley_1/frame_0002\.png: there is no such file, but '
                       r'it is the frame that follows frame_0001\.png'):
        open_dataset('sintel', sintel)
    (sintel / 'training/flow').rename(sintel / 'training/flow_of_others')
    with pytest.raises(ConfigError, match=r'training: expected flow/<scene>/frame_0001\.flo, '
                       r'found clean/, final/, flow_of_others/, invalid/, occlusions/'):
        open_dataset('sintel', sintel, {'pass': 'clean'})
    with pytest.raises(ConfigError, match='pass must be one of clean, final, got .albedo.'):
        open_dataset('sintel', sintel, {'pass': 'albedo'})


def test_damaged_files(sintel):
    sample = open_dataset('sintel', sintel)[0]
    files.levels(sintel / 'training/invalid/alley_1/frame_0001.png', [[0, 0, 255]])
    with pytest.raises(FormatError, match=r'invalid/alley_1/frame_0001\.png: expected the size of '
                       'the truth, 2x2, found 3x1'):
        sample.annotate()
    (sintel / 'training/flow/alley_1/frame_0001.flo').write_bytes(b'PIEH')
    with pytest.raises(FormatError, match=r'frame_0001\.flo: the \.flo header takes 12 bytes'):
        sample.annotate()
