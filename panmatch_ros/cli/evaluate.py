"""Measure errors on pairs with ground truth: EPE, bad-N, D1-all, Fl-all."""
import argparse
from collections.abc import Sequence
from functools import partial
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from .network_options import (
    MATCHER_HELP,
    MATCHERS,
    add_networks,
    check_matchers,
    for_one_of,
    make_matcher,
    network_options,
)
from .options import add_disparity_range, positive, versions

if TYPE_CHECKING:
    from ..evaluation.evaluate import PairScore
    from ..evaluation.pairs import TruthPair
    from ..inference.matcher import Matcher

SUMMARY = 'measure errors on pairs with ground truth'
EXAMPLES = """\
panmatch evaluate ~/datasets/middlebury
                                # all pairs in the folder and up to two levels below
panmatch evaluate cones --matcher classical --max-disparity 64
                                # one pair, one matcher
panmatch evaluate ~/datasets/kitti --task stereo --out out/kitti
                                # also write report.html, results.json and results.csv
panmatch evaluate tsukuba --scale 16
                                # 8-bit ground truth: value = 16 * disparity
panmatch evaluate ~/datasets/middlebury --matcher nano --matcher classical --out out/compare
                                # which of the two is better there; pictures in report.html
panmatch evaluate cones --matcher classical --matcher panmatch --weights c.safetensors
                                # the network beside OpenCV
"""
RESULTS, TABLE, REPORT = 'results.json', 'results.csv', 'report.html'
WRITTEN = (REPORT, RESULTS, TABLE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('folder', type=Path, metavar='DIR',
                        help='a pair (two images and ground truth) or a folder of such folders')
    parser.add_argument('--matcher', choices=MATCHERS, action='append', dest='matchers',
                        help=f'what to measure; may be given several times. {MATCHER_HELP}')
    parser.add_argument('--task', choices=('auto', 'stereo', 'flow'), default='auto',
                        help='which pairs; auto (default) takes all and tells the task by the '
                             'ground truth')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help=f'folder for {REPORT} (every pair with pictures), {RESULTS} and '
                             f'{TABLE}; made if it does not exist')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace those files if they are there')
    parser.add_argument('--scale', type=positive, metavar='S',
                        help='levels per pixel of png disparity: value = S * disparity; default '
                             'is scale.txt beside it, else what its name tells')
    add_disparity_range(parser)
    add_networks(parser)


def run(args: argparse.Namespace) -> int:
    """
    Score all pairs with all matchers.

    :returns: 1 if a pair failed, else 0.
    :raises PanMatchError: if there are no pairs or an option cannot be used.
    """
    from ..evaluation.compare import compare
    from ..evaluation.evaluate import read_example
    from ..evaluation.pairs import find_pairs
    from ..evaluation.report import pair_section, picture_width
    from .evaluate_report import describe_scores
    names = list(dict.fromkeys(args.matchers or ['auto']))
    check_out(args)
    check_matchers(names, args)
    pairs, without_truth = find_pairs(args.folder, args.task)
    announce(pairs, without_truth, args.task)
    named = {name: make_matcher(name, for_one_of(names, name, args)) for name in names}
    scores: list[PairScore] = []
    sections: list[str] = []  # pictures are encoded: the arrays of one pair are in memory
    for index, pair in enumerate(pairs, 1):
        matchers = {label_of(name, matcher, pair.task): matcher
                    for name, matcher in named.items()}
        comparison = compare(pair.name, pair.task, partial(read_example, pair, args.scale),
                             matchers)
        scores += comparison.scores
        report_progress(comparison.scores, f'{index}/{len(pairs)}')
        if args.out:
            sections.append(pair_section(comparison, picture_width(len(pairs))))
    print(describe_scores(scores))
    if args.out:
        write_results(args, scores, sections)
    failed = sum(bool(score.error) for score in scores)
    if failed:
        note(f'error: {failed} of {len(scores)} failed, see above')
    return 1 if failed else 0


def write_results(args: argparse.Namespace, scores: 'list[PairScore]',
                  sections: list[str]) -> None:
    """Write the numbers and the report, and say where they are."""
    from ..evaluation.report import report_page
    from .evaluate_report import csv_of, results_of
    results = {'folder': str(args.folder), 'options': options(args), 'versions': versions(),
               **results_of(scores)}
    labels = ', '.join(dict.fromkeys(score.matcher for score in scores))
    pairs = f'{len(sections)} pair{"s" if len(sections) > 1 else ""}'
    texts = {
        RESULTS: json.dumps(results, indent=2, allow_nan=False) + '\n',
        TABLE: csv_of(results['pairs']),
        REPORT: report_page(f'panmatch evaluate {args.folder}', f'{pairs}; {labels}', scores,
                            sections)}
    args.out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (args.out / name).write_text(text, encoding='utf-8')
        print(args.out / name)


def label_of(name: str, matcher: 'Matcher', task: str) -> str:
    """Name a matcher as it was asked for, and what that is for this task."""
    from ..inference.auto import AutoMatcher
    chosen = matcher.for_task(task) if isinstance(matcher, AutoMatcher) else matcher
    return name if name == chosen.name else f'{name} ({chosen.name})'


def check_out(args: argparse.Namespace) -> None:
    """
    Find out before the work whether its result may be written.

    :raises ConfigError: if not.
    """
    if args.out is None:
        return
    if args.out.exists() and not args.out.is_dir():
        raise ConfigError(f'--out {args.out} is a file; name a folder')
    found = [args.out / name for name in WRITTEN if (args.out / name).exists()]
    if found and not args.overwrite:
        raise ConfigError(f'{found[0]} exists; name another folder, or add --overwrite')


def options(args: argparse.Namespace) -> dict:
    """Options as they were used."""
    return {'matchers': args.matchers or ['auto'], 'task': args.task, 'scale': args.scale,
            'min_disparity': args.min_disparity, 'max_disparity': args.max_disparity,
            **network_options(args)}


def announce(pairs: 'list[TruthPair]', without_truth: list[str], task: str) -> None:
    """Say what was found and guessed."""
    stereo = sum(pair.task == 'stereo' for pair in pairs)
    origin = ', told by the ground truth (override: --task)' if task == 'auto' else ''
    note(f'{len(pairs)} pairs: {stereo} stereo, {len(pairs) - stereo} flow{origin}')
    if without_truth:
        note(f'images without ground truth are left out: {", ".join(without_truth)}')


def report_progress(scores: 'Sequence[PairScore]', position: str) -> None:
    """
    Say that a pair is done.

    :param scores: of all matchers on this pair.
    :param position: like '3/10'.
    """
    for score in scores:
        result = (f'failed: {" ".join(score.error.split())}' if score.error
                  else f'{score.milliseconds:.0f} ms')
        note(f'[{position}] {score.pair} {score.task} {score.matcher}: {result}')
    guess = next((score for score in scores if score.scale_is_guess), None)
    if guess:
        note(f'    ground truth: guessed value / {guess.truth_scale:g} from {guess.scale_origin}; '
             '0 is unknown (override: --scale)')


def note(text: str) -> None:
    """Tell the user something that is not a result."""
    print(f'panmatch evaluate: {text}', file=sys.stderr)
