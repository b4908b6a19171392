"""HTML report that compares matchers on every pair; one file that needs no other."""
from collections.abc import Iterable, Sequence
import html
import re

from .compare import Comparison
from .confidence import RIGHT_PX, add_reliabilities
from .evaluate import PairScore, matchers_of
from .metrics import OUTLIERS
from .reliability_plot import reliability_plot
from .report_pictures import picture_table
from .report_tables import mean_table, number_table, overview_table

WIDTH_PX, SMALL_WIDTH_PX = 480, 240  # of pictures; small if there are many
MANY_PAIRS = 40

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1180px;
       padding: 0 1rem; color: #1c2024; background: #fff; }
h1 { margin-bottom: 0; } h2 { margin-top: 2rem; } h3 { margin: 1.6rem 0 .3rem; }
h3 small, th small { color: #5a626a; font-weight: 400; }
.lead { color: #5a626a; margin-top: .2rem; } .note { color: #5a626a; font-size: 13px; }
figure { margin: 0; } img { max-width: 100%; }
figure img { width: 100%; border-radius: 6px; display: block; }
figcaption { color: #5a626a; font-size: 13px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #e3e6e9; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number b { color: #18794e; }
.ok { color: #18794e; font-weight: 600; } .failed { color: #cd2b31; font-weight: 600; }
td.failed { font-weight: 400; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table.narrow { width: auto; }
.pictures-table { margin-top: .6rem; table-layout: fixed; }
.pictures-table th, .pictures-table td { border: 0; padding: .2rem .3rem; vertical-align: top;
    min-width: 150px; }
.pictures-table th:first-child { width: 124px; min-width: 124px; padding-left: 0; }
.pictures-table .bar { display: block; width: 112px; height: 10px; border-radius: 3px; }
.pictures-table .wheel { display: block; width: 64px; border-radius: 50%; }
.pictures-table .ends { display: flex; justify-content: space-between; width: 112px; }
.pictures-table figure img { cursor: zoom-in; }
.pictures-table figure img:focus { position: fixed; inset: 2vh 2vw; width: 96vw; height: 96vh;
    object-fit: contain; background: #fff; z-index: 9; outline: 0; cursor: default;
    box-shadow: 0 0 0 4vw rgba(0, 0, 0, .5); }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
.plot { font: 11px system-ui, sans-serif; fill: #1c2024; }
"""
LEGEND = f"""<p class="note">Bold is the best of a column. EPE: mean error over the pixels
with a result. bad-N: share of pixels that are more than N px off or have no result; D1-all and
Fl-all: more than 3 px and 5 % off. Only pixels with known truth count. AUROC: how well the
confidence tells right pixels (error below {RIGHT_PX:g} px) from wrong ones, 1 is perfectly, 0.5
not at all. ECE: mean distance of the confidence from the share of right pixels. ms: the one call
for this pair, not a benchmark. Within a pair all matchers are painted with the same scale. Error
maps: black has no result, grey no known truth. A click on a picture shows it large.</p>"""


def picture_width(pairs: int) -> int:
    """
    Width of the pictures of a report, pixels; with many pairs the page would get too large.

    :param pairs: how many there are.
    """
    return WIDTH_PX if pairs <= MANY_PAIRS else SMALL_WIDTH_PX


def pair_section(comparison: Comparison, width: int = WIDTH_PX) -> str:
    """
    Show what all matchers made of one pair: numbers and pictures.

    :param comparison: the pair.
    :param width: largest width of a picture, pixels.
    """
    example = comparison.example
    size = f', {example.size[1]}x{example.size[0]}' if example else ''
    unknown = ', truth not known' if example and example.truth is None else ''
    return (f'<section class="pair" id="{anchor(comparison.task, comparison.name)}">\n'
            f'<h3>{html.escape(comparison.name)} <small>{comparison.task}{size}{unknown}</small>'
            f'</h3>\n{number_table(comparison.scores)}\n{picture_table(comparison, width)}\n'
            '</section>')


def summary_section(scores: Sequence[PairScore]) -> str:
    """
    Show the means, each pair in one line, and how far the confidence can be trusted.

    :param scores: of all pairs and matchers.
    """
    parts = []
    for task in OUTLIERS:
        mine = [score for score in scores if score.task == task]
        measured = [score for score in mine if score.metrics is not None or score.error]
        pairs = dict.fromkeys(score.pair for score in measured)
        if len(pairs) < 2:
            continue  # its own table says it all
        anchors = {pair: anchor(task, pair) for pair in pairs}
        parts += [f'<h3>Mean of {task} <small>{len(pairs)} pairs</small></h3>',
                  mean_table(measured), f'<h3>Every {task} pair</h3>',
                  overview_table(measured, anchors)]
    return '\n'.join([*parts, _reliability_section(scores)])


def report_page(title: str, lead: str, scores: Sequence[PairScore],
                sections: Iterable[str]) -> str:
    """
    Put the report together.

    :param title: of the page, plain text.
    :param lead: what was measured, plain text.
    :param scores: of all pairs and matchers.
    :param sections: of :func:`pair_section`, in the same order.
    """
    body = '\n'.join(sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style></head>
<body>
<h1>{html.escape(title)}</h1>
<p class="lead">{html.escape(lead)}</p>
{summary_section(scores)}
<h2>Pairs</h2>
{LEGEND}
{body}
</body>
</html>
"""


def anchor(task: str, name: str) -> str:
    """Name the place of a pair on the page; different pairs have different ones."""
    plain = re.sub(r'[^A-Za-z0-9]', lambda found: f'_{ord(found.group()):x}_', name)
    return f'{task}-{plain}'


def _reliability_section(scores: Sequence[PairScore]) -> str:
    groups = {task: [score for score in scores
                     if score.reliability is not None and task in ('all', score.task)]
              for task in ('all', *OUTLIERS)}
    labels = matchers_of(groups['all'])
    if not labels:
        return ''
    if not (groups['stereo'] and groups['flow']):
        del groups['all']  # equal to the one that there is
    plots = []
    for task, mine in groups.items():
        if not mine:
            continue
        curves = {label: add_reliabilities(score.reliability for score in mine
                                           if score.matcher == label and score.reliability)
                  for label in labels}
        plots.append(reliability_plot(f'{task} pairs', curves))
    return ('<h3>Can the confidence be trusted?</h3>\n<p class="note">The nearer to the diagonal '
            'the better; below it a confidence is too high. The area of a dot is the share of '
            'the pixels.</p>\n<div class="plots">' + '\n'.join(plots) + '</div>')
