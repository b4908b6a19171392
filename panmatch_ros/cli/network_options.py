"""Which matcher, and what computes it: options that several verbs share."""
import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError
from ..inference.panmatch_config import TILES
from ..inference.runtime_options import BACKENDS, DEVICES, ENGINE_BACKENDS, FITS, PRECISIONS
from .options import count

if TYPE_CHECKING:
    from ..inference.factory import MatcherOptions
    from ..inference.matcher import Matcher

# As inference.factory.MATCHER_NAMES, which is heavy to import; a test compares the two.
PANMATCH = ('panmatch', 'panmatch_s', 'panmatch_b', 'panmatch_l', 'panmatch_g')
MATCHERS = ('auto', 'classical', 'nano', *PANMATCH)
MATCHER_HELP = ('auto (default): the PanMatch network if --weights are given, else the better of '
                'nano (small network) and classical (OpenCV) for the task; panmatch: whatever '
                'network the weights are of')
# Options and their defaults; those that a verb does not have are the defaults.
_RUNTIME = {'weights': '', 'backend': BACKENDS[0], 'device': DEVICES[0],
            'precision': PRECISIONS[0], 'threads': None, 'allow_fallback': False,
            'engine_cache': '', 'fit': FITS[0], 'max_side': 0}
_NANO = {'detail': False, 'large_motion': False}
_PANMATCH = {'tiles': TILES[0]}
_WHOSE = {**dict.fromkeys(_RUNTIME, 'the networks'), **dict.fromkeys(_NANO, 'the nano network'),
          **dict.fromkeys(_PANMATCH, 'the PanMatch network')}
WITH_THREADS = ('onnxruntime', 'openvino')  # back-ends that --threads concern


def add_networks(parser: argparse.ArgumentParser, form: bool = True) -> None:
    """
    Add what concerns the networks.

    :param form: also --backend, --precision, --threads and --allow-fallback; a verb may have
        some of its own.
    """
    group = parser.add_argument_group('networks')
    add_weights(group)
    group.add_argument('--device', choices=DEVICES, default=DEVICES[0],
                       help='what computes; auto (default) is a CUDA device if the back-end can '
                            'use one')
    if form:
        add_form(group)
    group.add_argument('--engine-cache', default='', metavar='DIR',
                       help='folder of the engines of tensorrt and onnx_tensorrt (default: '
                            'panmatch_ros/engines in $XDG_CACHE_HOME or ~/.cache)')
    add_modes(group)


def add_weights(group: 'argparse._ActionsContainer') -> None:
    """Add the weights of a network."""
    group.add_argument('--weights', default='', metavar='FILE',
                       help='PanMatch: checkpoint; `panmatch convert` makes one from the official '
                            'files. With --matcher nano: a folder of `panmatch export`')


def add_form(group: 'argparse._ActionsContainer') -> None:
    """Add what computes, and in which precision."""
    group.add_argument('--backend', choices=BACKENDS, default=BACKENDS[0],
                       help='library that computes; auto (default): torch for PanMatch, and for '
                            'nano onnxruntime unless there is a CUDA device')
    group.add_argument('--precision', choices=PRECISIONS, default=PRECISIONS[0],
                       help='auto (default) is fp32; fp16 for tensorrt and onnx_tensorrt')
    group.add_argument('--threads', type=count, metavar='N',
                       help='threads that compute in onnxruntime and openvino; default one for '
                            'each core, at most 4')
    group.add_argument('--allow-fallback', action='store_true',
                       help='if the back-end cannot be used, warn and take what auto would')


def add_modes(group: 'argparse._ActionsContainer') -> None:
    """Add how images go through a network."""
    group.add_argument('--max-side', type=count, default=0, metavar='PX',
                       help='match images with a longer side at a smaller size, and bring the '
                            'results back; default is no limit')
    group.add_argument('--fit', choices=FITS, default=FITS[0],
                       help='how images get a size that the network takes: letterbox repeats the '
                            'right and lower edge, stretch resizes; auto (default) is letterbox '
                            'for nano, stretch for PanMatch')
    group.add_argument('--tiles', choices=TILES, default=TILES[0],
                       help='PanMatch: match in overlapping tiles; auto (default) does above '
                            'about 1.1 megapixels')
    group.add_argument('--detail', action='store_true',
                       help='nano: match at 1.5 times the size: finer, more than twice the time')
    group.add_argument('--large-motion', action='store_true',
                       help='nano: match at half the size first, for very large motion or '
                            'disparity')


def check_matchers(names: Iterable[str], args: argparse.Namespace) -> None:
    """
    Refuse options of networks that no matcher would use.

    :param names: of the matchers.
    :raises ConfigError: if there are such.
    """
    names, given = list(names), network_options(args)
    used: set[str] = set()
    with_threads = list(WITH_THREADS)
    if any(is_panmatch(name, args) for name in names):
        used |= {*_RUNTIME, *_PANMATCH}
    if any(name in ('nano', 'auto') and not is_panmatch(name, args) for name in names):
        used |= {*_RUNTIME, *_NANO}
        with_threads.append('auto')
    for option, value in network_options(argparse.Namespace()).items():
        if option not in used and given[option] != value:
            raise ConfigError(
                f'--{option.replace("_", "-")} is for {_WHOSE[option]}, and the '
                f'{"matchers are" if len(names) > 1 else "matcher is"} {", ".join(names)}')
    if given['threads'] is not None and given['backend'] not in with_threads:
        backend = 'torch' if given['backend'] == 'auto' else given['backend']
        raise ConfigError(f'--threads is for the back-ends {" and ".join(WITH_THREADS)}, and the '
                          f'back-end is {backend}')


def is_panmatch(name: str, args: argparse.Namespace) -> bool:
    """Whether a matcher of this name is the PanMatch network."""
    return name in PANMATCH or (name == 'auto' and bool(args.weights))


def for_one_of(names: Iterable[str], name: str, args: argparse.Namespace) -> argparse.Namespace:
    """
    Give the options of one of several matchers.

    ``--weights`` are a folder for nano and a file for PanMatch: nano takes those of this package
    if there are both.

    :param names: of all matchers.
    :param name: of the one.
    """
    if is_panmatch(name, args) or not any(is_panmatch(other, args) for other in names):
        return args
    return argparse.Namespace(**{**vars(args), 'weights': ''})


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
    :param args: with those of :func:`add_networks` and :func:`.options.add_disparity_range`, or
        some of them.
    :raises ConfigError: if they contradict each other.
    """
    from ..inference.backends.choose import check_combination
    from ..inference.classical_config import ClassicalConfig
    from ..inference.factory import MatcherOptions
    from ..inference.nano_config import NanoOptions
    from ..inference.panmatch_config import PanMatchOptions
    given = network_options(args)
    limits: dict[str, Any] = {limit: getattr(args, limit, 0.0)
                              for limit in ('min_disparity', 'max_disparity')}
    runtime: dict[str, Any] = {
        'backend': given['backend'], 'device': given['device'],
        'precision': given['precision'], 'threads': given['threads'] or 0,
        'allow_fallback': given['allow_fallback'], 'engine_cache_dir': given['engine_cache'],
        'fit': given['fit'], 'max_side': given['max_side']}
    options = MatcherOptions(
        ClassicalConfig(**limits),
        PanMatchOptions(weights=given['weights'], tiles=given['tiles'], **runtime, **limits),
        NanoOptions(weights=given['weights'] if name == 'nano' else '', detail=given['detail'],
                    large_motion=given['large_motion'], **runtime, **limits))
    check_combination(options.nano)  # what computes is the same for both
    return options


def network_options(args: argparse.Namespace) -> dict[str, Any]:
    """Options of :func:`add_networks` as they were given; the defaults of those that are not."""
    return {name: getattr(args, name, value)
            for name, value in (_RUNTIME | _PANMATCH | _NANO).items()}


def require_engines(backend: str) -> None:
    """
    Refuse a back-end that has no engines.

    :raises ConfigError: if it has none.
    """
    if backend not in ENGINE_BACKENDS:
        raise ConfigError(f'the back-end {backend} has no engines; choose '
                          f'{" or ".join(ENGINE_BACKENDS)}')
