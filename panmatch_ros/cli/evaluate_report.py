"""Table and JSON of ``panmatch evaluate``."""
from collections.abc import Sequence
import math

from ..evaluation.evaluate import PairScore, mean_confidence, mean_metrics
from ..evaluation.metrics import BAD_THRESHOLDS_PX, Metrics

OUTLIERS = {'stereo': 'D1-all', 'flow': 'Fl-all'}
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
            continue
        size = f'{score.size[1]}x{score.size[0]}'
        rows.append([score.pair, matcher, size, *cells(score.metrics),
                     *confidence_cells([score]), f'{score.milliseconds:.0f}'])
    good = [score for score in mine if score.metrics is not None]
    if len(mine) > 1 and good:
        mean_ms = sum(score.milliseconds for score in good) / len(good)
        rows.append([f'{MEAN} of {len(good)}', matcher, '', *cells(mean_of(good)),
                     *confidence_cells(good), f'{mean_ms:.0f}'])
    return rows


def cells(metrics: Metrics) -> list[str]:
    """Numbers of one row."""
    return [f'{metrics.epe_px:.3f}', *(f'{each:.2f}' for each in metrics.bad_percent),
            f'{metrics.outlier_percent:.2f}', f'{metrics.density_percent:.1f}']


def confidence_cells(scores: Sequence[PairScore]) -> list[str]:
    """AUROC and expected calibration error of one row."""
    quality = mean_confidence(scores)
    return [f'{quality.auroc:.3f}', f'{quality.calibration_error:.3f}']


def confidence_of(scores: Sequence[PairScore]) -> dict:
    """Arrange the quality of the confidence for JSON."""
    quality = mean_confidence(scores)
    return {'confidence_auroc': finite_or_none(quality.auroc),
            'confidence_calibration_error': finite_or_none(quality.calibration_error)}


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
                means.append({'task': task, 'matcher': matcher, 'pairs': len(good),
                              **named(mean_of(good), task), **confidence_of(good)})
    return {'pairs': [pair_of(score) for score in scores], 'means': means}


def pair_of(score: PairScore) -> dict:
    """Arrange one score for JSON."""
    entry = {'pair': score.pair, 'task': score.task, 'matcher': score.matcher}
    if score.metrics is None:
        return {**entry, 'error': score.error}
    return {**entry, 'height': score.size[0], 'width': score.size[1],
            'milliseconds': round(score.milliseconds, 2), 'truth_scale': score.truth_scale,
            'truth_scale_origin': score.scale_origin or None, **named(score.metrics, score.task),
            **confidence_of([score])}


def named(metrics: Metrics, task: str) -> dict:
    """Give every number the name it has in the benchmarks, with its unit."""
    outliers = OUTLIERS[task].lower().replace('-', '_')
    bad = {f'bad_{limit:g}_percent'.replace('.', '_'): value
           for limit, value in zip(BAD_THRESHOLDS_PX, metrics.bad_percent, strict=True)}
    return {'epe_px': finite_or_none(metrics.epe_px),
            'epe_pixels': metrics.epe_pixels, 'truth_pixels': metrics.truth_pixels,
            'density_percent': metrics.density_percent, **bad,
            f'{outliers}_percent': metrics.outlier_percent}


def matchers_of(scores: Sequence[PairScore]) -> list[str]:
    """List the labels of the matchers in the order they were given."""
    return list(dict.fromkeys(score.matcher for score in scores))


def mean_of(scores: Sequence[PairScore]) -> Metrics:
    """Average scores, none of which failed."""
    return mean_metrics([score.metrics for score in scores if score.metrics is not None])
