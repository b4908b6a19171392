"""
ScanNet-1500 and MegaDepth-1500, the pairs on which matchers are compared by relative pose.

ScanNet is accepted as LoFTR gives it (``test.npz``, ``intrinsics.npz``, colour images whose K is
for 640x480) and as SuperGlue does (a text list). MegaDepth is accepted with LoFTR's scene files,
whose pickles are read without running them, and with a text list of the same form as SuperGlue's.
"""
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import FormatError
from ..arrays import open_npz, read_arrays
from ..object_arrays import read_objects
from ..sample import Sample
from .description import Dataset, existing_file
from .pair_lists import PosePair, annotate_pose, make_pair, read_pair_list

LIST_SUFFIX = '_pairs_with_gt.txt'
SCANNET_LIST = f'scannet_test{LIST_SUFFIX}'
SCANNET_PAIRS, SCANNET_INTRINSICS = 'test.npz', 'intrinsics.npz'
SCANNET_SIZE = (480, 640)
MEGADEPTH_LIST = f'megadepth_test_1500{LIST_SUFFIX}'
MEGADEPTH_FOLDERS = ('', 'megadepth_test_1500_scene_info', 'scene_info', 'index/scene_info')
MEGADEPTH_FILES = ('0015_*.npz', '0022_*.npz')
MEGADEPTH_ARRAYS = ('image_paths', 'intrinsics', 'poses', 'pair_infos')
AS_TEXT = f'the pairs can be given as text too, in {MEGADEPTH_LIST}: see docs/datasets.md'


def fits_scannet(folder: Path) -> bool:
    """Tell whether a folder has one of the lists of pairs of ScanNet-1500."""
    return ((folder / SCANNET_LIST).is_file()
            or ((folder / SCANNET_PAIRS).is_file() and (folder / SCANNET_INTRINSICS).is_file()))


def open_scannet(folder: Path, _options: Mapping[str, str]) -> list[Sample]:
    """
    List the pairs.

    :raises ConfigError: if an image is missing.
    :raises FormatError: if a list is wrong.
    """
    if (folder / SCANNET_LIST).is_file():
        pairs = read_pair_list(folder / SCANNET_LIST)
    else:
        pairs = _scannet_arrays(folder)
    return [_sample('scannet1500', folder, f'{number:04d}', pair)
            for number, pair in enumerate(pairs)]


def fits_megadepth(folder: Path) -> bool:
    """Tell whether a folder has one of the lists of pairs of MegaDepth-1500."""
    return (folder / MEGADEPTH_LIST).is_file() or bool(_scene_files(folder))


def open_megadepth(folder: Path, _options: Mapping[str, str]) -> list[Sample]:
    """
    List the pairs.

    :raises ConfigError: if an image is missing.
    :raises FormatError: if a list is wrong, or is a pickle of more than numbers and text.
    """
    if (folder / MEGADEPTH_LIST).is_file():
        return [_sample('megadepth1500', folder, f'{number:04d}', pair)
                for number, pair in enumerate(read_pair_list(folder / MEGADEPTH_LIST))]
    return [_sample('megadepth1500', folder, f'{path.stem}/{number:04d}', pair)
            for path in _scene_files(folder) for number, pair in enumerate(_read_scene(path))]


def _sample(dataset: str, folder: Path, name: str, pair: PosePair) -> Sample:
    images = []
    for each in (pair.image0, pair.image1):
        images.append(existing_file(folder / each, f'an image of the pair {name}'))
    return Sample(name, 'pose', images[0], images[1], partial(annotate_pose, pair, *images),
                  dataset)


def _scannet_arrays(folder: Path) -> list[PosePair]:
    path = folder / SCANNET_PAIRS
    arrays, intrinsics = read_arrays(path), read_arrays(folder / SCANNET_INTRINSICS)
    names, poses = (_array(arrays, key, path) for key in ('name', 'rel_pose'))
    if names.ndim != 2 or names.shape[1] != 4 or names.dtype.kind not in 'iu':
        raise FormatError(f'{path}: expected name as (N, 4) integers (scene, scan, frame, frame), '
                          f'found {names.dtype} {names.shape}')
    if poses.shape not in ((len(names), 12), (len(names), 16)):
        raise FormatError(f'{path}: expected rel_pose as ({len(names)}, 12) numbers, found '
                          f'{poses.shape}')
    pairs = []
    for index, (scene, scan, *frames) in enumerate(names.tolist()):
        name = f'scene{scene:04d}_{scan:02d}'
        K = _array(intrinsics, name, folder / SCANNET_INTRINSICS)
        K = K.reshape(3, 3) if K.size == 9 else K
        pose = np.eye(4)
        pose[:3] = poses[index].reshape(-1, 4)[:3]
        pairs.append(make_pair((f'{name}/color/{frames[0]}.jpg', f'{name}/color/{frames[1]}.jpg'),
                               (K, K), pose, f'{path}, pair {index}', SCANNET_SIZE))
    return pairs


def _array(arrays: Mapping[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    if name not in arrays:
        raise FormatError(f'{path}: expected an array {name!r}, found '
                          f'{", ".join(sorted(arrays)[:8])}')
    return arrays[name]


def _scene_files(folder: Path) -> list[Path]:
    for place in MEGADEPTH_FOLDERS:
        found = [path for pattern in MEGADEPTH_FILES for path in (folder / place).glob(pattern)]
        if found:
            return sorted(found)
    return []


def _read_scene(path: Path) -> list[PosePair]:
    with open_npz(path) as archive:
        missing = [name for name in MEGADEPTH_ARRAYS if name not in archive.names]
        if missing:
            raise FormatError(f'{path}: expected the arrays {", ".join(MEGADEPTH_ARRAYS)}, found '
                              f'{", ".join(archive.names[:8])}')
        try:
            images, K, poses, infos = (archive.read(name, read_objects)
                                       for name in MEGADEPTH_ARRAYS)
        except FormatError as error:
            raise FormatError(f'{error}; {AS_TEXT}') from None
    return [_scene_pair(info, (images, K, poses), f'{path}, pair {index}')
            for index, info in enumerate(infos)]


def _scene_pair(info: Any, arrays: tuple[list[Any], list[Any], list[Any]],
                place: str) -> PosePair:
    """Put together what the scene file keeps in arrays by the number of the image."""
    try:
        first, second = (int(number) for number in info[0])
        (name0, K0, pose0), (name1, K1, pose1) = (
            [array[number] for array in arrays] for number in (first, second))
    except (TypeError, ValueError, IndexError, KeyError):
        raise FormatError(f'{place}: expected ((image, image), overlap, matches) with numbers of '
                          f'images, found {str(info)[:80]}') from None
    matrices = [np.asarray(each) for each in (K0, K1, pose0, pose1)]
    if (min(first, second) < 0 or not isinstance(name0, str) or not isinstance(name1, str)
            or [matrix.shape for matrix in matrices] != [(3, 3), (3, 3), (4, 4), (4, 4)]):
        raise FormatError(f'{place}: expected a path, K (3, 3) and a pose (4, 4) of the images '
                          f'{first} and {second}, found '
                          f'{[matrix.shape for matrix in matrices]}')
    world0, world1 = (matrix.astype(np.float64) for matrix in matrices[2:])
    try:
        T_1_0 = world1 @ np.linalg.inv(world0)
    except np.linalg.LinAlgError:
        raise FormatError(f'{place}: the pose of image {first} cannot be inverted') from None
    return make_pair((name0, name1), (matrices[0], matrices[1]), T_1_0, place)


SCANNET_1500 = Dataset(
    'scannet1500', 'ScanNet-1500', ('pose',),
    f'{SCANNET_PAIRS}, {SCANNET_INTRINSICS} and scene0707_00/color/15.jpg and so on (LoFTR); or '
    f'{SCANNET_LIST} and scans_test/scene0707_00/sens/frame-000015.color.jpg (SuperGlue)',
    'http://www.scan-net.org', fits_scannet, open_scannet)

MEGADEPTH_1500 = Dataset(
    'megadepth1500', 'MegaDepth-1500', ('pose',),
    '0015_0.1_0.3.npz and so on (there, in megadepth_test_1500_scene_info/ or in scene_info/) and '
    f'Undistorted_SfM/0015/images/; or {MEGADEPTH_LIST} and the images it names',
    'https://www.cs.cornell.edu/projects/megadepth', fits_megadepth, open_megadepth)
