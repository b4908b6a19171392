"""One table of all datasets of a suite."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import html
import math
from typing import Any

from ..metrics.intervals import Interval
from ..pair_score import PairScore, tasks_of
from ..results import compared, finite_or_none
from ..score_metrics import Metric, metrics_of
from .style import html_page
from .tables import format_column, table

# What the benchmarks rank by, of each task; a dataset may have none of some.
HEADLINES = {
    'stereo': ('epe_px', 'bad_1_percent', 'bad_2_percent', 'd1_all_percent'),
    'flow': ('epe_px', 'bad_1_percent', 'bad_3_percent', 'fl_all_percent'),
    'pose': ('pose_auc_5_percent', 'pose_auc_10_percent', 'pose_auc_20_percent'),
    'homography': ('corner_auc_3_percent', 'corner_auc_5_percent', 'corner_auc_10_percent'),
    'points': ('pck_1_px_percent', 'pck_5_px_percent', 'mean_accuracy_percent')}


@dataclass(frozen=True)
class Line:
    """
    What one matcher did on one task of a dataset.

    :param dataset: name of the entry of the suite.
    :param task: of the pairs.
    :param matcher: label of the matcher.
    :param pairs: number of pairs that all matchers have numbers of.
    :param failed: number of pairs that this matcher failed on.
    :param values: the headline numbers by name, means over the pairs with their intervals.
    """

    dataset: str
    task: str
    matcher: str
    pairs: int
    failed: int
    values: Mapping[str, Interval]


def headline_metrics(task: str) -> list[Metric]:
    """List the numbers of a task that the table has."""
    return [metric for metric in metrics_of(task) if metric.name in HEADLINES[task]]


def lines_of(dataset: str, scores: Sequence[PairScore]) -> list[Line]:
    """
    Sum up the scores of a dataset.

    :param dataset: name of the entry.
    :param scores: of all its pairs.
    """
    lines = []
    for task in tasks_of(scores):
        mine = [score for score in scores if score.task == task]
        for matcher, common in compared(mine, task).items():
            failed = sum(bool(score.error) for score in mine if score.matcher == matcher)
            lines.append(Line(dataset, task, matcher, len(common), failed,
                              {metric.name: metric.over(common)
                               for metric in headline_metrics(task)}))
    return lines


def plain_line(line: Line) -> dict[str, Any]:
    """Arrange a line for JSON and CSV; numbers that do not exist are None."""
    return {'dataset': line.dataset, 'task': line.task, 'matcher': line.matcher,
            'pairs': line.pairs, 'failed': line.failed,
            **{name: finite_or_none(each.mean) for name, each in line.values.items()},
            **{f'{name}_{end}': finite_or_none(getattr(each, end))
               for name, each in line.values.items() for end in ('low', 'high')}}


def suite_page(title: str, lines: Sequence[Line], missing: Sequence[str],
               links: Mapping[str, str]) -> str:
    """
    Put the page together: one table for each task, with links to the reports.

    :param title: of the page, plain text.
    :param lines: all.
    :param missing: names of the datasets that are not there.
    :param links: address of the report of a dataset by its name.
    """
    parts = []
    for task in dict.fromkeys(line.task for line in lines):
        parts += [f'<h2>{task}</h2>', _task_table(task, [each for each in lines
                                                         if each.task == task], links)]
    if missing:
        parts.append(f'<p class="failed">Not there: {html.escape(", ".join(missing))}.</p>')
    return html_page(title, 'Means over the pairs that no matcher failed on; the reports have '
                     'intervals.', '\n'.join(parts))


def _task_table(task: str, lines: Sequence[Line], links: Mapping[str, str]) -> str:
    metrics, rows = headline_metrics(task), []
    for dataset in dict.fromkeys(line.dataset for line in lines):
        mine = [line for line in lines if line.dataset == dataset]
        columns = [format_column(metric, [line.values[metric.name].mean for line in mine])
                   for metric in metrics]
        name = html.escape(dataset)
        for index, line in enumerate(mine):
            linked = f'<a href="{html.escape(links[dataset])}">{name}</a>' if dataset in links \
                else name
            failed = f', {line.failed} failed' if line.failed else ''
            cells = ''.join(f'<td class="number">{column[index]}</td>' for column in columns)
            rows.append(f'<tr><th scope="row">{linked if index == 0 else ""}</th>'
                        f'<td>{html.escape(line.matcher)}</td>'
                        f'<td class="number">{line.pairs}{failed}</td>{cells}</tr>')
    head = ('<th>dataset</th><th>matcher</th><th class="number">pairs</th>'
            + ''.join(f'<th class="number">{html.escape(metric.title)}</th>'
                      for metric in metrics))
    return table(head, rows)


def text_rows(task: str, lines: Sequence[Line]) -> list[list[str]]:
    """Give the cells of a table of one task for a terminal, the head first."""
    metrics = headline_metrics(task)
    rows = [[task, 'matcher', 'pairs', *(metric.title for metric in metrics)]]
    for line in lines:
        values = [line.values[metric.name].mean for metric in metrics]
        rows.append([line.dataset, line.matcher,
                     f'{line.pairs}' + (f' ({line.failed} failed)' if line.failed else ''),
                     *(f'{value:.{metric.digits}f}' if math.isfinite(value) else '-'
                       for value, metric in zip(values, metrics, strict=True))])
    return rows
