"""The engines in a folder: what they are, whether they are whole, and how to remove them."""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
import logging
import os
from pathlib import Path
import re
import stat

from ..core.errors import ConfigError, FormatError
from .engine_file import EngineHeader, check_engine, read_header
from .engine_key import SUFFIX, EngineKey
from .file_lock import remove_unlocked
from .private_files import leftovers, open_private, remove_leftover

LOCK_SUFFIX = '.lock'
_ENGINE = re.compile(rf'[0-9a-f]{{64}}{re.escape(SUFFIX)}')
_LOCK = re.compile(_ENGINE.pattern + re.escape(LOCK_SUFFIX))

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineEntry:
    """
    An engine in a folder.

    :param path: of its file.
    :param file_bytes: length of the file.
    :param used_s: when it was last loaded or stored, Unix time in seconds.
    :param created_s: when it was stored, Unix time in seconds; 0 if that cannot be read.
    :param key: what it was built for; None if that cannot be read.
    :param notes: what its builder says of it.
    :param problem: why it cannot be used; empty if nothing is wrong.
    """

    path: Path
    file_bytes: int
    used_s: float
    created_s: int = 0
    key: EngineKey | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    problem: str = ''


@dataclass(frozen=True)
class Removal:
    """
    A file that was removed, or would be.

    :param path: of the file.
    :param file_bytes: its length.
    :param reason: why.
    """

    path: Path
    file_bytes: int
    reason: str


def default_folder() -> Path:
    """
    Where engines are kept if no folder is given, by the rules of XDG.

    :raises ConfigError: if this user has no home folder.
    """
    base = os.environ.get('XDG_CACHE_HOME', '')
    if os.path.isabs(base):
        return Path(base) / 'panmatch_ros' / 'engines'
    try:
        return Path.home() / '.cache' / 'panmatch_ros' / 'engines'
    except RuntimeError as error:
        raise ConfigError('there is no home folder to keep engines in: set XDG_CACHE_HOME, or '
                          'give a folder') from error


def folder_problem(folder: Path) -> str:
    """
    Say why a folder takes no engines.

    :param folder: one that does not exist is made when it is needed.
    :returns: empty if nothing is wrong.
    """
    existing = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    if not existing.is_dir():
        return f'{existing} is not a folder'
    return '' if os.access(existing, os.R_OK | os.W_OK | os.X_OK) \
        else f'{existing} cannot be written'


def others_may_write(folder: Path) -> bool:
    """Whether other users may put files into a folder, or it is theirs."""
    try:
        status = os.stat(folder)
    except OSError:
        return False
    is_theirs = hasattr(os, 'geteuid') and status.st_uid != os.geteuid()
    return is_theirs or bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def list_engines(folder: Path, whole: bool = False) -> list[EngineEntry]:
    """
    Look at all engines of a folder.

    :param folder: one that does not exist has none.
    :param whole: also read the engines and compare their check sums, else their headers only.
    :returns: last used first.
    :raises OSError: if the folder cannot be read.
    """
    looked = (_look_at(path, status, whole) for path, status in engine_files(folder))
    entries = [entry for entry in looked if entry is not None]
    return sorted(entries, key=lambda entry: (-entry.used_s, entry.path.name))


def engine_files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """
    Files that have the name of an engine, whatever they are.

    :raises OSError: if the folder cannot be read; one that does not exist has none.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if _ENGINE.fullmatch(path.name))
    except FileNotFoundError:
        return
    for path in paths:
        try:
            yield path, os.lstat(path)
        except FileNotFoundError:  # another process removed it
            continue


def make_room(folder: Path, max_bytes: int, kept: Path) -> list[Path]:
    """
    Remove engines, those that were not used for longest first, until the rest is small enough.

    :param max_bytes: that all engines may have together.
    :param kept: the engine that is never removed.
    :returns: what was removed.
    """
    removed = []
    try:
        files = [(status.st_mtime_ns, path, status.st_size)
                 for path, status in engine_files(folder) if stat.S_ISREG(status.st_mode)]
        total = sum(length for _, _, length in files)
        for _, path, length in sorted(files):
            if total <= max_bytes:
                break
            if path != kept:
                path.unlink(missing_ok=True)
                total -= length
                removed.append(path)
    except OSError as error:
        log.warning('%s holds more than %d bytes of engines, and old ones cannot be removed: %s',
                    folder, max_bytes, error)
    return removed


def clean_folder(folder: Path, everything: bool, dry_run: bool) -> list[Removal]:
    """
    Remove what no process can use: temporary files, locks, and engines that are not whole.

    Other files are left alone, as is what another process is writing.

    :param everything: all engines, too.
    :param dry_run: only say what would be removed.
    :returns: what was removed.
    :raises OSError: if the folder cannot be read.
    """
    if not folder.exists():
        return []
    removals = []
    for path in leftovers(folder):
        length = _length(path)
        if remove_leftover(path, dry_run):
            removals.append(Removal(path, length, 'temporary file of a process that has ended'))
    for path in sorted(path for path in folder.iterdir() if _LOCK.fullmatch(path.name)):
        if remove_unlocked(path, dry_run):
            removals.append(Removal(path, 0, 'lock of a process that has ended'))
    for entry in list_engines(folder, whole=not everything):
        if (everything or entry.problem) and _remove(entry.path, dry_run):
            removals.append(Removal(entry.path, entry.file_bytes, entry.problem or 'engine'))
    return removals


def remove_engine(path: Path) -> bool:
    """
    Remove a file, and say so if it cannot be.

    :returns: whether it is gone.
    """
    return _remove(path, dry_run=False)


def read_status(path: Path, whole: bool) -> EngineHeader:
    """
    Read the header of a file, after all checks.

    :param whole: check the engine, too.
    :raises FormatError: if it is not private, or damaged.
    :raises OSError: if it cannot be read.
    """
    with open_private(path) as file:
        header = read_header(file, os.fstat(file.fileno()).st_size)
        if whole:
            check_engine(file, header)
        if header.key.file_name != path.name:
            raise FormatError('its name is that of another engine')
    return header


def _look_at(path: Path, status: os.stat_result, whole: bool) -> EngineEntry | None:
    length, used_s = status.st_size, status.st_mtime
    try:
        header = read_status(path, whole)
    except FormatError as error:
        return EngineEntry(path, length, used_s, problem=str(error))
    except FileNotFoundError:  # another process removed it
        return None
    except OSError as error:
        return EngineEntry(path, length, used_s, problem=error.strerror or str(error))
    return EngineEntry(path, length, used_s, header.created_s, header.key, header.notes)


def _remove(path: Path, dry_run: bool) -> bool:
    try:
        if not dry_run:
            path.unlink(missing_ok=True)
    except OSError as error:
        log.warning('%s cannot be removed: %s', path, error.strerror)
        return False
    return True


def _length(path: Path) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
