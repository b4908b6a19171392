"""Opening datasets by name, guessing them, and what wrong folders and options say."""
from dataclasses import replace

import dataset_files as files
import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.data.datasets import DATASETS, guess_dataset, open_dataset
from panmatch_ros.data.sample import TASKS


def test_the_registry_is_complete():
    assert set(DATASETS) == {
        'kitti2012', 'kitti2015', 'middlebury', 'eth3d', 'sintel', 'spring', 'flyingchairs',
        'flyingthings3d', 'vkitti2', 'tartanair', 'scannet1500', 'megadepth1500', 'hpatches',
        'wxbs', 'folder'}
    for name, dataset in DATASETS.items():
        assert dataset.name == name
        assert set(dataset.tasks) <= set(TASKS)
        assert next(iter(dataset.options)) == 'task'
        for option in dataset.options.values():
            assert option.description
            assert not option.choices or option.default in option.choices


def test_unknown_names():
    with pytest.raises(ConfigError, match=r"there is no dataset 'kitty'; known are kitti2015, "
                       r"kitti2012, middlebury, .*, folder"):
        open_dataset('kitty', None)


@pytest.mark.parametrize(('options', 'message'), [
    ({'pass': 'clean'}, "KITTI 2015 has no option 'pass'; it has task, split"),
    ({'split': 'test'}, "KITTI 2015: split must be one of training, testing, got 'test'"),
    ({'task': 'pose'}, "KITTI 2015: task must be one of auto, stereo, flow, got 'pose'"),
])
def test_wrong_options(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        open_dataset('kitti2015', tmp_path, options)


def test_defaults_are_filled_in():
    assert DATASETS['spring'].complete({'camera': 'all'}) == {
        'task': 'auto', 'split': 'train', 'camera': 'all', 'direction': 'FW'}


@pytest.mark.parametrize('name', [name for name in DATASETS if name != 'folder'])
def test_an_empty_folder_fits_nothing(tmp_path, name):
    dataset = DATASETS[name]
    with pytest.raises(ConfigError) as caught:
        open_dataset(name, tmp_path)
    assert str(caught.value) == (
        f'{tmp_path}: expected {dataset.title} as {dataset.layout}, found nothing; unpack the '
        f'dataset there ({dataset.site}), or name another folder')


def test_a_plain_folder_is_a_folder(tmp_path):
    assert guess_dataset(tmp_path) == 'folder'
    assert guess_dataset(tmp_path / 'none') == 'folder'
    files.touch(tmp_path, 'scene/left.png', 'scene/right.png', 'scene/disp.npy')
    assert guess_dataset(tmp_path) == 'folder'


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(ConfigError, match='none: expected MPI Sintel as .*, found no such folder'):
        open_dataset('sintel', tmp_path / 'none')
    files.touch(tmp_path, 'file')
    with pytest.raises(ConfigError, match='file: expected MPI Sintel as .*, found a file'):
        open_dataset('sintel', tmp_path / 'file')


def test_one_level_too_high_or_too_low(tmp_path):
    files.touch(tmp_path, 'MPI-Sintel/training/clean/alley_1/frame_0001.png')
    with pytest.raises(ConfigError, match=rf'found MPI-Sintel/; name {tmp_path}/MPI-Sintel '
                       'instead'):
        open_dataset('sintel', tmp_path)
    with pytest.raises(ConfigError, match=rf'found clean/; name {tmp_path}/MPI-Sintel instead'):
        open_dataset('sintel', tmp_path / 'MPI-Sintel/training')


def test_another_dataset(tmp_path):
    files.touch(tmp_path, 'training/image_2/000000_10.png')
    with pytest.raises(ConfigError, match='expected MPI Sintel as .*, found training/; this looks '
                       'like kitti2015'):
        open_dataset('sintel', tmp_path)


def test_long_listings_are_cut(tmp_path):
    files.touch(tmp_path, *(f'{letter}.txt' for letter in 'abcdefghij'))
    with pytest.raises(ConfigError, match=r'found a\.txt, b\.txt, .*, h\.txt and 2 more; unpack'):
        open_dataset('wxbs', tmp_path)


def test_folders_that_may_not_be_read(tmp_path, monkeypatch):
    """Also those beside the one that was named: they are looked at for advice."""
    def refuse(self):
        raise PermissionError(13, 'Permission denied', str(self))
    files.touch(tmp_path, 'training/final/alley_1/frame_0001.png')
    monkeypatch.setattr('pathlib.Path.iterdir', refuse)
    assert guess_dataset(tmp_path) == 'folder'
    with pytest.raises(ConfigError, match=r'found a folder that cannot be read \(Permission'):
        open_dataset('wxbs', tmp_path)
    files.touch(tmp_path, 'data/00001_img1.ppm')
    monkeypatch.setitem(DATASETS, 'flyingchairs', replace(DATASETS['flyingchairs'],
                                                          fits=lambda folder: True))
    with pytest.raises(ConfigError, match='data: cannot be read: Permission denied'):
        open_dataset('flyingchairs', tmp_path)


def test_a_part_without_pairs(tmp_path):
    files.touch(tmp_path, 'data/00001_img1.ppm', 'data/00001_img2.ppm', 'data/00001_flow.flo')
    files.text(tmp_path / 'FlyingChairs_train_val.txt', '1\n')
    with pytest.raises(ConfigError, match='there is no pair of FlyingChairs with task=auto, '
                       'split=validation; choose another part, or unpack it completely'):
        open_dataset('flyingchairs', tmp_path, {'split': 'validation'})


def test_nothing_is_read_before_it_is_needed(tmp_path):
    """Images and truth are empty files; the list is made all the same."""
    files.touch(tmp_path, *(f'training/final/alley_1/frame_000{number}.png' for number in (1, 2)),
                'training/flow/alley_1/frame_0001.flo')
    assert len(open_dataset('sintel', tmp_path)) == 1
