"""Diagrams of the report: accuracy and time, sparsification, reliability."""
from collections.abc import Mapping, Sequence
import math

import numpy as np

from ..metrics.confidence import add_reliabilities
from ..metrics.sparsification import REMOVED, mean_sparsification
from ..pair_score import PairScore, matchers_of
from ..score_metrics import headline_metric
from .reliability_plot import reliability_plot
from .svg_plot import Plot, axis_around, axis_from_zero, colors_of

QUARTILES = (25, 50, 75)


def latency_plot(task: str, by_matcher: Mapping[str, Sequence[PairScore]]) -> str:
    """
    Draw the most important number of each matcher over its time.

    The upright line is the interval of the mean, the level one holds the middle half of the
    times.

    :param task: of the scores.
    :param by_matcher: scores of the same pairs by the label of the matcher.
    :returns: an SVG picture; empty if no matcher has any number.
    """
    metric, colors = headline_metric(task), colors_of(list(by_matcher))
    points = {}
    for label, scores in by_matcher.items():
        times = [score.milliseconds for score in scores if math.isfinite(score.milliseconds)]
        error = metric.over(scores)
        if times and math.isfinite(error.mean):
            points[label] = np.percentile(times, QUARTILES), error
    if not points:
        return ''
    x = axis_around('median time of a pair, ms',
                    [float(time) for times, _ in points.values() for time in times])
    tops = [error.high if error.is_known else error.mean for _, error in points.values()]
    plot = Plot(f'Accuracy and time, {task}', x, axis_from_zero(metric.title, tops))
    drawn, legend = [], {}
    for label, (quartiles, error) in points.items():
        early, median, late = (float(time) for time in quartiles)
        drawn.append(plot.line([(early, error.mean), (late, error.mean)], colors[label]))
        if error.is_known:
            drawn.append(plot.line([(median, error.low), (median, error.high)], colors[label]))
        drawn.append(plot.dot(median, error.mean, colors[label]))
        legend[f'{label}: {error.mean:.4g}, {median:.{0 if median >= 100 else 1}f} ms'
               ] = colors[label]
    return plot.draw(drawn, legend)


def sparsification_plot(task: str, by_matcher: Mapping[str, Sequence[PairScore]]) -> str:
    """
    Draw the error of what is left when the least confident pixels are taken away.

    The dashed line is the oracle, which takes away the largest errors.

    :param task: of the scores.
    :param by_matcher: scores of the same pairs by the label of the matcher.
    :returns: an SVG picture; empty if no matcher has curves.
    """
    colors = colors_of(list(by_matcher))
    curves = {}
    for label, scores in by_matcher.items():
        mean = mean_sparsification(score.sparsification for score in scores)
        if mean is not None:
            areas = [score.value('confidence_ause') for score in scores]
            known = [area for area in areas if math.isfinite(area)]
            curves[label] = mean, sum(known) / len(known) if known else math.nan
    if not curves:
        return ''
    plot = Plot(
        f'Sparsification, {task}',
        axis_from_zero('pixels taken away, %', [100 * float(REMOVED[-1]) / 1.08]),
        axis_from_zero('mean error of the rest, px',
                       [float(max(curve.error_px.max(), curve.oracle_px.max()))
                        for curve, _ in curves.values()]))
    drawn, legend = [], {}
    for label, (curve, area) in curves.items():
        for values, dashes in ((curve.oracle_px, '4 3'), (curve.error_px, '')):
            points = [(100 * share, float(value))
                      for share, value in zip(REMOVED, values, strict=True)]
            drawn.append(plot.line(points, colors[label], dashes))
        legend[f'{label}: AUSE {area:.3f}'] = colors[label]
    return plot.draw(drawn, legend)


def confidence_plot(title: str, scores: Sequence[PairScore]) -> str:
    """
    Draw the share of right pixels over the confidence, of all pixels of the pairs together.

    :param title: above the diagram.
    :param scores: of any pairs and matchers.
    :returns: an SVG picture; empty if no matcher has any pixel.
    """
    known = [score for score in scores if score.reliability is not None]
    if not known:
        return ''
    return reliability_plot(title, {
        label: add_reliabilities(score.reliability for score in known
                                 if score.matcher == label and score.reliability)
        for label in matchers_of(known)})
