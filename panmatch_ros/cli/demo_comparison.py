"""Section of the demo's page that compares nano and classical on its image pairs."""
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import html

from ..core.errors import PanMatchError
from ..evaluation.compare import compare
from ..evaluation.evaluate import PairScore
from ..evaluation.report import LEGEND, pair_section, summary_section
from ..inference.factory import create_matcher
from ..inference.matcher import Matcher
from .demo_inputs import DemoPair

MATCHERS = ('nano', 'classical')


@dataclass(frozen=True)
class DemoComparison:
    """
    What the matchers made of the pairs.

    :param scores: of all pairs and matchers.
    :param html: section of the page.
    """

    scores: tuple[PairScore, ...]
    html: str


def compare_matchers(pairs: Iterable[DemoPair], say: Callable[[str], None]) -> DemoComparison:
    """
    Match all pairs with ``MATCHERS``, those of them that can be used here.

    :param pairs: what is matched.
    :param say: told what happens.
    """
    matchers, missing = available_matchers(MATCHERS)
    for name, reason in missing.items():
        say(f'the matcher {name} is left out of the comparison: {reason}')
    return compare_with(matchers, missing, pairs, say)


def available_matchers(names: Iterable[str]) -> tuple[dict[str, Matcher], dict[str, str]]:
    """Make matchers; for those that cannot be made tell why."""
    matchers, missing = {}, {}
    for name in names:
        try:
            matchers[name] = create_matcher(name)
        except PanMatchError as error:
            missing[name] = str(error)
    return matchers, missing


def compare_with(matchers: Mapping[str, Matcher], missing: Mapping[str, str],
                 pairs: Iterable[DemoPair], say: Callable[[str], None]) -> DemoComparison:
    """
    Match all pairs and write the section.

    :param matchers: by name.
    :param missing: why others are not there, by name.
    :param pairs: what is matched.
    :param say: told what happens.
    """
    scores: list[PairScore] = []
    sections = [f'<p class="failed">{html.escape(name)} is not compared: {html.escape(reason)}</p>'
                for name, reason in missing.items()]
    for pair in pairs:
        comparison = compare(pair.name, pair.task, pair.load, matchers)
        scores += comparison.scores
        sections.append(pair_section(comparison))
        for score in comparison.scores:
            say(f'{pair.name}: {_describe(score)}')
    body = '\n'.join([LEGEND, *sections, summary_section(scores)])
    return DemoComparison(tuple(scores), f'<h2>{" and ".join(MATCHERS)} side by side</h2>\n{body}')


def _describe(score: PairScore) -> str:
    if score.error:
        return f'{score.matcher} failed: {score.error}'
    error = f', mean error {score.metrics.epe_px:.2f} px' if score.metrics else ''
    return f'{score.matcher} {score.milliseconds:.0f} ms{error}'
