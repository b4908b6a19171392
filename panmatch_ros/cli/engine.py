"""
Build the engines of this computer ahead, and look after them.

They are kept in a folder, panmatch_ros/engines in the user's cache folder, and made anew when
they are missing.
"""
import argparse
from collections.abc import Sequence
from pathlib import Path
import time
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from . import engine_build
from .example_parser import ExampleParser
from .options import file_size

if TYPE_CHECKING:
    from ..inference.engine_cache import EngineCache
    from ..inference.engine_folder import EngineEntry

SUMMARY = 'build, list, check or remove the engines of this computer'
ACTION_EXAMPLES = {
    'build': engine_build.EXAMPLES,
    'list': """\
panmatch engine list                      # what there is, for what, and when it was used
""",
    'verify': """\
panmatch engine verify                    # read every engine and compare its check sum
""",
    'clean': """\
panmatch engine clean                     # remove damaged engines and what killed processes left
panmatch engine clean --all               # remove all engines
panmatch engine clean --all --dry-run     # only say what would be removed
"""}
EXAMPLES = ''.join(ACTION_EXAMPLES.values())
HEADINGS = ('file', 'size', 'matcher', 'backend', 'precision', 'images', 'device', 'versions',
            'built', 'used')
_SPANS = ((86400.0, 'd'), (3600.0, 'h'), (60.0, 'min'))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    actions = parser.add_subparsers(dest='action', metavar='ACTION', required=True,
                                    parser_class=ExampleParser)
    made = {name: actions.add_parser(name, help=text, description=f'{text.capitalize()}.',
                                     allow_abbrev=False)
            for name, text in (('build', engine_build.SUMMARY),
                               ('list', 'list the engines, last used first'),
                               ('verify', 'read every engine; exit status 1 if one is damaged'),
                               ('clean', 'remove engines that cannot be used'))}
    for name, each in made.items():
        each.examples = ACTION_EXAMPLES[name]
    for each in made.values():
        each.add_argument('--cache', type=Path, metavar='DIR',
                          help='folder of the engines (default: panmatch_ros/engines in '
                               '$XDG_CACHE_HOME or ~/.cache)')
    engine_build.add_arguments(made['build'])
    made['clean'].add_argument('--all', action='store_true', help='remove all engines')
    made['clean'].add_argument('--dry-run', action='store_true',
                               help='only say what would be removed')


def run(args: argparse.Namespace) -> int:
    """
    Do what the action says.

    :raises ConfigError: if the folder that was given does not exist; the action 'build' makes it.
    """
    if args.action == 'build':
        return engine_build.build(args)
    from ..inference.engine_cache import EngineCache
    cache = EngineCache(args.cache)
    if args.cache is not None and not cache.folder.is_dir():
        raise ConfigError(f'{cache.folder} is not a folder; give the one of the engines, or leave '
                          '--cache away')
    if args.action == 'clean':
        return clean(cache, args.all, args.dry_run)
    if args.action == 'verify':
        return verify(cache)
    return print_list(cache)


def print_list(cache: 'EngineCache') -> int:
    """Print a table of the engines."""
    entries = cache.entries()
    if not entries:
        print(f'no engines in {cache.folder}')
        return 0
    usable = [entry for entry in entries if entry.key is not None]
    if usable:
        print_table(HEADINGS, [row_of(entry, time.time()) for entry in usable])
    for entry in entries:
        if entry.problem:
            print(f'{short_name(entry)}  cannot be used: {entry.problem}')
    print(f'{count_of(len(entries))}, {file_size(sum(entry.file_bytes for entry in entries))} in '
          f'{cache.folder}')
    return 0


def verify(cache: 'EngineCache') -> int:
    """
    Print which engines are damaged.

    :returns: 1 if there are such, else 0.
    """
    entries = cache.verify()
    damaged = [entry for entry in entries if entry.problem]
    for entry in damaged:
        print(f'{entry.path}: {entry.problem}')
    print(f'{count_of(len(entries))} in {cache.folder}, {len(damaged)} cannot be used'
          + ('; `panmatch engine clean` removes them' if damaged else ''))
    return 1 if damaged else 0


def clean(cache: 'EngineCache', everything: bool, dry_run: bool) -> int:
    """
    Remove engines and print which.

    :param everything: all of them, not only those that cannot be used.
    :param dry_run: only print.
    """
    removals = cache.clean(everything, dry_run)
    for removal in removals:
        print(f'{removal.path.name}: {removal.reason}')
    done = 'would be removed' if dry_run else 'removed'
    files = f'{len(removals)} {"file" if len(removals) == 1 else "files"}'
    print(f'{files}, {file_size(sum(removal.file_bytes for removal in removals))}, {done} from '
          f'{cache.folder}')
    return 0


def row_of(entry: 'EngineEntry', now_s: float) -> tuple[str, ...]:
    """
    Describe an engine that can be used.

    :param now_s: Unix time, seconds.
    """
    key = entry.key
    if key is None:
        raise ValueError('only an engine whose key is known has a row')
    images = f'{key.size[0]}x{key.size[1]}' + (f' x {key.batch}' if key.batch > 1 else '')
    iterations = f', {key.iterations} iterations' if key.iterations else ''
    device = key.device + (f' ({key.compute_capability})' if key.compute_capability else '')
    versions = [f'{name} {version}' for name, version in (
        ('TensorRT', key.tensorrt), ('torch', key.torch), ('torch_tensorrt', key.torch_tensorrt),
        ('driver', key.driver)) if version]
    return (short_name(entry), file_size(entry.file_bytes), entry.notes.get('matcher', '-'),
            key.backend, key.precision, images + iterations, device, ', '.join(versions) or '-',
            age(now_s - entry.created_s), age(now_s - entry.used_s))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as they need."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        print('  '.join(f'{text:<{width}}'
                        for text, width in zip(row, widths, strict=True)).rstrip())


def short_name(entry: 'EngineEntry') -> str:
    """Give the start of the name of a file: enough to tell it from the others."""
    return entry.path.name[:12]


def age(seconds: float) -> str:
    """Say for people how long ago something was."""
    for length, unit in _SPANS:
        if seconds >= length:
            return f'{seconds / length:.0f} {unit} ago'
    return 'just now'  # or in the future, by a clock that was changed


def count_of(number: int) -> str:
    """Say how many engines there are."""
    return f'{number} {"engine" if number == 1 else "engines"}'
