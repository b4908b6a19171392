"""Table, JSON and CSV of ``panmatch evaluate``."""
from collections.abc import Sequence
import csv
import io
import math

from ..evaluation.evaluate import PairScore, matchers_of, mean_confidence, mean_score
from ..evaluation.metrics import BAD_THRESHOLDS_PX, OUTLIERS

MEAN = 'mean'


def describe_scores(scores: Sequence[PairScore]) -> str:
    """Write a table for each task; shares are in percent of the pixels with known truth."""
    tables = []
    for task, outliers in OUTLIERS.items():
        chosen = [score for score in scores if score.task == task]
        if not chosen:
            continue
        header = [f'{task} pair', 'matcher', 'size', 'EPE px',
                  *(f'bad-{limit:g} %' for limit in BAD_THRESHOLDS_PX), f'{outliers} %',
                  'valid %', 'AUROC', 'ECE', 'ms']
        rows = [row for matcher in matchers_of(chosen) for row in matcher_rows(chosen, matcher)]
        tables.append(align([header, *rows]))
    return '\n\n'.join(tables)


def matcher_rows(scores: Sequence[PairScore], matcher: str) -> list[list[str]]:
    """Cells of all pairs of one matcher, and of their mean if there are several."""
    mine = [score for score in scores if score.matcher == matcher]
    rows = []
    for score in mine:
        if score.metrics is None:
            rows.append([score.pair, matcher, 'failed'])
        else:
            rows.append(cells(score, f'{score.size[1]}x{score.size[0]}'))
    good = [score for score in mine if score.metrics is not None]
    if len(mine) > 1 and good:
        rows.append(cells(mean_score(good, f'{MEAN} of {len(good)}'), ''))
    return rows


def cells(score: PairScore, size: str) -> list[str]:
    """Cells of one row, of a score that has metrics."""
    metrics, quality = score.metrics, mean_confidence([score])
    assert metrics is not None
    return [score.pair, score.matcher, size, f'{metrics.epe_px:.3f}',
            *(f'{each:.2f}' for each in metrics.bad_percent), f'{metrics.outlier_percent:.2f}',
            f'{metrics.density_percent:.1f}', f'{quality.auroc:.3f}',
            f'{quality.calibration_error:.3f}', f'{score.milliseconds:.0f}']


def finite_or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def align(rows: Sequence[Sequence[str]]) -> str:
    """Pad cells to columns: text to the left, numbers (from the fourth on) to the right."""
    columns = max(len(row) for row in rows)
    filled = [[*row, *[''] * (columns - len(row))] for row in rows]
    widths = [max(len(row[index]) for row in filled) for index in range(columns)]
    return '\n'.join('  '.join(
        cell.ljust(width) if index < 3 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in filled)


def results_of(scores: Sequence[PairScore]) -> dict:
    """
    Arrange scores for JSON.

    :returns: ``pairs``, a list with every pair and matcher, and ``means``, a list with every
        task and matcher; numbers that do not exist are None.
    """
    means = []
    for task in OUTLIERS:
        chosen = [score for score in scores if score.task == task]
        for matcher in matchers_of(chosen):
            good = [score for score in chosen
                    if score.matcher == matcher and score.metrics is not None]
            if good:
                mean = mean_score(good)
                means.append({'task': task, 'matcher': matcher, 'pairs': len(good),
                              'milliseconds': round(mean.milliseconds, 2), **named(mean)})
    return {'pairs': [pair_of(score) for score in scores], 'means': means}


def pair_of(score: PairScore) -> dict:
    """Arrange one score for JSON."""
    entry = {'pair': score.pair, 'task': score.task, 'matcher': score.matcher}
    if score.metrics is None:
        return {**entry, 'error': score.error}
    return {**entry, 'height': score.size[0], 'width': score.size[1],
            'milliseconds': round(score.milliseconds, 2), 'truth_scale': score.truth_scale,
            'truth_scale_origin': score.scale_origin or None, **named(score)}


def named(score: PairScore) -> dict:
    """Give every number the name it has in the benchmarks, with its unit."""
    metrics, quality = score.metrics, mean_confidence([score])
    assert metrics is not None
    outliers = OUTLIERS[score.task].lower().replace('-', '_')
    bad = {f'bad_{limit:g}_percent'.replace('.', '_'): value
           for limit, value in zip(BAD_THRESHOLDS_PX, metrics.bad_percent, strict=True)}
    return {'epe_px': finite_or_none(metrics.epe_px),
            'epe_pixels': metrics.epe_pixels, 'truth_pixels': metrics.truth_pixels,
            'density_percent': metrics.density_percent, **bad,
            f'{outliers}_percent': metrics.outlier_percent,
            'confidence_auroc': finite_or_none(quality.auroc),
            'confidence_calibration_error': finite_or_none(quality.calibration_error)}


def csv_of(pairs: Sequence[dict]) -> str:
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
