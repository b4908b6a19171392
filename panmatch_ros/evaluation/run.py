"""
The steps of an evaluation, each from what the one before has left in the run folder.

1. :func:`predict_run` matches and keeps the predictions.
2. :func:`score_run` compares them with the truth, and paints the pairs that are shown.
3. :func:`.report.write_report` makes the page.
"""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
import tempfile
from typing import Any

from ..core.errors import FormatError
from ..data.sample import Sample
from .contender import Contender
from .official import official_lines, plain_lines
from .pair_score import PairScore
from .predict import Outcome, labels_of, predict_pairs
from .report.picture_files import DEFAULT_LIMIT, write_pictures
from .results import csv_of, curves_of, results_of
from .run_folder import CURVES, RESULTS, RUN, TABLE, RunFolder
from .score import Entrants, score_pairs

FORMAT = 'panmatch_ros evaluation 1'


@dataclass(frozen=True)
class Reporters:
    """
    Who is told how far the work is.

    :param predicted: told what became of each pair in step 1.
    :param scored: told the scores of each pair in step 2.
    """

    predicted: Callable[[Sequence[Outcome]], None] | None = None
    scored: Callable[[Sequence[PairScore]], None] | None = None


@dataclass(frozen=True)
class Plan:
    """
    What is evaluated.

    :param samples: the pairs.
    :param about: what the files say of it: 'title' is that of the report; plain values.
    :param pictures: at most so many pairs of each task have pictures in the report.
    :param fresh: match all pairs, whatever an earlier run has left.
    :param reporters: told what happens.
    """

    samples: Sequence[Sample]
    about: Mapping[str, Any]
    pictures: int = DEFAULT_LIMIT
    fresh: bool = False
    reporters: Reporters = field(default_factory=Reporters)


def predict_run(plan: Plan, contenders: Sequence[Contender], folder: RunFolder) -> Entrants:
    """
    Do step 1, and write down what was done.

    :returns: what step 2 needs to know.
    :raises PanMatchError: if a matcher cannot be used at all.
    """
    labels = {task: labels_of(contenders, task)
              for task in dict.fromkeys(sample.task for sample in plan.samples)}
    failed = predict_pairs(plan.samples, contenders, folder, plan.fresh,
                           plan.reporters.predicted)
    folder.write(RUN, {
        'format': FORMAT, **plan.about, 'labels': labels,
        'matchers': [{'name': each.name, 'identity': dict(each.identity)}
                     for each in contenders],
        'pairs': [{'task': sample.task, 'pair': sample.name} for sample in plan.samples],
        'failures': [{'task': each.task, 'pair': each.pair, 'matcher': each.matcher,
                      'error': each.error} for each in failed]})
    return Entrants(labels, failures_of(failed))


def score_run(plan: Plan, folder: RunFolder, entrants: Entrants) -> list[PairScore]:
    """Do step 2: write numbers, curves and pictures."""
    scores = score_pairs(plan.samples, folder, entrants, plan.reporters.scored)
    results = results_of(scores)
    folder.write(CURVES, curves_of(scores))
    write_pictures(plan.samples, folder, entrants, scores, plan.pictures)
    folder.write_text(TABLE, csv_of(results['pairs']))
    official = plain_lines(official_lines(plan.samples, scores))
    folder.write(RESULTS, {**plan.about, **results, 'official': official})
    return scores


def measure_only(plan: Plan, contenders: Sequence[Contender]) -> list[PairScore]:
    """
    Do steps 1 and 2 without keeping anything.

    Each pair goes through both steps before the next one, so that the predictions of one pair
    are on the disk at a time.
    """
    scores = []
    labels = {task: labels_of(contenders, task)
              for task in dict.fromkeys(sample.task for sample in plan.samples)}
    for sample in plan.samples:
        with tempfile.TemporaryDirectory(prefix='panmatch-') as temporary:
            folder = RunFolder(Path(temporary))
            failed = predict_pairs([sample], contenders, folder, True, plan.reporters.predicted)
            scores += score_pairs([sample], folder, Entrants(labels, failures_of(failed)),
                                  plan.reporters.scored)
    return scores


def failures_of(failed: Sequence[Outcome]) -> dict[tuple[str, str, str], str]:
    """Sort errors by task, pair and label of the matcher."""
    return {(each.task, each.pair, each.matcher): each.error for each in failed}


def read_entrants(run: Mapping[str, Any]) -> tuple[Entrants, list[tuple[str, str]]]:
    """
    Read what an earlier step 1 has left.

    :param run: ``run.json``.
    :returns: what step 2 needs to know, and the task and name of each pair.
    :raises FormatError: if the file is damaged or of another version.
    """
    try:
        if run['format'] != FORMAT:
            raise FormatError(f'the run is of the format {run["format"]!r}, and {FORMAT!r} is '
                              'needed; evaluate again')
        failures = {(each['task'], each['pair'], each['matcher']): each['error']
                    for each in run['failures']}
        return (Entrants(dict(run['labels']), failures),
                [(each['task'], each['pair']) for each in run['pairs']])
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f'{RUN} is damaged: {error!r}') from None
