"""One worker thread that always takes the newest item."""
from collections.abc import Callable
import logging
import threading
from typing import Any

log = logging.getLogger(__name__)


class LatestWorker:
    """
    Process items in a thread of its own, newest first, never more than one waiting.

    An item that arrives while another waits replaces it: a robot wants the newest frame, not
    all of them. The thread is a daemon, so a computation that hangs does not keep the process.

    :param process: called with each item in the worker thread.
    :param on_error: called with any exception that ``process`` raises; the worker goes on.
    """

    def __init__(self, process: Callable[[Any], None],
                 on_error: Callable[[Exception], None]) -> None:
        self._process = process
        self._on_error = on_error
        self._condition = threading.Condition()
        self._waiting: list[Any] = []
        self._busy = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name='panmatch_worker', daemon=True)
        self._thread.start()

    def submit(self, item: Any) -> bool:
        """
        Hand over an item; return at once.

        :returns: whether the item replaced one that was still waiting.
        """
        with self._condition:
            replaced = bool(self._waiting)
            self._waiting = [item]
            self._condition.notify()
        return replaced

    def clear(self) -> bool:
        """
        Forget the waiting item.

        :returns: whether there was one.
        """
        with self._condition:
            dropped = bool(self._waiting)
            self._waiting = []
        return dropped

    @property
    def idle(self) -> bool:
        """Whether nothing is waiting and nothing is being processed."""
        return self.unfinished == 0

    @property
    def unfinished(self) -> int:
        """How many items wait or are being processed: at most two."""
        with self._condition:
            return len(self._waiting) + self._busy

    def stop(self, timeout_s: float = 1.0) -> bool:
        """
        Finish the current item and end the thread.

        :returns: whether the thread ended in time.
        """
        with self._condition:
            self._stopping = True
            self._waiting = []
            self._condition.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _report(self, error: Exception) -> None:
        try:
            self._on_error(error)
        except Exception:  # the thread must outlive it
            log.exception('an error could not be reported: %r', error)

    def _run(self) -> None:
        while True:
            with self._condition:
                self._busy = False
                while not self._waiting and not self._stopping:
                    self._condition.wait()
                if self._stopping:
                    return
                item = self._waiting.pop()
                self._busy = True
            try:
                self._process(item)
            except Exception as error:
                self._report(error)
            del item
