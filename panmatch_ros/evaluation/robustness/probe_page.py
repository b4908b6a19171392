"""Page of a probe: curves over the strength, tables, and what the damage looks like."""
from collections.abc import Mapping, Sequence
import html
import math

import numpy as np

from ..report.pair_pictures import figure
from ..report.picture_files import Picture
from ..report.pictures import encode
from ..report.style import html_page
from ..report.svg_plot import Axis, Plot, axis_from_zero, colors_of
from ..report.tables import MISSING, table
from ..score_metrics import LESS, main_metric
from .corruptions.base import MAX_STRENGTH
from .corruptions.registry import find_corruption
from .curves import Condition, Robustness, right_metric

PICTURE_WIDTH = 300
OWN_STYLE = """
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr));
           gap: .5rem; margin: .6rem 0 1rem; }
"""
NOTE = """<p class="note">Right: the share of pixels that are no outliers (within 3 px or 5 % of
the truth; a pixel without a result is an outlier), for other tasks what their tables call it.
Kept: what is right under damage, in percent of what is right without, mean over the strengths:
100 is not affected, 0 is nothing right. The mean error is of the pixels with a result: a matcher
that leaves out what it cannot tell has a small error and little that is right. All numbers are
of the pairs that no matcher failed on with any damage.</p>"""

Samples = Mapping[str, Sequence[tuple[str, np.ndarray]]]  # corruption: title and picture


def probe_page(title: str, lead: str, conditions: Sequence[Condition],
               robustness: Sequence[Robustness], samples: Samples) -> str:
    """
    Put the page together; it is one file without scripts.

    :param title: of the page, plain text.
    :param lead: what was measured, plain text.
    :param conditions: all, of :func:`.robustness.conditions_of`.
    :param robustness: all, of :func:`.robustness.robustness_of`.
    :param samples: pictures (H, W, 3) uint8 RGB with their titles, by corruption.
    """
    tasks = list(dict.fromkeys(each.task for each in conditions))
    tables = [f'<div><h3>{task}</h3>\n'
              + kept_table([each for each in robustness if each.task == task],
                           [each for each in conditions if each.task == task]) + '</div>'
              for task in tasks]
    parts = ['<h2>How much is kept, %</h2>', f'<div class="plots">{"".join(tables)}</div>', NOTE]
    for corruption in dict.fromkeys(each.corruption for each in robustness):
        parts.append(corruption_section(corruption, conditions, samples.get(corruption, ())))
    return html_page(title, lead, '\n'.join(parts), OWN_STYLE)


def kept_table(robustness: Sequence[Robustness], conditions: Sequence[Condition]) -> str:
    """
    Write what each matcher keeps of what it does on whole images, best in bold.

    :param robustness: of one task.
    :param conditions: of the same task.
    """
    matchers = list(dict.fromkeys(each.matcher for each in robustness))
    whole = {each.matcher: each for each in conditions if each.strength == 0}
    by_name: dict[str, dict[str, float]] = {}
    for each in robustness:
        by_name.setdefault(each.corruption, {})[each.matcher] = each.kept_percent
    head = '<th>corruption</th>' + ''.join(f'<th class="number">{html.escape(matcher)}</th>'
                                           for matcher in matchers)
    rows = ['<tr><th scope="row">right without damage</th>'
            + ''.join(f'<td class="number">{_number(whole[matcher].right_percent)}</td>'
                      for matcher in matchers) + '</tr>']
    rows += [_kept_row(name, [kept.get(matcher, math.nan) for matcher in matchers])
             for name, kept in by_name.items()]
    if len(by_name) > 1:
        rows.append(_kept_row('mean of all', [mean_kept(robustness, matcher)
                                              for matcher in matchers]))
    return table(head, rows, is_narrow=len(matchers) < 6)


def mean_kept(robustness: Sequence[Robustness], matcher: str) -> float:
    """Average what a matcher keeps over the corruptions, percent; NaN if there is nothing."""
    values = [each.kept_percent for each in robustness
              if each.matcher == matcher and math.isfinite(each.kept_percent)]
    return sum(values) / len(values) if values else math.nan


def corruption_section(corruption: str, conditions: Sequence[Condition],
                       samples: Sequence[tuple[str, np.ndarray]]) -> str:
    """Show the curves of one corruption, and what it looks like."""
    kind = find_corruption(corruption)
    plots = [f'<div class="plots">{"".join(curve_plots(task, corruption, conditions))}</div>'
             for task in dict.fromkeys(each.task for each in conditions)]
    figures = ''.join(figure(Picture(title, encode(picture, PICTURE_WIDTH)), caption=True)
                      for title, picture in samples)
    return (f'<h2 id="{corruption}">{corruption} <small>{html.escape(kind.summary)}</small></h2>'
            f'\n{"".join(plots)}\n<div class="samples">{figures}</div>')


def curve_plots(task: str, corruption: str, conditions: Sequence[Condition]) -> list[str]:
    """
    Draw the mean error and what is right over the strength, a line for each matcher.

    :param task: of the curves.
    :param corruption: its name.
    :param conditions: all of the probe.
    :returns: two SVG pictures.
    """
    mine = [each for each in conditions
            if each.task == task and (each.strength == 0 or each.corruption == corruption)]
    matchers = list(dict.fromkeys(each.matcher for each in mine))
    right = right_metric(task)
    title = f'100 − {right.title}' if right.better == LESS else right.title
    return [_curves(f'{task}, mean {main_metric(task).title}', 'error', mine, matchers),
            _curves(f'{task}, right: {title}', 'right_percent', mine, matchers)]


def _curves(title: str, name: str, conditions: Sequence[Condition],
            matchers: Sequence[str]) -> str:
    points = {matcher: sorted((each.strength, float(getattr(each, name)))
                              for each in conditions if each.matcher == matcher
                              and math.isfinite(getattr(each, name)))
              for matcher in matchers}
    values = [value for each in points.values() for _, value in each]
    y = (Axis('%', 0.0, 100.0) if name == 'right_percent' else axis_from_zero('', values))
    plot = Plot(title, Axis('strength', 0.0, float(MAX_STRENGTH)), y)
    colors = colors_of(matchers)
    drawn, legend = [], {}
    for matcher, mine in points.items():
        legend[matcher] = colors[matcher]
        if mine:
            drawn.append(plot.line(mine, colors[matcher]))
            drawn += [plot.dot(*point, colors[matcher]) for point in mine]
    return plot.draw(drawn, legend)


def _kept_row(name: str, values: Sequence[float]) -> str:
    known = {_number(value) for value in values if math.isfinite(value)}
    best = max((value for value in values if math.isfinite(value)), default=math.nan)
    cells = ''.join(
        f'<td class="number"><b>{_number(value)}</b></td>'
        if len(known) > 1 and _number(value) == _number(best)
        else f'<td class="number">{_number(value)}</td>' for value in values)
    return f'<tr><th scope="row">{html.escape(name)}</th>{cells}</tr>'


def _number(value: float) -> str:
    return f'{value:.1f}' if math.isfinite(value) else MISSING
