"""Names of matchers, and how one is made."""
from dataclasses import dataclass, field

from ..core.errors import ConfigError
from .classical import ClassicalConfig, ClassicalMatcher
from .matcher import Matcher
from .panmatch_config import PanMatchOptions

PANMATCH_NAMES = ('panmatch', 'panmatch_s', 'panmatch_b', 'panmatch_l', 'panmatch_g')
MATCHER_NAMES = ('auto', 'classical', *PANMATCH_NAMES)


@dataclass(frozen=True)
class MatcherOptions:
    """
    Options of all matchers; each uses those that concern it.

    :param classical: options of the OpenCV matcher.
    :param panmatch: options of the network, its weights among them.
    """

    classical: ClassicalConfig = field(default_factory=ClassicalConfig)
    panmatch: PanMatchOptions = field(default_factory=PanMatchOptions)


def create_matcher(name: str = 'auto', options: MatcherOptions | None = None) -> Matcher:
    """
    Make a matcher by name.

    :param name: one of ``MATCHER_NAMES``; ``auto`` is the network if weights are given, else
        the OpenCV matcher; ``panmatch`` is whatever network the weights are of.
    :param options: options; the defaults of each matcher if not given.
    :raises ConfigError: if there is no matcher of that name, or it has no weights or those of
        another network.
    :raises PanMatchError: if the weights cannot be used.
    """
    options = options or MatcherOptions()
    if uses_weights(name, options.panmatch):
        from .panmatch import PanMatchMatcher
        return PanMatchMatcher.from_weights(
            options.panmatch, 'panmatch' if name == 'auto' else name)
    if name in ('auto', 'classical'):
        return ClassicalMatcher(options.classical)
    raise ConfigError(f'there is no matcher {name!r}; choose one of {", ".join(MATCHER_NAMES)}')


def uses_weights(name: str, options: PanMatchOptions) -> bool:
    """Whether a matcher of this name is a network."""
    return name in PANMATCH_NAMES or (name == 'auto' and bool(options.weights))
