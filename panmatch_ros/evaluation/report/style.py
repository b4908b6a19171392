"""Frame and style of the pages, and what their numbers are."""
from collections.abc import Iterable
import html

from ..metrics.confidence import RIGHT_PX
from ..metrics.intervals import FEWEST_TO_DECIDE, LEVEL_PERCENT, RESAMPLES, SEED

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1180px;
       padding: 0 1rem; color: #1c2024; background: #fff; }
h1 { margin-bottom: 0; overflow-wrap: anywhere; }
h2 { margin-top: 2.4rem; } h3 { margin: 1.6rem 0 .3rem; }
h2 small, h3 small, th small, td small { color: #5a626a; font-weight: 400; }
td small { font-size: 11px; white-space: nowrap; }
.lead { color: #5a626a; margin-top: .2rem; } .note { color: #5a626a; font-size: 13px; }
figure { margin: 0; } img { max-width: 100%; }
figure img { width: 100%; border-radius: 6px; display: block; }
figcaption { color: #5a626a; font-size: 13px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #e3e6e9; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number b { color: #18794e; } td.number b.worse { color: #cd2b31; }
.ok { color: #18794e; font-weight: 600; } .failed { color: #cd2b31; font-weight: 600; }
td.failed { font-weight: 400; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin-bottom: .8rem; } table.narrow { width: auto; }
table.dense th, table.dense td { padding: .25rem .35rem; } table.dense th { font-size: 13px; }
table.dense td small { white-space: normal; display: inline-block; width: min-content; }
.pictures-table { margin-top: .6rem; table-layout: fixed; }
.pictures-table th, .pictures-table td { border: 0; padding: .2rem .3rem; vertical-align: top;
    min-width: 150px; }
.pictures-table th:first-child { width: 124px; min-width: 124px; padding-left: 0; }
.pictures-table .bar { display: block; width: 112px; height: 10px; border-radius: 3px; }
.pictures-table .wheel { display: block; width: 64px; border-radius: 50%; }
.pictures-table .ends { display: flex; justify-content: space-between; width: 112px; }
figure img[tabindex] { cursor: zoom-in; }
figure img[tabindex]:focus { position: fixed; inset: 2vh 2vw; width: 96vw; height: 96vh;
    object-fit: contain; background: #fff; z-index: 9; outline: 0; cursor: default;
    box-shadow: 0 0 0 4vw rgba(0, 0, 0, .5); }
.plots { display: flex; flex-wrap: wrap; gap: 1rem 1.4rem; align-items: flex-start; }
.plot { font: 11px system-ui, sans-serif; fill: #1c2024; max-width: 100%; height: auto; }
"""
DENSE = f"""EPE: mean error over the pixels
with a result. bad-N: share of pixels that are more than N px off or have no result; D1-all and
Fl-all: more than 3 px and 5 % off. Only pixels with known truth count. AUROC: how well the
confidence tells right pixels (error below {RIGHT_PX:g} px) from wrong ones, 1 is perfectly, 0.5
not at all. ECE: mean distance of the confidence from the share of right pixels. AUSE: area between
the sparsification curve and that of the oracle, in units of the mean error, 0 is perfect."""
POSE = """Pose error: the larger of the angle of the rotation and that between the directions of
the translation, of the motion that is estimated from the matches. AUC@N°: area under the share of
pairs below an error, up to N°; pairs without a pose are failures in it, and left out of the
means."""
HOMOGRAPHY = """Corner error: mean distance of the corners under the estimated homography from the
true places. AUC@N px: area under the share of pairs below an error, up to N px; pairs without a
homography are failures in it, and left out of the means. EPE, bad-N and the confidence are those
of the whole field."""
POINTS = """PCK@N px: share of marked points whose match is at most N px off. mAA: mean of the
shares for 0 to 19 px. Points without a match are never right."""
PICTURES = """ms: the one call for this pair, not a benchmark. Within a pair all matchers are
painted with the same scale. Error maps: black has no result, grey no known truth. A click on a
picture shows it large."""
LEGENDS = {'stereo': DENSE, 'flow': DENSE, 'pose': POSE, 'homography': HOMOGRAPHY,
           'points': POINTS}
INTERVALS = f"""<p class="note">Small numbers are {LEVEL_PERCENT:g} % intervals over the pairs
(expanded percentiles of {RESAMPLES} bootstrap draws, seed {SEED}): where the number would be with
other pairs of this kind. Differences are taken pair by pair. Where
their interval leaves out zero and there are at least {FEWEST_TO_DECIDE} pairs they are bold: green
if the first is better, red if it is worse.</p>"""
DIAGRAMS = {
    'time': 'Accuracy and time: the upright line is the interval of the number, the level one '
            'holds the middle half of the times.',
    'sparsification': 'Sparsification: mean error of what is left when the least confident '
                      'pixels are taken away; dashed is the oracle that takes away the largest '
                      'errors.',
    'confidence': 'Confidence: the nearer to the diagonal the better; below it a confidence is '
                  'too high; the area of a dot is the share of the pixels.'}


def legend(tasks: Iterable[str]) -> str:
    """
    Explain the numbers of some tasks.

    :param tasks: of the pairs.
    """
    texts = list(dict.fromkeys(LEGENDS[task] for task in tasks))
    return f'<p class="note">Bold is the best of a column. {" ".join([*texts, PICTURES])}</p>'


def html_page(title: str, lead: str, body: str, style: str = '') -> str:
    """
    Put a page together: one file that needs no other.

    :param title: plain text.
    :param lead: what the page is about, plain text.
    :param body: HTML.
    :param style: of this kind of page, beside the common one.
    """
    title = html.escape(title)
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{STYLE}{style}</style></head>
<body>
<h1>{title}</h1>
<p class="lead">{html.escape(lead)}</p>
{body}
</body>
</html>
"""
