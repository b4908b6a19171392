"""Files that only their owner can have written, and that are whole or not there."""
from collections.abc import Iterable
from contextlib import suppress
import errno
import logging
import os
from pathlib import Path
import re
import secrets
import stat
import time
from typing import BinaryIO

from ..core.errors import FormatError
from .file_lock import is_same_file, lock_now, remove_unlocked

_TEMPORARY = re.compile(r'\..+\.[0-9]+-[0-9a-f]{8}\.tmp')
_OLD_S = 24 * 3600
_OPTIONS = getattr(os, 'O_NOFOLLOW', 0) | getattr(os, 'O_CLOEXEC', 0) | getattr(os, 'O_BINARY', 0)
_ATTEMPTS = 5

log = logging.getLogger(__name__)


class NotPrivateError(FormatError):
    """A file may have been written by somebody else."""


def open_private(path: Path) -> BinaryIO:
    """
    Open a file that nobody else can have written.

    :returns: the file, for reading.
    :raises NotPrivateError: for a link, a folder or a device, and for the file of another user or
        one that others may write.
    :raises OSError: if it is absent or cannot be read.
    """
    try:
        # Without O_NONBLOCK the opening of a named pipe waits for ever.
        descriptor = os.open(path, os.O_RDONLY | _OPTIONS | getattr(os, 'O_NONBLOCK', 0))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotPrivateError('it is a link') from None
        raise
    try:
        _check_private(os.fstat(descriptor))
        return os.fdopen(descriptor, 'rb')
    except BaseException:
        os.close(descriptor)
        raise


def write_private(path: Path, parts: Iterable[bytes]) -> None:
    """
    Write a file of the owner only, all of it or nothing.

    A process that is killed leaves what was there before, and a temporary file beside it, which
    :func:`leftovers` finds.

    :param path: in a folder that exists.
    :param parts: of the content, in their order.
    :raises OSError: if it cannot be written; the temporary file is gone then.
    """
    temporary, descriptor = _create(path)
    try:
        for part in parts:
            _write(descriptor, part)
        os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    finally:
        os.close(descriptor)
    _sync_folder(path.parent)


def leftovers(folder: Path) -> list[Path]:
    """
    Temporary files that a process may have left.

    :raises OSError: if the folder cannot be read.
    """
    return sorted(path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name))


def remove_leftover(path: Path, dry_run: bool = False) -> bool:
    """
    Remove a temporary file whose process has ended.

    The process holds a lock on the file, which tells more than its number: other containers
    number their processes anew.

    :param dry_run: only say whether it would be removed.
    :returns: whether it was.
    """
    return remove_unlocked(path, dry_run) or _remove_old(path, dry_run)


def _remove_old(path: Path, dry_run: bool) -> bool:
    # Where there are no locks.
    with suppress(OSError):
        if time.time() - os.lstat(path).st_mtime > _OLD_S:
            if not dry_run:
                os.unlink(path)
            return True
    return False


def _check_private(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotPrivateError('it is not a regular file')
    if not hasattr(os, 'geteuid'):
        return
    if status.st_uid != os.geteuid():
        raise NotPrivateError(f'it belongs to the user {status.st_uid}, and this is '
                              f'{os.geteuid()}')
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotPrivateError(f'others may write it (mode {stat.S_IMODE(status.st_mode):04o})')


def _create(path: Path) -> tuple[Path, int]:
    for _ in range(_ATTEMPTS):
        name = f'.{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp'
        temporary = path.with_name(name)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _OPTIONS, 0o600)
        try:
            if not _lock(descriptor) or not is_same_file(temporary, descriptor):
                os.close(descriptor)  # taken for one that was left
                with suppress(OSError):
                    os.unlink(temporary)
                continue
            _check_private(os.fstat(descriptor))
            return temporary, descriptor
        except NotPrivateError as error:
            os.close(descriptor)
            os.unlink(temporary)
            raise OSError(errno.EPERM, f'files on this file system are not private: {error}',
                          str(path.parent)) from error
    raise OSError(errno.EBUSY, 'another process removes temporary files again and again',
                  str(path.parent))


def _lock(descriptor: int) -> bool:
    try:
        return lock_now(descriptor)
    except (ImportError, OSError):  # no locks here: then its age tells
        return True


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view):]


def _sync_folder(folder: Path) -> None:
    # Makes the new name last through a loss of power. Some file systems cannot.
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        log.debug('%s cannot be synchronised: %s', folder, error)
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        log.debug('%s cannot be synchronised: %s', folder, error)
    finally:
        os.close(descriptor)
