"""Frames that wait for something that arrives a little later."""
from collections.abc import Callable
from dataclasses import dataclass, field
import time
from typing import Any

from ..core.errors import PanMatchError


@dataclass
class _Waiting:
    frame: Any
    reason: PanMatchError
    since_s: float = field(default_factory=time.monotonic)


class PendingFrames:
    """
    Hold frames until they can be completed; nothing here waits.

    If there are too many, a new one takes the place of the newest that waits: those in front are
    the next to be completed, and were they dropped, a partner that is always late would let none
    through.

    :param complete: makes a frame complete; raises a PanMatchError while that cannot be done.
    :param emit: called with each that is complete.
    :param give_up: called with a frame that waited too long, and why.
    :param capacity: frames that may wait.
    """

    def __init__(self, complete: Callable[[Any], Any], emit: Callable[[Any], None],
                 give_up: Callable[[Any, PanMatchError], None], capacity: int) -> None:
        self._complete, self._emit, self._give_up = complete, emit, give_up
        self._capacity = capacity
        self._waiting: list[_Waiting] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, frame: Any) -> bool:
        """
        Take a frame, and emit it at once if it can be completed.

        :returns: whether another frame was dropped for it.
        """
        try:
            completed = self._complete(frame)
        except PanMatchError as reason:
            is_full = len(self._waiting) >= self._capacity
            if is_full:
                self._waiting.pop()
            self._waiting.append(_Waiting(frame, reason))
            return is_full
        self._emit(completed)
        return False

    def retry(self) -> None:
        """Emit what can be completed now, the oldest first."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            try:
                completed = self._complete(each.frame)
            except PanMatchError as reason:
                each.reason = reason
                self._waiting.append(each)
            else:
                self._emit(completed)

    def expire(self, timeout_s: float) -> None:
        """Give up frames that have waited for longer than this, seconds."""
        oldest_s = time.monotonic() - timeout_s
        expired = [each for each in self._waiting if each.since_s < oldest_s]
        self._waiting = [each for each in self._waiting if each.since_s >= oldest_s]
        for each in expired:
            self._give_up(each.frame, each.reason)

    def clear(self) -> int:
        """
        Forget all frames.

        :returns: how many there were.
        """
        count = len(self._waiting)
        self._waiting = []
        return count
