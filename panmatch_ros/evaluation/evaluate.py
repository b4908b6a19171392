"""Match pairs with ground truth and score the results; one pair in memory at a time."""
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
import math
import time

import numpy as np

from ..core.errors import PanMatchError, ShapeError
from ..data.images import read_image
from ..inference.matcher import Matcher
from ..viz.comparison import error_px
from .confidence import (
    ConfidenceMetrics,
    Reliability,
    add_reliabilities,
    confidence_metrics,
    reliability,
)
from .metrics import BAD_THRESHOLDS_PX, Metrics, disparity_metrics, flow_metrics
from .pairs import TruthPair
from .truth import Truth, read_truth


@dataclass(frozen=True)
class PairScore:
    """
    What one matcher did on one pair.

    :param pair: name of the pair.
    :param task: ``stereo`` or ``flow``.
    :param matcher: label of the matcher.
    :param size: (height, width) of the images, pixels.
    :param metrics: errors; None if the pair failed or its truth is not known.
    :param milliseconds: time of the one call of the matcher, without reading files.
    :param truth_scale: levels per pixel that the disparity image was read with, or None.
    :param scale_origin: where that scale comes from.
    :param scale_is_guess: whether it was guessed from the file name.
    :param error: why the pair failed; empty if it did not.
    :param confidence: quality of the confidence; None like ``metrics``.
    :param reliability: pixels counted by their confidence; None like ``metrics``.
    """

    pair: str
    task: str
    matcher: str
    size: tuple[int, int] = (0, 0)
    metrics: Metrics | None = None
    milliseconds: float = math.nan
    truth_scale: float | None = None
    scale_origin: str = ''
    scale_is_guess: bool = False
    error: str = ''
    confidence: ConfidenceMetrics | None = None
    reliability: Reliability | None = None


@dataclass(frozen=True)
class Example:
    """
    Two images, and what is known about them.

    :param name: how the results call it.
    :param task: ``stereo`` or ``flow``.
    :param image0: left or first image, as :func:`~..data.images.read_image` gives it.
    :param image1: right or second image, same size.
    :param truth: disparity or flow of image 0; None if nobody knows it.
    """

    name: str
    task: str
    image0: np.ndarray
    image1: np.ndarray
    truth: Truth | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), pixels."""
        return self.image0.shape[0], self.image0.shape[1]


@dataclass(frozen=True)
class Result:
    """
    What a matcher made of an example.

    :param values: (H, W) disparity or (H, W, 2) flow, float32, pixels; NaN is invalid.
    :param confidence: (H, W) float32 in [0, 1].
    :param milliseconds: time of the one call.
    """

    values: np.ndarray
    confidence: np.ndarray
    milliseconds: float


def score_pair(matcher: Matcher, label: str, pair: TruthPair,
               scale: float | None = None) -> PairScore:
    """
    Match one pair and compare the result with the truth.

    :param matcher: what is measured.
    :param label: how the result calls it.
    :param pair: images and truth.
    :param scale: levels per pixel of a .png disparity, see :func:`~.truth.read_truth`.
    :returns: the score; one with ``error`` if the files or the matcher fail in a known way.
    """
    try:
        example = read_example(pair, scale)
        return score_result(run_matcher(matcher, example), label, example)
    except (PanMatchError, OSError) as error:
        return PairScore(pair.name, pair.task, label, error=str(error))


def read_example(pair: TruthPair, scale: float | None = None) -> Example:
    """
    Read the files of a pair.

    :param pair: images and truth.
    :param scale: levels per pixel of a .png disparity, see :func:`~.truth.read_truth`.
    :raises PanMatchError: if a file cannot be used.
    :raises ShapeError: if the truth has another size than the first image.
    """
    truth = read_truth(pair, scale)
    image0, image1 = read_image(pair.image0), read_image(pair.image1)
    size = image0.shape[:2]
    if truth.values.shape[:2] != size:
        raise ShapeError(f'{pair.truth} has {truth.values.shape[1]}x{truth.values.shape[0]} '
                         f'pixels, {pair.image0.name} has {size[1]}x{size[0]}')
    return Example(pair.name, pair.task, image0, image1, truth)


def run_matcher(matcher: Matcher, example: Example) -> Result:
    """
    Match an example, and take the time without what only the first pair of a size waits for.

    :raises PanMatchError: as the matcher does.
    """
    matcher.prepare(example.task, example.size)
    start_s = time.perf_counter()
    if example.task == 'stereo':
        disparity = matcher.match_stereo(example.image0, example.image1)
        elapsed_s = time.perf_counter() - start_s
        return Result(disparity.disparity, disparity.confidence, 1e3 * elapsed_s)
    flow = matcher.match(example.image0, example.image1)
    elapsed_s = time.perf_counter() - start_s
    return Result(flow.flow, flow.confidence, 1e3 * elapsed_s)


def score_result(result: Result, label: str, example: Example) -> PairScore:
    """
    Compare a result with the truth; without truth the score has the time only.

    :raises ShapeError: if they are not of one size.
    :raises ImageError: if the truth has no known pixel.
    """
    score = PairScore(example.name, example.task, label, example.size,
                      milliseconds=result.milliseconds)
    if example.truth is None:
        return score
    truth = example.truth
    measure = disparity_metrics if example.task == 'stereo' else flow_metrics
    metrics = measure(result.values, truth.values)
    error, confidence = error_px(result.values, truth.values).ravel(), result.confidence.ravel()
    return replace(score, metrics=metrics, truth_scale=truth.scale,
                   scale_origin=truth.scale_origin, scale_is_guess=truth.is_guess,
                   confidence=confidence_metrics(confidence, error),
                   reliability=reliability(confidence, error))


def mean_metrics(all_metrics: Sequence[Metrics]) -> Metrics:
    """
    Average the pairs, each with the same weight; pixel counts are added.

    :param all_metrics: at least one. A pair without any valid pixel has no end-point error and
        is left out of the mean of those; its shares count.
    """
    epes = [each.epe_px for each in all_metrics if math.isfinite(each.epe_px)]
    number = len(all_metrics)
    return Metrics(
        epe_px=sum(epes) / len(epes) if epes else math.nan,
        epe_pixels=sum(each.epe_pixels for each in all_metrics),
        truth_pixels=sum(each.truth_pixels for each in all_metrics),
        density_percent=sum(each.density_percent for each in all_metrics) / number,
        bad_percent=tuple(sum(each.bad_percent[index] for each in all_metrics) / number
                          for index in range(len(BAD_THRESHOLDS_PX))),
        outlier_percent=sum(each.outlier_percent for each in all_metrics) / number)


def mean_confidence(scores: Sequence[PairScore]) -> ConfidenceMetrics:
    """
    Average the quality of the confidence over pairs, each with the same weight.

    :param scores: at least one that did not fail. Pairs that are all right or all wrong have no
        AUROC and are left out of the mean of those.
    """
    known = [score.confidence for score in scores if score.confidence is not None]
    areas = [each.auroc for each in known if math.isfinite(each.auroc)]
    errors = [each.calibration_error for each in known if math.isfinite(each.calibration_error)]
    return ConfidenceMetrics(sum(areas) / len(areas) if areas else math.nan,
                             sum(errors) / len(errors) if errors else math.nan)


def mean_score(scores: Sequence[PairScore], name: str = 'mean') -> PairScore:
    """
    Average scores of one matcher and task, each pair with the same weight.

    :param scores: at least one that has ``metrics``; those without are left out.
    :param name: of the result, in place of that of a pair.
    """
    good = [score for score in scores if score.metrics is not None]
    return replace(
        good[0], pair=name, size=(0, 0),
        metrics=mean_metrics([score.metrics for score in good if score.metrics is not None]),
        milliseconds=sum(score.milliseconds for score in good) / len(good),
        truth_scale=None, scale_origin='', scale_is_guess=False,
        confidence=mean_confidence(good),
        reliability=add_reliabilities(score.reliability for score in good
                                      if score.reliability is not None))


def matchers_of(scores: Iterable[PairScore]) -> list[str]:
    """List the labels of the matchers in the order they were given."""
    return list(dict.fromkeys(score.matcher for score in scores))
