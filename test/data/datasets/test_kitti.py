"""KITTI 2012 and 2015 in their official layouts."""
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.data.datasets import guess_dataset, open_dataset
from panmatch_ros.data.sample import Annotation

NAN = float('nan')
FOLDERS = {
    'kitti2015': ('image_2', 'image_3', 'disp_occ_0', 'disp_noc_0'),
    'kitti2012': ('colored_0', 'colored_1', 'disp_occ', 'disp_noc')}


@pytest.fixture(params=FOLDERS)
def kitti(request, tmp_path):
    """Two training pairs (truth of the first is by hand), one test pair."""
    left, right, disparity, disparity_visible = FOLDERS[request.param]
    for split, numbers in (('training', ('000000', '000003')), ('testing', ('000000',))):
        for number in numbers:
            files.images(tmp_path / split, *(f'{side}/{number}_{frame}.png'
                                             for side in (left, right) for frame in (10, 11)))
    for number in ('000000', '000003'):
        name, base = f'{number}_10.png', tmp_path / 'training'
        files.levels(base / disparity / name, [[0, 256, 257], [640, 1, 65535]], np.uint16)
        files.levels(base / disparity_visible / name, [[0, 256, 0], [640, 0, 65535]], np.uint16)
        # R and G are u and v, B tells whether they are known.
        flow = [[[32768, 32768, 1], [32832, 32704, 1], [0, 65535, 1]],
                [[32768, 32768, 0], [65535, 0, 1], [32769, 32767, 1]]]
        files.levels(base / 'flow_occ' / name, flow, np.uint16)
        visible = np.array(flow)
        visible[0, 1] = 0
        files.levels(base / 'flow_noc' / name, visible, np.uint16)
        if request.param == 'kitti2015':
            files.levels(base / 'obj_map' / name, [[0, 1, 2], [0, 0, 9]])
    return request.param, tmp_path


def test_lists_both_tasks_in_order(kitti):
    name, folder = kitti
    assert guess_dataset(folder) == name
    samples = open_dataset(name, folder)
    assert [(each.name, each.task, each.dataset) for each in samples] == [
        ('stereo/000000_10', 'stereo', name), ('stereo/000003_10', 'stereo', name),
        ('flow/000000_10', 'flow', name), ('flow/000003_10', 'flow', name)]
    left, right = FOLDERS[name][:2]
    base = folder / 'training'
    assert (samples[0].image0, samples[0].image1) == (
        base / left / '000000_10.png', base / right / '000000_10.png')
    assert (samples[3].image0, samples[3].image1) == (
        base / left / '000003_10.png', base / left / '000003_11.png')


def test_disparity(kitti):
    name, folder = kitti
    truth = open_dataset(name, folder, {'task': 'stereo'})[0].annotate()
    files.is_float32(truth.disparity, [[NAN, 1, 257 / 256], [2.5, 1 / 256, 65535 / 256]])
    np.testing.assert_array_equal(truth.non_occluded, [[False, True, False], [True, False, True]])
    if name == 'kitti2015':
        np.testing.assert_array_equal(truth.foreground, [[0, 1, 1], [0, 0, 1]])
        assert truth.foreground.dtype == bool
    else:
        assert truth.foreground is None
    assert truth.flow is None


def test_flow(kitti):
    name, folder = kitti
    truth = open_dataset(name, folder, {'task': 'flow'})[0].annotate()
    files.is_float32(truth.flow, [[[0, 0], [1, -1], [-512, 32767 / 64]],
                                  [[NAN, NAN], [32767 / 64, -512], [1 / 64, -1 / 64]]])
    np.testing.assert_array_equal(truth.non_occluded, [[True, False, True], [False, True, True]])
    assert (truth.foreground is None) == (name == 'kitti2012')


def test_testing_has_no_truth_and_names_its_results(kitti):
    name, folder = kitti
    samples = open_dataset(name, folder, {'split': 'testing'})
    assert [each.submission for each in samples] == [
        'disp_0/000000_10' if name == 'kitti2015' else 'stereo/000000_10', 'flow/000000_10']
    assert [each.annotate() for each in samples] == [Annotation(), Annotation()]


def test_grey_images_of_2012(tmp_path):
    files.images(tmp_path, *(f'testing/image_{side}/000000_{frame}.png'
                             for side in (0, 1) for frame in (10, 11)))
    assert guess_dataset(tmp_path) == 'kitti2012'
    sample = open_dataset('kitti2012', tmp_path, {'split': 'testing', 'task': 'stereo'})[0]
    assert sample.image1 == tmp_path / 'testing/image_1/000000_10.png'


def test_one_task_is_enough(tmp_path):
    files.images(tmp_path, 'training/image_2/000000_10.png', 'training/image_2/000000_11.png')
    files.touch(tmp_path, 'training/flow_occ/000000_10.png')
    assert [each.task for each in open_dataset('kitti2015', tmp_path)] == ['flow']
    with pytest.raises(ConfigError, match=r'expected disp_occ_0/ and image_3/, found flow_occ/, '
                       r'image_2/; unpack the files for stereo there'):
        open_dataset('kitti2015', tmp_path, {'task': 'stereo'})
    with pytest.raises(ConfigError, match=r'testing: expected image_2/ and image_3/, found no '
                       r'such folder; unpack the images there, or choose the other split'):
        open_dataset('kitti2015', tmp_path, {'split': 'testing'})


def test_no_truth_at_all(tmp_path):
    files.images(tmp_path, 'training/image_2/000000_10.png')
    with pytest.raises(ConfigError, match='the truth in disp_occ_0/ or flow_occ/, found image_'):
        open_dataset('kitti2015', tmp_path)


def test_a_missing_second_image_is_named(kitti):
    name, folder = kitti
    missing = folder / 'training' / FOLDERS[name][0] / '000003_11.png'
    missing.unlink()
    with pytest.raises(ConfigError, match=rf'{missing}: there is no such file, but it is the '
                       r'second image of 000003_10\.png for flow; is the dataset unpacked'):
        open_dataset(name, folder)


@pytest.mark.parametrize('kitti', ['kitti2015'], indirect=True)
@pytest.mark.parametrize(('file', 'values', 'dtype', 'message'), [
    ('disp_occ_0', [[1, 2]], np.uint8, r'a KITTI disparity map is a 16-bit grey png, found uint8'),
    ('disp_noc_0', [[1, 2]], np.uint16, r'expected the size of 000000_10\.png in disp_occ_0, '
     r'\(2, 3\), found \(1, 2\)'),
    ('obj_map', [[1, 2]], np.uint8, 'expected the size of the truth, 3x2, found 2x1'),
    ('obj_map', [[1, 2]], np.uint16, 'a mask is an 8-bit grey image, found uint16'),
])
def test_damaged_truth(kitti, file, values, dtype, message):
    name, folder = kitti
    files.levels(folder / 'training' / file / '000000_10.png', values, dtype)
    with pytest.raises(FormatError, match=message):
        open_dataset(name, folder)[0].annotate()


def test_truth_that_is_not_there(kitti):
    name, folder = kitti
    (folder / 'training/flow_occ/000000_10.png').unlink()
    sample = open_dataset(name, folder, {'task': 'flow'})[0]
    with pytest.raises(FormatError, match=r'flow_occ/000000_10\.png: there is no such file'):
        sample.annotate()
