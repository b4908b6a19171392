"""TartanAir in its official layout; its axes are not ours."""
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.data.datasets import guess_dataset, open_dataset

NAN = float('nan')
# tx ty tz qx qy qz qw, x ahead, y right, z down. Frame 1 is 2 m ahead and 0.5 m right of frame 0.
# Frame 2 has turned right by 90 degrees (about z, which points down) where frame 0 stood.
HALF = 0.5 ** 0.5
POSES = f'1 2 3 0 0 0 1\n3 2.5 3 0 0 0 1\n1 2 3 0 0 {HALF!r} {HALF!r}\n'


@pytest.fixture(params=['abandonedfactory/Easy', 'abandonedfactory/abandonedfactory/Easy', '.'])
def tartanair(request, tmp_path):
    for name in ('P001', 'P000'):
        folder = tmp_path / request.param / name
        for side in ('left', 'right'):
            files.images(folder / f'image_{side}', *(f'{frame:06d}_{side}.png'
                                                     for frame in range(3)))
        for frame in range(3):
            files.npy(folder / f'depth_left/{frame:06d}_left_depth.npy',
                      np.array([[80, 40 + frame], [0.5, 10000]], np.float32))
        for frame in range(2):
            pair = f'{frame:06d}_{frame + 1:06d}'
            files.npy(folder / f'flow/{pair}_flow.npy',
                      np.arange(8, dtype=np.float32).reshape(2, 2, 2))
            files.npy(folder / f'flow/{pair}_mask.npy', np.array([[0, 1], [10, 100]], np.uint8))
        files.text(folder / 'pose_left.txt', POSES)
    return tmp_path


def test_samples(tartanair):
    assert guess_dataset(tartanair) == 'tartanair'
    samples = open_dataset('tartanair', tartanair, {'trajectory': 'P000'})
    assert [(each.task, each.name.rsplit('/', 1)[1]) for each in samples] == [
        ('stereo', '000000'), ('stereo', '000001'), ('stereo', '000002'), ('flow', '000000'),
        ('flow', '000001'), ('pose', '000000'), ('pose', '000001')]
    assert samples[2].image1.name == '000002_right.png'
    assert (samples[4].image0.name, samples[4].image1.name) == (
        '000001_left.png', '000002_left.png')
    everything = open_dataset('tartanair', tartanair)
    assert len(everything) == 14
    assert everything[0].image0.parts[-3] == 'P000'


def test_disparity_is_80_over_depth(tartanair):
    truth = open_dataset('tartanair', tartanair, {'task': 'stereo'})[0].annotate()
    files.is_float32(truth.disparity, [[1, 2], [160, 0.008]])
    np.testing.assert_array_equal(truth.K0, [[320, 0, 320], [0, 320, 240], [0, 0, 1]])
    np.testing.assert_array_equal(truth.T_1_0[:3, 3], [-0.25, 0, 0])


def test_flow_is_known_where_the_mask_is_0(tartanair):
    truth = open_dataset('tartanair', tartanair, {'task': 'flow'})[0].annotate()
    files.is_float32(truth.flow, [[[0, 1], [NAN, NAN]], [[NAN, NAN], [NAN, NAN]]])
    np.testing.assert_array_equal(truth.non_occluded, [[True, False], [False, False]])
    assert truth.note == ''


def test_flow_without_mask(tartanair):
    for path in tartanair.rglob('*_mask.npy'):
        path.unlink()
    truth = open_dataset('tartanair', tartanair, {'task': 'flow'})[0].annotate()
    files.is_float32(truth.flow, np.arange(8).reshape(2, 2, 2))
    assert truth.non_occluded is None
    assert truth.note == 'no flow mask: hidden pixels and moving objects count'


def test_motion_in_our_axes(tartanair):
    first, second = open_dataset('tartanair', tartanair,
                                 {'task': 'pose', 'trajectory': 'P000'})
    truth = first.annotate()
    # What is at rest comes nearer (z: ahead) and moves left (x: right) as the camera goes.
    np.testing.assert_allclose(truth.T_1_0, [[1, 0, 0, -0.5], [0, 1, 0, 0], [0, 0, 1, -2],
                                             [0, 0, 0, 1]], atol=1e-12)
    files.is_float32(truth.depth1, [[80, 41], [0.5, 10000]])
    # From frame 1 to 2: a point 5 m ahead of frame 1 is 7 m ahead, 0.5 m right of frame 0, and
    # after the turn to the right 7 m to the left, 0.5 m ahead.
    turned = second.annotate().T_1_0 @ [0, 0, 5, 1]
    np.testing.assert_allclose(turned, [-7, 0, 0.5, 1], atol=1e-12)


def test_trajectory_that_is_not_there(tartanair):
    with pytest.raises(ConfigError, match=r"there is no trajectory 'P007'; the first of 2 are "
                       r".*P000, .*P001"):
        open_dataset('tartanair', tartanair, {'trajectory': 'P007'})


def test_tasks_need_their_files(tartanair):
    folder = next(tartanair.rglob('P000'))
    (folder / 'image_right').rename(folder / 'other')
    with pytest.raises(ConfigError, match='P000: expected image_right, found depth_left/, flow/, '
                       'image_left/, other/, pose_left.txt; unpack the files for stereo there'):
        open_dataset('tartanair', tartanair, {'task': 'stereo'})
    assert len(open_dataset('tartanair', tartanair)) == 11


@pytest.mark.parametrize('tartanair', ['.'], indirect=True)
@pytest.mark.parametrize(('content', 'message'), [
    ('1 2 3 0 0 0 1\n', 'expected a line for frame 1, found 1 lines'),
    (POSES.replace('0 0 0 1', '0 0 0 2', 1), 'a quaternion of length 1, found the length 2.000'),
    (POSES.replace('1 2 3 0', 'one 2 3 0', 1), "line 1: expected 7 numbers, found 'one 2 3 0 0"),
    ('1 2 3\n', "line 1: expected 7 numbers, found '1 2 3'"),
    (POSES.replace('1 2 3', 'nan 2 3', 1), "line 1: expected 7 numbers, found 'nan 2 3 0"),
    ('\n\n', 'expected lines of 7 numbers, found none'),
])
def test_damaged_poses(tartanair, content, message):
    sample = open_dataset('tartanair', tartanair, {'task': 'pose'})[0]
    files.text(tartanair / 'P000/pose_left.txt', content)
    with pytest.raises(FormatError, match=message):
        sample.annotate()


@pytest.mark.parametrize('tartanair', ['.'], indirect=True)
def test_damaged_arrays(tartanair):
    stereo, flow = (open_dataset('tartanair', tartanair, {'task': task})[0]
                    for task in ('stereo', 'flow'))
    files.npy(tartanair / 'P000/depth_left/000000_left_depth.npy', np.ones((2, 2, 1)))
    with pytest.raises(FormatError, match=r'a depth map is \(H, W\), found \(2, 2, 1\)'):
        stereo.annotate()
    files.npy(tartanair / 'P000/flow/000000_000001_mask.npy', np.ones((1, 2)))
    with pytest.raises(FormatError, match='expected the size of the truth, 2x2, found 2x1'):
        flow.annotate()
    files.npy(tartanair / 'P000/flow/000000_000001_mask.npy', np.ones(4))
    with pytest.raises(FormatError, match=r'a mask is \(H, W\), found \(4,\)'):
        flow.annotate()
