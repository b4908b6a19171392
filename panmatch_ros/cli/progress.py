"""How far long work is: a bar in a terminal, lines elsewhere."""
from collections.abc import Iterator
from contextlib import contextmanager
import importlib.util
import sys
import time
from typing import Any


class Progress:
    """
    Tells how far the work is, on stderr.

    In a terminal it is a bar, if tqdm is installed, and lines go above it. Everywhere else every
    step is a line of its own, with the time that is left.

    :param verb: of the command, in front of the lines.
    :param total: number of steps.
    :param unit: what a step is.
    """

    def __init__(self, verb: str, total: int, unit: str) -> None:
        self.verb, self.total, self.done = verb, total, 0
        self._start_s = time.monotonic()
        self._bar: Any = None
        if sys.stderr.isatty() and importlib.util.find_spec('tqdm') is not None:
            from tqdm import tqdm
            self._bar = tqdm(total=total, desc=unit, unit='', dynamic_ncols=True)

    def step(self, text: str) -> None:
        """
        Count a step as done.

        :param text: what it was; left out where there is a bar.
        """
        self.done += 1
        if self._bar is not None:
            self._bar.update()
            return
        print(f'panmatch {self.verb}: [{self.done}/{self.total}] {text}{self._left()}',
              file=sys.stderr, flush=True)

    def advance(self) -> None:
        """Count a step as done that is not worth a line."""
        self.done += 1
        if self._bar is not None:
            self._bar.update()

    def note(self, text: str) -> None:
        """Say something that is not lost among the steps."""
        line = f'panmatch {self.verb}: {text}'
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()

    def _left(self) -> str:
        """Tell the time that is left, once it is known to be worth it."""
        elapsed_s = time.monotonic() - self._start_s
        left_s = elapsed_s / self.done * (self.total - self.done)
        return f'; about {duration(left_s)} left' if left_s >= 10 else ''


@contextmanager
def progress(verb: str, total: int, unit: str) -> Iterator[Progress]:
    """Give a :class:`Progress` that ends with the block."""
    shown = Progress(verb, total, unit)
    try:
        yield shown
    finally:
        shown.close()


def duration(seconds: float) -> str:
    """Write a time for people: '8 s', '3 min', '2.5 h'."""
    if seconds < 100:
        return f'{seconds:.0f} s'
    if seconds < 6000:
        return f'{seconds / 60:.0f} min'
    return f'{seconds / 3600:.1f} h'
