"""Where a matcher stops working: measure it on pairs that are damaged more and more."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...core.errors import ConfigError, PanMatchError
from ...data.images import read_image
from ...data.sample import Sample
from ..contender import Contender
from ..pair_score import PairScore
from ..predict import labels_of, predict
from ..score import score_prediction
from .corruptions.damage import Damage
from .probe_store import ProbeStore, probe_digest


@dataclass(frozen=True)
class ProbePlan:
    """
    What is damaged how.

    :param corruptions: names, at least one.
    :param strengths: above 0, at most 5, at least one.
    :param images: 'both' or 'second', see :class:`.corruptions.damage.Damage`.
    :param seed: of all choices.
    :raises ConfigError: if a value cannot work.
    """

    corruptions: tuple[str, ...]
    strengths: tuple[float, ...]
    images: str = 'both'
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.corruptions:
            raise ConfigError('a probe needs at least one corruption')
        if not self.strengths or min(self.strengths) <= 0:
            raise ConfigError('a probe needs strengths above 0, got '
                              f'{", ".join(f"{each:g}" for each in self.strengths) or "none"}')
        self.damages()  # checks the rest

    def damages(self) -> list[Damage]:
        """List all damages; the first is none, and each corruption grows."""
        strengths = sorted(set(self.strengths))
        return [Damage(self.corruptions[0], 0, self.images, self.seed),
                *(Damage(name, strength, self.images, self.seed)
                  for name in dict.fromkeys(self.corruptions) for strength in strengths)]


@dataclass(frozen=True)
class Finding:
    """
    What all matchers made of all pairs with one damage.

    :param damage: of the pairs.
    :param scores: of each pair and matcher.
    :param is_reused: whether an earlier run had measured it.
    """

    damage: Damage
    scores: tuple[PairScore, ...]
    is_reused: bool = False


def run_probe(samples: Sequence[Sample], contenders: Sequence[Contender], plan: ProbePlan,
              folder: Path | None = None, fresh: bool = False,
              report: Callable[[Finding], None] | None = None) -> list[Finding]:
    """
    Measure matchers with every damage of a plan; one pair is in memory at a time.

    Pairs whose files cannot be used, and those that a matcher fails on in a known way, have a
    score with the reason. Nothing but the numbers is kept, as the predictions of all damages
    would fill a disk.

    :param samples: pairs with truth.
    :param contenders: whom to measure.
    :param plan: what is damaged how.
    :param folder: where the numbers of each damage are kept as soon as it is done; what is
        there of the same pairs, matchers and code is not measured again.
    :param fresh: measure everything, whatever is there.
    :param report: told each finding.
    """
    store = None if folder is None else ProbeStore(folder)
    findings = []
    for damage in plan.damages():
        digest = '' if store is None else probe_digest(samples, contenders, damage)
        known = None if store is None or fresh else store.read(damage, digest)
        scores = known if known is not None else tuple(
            score for sample in samples for score in score_damaged(sample, contenders, damage))
        if store is not None and known is None:
            store.write(damage, digest, scores)
        findings.append(Finding(damage, scores, known is not None))
        if report:
            report(findings[-1])
    return findings


def score_damaged(sample: Sample, contenders: Sequence[Contender],
                  damage: Damage) -> list[PairScore]:
    """
    Damage a pair, match it with all matchers, and compare with the truth of the whole one.

    :returns: a score for each matcher, without curves of the confidence.
    """
    labels = labels_of(contenders, sample.task)
    try:
        annotation = sample.annotate()
        images = damage.apply(sample.name, read_image(sample.image0), read_image(sample.image1),
                              annotation)
    except (PanMatchError, OSError) as error:
        return [PairScore(sample.name, sample.task, label, error=str(error)) for label in labels]
    scores = []
    for contender, label in zip(contenders, labels, strict=True):
        try:
            found = predict(contender.matcher, sample.task, *images)
            score = score_prediction(sample, annotation, found, label)
            scores.append(replace(score, reliability=None, sparsification=None, official=None))
        except (PanMatchError, OSError) as error:
            scores.append(PairScore(sample.name, sample.task, label, error=str(error)))
    return scores


def paint_damages(sample: Sample, plan: ProbePlan) -> dict[str, list[tuple[str, np.ndarray]]]:
    """
    Show what the damages of a plan look like.

    :param sample: the pair that is shown.
    :param plan: what is damaged how.
    :returns: by corruption: image 0 (image 1 where only that is damaged) from whole to the
        strongest damage, and the other one at the end; (H, W, 3) uint8 RGB with a title each.
    :raises PanMatchError: if a file cannot be used.
    """
    annotation = sample.annotate()
    images = read_image(sample.image0), read_image(sample.image1)
    whole, *damages = plan.damages()
    shown = 0 if plan.images == 'both' else 1
    painted: dict[str, list[tuple[str, np.ndarray]]] = {}
    for damage in damages:
        both = damage.apply(sample.name, *images, annotation)
        row = painted.setdefault(damage.corruption, [
            (f'{sample.name}, image {shown}', whole.apply(sample.name, *images)[shown])])
        title = f'{damage.strength:g}: {damage.kind.describe(damage.strength)}'
        row.append((title, both[shown]))
        if damage.strength == max(plan.strengths):
            row.append((f'{damage.strength:g}, image {1 - shown}', both[1 - shown]))
    return painted
