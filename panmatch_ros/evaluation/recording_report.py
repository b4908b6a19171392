"""HTML page about a recording that was evaluated; one file that needs no other."""
from collections.abc import Sequence
from dataclasses import dataclass, field
import html
import math

from .frame_table import LATENCY, FrameTable, Score
from .time_plot import time_plot
from .worst_frames import WorstFrame

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1180px;
       padding: 0 1rem; color: #1c2024; background: #fff; }
h1 { margin-bottom: 0; } h2 { margin-top: 2rem; } small, .lead { color: #5a626a; }
table { border-collapse: collapse; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #e3e6e9; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.meaning { color: #5a626a; font-size: 13px; }
.problem { color: #cd2b31; } .plots, .pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; } figcaption { color: #5a626a; font-size: 13px; } img { max-width: 100%; }
.plot { font: 11px system-ui, sans-serif; fill: #1c2024; max-width: 100%; height: auto; }
"""
BETTER = {'low': 'lower is better', 'high': 'higher is better', '': ''}


@dataclass(frozen=True)
class RunReport:
    """
    What is told about a run, besides its scores.

    :param title: of the page.
    :param lead: one line: what was evaluated, with what.
    :param counts: how many of what there was.
    :param problems: what was lost, each in one line.
    :param notes: what is worth knowing, each in one line.
    """

    title: str
    lead: str
    counts: dict[str, int]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def recording_page(report: RunReport, table: FrameTable, worst: Sequence[WorstFrame]) -> str:
    """
    Put the page together.

    :param report: what is told.
    :param table: scores of all frames.
    :param worst: the worst frames.
    """
    title = html.escape(report.title)
    plots = ''.join(time_plot(score.title, table.time_s, table.values[score.name], table.run)
                    for score in table.scores)
    frames = '\n'.join(_frame_section(frame, table.scores) for frame in worst)
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>
<body>
<h1>{title}</h1>
<p class="lead">{html.escape(report.lead)}</p>
{_lines('Problems', report.problems, ' class="problem"')}
<h2>Scores of {len(table)} frames</h2>
{_summary_table(table)}
<p><small>{html.escape(', '.join(f'{name} {number}' for name, number in report.counts.items()))}
</small></p>
<h2>Over time</h2>
<div class="plots">{plots or '<p>No frame has a score.</p>'}</div>
<h2>Worst frames</h2>
{frames or '<p>There are none.</p>'}
{_lines('Notes', report.notes)}
</body>
</html>
"""


def _summary_table(table: FrameTable) -> str:
    summary = table.summary()
    rows = []
    for score in table.scores:
        found = summary[score.name]
        if not found['frames']:
            continue
        cells = ''.join(f'<td class="number">{found[name]:.4g}</td>'
                        for name in ('mean', 'median', 'p95'))
        better = f'; {BETTER[score.best]}' if score.best else ''
        rows.append(f'<tr><th scope="row">{html.escape(score.title)}</th>'
                    f'<td class="number">{found["frames"]}</td>{cells}'
                    f'<td class="meaning">{html.escape(score.meaning + better)}</td></tr>')
    return ('<div class="wide"><table><tr><th>score</th><th class="number">frames</th>'
            '<th class="number">mean</th><th class="number">median</th><th class="number">p95</th>'
            '<th></th></tr>\n' + '\n'.join(rows) + '\n</table></div>')


def _frame_section(frame: WorstFrame, scores: Sequence[Score]) -> str:
    titles = {score.name: score.title for score in scores}
    numbers = ', '.join(f'{titles[name]} {value:.4g}' for name, value in frame.row.scores.items()
                        if name in titles and name != LATENCY and math.isfinite(value))
    pictures = ''.join(f'<figure><img src="{address}" alt="{html.escape(title)}"><figcaption>'
                       f'{html.escape(title)}</figcaption></figure>'
                       for title, address in frame.pictures)
    return (f'<h3>{frame.row.stamp_ns / 1e9:.3f} s <small>worst by '
            f'{html.escape(titles.get(frame.criterion, frame.criterion))}</small></h3>'
            f'<p><small>{html.escape(numbers)}</small></p><div class="pictures">{pictures}</div>')


def _lines(title: str, lines: Sequence[str], attributes: str = '') -> str:
    if not lines:
        return ''
    items = ''.join(f'<li>{html.escape(line)}</li>' for line in lines)
    return f'<h2>{title}</h2>\n<ul{attributes}>{items}</ul>'
