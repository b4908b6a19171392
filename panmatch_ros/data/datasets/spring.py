"""
Spring: stereo and optical flow of rendered scenes.

Truth is given at twice the size of the images, 3840x2160 for 1920x1080, its values in pixels of
the images. So every pixel has four; the benchmark counts the one that is nearest to the result,
and no pixel that has an unknown one. ``maps/matchmap_*`` marks pixels without a partner.
"""
from collections.abc import Mapping
from functools import partial
from pathlib import Path
import re

import numpy as np

from ...core.errors import ConfigError, FormatError
from ..hdf5 import read_dsp5, read_flo5
from ..sample import Annotation, Sample, unknown
from .description import (
    ALL_TASKS,
    Dataset,
    Option,
    existing_file,
    subfolders,
    wanted_tasks,
    wrong_layout,
)
from .rasters import read_raster, require_size

TASKS = ('stereo', 'flow')
SPLITS = TRAIN, TEST = ('train', 'test')
ALL = 'all'
CAMERAS = LEFT, RIGHT = ('left', 'right')
STEPS = {'FW': 1, 'BW': -1}   # directions of the flow, in frames
FRAME = re.compile(r'frame_(?:left|right)_(\d{4})\.png')


def fits(folder: Path) -> bool:
    """Tell whether a folder has the left frames of a scene."""
    return any((scene / 'frame_left').is_dir() for split in SPLITS
               for scene in subfolders(folder / split)[:1])


def open_spring(folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    List the pairs of a split.

    :raises ConfigError: if images, or the truth of a task that was asked for, are not there.
    """
    base = folder / options['split']
    scenes = subfolders(base)
    if not scenes:
        raise wrong_layout(folder, f'{base.name}/0001/frame_left/frame_left_0001.png',
                           'unpack the frames there, or choose the other split')
    if options['task'] == 'stereo' and options['camera'] != LEFT:
        raise ConfigError('Spring: stereo pairs have the left camera as the first; leave the '
                          f'option camera at {LEFT}, got {options["camera"]!r}')
    samples = []
    for task in wanted_tasks(options, TASKS):
        missing = _missing(scenes[0], task, options)
        if not missing:
            list_task = _stereo if task == 'stereo' else _flow
            samples += [sample for scene in scenes for sample in list_task(scene, options)]
        elif options['task'] != ALL_TASKS:
            raise wrong_layout(scenes[0], ' and '.join(f'{name}/' for name in missing),
                               f'unpack the files for {task} there, or choose another task')
    if not samples:
        raise wrong_layout(scenes[0], 'frame_right/ and disp1_left/, or flow_FW_left/ or the '
                           'other flow that was chosen', 'unpack frames and truth there')
    return samples


def annotate(task: str, path: Path, path_matched: Path) -> Annotation:
    """
    Read the truth of a pair.

    :param task: ``stereo`` or ``flow``.
    :param path: truth at twice the size.
    :param path_matched: map of the pixels without a partner; not used if it does not exist.
    :raises FormatError: if a file is wrong.
    :raises MissingDependencyError: if h5py is not installed.
    """
    truth = read_dsp5(path) if task == 'stereo' else read_flo5(path)
    if truth.shape[0] % 2 or truth.shape[1] % 2:
        raise FormatError(f'{path}: expected truth of twice the size of the images, found '
                          f'{truth.shape[1]}x{truth.shape[0]}')
    candidates = np.stack([truth[row::2, column::2] for row in (0, 1) for column in (0, 1)])
    unknown_any = np.isnan(candidates).any(axis=0, keepdims=True)
    candidates = np.where(unknown_any, np.nan, candidates).astype(np.float32)
    non_occluded: np.ndarray | None = None
    if path_matched.is_file():
        marks = read_raster(path_matched, np.uint8, 3, 'a match map')
        require_size(marks, (candidates.shape[1], candidates.shape[2]), path_matched)
        non_occluded = ~np.any(marks[..., :2] > 0, axis=-1)
    if task == 'stereo':
        return Annotation(disparity=candidates[0], candidates=candidates,
                          non_occluded=non_occluded)
    return Annotation(flow=candidates[0], candidates=candidates, non_occluded=non_occluded)


def _missing(scene: Path, task: str, options: Mapping[str, str]) -> list[str]:
    """List the folders that a task needs and a scene does not have."""
    if task == 'stereo':
        needed = ['frame_left', 'frame_right', 'disp1_left']
        truth = needed[2:]
    else:
        truth = [f'flow_{direction}_{camera}' for direction, camera in _motions(options)]
        needed = [f'frame_{camera}' for camera in _chosen(options['camera'], CAMERAS)] + truth
    if options['split'] == TEST:
        needed = [name for name in needed if name not in truth]
    return [name for name in needed if not (scene / name).is_dir()]


def _stereo(scene: Path, options: Mapping[str, str]) -> list[Sample]:
    samples = []
    for number in _frames(scene, LEFT):
        result = f'disp1_left/disp1_left_{number:04d}'
        right = existing_file(_frame(scene, RIGHT, number), f'the right image of frame {number}')
        read = unknown
        if options['split'] == TRAIN:
            read = partial(annotate, 'stereo', scene / f'{result}.dsp5',
                           scene / 'maps' / f'{_map_name(result)}.png')
        samples.append(Sample(f'stereo/{scene.name}/{number:04d}', 'stereo',
                              _frame(scene, LEFT, number), right, read, 'spring',
                              f'{scene.name}/{result}'))
    return samples


def _flow(scene: Path, options: Mapping[str, str]) -> list[Sample]:
    samples = []
    for direction, camera in _motions(options):
        numbers = _frames(scene, camera)
        for number in numbers[:-1] if direction == 'FW' else numbers[1:]:
            result = f'flow_{direction}_{camera}/flow_{direction}_{camera}_{number:04d}'
            second = existing_file(_frame(scene, camera, number + STEPS[direction]),
                                   f'the frame beside frame {number}')
            read = unknown
            if options['split'] == TRAIN:
                read = partial(annotate, 'flow', scene / f'{result}.flo5',
                               scene / 'maps' / f'{_map_name(result)}.png')
            samples.append(Sample(f'flow/{scene.name}/{direction}_{camera}_{number:04d}', 'flow',
                                  _frame(scene, camera, number), second, read, 'spring',
                                  f'{scene.name}/{result}'))
    return samples


def _motions(options: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(direction, camera) for direction in _chosen(options['direction'], tuple(STEPS))
            for camera in _chosen(options['camera'], CAMERAS)]


def _chosen(value: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return values if value == ALL else (value,)


def _map_name(result: str) -> str:
    """Name the match map of a file of truth: ``matchmap_a/matchmap_a_0001`` for ``a/a_0001``."""
    folder, stem = result.split('/')
    return f'matchmap_{folder}/matchmap_{stem}'


def _frames(scene: Path, camera: str) -> list[int]:
    return sorted(int(match[1]) for path in (scene / f'frame_{camera}').iterdir()
                  if (match := FRAME.fullmatch(path.name)))


def _frame(scene: Path, camera: str, number: int) -> Path:
    return scene / f'frame_{camera}' / f'frame_{camera}_{number:04d}.png'


SPRING = Dataset(
    'spring', 'Spring', TASKS,
    'train/ and test/ with 0001/frame_left/frame_left_0001.png (and frame_right/), in train/ '
    'also disp1_left/disp1_left_0001.dsp5, flow_FW_left/flow_FW_left_0001.flo5 and maps/',
    'https://spring-benchmark.org', fits, open_spring,
    {'split': Option('which part; test has no truth', SPLITS, TRAIN),
     'camera': Option('whose frames the flow is between', (*CAMERAS, ALL), LEFT),
     'direction': Option('flow to the next frame (FW) or the one before (BW)', (*STEPS, ALL),
                         'FW')})
