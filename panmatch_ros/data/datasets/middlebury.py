"""
Middlebury stereo: version 3 of the benchmark, and the data sets of 2014 and later.

``disp0GT.pfm`` (version 3) and ``disp0.pfm`` (2014) are disparities of the left image, infinite
where unknown. ``mask0nocc.png`` is 255 where a pixel is seen in both images, 128 where it is
occluded, and 0 where the truth is unknown.
"""
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ...core.errors import FormatError
from ..calibration import MIDDLEBURY_NAME, read_middlebury_calib
from ..formats import read_pfm
from ..sample import Annotation, Sample, unknown
from .description import Dataset, Option, existing_file, subfolders, wrong_layout
from .rasters import read_levels

SPLITS = TRAINING, TEST = ('training', 'test')
RESOLUTIONS = ('F', 'H', 'Q')   # full, half and quarter size
ANY = 'auto'
LEFT, RIGHT = 'im0.png', 'im1.png'
TRUTHS = ('disp0GT.pfm', 'disp0.pfm')
MASK = 'mask0nocc.png'
NOT_OCCLUDED = 255


def fits(folder: Path) -> bool:
    """Tell whether a folder has scenes of the benchmark or of 2014."""
    return bool(_benchmark_folders(folder, SPLITS, RESOLUTIONS) or _scenes_of_2014(folder))


def open_middlebury(folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    List the scenes of one resolution and split.

    :raises ConfigError: if they are not there, or a file of a scene is missing.
    """
    split, resolution = options['split'], options['resolution']
    wanted = RESOLUTIONS if resolution == ANY else (resolution,)
    found = _benchmark_folders(folder, (split,), wanted)
    if found:
        scenes = subfolders(found[0])
    else:
        scenes = _scenes_of_2014(folder) if split == TRAINING and resolution == ANY else []
    if not scenes:
        raise wrong_layout(
            folder, ' or '.join(f'{split}{each}/<scene>/{LEFT}' for each in wanted),
            'choose another resolution or split, or unpack that part of MiddEval3 there')
    return [_sample(folder, scene, split) for scene in scenes]


def read_stereo_truth(path: Path, folder: Path) -> Annotation:
    """
    Read the truth and the calibration of a scene of Middlebury or ETH3D.

    :param path: disparity of the left image.
    :param folder: holds the mask of the pixels that are not occluded and the calibration; each
        is used if it is there.
    :raises FormatError: if a file is wrong.
    :raises CalibrationError: if the calibration is.
    """
    disparity = read_pfm(path)
    if disparity.ndim != 2:
        raise FormatError(f'{path}: a disparity map has one channel, found {disparity.shape}')
    annotation = Annotation(disparity=disparity)
    mask = next((each for each in (path.parent / MASK, folder / MASK) if each.is_file()), None)
    if mask is not None:
        levels = read_levels(mask, (disparity.shape[0], disparity.shape[1]))
        annotation = replace(annotation, non_occluded=levels == NOT_OCCLUDED)
    if not (folder / MIDDLEBURY_NAME).is_file():
        return annotation
    rig = read_middlebury_calib(folder / MIDDLEBURY_NAME)
    T_1_0 = np.eye(4)
    T_1_0[0, 3] = -rig.baseline_m
    return replace(annotation, K0=rig.left.K, K1=rig.right.K, T_1_0=T_1_0)


def _benchmark_folders(folder: Path, splits: tuple[str, ...],
                       resolutions: tuple[str, ...]) -> list[Path]:
    names = [f'{split}{resolution}' for split in splits for resolution in resolutions]
    return [folder / name for name in names
            if any((scene / LEFT).is_file() for scene in subfolders(folder / name))]


def _scenes_of_2014(folder: Path) -> list[Path]:
    """List scenes with the files of the data sets: a calibration beside images and truth."""
    return [scene for scene in subfolders(folder)
            if all((scene / name).is_file() for name in (LEFT, MIDDLEBURY_NAME, TRUTHS[1]))]


def _sample(folder: Path, scene: Path, split: str) -> Sample:
    name = scene.relative_to(folder).as_posix()
    images = [existing_file(scene / side, f'an image of the scene {name}')
              for side in (LEFT, RIGHT)]
    read = unknown
    if split == TRAINING:
        truth = next((scene / each for each in TRUTHS if (scene / each).is_file()),
                     scene / TRUTHS[0])
        read = partial(read_stereo_truth, truth, scene)
    submission = name if scene.parent != folder else ''  # the data sets of 2014 take none
    return Sample(name, 'stereo', images[0], images[1], read, 'middlebury', submission)


MIDDLEBURY = Dataset(
    'middlebury', 'Middlebury', ('stereo',),
    f'trainingF/, trainingH/ or trainingQ/ (and testF/ and so on) with <scene>/{LEFT}, {RIGHT}, '
    f'{MIDDLEBURY_NAME}, {TRUTHS[0]}, {MASK}; or <scene>/{LEFT}, {RIGHT}, {MIDDLEBURY_NAME}, '
    f'{TRUTHS[1]} of 2014',
    'https://vision.middlebury.edu/stereo', fits, open_middlebury,
    {'resolution': Option('full, half or quarter size; auto takes the largest that is there',
                          (ANY, *RESOLUTIONS), ANY),
     'split': Option('which half; test has no truth', SPLITS, TRAINING)})
