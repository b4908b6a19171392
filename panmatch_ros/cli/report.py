"""Make the HTML report of an evaluation again, from the files in its folder alone."""
import argparse
from pathlib import Path

SUMMARY = 'make the report of an evaluation again'
EXAMPLES = """\
panmatch report out/compare             # writes out/compare/report.html from what is there
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('folder', type=Path, metavar='RUN',
                        help='folder that `panmatch evaluate --out` has written')


def run(args: argparse.Namespace) -> int:
    """
    Write the page and say where it is.

    :raises ConfigError: if the folder is not that of an evaluation.
    """
    from ..evaluation.report.page import write_report
    from ..evaluation.run_folder import RunFolder
    print(write_report(RunFolder(args.folder)))
    return 0
