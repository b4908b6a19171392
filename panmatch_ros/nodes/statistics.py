"""Counters and times of a node: for the log, /diagnostics and InferenceStatistics."""
from collections import deque
from dataclasses import dataclass, field
import math
import threading
import time

RATE_WINDOW = 30  # frames over which the rate is measured


@dataclass
class FrameTimes:
    """Milliseconds of the steps of one frame, and its size."""

    preprocess_ms: float = 0.0
    inference_ms: float = 0.0
    postprocess_ms: float = 0.0
    publish_ms: float = 0.0
    input_age_ms: float = math.nan
    width: int = 0
    height: int = 0

    @property
    def total_ms(self) -> float:
        """Sum of the steps."""
        return self.preprocess_ms + self.inference_ms + self.postprocess_ms + self.publish_ms


class StopWatch:
    """Measure consecutive steps."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap_ms(self) -> float:
        """Milliseconds since the last call."""
        now = time.perf_counter()
        lap, self._last = (now - self._last) * 1000, now
        return lap


@dataclass
class Statistics:
    """
    Counted since the node started; safe to use from two threads.

    What is ``received`` ends in one of the others: processed, dropped, rejected, or skipped, if
    there was no output to make. The late are not among the received.
    """

    received: int = 0
    processed: int = 0
    dropped: int = 0
    late: int = 0
    rejected: int = 0
    skipped: int = 0
    last_error: str = ''
    last_error_s: float = -math.inf
    last: FrameTimes = field(default_factory=FrameTimes)
    _finished: deque[float] = field(default_factory=lambda: deque(maxlen=RATE_WINDOW))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, counter: str, amount: int = 1) -> None:
        """Increase a counter by its name."""
        with self._lock:
            setattr(self, counter, getattr(self, counter) + amount)

    def reject(self, reason: str) -> None:
        """Count an input that could not be processed, and keep the reason."""
        with self._lock:
            self.rejected += 1
            self.last_error, self.last_error_s = reason, time.monotonic()

    def finish(self, times: FrameTimes) -> None:
        """Count a processed frame."""
        with self._lock:
            self.processed += 1
            self.last = times
            self._finished.append(time.monotonic())

    @property
    def rate_hz(self) -> float:
        """Frames per second over the last frames; 0 before the second one or when they stop."""
        with self._lock:
            if len(self._finished) < 2:
                return 0.0
            span = self._finished[-1] - self._finished[0]
            mean = span / (len(self._finished) - 1)
            idle = time.monotonic() - self._finished[-1]
        return 0.0 if idle > 10 * mean + 1 else 1 / max(mean, 1e-6)
