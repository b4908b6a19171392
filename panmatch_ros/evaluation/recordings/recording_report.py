"""HTML page about a recording that was evaluated; one file that needs no other."""
from collections.abc import Sequence
from dataclasses import dataclass, field
import html
import math

from ..report.pair_pictures import figure
from ..report.style import html_page
from ..report.tables import table as html_table
from ..report.time_plot import time_plot
from .frame_table import LATENCY, FrameTable
from .worst_frames import WorstFrame

OWN_STYLE = """
td.meaning { color: #5a626a; font-size: 13px; } .problem { color: #cd2b31; }
.scores th[scope=row] { white-space: nowrap; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr));
            gap: .6rem; }
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
    plots = ''.join(time_plot(score.title, table.time_s, table.values[score.name], table.run)
                    for score in table.scores)
    frames = '\n'.join(_frame_section(frame, table) for frame in worst)
    counts = ', '.join(f'{name} {number}' for name, number in report.counts.items())
    return html_page(report.title, report.lead, f"""\
{_lines('Problems', report.problems, ' class="problem"')}
<h2>Scores of {len(table)} frames</h2>
{_summary_table(table)}
<p class="note">{html.escape(counts)}</p>
<h2>Over time</h2>
<div class="plots">{plots or '<p>No frame has a score.</p>'}</div>
<h2>Worst frames</h2>
{frames or '<p>There are none.</p>'}
{_lines('Notes', report.notes)}""", OWN_STYLE)


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
    numbers = ''.join(f'<th class="number">{name}</th>'
                      for name in ('frames', 'mean', 'median', 'p95'))
    return f'<div class="scores">{html_table(f"<th>score</th>{numbers}<th></th>", rows)}</div>'


def _frame_section(frame: WorstFrame, table: FrameTable) -> str:
    titles = {score.name: score.title for score in table.scores}
    numbers = ', '.join(f'{titles[name]} {value:.4g}' for name, value in frame.row.scores.items()
                        if name in titles and name != LATENCY and math.isfinite(value))
    pictures = ''.join(figure(picture, caption=True) for picture in frame.pictures)
    return (f'<h3>{table.time_of(frame.row):.3f} s <small>stamp {frame.row.stamp_ns / 1e9:.3f}, '
            f'worst by {html.escape(titles.get(frame.criterion, frame.criterion))}</small></h3>'
            f'<p class="note">{html.escape(numbers)}</p><div class="pictures">{pictures}</div>')


def _lines(title: str, lines: Sequence[str], attributes: str = '') -> str:
    if not lines:
        return ''
    items = ''.join(f'<li>{html.escape(line)}</li>' for line in lines)
    return f'<h2>{title}</h2>\n<ul{attributes}>{items}</ul>'
