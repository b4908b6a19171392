"""FlyingChairs and FlyingThings3D, rendered for training."""
from collections.abc import Mapping
from functools import partial
from pathlib import Path
import re

from ...core.errors import FormatError
from ..formats import read_disparity, read_flo, read_flow
from ..images import read_bytes
from ..sample import Annotation, Sample
from .description import (
    ALL_TASKS,
    Dataset,
    Option,
    existing_file,
    subfolders,
    wanted_tasks,
    wrong_layout,
)

ALL = 'all'
CHAIRS_FIRST = re.compile(r'(\d{5})_img1\.ppm')
CHAIRS_LIST = 'FlyingChairs_train_val.txt'
CHAIRS_SPLITS = {'training': '1', 'validation': '2'}  # the digits in that list
THINGS_TASKS = ('stereo', 'flow')
THINGS_PASSES = ('clean', 'final')
THINGS_SPLITS = ('TRAIN', 'TEST')
THINGS_FRAME = re.compile(r'(\d{4})\.png')


def fits_chairs(folder: Path) -> bool:
    """Tell whether a folder has ``data`` with pairs."""
    return next((folder / 'data').glob('*_img1.ppm'), None) is not None


def open_chairs(folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    List the pairs of a split.

    :raises ConfigError: if a file of a pair, or the list of the split, is missing.
    :raises FormatError: if that list is not one digit per pair.
    """
    names = sorted(match[1] for path in (folder / 'data').iterdir()
                   if (match := CHAIRS_FIRST.fullmatch(path.name)))
    if options['split'] != ALL:
        digits = _chairs_split(folder, len(names))
        names = [name for name, digit in zip(names, digits, strict=True)
                 if digit == CHAIRS_SPLITS[options['split']]]
    return [_chairs_sample(folder / 'data', name) for name in names]


def read_chairs(path: Path) -> Annotation:
    """Read the flow of a pair."""
    return Annotation(flow=read_flo(path))


def _chairs_split(folder: Path, number: int) -> list[str]:
    path = folder / CHAIRS_LIST
    existing_file(path, 'the list that tells training from validation pairs')
    digits = read_bytes(path).decode('ascii', 'replace').split()
    if len(digits) != number or not set(digits) <= set(CHAIRS_SPLITS.values()):
        raise FormatError(f'{path}: expected 1 (training) or 2 (validation) for each of the '
                          f'{number} pairs, found {len(digits)} words, the first of them '
                          f'{digits[:3]}')
    return digits


def _chairs_sample(data: Path, name: str) -> Sample:
    second = existing_file(data / f'{name}_img2.ppm', f'the second image of {name}')
    flow = existing_file(data / f'{name}_flow.flo', f'the truth of {name}')
    return Sample(name, 'flow', data / f'{name}_img1.ppm', second, partial(read_chairs, flow),
                  'flyingchairs')


def fits_things(folder: Path) -> bool:
    """Tell whether a folder has frames of one of the passes."""
    return any((folder / f'frames_{name}pass' / split).is_dir() for name in THINGS_PASSES
               for split in THINGS_SPLITS)


def open_things(folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    List the pairs of one pass and split.

    :raises ConfigError: if images, or the truth of a task that was asked for, are not there.
    """
    split = options['split']
    frames = folder / f'frames_{options["pass"]}pass' / split
    sequences = [sequence for letter in subfolders(frames) for sequence in subfolders(letter)]
    if not sequences:
        raise wrong_layout(folder, f'{frames.relative_to(folder)}/A/0000/left/0006.png',
                           'unpack the frames there, or choose another pass or split')
    truths = {'stereo': folder / 'disparity' / split, 'flow': folder / 'optical_flow' / split}
    samples = []
    for task in wanted_tasks(options, THINGS_TASKS):
        if truths[task].is_dir():
            list_task = _things_stereo if task == 'stereo' else _things_flow
            samples += [sample for sequence in sequences
                        for sample in list_task(frames, sequence, truths[task])]
        elif options['task'] != ALL_TASKS:
            raise wrong_layout(folder, f'{truths[task].relative_to(folder)}/',
                               f'unpack the truth for {task} there, or choose another task')
    if not samples:
        raise wrong_layout(folder, f'disparity/{split}/ or optical_flow/{split}/',
                           'unpack the truth there')
    return samples


def read_things(task: str, path: Path) -> Annotation:
    """Read the disparity or flow of a pair."""
    if task == 'stereo':
        return Annotation(disparity=read_disparity(path))
    return Annotation(flow=read_flow(path))


def _things_stereo(frames: Path, sequence: Path, truth: Path) -> list[Sample]:
    samples = []
    for left in _things_frames(sequence):
        name = sequence.relative_to(frames)
        right = existing_file(sequence / 'right' / left.name, f'the right image of {left}')
        disparity = truth / name / 'left' / f'{left.stem}.pfm'
        samples.append(Sample(f'stereo/{name.as_posix()}/{left.stem}', 'stereo', left, right,
                              partial(read_things, 'stereo', disparity), 'flyingthings3d'))
    return samples


def _things_flow(frames: Path, sequence: Path, truth: Path) -> list[Sample]:
    samples = []
    for first in _things_frames(sequence)[:-1]:
        name = sequence.relative_to(frames)
        second = existing_file(first.with_name(f'{int(first.stem) + 1:04d}.png'),
                               f'the frame that follows {first}')
        flow = (truth / name / 'into_future' / 'left'
                / f'OpticalFlowIntoFuture_{first.stem}_L.pfm')
        samples.append(Sample(f'flow/{name.as_posix()}/{first.stem}', 'flow', first, second,
                              partial(read_things, 'flow', flow), 'flyingthings3d'))
    return samples


def _things_frames(sequence: Path) -> list[Path]:
    left = sequence / 'left'
    if not left.is_dir():
        raise wrong_layout(sequence, 'left/0006.png', 'unpack the frames completely')
    return sorted(path for path in left.iterdir() if THINGS_FRAME.fullmatch(path.name))


FLYING_CHAIRS = Dataset(
    'flyingchairs', 'FlyingChairs', ('flow',),
    f'data/ with 00001_img1.ppm, 00001_img2.ppm, 00001_flow.flo; for the splits {CHAIRS_LIST}',
    'https://lmb.informatik.uni-freiburg.de/resources/datasets/FlyingChairs.en.html',
    fits_chairs, open_chairs,
    {'split': Option(f'which part; training and validation need {CHAIRS_LIST}',
                     (ALL, *CHAIRS_SPLITS), ALL)})

FLYING_THINGS = Dataset(
    'flyingthings3d', 'FlyingThings3D', THINGS_TASKS,
    'frames_cleanpass/ or frames_finalpass/ with TRAIN/A/0000/left/0006.png and '
    'right/0006.png, disparity/TRAIN/A/0000/left/0006.pfm, '
    'optical_flow/TRAIN/A/0000/into_future/left/OpticalFlowIntoFuture_0006_L.pfm',
    'https://lmb.informatik.uni-freiburg.de/resources/datasets/SceneFlowDatasets.en.html',
    fits_things, open_things,
    {'pass': Option('how the frames were rendered', THINGS_PASSES, 'clean'),
     'split': Option('which part', THINGS_SPLITS, 'TEST')})
