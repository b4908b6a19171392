"""A matcher that is measured."""
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..inference.auto import AutoMatcher
from ..inference.factory import MatcherOptions, create_matcher
from ..inference.identity import matcher_identity
from ..inference.matcher import Matcher


@dataclass(frozen=True)
class Contender:
    """
    A matcher that is measured.

    :param name: as it was asked for.
    :param matcher: what computes.
    :param identity: what predictions depend on beside the images: plain values.
    """

    name: str
    matcher: Matcher
    identity: Mapping[str, object] = field(default_factory=dict)

    def label(self, task: str) -> str:
        """
        Name the matcher as it was asked for, and what that is for a task.

        :param task: of the matcher: 'stereo' or 'flow'.
        """
        matcher = self.matcher
        chosen = matcher.for_task(task) if isinstance(matcher, AutoMatcher) else matcher
        return self.name if chosen.name in ('', self.name) else f'{self.name} ({chosen.name})'


def make_contender(name: str, options: MatcherOptions | None = None) -> Contender:
    """
    Make a matcher, and say what its predictions depend on.

    :param name: of the matcher, as :func:`~..inference.factory.create_matcher` takes it.
    :param options: as there.
    :raises PanMatchError: as there.
    """
    options = options or MatcherOptions()
    matcher = create_matcher(name, options)
    return Contender(name, matcher, matcher_identity(name, options, matcher))
