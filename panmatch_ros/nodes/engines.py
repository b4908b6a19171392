"""Engines in a node: what is logged of them, and a run that only builds them."""
from collections.abc import Callable
import re
import traceback
from typing import Any

from ..core.errors import PanMatchError
from ..inference.engine_status import EngineStatus, engines_of, obtain_engines
from ..inference.matcher import Matcher


class EngineLog:
    """
    Log what computes, each once, and what there is to say of engines, whenever it changes.

    :param logger: of a node.
    """

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._last = ''
        self._named: set[str] = set()

    def note(self, matcher: Matcher | None, status: EngineStatus) -> None:
        """
        Log a status that is new.

        :param matcher: whose it is; None while one is made.
        :param status: of its engines now.
        """
        if matcher is not None and matcher.backend != 'auto':  # which has not computed yet
            self._name(f'matching with {matcher.name} ({matcher.backend}, {matcher.precision})')
        text = re.sub(r'\d+ s\b', '# s', status.text)  # only the time passes
        if matcher is None or text == self._last:
            return
        self._last = text
        if status.has_failed:
            self._logger.warning(status.text)
        elif status.text:
            self._logger.info(status.text)
        elif any(programs.engines for programs in engines_of(matcher)):
            self._logger.info('the engines that were needed are ready')

    def _name(self, text: str) -> None:
        if text not in self._named:
            self._named.add(text)
            self._logger.info(text)


def build_engines(logger: Any, make_matcher: Callable[[], Matcher], task: str,
                  size: tuple[int, int]) -> int:
    """
    Find or build the engines of a node, and log what was done.

    :param logger: of the node.
    :param make_matcher: makes the matcher, with ``background_build`` off.
    :param task: 'flow' or 'stereo'.
    :param size: (height, width) of the images, pixels.
    :returns: exit code: 1 if there is an engine that cannot be used.
    """
    logger.info(f'build_only: engines for {task} with images of {size[0]}x{size[1]} (height x '
                'width); this may take minutes')
    try:
        lines = obtain_engines(make_matcher(), task, size)
    except PanMatchError as error:
        logger.fatal(f'build_only: {error}')
        return 1
    except Exception as error:  # the node must end, whatever a library raises
        text = ''.join(traceback.format_exception(error))
        logger.fatal(f'build_only: unexpected error, please report it:\n{text}')
        return 1
    for line in lines:
        logger.info(f'build_only: {line}')
    return 0
