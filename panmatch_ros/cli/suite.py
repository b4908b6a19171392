"""
Measure matchers on several datasets in one go, with one table: zero-shot evaluation.

A YAML file names the datasets, their options and their folders below --root. Each is evaluated as
`panmatch evaluate` does, into a folder of its own.
"""
import argparse
from collections.abc import Sequence
import copy
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError
from .ablation import ablated_contenders, add_ablation
from .dataset_options import Chosen, spread
from .evaluate import PICTURES, Tellers, make_contenders, plan_of, tasks_of
from .network_options import MATCHER_HELP, MATCHERS, add_networks, check_matchers, network_options
from .options import add_disparity_range, check_out, count, versions
from .progress import progress

if TYPE_CHECKING:
    from ..evaluation.contender import Contender
    from ..evaluation.pair_score import PairScore
    from ..evaluation.report.suite_table import Line
    from ..evaluation.suite import Entry

SUMMARY = 'measure matchers on several datasets, with one table'
EXAMPLES = """\
panmatch suite config/eval/zero_shot.yaml --root ~/datasets --out out/zero_shot \\
    --matcher panmatch --weights panmatch_g.safetensors
                                # one set of weights on all datasets
panmatch suite config/eval/zero_shot.yaml --root ~/datasets --skip-missing --limit 20
                                # a quick look at the datasets that are there
panmatch suite config/eval/zero_shot.yaml --root ~/datasets --out out/ablation \\
    --matcher panmatch --weights panmatch_g.safetensors --ablation bilinear
                                # the same network with bilinear instead of guided upsampling
"""
PAGE, RESULTS, TABLE = 'suite.html', 'suite.json', 'suite.csv'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('suite', type=Path, metavar='FILE',
                        help='YAML file with the datasets, such as config/eval/zero_shot.yaml')
    parser.add_argument('--root', type=Path, default=Path(), metavar='DIR',
                        help='folder that the folders of the datasets are in (default: here)')
    parser.add_argument('--matcher', choices=MATCHERS, action='append', dest='matchers',
                        help=f'what to measure; may be given several times. {MATCHER_HELP}')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help=f'folder for {PAGE}, {RESULTS}, {TABLE} and one folder for each '
                             'dataset, as `panmatch evaluate --out` makes it')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace pages and results if they are there')
    parser.add_argument('--fresh', action='store_true',
                        help='match all pairs again, whatever predictions are there')
    parser.add_argument('--skip-missing', action='store_true',
                        help='go on without the datasets that are not there')
    parser.add_argument('--limit', type=count, metavar='N',
                        help='take N pairs of each dataset, spread evenly; default is what the '
                             'file says, else all')
    parser.add_argument('--pictures', type=count, default=PICTURES, metavar='N',
                        help='pairs of each task that have pictures in the report of a dataset '
                             f'(default {PICTURES})')
    add_ablation(parser)
    add_disparity_range(parser)
    add_networks(parser)


def run(args: argparse.Namespace) -> int:
    """
    Evaluate all datasets and write one table.

    :returns: 1 if a pair failed, else 0.
    :raises PanMatchError: if the file is no suite, a dataset is not there, or an option cannot
        be used.
    """
    from ..evaluation.report.suite_table import lines_of
    from ..evaluation.suite import read_suite
    names = list(dict.fromkeys(args.matchers or ['auto']))
    check_out(args.out, (PAGE, RESULTS, TABLE), args.overwrite)
    check_matchers(names, args)
    suite = read_suite(args.suite)
    missing = [entry.name for entry in suite.entries if not (args.root / entry.folder).is_dir()]
    if len(missing) == len(suite.entries) or (missing and not args.skip_missing):
        first = next(entry for entry in suite.entries if entry.name in missing)
        raise ConfigError(f'not there: {", ".join(missing)} (such as {args.root / first.folder}); '
                          'name their folder with --root'
                          + ('' if args.skip_missing else ', or add --skip-missing'))
    chosen = {entry.name: choose(entry, args) for entry in suite.entries
              if entry.name not in missing}
    contenders = make_contenders(names, args) + ablated_contenders(names, args)
    lines: list[Line] = []
    failed = 0
    for entry in suite.entries:
        if entry.name in missing:
            continue
        pairs = chosen[entry.name]
        note(f'{entry.name}: {entry.dataset}, {tasks_of(pairs.samples)}')
        scores = evaluate(entry, pairs, contenders, args)
        lines += lines_of(entry.name, scores)
        failed += sum(bool(score.error) for score in scores)
    show(lines, missing)
    if args.out:
        write_results(suite.title, lines, missing, args)
    if failed:
        note(f'error: {failed} failed, see above')
    return 1 if failed else 0


def choose(entry: 'Entry', args: argparse.Namespace) -> Chosen:
    """
    List the pairs of an entry.

    :raises ConfigError: if the folder does not hold the dataset.
    """
    from ..data.datasets import open_dataset
    samples = open_dataset(entry.dataset, args.root / entry.folder, entry.options)
    return Chosen(spread(samples, args.limit or entry.limit or None), entry.dataset, False,
                  dict(entry.options))


def evaluate(entry: 'Entry', chosen: Chosen, contenders: 'Sequence[Contender]',
             args: argparse.Namespace) -> 'list[PairScore]':
    """
    Evaluate one dataset as ``panmatch evaluate`` does.

    :param entry: the dataset.
    :param chosen: its pairs.
    """
    from ..evaluation.report.page import write_report
    from ..evaluation.run import measure_only, predict_run, score_run
    from ..evaluation.run_folder import RunFolder
    mine = copy.copy(args)
    mine.folder, mine.scale = args.root / entry.folder, None
    mine.task = entry.options.get('task', 'auto')
    with progress('suite', len(chosen.samples), entry.name) as shown:
        plan = plan_of(chosen, mine, Tellers(shown))
        if args.out is None:
            return measure_only(plan, contenders)
        folder = RunFolder(args.out / entry.name)
        scores = score_run(plan, folder, predict_run(plan, contenders, folder))
        write_report(folder)
    return scores


def show(lines: 'Sequence[Line]', missing: Sequence[str]) -> None:
    """Print a table for each task, and what is not there."""
    from ..evaluation.report.suite_table import text_rows
    from .evaluate_report import align
    for task in dict.fromkeys(line.task for line in lines):
        print(align(text_rows(task, [line for line in lines if line.task == task]), words=2))
        print()
    if missing:
        print(f'not there: {", ".join(missing)}')


def write_results(title: str, lines: 'Sequence[Line]', missing: Sequence[str],
                  args: argparse.Namespace) -> None:
    """Write the table and say where it is."""
    from ..evaluation.report.suite_table import plain_line, suite_page
    from ..evaluation.results import csv_of
    rows = [plain_line(line) for line in lines]
    results = {'suite': str(args.suite), 'root': str(args.root), 'options': options(args),
               'versions': versions(), 'missing': list(missing), 'lines': rows}
    links = {line.dataset: f'{line.dataset}/report.html' for line in lines}
    texts = {RESULTS: json.dumps(results, indent=2, allow_nan=False) + '\n', TABLE: csv_of(rows),
             PAGE: suite_page(title, lines, missing, links)}
    for name, text in texts.items():
        (args.out / name).write_text(text, encoding='utf-8')
        print(args.out / name)


def options(args: argparse.Namespace) -> dict[str, Any]:
    """Options as they were used."""
    return {'matchers': args.matchers or ['auto'], 'ablation': args.ablation or [],
            'limit': args.limit, 'min_disparity': args.min_disparity,
            'max_disparity': args.max_disparity, **network_options(args)}


def note(text: str) -> None:
    """Tell the user something that is not a result."""
    print(f'panmatch suite: {text}', file=sys.stderr)
