"""Options that several verbs share, and the types of option values."""
import argparse
from collections.abc import Iterable
import importlib.metadata
import math
import os
from pathlib import Path
import platform
import re

from ..core.errors import ConfigError


def add_disparity_range(parser: argparse.ArgumentParser) -> None:
    """Add the limits of the disparity search."""
    parser.add_argument('--max-disparity', type=finite, default=0.0, metavar='PX',
                        help='largest disparity to look for, pixels; 0 (default) chooses it '
                             'from the images')
    parser.add_argument('--min-disparity', type=finite, default=0.0, metavar='PX',
                        help='smallest disparity to look for, pixels (default 0)')


def finite(text: str) -> float:
    """
    Read a finite number.

    :raises ArgumentTypeError: if it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f'{text!r} is not a finite number')
    return value


def share(text: str) -> float:
    """
    Read a number from 0 to 1.

    :raises ArgumentTypeError: if it is none.
    """
    value = finite(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not between 0 and 1')
    return value


def positive(text: str) -> float:
    """
    Read a number above 0.

    :raises ArgumentTypeError: if it is none.
    """
    value = finite(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f'{text} is not positive')
    return value


def count(text: str) -> int:
    """
    Read a whole number above 0.

    :raises ArgumentTypeError: if it is none.
    """
    value = positive(text)
    if value != int(value):
        raise argparse.ArgumentTypeError(f'{text} is not a whole number')
    return int(value)


def count_or_none(text: str) -> int:
    """
    Read a whole number, 0 or above.

    :raises ArgumentTypeError: if it is none.
    """
    return 0 if text == '0' else count(text)


def size(text: str) -> tuple[int, int]:
    """
    Read a height and a width like ``192x256``.

    :raises ArgumentTypeError: if it is something else.
    """
    match = re.fullmatch(r'(\d{1,5})[xX](\d{1,5})', text)
    if match is None:
        raise argparse.ArgumentTypeError(f'{text!r} is not HxW, like 192x256')
    return int(match[1]), int(match[2])


def check_out(folder: Path | None, names: Iterable[str], overwrite: bool) -> None:
    """
    Find out before the work whether its results may be written.

    :param folder: of ``--out``; None is always right.
    :param names: of the files that will be written there.
    :param overwrite: whether they may be there.
    :raises ConfigError: if not.
    """
    if folder is None:
        return
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f'--out {folder} is a file; name a folder')
    there = next(path for path in (folder.absolute(), *folder.absolute().parents)
                 if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(f'--out {folder}: {there} cannot be written to; name another folder')
    found = [folder / name for name in names if (folder / name).exists()]
    if found and not overwrite:
        raise ConfigError(f'{found[0]} exists; name another folder, or add --overwrite')


def file_size(length: int) -> str:
    """Write the length of files for people."""
    for unit, name in ((1e9, 'GB'), (1e6, 'MB')):
        if length >= unit:
            return f'{length / unit:.2f} {name}'
    return f'{length / 1e3:.1f} kB'


def package_version() -> str:
    """Version of this package, 'unknown' where it runs without being installed."""
    try:
        return importlib.metadata.version('panmatch_ros')
    except importlib.metadata.PackageNotFoundError:
        return 'unknown'


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    import cv2
    import numpy as np
    return {'panmatch_ros': package_version(), 'python': platform.python_version(),
            'numpy': np.__version__, 'opencv': cv2.__version__}
