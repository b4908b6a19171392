"""Tables of ``panmatch evaluate``."""
from collections.abc import Mapping, Sequence
import itertools
import math
from typing import Any

from ..evaluation.metrics.intervals import LEVEL_PERCENT, RESAMPLES, SEED, Interval
from ..evaluation.pair_score import PairScore, matchers_of, tasks_of
from ..evaluation.report.official import official_tables
from ..evaluation.report.tables import verdict
from ..evaluation.results import compared
from ..evaluation.score_metrics import REGIONS, Metric, metrics_of

MEAN = 'mean'
MANY_PAIRS = 60     # of a task, from which the table has the means only
MOST_COMPARED = 3   # matchers of which every two are compared number by number
HOW = f'{LEVEL_PERCENT:g} % intervals: {RESAMPLES} bootstrap draws of the pairs, seed {SEED}'


def describe_scores(scores: Sequence[PairScore]) -> str:
    """
    Write tables for each task; shares are in percent of the pixels with known truth.

    The first has every pair. The second has the means over the pairs that no matcher failed on
    with their intervals, and the differences of the matchers on the same pairs.
    """
    parts = []
    for task in tasks_of(scores):
        mine = [score for score in scores if score.task == task]
        tried = [score for score in mine if score.is_measured or score.error]
        by_matcher = compared(tried, task)
        parts.append(_pairs_table(task, mine, by_matcher))
        if max((len(each) for each in by_matcher.values()), default=0) > 1:
            parts.append(_interval_table(task, by_matcher))
    return '\n\n'.join(parts)


def _pairs_table(task: str, scores: Sequence[PairScore],
                 by_matcher: Mapping[str, Sequence[PairScore]]) -> str:
    columns = [metric for metric in _shown_metrics(task, scores)
               if not any(f'_{region}_' in metric.name for region in REGIONS)]
    header = [f'{task} pair', 'matcher', 'size', *(metric.title for metric in columns)]
    pairs = len({score.pair for score in scores})
    rows = []
    for matcher in matchers_of(scores):
        if pairs <= MANY_PAIRS:
            rows += [_row(score, columns) for score in scores if score.matcher == matcher]
        common = by_matcher.get(matcher, [])
        if pairs > 1 and common:
            rows.append([f'{MEAN} of {len(common)}', matcher, '',
                         *(_number(metric.over(common).mean, metric) for metric in columns)])
    table = align([header, *rows])
    return table if pairs <= MANY_PAIRS else (
        f'{table}\n{pairs} pairs: the files that --out writes have each of them')


def _interval_table(task: str, by_matcher: Mapping[str, Sequence[PairScore]]) -> str:
    """Rows are the numbers; columns are the matchers and the differences of every two."""
    number = max(len(scores) for scores in by_matcher.values())
    couples = list(itertools.combinations(by_matcher, 2))
    shown = couples if len(by_matcher) <= MOST_COMPARED else []
    header = [f'{MEAN} of {number} {task} pairs', *by_matcher,
              *(f'{first} - {second}' for first, second in shown)]
    rows = []
    for metric in _shown_metrics(task, [each for scores in by_matcher.values()
                                        for each in scores]):
        rows.append([metric.title,
                     *(_with_ends(metric.over(scores), metric, '')
                       for scores in by_matcher.values()),
                     *(_with_ends(metric.difference(by_matcher[first], by_matcher[second]),
                                  metric, '+') if metric.better else ''
                       for first, second in shown)])
    sentences = [verdict(task, couple, by_matcher) for couple in couples]
    return '\n'.join([align([header, *rows], words=1), HOW, *sentences])


def _shown_metrics(task: str, scores: Sequence[PairScore]) -> list[Metric]:
    return [metric for metric in metrics_of(task)
            if any(math.isfinite(score.value(metric.source)) for score in scores)]


def _row(score: PairScore, columns: Sequence[Metric]) -> list[str]:
    if score.error:
        return [score.pair, score.matcher, 'failed']
    return [score.pair, score.matcher, f'{score.size[1]}x{score.size[0]}',
            *(_number(metric.of_pair(score), metric) for metric in columns)]


def _number(value: float, metric: Metric) -> str:
    """Write a number; a pair has no area under a curve."""
    if metric.auc_limit and not math.isfinite(value):
        return ''
    return f'{value:.{metric.digits}f}'


def _with_ends(interval: Interval, metric: Metric, sign: str) -> str:
    def text(value: float) -> str:
        return f'{value:{sign}.{metric.digits}f}'

    if not interval.is_known:
        return text(interval.mean)
    return f'{text(interval.mean)} ({text(interval.low)} .. {text(interval.high)})'


def describe_official(results: Mapping[str, Any]) -> str:
    """
    Write the numbers as the benchmarks of the datasets count them.

    :param results: ``results.json``.
    :returns: a table for each dataset and task, an empty line before each; empty if no dataset
        has a benchmark.
    """
    return ''.join(f'\n{align(rows, words=2)}\n' for rows in official_tables(results))


def align(rows: Sequence[Sequence[str]], words: int = 3) -> str:
    """
    Pad cells to columns.

    :param rows: cells; short rows are filled.
    :param words: so many columns are text and go to the left, the others to the right.
    """
    columns = max(len(row) for row in rows)
    filled = [[*row, *[''] * (columns - len(row))] for row in rows]
    widths = [max(len(row[index]) for row in filled) for index in range(columns)]
    return '\n'.join('  '.join(
        cell.ljust(width) if index < words else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in filled)
