"""
Files of reference arrays: .npz with a ``meta_json`` text that describes them.

The files may come from anywhere. No pickle is loaded, and no memory is taken that a header only
claims.
"""
from collections.abc import Mapping
import io
import json
from pathlib import Path
import re
import struct
import tokenize
from typing import Any
import zipfile
import zlib

import numpy as np

from ...core.errors import FormatError

META = 'meta_json'
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those of numpy
MAX_BYTES = 1 << 32        # of all arrays together
HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0,
                  (2, 0): np.lib.format.read_array_header_2_0}
STRIDES = re.compile(r'strides \[([\d, ]+)\]( over dims, start 0)?')


def load_vectors(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """
    Read the arrays of a file and what it says about them.

    :param path: an .npz file with a text ``meta_json``.
    :returns: numeric arrays by name, and the object in ``meta_json``.
    :raises FormatError: if the file is missing, damaged, too large, holds objects, or has no
        ``meta_json`` with a JSON object.
    """
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [info for info in archive.infolist() if info.filename.endswith('.npy')]
            total = sum(info.file_size for info in entries)
            if total > MAX_BYTES:
                raise FormatError(f'{path}: expected at most {MAX_BYTES} bytes of arrays, found '
                                  f'{total}')
            for info in entries:
                arrays[info.filename[:-4]] = _read_entry(archive, info, path)
    except FormatError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, KeyError, EOFError,
            RuntimeError, MemoryError) as error:
        raise FormatError(f'{path}: expected an .npz file, found {str(error)[:200]}') from None
    except OSError as error:
        raise FormatError(f'{path}: cannot be read: {error.strerror or error}') from None
    meta = _meta(arrays.pop(META, None), path)
    texts = [name for name, array in arrays.items() if array.dtype.kind not in 'fiub']
    if texts:
        raise FormatError(f'{path}: expected arrays of numbers besides {META}, found '
                          f'{texts[0]!r} of type {arrays[texts[0]].dtype}')
    return arrays, meta


def strided(array: np.ndarray, meta: Mapping[str, Any], name: str) -> np.ndarray:
    """
    Take from a whole array the part that a file holds of it.

    :param array: whole.
    :param meta: of the file; its ``slices`` says "strides [a, b, ...]", one step per
        dimension. Arrays it does not name are whole.
    :param name: of the array in the file.
    :returns: a view.
    :raises FormatError: if the entry is none of that form, or has more steps than dimensions.
    """
    slices = meta.get('slices', {})
    if not isinstance(slices, Mapping):
        raise FormatError(f'slices of the meta data must be an object, found {slices!r:.80}')
    entry = slices.get(name)
    if entry is None:
        return array
    match = STRIDES.fullmatch(entry) if isinstance(entry, str) else None
    steps = [int(step) for step in match[1].split(',') if step.strip()] if match else []
    if not steps or min(steps) < 1 or len(steps) > array.ndim:
        raise FormatError(f'the slice of {name} must be "strides [a, b, ...]" with at most '
                          f'{array.ndim} steps from 1 on, found {entry!r:.80}')
    return array[tuple(slice(None, None, step) for step in steps)]


def _read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo,
                path: str | Path) -> np.ndarray:
    if info.compress_type not in COMPRESSIONS:  # others raise errors of their own
        raise FormatError(f'{path} ({info.filename}): expected an entry as numpy writes it, found '
                          f'the compression {info.compress_type}')
    data = archive.read(info)
    stream = io.BytesIO(data)
    try:
        header = HEADER_READERS[np.lib.format.read_magic(stream)]
        shape, fortran_order, dtype = header(stream)
    except (ValueError, KeyError, EOFError, SyntaxError, TypeError, RecursionError,
            tokenize.TokenError) as error:
        raise FormatError(f'{path} ({info.filename}): expected an array in numpy format, found '
                          f'no valid header: {str(error)[:200]}') from None
    if dtype.hasobject or dtype.kind not in 'fiubU':
        raise FormatError(f'{path} ({info.filename}): expected numbers or a text, found {dtype}')
    count = 1
    for length in shape:
        count *= length
    rest = len(data) - stream.tell()
    if any(length < 0 for length in shape) or count * dtype.itemsize != rest:
        raise FormatError(f'{path} ({info.filename}): the header claims {dtype} '
                          f'{str(shape)[:80]}, found {rest} bytes')
    if dtype.itemsize == 0:  # an empty text
        return np.zeros(shape, dtype)
    values = np.frombuffer(data, dtype, count, stream.tell())
    return values.reshape(shape, order='F' if fortran_order else 'C')


def _meta(text: np.ndarray | None, path: str | Path) -> dict[str, Any]:
    if text is None or text.dtype.kind != 'U' or text.size != 1:
        raise FormatError(f'{path}: expected a text {META} that describes the arrays, found '
                          f'{"none" if text is None else f"{text.dtype} {text.shape}"}')
    try:
        meta = json.loads(text.item())
    except (ValueError, RecursionError) as error:
        raise FormatError(f'{path}: {META} is no JSON: {str(error)[:200]}') from None
    if not isinstance(meta, dict):
        raise FormatError(f'{path}: {META} must be a JSON object, found {type(meta).__name__}')
    return meta
