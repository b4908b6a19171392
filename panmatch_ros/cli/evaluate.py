"""
Measure matchers on pairs with ground truth: EPE, bad-N, D1-all, Fl-all, poses, homographies.

In two steps: what the matchers make of the pairs is kept in the folder --out, and then compared
with the truth. A second run matches only what has changed. The report is one HTML file.
"""
import argparse
from collections.abc import Sequence
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from .ablation import ablated_contenders, add_ablation
from .dataset_options import Chosen, add_dataset, choose_samples
from .evaluate_submission import check_submission, write_results
from .network_options import (
    MATCHER_HELP,
    MATCHERS,
    add_networks,
    check_matchers,
    for_one_of,
    matcher_options,
    network_options,
)
from .options import add_disparity_range, check_out, count_or_none, versions
from .progress import Progress, progress

if TYPE_CHECKING:
    from ..data.sample import Sample
    from ..evaluation.contender import Contender
    from ..evaluation.pair_score import PairScore
    from ..evaluation.predict import Outcome
    from ..evaluation.run import Plan

SUMMARY = 'measure errors on pairs with ground truth'
EXAMPLES = """\
panmatch evaluate ~/datasets/middlebury
                                # all pairs of the dataset or in the folder
panmatch evaluate cones --matcher classical --max-disparity 64
                                # one pair, one matcher
panmatch evaluate ~/datasets/kitti2015 --task stereo --out out/kitti
                                # also keep predictions; write report.html, results.json and .csv
panmatch evaluate tsukuba --scale 16
                                # 8-bit ground truth: value = 16 * disparity
panmatch evaluate ~/datasets/middlebury --matcher nano --matcher classical --out out/compare
                                # which of the two is better there; pictures in report.html
panmatch evaluate cones --matcher classical --matcher panmatch --weights c.safetensors
                                # the network beside OpenCV
panmatch evaluate out/compare --score-only
                                # score what is kept there again; no matcher runs
panmatch evaluate ~/datasets/sintel --split test --matcher nano --out out/s --submission out/upload
                                # files for the site of the benchmark
"""
REPORT, RESULTS, TABLE = 'report.html', 'results.json', 'results.csv'
PICTURES = 16  # pairs of a task that have some, as evaluation.picture_files.DEFAULT_LIMIT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this verb."""
    parser.add_argument('folder', type=Path, metavar='DIR',
                        help='a dataset in its official layout, a pair (two images and ground '
                             'truth), or a folder of such folders; with --score-only the folder '
                             'of an earlier --out')
    parser.add_argument('--matcher', choices=MATCHERS, action='append', dest='matchers',
                        help=f'what to measure; may be given several times. {MATCHER_HELP}')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help=f'folder for predictions, {REPORT} (one file, with pictures), '
                             f'{RESULTS} and {TABLE}; made if it does not exist. Predictions of '
                             'an earlier run there are used again where nothing has changed')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace report and results if they are there')
    parser.add_argument('--fresh', action='store_true',
                        help='match all pairs again, whatever predictions are there')
    parser.add_argument('--score-only', action='store_true',
                        help='score the predictions in DIR again, without any matcher')
    parser.add_argument('--submission', type=Path, metavar='DIR',
                        help='also write the results as the site of the benchmark takes them, '
                             'into an empty folder; for one matcher, with --out')
    parser.add_argument('--pictures', type=count_or_none, default=PICTURES, metavar='N',
                        help='pairs of each task that have pictures in the report: the worst, '
                             f'and a few of the best (default {PICTURES}); 0 for none')
    add_ablation(parser)
    add_dataset(parser)
    add_disparity_range(parser)
    add_networks(parser)


def run(args: argparse.Namespace) -> int:
    """
    Score all pairs with all matchers.

    :returns: 1 if a pair failed, else 0.
    :raises PanMatchError: if there are no pairs or an option cannot be used.
    """
    if args.score_only:
        from .evaluate_again import score_again
        return score_again(args)
    from ..evaluation.run import measure_only, predict_run, score_run
    from ..evaluation.run_folder import RunFolder
    names = list(dict.fromkeys(args.matchers or ['auto']))
    check_out(args.out, (REPORT, RESULTS, TABLE), args.overwrite)
    check_submission(args, len(names))
    check_matchers(names, args)
    chosen = choose_samples(args)
    announce(chosen, args.task)
    contenders = make_contenders(names, args) + ablated_contenders(names, args)
    with progress('evaluate', len(chosen.samples), 'matching') as shown:
        plan = plan_of(chosen, args, Tellers(shown))
        if args.out is None:
            return conclude(measure_only(plan, contenders))
        folder = RunFolder(args.out)
        try:
            entrants = predict_run(plan, contenders, folder)
        except KeyboardInterrupt:
            note(f'what is matched is kept in {args.out}: the same command goes on from there')
            raise
    if args.submission:
        number = write_results(chosen, folder, entrants, args)
        note(f'{number} results are in {args.submission}, as {chosen.dataset} takes them')
    with progress('evaluate', len(chosen.samples), 'scoring') as shown:
        plan = plan_of(chosen, args, Tellers(shown, count_scored=True))
        scores = score_run(plan, folder, entrants)
    return conclude(scores, args.out)


def conclude(scores: 'Sequence[PairScore]', out: Path | None = None) -> int:
    """
    Print the table, write the report and say where everything is.

    :param out: folder with the results; None if there is none.
    :returns: 1 if a pair failed, else 0.
    """
    from ..evaluation.report.page import write_report
    from ..evaluation.run_folder import RunFolder
    from .evaluate_report import describe_official, describe_scores
    print(describe_scores(scores))
    if out is not None:
        page = write_report(RunFolder(out))
        print(describe_official(RunFolder(out).read(RESULTS)), end='')
        for path in (page, out / RESULTS, out / TABLE):
            print(path)
    failed = sum(bool(score.error) for score in scores)
    if failed:
        note(f'error: {failed} of {len(scores)} failed, see above')
    return 1 if failed else 0


def make_contenders(names: Sequence[str], args: argparse.Namespace) -> 'list[Contender]':
    """
    Make the matchers.

    :raises PanMatchError: if options contradict each other, or weights cannot be used.
    """
    from ..evaluation.contender import make_contender
    return [make_contender(name, matcher_options(name, for_one_of(names, name, args)))
            for name in names]


def plan_of(chosen: Chosen, args: argparse.Namespace, tellers: 'Tellers') -> 'Plan':
    """
    Say what is evaluated, and who is told.

    :param tellers: who tell the user.
    """
    from ..evaluation.run import Plan, Reporters
    dataset = {'name': chosen.dataset, 'folder': str(args.folder.resolve()),
               'options': chosen.options, 'limit': args.limit}
    about = {'title': f'panmatch evaluate {args.folder}', 'folder': str(args.folder),
             'dataset': dataset, 'options': options(args), 'versions': versions()}
    return Plan(chosen.samples, about, args.pictures, args.fresh,
                Reporters(tellers.predicted, tellers.scored))


class Tellers:
    """
    Tell the user what happens to each pair.

    :param shown: where.
    :param count_scored: whether the second step is the one whose progress is shown.
    """

    def __init__(self, shown: Progress, count_scored: bool = False) -> None:
        self.shown, self.count_scored = shown, count_scored
        self._told: set[str] = set()

    def predicted(self, outcomes: 'Sequence[Outcome]') -> None:
        """Say that a pair is matched, and what was wrong with files of an earlier run."""
        for outcome in outcomes:
            if outcome.note:
                self.shown.note(outcome.note)
            if outcome.error:
                self._told.add(outcome.error)
        self.shown.step(f'{outcomes[0].pair} {outcomes[0].task} '
                        + ', '.join(f'{each.matcher}: {result_of(each)}' for each in outcomes))

    def scored(self, scores: 'Sequence[PairScore]') -> None:
        """Say how truth was guessed, and what failed only now."""
        for score in scores:
            guess = f'    ground truth: {score.truth_note} (override: --scale)'
            if score.truth_note and guess not in self._told:
                self._told.add(guess)
                self.shown.note(guess)
            if score.error and score.error not in self._told:
                self._told.add(score.error)
                self.shown.note(f'{score.pair} {score.task} {score.matcher}: failed: '
                                f'{" ".join(score.error.split())}')
        if self.count_scored:
            self.shown.advance()


def result_of(outcome: 'Outcome') -> str:
    """Say in a few words what became of a pair."""
    if outcome.error:
        return f'failed: {" ".join(outcome.error.split())}'
    return f'{outcome.milliseconds:.0f} ms' + (' (kept)' if outcome.is_reused else '')


def options(args: argparse.Namespace) -> dict[str, Any]:
    """Options as they were used."""
    return {'matchers': args.matchers or ['auto'], 'task': args.task, 'scale': args.scale,
            'min_disparity': args.min_disparity, 'max_disparity': args.max_disparity,
            'ablation': args.ablation or [], **network_options(args)}


def announce(chosen: Chosen, task: str, verb: str = 'evaluate') -> None:
    """Say what was found and guessed."""
    if chosen.dataset != 'folder':
        origin = ', guessed by the names in the folder (override: --dataset)'
        note(f'dataset {chosen.dataset}{origin if chosen.is_guess else ""}', verb)
    number = len(chosen.samples)
    origin = ', told by the ground truth (override: --task)' if task == 'auto' else ''
    note(f'{number} pair{"" if number == 1 else "s"}: {tasks_of(chosen.samples)}{origin}', verb)


def tasks_of(samples: 'Sequence[Sample]') -> str:
    """Count the pairs of each task: '3 stereo, 1 flow'."""
    tasks = [sample.task for sample in samples]
    return ', '.join(f'{tasks.count(task)} {task}' for task in sorted(set(tasks), reverse=True))


def note(text: str, verb: str = 'evaluate') -> None:
    """Tell the user something that is not a result."""
    print(f'panmatch {verb}: {text}', file=sys.stderr)
