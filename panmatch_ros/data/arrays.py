"""
Arrays in numpy's .npy and .npz files.

``numpy.load`` takes the memory that a header asks for before it sees that the file is shorter.
Here the two are compared first; pickled objects are never loaded.
"""
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import io
import math
from pathlib import Path
import struct
import tokenize
from typing import IO, TypeVar
import zipfile
import zlib

import numpy as np

from ..core.errors import FormatError
from ..core.image import MAX_PIXELS
from .images import read_bytes

MAX_VALUES = 4 * MAX_PIXELS
ZIP_START = b'PK'
SUFFIX = '.npy'   # of the entries of an archive
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of numpy
Read = TypeVar('Read')

HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0,
                  (2, 0): np.lib.format.read_array_header_2_0}


def read_array(path: str | Path) -> np.ndarray:
    """
    Read a numeric array from a .npy file, or the first array of a .npz file.

    :param path: the file; its first bytes tell which of the two it is.
    :returns: the array as it was saved.
    :raises FormatError: if the file is missing, damaged, or holds objects, text or records.
    """
    data = read_bytes(path)
    if not data.startswith(ZIP_START):
        return read_npy(io.BytesIO(data), str(path))
    with open_npz(path, data) as archive:
        return archive.read(archive.names[0], read_npy)


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """
    Read all arrays of a .npz file.

    :returns: by name, as they were saved.
    :raises FormatError: if the file is missing, damaged, or holds objects, text or records.
    """
    with open_npz(path) as archive:
        return {name: archive.read(name, read_npy) for name in archive.names}


class Archive:
    """
    The arrays in an open .npz file.

    :param zipped: the file.
    :param path: how errors call it.
    :raises FormatError: if it has no array.
    """

    def __init__(self, zipped: zipfile.ZipFile, path: str | Path) -> None:
        self._zipped, self._path = zipped, path
        self.names = [name[:-len(SUFFIX)] for name in zipped.namelist() if name.endswith(SUFFIX)]
        if not self.names:
            raise FormatError(f'{path}: expected an .npz file with an array, found none in '
                              f'its {len(zipped.namelist())} entries')

    def read(self, name: str, reader: Callable[[IO[bytes], str], Read]) -> Read:
        """
        Read an array.

        :param name: one of ``names``.
        :param reader: takes the stream of the .npy entry, and how errors call it.
        :raises FormatError: as the reader does, or if the entry is packed in an unknown way.
        """
        entry = f'{name}{SUFFIX}'
        place = f'{self._path} ({entry})'
        compression = self._zipped.getinfo(entry).compress_type
        if compression not in COMPRESSIONS:  # others raise errors of their own
            raise FormatError(f'{place}: expected an entry as numpy writes it, found the '
                              f'compression {compression}')
        with self._zipped.open(entry) as stream:
            return reader(stream, place)


@contextmanager
def open_npz(path: str | Path, data: bytes | None = None) -> Iterator[Archive]:
    """
    Open a .npz file; inside the block errors of damaged files become those of this package.

    :param path: the file.
    :param data: its bytes, where they have been read already.
    :raises FormatError: if the file is missing or damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path) if data is None else data)) as zipped:
            yield Archive(zipped, path)
    except FormatError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, KeyError, EOFError,
            RuntimeError, OSError) as error:
        raise FormatError(f'{path}: the .npz file is damaged: {error}') from None


def read_npy(stream: IO[bytes], name: str) -> np.ndarray:
    """
    Read a numeric array from the stream of a .npy file.

    :param stream: at its start.
    :param name: how errors call it.
    :raises FormatError: if it is damaged, or holds objects, text or records.
    """
    shape, fortran_order, dtype = read_header(stream, name)
    if dtype.hasobject or dtype.kind not in 'fiub':
        raise FormatError(f'{name}: expected an array of numbers, found {dtype}')
    count = math.prod(shape)
    data = stream.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise FormatError(f'{name}: the file is incomplete: expected {count * dtype.itemsize} '
                          f'bytes for {dtype} {shape}, found {len(data)}')
    return np.frombuffer(data, dtype).reshape(shape, order='F' if fortran_order else 'C')


def read_header(stream: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """
    Read the header of a .npy file.

    :returns: shape, whether the first index runs fastest, and type.
    :raises FormatError: if there is none, or it claims more than any real array.
    """
    try:
        header = HEADER_READERS[np.lib.format.read_magic(stream)](stream)
    except (ValueError, KeyError, EOFError, SyntaxError, TypeError, RecursionError, MemoryError,
            tokenize.TokenError) as error:
        raise FormatError(f'{name}: expected an array in numpy format, found no valid header: '
                          f'{str(error)[:200]}') from None
    shape = header[0]
    if any(length < 0 for length in shape) or math.prod(shape) > MAX_VALUES:
        raise FormatError(f'{name}: the header claims a shape of {str(shape)[:80]}; expected '
                          f'at most {MAX_VALUES} values')
    return header
