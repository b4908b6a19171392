"""
Arrays of Python objects in .npz files, read without running what a pickle may name.

numpy keeps an array of objects as a pickle, and a pickle can call any function while it is
loaded. Here no function is called and no class of numpy is made: the few names that arrays need
stand for objects that only note what they were given, and values are made from the notes
afterwards, with every size checked. All other names are refused.
"""
from collections.abc import Sequence
import io
import math
import pickle
import pickletools
import re
from typing import IO, Any

import numpy as np

from ..core.errors import FormatError
from .arrays import MAX_VALUES, read_header, read_npy

MAX_BYTES = 1 << 28
MAX_OBJECTS = 1 << 22
MAX_DEPTH = 6
RECONSTRUCT, SCALAR, DTYPE, ARRAY, ENCODE = 'reconstruct', 'scalar', 'dtype', 'array', 'encode'
NAMES = {
    **{(f'numpy.{core}.multiarray', '_reconstruct'): RECONSTRUCT for core in ('core', '_core')},
    **{(f'numpy.{core}.multiarray', 'scalar'): SCALAR for core in ('core', '_core')},
    ('numpy', 'dtype'): DTYPE, ('numpy', 'ndarray'): ARRAY, ('_codecs', 'encode'): ENCODE}
OPCODES = frozenset((
    'PROTO', 'FRAME', 'STOP', 'MARK', 'NONE', 'NEWTRUE', 'NEWFALSE', 'INT', 'BININT', 'BININT1',
    'BININT2', 'LONG', 'LONG1', 'FLOAT', 'BINFLOAT', 'BINSTRING', 'SHORT_BINSTRING',
    'UNICODE', 'SHORT_BINUNICODE', 'BINUNICODE', 'BINBYTES', 'SHORT_BINBYTES', 'EMPTY_LIST',
    'APPEND', 'APPENDS', 'LIST', 'EMPTY_TUPLE', 'TUPLE', 'TUPLE1', 'TUPLE2', 'TUPLE3', 'GLOBAL',
    'STACK_GLOBAL', 'REDUCE', 'BUILD', 'PUT', 'BINPUT', 'LONG_BINPUT', 'MEMOIZE', 'GET',
    'BINGET', 'LONG_BINGET'))
MEMO_OPCODES = ('PUT', 'BINPUT', 'LONG_BINPUT')
TYPE_NAME = re.compile(r'[iu][1248]|f[248]|b1|O8?|U\d{1,4}')


def read_objects(stream: IO[bytes], name: str) -> list[Any]:
    """
    Read an array whose elements are numbers, text, arrays, or lists and tuples of those.

    :param stream: of a .npy file, at its start; with numbers it is read as such.
    :param name: how errors call it.
    :returns: the elements along the first axis; arrays are numeric, tuples have become lists.
    :raises FormatError: if the file is damaged, holds anything else, or names a function.
    """
    header = io.BytesIO(stream.read(MAX_BYTES + 1))
    if len(header.getvalue()) > MAX_BYTES:
        raise FormatError(f'{name}: expected at most {MAX_BYTES} bytes')
    shape, _, dtype = read_header(header, name)
    if not dtype.hasobject:
        header.seek(0)
        return list(read_npy(header, name))
    if dtype != np.dtype(object):
        raise FormatError(f'{name}: expected an array of objects or numbers, found {dtype}')
    array = _load(header.read(), name)
    reader = _Reader(name)
    values = reader.value(array, 0)
    if not isinstance(values, list) or len(values) != (shape[0] if shape else 0):
        raise FormatError(f'{name}: expected an array of the shape {shape}, as its header says')
    return values


class _Note:
    """What a pickle asked to be made: the call, and the state that was set afterwards."""

    __slots__ = ('arguments', 'kind', 'state')

    def __init__(self, kind: str, arguments: tuple) -> None:
        self.kind, self.arguments, self.state = kind, arguments, ()

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Name:
    """Stands for a function or class; calling it makes a note."""

    __slots__ = ('kind',)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, *arguments: Any) -> _Note:
        return _Note(self.kind, arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError('a name has no state')


class _Unpickler(pickle.Unpickler):
    """Gives notes in place of all that has a name."""

    def find_class(self, module: str, name: str) -> _Name:
        if (module, name) not in NAMES:
            raise pickle.UnpicklingError(f'it names {module}.{name}')
        return _Name(NAMES[module, name])


def _load(data: bytes, name: str) -> Any:
    try:
        _check_opcodes(data)
        return _Unpickler(io.BytesIO(data), encoding='latin1').load()
    except (pickle.UnpicklingError, ValueError, TypeError, AttributeError, IndexError, KeyError,
            EOFError, OverflowError, MemoryError, RecursionError) as error:
        raise FormatError(f'{name}: expected objects of numbers, text and arrays; this pickle is '
                          f'refused and nothing in it was run: {str(error)[:200]}') from None


def _check_opcodes(data: bytes) -> None:
    """Walk over the pickle without loading it: what it does, and how much memory it asks for."""
    for number, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if opcode.name not in OPCODES:
            raise pickle.UnpicklingError(f'it does {opcode.name}')
        # The table of the memo grows to the largest index.
        if opcode.name in MEMO_OPCODES and not 0 <= int(argument or 0) <= number:
            raise pickle.UnpicklingError(f'it keeps an object at {argument}')


class _Reader:
    """Makes values from notes; references make trees, so all visits are counted."""

    def __init__(self, name: str) -> None:
        self._name, self._visits = name, 0

    def value(self, noted: Any, depth: int) -> Any:
        self._visits += 1
        if self._visits > MAX_OBJECTS or depth > MAX_DEPTH:
            raise FormatError(f'{self._name}: expected at most {MAX_OBJECTS} objects, nested at '
                              f'most {MAX_DEPTH} times')
        if noted is None or isinstance(noted, (str, bytes, int, float)):
            return noted
        if isinstance(noted, (list, tuple)):
            return [self.value(each, depth + 1) for each in noted]
        if isinstance(noted, _Note):
            if noted.kind == RECONSTRUCT:
                return self._array(noted, depth)
            if noted.kind == SCALAR and len(noted.arguments) == 2:
                return self._scalar(*noted.arguments)
        raise self._wrong('an object that is no number, text, array or list')

    def _scalar(self, dtype: Any, data: Any) -> Any:
        name = self._type(dtype)
        if 'U' not in name:
            return self._numbers((), dtype, data).item()
        try:
            text = self._bytes(data).decode('utf-32-be' if name[0] == '>' else 'utf-32-le')
        except UnicodeDecodeError:
            raise self._wrong('text with characters that do not exist') from None
        return text.rstrip('\0')

    def _array(self, note: _Note, depth: int) -> Any:
        if not isinstance(note.state, tuple) or len(note.state) != 5:
            raise self._wrong('an array without contents')
        _, shape, dtype, fortran_order, data = note.state
        if (not isinstance(shape, tuple) or len(shape) > MAX_DEPTH
                or not all(type(length) is int and length >= 0 for length in shape)
                or math.prod(shape) > MAX_VALUES):
            raise self._wrong(f'an array of the shape {str(shape)[:80]}')
        if self._type(dtype).startswith('O'):
            if (not isinstance(data, list) or len(data) != math.prod(shape)
                    or (fortran_order and len(shape) > 1)):
                raise self._wrong('an array of objects whose size is not that of its shape')
            return _nested([self.value(each, depth + 1) for each in data], shape)
        if self._type(dtype).lstrip('<>=').startswith('U'):
            raise self._wrong('an array of text that is no array of objects')
        return self._numbers(shape, dtype, data, bool(fortran_order))

    def _numbers(self, shape: tuple[int, ...], dtype: Any, data: Any,
                 fortran_order: bool = False) -> np.ndarray:
        kind, data = np.dtype(self._type(dtype)), self._bytes(data)
        if kind.hasobject or len(data) != kind.itemsize * math.prod(shape):
            raise self._wrong(f'{len(data)} bytes for {kind} {shape}')
        if kind.itemsize == 0:
            return np.zeros(shape, kind)
        return np.frombuffer(data, kind).reshape(shape, order='F' if fortran_order else 'C')

    def _type(self, note: Any) -> str:
        """Read the name of a type with its byte order, like ``<f8``."""
        if isinstance(note, _Note) and note.kind == DTYPE and note.arguments:
            name = note.arguments[0]
            state = note.state if isinstance(note.state, tuple) else ()
            order = state[1] if len(state) > 1 else '|'
            if (isinstance(name, str) and TYPE_NAME.fullmatch(name) and isinstance(order, str)
                    and order in ('<', '>', '|', '=')):
                return name if order == '|' or name.startswith('O') else f'{order}{name}'
        raise self._wrong('an array of an unknown type')

    def _bytes(self, data: Any) -> bytes:
        if isinstance(data, _Note) and data.kind == ENCODE and data.arguments:
            data = data.arguments[0]  # how bytes are kept in pickles for Python 2
        if isinstance(data, str):
            data = data.encode('latin1', 'replace')
        if not isinstance(data, bytes):
            raise self._wrong('an array without bytes')
        return data

    def _wrong(self, found: str) -> FormatError:
        return FormatError(f'{self._name}: expected objects of numbers, text and arrays, found '
                           f'{found}')


def _nested(values: list[Any], shape: Sequence[int]) -> Any:
    """Give a flat list the shape of an array, as lists in lists."""
    for length in reversed(shape[1:]):
        values = [values[start:start + length] for start in range(0, len(values), length or 1)]
    return values
