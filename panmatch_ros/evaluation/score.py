"""Step 2 of an evaluation: compare what was kept with the truth; no matcher is needed."""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..core.errors import PanMatchError
from ..data.sample import Annotation, Sample
from .official import measure_official
from .pair_score import PairScore
from .prediction import Prediction, read_prediction
from .run_folder import RunFolder
from .score_dense import dense_truth, score_dense
from .score_sparse import sparse_numbers

NO_PREDICTION = 'there is no prediction of it; run `panmatch evaluate` with the matcher again'
Failures = Mapping[tuple[str, str, str], str]  # task, pair, matcher: why there is no prediction


@dataclass(frozen=True)
class Entrants:
    """
    Whose predictions are scored.

    :param labels: of the matchers, by task.
    :param failures: why a prediction is missing, by task, pair and label.
    """

    labels: Mapping[str, Sequence[str]]
    failures: Failures


def score_pairs(samples: Sequence[Sample], folder: RunFolder, entrants: Entrants,
                report: Callable[[Sequence[PairScore]], None] | None = None) -> list[PairScore]:
    """
    Score the predictions of all pairs, with one pair in memory at a time.

    :param folder: with the predictions.
    :param report: told the scores of each pair.
    :returns: a score for each pair and matcher; ``error`` says why one has no numbers.
    """
    scores = []
    for sample in samples:
        found = score_pair(sample, folder, entrants)
        scores += found
        if report:
            report(found)
    return scores


def score_pair(sample: Sample, folder: RunFolder, entrants: Entrants) -> list[PairScore]:
    """Score what the matchers made of one pair, see :func:`score_pairs`."""
    labels = entrants.labels[sample.task]
    failed = [PairScore(sample.name, sample.task, label, error=entrants.failures.get(
        (sample.task, sample.name, label), '')) for label in labels]
    if all(score.error for score in failed):
        return failed
    try:
        annotation = sample.annotate()
    except (PanMatchError, OSError) as error:
        return [score if score.error else replace(score, error=str(error)) for score in failed]
    return [score if score.error else _score(sample, annotation, folder, score.matcher)
            for score in failed]


def score_prediction(sample: Sample, annotation: Annotation, prediction: Prediction,
                     label: str) -> PairScore:
    """
    Compare a prediction with what is known about its pair; if nothing is, there is a time only.

    :param label: of the matcher.
    :raises PanMatchError: if the truth cannot be used or does not fit.
    """
    score = PairScore(sample.name, sample.task, label, prediction.size,
                      milliseconds=prediction.milliseconds, truth_note=annotation.note,
                      truth_scale=annotation.scale, scale_origin=annotation.scale_origin)
    numbers = sparse_numbers(sample.task, prediction, annotation)
    truth = dense_truth(sample.task, annotation, prediction.values, prediction.size1)
    if truth is None:
        return replace(score, numbers=numbers)
    dense = score_dense(prediction, truth, annotation)
    return replace(score, numbers={**dense.numbers, **numbers}, reliability=dense.reliability,
                   sparsification=dense.sparsification,
                   official=measure_official(sample, prediction.values, annotation))


def _score(sample: Sample, annotation: Annotation, folder: RunFolder, label: str) -> PairScore:
    nothing = PairScore(sample.name, sample.task, label, error=NO_PREDICTION)
    try:
        found = read_prediction(folder.prediction(label, sample.task, sample.name))
        if found is None:
            return nothing
        return score_prediction(sample, annotation, found, label)
    except (PanMatchError, OSError) as error:
        return replace(nothing, error=str(error))
