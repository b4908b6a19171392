"""A score over the time of a recording, as a drawing inside a page."""
from collections.abc import Sequence

import numpy as np

from .svg_plot import COLORS, Axis, Plot

WIDTH_PX, HEIGHT_PX = 480, 100
DOT_PX = 1.8
MOST_POINTS = 1500   # of a line; of more, each point is the median of its neighbours
ROBUST_PERCENT = 99  # the scale holds so many of the values


def time_plot(title: str, time_s: Sequence[float], values: Sequence[float],
              runs: Sequence[int]) -> str:
    """
    Draw a line for each run; where a value is missing the line breaks.

    :param title: of the plot, with the unit.
    :param time_s: of each frame, seconds.
    :param values: of each frame; NaN is missing.
    :param runs: of each frame; lines do not go from one to the next.
    :returns: SVG; empty if there is no value.
    """
    times, scores, parts = np.array(time_s), np.array(values), np.array(runs)
    known = scores[np.isfinite(scores)]
    if not known.size:
        return ''
    start, end = float(times.min()), float(times.max())
    low, high = _limits(known)
    plot = Plot(title, Axis('time, s', start, max(end, start + 1e-3)), Axis('', low, high),
                WIDTH_PX, HEIGHT_PX)
    scores = np.clip(scores, low, high)
    return plot.draw([_lines(plot, times[parts == run], scores[parts == run])
                      for run in np.unique(parts)])


def _limits(known: np.ndarray) -> tuple[float, float]:
    """Lower and upper end of the scale: from 0 on if that is near, or if all are equal."""
    low, high = float(known.min()), float(np.percentile(known, ROBUST_PERCENT))
    if low >= 0 and (low < 0.5 * high or high <= low):
        low = 0.0
    return (low, high) if high > low else (low, low + 1)


def _lines(plot: Plot, times: np.ndarray, scores: np.ndarray) -> str:
    """Draw the stretches without a missing value; one that stands alone is a dot."""
    times, scores = _thinned(times, scores)
    drawn = []
    known = np.isfinite(scores)
    borders = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    for first, last in borders.reshape(-1, 2):
        points = [(float(time), float(score)) for time, score in
                  zip(times[first:last], scores[first:last], strict=True)]
        drawn.append(plot.line(points, COLORS[0]) if len(points) > 1 else
                     plot.dot(*points[0], COLORS[0], DOT_PX))
    return ''.join(drawn)


def _thinned(times: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put neighbours together if there are too many: the median of those that are known."""
    step = -(-times.size // MOST_POINTS)
    if step == 1:
        return times, scores
    parts = [slice(first, first + step) for first in range(0, times.size, step)]
    return (np.array([np.median(times[part]) for part in parts]),
            np.array([_median_of_known(scores[part]) for part in parts]))


def _median_of_known(scores: np.ndarray) -> float:
    known = scores[np.isfinite(scores)]
    return float(np.median(known)) if known.size else float('nan')
