"""Read the truth of plain folders; find out what the levels of 8-bit disparities mean."""
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core.errors import FormatError
from ..formats import read_disparity, read_flow

SCALE_FILE = 'scale.txt'
KNOWN_SCALES = {'disp16.png': 16.0, 'disp_left.png': 4.0, 'disp2.png': 4.0}
GT_SUFFIX, GT_SCALE = 'GT.png', 1.0
PNG_START, PNG_DEPTH_OFFSET = b'\x89PNG\r\n\x1a\n', 24


@dataclass(frozen=True)
class TruthPair:
    """
    Two images and the file with the truth about them.

    :param name: of the folder, relative to where the search began.
    :param task: ``stereo`` or ``flow``.
    :param image0: left or first image.
    :param image1: right or second image.
    :param truth: disparity of the left image, or flow from the first to the second.
    """

    name: str
    task: str
    image0: Path
    image1: Path
    truth: Path


@dataclass(frozen=True)
class Truth:
    """
    Ground truth of a pair.

    :param values: (H, W) disparity or (H, W, 2) flow, float32, pixels; NaN is unknown.
    :param scale: levels of the file per pixel of disparity; None where the format tells.
    :param scale_origin: where the scale comes from; empty where there is none.
    :param is_guess: whether the scale was guessed from the name of the file.
    """

    values: np.ndarray
    scale: float | None = None
    scale_origin: str = ''
    is_guess: bool = False


def read_truth(pair: TruthPair, scale: float | None = None) -> Truth:
    """
    Read the ground truth of a pair.

    An 8-bit disparity image holds ``value = scale * disparity`` with 0 for unknown. The scale
    is, in this order, the one given, the number in ``scale.txt`` beside the image, the one that
    the dataset with this file name has.

    :param pair: which file, and what is in it.
    :param scale: levels per pixel of a .png disparity; overrides all else.
    :raises FormatError: if the file cannot be read or nothing tells its scale.
    """
    if pair.task == 'flow':
        return Truth(read_flow(pair.truth))
    path = pair.truth
    if path.suffix.lower() != '.png':
        return Truth(read_disparity(path))
    if scale is not None:
        return Truth(read_disparity(path, scale), scale, 'given')
    if (path.parent / SCALE_FILE).is_file():
        scale = read_scale(path.parent / SCALE_FILE)
        return Truth(read_disparity(path, scale), scale, SCALE_FILE)
    if png_bits(path) > 8:
        return Truth(read_disparity(path))  # KITTI
    scale = GT_SCALE if path.name.endswith(GT_SUFFIX) else KNOWN_SCALES.get(path.name)
    if scale is None:
        raise FormatError(
            f'{path}: an 8-bit png does not tell how many levels make a pixel of disparity; '
            f'write the number into {SCALE_FILE} beside it, or give it with --scale')
    return Truth(read_disparity(path, scale), scale, f'the name {path.name}', is_guess=True)


def read_scale(path: Path) -> float:
    """
    Read the number in a scale file.

    :raises FormatError: if it is not one positive number.
    """
    try:
        scale = float(path.read_text())
    except ValueError:
        scale = 0.0
    if not 0 < scale < np.inf:
        raise FormatError(f'{path}: expected one positive number, the levels per pixel')
    return scale


def png_bits(path: Path) -> int:
    """Bits per channel of a PNG file; 8 if it is none (reading it will tell)."""
    with open(path, 'rb') as stream:
        head = stream.read(PNG_DEPTH_OFFSET + 1)
    if not head.startswith(PNG_START) or len(head) <= PNG_DEPTH_OFFSET:
        return 8
    return head[PNG_DEPTH_OFFSET]
