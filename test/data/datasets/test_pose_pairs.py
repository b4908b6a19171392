"""ScanNet-1500 and MegaDepth-1500 in the layouts of LoFTR and SuperGlue."""
import os
from pathlib import Path
import re

import dataset_files as files
import numpy as np
from pickles import Runs, objects, write_npz
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.data.datasets import guess_dataset, open_dataset

K = np.array([[500.0, 0, 319.5], [0, 600, 239.5], [0, 0, 1]])
T = np.array([[0.0, -1, 0, 0.5], [1, 0, 0, -0.25], [0, 0, 1, 2], [0, 0, 0, 1]])


def line(first, second, K0=K, K1=K, T_1_0=T, rotations='0 0'):
    numbers = ' '.join(repr(value) for matrix in (K0, K1, T_1_0)
                       for value in matrix.ravel().tolist())
    return f'{first} {second} {rotations} {numbers}\n'


# ScanNet as LoFTR gives it.

@pytest.fixture
def loftr_scannet(tmp_path):
    # The second image has been halved already; K is for 640x480 in the files.
    files.images(tmp_path, 'scene0707_00/color/15.jpg', size=(480, 640))
    files.images(tmp_path, 'scene0707_00/color/585.jpg', size=(240, 320))
    files.images(tmp_path, 'scene0711_01/color/0.jpg', 'scene0711_01/color/90.jpg')
    write_npz(tmp_path / 'test.npz', {
        'name': np.array([[707, 0, 15, 585], [711, 1, 90, 0]], np.uint16),
        'rel_pose': np.stack([T[:3].ravel(), np.eye(4)[:3].ravel()])})
    write_npz(tmp_path / 'intrinsics.npz', {'scene0707_00': K, 'scene0711_01': 2 * K / [
        [1, 1, 1], [1, 1, 1], [1, 1, 2]]})
    return tmp_path


def test_scannet_of_loftr(loftr_scannet):
    assert guess_dataset(loftr_scannet) == 'scannet1500'
    samples = open_dataset('scannet1500', loftr_scannet)
    assert [(each.name, each.task) for each in samples] == [('0000', 'pose'), ('0001', 'pose')]
    assert (samples[1].image0, samples[1].image1) == (
        loftr_scannet / 'scene0711_01/color/90.jpg', loftr_scannet / 'scene0711_01/color/0.jpg')
    truth = samples[0].annotate()
    np.testing.assert_allclose(truth.T_1_0, T, atol=1e-12)
    np.testing.assert_array_equal(truth.K0, K)
    # Half the size: the centre of pixels is at whole numbers, so (319.5 + 0.5) / 2 - 0.5.
    np.testing.assert_allclose(truth.K1, [[250, 0, 159.5], [0, 300, 119.5], [0, 0, 1]])


@pytest.mark.parametrize(('arrays', 'message'), [
    ({'names': np.ones((1, 4), int)}, r"test\.npz: expected an array 'name', found names"),
    ({'name': np.ones((1, 3), int), 'rel_pose': np.ones((1, 12))},
     r'expected name as \(N, 4\) integers .*, found int64 \(1, 3\)'),
    ({'name': np.ones((1, 4)), 'rel_pose': np.ones((1, 12))}, r'found float64 \(1, 4\)'),
    ({'name': np.ones((1, 4), int), 'rel_pose': np.ones((2, 12))},
     r'expected rel_pose as \(1, 12\) numbers, found \(2, 12\)'),
    ({'name': np.ones((1, 4), int), 'rel_pose': np.ones((1, 12))},
     r"intrinsics\.npz: expected an array 'scene0001_01', found scene0707_00, scene0711_01"),
    ({'name': np.array([[707, 0, 15, 585]]), 'rel_pose': np.ones((1, 12))},
     r'test\.npz, pair 0: T_1_0 must be a rotation and a translation'),
    ({'name': np.array([[1]], object), 'rel_pose': np.ones((1, 12))},
     r'test\.npz \(name\.npy\): expected an array of numbers, found object'),
])
def test_wrong_arrays_of_scannet(loftr_scannet, arrays, message):
    write_npz(loftr_scannet / 'test.npz', arrays)
    with pytest.raises(FormatError, match=message):
        open_dataset('scannet1500', loftr_scannet)


def test_missing_images(loftr_scannet):
    (loftr_scannet / 'scene0711_01/color/0.jpg').unlink()
    with pytest.raises(ConfigError, match=r'color/0\.jpg: there is no such file, but it is an '
                       'image of the pair 0001'):
        open_dataset('scannet1500', loftr_scannet)


# Lists as text.

@pytest.fixture(params=['scannet1500', 'megadepth1500'])
def listed(request, tmp_path):
    first = 'scans_test/scene0707_00/sens/frame-000015.color.jpg'
    second = 'scans_test/scene0707_00/sens/frame-000585.color.jpg'
    files.images(tmp_path, first, second)
    name = {'scannet1500': 'scannet_test_pairs_with_gt.txt',
            'megadepth1500': 'megadepth_test_1500_pairs_with_gt.txt'}[request.param]
    files.text(tmp_path / name, line(first, second, K1=K + np.diag((1, 1, 0)))
               + line(second, first))
    return request.param, tmp_path / name


def test_text_list(listed):
    name, path = listed
    assert guess_dataset(path.parent) == name
    samples = open_dataset(name, path.parent)
    assert [each.name for each in samples] == ['0000', '0001']
    assert samples[1].image1.name == 'frame-000015.color.jpg'
    truth = samples[0].annotate()
    np.testing.assert_array_equal(truth.K0, K)  # for the images as they are, of any size
    assert truth.K1[0, 0] == 501
    np.testing.assert_allclose(truth.T_1_0, T, atol=1e-12)


@pytest.mark.parametrize(('content', 'message'), [
    ('\n', 'expected lines of 38 words .*, found none'),
    ('a.jpg b.jpg 0 0 1 2 3\n', 'line 1: expected 38 words .*, found 7'),
    (line('a.jpg', 'b.jpg', rotations='0 1'), 'without EXIF rotation .*, found 0 1'),
    (line('a.jpg', 'b.jpg').replace('500.0', 'wide'), 'line 1: expected 34 numbers, found'),
    (line('/etc/a.jpg', 'b.jpg'), "expected paths inside the folder of the images, found '/etc"),
    (line('a.jpg', 'x/../../b.jpg'), "expected paths inside the folder .*, found 'x/../../b.jpg'"),
    (line('a.jpg', 'b.jpg', K0=-K), r'line 1: expected K of the form \[fx 0 cx; 0 fy cy'),
    (line('a.jpg', 'b.jpg', T_1_0=2 * T), 'line 1: T_1_0: the last row must be 0 0 0 1'),
])
def test_wrong_text_lists(listed, content, message):
    name, path = listed
    path.write_text(content)
    with pytest.raises(FormatError, match=message):
        open_dataset(name, path.parent)


# MegaDepth as LoFTR gives it.

PATHS = [f'Undistorted_SfM/0015/images/{name}.jpg' for name in 'abc']
POSE = np.array([[0.0, 0, 1, 3], [0, 1, 0, -1], [-1, 0, 0, 5], [0, 0, 0, 1]])
MATCHES = np.zeros((2, 4))


def moved(K, x):
    """Move the principal point."""
    result = K.copy()
    result[0, 2] += x
    return result


def scene_info():
    """Give what LoFTR's files hold; image b is not in the reconstruction."""
    return {'image_paths': objects(PATHS[0], None, PATHS[2]),
            'depth_paths': objects('0015/a.h5', None, '0015/c.h5'),
            'intrinsics': objects(K, None, moved(K, 1)),
            'poses': objects(POSE, None, T @ POSE),
            'pair_infos': objects(((0, 2), np.float64(0.25), MATCHES), ((2, 0), 0.3, MATCHES))}


@pytest.fixture(params=['', 'megadepth_test_1500_scene_info', 'scene_info', 'index/scene_info'])
def loftr_megadepth(request, tmp_path):
    files.images(tmp_path, *PATHS)
    for name in ('0022_0.1_0.3', '0015_0.1_0.3'):
        write_npz(tmp_path / request.param / f'{name}.npz', scene_info())
    return tmp_path


def test_megadepth_of_loftr(loftr_megadepth):
    assert guess_dataset(loftr_megadepth) == 'megadepth1500'
    samples = open_dataset('megadepth1500', loftr_megadepth)
    assert [(each.name, each.task) for each in samples] == [
        ('0015_0.1_0.3/0000', 'pose'), ('0015_0.1_0.3/0001', 'pose'),
        ('0022_0.1_0.3/0000', 'pose'), ('0022_0.1_0.3/0001', 'pose')]
    assert (samples[0].image0, samples[0].image1) == (loftr_megadepth / PATHS[0],
                                                      loftr_megadepth / PATHS[2])
    truth = samples[0].annotate()
    np.testing.assert_array_equal(truth.K0, K)
    assert truth.K1[0, 2] == 320.5
    np.testing.assert_allclose(truth.T_1_0, T, atol=1e-12)
    np.testing.assert_allclose(samples[1].annotate().T_1_0, np.linalg.inv(T), atol=1e-12)


def test_plain_arrays_will_do(tmp_path):
    files.images(tmp_path, *PATHS)
    info = {**scene_info(), 'intrinsics': np.stack([K] * 3), 'poses': np.stack([POSE] * 3)}
    write_npz(tmp_path / '0015_0.1_0.3.npz', info)
    truth = open_dataset('megadepth1500', tmp_path)[0].annotate()
    np.testing.assert_allclose(truth.T_1_0, np.eye(4), atol=1e-12)


def test_the_conversion_of_the_documentation(tmp_path, monkeypatch):
    page = (Path(__file__).parents[3] / 'docs/datasets.md').read_text()
    code = re.search(r'```python\n(import numpy.*?allow_pickle.*?)```', page, re.DOTALL)[1]
    files.images(tmp_path, *PATHS)
    path = tmp_path / '0015_0.1_0.3.npz'
    write_npz(path, scene_info())
    arrays = [each.annotate() for each in open_dataset('megadepth1500', tmp_path)]
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    path.unlink()
    lines = [each.annotate() for each in open_dataset('megadepth1500', tmp_path)]
    assert len(lines) == len(arrays) == 2
    for one, other in zip(lines, arrays, strict=True):
        for name in ('K0', 'K1', 'T_1_0'):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-12)


@pytest.mark.parametrize('name', ['image_paths', 'intrinsics', 'poses', 'pair_infos'])
def test_a_hostile_scene_file_runs_nothing(tmp_path, name):
    marker = tmp_path / 'run'
    info = scene_info()
    info[name] = objects(*info[name][:2], Runs(os.mkdir, str(marker)))
    path = tmp_path / '0015_0.1_0.3.npz'
    write_npz(path, info)
    with pytest.raises(FormatError, match=rf'0015_0\.1_0\.3\.npz \({name}\.npy\): .*this pickle '
                       r'is refused and nothing in it was run: it names posix\.mkdir; the pairs '
                       r'can be given as text too, in megadepth_test_1500_pairs_with_gt\.txt: see '
                       r'docs/datasets\.md'):
        open_dataset('megadepth1500', tmp_path)
    assert not marker.exists()
    np.load(path, allow_pickle=True)[name]  # it would have run
    assert marker.exists()


@pytest.mark.parametrize(('change', 'message'), [
    ({'pair_infos': objects(5)}, r'pair 0: expected \(\(image, image\), overlap, matches\)'),
    ({'pair_infos': objects(((0, 9), 0.1, 0))}, r'numbers of images, found \[\[0, 9\], 0\.1, 0\]'),
    ({'pair_infos': objects(((0, 1), 0.1, 0))}, r'expected a path, K \(3, 3\) and a pose \(4, 4\) '
     'of the images 0 and 1'),
    ({'pair_infos': objects(((0, -1), 0.1, 0))}, 'of the images 0 and -1'),
    ({'poses': objects(np.zeros((4, 4)), None, T)}, 'the pose of image 0 cannot be inverted'),
    ({'poses': objects(POSE, None, 2 * T)}, r'pair 0: T_1_0'),
    ({'image_paths': objects('/a.jpg', None, '../b.jpg')}, "images, found '/a.jpg'"),
    ({'image_paths': b'no array'}, r'\(image_paths\.npy\): .*no valid header.*given as text too'),
])
def test_damaged_scene_files(tmp_path, change, message):
    files.images(tmp_path, *PATHS)
    write_npz(tmp_path / '0015_0.1_0.3.npz', {**scene_info(), **change})
    with pytest.raises(FormatError, match=message):
        open_dataset('megadepth1500', tmp_path)


def test_other_npz_files(tmp_path):
    write_npz(tmp_path / '0015_0.1_0.3.npz', {'poses': np.eye(4)})
    with pytest.raises(FormatError, match='expected the arrays image_paths, intrinsics, poses, '
                       'pair_infos, found poses'):
        open_dataset('megadepth1500', tmp_path)
    (tmp_path / '0015_0.1_0.3.npz').write_bytes(b'PK\3\4 is how it begins')
    with pytest.raises(FormatError, match=r'0015_0\.1_0\.3\.npz: the \.npz file is damaged'):
        open_dataset('megadepth1500', tmp_path)
