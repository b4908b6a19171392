"""Ground truth of a recording: which message belongs to which frame."""
from typing import Any

from ...core.image_message import stamp_ns
from ...core.stamp_guard import JUMP, StampGuard

MOST_MESSAGES = 64  # of each topic that are kept


class TruthTrack:
    """
    The messages of one topic, by their stamp.

    A recording may loop: frames and truth then count how often their own stamps went back, and
    only those of one run belong together.

    :param tolerance_ns: messages farther from a frame are not its truth.
    """

    def __init__(self, tolerance_ns: int) -> None:
        self._tolerance_ns = tolerance_ns
        self._guard = StampGuard()
        self._run = 0
        self._messages: dict[tuple[int, int], Any] = {}
        self._newest = (-1, 0)
        self.received = 0

    def add(self, message: Any) -> None:
        """Take a message."""
        self.received += 1
        stamp = stamp_ns(message)
        if self._guard.check(stamp) == JUMP:
            self._run += 1
        key = (self._run, stamp)
        self._messages[key] = message
        self._newest = max(self._newest, key)
        while len(self._messages) > MOST_MESSAGES:
            del self._messages[min(self._messages)]

    def is_settled(self, run: int, stamp: int) -> bool:
        """
        Whether no message that is still to come can be nearer to a frame.

        :param run: how often stamps went back before it.
        :param stamp: its stamp, nanoseconds.
        """
        return (run, stamp) in self._messages or self._newest >= (run, stamp)

    def nearest(self, run: int, stamp: int) -> Any:
        """Give the message that is nearest to a frame; None if that is too far."""
        times = [time for same, time in self._messages if same == run]
        best = min(times, key=lambda time: (abs(time - stamp), time), default=None)
        if best is None or abs(best - stamp) > self._tolerance_ns:
            return None
        return self._messages[run, best]

    def forget_before(self, run: int, stamp: int) -> None:
        """Drop what no frame from this one on can need."""
        limit = (run, stamp - self._tolerance_ns)
        for key in [key for key in self._messages if key < limit]:
            del self._messages[key]
