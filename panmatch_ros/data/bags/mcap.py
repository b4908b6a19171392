"""
MCAP files without their end: what is left of them, record by record.

A recorder that was killed leaves a file without index and footer, which readers refuse. All
messages that were written are still there. Format: https://mcap.dev/spec (version 0).
"""
from collections.abc import Collection, Iterator
import importlib
from io import BytesIO
from pathlib import Path
import struct
from typing import Any, BinaryIO

from ...core.errors import FormatError
from .records import Record
from .types import zstandard

MAGIC = b'\x89MCAP0\r\n'
SCHEMA, CHANNEL, MESSAGE, CHUNK, DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0f
RECORD_HEAD = struct.Struct('<BQ')
MESSAGE_HEAD = struct.Struct('<HIQQ')  # channel, sequence, log time, publish time
CHUNK_HEAD = struct.Struct('<QQQI')    # first and last log time, size, check sum
MOST_CHUNK_BYTES = 1 << 30             # beyond, a length is damage


class CutError(Exception):
    """The file ends within a record."""


class McapRemains:
    """
    The messages of an MCAP file that has lost its end.

    :param path: the file.
    :raises FormatError: if it is no MCAP file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._schemas: dict[int, str] = {0: ''}
        self._channels: dict[int, tuple[str, str]] = {}
        self.topics: dict[str, tuple[str, int]] = {}
        self.problem = ''
        with path.open('rb') as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise FormatError(f'{path}: no MCAP file, its first bytes are not those of one')
        for record in self.records(None):
            count = self.topics.get(record.topic, ('', 0))[1]
            self.topics[record.topic] = (record.message_type, count + 1)
        for topic, message_type in self._channels.values():
            self.topics.setdefault(topic, (message_type, 0))

    def records(self, topics: Collection[str] | None) -> Iterator[Record]:
        """
        Read the messages, those of a chunk by their time.

        :param topics: names; None for all.
        """
        self.problem = ''
        with self._path.open('rb') as file:
            file.seek(len(MAGIC))
            try:
                yield from self._records_of_file(file, topics)
            except CutError as error:
                self.problem = (f'{self._path.name} ends at byte {self._path.stat().st_size} '
                                f'without its index, {error}')

    def _records_of_file(self, file: BinaryIO,
                         topics: Collection[str] | None) -> Iterator[Record]:
        while True:
            operation, length = _head(file)
            if operation == DATA_END:
                return
            if operation == CHUNK:
                yield from self._chunk(file, length, topics)
                continue
            body = _body(file, length)
            record = self._take(operation, body, topics)
            if record is not None:
                yield record

    def _chunk(self, file: BinaryIO, length: int,
               topics: Collection[str] | None) -> Iterator[Record]:
        """Read a chunk, or what is there of it."""
        if not CHUNK_HEAD.size <= length <= MOST_CHUNK_BYTES:
            raise CutError(f'in a chunk that claims {length} bytes')
        body = file.read(length)
        data = _decompress(body)
        # A chunk that is there may still be damaged: then it gives less than it says.
        is_whole = len(body) == length and len(data) == CHUNK_HEAD.unpack_from(body)[2]
        inner, found = BytesIO(data), []
        while inner.tell() < len(data):
            try:
                operation, size = _head(inner)
                record = self._take(operation, _body(inner, size), topics)
            except CutError:
                is_whole = False
                break
            if record is not None:
                found.append(record)
        yield from sorted(found, key=lambda record: record.log_ns)
        if not is_whole:
            raise CutError('within a chunk')

    def _take(self, operation: int, body: bytes,
              topics: Collection[str] | None) -> Record | None:
        """Note schemas and channels; give a message of the topics."""
        try:
            if operation == SCHEMA:
                self._schemas[struct.unpack_from('<H', body)[0]] = _text(body, 2)[0]
            elif operation == CHANNEL:
                key, schema = struct.unpack_from('<HH', body)
                self._channels[key] = (_text(body, 4)[0], self._schemas.get(schema, ''))
            elif operation == MESSAGE:
                channel, _, log_ns, _ = MESSAGE_HEAD.unpack_from(body)
                topic, message_type = self._channels.get(channel, ('', ''))
                if topic and (topics is None or topic in topics):
                    return Record(topic, message_type, log_ns, body[MESSAGE_HEAD.size:])
        except (struct.error, UnicodeDecodeError) as error:
            raise CutError(f'in a damaged record ({error})') from None
        return None


def _head(file: BinaryIO) -> tuple[int, int]:
    head = file.read(RECORD_HEAD.size)
    if len(head) < RECORD_HEAD.size:
        raise CutError('between two records' if not head else 'within a record')
    operation, length = RECORD_HEAD.unpack(head)
    return operation, length


def _body(file: BinaryIO, length: int) -> bytes:
    if length > MOST_CHUNK_BYTES:
        raise CutError(f'in a record that claims {length} bytes')
    body = file.read(length)
    if len(body) < length:
        raise CutError('within a record')
    return body


def _text(body: bytes, offset: int) -> tuple[str, int]:
    """Read a text with its length before it; give it and the offset behind it."""
    length = struct.unpack_from('<I', body, offset)[0]
    end = offset + 4 + length
    return body[offset + 4:end].decode(), end


def _decompress(body: bytes) -> bytes:
    """Give the records of a chunk, or those before the place where it is cut."""
    try:
        compression, offset = _text(body, CHUNK_HEAD.size)
    except (struct.error, UnicodeDecodeError):
        raise CutError('in a damaged chunk') from None
    data = body[offset + 8:]
    if compression == '':
        return data
    if compression == 'zstd':
        return _whole_blocks(zstandard().ZstdDecompressor(), data)
    if compression == 'lz4':
        return _whole_blocks(importlib.import_module('lz4.frame').LZ4FrameDecompressor(), data)
    raise CutError(f'in a chunk with the unknown compression {compression!r}')


def _whole_blocks(decompressor: Any, data: bytes, step: int = 1 << 16) -> bytes:
    """Decompress piece by piece, so that damage costs only what is behind it."""
    parts = []
    for start in range(0, len(data), step):
        try:
            parts.append(decompressor.decompress(data[start:start + step]))
        except Exception:  # each library has its own; the chunk is then shorter than it says
            break
    return b''.join(parts)
