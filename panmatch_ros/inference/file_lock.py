"""
Locks between processes, which end with the process that holds them.

They are ``flock`` locks of the operating system: a process that is killed leaves a file, but no
lock. Where the system or the file system has none, nothing is locked.
"""
from collections.abc import Iterator
from contextlib import contextmanager, suppress
import logging
import os
from pathlib import Path
import time

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.01, 0.5
_OPTIONS = (getattr(os, 'O_NOFOLLOW', 0) | getattr(os, 'O_CLOEXEC', 0)
            | getattr(os, 'O_NONBLOCK', 0))

log = logging.getLogger(__name__)


@contextmanager
def hold_lock(path: Path, timeout_s: float, purpose: str) -> Iterator[bool]:
    """
    Hold a lock, or go on without it: a lock that cannot be had is said, and never an error.

    :param path: of the file that is locked; it is made, and removed at the end.
    :param timeout_s: how long to wait for another process, seconds.
    :param purpose: what the holder does, for messages: ``'builds this engine'``.
    :returns: context of the lock, which gives whether it is held.
    """
    try:
        descriptor = _acquire(path, timeout_s, purpose)
    except (OSError, ImportError) as error:  # the same folder refuses to store, which warns
        log.debug('%s cannot be locked (%s); going on without', path, error)
        descriptor = None
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            _release(path, descriptor)


def lock_now(descriptor: int) -> bool:
    """
    Lock an open file if no other process has.

    :returns: whether this process has the lock.
    :raises OSError: if this file system has no locks.
    :raises ImportError: if this operating system has none.
    """
    import fcntl
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_same_file(path: Path, descriptor: int) -> bool:
    """Whether a path still leads to an open file, and not to another one or none."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except OSError:
        return False


def remove_unlocked(path: Path, dry_run: bool = False) -> bool:
    """
    Remove a file that no process holds a lock on.

    :param dry_run: only say whether it would be.
    :returns: whether it was; False too if it cannot be.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | _OPTIONS)
    except OSError:
        return False
    try:
        if not lock_now(descriptor) or not is_same_file(path, descriptor):
            return False
        if not dry_run:
            os.unlink(path)  # while it is locked: who waits for it sees that it is gone
    except (OSError, ImportError):
        return False
    finally:
        os.close(descriptor)
    return True


def _acquire(path: Path, timeout_s: float, purpose: str) -> int | None:
    end_s = time.monotonic() + timeout_s
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _OPTIONS, 0o600)
        try:
            locked = _wait(descriptor, end_s, purpose)
            if locked and is_same_file(path, descriptor):
                _sign(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        holder = _holder(descriptor)
        os.close(descriptor)
        if not locked:
            log.warning('%s still %s after %g s (lock %s); going on without waiting for it',
                        holder, purpose, timeout_s, path)
            return None


def _wait(descriptor: int, end_s: float, purpose: str) -> bool:
    wait_s = _FIRST_WAIT_S
    while not lock_now(descriptor):
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            return False
        if wait_s == _FIRST_WAIT_S:
            log.info('%s %s; waiting for it', _holder(descriptor), purpose)
        time.sleep(min(wait_s, left_s))
        wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
    return True


def _release(path: Path, descriptor: int) -> None:
    import fcntl
    with suppress(OSError):
        if is_same_file(path, descriptor):
            os.unlink(path)
    with suppress(OSError):  # closing is not enough where a forked child has the file too
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _sign(descriptor: int) -> None:
    with suppress(OSError):  # for messages only
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        text = os.pread(descriptor, 20, 0).decode('ascii', 'replace')
    except OSError:
        text = ''
    return f'process {text}' if text.isdigit() else 'another process'
