"""ETH3D two-view stereo (low resolution), in the folders that its archives are unpacked to."""
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ..sample import Sample, unknown
from .description import Dataset, Option, existing_file, subfolders, wrong_layout
from .middlebury import LEFT, MASK, RIGHT, read_stereo_truth

SPLITS = TRAINING, TESTING = ('training', 'testing')
TRUTH_FOLDER = 'two_view_training_gt'
TRUTH = 'disp0GT.pfm'
RESULTS = 'low_res_two_view'


def fits(folder: Path) -> bool:
    """Tell whether a folder has the scenes of one of the splits."""
    return any((scene / LEFT).is_file() for split in SPLITS
               for scene in subfolders(folder / f'two_view_{split}'))


def open_eth3d(folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    List the scenes of a split.

    :raises ConfigError: if they are not there, or a file of a scene is missing.
    """
    split = options['split']
    base = folder / f'two_view_{split}'
    scenes = subfolders(base)
    if not scenes:
        raise wrong_layout(folder, f'{base.name}/<scene>/{LEFT}',
                           f'unpack {base.name}.7z there, or choose the other split')
    samples = []
    for scene in scenes:
        images = [existing_file(scene / side, f'an image of the scene {scene.name}')
                  for side in (LEFT, RIGHT)]
        read = unknown
        if split == TRAINING:
            # Its archive is one of its own: people unpack it beside the images or among them.
            beside = folder / TRUTH_FOLDER / scene.name / TRUTH
            truth = existing_file(beside if beside.is_file() else scene / TRUTH,
                                  f'the truth of the scene {scene.name} (in {TRUTH_FOLDER}.7z)')
            read = partial(read_stereo_truth, truth, scene)
        samples.append(Sample(scene.name, 'stereo', images[0], images[1], read, 'eth3d',
                              f'{RESULTS}/{scene.name}'))
    return samples


ETH3D = Dataset(
    'eth3d', 'ETH3D two-view', ('stereo',),
    f'two_view_training/ and two_view_testing/ with <scene>/{LEFT}, {RIGHT}, calib.txt, and '
    f'{TRUTH_FOLDER}/ with <scene>/{TRUTH}, {MASK} (or those beside the images)',
    'https://www.eth3d.net/datasets', fits, open_eth3d,
    {'split': Option('which half; testing has no truth', SPLITS, TRAINING)})
