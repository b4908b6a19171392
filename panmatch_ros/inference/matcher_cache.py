"""One matcher that follows its options, made anew only if it has to be."""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
import time
from typing import Any

from ..core.errors import PanMatchError
from .factory import MatcherOptions, concerning, create_matcher, renewed
from .matcher import Matcher

RETRY_S = 10.0  # what may have been a lack of memory is tried again


@dataclass(frozen=True)
class Failure:
    """
    What is kept of an error: no traceback, whose frames hold the tensors of a whole network.

    :param attempt: what failed.
    :param until_s: when it is tried again, monotonic clock.
    :param kind: of the error.
    :param text: of the error.
    """

    attempt: Any
    until_s: float
    kind: type[Exception]
    text: str

    def error(self) -> Exception:
        """Make the error anew; those that others define may not be made of a text alone."""
        if issubclass(self.kind, (PanMatchError, OSError)):
            return self.kind(self.text)
        return RuntimeError(f'{self.kind.__name__}: {self.text}')


class MatcherCache:
    """
    Keeps the matcher of the last options.

    Reading weights takes long, so it happens only if the network itself changes, and weights
    that cannot be used are not tried again with every image: the error stays until the options
    or the file change, or for ten seconds.

    :param release: called before another network is read, to let go of the matcher: two may not
        fit into the memory.
    """

    def __init__(self, release: Callable[[], None] | None = None) -> None:
        self.current: Matcher | None = None
        self.is_loading = False
        self._key: Any = None
        self._failure: Failure | None = None
        self._release = release

    def get(self, name: str, options: MatcherOptions) -> Matcher:
        """
        Give the matcher; the same object while nothing that concerns it changes.

        :param name: as of :func:`~.factory.create_matcher`.
        :param options: of all matchers.
        :raises PanMatchError: as :func:`~.factory.create_matcher`.
        """
        options_used, weights = concerning(name, options)
        key = (name, options_used)
        if self.current is not None and key == self._key:
            return self.current
        attempt = (key, file_stamp(weights) if weights else None)
        failure, self._failure = self._failure, None
        if failure is not None and failure.attempt == attempt \
                and time.monotonic() < failure.until_s:
            self._failure = failure
            raise failure.error() from None
        self.current = self._make(name, options, attempt)
        self._key = key
        return self.current

    def _make(self, name: str, options: MatcherOptions, attempt: Any) -> Matcher:
        if self.current is not None and self._key is not None and self._key[0] == name:
            same_network = renewed(name, self.current, options)
            if same_network is not None:
                return same_network
        self.current = None
        if self._release is not None:
            self._release()
        self.is_loading = True
        try:
            return create_matcher(name, options)
        except Exception as error:
            self._failure = Failure(attempt, time.monotonic() + RETRY_S,
                                    type(error), str(error))
            raise
        finally:
            self.is_loading = False


def file_stamp(path: str) -> tuple[int, int] | None:
    """
    Tell one version of a file from the next.

    :param path: ~ is the home folder.
    :returns: time of the last change and length; None if there is no file.
    """
    try:
        status = Path(path).expanduser().stat()
    except (OSError, RuntimeError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size
