"""Virtual KITTI 2 in its official layout."""
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError, PoseError
from panmatch_ros.data.datasets import guess_dataset, open_dataset

NAN = float('nan')
ROTATION = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # a quarter turn, exact in numbers
STEP = np.array([[0, -1, 0, 0.25], [1, 0, 0, -0.5], [0, 0, 1, 2], [0, 0, 0, 1]])


def pose_of(frame, camera):
    """World into camera: the right one is 0.5 m to the right, the next frame is STEP on."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = ROTATION, (3, -1, 7)
    pose = np.linalg.matrix_power(STEP, frame) @ pose
    pose[0, 3] -= 0.5 * camera
    return pose


def tables():
    intrinsics = ['frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]']
    extrinsics = ['frame cameraID r1,1 r1,2 r1,3 t1 r2,1 r2,2 r2,3 t2 r3,1 r3,2 r3,3 t3 0 0 0 1']
    for frame in (0, 1):
        for camera in (0, 1):
            intrinsics.append(f'{frame} {camera} 725.0 724.0 {620 + frame}.5 187')
            numbers = ' '.join(map(str, pose_of(frame, camera).ravel().tolist()))
            extrinsics.append(f'{frame} {camera} {numbers}')
    return '\n'.join(intrinsics) + '\n', '\n'.join(extrinsics) + '\n'


@pytest.fixture(params=['archives', 'together'])
def vkitti2(request, tmp_path):
    """One frame more than pairs; each archive in a folder of its own, or all in one."""
    def part(name):
        return tmp_path / f'vkitti_2.0.3_{name}' if request.param == 'archives' else tmp_path
    for place in ('Scene01/clone', 'Scene01/rain', 'Scene20/clone'):
        files.images(part('rgb') / place, *(f'frames/rgb/Camera_{camera}/rgb_{frame:05d}.jpg'
                                            for camera in (0, 1) for frame in (0, 1)))
        files.levels(part('forwardFlow') / place / 'frames/forwardFlow/Camera_0/flow_00000.png',
                     [[[65535, 0, 65535], [0, 65535, 1], [32768, 32767, 9]],
                      [[1, 2, 0], [65535, 65535, 5], [13107, 0, 5]]], np.uint16)
        for camera in (0, 1):
            for frame in (0, 1):
                files.levels(part('depth') / place / f'frames/depth/Camera_{camera}/'
                             f'depth_{frame:05d}.png', [[100, 250], [65535, 36250 + frame]],
                             np.uint16)
        for name, content in zip(('intrinsic.txt', 'extrinsic.txt'), tables(), strict=True):
            files.text(part('textgt') / place / name, content)
    return tmp_path


def test_samples(vkitti2):
    assert guess_dataset(vkitti2) == 'vkitti2'
    samples = open_dataset('vkitti2', vkitti2)
    assert [each.name for each in samples] == [
        f'{task}/{scene}/clone/{frame:05d}'
        for task, frames in (('stereo', (0, 1)), ('flow', (0,)), ('pose', (0,)))
        for scene in ('Scene01', 'Scene20') for frame in frames]
    assert samples[0].image0.as_posix().endswith('Scene01/clone/frames/rgb/Camera_0/rgb_00000.jpg')
    assert samples[0].image1.as_posix().endswith('Scene01/clone/frames/rgb/Camera_1/rgb_00000.jpg')
    assert samples[4].image1.as_posix().endswith('Scene01/clone/frames/rgb/Camera_0/rgb_00001.jpg')


def test_parts(vkitti2):
    options = {'task': 'flow', 'condition': 'all', 'scene': 'Scene01'}
    assert [each.name for each in open_dataset('vkitti2', vkitti2, options)] == [
        'flow/Scene01/clone/00000', 'flow/Scene01/rain/00000']


def test_flow(vkitti2):
    truth = open_dataset('vkitti2', vkitti2, {'task': 'flow'})[0].annotate()
    half = 2 * 32768 / 65535 - 1
    files.is_float32(truth.flow, [[[2, -1], [-2, 1], [2 * half, -half]],
                                  [[NAN, NAN], [2, 1], [2 * (2 * 13107 / 65535 - 1), -1]]])


def test_disparity_from_depth(vkitti2):
    truth = open_dataset('vkitti2', vkitti2, {'task': 'stereo'})[0].annotate()
    files.is_float32(truth.depth0, [[1, 2.5], [NAN, 362.5]])
    # 725 px * 0.5 m / depth; the sky is at no known depth.
    np.testing.assert_allclose(truth.disparity, [[362.5, 145], [NAN, 1]], rtol=1e-6)
    assert truth.disparity.dtype == np.float32
    np.testing.assert_allclose(truth.T_1_0, [[1, 0, 0, -0.5], [0, 1, 0, 0], [0, 0, 1, 0],
                                             [0, 0, 0, 1]], atol=1e-12)


def test_motion(vkitti2):
    truth = open_dataset('vkitti2', vkitti2, {'task': 'pose'})[0].annotate()
    np.testing.assert_allclose(truth.T_1_0, STEP, atol=1e-12)
    np.testing.assert_array_equal(truth.K0, [[725, 0, 620.5], [0, 724, 187], [0, 0, 1]])
    assert truth.K1[0, 2] == 621.5
    files.is_float32(truth.depth1, [[1, 2.5], [NAN, np.float32(36251) / 100]])
    assert truth.disparity is None


@pytest.mark.parametrize(('options', 'message'), [
    ({'scene': 'Scene02'}, 'expected Scene02/clone/frames/rgb/Camera_0/rgb_00000.jpg, found'),
    ({'condition': 'fog'}, 'expected Scene01/fog/frames/rgb/.*choose another scene or condition'),
    ({'condition': 'snow'}, "condition must be one of clone, fog, .*, got 'snow'"),
])
def test_what_is_not_there(vkitti2, options, message):
    with pytest.raises(ConfigError, match=message):
        open_dataset('vkitti2', vkitti2, options)


def test_tasks_need_their_archives(tmp_path):
    files.images(tmp_path, *(f'vkitti_2.0.3_rgb/Scene01/clone/frames/rgb/Camera_0/'
                             f'rgb_{frame:05d}.jpg' for frame in (0, 1)))
    with pytest.raises(ConfigError, match='expected forwardFlow, or depth with textgt, beside the '
                       'images, found vkitti_2.0.3_rgb/'):
        open_dataset('vkitti2', tmp_path)
    with pytest.raises(ConfigError, match='expected Scene01/clone/frames/depth/Camera_0 and '
                       'Scene01/clone/extrinsic.txt and .*unpack the files for pose there'):
        open_dataset('vkitti2', tmp_path, {'task': 'pose'})


@pytest.mark.parametrize('vkitti2', ['together'], indirect=True)
def test_damaged_files(vkitti2):
    stereo, flow = (open_dataset('vkitti2', vkitti2, {'task': task})[0]
                    for task in ('stereo', 'flow'))
    scene = vkitti2 / 'Scene01/clone'
    extrinsics = tables()[1]
    files.text(scene / 'extrinsic.txt', extrinsics.replace('0 1 ', '5 1 ', 1))
    with pytest.raises(FormatError, match='expected one line for frame 0 and camera 1, found 0'):
        stereo.annotate()
    files.text(scene / 'extrinsic.txt', extrinsics.replace('0 0 0.0 0.0 1.0', '0 0 0.0 0.0 9.0'))
    with pytest.raises(PoseError, match=r'extrinsic\.txt: the pose of camera 0 in frame 0 must be '
                       'a rotation'):
        stereo.annotate()
    files.levels(scene / 'frames/forwardFlow/Camera_0/flow_00000.png', [[[1, 2, 3]]])
    with pytest.raises(FormatError, match='a flow map of Virtual KITTI is a 16-bit RGB image, '
                       'found uint8'):
        flow.annotate()
    files.levels(scene / 'frames/depth/Camera_0/depth_00000.png', [[1, 2]])
    with pytest.raises(FormatError, match='a depth map of Virtual KITTI is a 16-bit grey image'):
        stereo.annotate()
