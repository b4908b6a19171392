"""
The file of an inference engine: told from any other bytes before an engine library sees them.

A prefix of fixed length (``MAGIC``, version, length and SHA-256 of the header), a header in JSON
(key, notes, time, length and SHA-256 of the engine), then the engine. The check sums find
accidents, not attacks: who may write the file can make a valid one, so that the owner and mode of
the file are checked as well (:mod:`.private_files`).
"""
from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import json
import struct
import time
from typing import Any, BinaryIO

from ..core.errors import ConfigError, FormatError
from .engine_key import EngineKey, check_text

MAGIC = b'\x93PMENG\r\n'  # no text, and damaged by programs that convert ends of lines
VERSION = 1
LARGEST_HEADER = 256 << 10  # the longest key and notes that are possible have 220 kB
MOST_NOTES = 32
_PREFIX = struct.Struct('<8sII32s')
_BLOCK = 4 << 20
_FIELDS = {'key', 'notes', 'created_s', 'bytes', 'sha256'}


@dataclass(frozen=True)
class EngineHeader:
    """
    What a file says about its engine.

    :param key: what it was built for.
    :param notes: what the builder says of it, such as its matcher.
    :param created_s: when it was stored, Unix time in seconds.
    :param engine_bytes: length of the engine.
    :param engine_sha256: of the engine, hexadecimal.
    """

    key: EngineKey
    notes: Mapping[str, str]
    created_s: int
    engine_bytes: int
    engine_sha256: str


def check_notes(notes: Mapping[str, str]) -> dict[str, str]:
    """
    Refuse notes that a file cannot hold.

    :param notes: short names and lines of text.
    :raises ConfigError: if they are others, or too many.
    """
    if len(notes) > MOST_NOTES:
        raise ConfigError(f'an engine takes at most {MOST_NOTES} notes, got {len(notes)}')
    for name, text in notes.items():
        check_text('the name of a note', name)
        check_text(f'the note {name}', text)
    return dict(notes)


def encode_header(key: EngineKey, notes: Mapping[str, str], data: bytes) -> bytes:
    """
    Make what stands in front of an engine.

    :param notes: see :func:`check_notes`.
    :param data: the engine.
    :raises ConfigError: if the notes cannot be kept.
    """
    header = json.dumps({
        'key': key.to_dict(), 'notes': check_notes(notes), 'created_s': int(time.time()),
        'bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest()}).encode()
    return _PREFIX.pack(MAGIC, VERSION, len(header), hashlib.sha256(header).digest()) + header


def read_header(file: BinaryIO, file_bytes: int) -> EngineHeader:
    """
    Read the header, and leave the file at the first byte of the engine.

    :param file: at its start.
    :param file_bytes: length of the file.
    :raises FormatError: if it is no such file, or damaged, or cut off.
    :raises OSError: if it cannot be read.
    """
    start = file.read(_PREFIX.size)
    if len(start) < _PREFIX.size:
        raise FormatError(f'it is cut off after {len(start)} bytes' if start else 'it is empty')
    magic, version, length, digest = _PREFIX.unpack(start)
    if magic != MAGIC:
        raise FormatError('it is not an engine of panmatch_ros')
    if version != VERSION:
        raise FormatError(f'it has version {version} of the format, and {VERSION} is needed')
    if length > LARGEST_HEADER:
        raise FormatError(f'its header says to have {length} bytes, more than {LARGEST_HEADER}')
    text = file.read(length)
    if len(text) < length:
        raise FormatError(f'it is cut off in its header, after {file_bytes} bytes')
    if hashlib.sha256(text).digest() != digest:
        raise FormatError('the check sum of its header is wrong')
    header = _parse(text)
    whole = _PREFIX.size + length + header.engine_bytes
    if file_bytes != whole:
        raise FormatError(f'it has {file_bytes} bytes, and {whole} are needed')
    return header


def read_engine(file: BinaryIO, header: EngineHeader) -> bytes:
    """
    Read the engine.

    :param file: where :func:`read_header` left it.
    :raises FormatError: if it is damaged.
    :raises OSError: if it cannot be read.
    """
    data = file.read(header.engine_bytes)
    _check_sum(hashlib.sha256(data).hexdigest(), header)
    return data


def check_engine(file: BinaryIO, header: EngineHeader) -> None:
    """Check the engine as :func:`read_engine` does, without holding it in memory."""
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    _check_sum(digest.hexdigest(), header)


def _check_sum(found: str, header: EngineHeader) -> None:
    if found != header.engine_sha256:
        raise FormatError('the check sum of the engine is wrong')


def _parse(text: bytes) -> EngineHeader:
    try:
        values: Any = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or set(values) != _FIELDS:
        raise FormatError('its header is not that of an engine')
    created_s, length, digest = values['created_s'], values['bytes'], values['sha256']
    if type(created_s) is not int or type(length) is not int or length < 1 \
            or not isinstance(digest, str) or not isinstance(values['notes'], dict):
        raise FormatError('its header has values of a wrong kind')
    try:
        notes = check_notes(values['notes'])
    except ConfigError as error:
        raise FormatError(f'its header is wrong: {error}') from error
    return EngineHeader(EngineKey.from_dict(values['key']), notes, created_s, length, digest)
