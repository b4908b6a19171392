"""Tables of the HTML report: numbers side by side, the best of each column in bold."""
from collections.abc import Mapping, Sequence
import html
import itertools
import math

from ..metrics.intervals import FEWEST_TO_DECIDE, LEVEL_PERCENT, Interval
from ..pair_score import PairScore, matchers_of
from ..score_metrics import (
    LESS,
    MORE,
    NEITHER,
    Metric,
    headline_metric,
    main_metric,
    metrics_of,
)

MISSING = '–'
FEW_COLUMNS = 4  # of which a table is not stretched to the page
MANY_COLUMNS = 11  # of which a table has less space between them
HIDDEN = frozenset({'bad_0_5_percent', 'bad_4_percent'})  # of which there is enough without
# Numbers of each matcher in the table of all pairs, beside the one they are sorted by.
COMPARED = frozenset({'bad_2_percent', 'd1_all_percent', 'fl_all_percent', 'rotation_error_deg',
                      'translation_error_deg', 'matching_accuracy_3_percent', 'pck_3_px_percent',
                      'pck_10_px_percent'})


def number_table(scores: Sequence[PairScore]) -> str:
    """
    Write a table with one row for each matcher.

    :param scores: of one pair, each of another matcher; those that failed show their error.
        Columns without any number are left out.
    """
    columns = [metric for metric in shown_metrics(scores[0].task) if not metric.auc_limit
               and any(math.isfinite(metric.of_pair(score)) for score in scores)]
    cells = [format_column(metric, [metric.of_pair(score) for score in scores])
             for metric in columns]
    head = ''.join(f'<th class="number">{html.escape(metric.title)}</th>' for metric in columns)
    rows = []
    for index, score in enumerate(scores):
        name = f'<th scope="row">{html.escape(score.matcher)}</th>'
        if score.error:
            rows.append(f'<tr>{name}<td class="failed" colspan="{max(len(columns), 1)}">'
                        f'failed: {html.escape(score.error)}</td></tr>')
            continue
        numbers = ''.join(f'<td class="number">{column[index]}</td>' for column in cells)
        rows.append(f'<tr>{name}{numbers}</tr>')
    return table(f'<th>matcher</th>{head}', rows, is_narrow=len(columns) < FEW_COLUMNS)


def shown_metrics(task: str) -> list[Metric]:
    """List the numbers of a task that tables have columns for."""
    return [metric for metric in metrics_of(task) if metric.name not in HIDDEN]


def format_column(metric: Metric, values: Sequence[float]) -> list[str]:
    """
    Write the numbers of one column, the best in bold.

    Values that read the same are equally good; if all do, none is bold.

    :returns: HTML, one cell for each value.
    """
    texts = [number(value, metric.digits) for value in values]
    known = [value for value in values if math.isfinite(value)]
    if metric.better == NEITHER or len(set(texts) - {MISSING}) < 2:
        return texts
    best = number({LESS: min, MORE: max}[metric.better](known), metric.digits)
    return [f'<b>{text}</b>' if text == best else text for text in texts]


def number(value: float, digits: int) -> str:
    """Write a number, or that there is none."""
    return f'{value:.{digits}f}' if math.isfinite(value) else MISSING


def mean_table(task: str, by_matcher: Mapping[str, Sequence[PairScore]], total: int) -> str:
    """
    Write the numbers of each matcher over many pairs, with their intervals.

    :param task: of the scores.
    :param by_matcher: scores of the same pairs by the label of the matcher.
    :param total: number of pairs, those among them that are left out here.
    :returns: HTML; a sentence in place of the table if there are no such pairs.
    """
    common = max((len(scores) for scores in by_matcher.values()), default=0)
    if not common:
        return '<p>No pair was solved by all matchers and has a known truth.</p>'
    columns, rows = [], {label: [f'<th scope="row">{html.escape(label)}</th>']
                         for label in by_matcher}
    for metric in shown_metrics(task):
        found = [metric.over(scores) for scores in by_matcher.values()]
        if not any(math.isfinite(each.mean) for each in found):
            continue
        columns.append(metric)
        cells = format_column(metric, [each.mean for each in found])
        for row, cell, each in zip(rows.values(), cells, found, strict=True):
            row.append(f'<td class="number">{cell}{_ends(each, metric.digits)}</td>')
    head = ''.join(f'<th class="number">{html.escape(metric.title)}</th>' for metric in columns)
    note = '' if common == total else (
        f'<p class="note">Over the {common} of {total} pairs with known truth that no matcher '
        'failed on.</p>')
    return table(f'<th>matcher</th>{head}', [f'<tr>{"".join(row)}</tr>' for row in rows.values()],
                 is_narrow=len(columns) < FEW_COLUMNS) + note


def difference_table(task: str, by_matcher: Mapping[str, Sequence[PairScore]]) -> str:
    """
    Write for every two matchers how much the first differs from the second on the same pairs.

    :param task: of the scores.
    :param by_matcher: as for :func:`mean_table`.
    :returns: HTML; empty without two matchers or two pairs.
    """
    if len(by_matcher) < 2 or max(len(scores) for scores in by_matcher.values()) < 2:
        return ''
    rows, titles, told = [], {}, []
    for first, second in itertools.combinations(by_matcher, 2):
        cells = []
        for metric in shown_metrics(task):
            found = metric.difference(by_matcher[first], by_matcher[second])
            if not math.isfinite(found.mean) or metric.better == NEITHER:
                continue
            titles[metric.name] = metric.title
            cells.append(f'<td class="number">{_signed(found, metric)}'
                         f'{_ends(found, metric.digits, "+")}</td>')
        rows.append(f'<tr><th scope="row">{html.escape(first)} − {html.escape(second)}</th>'
                    f'{"".join(cells)}</tr>')
        told.append(html.escape(verdict(task, (first, second), by_matcher)))
    head = ''.join(f'<th class="number">{html.escape(title)}</th>' for title in titles.values())
    return (table(f'<th>difference</th>{head}', rows)
            + ''.join(f'<p>{sentence}</p>' for sentence in told))


def verdict(task: str, pair: tuple[str, str],
            by_matcher: Mapping[str, Sequence[PairScore]]) -> str:
    """
    Say in a sentence which of two matchers is better, and whether that is sure.

    :param task: of the scores.
    :param pair: labels of the two.
    :param by_matcher: as for :func:`mean_table`.
    """
    metric, (first, second) = headline_metric(task), pair
    found = metric.difference(by_matcher[first], by_matcher[second])
    if found.number < FEWEST_TO_DECIDE:
        return (f'{metric.title}: {found.number} pairs are too few to tell {first} from {second}; '
                f'{FEWEST_TO_DECIDE} are needed.')
    ends = f'({found.mean:+.{metric.digits}f}, {found.low:+.{metric.digits}f} to ' \
           f'{found.high:+.{metric.digits}f})'
    if not found.is_decided:
        return f'{metric.title}: these pairs do not tell {first} from {second} {ends}.'
    is_first = (found.mean < 0) == (metric.better == LESS)
    better, worse = pair if is_first else (second, first)
    return f'{metric.title}: {better} is better than {worse} {ends}.'


def overview_table(task: str, scores: Sequence[PairScore], ranked: Sequence[str],
                   anchors: Mapping[str, str]) -> str:
    """
    Write one row for each pair, with the errors of each matcher.

    :param task: of the scores.
    :param scores: of this task.
    :param ranked: the pairs in the order of the rows.
    :param anchors: where a pair is on the page, by its name; others have no link.
    """
    matchers = matchers_of(scores)
    shown = [metric for metric in shown_metrics(task)
             if any(math.isfinite(metric.of_pair(score)) for score in scores)]
    shown = [metric for metric in shown if metric is main_metric(task) or metric.name in COMPARED]
    head = ''.join(f'<th class="number">{html.escape(metric.title)}<br>'
                   f'<small>{html.escape(matcher)}</small></th>'
                   for metric in shown for matcher in matchers)
    by_pair: dict[str, list[PairScore]] = {}
    for score in scores:
        by_pair.setdefault(score.pair, []).append(score)
    rows = []
    for pair in ranked:
        mine = by_pair[pair]
        numbers = ''.join(
            '<td class="number failed">failed</td>' if score.error
            else f'<td class="number">{cell}</td>'
            for metric in shown
            for score, cell in zip(mine, format_column(
                metric, [metric.of_pair(each) for each in mine]), strict=True))
        name = html.escape(pair)
        linked = f'<a href="#{anchors[pair]}">{name}</a>' if pair in anchors else name
        rows.append(f'<tr><th scope="row">{linked}</th>{numbers}</tr>')
    return table(f'<th>pair</th>{head}', rows)


def table(head: str, rows: Sequence[str], is_narrow: bool = False) -> str:
    """Put ready-made cells of the head and ready-made rows into a table."""
    body = '\n'.join(rows)
    kind = ' class="narrow"' if is_narrow else ''
    if head.count('<th') > MANY_COLUMNS:
        kind = ' class="dense"'
    return f'<div class="wide"><table{kind}>\n<tr>{head}</tr>\n{body}\n</table></div>'


def _ends(interval: Interval, digits: int, sign: str = '') -> str:
    if not interval.is_known:
        return ''
    ends = '&nbsp;… '.join(f'{value:{sign}.{digits}f}' for value in (interval.low, interval.high))
    return f'<br><small title="{LEVEL_PERCENT:g} % interval">{ends}</small>'


def _signed(interval: Interval, metric: Metric) -> str:
    """Write a difference: in bold if it is decided, and red if the first loses."""
    text = f'{interval.mean:+.{metric.digits}f}'
    if not interval.is_decided:
        return text
    is_better = (interval.mean < 0) == (metric.better == LESS)
    return f'<b>{text}</b>' if is_better else f'<b class="worse">{text}</b>'
