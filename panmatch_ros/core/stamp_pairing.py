"""
Pairing of left and right images by their stamps.

Around the matching of equal or near stamps stand the parts that live robots need: a bag that
loops does not stall it, a lost image does not shift it by a frame, every image without a partner
is counted, and no exception leaves.

Rules: exact pairs have equal stamps; approximate pairs differ by less than the tolerance, and
a new image takes the waiting partner that is nearest. Of each topic the ``queue_size`` newest
stamps wait.
"""
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

DEFAULT_TOLERANCE_NS = 50_000_000  # for approximate_sync_tolerance_seconds = 0.0
PERIODS = 10                       # of each topic, from which its frame period is taken
PairCallback = Callable[[Any, Any], None]


class Pairing(Protocol):
    """Matches messages of two topics; calls back with each pair."""

    def add(self, index: int, stamp_ns: int, message: Any) -> None:
        """Take a message of topic 0 or 1."""

    def limit(self, tolerance_ns: int) -> None:
        """Change the tolerance of approximate pairing."""

    def forget(self, index: int, until_ns: int) -> None:
        """Forget the messages of a topic that are older than a stamp."""


class OwnPairing:
    """The rules above in plain Python."""

    def __init__(self, callback: PairCallback, queue_size: int, tolerance_ns: int) -> None:
        self._callback = callback
        self._queue_size = queue_size
        self._tolerance_ns = tolerance_ns
        self._queues: tuple[dict[int, Any], dict[int, Any]] = ({}, {})

    def add(self, index: int, stamp_ns: int, message: Any) -> None:
        mine, other = self._queues[index], self._queues[1 - index]
        mine[stamp_ns] = message
        while len(mine) > self._queue_size:
            del mine[min(mine)]
        if stamp_ns not in mine or not other:
            return
        partner = min(other, key=lambda stamp: abs(stamp - stamp_ns))
        difference = abs(partner - stamp_ns)
        if difference and difference >= self._tolerance_ns:
            return
        pair = (mine.pop(stamp_ns), other.pop(partner))
        self._callback(*(pair if index == 0 else pair[::-1]))

    def limit(self, tolerance_ns: int) -> None:
        self._tolerance_ns = tolerance_ns

    def forget(self, index: int, until_ns: int) -> None:
        drop_older(self._queues[index], until_ns)


def drop_older(queue: dict[int, Any], until_ns: int) -> None:
    """Drop the messages of a queue whose stamp is before a time."""
    for stamp in [stamp for stamp in queue if stamp < until_ns]:
        del queue[stamp]


class PairSynchronizer:
    """
    Pairs images, counts those that stay alone, and can start anew.

    The tolerance never exceeds half of the frame period that is seen: beyond, the next image
    would be the better partner, and one lost image would shift all later pairs by a frame.

    :param callback: called with (left, right) messages, left first.
    :param queue_size: messages of each topic that wait for a partner.
    :param tolerance_ns: 0 for equal stamps, else the largest difference.
    :param pairing: class that matches.
    """

    def __init__(self, callback: PairCallback, queue_size: int = 5, tolerance_ns: int = 0,
                 pairing: Callable[[PairCallback, int, int], Pairing] = OwnPairing) -> None:
        self._make = lambda: pairing(self._on_pair, queue_size, tolerance_ns)
        self._callback = callback
        self._queue_size = queue_size
        self._tolerance_ns = tolerance_ns
        self._ready: list[tuple[Any, Any]] = []
        self._waiting: list[list[int]] = [[], []]  # stamps of each topic, as they came
        self.failures = 0  # images that never found a partner
        self.reset()

    def reset(self, count: bool = True) -> None:
        """
        Forget everything that waits, for example after time jumped back.

        :param count: whether what waits counts as a failure.
        """
        if count:
            self.failures += len(self._waiting[0]) + len(self._waiting[1])
        self._waiting = [[], []]
        self._newest: list[int | None] = [None, None]
        self._periods: deque[int] = deque(maxlen=2 * PERIODS)
        self._pairing = self._make()

    def add(self, index: int, stamp_ns: int, message: Any) -> None:
        """
        Take a message; call back if it completes a pair.

        :param index: 0 for left, 1 for right.
        :param stamp_ns: its header stamp.
        """
        self._note_period(index, stamp_ns)
        if stamp_ns in self._waiting[index]:
            self.failures += 1  # a repeated stamp replaces the message
        else:
            self._waiting[index].append(stamp_ns)
        self._pairing.add(index, stamp_ns, message)
        if len(self._waiting[index]) > self._queue_size:
            self._waiting[index].remove(min(self._waiting[index]))
            self.failures += 1
        # message_filters holds its lock while it calls back and would never free it after an
        # exception, so the callback of the user runs here.
        ready, self._ready = self._ready, []
        for left, right in ready:
            self._callback(left, right)

    def _note_period(self, index: int, stamp_ns: int) -> None:
        newest, self._newest[index] = self._newest[index], stamp_ns
        if not self._tolerance_ns or newest is None or stamp_ns <= newest:
            return
        self._periods.append(stamp_ns - newest)
        self._pairing.limit(min(self._tolerance_ns, min(self._periods) // 2))

    def _on_pair(self, left: Any, right: Any) -> None:
        for index, message in enumerate((left, right)):
            stamp = message.header.stamp
            stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
            waiting = self._waiting[index]
            self.failures += sum(old < stamp_ns for old in waiting)
            self._waiting[index] = [old for old in waiting if old > stamp_ns]
            self._pairing.forget(index, stamp_ns)  # they would only make pairs that go back
        self._ready.append((left, right))
