"""
KITTI 2012 and 2015, stereo and flow.

The truth is that of all pixels (``*_occ``); ``*_noc`` tells which of them are seen in the other
image, and ``obj_map`` which are on the moving objects of 2015.
"""
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
import re

import numpy as np

from ...core.errors import FormatError
from ..formats import read_kitti_disparity, read_kitti_flow
from ..sample import Annotation, Sample, unknown
from .description import (
    ALL_TASKS,
    Dataset,
    Option,
    existing_file,
    wanted_tasks,
    wrong_layout,
)
from .rasters import read_levels

TASKS = ('stereo', 'flow')
SPLITS = TRAINING, TESTING = ('training', 'testing')
FIRST = re.compile(r'(\d{6})_10\.png')
SITE = 'https://www.cvlibs.net/datasets/kitti'
READERS = {'stereo': read_kitti_disparity, 'flow': read_kitti_flow}


@dataclass(frozen=True)
class Names:
    """
    What the folders of one year are called.

    :param images: left and right; the first of these pairs of folders that is there is used.
    :param truth: by task, the folders with the truth of all and of not occluded pixels.
    :param objects: folder of the object maps; empty if there is none.
    :param results: by task, the folder of its results; of 2012 each is a submission of its own.
    """

    year: str
    images: tuple[tuple[str, str], ...]
    truth: Mapping[str, tuple[str, str]]
    objects: str
    results: Mapping[str, str]


NAMES_2012 = Names(
    '2012', (('colored_0', 'colored_1'), ('image_0', 'image_1')),
    {'stereo': ('disp_occ', 'disp_noc'), 'flow': ('flow_occ', 'flow_noc')}, '',
    {'stereo': 'stereo/', 'flow': 'flow/'})
NAMES_2015 = Names(
    '2015', (('image_2', 'image_3'),),
    {'stereo': ('disp_occ_0', 'disp_noc_0'), 'flow': ('flow_occ', 'flow_noc')}, 'obj_map',
    {'stereo': 'disp_0/', 'flow': 'flow/'})


def fits(names: Names, folder: Path) -> bool:
    """Tell whether a folder has the images of that year."""
    return any(_image_folders(names, folder / split) for split in SPLITS)


def open_kitti(names: Names, folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    List the pairs of a split.

    :raises ConfigError: if images, or the truth of a task that was asked for, are not there.
    """
    base = folder / options['split']
    images = _image_folders(names, base)
    if images is None:
        raise wrong_layout(base, ' or '.join(f'{left}/ and {right}/'
                                             for left, right in names.images),
                           'unpack the images there, or choose the other split')
    samples = []
    for task in wanted_tasks(options, TASKS):
        needed = [base / names.truth[task][0]] if options['split'] == TRAINING else []
        needed += [images[1]] if task == 'stereo' else []
        missing = [path.name for path in needed if not path.is_dir()]
        if not missing:
            samples += _samples(names, task, images, base)
        elif options['task'] != ALL_TASKS:
            raise wrong_layout(base, ' and '.join(f'{name}/' for name in missing),
                               f'unpack the files for {task} there, or choose another task')
    if not samples:
        raise wrong_layout(base, f'{images[0].name}/000000_10.png and so on, with the truth in '
                           f'{names.truth["stereo"][0]}/ or {names.truth["flow"][0]}/',
                           'unpack images and truth there')
    return samples


def annotate(task: str, path: Path, path_visible: Path, path_objects: Path | None) -> Annotation:
    """
    Read the truth of a pair.

    :param task: ``stereo`` or ``flow``.
    :param path: truth of all pixels.
    :param path_visible: truth of the pixels that are not occluded.
    :param path_objects: object map, 0 is background.
    :raises FormatError: if a file is missing or wrong.
    """
    truth = READERS[task](path)
    visible = READERS[task](path_visible)
    if visible.shape != truth.shape:
        raise FormatError(f'{path_visible}: expected the size of {path.name} in '
                          f'{path.parent.name}, {truth.shape[:2]}, found {visible.shape[:2]}')
    non_occluded = np.isfinite(visible if task == 'stereo' else visible[..., 0])
    foreground = None
    if path_objects is not None and path_objects.is_file():
        foreground = read_levels(path_objects, truth.shape[:2]) > 0
    if task == 'stereo':
        return Annotation(disparity=truth, non_occluded=non_occluded, foreground=foreground)
    return Annotation(flow=truth, non_occluded=non_occluded, foreground=foreground)


def _image_folders(names: Names, base: Path) -> tuple[Path, Path] | None:
    return next(((base / left, base / right) for left, right in names.images
                 if (base / left).is_dir()), None)


def _samples(names: Names, task: str, images: tuple[Path, Path], base: Path) -> list[Sample]:
    samples = []
    for first in sorted(images[0].iterdir()):
        match = FIRST.fullmatch(first.name)
        if match is None:
            continue
        second = images[1] / first.name if task == 'stereo' else first.with_name(
            f'{match[1]}_11.png')
        existing_file(second, f'the second image of {first.name} for {task}')
        read = unknown
        if base.name == TRAINING:
            all_pixels, visible = (base / folder / first.name for folder in names.truth[task])
            objects = base / names.objects / first.name if names.objects else None
            read = partial(annotate, task, all_pixels, visible, objects)
        samples.append(Sample(f'{task}/{first.stem}', task, first, second, read,
                              f'kitti{names.year}', f'{names.results[task]}{first.stem}'))
    return samples


def _describe(names: Names, images: str) -> Dataset:
    truth = ', '.join(f'{names.truth[task][0]}/ and {names.truth[task][1]}/' for task in TASKS)
    return Dataset(
        f'kitti{names.year}', f'KITTI {names.year}', TASKS,
        f'training/ and testing/ with {images} (000000_10.png, 000000_11.png), in training/ '
        f'also {truth}',
        SITE,
        partial(fits, names), partial(open_kitti, names),
        {'split': Option('which half; testing has no truth', SPLITS, TRAINING)})


KITTI_2012 = _describe(NAMES_2012, 'colored_0/ and colored_1/ or image_0/ and image_1/')
KITTI_2015 = _describe(NAMES_2015, 'image_2/ and image_3/')
