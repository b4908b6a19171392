"""Options that several verbs share, and the types of option values."""
import argparse
from collections.abc import Iterable
import importlib.metadata
import math
import platform
import re
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from ..inference.nano_config import BACKENDS
from ..inference.panmatch_config import DEVICES, PRECISIONS, TILES

if TYPE_CHECKING:
    from ..inference.factory import MatcherOptions
    from ..inference.matcher import Matcher

# As inference.factory.MATCHER_NAMES, which is heavy to import; a test compares the two.
PANMATCH = ('panmatch', 'panmatch_s', 'panmatch_b', 'panmatch_l', 'panmatch_g')
MATCHERS = ('auto', 'classical', 'nano', *PANMATCH)
MATCHER_HELP = ('auto (default): the PanMatch network if --weights are given, else the better of '
                'nano (small network) and classical (OpenCV) for the task; panmatch: whatever '
                'network the weights are of')


def add_disparity_range(parser: argparse.ArgumentParser) -> None:
    """Add the limits of the disparity search."""
    parser.add_argument('--max-disparity', type=finite, default=0.0, metavar='PX',
                        help='largest disparity to look for, pixels; 0 (default) chooses it '
                             'from the images')
    parser.add_argument('--min-disparity', type=finite, default=0.0, metavar='PX',
                        help='smallest disparity to look for, pixels (default 0)')


def add_network(parser: argparse.ArgumentParser, precision: bool = True) -> None:
    """
    Add what concerns the PanMatch network.

    :param precision: also --precision; a verb may have one of its own.
    """
    group = parser.add_argument_group('PanMatch network')
    group.add_argument('--weights', default='', metavar='FILE',
                       help='checkpoint; `panmatch convert` makes one from the official files. '
                            'With --matcher nano: a folder of `panmatch export`')
    group.add_argument('--device', choices=DEVICES, default='auto',
                       help='what computes; auto (default) is a CUDA device if there is one')
    if precision:
        group.add_argument('--precision', choices=PRECISIONS, default='auto',
                           help='auto (default) is fp32')
    group.add_argument('--tiles', choices=TILES, default='auto',
                       help='match in overlapping tiles; auto (default) does above about 1.1 '
                            'megapixels')


def add_nano(parser: argparse.ArgumentParser, engine: bool = True) -> None:
    """
    Add what concerns the nano network.

    :param engine: also --backend and --threads; a verb may have some of its own.
    """
    group = parser.add_argument_group('nano network')
    group.add_argument('--detail', action='store_true',
                       help='match at 1.5 times the size: finer, more than twice the time')
    group.add_argument('--large-motion', action='store_true',
                       help='match at half the size first, for very large motion or disparity')
    if not engine:
        return
    group.add_argument('--backend', choices=BACKENDS, default=BACKENDS[0],
                       help='what computes; onnxruntime (default), or openvino if installed')
    group.add_argument('--threads', type=count, metavar='N',
                       help='threads that compute; default one for each core, at most 4')


def check_weights(names: Iterable[str], args: argparse.Namespace) -> None:
    """
    Refuse weights and options of networks that no matcher would use.

    :param names: of the matchers.
    :raises ConfigError: if there are such.
    """
    names = list(names)
    if args.weights and set(names) <= {'classical'}:
        raise ConfigError(f'--weights is for the networks, and the matcher is '
                          f'{", ".join(names)}')
    if 'nano' in names or ('auto' in names and not args.weights):
        return
    for option, value in nano_options(args).items():
        if value not in (False, 0, BACKENDS[0]):
            raise ConfigError(f'--{option.replace("_", "-")} is for the nano network, and the '
                              f'matcher is {", ".join(names)}')


def make_matcher(name: str, args: argparse.Namespace) -> 'Matcher':
    """
    Make the matcher that the options describe.

    :param name: one of ``MATCHERS``.
    :param args: as for :func:`matcher_options`.
    :raises PanMatchError: if the options contradict each other, or weights cannot be used.
    """
    from ..inference.factory import create_matcher
    return create_matcher(name, matcher_options(name, args))


def matcher_options(name: str, args: argparse.Namespace) -> 'MatcherOptions':
    """
    Translate the options.

    :param name: of the matcher, one of ``MATCHERS``.
    :param args: with those of :func:`add_disparity_range`, :func:`add_network` and
        :func:`add_nano`.
    :raises ConfigError: if they contradict each other.
    """
    from ..inference.classical_config import ClassicalConfig
    from ..inference.factory import MatcherOptions
    from ..inference.nano_config import NanoOptions
    from ..inference.panmatch_config import PanMatchOptions
    limits = {'min_disparity': args.min_disparity, 'max_disparity': args.max_disparity}
    return MatcherOptions(
        ClassicalConfig(**limits),
        PanMatchOptions(weights=args.weights, device=args.device, precision=args.precision,
                        tiles=args.tiles, **limits),
        NanoOptions(weights=args.weights if name == 'nano' else '', **nano_options(args),
                    **limits))


def nano_options(args: argparse.Namespace) -> dict:
    """Options of :func:`add_nano`, for ``NanoOptions``."""
    return {'detail': args.detail, 'large_motion': args.large_motion, 'backend': args.backend,
            'threads': args.threads or 0}


def network_options(args: argparse.Namespace) -> dict:
    """Options of :func:`add_network` and :func:`add_nano` as they were given."""
    return {**{name: getattr(args, name) for name in ('weights', 'device', 'precision', 'tiles')},
            **nano_options(args)}


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


def size(text: str) -> tuple[int, int]:
    """
    Read a height and a width like ``192x256``.

    :raises ArgumentTypeError: if it is something else.
    """
    match = re.fullmatch(r'(\d{1,5})[xX](\d{1,5})', text)
    if match is None:
        raise argparse.ArgumentTypeError(f'{text!r} is not HxW, like 192x256')
    return int(match[1]), int(match[2])


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
