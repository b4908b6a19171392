"""Plain folders: image pairs with ground truth, found by the names that public datasets use."""
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
import logging
from pathlib import Path

from ...core.errors import ConfigError
from ..sample import Annotation, Sample
from .description import Dataset, Option
from .folder_truth import TruthPair, read_truth

TASKS = ('stereo', 'flow')
MAX_DEPTH = 2  # levels of folders below the given one

IMAGE_SUFFIXES = ('.png', '.ppm', '.pgm', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp')
IMAGE_NAMES = (('left', 'right'), ('im0', 'im1'), ('im2', 'im6'), ('img0', 'img1'),
               ('image0', 'image1'), ('view1', 'view5'), ('frame10', 'frame11'))
DISPARITY_SUFFIXES = ('.npy', '.npz', '.pfm', '.png')
DISPARITY_NAMES = ('disp', 'disp0GT', 'disp0', 'disp_left', 'disp2', 'disp16')  # best first
RIGHT_DISPARITIES = frozenset({'disp1', 'disp1GT', 'disp5', 'disp6', 'dispR'})
FLOW_NAMES = ('flow.flo', 'flow.npy', 'flow.png')

LOOKED_FOR = (
    'a pair is a folder with two images (left/right, im0/im1, im2/im6, img0/img1, image0/image1, '
    'view1/view5, frame10/frame11 or {name}L/{name}R; png, ppm, pgm, jpg, bmp, tif or webp) and '
    'ground truth (disparity: disp*.npy, .npz, .pfm or .png, or {name}GT.png; flow: flow.flo, '
    'flow.npy, flow.png or flow*.flo)')

logger = logging.getLogger(__name__)


def find_pairs(folder: Path, task: str = 'auto') -> tuple[list[TruthPair], list[str]]:
    """
    Find all pairs in a folder and up to two levels below.

    :param folder: one pair, or a folder that holds many.
    :param task: ``stereo``, ``flow`` or ``auto`` (both).
    :returns: pairs in the order of their names, and the names of folders that hold two images
        without ground truth.
    :raises ConfigError: if there is no such folder or no pair in it.
    """
    if not folder.is_dir():
        what = 'is a file' if folder.exists() else 'does not exist'
        raise ConfigError(f'{folder} {what}; name a folder with pairs: {LOOKED_FOR}')
    pairs: list[TruthPair] = []
    without_truth: list[str] = []
    for each in _folders(folder, MAX_DEPTH):
        name = '.' if each == folder else str(each.relative_to(folder))
        found, has_images = _pairs_of(each, folder.resolve().name if name == '.' else name)
        pairs += found
        if has_images and not found:
            without_truth.append(name)
    wanted = [pair for pair in pairs if task in ('auto', pair.task)]
    if wanted:
        return wanted, without_truth
    if pairs:
        raise ConfigError(f'{folder} has {len(pairs)} pairs, but all are for {pairs[0].task} and '
                          f'none for {task}')
    missing = f'; images without ground truth: {", ".join(without_truth)}' if without_truth else ''
    raise ConfigError(f'no pair with ground truth in {folder}: {LOOKED_FOR}{missing}')


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    yield folder
    if depth == 0:
        return
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.name.startswith('.'):
            yield from _folders(child, depth - 1)


def _pairs_of(folder: Path, name: str) -> tuple[list[TruthPair], bool]:
    """Pairs that lie directly in a folder, and whether it holds the images of one."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    images: dict[str, Path] = {}
    for path in sorted(files, key=_image_rank):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            images.setdefault(path.stem, path)
    named = [(images[first], images[second]) for first, second in IMAGE_NAMES
             if first in images and second in images]
    sided = [(path, images[f'{stem[:-1]}R']) for stem, path in images.items()
             if stem.endswith('L') and f'{stem[:-1]}R' in images]
    couples = [*named[:1], *sided]
    pairs = []
    for image0, image1 in couples:
        is_sided = (image0, image1) in sided
        own_name = image0.stem[:-1] if is_sided else image0.stem
        label = name if len(couples) == 1 else f'{name}/{own_name}'
        alone = len(couples) == 1 or not is_sided
        for task, truth in (('stereo', _disparity_truth(files, image0, alone)),
                            ('flow', _flow_truth(files) if alone else None)):
            if truth is not None:
                pairs.append(TruthPair(label, task, image0, image1, truth))
    return pairs, bool(couples)


def _image_rank(path: Path) -> int:
    suffix = path.suffix.lower()
    return IMAGE_SUFFIXES.index(suffix) if suffix in IMAGE_SUFFIXES else len(IMAGE_SUFFIXES)


def _disparity_truth(files: Sequence[Path], image0: Path, alone: bool) -> Path | None:
    """Choose the disparity of the left image; ``alone`` allows names that do not repeat its."""
    if image0.stem.endswith('L'):
        own = [path for path in files if path.name == f'{image0.stem[:-1]}GT.png']
        if own or not alone:
            return own[0] if own else None
    candidates = [path for path in files
                  if path.stem.startswith('disp') and path.suffix.lower() in DISPARITY_SUFFIXES
                  and not _is_right(path.stem, image0.stem)]
    return min(candidates, key=_disparity_rank, default=None)


def _is_right(stem: str, image_stem: str) -> bool:
    if image_stem == 'view1' and stem == 'disp1':
        return False  # Middlebury 2005 and 2006 count from 1
    return stem in RIGHT_DISPARITIES or 'right' in stem.lower()


def _disparity_rank(path: Path) -> tuple[int, int, str]:
    rank = (DISPARITY_NAMES.index(path.stem) if path.stem in DISPARITY_NAMES
            else len(DISPARITY_NAMES))
    return rank, DISPARITY_SUFFIXES.index(path.suffix.lower()), path.name


def _flow_truth(files: Sequence[Path]) -> Path | None:
    by_name = {path.name: path for path in files}
    known = [by_name[name] for name in FLOW_NAMES if name in by_name]
    return next(iter(known + [path for path in files
                              if path.stem.startswith('flow') and path.suffix == '.flo']), None)


def open_folder(folder: Path, options: Mapping[str, str]) -> list[Sample]:
    """
    Make samples of the pairs in a folder.

    :raises ConfigError: if there is no pair, or the option ``scale`` is no positive number.
    """
    scale = _scale(options['scale'])
    pairs, without_truth = find_pairs(folder, options['task'])
    if without_truth:
        logger.warning('images without ground truth are left out: %s', ', '.join(without_truth))
    tasks: dict[str, set[str]] = {}
    for pair in find_pairs(folder)[0]:
        tasks.setdefault(pair.name, set()).add(pair.task)
    return [Sample(f'{pair.name}/{pair.task}' if len(tasks[pair.name]) > 1 else pair.name,
                   pair.task, pair.image0, pair.image1, partial(annotate, pair, scale))
            for pair in pairs]


def annotate(pair: TruthPair, scale: float | None = None) -> Annotation:
    """
    Read the truth of a pair; the note says how its scale was guessed.

    :raises FormatError: if the file cannot be read or nothing tells its scale.
    """
    truth = read_truth(pair, scale)
    note = (f'guessed value / {truth.scale:g} from {truth.scale_origin}; 0 is unknown'
            if truth.is_guess else '')
    if pair.task == 'flow':
        return Annotation(flow=truth.values, note=note)
    return Annotation(disparity=truth.values, note=note, scale=truth.scale,
                      scale_origin=truth.scale_origin)


def _scale(text: str) -> float | None:
    if not text:
        return None
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale < float('inf'):
        raise ConfigError(f'scale must be a positive number, got {text!r}')
    return scale


FOLDER = Dataset(
    'folder', 'a plain folder', TASKS, LOOKED_FOR, '', Path.is_dir, open_folder,
    {'scale': Option('levels per pixel of png disparity: value = scale * disparity; default is '
                     'scale.txt beside it, else what its name tells')})
