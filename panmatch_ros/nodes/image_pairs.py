"""Two image topics whose images are paired by their stamps."""
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sensor_msgs.msg import Image

from ..core.image_message import stamp_ns
from ..core.stamp_guard import JUMP, LATE
from ..core.stamp_pairing import DEFAULT_TOLERANCE_NS
from .inputs import InputTopic
from .sync import PairSynchronizer

if TYPE_CHECKING:
    from .base_node import MatcherNode


class ImagePairs:
    """
    Subscribes to two topics and calls back with pairs.

    :param node: has the parameters ``SYNC``; its log and statistics are used.
    :param names: of the topics, relative.
    :param words: how texts call the two images.
    :param on_pair: called with the two messages.
    :param on_jump: called when stamps went back: what waits is to be forgotten.
    """

    def __init__(self, node: 'MatcherNode', names: tuple[str, str], words: tuple[str, str],
                 on_pair: Callable[[Any, Any], None], on_jump: Callable[[], None]) -> None:
        settings = node.settings
        self._node, self._words = node, words
        self._on_pair, self._on_jump = on_pair, on_jump
        self._tolerance_ns = 0
        if settings.approximate_sync:
            self._tolerance_ns = (int(settings.approximate_sync_tolerance_seconds * 1e9)
                                  or DEFAULT_TOLERANCE_NS)
        self.synchronizer = PairSynchronizer(self._pair, settings.queue_size, self._tolerance_ns)
        self._last_pair_at = (0, 0)  # images received of each topic when the last pair came
        self.topics = tuple(InputTopic(name, Image, partial(self._on_image, index))
                            for index, name in enumerate(names))

    @property
    def failures(self) -> int:
        """Images that never found their partner."""
        return self.synchronizer.failures

    def forget(self) -> None:
        """Forget what waits; it does not count as a failure."""
        self.synchronizer.reset(count=False)

    def problem(self) -> str:
        """Say that both topics arrive and do not pair; empty if they do."""
        first, second = self.topics
        alone = (first.received - self._last_pair_at[0], second.received - self._last_pair_at[1])
        newest = first.guard.newest_ns, second.guard.newest_ns
        if min(alone) <= self._node.settings.queue_size or newest[0] is None or newest[1] is None:
            return ''
        offset_ms = (newest[1] - newest[0]) / 1e6
        rule = (f'approximate_sync pairs up to {self._tolerance_ns / 1e6:g} ms and half a frame'
                if self._tolerance_ns else
                'stamps must be equal; set approximate_sync if the cameras are not triggered')
        return (f'{first.resolved} and {second.resolved} arrive, but their stamps do not pair: '
                f'the newest {self._words[1]} one is {offset_ms:+.1f} ms from the newest '
                f'{self._words[0]} one ({rule})')

    def _on_image(self, index: int, message: Any) -> None:
        verdict = self._node.check_stamp(self.topics[index], message)
        if verdict == JUMP:
            self._start_anew(index)
        if verdict != LATE:
            self.synchronizer.add(index, stamp_ns(message), message)

    def _start_anew(self, index: int) -> None:
        """Forget what waits: the stamps of one topic went back."""
        self.synchronizer.reset()
        self._on_jump()
        mine, other = self.topics[index].guard, self.topics[1 - index].guard
        if other.newest_ns is not None and mine.newest_ns is not None \
                and other.newest_ns > mine.newest_ns:
            other.newest_ns = None  # it follows with its next image
        if self._node.worker.clear():
            self._node.statistics.count('dropped')

    def _pair(self, first: Any, second: Any) -> None:
        self._node.statistics.count('received')
        self._last_pair_at = (self.topics[0].received, self.topics[1].received)
        self._on_pair(first, second)
