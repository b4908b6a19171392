"""Text files of numbers: poses, homographies, calibrations and marked points of datasets."""
import math
from pathlib import Path

import numpy as np

from ...core.errors import FormatError
from ..images import read_bytes

MAX_TEXT_BYTES = 1 << 27
MAX_SHOWN = 60


def read_numbers(path: Path, columns: int, header_lines: int = 0) -> np.ndarray:
    """
    Read a table of numbers that are separated by white space.

    :param path: a text file; empty lines are skipped.
    :param columns: how many numbers every line has.
    :param header_lines: how many lines at the top are not read.
    :returns: (N, columns) float64.
    :raises FormatError: if there is no such file, a line differs, or a number is not finite.
    """
    lines = read_bytes(path, limit=MAX_TEXT_BYTES).decode('utf-8', 'replace').splitlines()
    rows = []
    for number, line in enumerate(lines[header_lines:], header_lines + 1):
        if line.strip():
            rows.append(parse_numbers(line.split(), columns, f'{path}, line {number}'))
    if not rows:
        raise FormatError(f'{path}: expected lines of {columns} numbers, found none')
    return np.array(rows)


def parse_numbers(words: list[str], count: int, place: str) -> list[float]:
    """
    Read numbers from words.

    :param words: one word a number.
    :param count: how many there have to be.
    :param place: file and line, for the error.
    :raises FormatError: if there are more or fewer, or one is no finite number.
    """
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise FormatError(f'{place}: expected {count} numbers, found '
                          f'{" ".join(words)[:MAX_SHOWN]!r}')
    return values
