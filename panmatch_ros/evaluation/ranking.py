"""Which pairs a report shows: the worst first."""
from collections.abc import Iterable, Sequence
import math

from .pair_score import PairScore
from .score_metrics import main_metric

BEST_SHARE = 0.2  # of the pairs that are shown are best ones, if not all can be


def worst_first(scores: Iterable[PairScore], task: str) -> list[str]:
    """
    Sort the pairs of a task by what the first matcher made of them.

    :param scores: of any tasks.
    :param task: that is looked at.
    :returns: names: pairs that a matcher failed on, then those without a result that could be
        measured, then from the largest error to the smallest, then those of unknown truth.
    """
    by_pair: dict[str, list[PairScore]] = {}
    for score in scores:
        if score.task == task:
            by_pair.setdefault(score.pair, []).append(score)
    metric = main_metric(task)

    def rank(pair: str) -> tuple[int, float]:
        mine = by_pair[pair]
        if any(score.error for score in mine):
            return 0, 0.0
        if not mine[0].is_measured:
            return 3, 0.0
        value = mine[0].value(metric.source)
        return (2, -value) if math.isfinite(value) else (1, 0.0)

    return sorted(by_pair, key=rank)  # stable: equal ones stay in the order of the dataset


def shown_pairs(scores: Sequence[PairScore], task: str, limit: int) -> list[str]:
    """
    Choose the pairs of a task that are shown with pictures.

    :param scores: of any tasks.
    :param task: that is looked at.
    :param limit: at most so many.
    :returns: names, worst first: all if they are not more than ``limit``, else the worst, and
        a fifth of ``limit`` that are the best.
    """
    ranked = worst_first(scores, task)
    if len(ranked) <= limit:
        return ranked
    best = int(limit * BEST_SHARE)
    measured = {score.pair for score in scores if score.task == task and score.is_measured
                and not score.error}
    candidates = [pair for pair in ranked if pair in measured]
    chosen = set(candidates[len(candidates) - best:]) if best else set()
    for pair in ranked:
        if len(chosen) == limit:
            break
        chosen.add(pair)
    return [pair for pair in ranked if pair in chosen]
