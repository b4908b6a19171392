"""FlyingChairs and FlyingThings3D in their official layouts."""
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.data.datasets import guess_dataset, open_dataset

FLOW = np.array([[[1.5, -2], [3, 4]]])


@pytest.fixture
def chairs(tmp_path):
    for number in (3, 1, 2):
        files.images(tmp_path / 'data', f'{number:05d}_img1.ppm', f'{number:05d}_img2.ppm')
        files.flo(tmp_path / f'data/{number:05d}_flow.flo', FLOW * number)
    files.text(tmp_path / 'FlyingChairs_train_val.txt', '1\n2\n1\n')
    return tmp_path


def test_chairs(chairs):
    assert guess_dataset(chairs) == 'flyingchairs'
    samples = open_dataset('flyingchairs', chairs)
    assert [(each.name, each.task) for each in samples] == [
        ('00001', 'flow'), ('00002', 'flow'), ('00003', 'flow')]
    assert samples[2].image0 == chairs / 'data/00003_img1.ppm'
    assert samples[2].image1 == chairs / 'data/00003_img2.ppm'
    files.is_float32(samples[2].annotate().flow, 3 * FLOW)


def test_splits_of_chairs(chairs):
    assert [each.name for each in open_dataset('flyingchairs', chairs, {'split': 'training'})] == [
        '00001', '00003']
    assert [each.name for each in open_dataset('flyingchairs', chairs,
                                               {'split': 'validation'})] == ['00002']


@pytest.mark.parametrize(('content', 'message'), [
    ('1 2', r'expected 1 \(training\) or 2 \(validation\) for each of the 3 pairs, found 2 words'),
    ('1 2 3', r"the first of them \['1', '2', '3'\]"),
])
def test_wrong_list_of_chairs(chairs, content, message):
    files.text(chairs / 'FlyingChairs_train_val.txt', content)
    with pytest.raises(FormatError, match=message):
        open_dataset('flyingchairs', chairs, {'split': 'training'})


def test_missing_files_of_chairs(chairs):
    (chairs / 'FlyingChairs_train_val.txt').unlink()
    assert len(open_dataset('flyingchairs', chairs)) == 3
    with pytest.raises(ConfigError, match=r'FlyingChairs_train_val\.txt: there is no such file, '
                       'but it is the list that tells training from validation'):
        open_dataset('flyingchairs', chairs, {'split': 'validation'})
    (chairs / 'data/00002_flow.flo').unlink()
    with pytest.raises(ConfigError, match=r'00002_flow\.flo: there is no such file, but it is the '
                       'truth of 00002'):
        open_dataset('flyingchairs', chairs)


@pytest.fixture
def things(tmp_path):
    for sequence in ('TEST/B/0001', 'TEST/A/0000', 'TRAIN/A/0000'):
        for name in ('frames_cleanpass', 'frames_finalpass'):
            files.images(tmp_path / name / sequence, *(f'{side}/{number:04d}.png'
                                                       for side in ('left', 'right')
                                                       for number in (6, 7)))
        for number in (6, 7):
            files.pfm(tmp_path / f'disparity/{sequence}/left/{number:04d}.pfm',
                      np.array([[1, 2], [3, 4.5]]) * number)
            files.pfm(tmp_path / f'optical_flow/{sequence}/into_future/left/'
                      f'OpticalFlowIntoFuture_{number:04d}_L.pfm',
                      np.array([[[1, 2, 0], [-3, 4, 0]], [[5, 6, 0], [7, -8, 0]]]) * number)
    return tmp_path


def test_things(things):
    assert guess_dataset(things) == 'flyingthings3d'
    samples = open_dataset('flyingthings3d', things)
    assert [each.name for each in samples] == [
        'stereo/A/0000/0006', 'stereo/A/0000/0007', 'stereo/B/0001/0006', 'stereo/B/0001/0007',
        'flow/A/0000/0006', 'flow/B/0001/0006']
    base = things / 'frames_cleanpass/TEST/A/0000'
    assert (samples[1].image0, samples[1].image1) == (base / 'left/0007.png',
                                                      base / 'right/0007.png')
    assert (samples[4].image0, samples[4].image1) == (base / 'left/0006.png',
                                                      base / 'left/0007.png')
    files.is_float32(samples[1].annotate().disparity, [[7, 14], [21, 31.5]])
    files.is_float32(samples[4].annotate().flow, [[[6, 12], [-18, 24]], [[30, 36], [42, -48]]])


def test_parts_of_things(things):
    options = {'split': 'TRAIN', 'pass': 'final', 'task': 'flow'}
    samples = open_dataset('flyingthings3d', things, options)
    assert [each.image0 for each in samples] == [
        things / 'frames_finalpass/TRAIN/A/0000/left/0006.png']


def test_missing_parts_of_things(things):
    (things / 'disparity').rename(things / 'parallax')
    assert {each.task for each in open_dataset('flyingthings3d', things)} == {'flow'}
    with pytest.raises(ConfigError, match='expected disparity/TEST/, found frames_cleanpass/, '
                       'frames_finalpass/, optical_flow/, parallax/; unpack the truth for stereo'):
        open_dataset('flyingthings3d', things, {'task': 'stereo'})
    (things / 'optical_flow').rename(things / 'motion')
    with pytest.raises(ConfigError, match='expected disparity/TEST/ or optical_flow/TEST/'):
        open_dataset('flyingthings3d', things)
    (things / 'frames_cleanpass').rename(things / 'clean')
    with pytest.raises(ConfigError, match=r'expected frames_cleanpass/TEST/A/0000/left/0006\.png'):
        open_dataset('flyingthings3d', things)


def test_missing_frames_of_things(things):
    (things / 'frames_cleanpass/TEST/A/0000/right/0007.png').unlink()
    with pytest.raises(ConfigError, match=r'right/0007\.png: there is no such file, but it is the '
                       'right image of'):
        open_dataset('flyingthings3d', things)
