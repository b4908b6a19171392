"""What the package says with Python's logging, in the log of ROS: console, files and /rosout."""
from collections.abc import Iterator
from contextlib import contextmanager
import logging
from typing import Any

from ..inference import engine_programs

PACKAGE = __name__.partition('.')[0]


class RosHandler(logging.Handler):
    """
    Hand records over to ROS.

    :param logger: of a node.
    """

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

    def filter(self, record: logging.LogRecord) -> bool:
        """Leave out why an engine cannot be used: the node logs the status of its matcher."""
        if record.name == engine_programs.__name__ and record.levelno >= logging.WARNING:
            return bool(record.exc_info)
        return bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Log it with its severity."""
        try:
            text = self.format(record)
            if record.levelno >= logging.ERROR:
                self._logger.error(text)
            elif record.levelno >= logging.WARNING:
                self._logger.warning(text)
            else:
                self._logger.info(text)
        except Exception:  # as all handlers do: logging must not stop anybody
            self.handleError(record)


@contextmanager
def forwarded_logging(logger: Any) -> Iterator[None]:
    """
    Forward the records of this package, from 'info' on.

    :param logger: of a node.
    """
    package, handler = logging.getLogger(PACKAGE), RosHandler(logger)
    level = package.level
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    try:
        yield
    finally:
        package.removeHandler(handler)
        package.setLevel(level)
