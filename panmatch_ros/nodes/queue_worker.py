"""A thread that does all work in the order in which it came, as long as its queue holds it."""
from collections import deque
from collections.abc import Callable
import threading


class QueueWorker:
    """
    Works in a thread of its own, so that callbacks return at once.

    :param on_error: called, in the thread, with an exception that work raises.
    :param limit: pieces of work that may wait.
    """

    def __init__(self, on_error: Callable[[Exception], None], limit: int) -> None:
        self._on_error, self._limit = on_error, limit
        self._waiting: deque[Callable[[], object]] = deque()
        self._changed = threading.Condition()
        self._is_ending = self._is_busy = False
        self.refused = 0  # pieces of work for which there was no room
        self._thread = threading.Thread(target=self._run, name='evaluation', daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], object]) -> bool:
        """
        Add work.

        :returns: False if there is no room; then it is counted and not done.
        """
        with self._changed:
            if self._is_ending or len(self._waiting) >= self._limit:
                self.refused += 1
                return False
            self._waiting.append(work)
            self._changed.notify_all()
        return True

    @property
    def unfinished(self) -> int:
        """Pieces of work that wait or are being done."""
        with self._changed:
            return len(self._waiting) + self._is_busy

    def stop(self, last: Callable[[], object] | None = None) -> bool:
        """
        Finish what waits, and end.

        :param last: done after all other work.
        :returns: True, once the thread has ended.
        """
        with self._changed:
            self._is_ending = True
            if last is not None:
                self._waiting.append(last)
            self._changed.notify_all()
        self._thread.join()
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_busy = False
                while not self._waiting and not self._is_ending:
                    self._changed.wait()
                if not self._waiting:
                    return
                work, self._is_busy = self._waiting.popleft(), True
            try:
                work()
            except Exception as error:  # one bad message must not end the evaluation
                self._on_error(error)
