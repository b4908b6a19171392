"""What one matcher did on one pair."""
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import math

from .metrics.confidence import Reliability
from .metrics.sparsification import Sparsification

MILLISECONDS = 'milliseconds'


@dataclass(frozen=True)
class PairScore:
    """
    What one matcher did on one pair.

    :param pair: name of the pair.
    :param task: one of :data:`..data.sample.TASKS`.
    :param matcher: label of the matcher.
    :param size: (height, width) of image 0, pixels.
    :param numbers: by the names that ``results.json`` has; NaN where there is none. Empty if the
        pair failed or nothing is known about it.
    :param milliseconds: time of the one call of the matcher, without reading files.
    :param truth_note: how the truth was read, where that was guessed.
    :param truth_scale: levels per pixel that the disparity image was read with, or None.
    :param scale_origin: where that scale comes from.
    :param error: why the pair failed; empty if it did not.
    :param reliability: pixels counted by their confidence; None without dense truth.
    :param sparsification: curves of the confidence; None without dense truth.
    :param official: what the benchmark of the dataset counts, see :mod:`.official`; None if it
        has none.
    """

    pair: str
    task: str
    matcher: str
    size: tuple[int, int] = (0, 0)
    numbers: Mapping[str, float] = field(default_factory=dict)
    milliseconds: float = math.nan
    truth_note: str = ''
    truth_scale: float | None = None
    scale_origin: str = ''
    error: str = ''
    reliability: Reliability | None = None
    sparsification: Sparsification | None = None
    official: object = None

    @property
    def is_measured(self) -> bool:
        """Whether it has numbers beside the time."""
        return bool(self.numbers)

    def value(self, name: str) -> float:
        """
        Give one of the numbers.

        :param name: of ``numbers``, or 'milliseconds'.
        :returns: NaN if there is none of that name.
        """
        return self.milliseconds if name == MILLISECONDS else self.numbers.get(name, math.nan)


def matchers_of(scores: Iterable[PairScore]) -> list[str]:
    """List the labels of the matchers in the order they were given."""
    return list(dict.fromkeys(score.matcher for score in scores))


def tasks_of(scores: Iterable[PairScore]) -> list[str]:
    """List the tasks, in the order of the pairs."""
    return list(dict.fromkeys(score.task for score in scores))


def common_pairs(scores: Iterable[PairScore]) -> list[str]:
    """
    List the pairs that every matcher has numbers of.

    :param scores: of one task.
    """
    scores = list(scores)
    measured: dict[str, set[str]] = {}
    for score in scores:
        found = measured.setdefault(score.pair, set())
        if score.is_measured:
            found.add(score.matcher)
    everyone = set(matchers_of(scores))
    return [pair for pair, found in measured.items() if everyone and found == everyone]
