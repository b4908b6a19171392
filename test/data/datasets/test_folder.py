"""Finding pairs by the names of public datasets."""
import dataset_files as files
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.data.datasets import open_dataset
from panmatch_ros.data.datasets.folder import find_pairs


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(('files', 'task', 'expected'), [
    ('left.png right.png disp.npz', 'stereo', 'left.png right.png disp.npz'),
    ('left.png right.png disp_left.png disp_right.png occl.png', 'stereo',
     'left.png right.png disp_left.png'),
    ('left.png right.png disp16.png', 'stereo', 'left.png right.png disp16.png'),
    ('left.jpg right.jpg disp.npy', 'stereo', 'left.jpg right.jpg disp.npy'),
    ('left.bmp right.bmp disparity.pfm', 'stereo', 'left.bmp right.bmp disparity.pfm'),
    ('im0.png im1.png disp0.pfm disp1.pfm calib.txt', 'stereo', 'im0.png im1.png disp0.pfm'),
    ('im0.png im1.png disp0GT.pfm mask0nocc.png', 'stereo', 'im0.png im1.png disp0GT.pfm'),
    ('im2.ppm im6.ppm disp2.png disp6.png im0.ppm', 'stereo', 'im2.ppm im6.ppm disp2.png'),
    ('view1.png view5.png disp1.png disp5.png', 'stereo', 'view1.png view5.png disp1.png'),
    ('aloeL.jpg aloeR.jpg aloeGT.png', 'stereo', 'aloeL.jpg aloeR.jpg aloeGT.png'),
    ('fooL.png fooR.png disp.pfm', 'stereo', 'fooL.png fooR.png disp.pfm'),
    ('img0.ppm img1.ppm flow.flo', 'flow', 'img0.ppm img1.ppm flow.flo'),
    ('img0.png img1.png flow.npy', 'flow', 'img0.png img1.png flow.npy'),
    ('img0.png img1.png flow.png', 'flow', 'img0.png img1.png flow.png'),
    ('img0.png img1.png flow.npy flow.flo', 'flow', 'img0.png img1.png flow.flo'),
    ('image0.tif image1.tif flow.flo', 'flow', 'image0.tif image1.tif flow.flo'),
    ('frame10.png frame11.png flow10.flo', 'flow', 'frame10.png frame11.png flow10.flo'),
    ('left.PNG right.PNG disp.PFM', 'stereo', 'left.PNG right.PNG disp.PFM'),
])
def test_names(tmp_path, files, task, expected):
    touch(tmp_path / 'scene', *files.split())
    pairs, without_truth = find_pairs(tmp_path)
    assert without_truth == []
    assert [(pair.name, pair.task) for pair in pairs] == [('scene', task)]
    pair = pairs[0]
    assert [pair.image0.name, pair.image1.name, pair.truth.name] == expected.split()


def test_one_folder_is_a_pair_of_its_own_name(tmp_path):
    scene = touch(tmp_path / 'scene', 'left.png', 'right.png', 'disp.npy')
    assert [pair.name for pair in find_pairs(scene)[0]] == ['scene']


def test_two_levels_in_order_and_not_three(tmp_path):
    for path in ('b', 'a/x', 'a/y', 'a/x/deep', '.hidden'):
        touch(tmp_path / path, 'left.png', 'right.png', 'disp.npy')
    assert [pair.name for pair in find_pairs(tmp_path)[0]] == ['a/x', 'a/y', 'b']


def test_both_truths_make_two_pairs(tmp_path):
    touch(tmp_path, 'left.png', 'right.png', 'disp.npy', 'flow.flo')
    assert [pair.task for pair in find_pairs(tmp_path)[0]] == ['stereo', 'flow']
    assert [pair.task for pair in find_pairs(tmp_path, 'flow')[0]] == ['flow']


def test_several_named_pairs_in_one_folder(tmp_path):
    touch(tmp_path / 'all', 'aL.png', 'aR.png', 'aGT.png', 'bL.png', 'bR.png', 'bGT.png',
          'cL.png', 'cR.png', 'disp.npy')
    pairs, _ = find_pairs(tmp_path)
    assert [(pair.name, pair.truth.name) for pair in pairs] == [
        ('all/a', 'aGT.png'), ('all/b', 'bGT.png')]


def test_other_images_beside_a_named_pair_do_not_hide_it(tmp_path):
    """As in OpenCV's sample folder: a calibration pair without truth beside aloe with one."""
    touch(tmp_path / 'data', 'left.jpg', 'right.jpg', 'aloeL.jpg', 'aloeR.jpg', 'aloeGT.png')
    pairs, without_truth = find_pairs(tmp_path)
    assert [(pair.name, pair.image0.name, pair.truth.name) for pair in pairs] == [
        ('data/aloe', 'aloeL.jpg', 'aloeGT.png')]
    assert without_truth == []


def test_a_right_disparity_is_no_truth_for_the_left_image(tmp_path):
    touch(tmp_path, 'left.png', 'right.png', 'disp_right.png', 'disp1.pfm', 'disp6.png')
    with pytest.raises(ConfigError, match='images without ground truth'):
        find_pairs(tmp_path)


def test_images_without_truth_are_told(tmp_path):
    touch(tmp_path / 'good', 'left.png', 'right.png', 'disp.npy')
    touch(tmp_path / 'bad', 'left.png', 'right.png', 'notes.txt')
    touch(tmp_path / 'other', 'photo.png')
    pairs, without_truth = find_pairs(tmp_path)
    assert [pair.name for pair in pairs] == ['good']
    assert without_truth == ['bad']


def test_errors_say_what_is_looked_for(tmp_path):
    with pytest.raises(ConfigError, match=r'does not exist.*left/right.*disp\*\.npy'):
        find_pairs(tmp_path / 'none')
    path = tmp_path / 'file'
    path.touch()
    with pytest.raises(ConfigError, match='is a file'):
        find_pairs(path)
    with pytest.raises(ConfigError, match=r'no pair with ground truth.*flow\*\.flo'):
        find_pairs(tmp_path)
    touch(tmp_path / 'scene', 'left.png', 'right.png', 'disp.npy')
    with pytest.raises(ConfigError, match='1 pairs, but all are for stereo and none for flow'):
        find_pairs(tmp_path, 'flow')


# As a dataset.

def test_samples_of_folders(tmp_path):
    files.images(tmp_path / 'cones', 'left.png', 'right.png')
    files.levels(tmp_path / 'cones/disp_left.png', [[0, 16], [255, 4]])
    files.images(tmp_path / 'whale', 'img0.png', 'img1.png')
    files.flo(tmp_path / 'whale/flow.flo', np.array([[[1.5, -2]]]))
    stereo, flow = open_dataset('folder', tmp_path)
    assert (stereo.name, stereo.task, flow.name, flow.task) == ('cones', 'stereo', 'whale', 'flow')
    truth = stereo.annotate()
    files.is_float32(truth.disparity, [[np.nan, 4], [63.75, 1]])
    assert truth.note == 'guessed value / 4 from the name disp_left.png; 0 is unknown'
    assert (truth.scale, truth.scale_origin) == (4, 'the name disp_left.png')
    files.is_float32(flow.annotate().flow, [[[1.5, -2]]])
    assert flow.annotate().note == ''
    given = open_dataset('folder', tmp_path, {'scale': '8', 'task': 'stereo'})
    assert len(given) == 1
    files.is_float32(given[0].annotate().disparity, [[np.nan, 2], [31.875, 0.5]])
    assert given[0].annotate().note == ''


def test_names_are_unique_and_do_not_depend_on_the_task(tmp_path):
    touch(tmp_path / 'both', 'left.png', 'right.png', 'disp.npy', 'flow.flo')
    touch(tmp_path / 'one', 'left.png', 'right.png', 'disp.npy')
    assert [each.name for each in open_dataset('folder', tmp_path)] == [
        'both/stereo', 'both/flow', 'one']
    assert [each.name for each in open_dataset('folder', tmp_path, {'task': 'flow'})] == [
        'both/flow']


@pytest.mark.parametrize('scale', ['0', '-1', 'four', 'nan', 'inf'])
def test_wrong_scales(tmp_path, scale):
    touch(tmp_path, 'left.png', 'right.png', 'disp.npy')
    with pytest.raises(ConfigError, match=f"scale must be a positive number, got '{scale}'"):
        open_dataset('folder', tmp_path, {'scale': scale})


def test_images_without_truth_are_told_to_the_log(tmp_path, caplog):
    touch(tmp_path / 'good', 'left.png', 'right.png', 'disp.npy')
    touch(tmp_path / 'bad', 'left.png', 'right.png')
    assert len(open_dataset('folder', tmp_path)) == 1
    assert caplog.messages == ['images without ground truth are left out: bad']
