"""
HTML report of an evaluation: step 3, a pure function of the run folder.

The page is one file that needs no other and no network: pictures are data in it, diagrams are
SVG, and there are no scripts.
"""
from collections.abc import Mapping, Sequence
import html
from pathlib import Path
import re

from ..pair_score import PairScore, matchers_of, tasks_of
from ..ranking import worst_first
from ..results import compared, read_scores
from ..run_folder import CURVES, PICTURES, REPORT, RESULTS, RUN, RunFolder
from ..score_metrics import main_metric
from .official import official_section
from .pair_pictures import picture_table
from .picture_files import PictureRow, read_pictures
from .plots import confidence_plot, latency_plot, sparsification_plot
from .style import DIAGRAMS, INTERVALS, html_page, legend
from .tables import difference_table, mean_table, number_table, overview_table

MAX_ROWS = 500  # of the table of all pairs

Pictures = Mapping[tuple[str, str], Sequence[PictureRow]]  # by task and pair, as they are shown


def write_report(folder: RunFolder) -> Path:
    """
    Make the report of what is in a run folder.

    :param folder: with the files that the scoring has written.
    :returns: the page.
    :raises ConfigError: if a file is missing: this is not the folder of an evaluation.
    :raises FormatError: if a file is damaged.
    """
    results = folder.read(RESULTS)
    scores = read_scores(results, folder.read(CURVES))
    pictures = read_pictures(folder.read(PICTURES), folder)
    title = str(folder.read(RUN).get('title', 'panmatch evaluate'))
    return folder.write_text(REPORT, report_page(title, scores, pictures,
                                                 official_section(results)))


def report_page(title: str, scores: Sequence[PairScore], pictures: Pictures,
                official: str = '') -> str:
    """
    Put the page together.

    :param title: of the page, plain text.
    :param scores: of all pairs and matchers.
    :param pictures: of the pairs that are shown, in this order.
    :param official: of :func:`.official_report.official_section`.
    """
    tasks = tasks_of(scores)
    pairs = len({(score.task, score.pair) for score in scores})
    lead = f'{pairs} pair{"" if pairs == 1 else "s"}; {", ".join(matchers_of(scores))}'
    parts = [_summary(task, scores) for task in tasks]
    parts += [official, _reliability(scores), '<h2>Pairs, the worst first</h2>', legend(tasks)]
    parts += [_overview(task, scores, pictures) for task in tasks]
    parts += [pair_section(_of_pair(scores, task, pair), rows)
              for (task, pair), rows in pictures.items()]
    body = '\n'.join(part for part in parts if part)
    return html_page(title, lead, body)


def pair_section(scores: Sequence[PairScore], rows: Sequence[PictureRow]) -> str:
    """
    Show what all matchers made of one pair: numbers and pictures.

    :param scores: of the pair, one of each matcher.
    :param rows: its pictures; none if its files cannot be read.
    """
    first = scores[0]
    size = next((f', {score.size[1]}x{score.size[0]}' for score in scores if score.size[0]), '')
    unknown = ('' if any(score.is_measured or score.error for score in scores)
               else ', truth not known')
    note = next((score.truth_note for score in scores if score.truth_note), '')
    told = f'<p class="note">Truth: {html.escape(note)}.</p>\n' if note else ''
    return (f'<section class="pair" id="{anchor(first.task, first.pair)}">\n'
            f'<h3>{html.escape(first.pair)} <small>{first.task}{size}{unknown}</small></h3>\n'
            f'{told}{number_table(scores)}\n'
            f'{picture_table([score.matcher for score in scores], rows)}\n</section>')


def anchor(task: str, name: str) -> str:
    """Name the place of a pair on the page; different pairs have different ones."""
    plain = re.sub(r'[^A-Za-z0-9]', lambda found: f'_{ord(found.group()):x}_', name)
    return f'{task}-{plain}'


def _summary(task: str, scores: Sequence[PairScore]) -> str:
    """Show the means, which matcher is better, and the diagrams of a task."""
    mine = [score for score in scores if score.task == task]
    tried = [score for score in mine if score.is_measured or score.error]
    pairs = len({score.pair for score in tried})
    if not any(score.is_measured for score in tried):
        return ''
    by_matcher = compared(tried, task)
    plots = {'time': latency_plot(task, by_matcher) if len(by_matcher) > 1 else '',
             'sparsification': sparsification_plot(task, by_matcher),
             'confidence': confidence_plot(f'Confidence, {task}', mine)}
    drawn = {kind: plot for kind, plot in plots.items() if plot}
    parts = [f'<h2>Mean of {task} <small>{pairs} pairs</small></h2>' if pairs > 1
             else f'<h2>One pair of {task}</h2>']
    if pairs > 1:
        parts += [mean_table(task, by_matcher, pairs), difference_table(task, by_matcher),
                  INTERVALS]
    if drawn:
        parts += [f'<div class="plots">{"".join(drawn.values())}</div>',
                  f'<p class="note">{" ".join(DIAGRAMS[kind] for kind in drawn)}</p>']
    return '\n'.join(part for part in parts if part)


def _reliability(scores: Sequence[PairScore]) -> str:
    """Show the confidence of all tasks together, if there are several that have any."""
    tasks = {score.task for score in scores if score.reliability is not None}
    if len(tasks) < 2:
        return ''
    return ('<h2>Can the confidence be trusted?</h2>\n<div class="plots">'
            f'{confidence_plot("Confidence, all pairs", scores)}</div>')


def _overview(task: str, scores: Sequence[PairScore], pictures: Pictures) -> str:
    """List the pairs of a task, worst first, with links to those that are shown."""
    mine = [score for score in scores if score.task == task]
    ranked = worst_first(mine, task)
    if len(ranked) < 2:
        return ''
    anchors = {pair: anchor(task, pair) for pair in ranked if (task, pair) in pictures}
    shown, notes = ranked[:MAX_ROWS], []
    if len(anchors) < len(ranked):
        notes.append(f'{len(anchors)} of {len(ranked)} pairs have pictures below: the worst, and '
                     'a few of the best. results.csv has the numbers of all.')
    if len(shown) < len(ranked):
        notes.append(f'The table has the first {MAX_ROWS}.')
    order = f'by {main_metric(task).title} of {matchers_of(mine)[0]}'
    note = f'<p class="note">{" ".join(notes)}</p>' if notes else ''
    return (f'<h3>Every {task} pair <small>{html.escape(order)}</small></h3>\n{note}'
            f'{overview_table(task, mine, shown, anchors)}')


def _of_pair(scores: Sequence[PairScore], task: str, pair: str) -> list[PairScore]:
    return [score for score in scores if (score.task, score.pair) == (task, pair)]
