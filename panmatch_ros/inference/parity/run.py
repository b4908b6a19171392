"""Compare this implementation with all reference arrays of a folder."""
from collections.abc import Iterator
from pathlib import Path

from ...core.errors import FormatError
from .geometry import check_geometry
from .modules import check_modules
from .networks import Networks, network_config
from .report import ArrayError
from .vectors import load_vectors
from .whole import check_tiled, check_whole

SMALL_NETWORKS_FIRST = ('geometry', '_s_', '_b_', '_l_', '_g_')


def find_files(folder: Path) -> list[Path]:
    """
    List the files of a folder, those of large networks last.

    :raises FormatError: if there are none.
    """
    if folder.is_file():
        return [folder]
    files = sorted(folder.glob('*.npz'), key=lambda path: (_rank(path.stem), path.name))
    if not files:
        what = 'no .npz file in it' if folder.is_dir() else 'no such folder'
        raise FormatError(f'{folder}: {what}')
    return files


def check_file(path: Path, networks: Networks) -> Iterator[ArrayError]:
    """
    Compute every array of one file again and compare.

    :param path: an .npz file of reference arrays; its content tells of which kind.
    :param networks: makes and keeps the networks.
    :raises FormatError: if the file cannot be read or is of no known kind.
    :raises MissingDependencyError: if torch is needed and not installed.
    """
    vectors, meta = load_vectors(path)
    if 'flow12' in vectors or 'tile_grids' in meta:
        yield from check_geometry(vectors, meta)
        return
    check = (check_tiled if 'tile' in meta else check_whole if 'im0' in vectors
             else check_modules if 'notes' in meta else None)
    if check is None:
        raise FormatError(f'{path}: expected a whole run, a tiled run, modules or geometry; '
                          'the meta data fits none')
    salt = meta.get('salt', '')
    if not isinstance(salt, str):
        raise FormatError(f'{path}: the salt must be a text, found {salt!r:.80}')
    network = networks.get(network_config(meta, path.stem), salt)
    errors = _without_gradients(check(vectors, meta, network))
    first = next(errors, None)
    if first is None:
        raise FormatError(f'{path}: no array in it is a result that could be compared')
    yield first
    yield from errors


def _without_gradients(errors: Iterator[ArrayError]) -> Iterator[ArrayError]:
    """Compute each item in inference mode, but leave the mode before it is handed out."""
    import torch
    while True:
        with torch.inference_mode():
            error = next(errors, None)
        if error is None:
            return
        yield error


def _rank(stem: str) -> int:
    return next((rank for rank, part in enumerate(SMALL_NETWORKS_FIRST) if part in f'{stem}_'),
                len(SMALL_NETWORKS_FIRST))
