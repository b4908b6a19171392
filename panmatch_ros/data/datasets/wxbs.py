"""WxBS v1.1: pairs that differ in several ways at once, with correspondences marked by hand."""
from collections.abc import Mapping
from functools import partial
from pathlib import Path
import re

from ..sample import Annotation, Sample
from .description import Dataset, Option, existing_file, subfolders, wrong_layout
from .numbers import read_numbers

ALL, TEST, VALIDATION = 'all', 'test', 'validation'
VALIDATION_PAIRS = ('kyiv_dolltheater2', 'petrzin')
CLASS = re.compile(r'W[A-Z]+BS')
IMAGE_SUFFIXES = ('.png', '.jpg')
POINTS = 'corrs.txt'


def fits(folder: Path) -> bool:
    """Tell whether a folder has a pair with marked points."""
    return any((pair / POINTS).is_file() and _image(pair, '01') for pair in _pairs(folder))


def open_wxbs(folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    List the pairs of a subset.

    :raises ConfigError: if there is none, or a file of one is missing.
    """
    subset = options['subset']
    pairs = [pair for pair in _pairs(folder) if subset == ALL
             or (pair.name in VALIDATION_PAIRS) == (subset == VALIDATION)]
    if not pairs:
        raise wrong_layout(folder, f'the pairs of the subset {subset}',
                           'choose another subset, or unpack WxBS_v1.1.zip there')
    return [_sample(pair) for pair in pairs]


def annotate(path: Path) -> Annotation:
    """
    Read the marked points of a pair.

    :raises FormatError: if the file is wrong.
    """
    points = read_numbers(path, 4)
    return Annotation(points0=points[:, :2].copy(), points1=points[:, 2:].copy())


def _pairs(folder: Path) -> list[Path]:
    return [pair for group in subfolders(folder) if CLASS.fullmatch(group.name)
            for pair in subfolders(group)]


def _image(pair: Path, stem: str) -> Path | None:
    return next((path for suffix in IMAGE_SUFFIXES
                 if (path := pair / f'{stem}{suffix}').is_file()), None)


def _sample(pair: Path) -> Sample:
    name = f'{pair.parent.name}/{pair.name}'
    images = [_image(pair, stem) or existing_file(pair / f'{stem}.png', f'an image of {name}')
              for stem in ('01', '02')]
    points = existing_file(pair / POINTS, f'the truth of {name}')
    return Sample(name, 'points', images[0], images[1], partial(annotate, points), 'wxbs')


WXBS = Dataset(
    'wxbs', 'WxBS', ('points',),
    f'WGABS/, WGALBS/ and so on with <pair>/01.png, 02.png, {POINTS} (x0 y0 x1 y1 in each line)',
    'https://cmp.felk.cvut.cz/wbs', fits, open_wxbs,
    {'subset': Option(f'test is all but the two validation pairs, '
                      f'{" and ".join(VALIDATION_PAIRS)}', (TEST, VALIDATION, ALL), TEST)})
