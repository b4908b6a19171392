"""One matcher that follows its options, made anew only if it has to be."""
from pathlib import Path
import time
from typing import Any

from .factory import MatcherOptions, create_matcher, uses_weights
from .matcher import Matcher

RETRY_S = 10.0  # what may have been a lack of memory is tried again


class MatcherCache:
    """
    Keeps the matcher of the last options.

    Reading weights takes long, so it happens only if the network itself changes, and weights
    that cannot be used are not tried again with every image: the error stays until the options
    or the file change, or for ten seconds.
    """

    def __init__(self) -> None:
        self.current: Matcher | None = None
        self.is_loading = False
        self._key: Any = None
        self._failure: tuple[Any, float, Exception] | None = None

    def get(self, name: str, options: MatcherOptions) -> Matcher:
        """
        Give the matcher; the same object while nothing that concerns it changes.

        :param name: as of :func:`~.factory.create_matcher`.
        :param options: of all matchers.
        :raises PanMatchError: as :func:`~.factory.create_matcher`.
        """
        is_network = uses_weights(name, options.panmatch)
        key = (name, options.panmatch if is_network else options.classical)
        if self.current is not None and key == self._key:
            return self.current
        attempt = (key, _stamp(options.panmatch.weights) if is_network else None)
        if self._failure is not None:
            failed, until_s, error = self._failure
            if failed == attempt and time.monotonic() < until_s:
                raise error.with_traceback(None)
        self.current = self._make(name, options, is_network, attempt)
        self._key, self._failure = key, None
        return self.current

    def _make(self, name: str, options: MatcherOptions, is_network: bool,
              attempt: Any) -> Matcher:
        if is_network and self._key is not None and self._key[0] == name:
            from .panmatch import PanMatchMatcher
            if isinstance(self.current, PanMatchMatcher) \
                    and self.current.has_network_of(options.panmatch):
                return self.current.with_options(options.panmatch)
        self.current = None  # two networks may not fit into the memory
        self.is_loading = True
        try:
            return create_matcher(name, options)
        except Exception as error:
            self._failure = (attempt, time.monotonic() + RETRY_S, error)
            raise
        finally:
            self.is_loading = False


def _stamp(path: str) -> tuple[int, int] | None:
    """Tell one version of a file from the next; None if there is no file."""
    try:
        status = Path(path).expanduser().stat()
    except (OSError, RuntimeError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size
