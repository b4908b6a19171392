"""Match pairs with ground truth and score the results; one pair in memory at a time."""
from collections.abc import Sequence
from dataclasses import dataclass
import math
import time

import numpy as np

from ..core.errors import PanMatchError, ShapeError
from ..data.images import read_image
from ..inference.matcher import Matcher
from .confidence import ConfidenceMetrics, confidence_metrics
from .metrics import BAD_THRESHOLDS_PX, Metrics, disparity_metrics, flow_metrics
from .pairs import TruthPair
from .truth import read_truth


@dataclass(frozen=True)
class PairScore:
    """
    What one matcher did on one pair.

    :param pair: name of the pair.
    :param task: ``stereo`` or ``flow``.
    :param matcher: label of the matcher.
    :param size: (height, width) of the images, pixels.
    :param metrics: errors; None if the pair failed.
    :param milliseconds: time of the one call of the matcher, without reading files.
    :param truth_scale: levels per pixel that the disparity image was read with, or None.
    :param scale_origin: where that scale comes from.
    :param scale_is_guess: whether it was guessed from the file name.
    :param error: why the pair failed; empty if it did not.
    :param confidence: quality of the confidence; None if the pair failed.
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
        return _score(matcher, label, pair, scale)
    except (PanMatchError, OSError) as error:
        return PairScore(pair.name, pair.task, label, error=str(error))


def _score(matcher: Matcher, label: str, pair: TruthPair, scale: float | None) -> PairScore:
    truth = read_truth(pair, scale)
    image0, image1 = read_image(pair.image0), read_image(pair.image1)
    size = image0.shape[:2]
    if truth.values.shape[:2] != size:
        raise ShapeError(f'{pair.truth} has {truth.values.shape[1]}x{truth.values.shape[0]} '
                         f'pixels, {pair.image0.name} has {size[1]}x{size[0]}')
    matcher.prepare(pair.task, (size[0], size[1]))
    start_s = time.perf_counter()
    if pair.task == 'stereo':
        disparity = matcher.match_stereo(image0, image1)
        elapsed_s = time.perf_counter() - start_s
        metrics = disparity_metrics(disparity.disparity, truth.values)
        error = np.abs(disparity.disparity - truth.values)
        confidence = disparity.confidence
    else:
        flow = matcher.match(image0, image1)
        elapsed_s = time.perf_counter() - start_s
        metrics = flow_metrics(flow.flow, truth.values)
        error, confidence = np.linalg.norm(flow.flow - truth.values, axis=2), flow.confidence
    quality = confidence_metrics(confidence.ravel(), error.ravel())
    return PairScore(pair.name, pair.task, label, (size[0], size[1]), metrics, 1e3 * elapsed_s,
                     truth.scale, truth.scale_origin, truth.is_guess, confidence=quality)


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
