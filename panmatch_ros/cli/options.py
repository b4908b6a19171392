"""Options that several verbs share, and the types of option values."""
import argparse
import importlib.metadata
import math
import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..inference.matcher import Matcher

# As inference.factory.MATCHER_NAMES, which is heavy to import; a test compares the two.
MATCHERS = ('auto', 'classical')


def add_disparity_range(parser: argparse.ArgumentParser) -> None:
    """Add the limits of the disparity search."""
    parser.add_argument('--max-disparity', type=finite, default=0.0, metavar='PX',
                        help='largest disparity to look for, pixels; 0 (default) chooses it '
                             'from the images')
    parser.add_argument('--min-disparity', type=finite, default=0.0, metavar='PX',
                        help='smallest disparity to look for, pixels (default 0)')


def make_matcher(name: str, args: argparse.Namespace) -> 'Matcher':
    """
    Make the matcher that the options describe.

    :param name: one of ``MATCHERS``.
    :param args: with ``min_disparity`` and ``max_disparity``, pixels.
    :raises ConfigError: if the options contradict each other.
    """
    from ..inference.classical import ClassicalConfig
    from ..inference.factory import MatcherOptions, create_matcher
    classical = ClassicalConfig(min_disparity=args.min_disparity,
                                max_disparity=args.max_disparity)
    return create_matcher(name, MatcherOptions(classical))


def finite(text: str) -> float:
    """
    Read a finite number.

    :raises ArgumentTypeError: if it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f'{text!r} is not a finite number')
    return value


def share(text: str) -> float:
    """
    Read a number from 0 to 1.

    :raises ArgumentTypeError: if it is none.
    """
    value = finite(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not between 0 and 1')
    return value


def positive(text: str) -> float:
    """
    Read a number above 0.

    :raises ArgumentTypeError: if it is none.
    """
    value = finite(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f'{text} is not positive')
    return value


def count(text: str) -> int:
    """
    Read a whole number above 0.

    :raises ArgumentTypeError: if it is none.
    """
    value = positive(text)
    if value != int(value):
        raise argparse.ArgumentTypeError(f'{text} is not a whole number')
    return int(value)


def package_version() -> str:
    """Version of this package, 'unknown' where it runs without being installed."""
    try:
        return importlib.metadata.version('panmatch_ros')
    except importlib.metadata.PackageNotFoundError:
        return 'unknown'


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    import cv2
    import numpy as np
    return {'panmatch_ros': package_version(), 'python': platform.python_version(),
            'numpy': np.__version__, 'opencv': cv2.__version__}
