"""The report that the demo ends in: nano and classical side by side on its image pairs."""
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
import html
from pathlib import Path

from ..core.errors import PanMatchError
from ..data.sample import Sample
from ..evaluation.contender import Contender, make_contender
from ..evaluation.example import store_example
from ..evaluation.pair_score import PairScore, matchers_of
from ..evaluation.report.page import write_report
from ..evaluation.run import Plan, predict_run, score_run
from ..evaluation.run_folder import RunFolder
from .demo_inputs import DemoPair
from .options import versions

MATCHERS = ('nano', 'classical')
FOLDER = 'comparison'  # in that of the demo
TITLE = 'panmatch demo: the matchers side by side'


@dataclass(frozen=True)
class DemoComparison:
    """
    What the matchers made of the pairs.

    :param scores: of all pairs and matchers.
    :param report: the page.
    :param html: section of the page of the demo, which leads to the report.
    """

    scores: tuple[PairScore, ...]
    report: Path
    html: str


def compare_matchers(pairs: Iterable[DemoPair], out: Path,
                     say: Callable[[str], None]) -> DemoComparison:
    """
    Match all pairs with ``MATCHERS``, those of them that can be used here.

    :param pairs: what is matched.
    :param out: folder of the demo.
    :param say: told what happens.
    """
    contenders, missing = available_matchers(MATCHERS)
    for name, reason in missing.items():
        say(f'the matcher {name} is left out of the comparison: {reason}')
    return compare_with(contenders, missing, pairs, out, say)


def available_matchers(names: Iterable[str]) -> tuple[list[Contender], dict[str, str]]:
    """Make matchers; for those that cannot be made tell why."""
    contenders, missing = [], {}
    for name in names:
        try:
            contenders.append(make_contender(name))
        except PanMatchError as error:
            missing[name] = str(error)
    return contenders, missing


def compare_with(contenders: Sequence[Contender], missing: Mapping[str, str],
                 pairs: Iterable[DemoPair], out: Path,
                 say: Callable[[str], None]) -> DemoComparison:
    """
    Evaluate the matchers on all pairs, write the report and the section that leads to it.

    :param contenders: the matchers.
    :param missing: why others are not there, by name.
    :param pairs: what is matched; those that cannot be read are told as failed.
    :param out: folder of the demo.
    :param say: told what happens.
    """
    folder = RunFolder(out / FOLDER)
    samples, failed = store_pairs(pairs, out / FOLDER / 'input')
    plan = Plan(samples, {'title': TITLE, 'versions': versions()}, fresh=True)
    entrants = predict_run(plan, contenders, folder)
    labels = [contender.name for contender in contenders]
    scores = [*score_run(plan, folder, entrants),
              *(PairScore(pair.name, pair.task, label, error=error)
                for pair, error in failed for label in labels)]
    for score in scores:
        say(f'{score.pair}: {_describe(score)}')
    report = write_report(folder)
    return DemoComparison(tuple(scores), report, _section(scores, missing))


def store_pairs(pairs: Iterable[DemoPair],
                folder: Path) -> tuple[list[Sample], list[tuple[DemoPair, str]]]:
    """
    Write the images of all pairs as files.

    :param folder: where to.
    :returns: the samples, and the pairs that cannot be read, each with the reason.
    """
    samples, failed = [], []
    for pair in pairs:
        try:
            samples.append(store_example(pair.load(), folder, 'demo'))
        except (PanMatchError, OSError) as error:
            failed.append((pair, str(error)))
    return samples, failed


def _section(scores: Sequence[PairScore], missing: Mapping[str, str]) -> str:
    lines = [f'<p class="failed">{html.escape(name)} is not compared: {html.escape(reason)}</p>'
             for name, reason in missing.items()]
    lines += [f'<p class="failed">{html.escape(score.pair)}: {html.escape(_describe(score))}</p>'
              for score in scores if score.error]
    pairs = len({score.pair for score in scores})
    return '\n'.join([f'<h2>{" and ".join(MATCHERS)} side by side</h2>', *lines,
                      f'<p><a href="{FOLDER}/report.html">The report</a> compares '
                      f'{html.escape(" and ".join(matchers_of(scores)) or "no matcher")} on '
                      f'{pairs} pairs: numbers, pictures, errors and confidence.</p>'])


def _describe(score: PairScore) -> str:
    if score.error:
        return f'{score.matcher} failed: {score.error}'
    error = f', mean error {score.value("epe_px"):.2f} px' if score.is_measured else ''
    return f'{score.matcher} {score.milliseconds:.0f} ms{error}'
