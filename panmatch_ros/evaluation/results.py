"""The numbers of an evaluation as JSON and CSV, and back."""
from collections.abc import Iterable, Mapping, Sequence
import csv
import io
import itertools
import math
from typing import Any

import numpy as np

from ..core.errors import FormatError
from .metrics.confidence import Reliability
from .metrics.intervals import LEVEL_PERCENT, RESAMPLES, SEED, Interval
from .metrics.sparsification import Sparsification
from .pair_score import PairScore, common_pairs, matchers_of, tasks_of
from .score_metrics import Metric, metrics_of

_KNOWN = frozenset({'pair', 'task', 'matcher', 'height', 'width', 'milliseconds', 'truth_scale',
                    'truth_scale_origin', 'truth_note', 'error'})
_CURVE_DIGITS = 6


def results_of(scores: Sequence[PairScore]) -> dict[str, Any]:
    """
    Arrange scores for ``results.json``.

    :returns: ``pairs``, a list with every pair and matcher; ``means``, with every task and
        matcher, over the pairs that all matchers have numbers of; ``differences``, with every
        two matchers, over those pairs; ``bootstrap``, how the intervals were made. Numbers that
        do not exist are None.
    """
    means, differences = [], []
    for task in tasks_of(scores):
        by_matcher = compared(scores, task)
        if not any(by_matcher.values()):
            continue
        means += [_mean(task, matcher, mine) for matcher, mine in by_matcher.items()]
        differences += [_difference(task, pair, by_matcher)
                        for pair in itertools.combinations(by_matcher, 2)]
    return {'pairs': [_pair(score) for score in scores], 'means': means,
            'differences': differences,
            'bootstrap': {'interval': 'expanded percentiles', 'level_percent': LEVEL_PERCENT,
                          'resamples': RESAMPLES, 'seed': SEED}}


def compared(scores: Iterable[PairScore], task: str) -> dict[str, list[PairScore]]:
    """
    Give for each matcher the scores of the pairs that all matchers have numbers of.

    :param scores: of any tasks.
    :param task: that is looked at.
    :returns: by matcher, in the order they were given; the pairs of all are in one order.
    """
    mine = [score for score in scores if score.task == task]
    common = set(common_pairs(mine))
    return {matcher: [score for score in mine
                      if score.matcher == matcher and score.pair in common]
            for matcher in matchers_of(mine)}


def curves_of(scores: Iterable[PairScore]) -> dict[str, Any]:
    """Arrange the curves of the confidence for ``curves.json``."""
    return {'curves': [
        {'pair': score.pair, 'task': score.task, 'matcher': score.matcher,
         'pixels': score.reliability.pixels.tolist(),
         'confidence': _rounded(score.reliability.confidence),
         'right': score.reliability.right.tolist(),
         **({'error_px': _rounded(score.sparsification.error_px),
             'oracle_px': _rounded(score.sparsification.oracle_px)}
            if score.sparsification else {})}
        for score in scores if score.reliability is not None]}


def read_scores(results: Mapping[str, Any], curves: Mapping[str, Any]) -> list[PairScore]:
    """
    Make scores of what :func:`results_of` and :func:`curves_of` have arranged.

    :raises FormatError: if it is something else.
    """
    try:
        known = {(each['task'], each['pair'], each['matcher']): each
                 for each in curves['curves']}
        return [_score(pair, known.get((pair['task'], pair['pair'], pair['matcher'])))
                for pair in results['pairs']]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError('the results are damaged, or of another version of panmatch_ros: '
                          f'{type(error).__name__} {error}') from None


def csv_of(pairs: Sequence[Mapping[str, Any]]) -> str:
    """
    Arrange the ``pairs`` of :func:`results_of` as lines of comma-separated values.

    :returns: a header with all names that occur, and a line for each pair and matcher; what a
        pair does not have is empty.
    """
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator='\n')
    writer.writeheader()
    writer.writerows(pairs)
    return text.getvalue()


def finite_or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def _pair(score: PairScore) -> dict[str, Any]:
    entry = {'pair': score.pair, 'task': score.task, 'matcher': score.matcher}
    if score.error:
        return {**entry, 'error': score.error}
    return {**entry, 'height': score.size[0], 'width': score.size[1],
            'milliseconds': finite_or_none(round(score.milliseconds, 2)),
            'truth_scale': score.truth_scale,
            'truth_scale_origin': score.scale_origin or None,
            'truth_note': score.truth_note or None,
            **{name: finite_or_none(value) for name, value in score.numbers.items()}}


def _score(pair: Mapping[str, Any], curve: Mapping[str, Any] | None) -> PairScore:
    numbers = {name: math.nan if value is None else float(value)
               for name, value in pair.items() if name not in _KNOWN}
    milliseconds = pair.get('milliseconds')
    score = PairScore(
        pair['pair'], pair['task'], pair['matcher'], (pair.get('height', 0), pair.get('width', 0)),
        numbers, math.nan if milliseconds is None else milliseconds, pair.get('truth_note') or '',
        pair.get('truth_scale'), pair.get('truth_scale_origin') or '', pair.get('error', ''))
    if curve is None:
        return score
    counted = Reliability(*(np.array(curve[name], np.float64)
                            for name in ('pixels', 'confidence', 'right')))
    removed = (Sparsification(np.array(curve['error_px']), np.array(curve['oracle_px']))
               if 'error_px' in curve else None)
    return PairScore(**{**vars(score), 'reliability': counted, 'sparsification': removed})


def _mean(task: str, matcher: str, scores: Sequence[PairScore]) -> dict[str, Any]:
    found = {metric.name: metric.over(scores) for metric in _present(task, scores)}
    counts = {name: sum(int(score.value(name)) for score in scores)
              for name in ('epe_pixels', 'truth_pixels')
              if all(math.isfinite(score.value(name)) for score in scores)}
    return {'task': task, 'matcher': matcher, 'pairs': len(scores), **counts,
            **{name: finite_or_none(interval.mean) for name, interval in found.items()},
            'intervals': {name: _ends(interval) for name, interval in found.items()}}


def _difference(task: str, pair: tuple[str, str],
                by_matcher: Mapping[str, Sequence[PairScore]]) -> dict[str, Any]:
    first, second = (by_matcher[label] for label in pair)
    found = {metric.name: metric.difference(first, second) for metric in _present(task, first)}
    return {'task': task, 'first': pair[0], 'second': pair[1], 'pairs': len(first),
            **{name: finite_or_none(interval.mean) for name, interval in found.items()},
            'intervals': {name: _ends(interval) for name, interval in found.items()}}


def _present(task: str, scores: Sequence[PairScore]) -> list[Metric]:
    """List the metrics that these scores have numbers for."""
    return [metric for metric in metrics_of(task)
            if any(math.isfinite(score.value(metric.source)) for score in scores)]


def _ends(interval: Interval) -> list[float] | None:
    return [interval.low, interval.high] if interval.is_known else None


def _rounded(values: np.ndarray) -> list[float]:
    """Keep the digits that a curve needs."""
    return [float(f'{value:.{_CURVE_DIGITS}g}') for value in values]
