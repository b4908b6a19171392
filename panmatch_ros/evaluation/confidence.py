"""How much a confidence tells about being right."""
from dataclasses import dataclass

import numpy as np

from ..core.errors import ShapeError

RIGHT_PX = 1.0  # a match is right if its error is smaller
BINS = 15


@dataclass(frozen=True)
class ConfidenceMetrics:
    """
    Quality of a confidence over the pixels with known truth and a valid result.

    :param auroc: area under the ROC curve: how often a right pixel has a higher confidence than
        a wrong one, 0.5 by chance; NaN if all pixels are right or all are wrong.
    :param calibration_error: expected calibration error: mean difference of confidence and share
        of right pixels, over ``BINS`` equal bins weighted by their pixels, 0 to 1.
    """

    auroc: float
    calibration_error: float


def confidence_metrics(confidence: np.ndarray, error_px: np.ndarray) -> ConfidenceMetrics:
    """
    Compare a confidence with the errors.

    :param confidence: (N,) floating point in [0, 1]; not finite is left out.
    :param error_px: (N,) floating point, pixels; not finite is left out.
    :returns: both numbers; NaN without any pixel.
    :raises ShapeError: if the shapes are not equal and (N,).
    """
    if confidence.ndim != 1 or confidence.shape != error_px.shape:
        raise ShapeError(f'confidence and error_px must be (N,) of one size, got '
                         f'{confidence.shape} and {error_px.shape}')
    known = np.isfinite(error_px) & np.isfinite(confidence)
    values, right = confidence[known].astype(np.float64), error_px[known] < RIGHT_PX
    return ConfidenceMetrics(_auroc(values, right), _calibration_error(values, right))


def _auroc(values: np.ndarray, right: np.ndarray) -> float:
    """Rank statistic of Mann and Whitney; equal values count half."""
    positive, negative = int(right.sum()), int((~right).sum())
    if not positive or not negative:
        return float('nan')
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # mean rank of equal values, from 1
    total = float(ranks[group][right].sum())
    return (total - positive * (positive + 1) / 2) / (positive * negative)


def _calibration_error(values: np.ndarray, right: np.ndarray) -> float:
    if not values.size:
        return float('nan')
    bins = np.minimum((values * BINS).astype(np.int64), BINS - 1)
    confident = np.bincount(bins, values, BINS)
    correct = np.bincount(bins, right, BINS)
    return float(np.abs(confident - correct).sum() / values.size)
