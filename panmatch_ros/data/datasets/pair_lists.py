"""
Lists of image pairs with calibration and relative pose, as benchmarks of matchers keep them.

The text form has 38 words in a line: two images, their EXIF rotations (0), K of image 0 (9
numbers) and image 1, and ``T_1_0`` (16), row by row. K belongs to the images as they are.
"""
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ...core.errors import FormatError, PoseError
from ...core.pixels import resize_intrinsics
from ...core.rigid_motion import require_rigid
from ..images import read_bytes, read_image_size
from ..sample import Annotation
from .numbers import MAX_TEXT_BYTES, parse_numbers

WORDS = 38


@dataclass(frozen=True)
class PosePair:
    """
    Two images, and how their cameras stand.

    :param image0: path relative to the folder of the images.
    :param image1: the same.
    :param K0: (3, 3) float64, pixels.
    :param K1: (3, 3) float64, pixels.
    :param T_1_0: (4, 4) float64; metres in ScanNet, without a unit in MegaDepth.
    :param size: (height, width) of the images that K0 and K1 are for; None: as they are.
    """

    image0: str
    image1: str
    K0: np.ndarray
    K1: np.ndarray
    T_1_0: np.ndarray
    size: tuple[int, int] | None = None


def read_pair_list(path: Path) -> list[PosePair]:
    """
    Read the text form of a list.

    :raises FormatError: if there is no such file, or a line is of another form.
    """
    lines = read_bytes(path, limit=MAX_TEXT_BYTES).decode('utf-8', 'replace').splitlines()
    pairs = [_parse(line.split(), f'{path}, line {number}')
             for number, line in enumerate(lines, 1) if line.strip()]
    if not pairs:
        raise FormatError(f'{path}: expected lines of {WORDS} words (two images, two rotations, '
                          'K0, K1, T_1_0), found none')
    return pairs


def make_pair(images: tuple[str, str], K: tuple[np.ndarray, np.ndarray], T_1_0: np.ndarray,
              place: str, size: tuple[int, int] | None = None) -> PosePair:
    """
    Check the parts of a pair and put them together.

    :param images: paths relative to the folder of the images.
    :param K: of both images, (3, 3).
    :param T_1_0: (4, 4) or (3, 4).
    :param place: file and line or index, for the error.
    :param size: (height, width) of the images that K is for.
    :raises FormatError: if a path leads out of the folder, or a matrix is none of its kind.
    """
    for name in images:
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or '..' in parts or '\\' in name:
            raise FormatError(f'{place}: expected paths inside the folder of the images, found '
                              f'{name!r}')
    for each in K:
        fits = (each.shape == (3, 3) and np.isfinite(each).all() and each[0, 0] > 0
                and each[1, 1] > 0 and np.array_equal(each[2], (0, 0, 1)))
        if not fits:
            raise FormatError(f'{place}: expected K of the form [fx 0 cx; 0 fy cy; 0 0 1], found '
                              f'{each.tolist()}')
    try:
        pose = require_rigid(T_1_0)
    except PoseError as error:
        raise FormatError(f'{place}: {error}') from None
    return PosePair(*images, np.asarray(K[0], np.float64), np.asarray(K[1], np.float64), pose,
                    size)


def annotate_pose(pair: PosePair, path0: Path, path1: Path) -> Annotation:
    """
    Give the annotation of a pair; the headers of its images are read if K is for another size.

    :raises PanMatchError: if an image cannot be read.
    """
    K0, K1 = pair.K0, pair.K1
    if pair.size is not None:
        K0 = resize_intrinsics(K0, pair.size, read_image_size(path0))
        K1 = resize_intrinsics(K1, pair.size, read_image_size(path1))
    return Annotation(K0=K0, K1=K1, T_1_0=pair.T_1_0)


def _parse(words: list[str], place: str) -> PosePair:
    if len(words) != WORDS:
        raise FormatError(f'{place}: expected {WORDS} words (two images, two rotations, K0, K1, '
                          f'T_1_0), found {len(words)}')
    if words[2:4] != ['0', '0']:
        raise FormatError(f'{place}: expected images without EXIF rotation (0 0), found '
                          f'{" ".join(words[2:4])}')
    numbers = np.array(parse_numbers(words[4:], WORDS - 4, place))
    return make_pair((words[0], words[1]),
                     (numbers[:9].reshape(3, 3), numbers[9:18].reshape(3, 3)),
                     numbers[18:].reshape(4, 4), place)
