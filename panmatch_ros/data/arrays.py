"""
Arrays in numpy's .npy and .npz files.

``numpy.load`` takes the memory that a header asks for before it sees that the file is shorter.
Here the two are compared first; pickled objects are never loaded.
"""
import io
from pathlib import Path
import struct
import tokenize
from typing import IO
import zipfile
import zlib

import numpy as np

from ..core.errors import FormatError
from ..core.image import MAX_PIXELS
from .images import read_bytes

MAX_VALUES = 4 * MAX_PIXELS
ZIP_START = b'PK'
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of numpy
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
        return _read_npy(io.BytesIO(data), str(path))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if name.endswith('.npy')]
            if not names:
                raise FormatError(f'{path}: expected an .npz file with an array, found none in '
                                  f'its {len(archive.namelist())} entries')
            compression = archive.getinfo(names[0]).compress_type
            if compression not in COMPRESSIONS:  # others raise errors of their own
                raise FormatError(f'{path} ({names[0]}): expected an entry as numpy writes it, '
                                  f'found the compression {compression}')
            with archive.open(names[0]) as stream:
                return _read_npy(stream, f'{path} ({names[0]})')
    except FormatError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, KeyError, EOFError,
            RuntimeError, OSError) as error:
        raise FormatError(f'{path}: the .npz file is damaged: {error}') from None


def _read_npy(stream: IO[bytes], name: str) -> np.ndarray:
    try:
        shape, fortran_order, dtype = HEADER_READERS[np.lib.format.read_magic(stream)](stream)
    except (ValueError, KeyError, EOFError, SyntaxError, TypeError, RecursionError, MemoryError,
            tokenize.TokenError) as error:
        raise FormatError(f'{name}: expected an array in numpy format, found no valid header: '
                          f'{str(error)[:200]}') from None
    if dtype.hasobject or dtype.kind not in 'fiub':
        raise FormatError(f'{name}: expected an array of numbers, found {dtype}')
    count = 1
    for length in shape:
        count *= length
    if any(length < 0 for length in shape) or count > MAX_VALUES:
        raise FormatError(f'{name}: the header claims a shape of {str(shape)[:80]}; expected '
                          f'at most {MAX_VALUES} values')
    data = stream.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise FormatError(f'{name}: the file is incomplete: expected {count * dtype.itemsize} '
                          f'bytes for {dtype} {shape}, found {len(data)}')
    return np.frombuffer(data, dtype).reshape(shape, order='F' if fortran_order else 'C')
