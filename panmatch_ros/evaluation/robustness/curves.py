"""What the findings of a probe say: errors by strength, and how much of a matcher is left."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
from typing import Any

from ..pair_score import PairScore, matchers_of, tasks_of
from ..results import finite_or_none
from ..score_metrics import LESS, Metric, main_metric, metrics_of
from .probe import Finding

UNDAMAGED = 'none'
# The number of each task that says which share is right; in those of errors, what is not wrong.
RIGHT = {'stereo': 'd1_all_percent', 'flow': 'fl_all_percent', 'homography': 'bad_3_percent',
         'pose': 'pose_auc_10_percent', 'points': 'mean_accuracy_percent'}


@dataclass(frozen=True)
class Condition:
    """
    What one matcher did on all pairs of a task with one damage.

    :param task: of the pairs.
    :param matcher: label of the matcher.
    :param corruption: name of the damage, ``UNDAMAGED`` at strength 0.
    :param strength: 0 to 5.
    :param grade: of the corruption at this strength, in words.
    :param pairs: number of pairs; the same ones in all conditions of a task.
    :param error: mean of :func:`~..score_metrics.main_metric`, in its unit; of dense results over
        the pixels with a result. NaN if there is none.
    :param right_percent: share that is right, percent: of stereo and flow the pixels that are no
        outliers (3 px, 5 %), where a pixel without a result is one; see ``RIGHT``.
    :param density_percent: share of the pixels with a result, percent; NaN of sparse tasks.
    """

    task: str
    matcher: str
    corruption: str
    strength: float
    grade: str
    pairs: int
    error: float
    right_percent: float
    density_percent: float


@dataclass(frozen=True)
class Robustness:
    """
    How one matcher bears one corruption.

    :param task: of the pairs.
    :param matcher: label of the matcher.
    :param corruption: name.
    :param kept_percent: what is right under damage, in percent of what is right without, mean
        over the strengths; 100 is not affected, 0 is nothing right.
    :param error_ratio: error under damage over error without, mean over the strengths; 1 is
        not affected.
    """

    task: str
    matcher: str
    corruption: str
    kept_percent: float
    error_ratio: float


def right_metric(task: str) -> Metric:
    """Give the number of a task that says which share is right or wrong."""
    return next(metric for metric in metrics_of(task) if metric.name == RIGHT[task])


def conditions_of(findings: Sequence[Finding]) -> list[Condition]:
    """
    Average the scores of each matcher and damage.

    :param findings: of one probe; pairs that any matcher has no numbers of with any damage are
        left out everywhere.
    """
    everything = [score for finding in findings for score in finding.scores]
    conditions = []
    for task in tasks_of(everything):
        mine = [[score for score in finding.scores if score.task == task] for finding in findings]
        common = _common_pairs(mine)
        for matcher in matchers_of(score for scores in mine for score in scores):
            for finding, scores in zip(findings, mine, strict=True):
                chosen = [score for score in scores
                          if score.matcher == matcher and score.pair in common]
                conditions.append(_condition(task, matcher, finding, chosen))
    return conditions


def robustness_of(conditions: Sequence[Condition]) -> list[Robustness]:
    """
    Compare what each matcher does under damage with what it does without.

    :param conditions: of :func:`conditions_of`.
    """
    whole = {(each.task, each.matcher): each for each in conditions if each.strength == 0}
    damaged: dict[tuple[str, str, str], list[Condition]] = {}
    for each in conditions:
        if each.strength > 0:
            damaged.setdefault((each.task, each.matcher, each.corruption), []).append(each)
    return [Robustness(
        *key, 100 * _ratio([each.right_percent for each in mine], whole[key[:2]].right_percent),
        _ratio([each.error for each in mine], whole[key[:2]].error))
        for key, mine in damaged.items()]


def probe_results(findings: Sequence[Finding]) -> dict[str, Any]:
    """
    Arrange the findings for ``probe.json``.

    :returns: ``conditions`` and ``robustness`` as the classes here describe them, None for what
        there is not; ``failures``, each pair that a matcher failed on.
    """
    conditions = conditions_of(findings)
    return {
        'metrics': {task: {'error': main_metric(task).title, 'right': right_metric(task).title}
                    for task in dict.fromkeys(each.task for each in conditions)},
        'conditions': [_plain(each) for each in conditions],
        'robustness': [_plain(each) for each in robustness_of(conditions)],
        'failures': [
            {'pair': score.pair, 'task': score.task, 'matcher': score.matcher,
             'corruption': _name(finding), 'strength': finding.damage.strength,
             'error': score.error}
            for finding in findings for score in finding.scores if score.error]}


def _common_pairs(by_damage: Sequence[Sequence[PairScore]]) -> set[str]:
    """Pairs that all matchers have numbers of with all damages."""
    missing = {score.pair for scores in by_damage for score in scores if not score.is_measured}
    return {score.pair for scores in by_damage for score in scores} - missing


def _condition(task: str, matcher: str, finding: Finding,
               scores: Sequence[PairScore]) -> Condition:
    damage, metric = finding.damage, right_metric(task)
    share = metric.over(scores).mean
    densities = [score.value('density_percent') for score in scores]
    return Condition(
        task, matcher, _name(finding), damage.strength,
        damage.kind.describe(damage.strength) if damage.strength else 'no damage', len(scores),
        main_metric(task).over(scores).mean, 100 - share if metric.better == LESS else share,
        sum(densities) / len(densities) if densities else math.nan)


def _name(finding: Finding) -> str:
    return finding.damage.corruption if finding.damage.strength else UNDAMAGED


def _ratio(values: Sequence[float], whole: float) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) / whole if known and whole > 0 else math.nan


def _plain(row: Condition | Robustness) -> Mapping[str, Any]:
    return {name: finite_or_none(value) if isinstance(value, float) else value
            for name, value in vars(row).items()}
