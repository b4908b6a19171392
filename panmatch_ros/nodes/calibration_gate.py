"""Join image pairs with the camera_info that belongs to them."""
from collections.abc import Callable
import time
from typing import Any

from .conversions import stamp_ns

PATIENCE_S = 0.5  # how long a pair waits before the missing camera_info is an error


class CalibrationGate:
    """
    Hold a pair until its camera_info is there.

    Drivers stamp camera_info like the image (then the one with that stamp is awaited, so that
    a changed calibration meets the right image), or send it rarely (then the latest serves).
    Which of the two is seen from the stream itself.

    :param emit: called with (pair, (left camera_info, right camera_info)).
    :param give_up: called with (pair, indices of the missing camera_info); an empty tuple
        means that they were only late.
    """

    def __init__(self, emit: Callable[[Any, tuple[Any, Any]], None],
                 give_up: Callable[[Any, tuple[int, ...]], None]) -> None:
        self._emit = emit
        self._give_up = give_up
        self._infos: list[Any] = [None, None]
        self._held: Any = None
        self._held_since = 0.0
        self._reported = False
        self._in_step = False

    def reset(self) -> None:
        """Forget the pair that waits; keep the calibrations."""
        self._held, self._in_step = None, False

    def add_info(self, index: int, info: Any) -> None:
        """Take the camera_info of side 0 or 1."""
        self._infos[index] = info
        self._try()

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
            self._reported, self._in_step = True, False
            if self._missing():
                self._give_up(self._held, self._missing())
            self._try()

    def _missing(self) -> tuple[int, ...]:
        return tuple(index for index, info in enumerate(self._infos) if info is None)

    def _try(self) -> None:
        if self._held is None or self._missing():
            return
        matches = all(stamp_ns(info) == stamp_ns(image)
                      for info, image in zip(self._infos, self._held, strict=True))
        if self._in_step and not matches:
            return
        self._in_step = matches
        pair, self._held = self._held, None
        self._emit(pair, (self._infos[0], self._infos[1]))
