"""Names of matchers, and how one is made."""
from dataclasses import dataclass, field

from ..core.errors import ConfigError
from .auto import AutoMatcher
from .classical import ClassicalConfig, ClassicalMatcher
from .matcher import Matcher
from .nano import NanoMatcher, NanoOptions
from .panmatch_config import PanMatchOptions

PANMATCH_NAMES = ('panmatch', 'panmatch_s', 'panmatch_b', 'panmatch_l', 'panmatch_g')
MATCHER_NAMES = ('auto', 'classical', 'nano', *PANMATCH_NAMES)


@dataclass(frozen=True)
class MatcherOptions:
    """
    Options of all matchers; each uses those that concern it.

    :param classical: options of the OpenCV matcher.
    :param panmatch: options of the PanMatch network, its weights among them.
    :param nano: options of the small network.
    """

    classical: ClassicalConfig = field(default_factory=ClassicalConfig)
    panmatch: PanMatchOptions = field(default_factory=PanMatchOptions)
    nano: NanoOptions = field(default_factory=NanoOptions)


def create_matcher(name: str = 'auto', options: MatcherOptions | None = None) -> Matcher:
    """
    Make a matcher by name.

    :param name: one of ``MATCHER_NAMES``; ``auto`` is the PanMatch network if its weights are
        given, else the better of ``nano`` and ``classical`` for each task; ``panmatch`` is
        whatever network the weights are of.
    :param options: options; the defaults of each matcher if not given.
    :raises ConfigError: if there is no matcher of that name, or it has no weights or those of
        another network.
    :raises PanMatchError: if the weights cannot be used, or something is not installed.
    """
    options = options or MatcherOptions()
    if uses_weights(name, options.panmatch):
        from .panmatch import PanMatchMatcher
        return PanMatchMatcher.from_weights(
            options.panmatch, 'panmatch' if name == 'auto' else name)
    if name == 'auto':
        return AutoMatcher(options.nano, options.classical)
    if name == 'nano':
        return NanoMatcher(options.nano)
    if name == 'classical':
        return ClassicalMatcher(options.classical)
    raise ConfigError(f'there is no matcher {name!r}; choose one of {", ".join(MATCHER_NAMES)}')


def uses_weights(name: str, options: PanMatchOptions) -> bool:
    """Whether a matcher of this name is the PanMatch network."""
    return name in PANMATCH_NAMES or (name == 'auto' and bool(options.weights))


def concerning(name: str, options: MatcherOptions) -> tuple[tuple, str]:
    """Give the options that a matcher of this name looks at, and the file that holds weights."""
    if uses_weights(name, options.panmatch):
        return (options.panmatch,), options.panmatch.weights
    if name == 'nano':
        return (options.nano,), options.nano.weights
    if name == 'auto':
        return (options.nano, options.classical), options.nano.weights
    return (options.classical,), ''


def renewed(name: str, matcher: Matcher, options: MatcherOptions) -> Matcher | None:
    """
    Make a matcher of other options that keeps the network of this one.

    :param name: of both.
    :returns: None if it needs another network.
    """
    if uses_weights(name, options.panmatch):
        from .panmatch import PanMatchMatcher
        if isinstance(matcher, PanMatchMatcher) and matcher.has_network_of(options.panmatch):
            return matcher.with_options(options.panmatch)
    elif isinstance(matcher, AutoMatcher):
        return matcher.with_options(options.nano, options.classical)
    elif isinstance(matcher, NanoMatcher) and matcher.has_network_of(options.nano):
        return matcher.with_options(options.nano)
    return None
