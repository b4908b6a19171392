"""
Engines that were built once and are kept in files: found again by their key, or built.

The cache knows nothing of any engine library: an engine is bytes. Nothing that goes wrong with
its files stops the caller: a file that cannot be used is a warning and a new engine, an engine
that cannot be stored is a warning and a new engine at the next start.
"""
from collections.abc import Callable, Mapping
from dataclasses import dataclass
import logging
import math
import os
from pathlib import Path
import time
from typing import Protocol

from ..core.errors import ConfigError, EngineError, FormatError
from .engine_file import check_notes, encode_header, read_engine, read_header
from .engine_folder import (
    LOCK_SUFFIX,
    EngineEntry,
    Removal,
    clean_folder,
    default_folder,
    list_engines,
    make_room,
    remove_engine,
)
from .engine_key import EngineKey
from .file_lock import hold_lock
from .private_files import NotPrivateError, leftovers, open_private, remove_leftover, write_private

MAX_BYTES = 5_000_000_000
LOCK_TIMEOUT_S = 1800.0  # building takes minutes on an embedded computer

log = logging.getLogger(__name__)


class Verdict(Protocol):
    """What is said of an engine; :class:`~.parity_gate.ParityVerdict` is one."""

    @property
    def accepted(self) -> bool:
        """Whether the engine may be used."""

    @property
    def text(self) -> str:
        """Why, in one line."""


@dataclass(frozen=True)
class Engine:
    """
    An engine that was found or built.

    :param data: the engine.
    :param built: it was built now, and not found.
    :param kept: it is in the cache.
    :param verdict: what ``accept`` said of it; None if nobody was asked.
    """

    data: bytes
    built: bool
    kept: bool
    verdict: Verdict | None = None


@dataclass(frozen=True)
class _Failed:
    text: str
    accepted: bool = False


class EngineCache:
    """
    Engines in a folder, that several processes share.

    :param folder: where they are; made when it is needed. ``panmatch_ros/engines`` in the
        user's cache folder if not given.
    :param max_bytes: that all engines may have together; those not used for longest are removed.
    :param lock_timeout_s: how long to wait for a process that builds the same engine, seconds.
    :raises ConfigError: if a limit is not positive, or there is no folder for caches.
    """

    def __init__(self, folder: str | Path | None = None, max_bytes: int = MAX_BYTES,
                 lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:
        if max_bytes <= 0:
            raise ConfigError(f'max_bytes must be positive, got {max_bytes}')
        if not 0 <= lock_timeout_s < math.inf:
            raise ConfigError('lock_timeout_s must be a number of seconds that is not negative, '
                              f'got {lock_timeout_s}')
        # Absolute, so that it stays the same when the process changes its folder.
        self.folder = _expand(folder or default_folder())
        self.max_bytes = max_bytes
        self.lock_timeout_s = lock_timeout_s
        self._warned: set[str] = set()

    def path(self, key: EngineKey) -> Path:
        """Give the file in which an engine is, or would be."""
        return self.folder / key.file_name

    def load(self, key: EngineKey) -> bytes | None:
        """
        Find an engine.

        :returns: the engine; None if there is none, or its file cannot be used: this is said
            once, and a damaged file is removed.
        """
        path = self.path(key)
        try:
            return self._read(path, key)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except NotPrivateError as error:
            self._warn(path.name, f'{path} is not used: {error}. An engine can run any code; '
                                  'remove the file if you did not put it there')
        except FormatError as error:
            self._warn(path.name, f'{path} is not used and removed: {error}')
            remove_engine(path)
        except (OSError, MemoryError) as error:
            # A folder that must not be read takes no engine either: one warning for both.
            subject = 'store' if isinstance(error, PermissionError) else path.name
            self._warn(subject, f'{path} cannot be read: {_reason(error)}')
        return None

    def store(self, key: EngineKey, data: bytes, notes: Mapping[str, str] | None = None) -> bool:
        """
        Keep an engine in place of any that was there, and make room for it.

        :param data: the engine.
        :param notes: what people want to know about it; ``matcher`` is shown in lists.
        :returns: whether it is kept; if not, that is said once.
        :raises ConfigError: if the engine is empty, or the notes are not short lines of text.
        """
        if not data:
            raise ConfigError('an empty engine cannot be stored')
        path, header = self.path(key), encode_header(key, notes or {}, data)
        length = len(header) + len(data)
        if length > self.max_bytes:
            self._warn('too large', f'an engine of {length} bytes is not kept, it is built anew '
                                    f'at each start: the cache may have {self.max_bytes} bytes')
            return False
        try:
            self._make_folder()
            for left in leftovers(self.folder):
                remove_leftover(left)
            write_private(path, (header, data))
        except OSError as error:
            self._warn('store', f'{self.folder} takes no engine, it is built anew at the next '
                                f'start: {_reason(error)}')
            return False
        self._warned.discard(path.name)
        for removed in make_room(self.folder, self.max_bytes, kept=path):
            log.info('%s is removed: the cache may have %d bytes', removed, self.max_bytes)
        return True

    def get_or_build(self, key: EngineKey, build: Callable[[], bytes],
                     accept: Callable[[bytes], Verdict] | None = None,
                     notes: Mapping[str, str] | None = None) -> Engine:
        """
        Find an engine, or build it; of several processes only one builds, and the others wait.

        An engine that was found and is refused is removed and built anew, once. One that was
        built and is refused is not kept. ``accept`` and ``build`` may raise: ``accept`` of an
        engine that cannot be loaded is a refusal, unless memory is short, which is no fault of
        the engine; what ``build`` raises goes to the caller, and nothing is stored.

        :param build: makes the engine.
        :param accept: tries the engine, see :mod:`.parity_gate`.
        :param notes: see :meth:`store`.
        :raises EngineError: if the engine that was built is refused, or empty.
        :raises ConfigError: if the notes cannot be stored; before anything is built.
        """
        check_notes(notes or {})
        found, verdict = self._find(key, accept)
        if found is not None and (verdict is None or verdict.accepted):
            return Engine(found, built=False, kept=True, verdict=verdict)
        self._make_folder_if_possible()
        lock = self.folder / (key.file_name + LOCK_SUFFIX)
        with hold_lock(lock, self.lock_timeout_s, 'builds the same engine'):
            again = self.load(key)  # another process may have built it
            if again is not None and again != found:
                verdict = _judge(accept, again)
                if verdict is None or verdict.accepted:
                    return Engine(again, built=False, kept=True, verdict=verdict)
            if again is not None and verdict is not None:
                log.warning('%s is refused and built anew: %s', self.path(key), verdict.text)
                remove_engine(self.path(key))
            del found, again  # may be large
            data, verdict = _build(build, accept)
            return Engine(data, built=True, kept=self.store(key, data, notes), verdict=verdict)

    def entries(self) -> list[EngineEntry]:
        """
        List the engines, last used first; only their headers are read.

        :raises OSError: if the folder cannot be read. One that does not exist has no engines.
        """
        return list_engines(self.folder)

    def verify(self) -> list[EngineEntry]:
        """
        Read all engines; those that are damaged have a ``problem``.

        :raises OSError: if the folder cannot be read.
        """
        return list_engines(self.folder, whole=True)

    def clean(self, everything: bool = False, dry_run: bool = False) -> list[Removal]:
        """
        Remove engines that cannot be used, and what processes left that were killed.

        :param everything: all engines, too.
        :param dry_run: only say what would be removed.
        :raises OSError: if the folder cannot be read.
        """
        return clean_folder(self.folder, everything, dry_run)

    def _read(self, path: Path, key: EngineKey) -> bytes:
        with open_private(path) as file:
            header = read_header(file, os.fstat(file.fileno()).st_size)
            if header.key != key:
                raise FormatError('it was built for another key: '
                                  + header.key.differences(key))
            data = read_engine(file, header)
            _mark_used(path)
        return data

    def _find(self, key: EngineKey, accept: Callable[[bytes], Verdict] | None
              ) -> tuple[bytes | None, Verdict | None]:
        data = self.load(key)
        return data, None if data is None else _judge(accept, data)

    def _make_folder(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def _make_folder_if_possible(self) -> None:
        try:
            self._make_folder()
        except OSError as error:  # store says it
            log.debug('%s cannot be made: %s', self.folder, error)

    def _warn(self, subject: str, text: str) -> None:
        log.log(logging.DEBUG if subject in self._warned else logging.WARNING, '%s', text)
        self._warned.add(subject)


def _expand(folder: str | Path) -> Path:
    try:
        return Path(folder).expanduser().absolute()
    except RuntimeError as error:
        raise ConfigError(f'there is no home folder for {folder}; give a path without '
                          '~') from error


def _build(build: Callable[[], bytes], accept: Callable[[bytes], Verdict] | None
           ) -> tuple[bytes, Verdict | None]:
    data = build()
    if not isinstance(data, (bytes, bytearray, memoryview)) or not len(data):
        raise EngineError('building an engine must give bytes, at least one, got '
                          f'{type(data).__name__}; use another back-end')
    data = bytes(data)
    verdict = _judge(accept, data)
    if verdict is not None and not verdict.accepted:
        raise EngineError(f'the engine that was built is refused: {verdict.text}; use another '
                          'back-end or precision')
    return data, verdict


def _judge(accept: Callable[[bytes], Verdict] | None, data: bytes) -> Verdict | None:
    if accept is None:
        return None
    try:
        return accept(data)
    except Exception as error:  # engine libraries raise errors of any kind
        if isinstance(error, MemoryError) or 'OutOfMemory' in type(error).__name__:
            raise
        return _Failed(f'it cannot be tried: {type(error).__name__}: {error}')


def _mark_used(path: Path) -> None:
    now_ns = time.time_ns()
    try:
        os.utime(path, ns=(now_ns, now_ns), follow_symlinks=False)
    except (OSError, NotImplementedError) as error:  # a read-only folder; not on this system
        log.debug('the use of %s cannot be noted: %s', path, error)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f' ({error.filename})' if error.filename else '')
    return str(error) or type(error).__name__
