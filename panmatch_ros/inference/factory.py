"""Names of matchers, and how one is made."""
from dataclasses import dataclass, field

from ..core.errors import ConfigError
from .classical import ClassicalConfig, ClassicalMatcher
from .matcher import Matcher

MATCHER_NAMES = ('auto', 'classical')


@dataclass(frozen=True)
class MatcherOptions:
    """
    Options of all matchers; each uses those that concern it.

    :param classical: options of the OpenCV matcher.
    """

    classical: ClassicalConfig = field(default_factory=ClassicalConfig)


def create_matcher(name: str = 'auto', options: MatcherOptions | None = None) -> Matcher:
    """
    Make a matcher by name.

    :param name: one of ``MATCHER_NAMES``; ``auto`` takes the best that is installed.
    :param options: options; the defaults of each matcher if not given.
    :raises ConfigError: if there is no matcher of that name.
    """
    options = options or MatcherOptions()
    if name in ('auto', 'classical'):
        return ClassicalMatcher(options.classical)
    raise ConfigError(f'there is no matcher {name!r}; choose one of {", ".join(MATCHER_NAMES)}')
