"""A score over the time of a recording, as a drawing inside a page."""
from collections.abc import Sequence
import html

import numpy as np

WIDTH_PX, HEIGHT_PX = 560, 150
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 52, 8, 10, 20
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
    low, high = _limits(known)
    start, end = float(times.min()), float(times.max())
    inner = (WIDTH_PX - LEFT_PX - RIGHT_PX, HEIGHT_PX - TOP_PX - BOTTOM_PX)
    x = LEFT_PX + inner[0] * (times - start) / max(end - start, 1e-9)
    y = TOP_PX + inner[1] * (1 - (np.clip(scores, low, high) - low) / (high - low))
    lines = ''.join(_lines(x[parts == run], y[parts == run]) for run in np.unique(parts))
    baseline = HEIGHT_PX - BOTTOM_PX
    return (
        f'<figure><figcaption>{html.escape(title)}</figcaption>'
        f'<svg class="plot" viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}" width="{WIDTH_PX}" '
        f'height="{HEIGHT_PX}" role="img" aria-label="{html.escape(title)} over time">'
        f'<path d="M{LEFT_PX} {TOP_PX}V{baseline}H{WIDTH_PX - RIGHT_PX}" fill="none" '
        'stroke="#c8cdd2"/>'
        f'<text x="{LEFT_PX - 6}" y="{TOP_PX + 8}" text-anchor="end">{high:.4g}</text>'
        f'<text x="{LEFT_PX - 6}" y="{baseline}" text-anchor="end">{low:.4g}</text>'
        f'<text x="{LEFT_PX}" y="{HEIGHT_PX - 6}">{start:.4g} s</text>'
        f'<text x="{WIDTH_PX - RIGHT_PX}" y="{HEIGHT_PX - 6}" text-anchor="end">{end:.4g} s</text>'
        f'{lines}</svg></figure>')


def _limits(known: np.ndarray) -> tuple[float, float]:
    """Lower and upper end of the scale: from 0 on if that is near."""
    low, high = float(known.min()), float(np.percentile(known, ROBUST_PERCENT))
    if 0 <= low < 0.5 * high:
        low = 0.0
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _lines(x: np.ndarray, y: np.ndarray) -> str:
    """Draw the stretches without a missing value; one that stands alone is a dot."""
    step = -(-x.size // MOST_POINTS)
    if step > 1:
        cut = x.size // step * step
        x, y = (np.median(each[:cut].reshape(-1, step), axis=1) for each in (x, y))
    drawn = []
    known = np.isfinite(y)
    borders = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    for first, last in borders.reshape(-1, 2):
        points = ' '.join(f'{px:.1f},{py:.1f}' for px, py in zip(x[first:last], y[first:last],
                                                                strict=True))
        drawn.append(f'<polyline points="{points}" fill="none" stroke="#0b68cb" '
                     'stroke-width="1.2"/>' if last - first > 1 else
                     f'<circle cx="{x[first]:.1f}" cy="{y[first]:.1f}" r="1.5" fill="#0b68cb"/>')
    return ''.join(drawn)
