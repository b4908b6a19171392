"""The matcher that chooses by the task."""
import logging

import numpy as np

from ..core.errors import ConfigError, FormatError, MissingDependencyError
from ..core.types import Disparity, Displacement
from .classical import ClassicalConfig, ClassicalMatcher
from .matcher import TASKS, Matcher
from .nano import NanoMatcher
from .nano_config import NanoOptions
from .streaming import FlowStream, RigStream

# Which matcher is the better one, by the numbers in docs/nano.md on pairs that none of them saw.
AUTO = {'flow': 'nano', 'stereo': 'classical'}

log = logging.getLogger(__name__)


class AutoMatcher(Matcher):
    """
    The better of ``nano`` and ``classical`` for each task, made when it is first needed.

    Where ``nano`` cannot be used (no ONNX Runtime, no weights), ``classical`` is; a back-end that
    was asked for by name and is missing is an error, unless the options allow that. ``name``,
    ``backend``, ``precision`` and ``status`` are those of the matcher that was used last.

    :param nano: options.
    :param classical: options.
    """

    name = 'auto'
    backend = 'auto'

    def __init__(self, nano: NanoOptions | None = None,
                 classical: ClassicalConfig | None = None) -> None:
        self.nano = nano or NanoOptions()
        self.classical = classical or ClassicalConfig()
        self._made: dict[str, Matcher] = {}

    def with_options(self, nano: NanoOptions, classical: ClassicalConfig) -> 'AutoMatcher':
        """Make a matcher of other options that shares what they leave as it is."""
        other = AutoMatcher(nano, classical)
        for name, matcher in self._made.items():
            if isinstance(matcher, NanoMatcher) and matcher.has_network_of(nano):
                other._made[name] = matcher.with_options(nano)
            elif isinstance(matcher, ClassicalMatcher) and name == 'classical' \
                    and classical == self.classical:
                other._made[name] = matcher
        return other

    @property
    def made(self) -> list[Matcher]:
        """The matchers that were needed so far."""
        return list(self._made.values())

    def for_task(self, task: str) -> Matcher:
        """
        Give the matcher of a task.

        :param task: one of ``TASKS``.
        :raises ConfigError: if there is no such task.
        """
        if task not in AUTO:
            raise ConfigError(f'there is no task {task!r}; choose one of {", ".join(TASKS)}')
        matcher = self._matcher(AUTO[task])
        self._report(matcher)
        return matcher

    def match(self, image0: np.ndarray, image1: np.ndarray) -> Displacement:
        """Match every pixel of image 0 to image 1, see :meth:`Matcher.match`."""
        matcher = self.for_task('flow')
        result = matcher.match(image0, image1)
        self._report(matcher)
        return result

    def match_stereo(self, left: np.ndarray, right: np.ndarray) -> Disparity:
        """Match a rectified pair along its rows, see :meth:`Matcher.match_stereo`."""
        matcher = self.for_task('stereo')
        result = matcher.match_stereo(left, right)
        self._report(matcher)
        return result

    def search_range(self, width: int) -> tuple[float, float]:
        """
        Smallest and largest disparity that :meth:`match_stereo` can find.

        :param width: of the images, pixels.
        """
        return self.for_task('stereo').search_range(width)

    def prepare(self, task: str, size: tuple[int, int]) -> None:
        """Do now what the first pair of a size would wait for, see :meth:`Matcher.prepare`."""
        self.for_task(task).prepare(task, size)

    def stream(self) -> FlowStream:
        """Match the images of a sequence, each to the one before it."""
        stream = self.for_task('flow').stream()
        stream.matcher = self  # it is this one that its user has
        return stream

    def rig_stream(self) -> RigStream:
        """Match pairs and left images; one network for both looks at each image once."""
        flow, stereo = self.for_task('flow'), self.for_task('stereo')
        if flow is not stereo:
            return RigStream(self)
        stream = flow.rig_stream()
        stream.matcher = self
        return stream

    def _report(self, matcher: Matcher) -> None:
        self.name, self.backend, self.precision = matcher.name, matcher.backend, matcher.precision
        self.disparity_step, self.status = matcher.disparity_step, matcher.status

    def _matcher(self, name: str) -> Matcher:
        if name not in self._made:
            self._made[name] = self._make_nano() if name == 'nano' else self._matcher_classical()
        return self._made[name]

    def _matcher_classical(self) -> Matcher:
        known = self._made.get('classical')
        return known or ClassicalMatcher(self.classical)

    def _make_nano(self) -> Matcher:
        try:
            return NanoMatcher(self.nano)
        except (MissingDependencyError, FormatError) as error:
            if isinstance(error, MissingDependencyError) and self.nano.backend != 'auto' \
                    and not self.nano.allow_fallback:
                raise  # it was asked for by name
            log.warning('the matcher auto uses classical instead of nano: %s', error)
            return self._matcher_classical()
