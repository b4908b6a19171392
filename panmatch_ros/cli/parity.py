"""Compare this implementation of PanMatch with arrays that the reference code computed."""
import argparse
from pathlib import Path
import time
from typing import TYPE_CHECKING

from ..core.errors import PanMatchError

if TYPE_CHECKING:
    from ..inference.parity.report import ArrayError

SUMMARY = 'compare the network and its geometry with arrays of the reference code'
EXAMPLES = """\
panmatch parity test/data/parity           # every array of every .npz file of a folder
panmatch parity whole_s_reg_112x168.npz    # one file
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('folder', type=Path, metavar='DIR',
                        help='folder with .npz files, or one such file')
    parser.add_argument('--failures', action='store_true',
                        help='print the arrays that differ only')


def run(args: argparse.Namespace) -> int:
    """
    Check all files and print the largest error of each array.

    :returns: 1 if an array differs by more than its tolerance, or a file cannot be read.
    :raises PanMatchError: if there is no file.
    """
    from ..inference.parity.networks import Networks
    from ..inference.parity.run import check_file, find_files
    networks, arrays, failed = Networks(), 0, 0
    files = find_files(args.folder)
    for path in files:
        start_s = time.perf_counter()
        print(path.name, flush=True)
        try:
            for error in check_file(path, networks):
                arrays, failed = arrays + 1, failed + (not error.passed)
                if not (args.failures and error.passed):
                    print(describe(error), flush=True)
        except PanMatchError as error:
            failed += 1
            print(f'  FAIL  {error}')
        print(f'  {time.perf_counter() - start_s:.1f} s')
    verdict = f'{failed} FAILED' if failed else 'all passed'
    print(f'{arrays} arrays of {len(files)} file{"s" * (len(files) > 1)}: {verdict}')
    return 1 if failed else 0


def describe(error: 'ArrayError') -> str:
    """Put an error in one line."""
    verdict = 'ok  ' if error.passed else 'FAIL'
    where = f'  {error.where}' if error.where and not error.passed else ''
    return (f'  {verdict}  {error.name:32} {error.error:9.2e}  '
            f'(at most {error.tolerance:.0e}){where}')
