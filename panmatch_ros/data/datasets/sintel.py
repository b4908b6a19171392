"""
MPI Sintel, optical flow.

Pixels that are marked in ``invalid/`` are not counted by the benchmark and are unknown here;
``occlusions/`` tells which pixels are not seen in the next frame.
"""
from collections.abc import Mapping
from functools import partial
from pathlib import Path
import re

import numpy as np

from ..formats import read_flo
from ..sample import Annotation, Sample, unknown
from .description import Dataset, Option, existing_file, subfolders, wrong_layout
from .rasters import read_levels

SPLITS = TRAINING, TEST = ('training', 'test')
PASSES = ('clean', 'final')
FRAME = re.compile(r'frame_(\d{4})\.png')


def fits(folder: Path) -> bool:
    """Tell whether a folder has frames of one of the passes."""
    return any(next(scene.glob('frame_*.png'), None) for split in SPLITS for name in PASSES
               for scene in subfolders(folder / split / name)[:1])


def open_sintel(folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    List the pairs of following frames of one pass and split.

    :raises ConfigError: if they, or the folder of the flow, are not there.
    """
    base = folder / options['split']
    frames, flow = base / options['pass'], base / 'flow'
    if not subfolders(frames):
        raise wrong_layout(base, f'{frames.name}/<scene>/frame_0001.png',
                           'unpack MPI-Sintel-complete.zip there, or choose another pass or split')
    if options['split'] == TRAINING and not flow.is_dir():
        raise wrong_layout(base, 'flow/<scene>/frame_0001.flo', 'unpack the truth there')
    return [sample for scene in subfolders(frames) for sample in _samples(base, scene)]


def annotate(path: Path, path_invalid: Path, path_occlusions: Path) -> Annotation:
    """
    Read the truth of a pair.

    :param path: flow.
    :param path_invalid: mask of the pixels that are not counted; not used if it does not exist.
    :param path_occlusions: mask of the pixels that the next frame does not show; likewise.
    :raises FormatError: if a file is wrong.
    """
    flow = read_flo(path)
    size = flow.shape[0], flow.shape[1]
    if path_invalid.is_file():
        flow[read_levels(path_invalid, size) > 0] = np.nan
    occluded = read_levels(path_occlusions, size) > 0 if path_occlusions.is_file() else None
    return Annotation(flow=flow, non_occluded=None if occluded is None else ~occluded)


def _samples(base: Path, scene: Path) -> list[Sample]:
    numbers = sorted(int(match[1]) for path in scene.iterdir()
                     if (match := FRAME.fullmatch(path.name)))
    samples = []
    for number in numbers[:-1]:
        name = f'{scene.parent.name}/{scene.name}/frame_{number:04d}'
        first = scene / f'frame_{number:04d}.png'
        second = existing_file(scene / f'frame_{number + 1:04d}.png',
                               f'the frame that follows {first.name}')
        read = unknown
        if base.name == TRAINING:
            read = partial(annotate, base / 'flow' / scene.name / f'{first.stem}.flo',
                           *(base / mask / scene.name / first.name
                             for mask in ('invalid', 'occlusions')))
        samples.append(Sample(name, 'flow', first, second, read, 'sintel', name))
    return samples


SINTEL = Dataset(
    'sintel', 'MPI Sintel', ('flow',),
    'training/ and test/ with clean/ and final/ (<scene>/frame_0001.png), in training/ also '
    'flow/ (<scene>/frame_0001.flo), occlusions/ and invalid/ (<scene>/frame_0001.png)',
    'http://sintel.is.tue.mpg.de', fits, open_sintel,
    {'pass': Option('how the frames were rendered', PASSES, 'final'),
     'split': Option('which part; test has no truth', SPLITS, TRAINING)})
