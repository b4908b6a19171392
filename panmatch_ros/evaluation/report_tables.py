"""Tables of the HTML report: numbers side by side, the best of each column in bold."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import html
import math

from .evaluate import PairScore, matchers_of, mean_score
from .metrics import BAD_THRESHOLDS_PX, OUTLIERS

MISSING = '–'
BAD_SHOWN_PX = (1.0, 2.0, 3.0)
FEW_COLUMNS = 4  # of which a table is not stretched to the page


@dataclass(frozen=True)
class Column:
    """
    One metric.

    :param title: as the head of the table has it, with the unit.
    :param value: number of a score, NaN where it has none.
    :param digits: behind the point.
    :param best: what the best value is: ``min`` or ``max``, or None if none is.
    """

    title: str
    value: Callable[[PairScore], float]
    digits: int
    best: Callable[[Sequence[float]], float] | None = min


def columns_of(task: str) -> tuple[Column, ...]:
    """
    List the metrics of a task.

    :param task: ``stereo`` or ``flow``.
    """
    return (
        Column('EPE px', lambda score: score.metrics.epe_px if score.metrics else math.nan, 3),
        *(Column(f'bad-{limit:g} %', _bad(limit), 2) for limit in BAD_SHOWN_PX),
        Column(f'{OUTLIERS[task]} %',
               lambda score: score.metrics.outlier_percent if score.metrics else math.nan, 2),
        Column('valid %', lambda score: (score.metrics.density_percent if score.metrics
                                         else math.nan), 1, None),
        Column('AUROC', lambda score: score.confidence.auroc if score.confidence else math.nan,
               3, max),
        Column('ECE', lambda score: (score.confidence.calibration_error if score.confidence
                                     else math.nan), 3),
        Column('ms', lambda score: score.milliseconds, 0))


def number_table(scores: Sequence[PairScore]) -> str:
    """
    Write a table with one row for each matcher.

    :param scores: of one task, each of another matcher; those that failed show their error.
        Columns without any number are left out.
    """
    columns = [column for column in columns_of(scores[0].task)
               if any(math.isfinite(column.value(score)) for score in scores)]
    cells = [format_column(column, scores) for column in columns]
    head = ''.join(f'<th class="number">{html.escape(column.title)}</th>' for column in columns)
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


def format_column(column: Column, scores: Sequence[PairScore]) -> list[str]:
    """
    Write the numbers of one column, the best in bold.

    Values that read the same are equally good; if all do, none is bold.

    :returns: HTML, one cell for each score.
    """
    values = [column.value(score) for score in scores]
    texts = [f'{value:.{column.digits}f}' if math.isfinite(value) else MISSING
             for value in values]
    known = [value for value in values if math.isfinite(value)]
    if column.best is None or len(set(texts) - {MISSING}) < 2:
        return texts
    best = f'{column.best(known):.{column.digits}f}'
    return [f'<b>{text}</b>' if text == best else text for text in texts]


def mean_table(scores: Sequence[PairScore]) -> str:
    """
    Write the means of each matcher over the pairs that all matchers solved.

    :param scores: of one task, any number of pairs and matchers.
    :returns: HTML; a sentence in place of the table if no pair was solved by all.
    """
    matchers = matchers_of(scores)
    solved = [{score.pair for score in scores
               if score.matcher == matcher and score.metrics is not None}
              for matcher in matchers]
    common = set.intersection(*solved) if solved else set()
    total = len({score.pair for score in scores})
    if not common:
        return '<p>No pair was solved by all matchers and has a known truth.</p>'
    means = [mean_score([score for score in scores
                         if score.matcher == matcher and score.pair in common])
             for matcher in matchers]
    note = '' if len(common) == total else (
        f'<p class="note">Over the {len(common)} of {total} pairs with known truth that no '
        'matcher failed on.</p>')
    return number_table(means) + note


def overview_table(scores: Sequence[PairScore], anchors: dict[str, str]) -> str:
    """
    Write one row for each pair, with the error of each matcher.

    :param scores: of one task.
    :param anchors: where the pair is on the page, by its name.
    """
    task, matchers = scores[0].task, matchers_of(scores)
    shown = [column for column in columns_of(task)
             if column.title in ('EPE px', 'bad-2 %', f'{OUTLIERS[task]} %')]
    head = ''.join(f'<th class="number">{html.escape(column.title)}<br>'
                   f'<small>{html.escape(matcher)}</small></th>'
                   for column in shown for matcher in matchers)
    rows = []
    for pair in dict.fromkeys(score.pair for score in scores):
        mine = [score for score in scores if score.pair == pair]
        numbers = ''.join(
            '<td class="number failed">failed</td>' if score.error
            else f'<td class="number">{cell}</td>'
            for column in shown
            for score, cell in zip(mine, format_column(column, mine), strict=True))
        rows.append(f'<tr><th scope="row"><a href="#{anchors[pair]}">{html.escape(pair)}</a>'
                    f'</th>{numbers}</tr>')
    return table(f'<th>pair</th>{head}', rows)


def table(head: str, rows: Sequence[str], is_narrow: bool = False) -> str:
    """Put ready-made cells of the head and ready-made rows into a table."""
    body = '\n'.join(rows)
    kind = ' class="narrow"' if is_narrow else ''
    return f'<div class="wide"><table{kind}>\n<tr>{head}</tr>\n{body}\n</table></div>'


def _bad(limit_px: float) -> Callable[[PairScore], float]:
    index = BAD_THRESHOLDS_PX.index(limit_px)
    return lambda score: score.metrics.bad_percent[index] if score.metrics else math.nan
