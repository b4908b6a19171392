"""
The ``panmatch`` command: ``panmatch VERB ...``.

A verb is a module of this folder with ``SUMMARY`` (one line), ``EXAMPLES`` (command lines, each
with a comment), ``add_arguments(parser)`` and ``run(args)``, which returns the exit status.
Modules import nothing heavy at module level, so that the help appears at once. Exit status: 0
done, 1 an error, 2 a wrong command line, 130 interrupted.
"""
import argparse
from collections.abc import Sequence
import importlib
import os
import sys
import traceback

from ..core.errors import PanMatchError
from .example_parser import ExampleParser

VERBS = {
    'demo': 'demo',
    'match': 'match',
    'evaluate': 'evaluate',
    'report': 'report',
    'probe': 'probe',
    'suite': 'suite',
    'bag': 'bag',
    'benchmark': 'benchmark',
    'convert': 'convert',
    'export': 'export',
    'info': 'info',
    'engine': 'engine',
    'parity': 'parity',
    'synth': 'synth',
    'train': 'train',
    'doctor': 'doctor',
}
EXAMPLES = """\
panmatch demo                           # both nodes on real images; writes a page
panmatch match left.png right.png --task stereo --calib calib.txt --out out/stereo
                                        # disparity, depth and a point cloud of two images
panmatch match frame0.png frame1.png --out out/flow
                                        # optical flow of two images
panmatch evaluate ~/datasets/middlebury --task stereo
                                        # errors on pairs with ground truth
panmatch benchmark                      # time and memory of the matchers on this machine
panmatch info --catalog                 # weights of the network: where to get them
panmatch doctor                         # what is installed, and what to do about the rest
"""
REPORT = (
    'panmatch: this is a bug, not something you did. Please report it in the issue tracker of '
    'panmatch_ros, with the lines above and what `panmatch doctor` prints.')


class PrintVersion(argparse.Action):
    """Look the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the version and end."""
        from .options import package_version
        print(f'panmatch {package_version()}')
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of all verbs."""
    parser = ExampleParser(
        prog='panmatch', allow_abbrev=False,
        description='Stereo disparity, depth, point clouds and optical flow from two images.')
    parser.examples = EXAMPLES
    parser.add_argument('-V', '--version', action=PrintVersion, nargs=0,
                        help='print the version and exit')
    verbs = parser.add_subparsers(dest='verb', metavar='VERB', required=True,
                                  parser_class=ExampleParser)
    for verb, name in VERBS.items():
        module = importlib.import_module(f'.{name}', __package__)
        child = verbs.add_parser(verb, help=module.SUMMARY, description=module.__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter,
                                 allow_abbrev=False)
        child.examples = module.EXAMPLES
        module.add_arguments(child)
        child.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command.

    :param argv: arguments without the program name; those of the process if not given.
    :returns: exit status.
    """
    try:
        args = build_parser().parse_args(argv)
    except SystemExit as stop:  # how argparse ends after --help and after a wrong command line
        return stop.code if isinstance(stop.code, int) else 0
    try:
        status = args.run(args)
        sys.stdout.flush()  # a reader that went away is noticed here, not after the end
        return status
    except KeyboardInterrupt:
        print('panmatch: interrupted', file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, `| head` for example
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (PanMatchError, OSError) as error:
        print(f'panmatch {args.verb}: error: {one_line(error)}', file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f'panmatch {args.verb}: error: the Python package {error.name} is not installed; '
              '`panmatch doctor` says what is missing', file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        print(REPORT, file=sys.stderr)
        return 1


def one_line(error: Exception) -> str:
    """Say an error in one line."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f'{error.filename}: {error.strerror}'
    return ' '.join(str(error).split()) or type(error).__name__


if __name__ == '__main__':
    sys.exit(main())
