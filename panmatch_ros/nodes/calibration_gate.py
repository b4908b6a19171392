"""Join image pairs with the camera_info that belongs to them."""
from collections.abc import Callable
import time
from typing import Any

from ..core.image_message import stamp_ns

PATIENCE_S = 0.5  # how long a pair waits before the missing camera_info is an error
MEMORY = 16       # camera_info of each side that are kept, for images that take their time


class CalibrationGate:
    """
    Hold a pair until its camera_info is there.

    Drivers stamp camera_info like the image (then the one with that stamp is used, and awaited,
    so that a changed calibration meets the right image), or send it rarely (then the latest
    serves). Which of the two is seen from the stream itself.

    :param emit: called with (pair, (left camera_info, right camera_info)).
    :param give_up: called with (pair, indices of the missing camera_info); an empty tuple
        means that they were only late.
    :param take_back: called before a pair is emitted that was given up.
    """

    def __init__(self, emit: Callable[[Any, tuple[Any, Any]], None],
                 give_up: Callable[[Any, tuple[int, ...]], None],
                 take_back: Callable[[], None]) -> None:
        self._emit = emit
        self._give_up = give_up
        self._take_back = take_back
        self._infos: tuple[dict[int, Any], dict[int, Any]] = ({}, {})  # by stamp, newest last
        self._held: Any = None
        self._held_since = 0.0
        self._reported = False
        self._in_step = False
        self._emitted: list[int] = []  # stamps of the images of the last pair

    def __len__(self) -> int:
        """Pairs that wait: one, or none; not one that was given up."""
        return int(self._held is not None and not self._reported)

    def reset(self) -> int:
        """
        Forget the pair that waits; keep the latest calibrations.

        :returns: how many there were.
        """
        count = len(self)
        self._held, self._in_step, self._emitted = None, False, []
        for infos in self._infos:
            for stamp in list(infos)[:-1]:
                del infos[stamp]
        return count

    def add_info(self, index: int, info: Any) -> None:
        """Take the camera_info of side 0 or 1."""
        infos = self._infos[index]
        infos.pop(stamp_ns(info), None)
        infos[stamp_ns(info)] = info
        if len(infos) > MEMORY:
            del infos[next(iter(infos))]
        self._try()
        if self._held is None and self._emitted:
            # All came before the next pair: it was not awaited, and the next ones can be.
            self._in_step |= all(stamp in infos for infos, stamp in zip(
                self._infos, self._emitted, strict=True))

    def add_pair(self, pair: tuple[Any, Any]) -> None:
        """Take an image pair; a pair that still waits is given up."""
        if self._held is not None:
            self._in_step = False
            if not self._reported:
                self._give_up(self._held, self._missing())
        self._held, self._held_since, self._reported = pair, time.monotonic(), False
        self._try()

    def check(self) -> None:
        """Report a pair that waits too long; it is still used if its camera_info comes."""
        if (self._held is not None and not self._reported
                and time.monotonic() - self._held_since > PATIENCE_S):
            self._in_step = False
            if self._missing():
                self._reported = True
                self._give_up(self._held, self._missing())
            self._try()

    def _missing(self) -> tuple[int, ...]:
        return tuple(index for index, infos in enumerate(self._infos) if not infos)

    def _try(self) -> None:
        if self._held is None or self._missing():
            return
        stamps = [stamp_ns(image) for image in self._held]
        same = [infos.get(stamp) for infos, stamp in zip(self._infos, stamps, strict=True)]
        matches = None not in same
        if not matches and self._in_step and self._may_come(stamps):
            return
        self._in_step = matches
        latest = [next(reversed(infos.values())) for infos in self._infos]
        left, right = (found if found is not None else last
                       for found, last in zip(same, latest, strict=True))
        pair, self._held, self._emitted = self._held, None, stamps
        if self._reported:
            self._take_back()
        self._emit(pair, (left, right))

    def _may_come(self, stamps: list[int]) -> bool:
        """Whether the camera_info of these stamps can still arrive: none newer has come."""
        return all(stamp in infos or stamp > next(reversed(infos))
                   for infos, stamp in zip(self._infos, stamps, strict=True))
