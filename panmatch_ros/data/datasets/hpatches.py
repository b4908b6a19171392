"""HPatches sequences: one image against five others of a plane, related by homographies."""
from collections.abc import Mapping
from functools import partial
from pathlib import Path
import re

import numpy as np

from ...core.errors import FormatError
from ..sample import Annotation, Sample
from .description import Dataset, Option, existing_file, subfolders, wrong_layout
from .numbers import read_numbers

ALL = 'all'
CHANGES = {'illumination': 'i_', 'viewpoint': 'v_'}   # of the names of the sequences
SEQUENCE = re.compile(r'[iv]_.+')
OTHERS = range(2, 7)
# Those above 1600x1200, which D2-Net and most since then leave out: 108 of 116 stay.
LARGE = frozenset({'i_contruction', 'i_crownnight', 'i_dc', 'i_pencils', 'i_whitebuilding',
                   'v_artisans', 'v_astronautis', 'v_talent'})
SUBSETS = ALL_SEQUENCES, WITHOUT_LARGE = ('116', '108')


def fits(folder: Path) -> bool:
    """Tell whether a folder has a sequence."""
    return any((sequence / '1.ppm').is_file() for sequence in _sequences(folder))


def open_hpatches(folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    List the five pairs of every chosen sequence.

    :raises ConfigError: if no sequence is left, or a file of one is missing.
    """
    prefix = CHANGES.get(options['change'], '')
    chosen = [path for path in _sequences(folder) if path.name.startswith(prefix)
              and not (options['subset'] == WITHOUT_LARGE and path.name in LARGE)]
    if not chosen:
        raise wrong_layout(folder, f'{prefix or "v_"}<name>/1.ppm',
                           'choose another change or subset, or unpack '
                           'hpatches-sequences-release there')
    return [_sample(sequence, other) for sequence in chosen for other in OTHERS]


def annotate(path: Path) -> Annotation:
    """
    Read the homography of a pair.

    :raises FormatError: if the file is wrong.
    """
    homography = read_numbers(path, 3)
    if homography.shape != (3, 3) or abs(np.linalg.det(homography)) == 0:
        raise FormatError(f'{path}: expected an invertible 3x3 matrix, found '
                          f'{homography.shape[0]} lines of 3 numbers')
    return Annotation(homography=homography)


def _sequences(folder: Path) -> list[Path]:
    return [path for path in subfolders(folder) if SEQUENCE.fullmatch(path.name)]


def _sample(sequence: Path, other: int) -> Sample:
    first, second, homography = (
        existing_file(sequence / name, f'a part of the sequence {sequence.name}')
        for name in ('1.ppm', f'{other}.ppm', f'H_1_{other}'))
    return Sample(f'{sequence.name}/1_{other}', 'homography', first, second,
                  partial(annotate, homography), 'hpatches')


HPATCHES = Dataset(
    'hpatches', 'HPatches sequences', ('homography',),
    'i_<name>/ and v_<name>/ with 1.ppm to 6.ppm and H_1_2 to H_1_6',
    'https://github.com/hpatches/hpatches-dataset', fits, open_hpatches,
    {'change': Option('what changes in a sequence', (ALL, *CHANGES), ALL),
     'subset': Option('number of sequences: 108 leaves out the 8 of more than 1600x1200 pixels, '
                      'as most published numbers do', SUBSETS, WITHOUT_LARGE)})
