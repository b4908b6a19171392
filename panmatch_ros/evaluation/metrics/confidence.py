"""How much a confidence tells about being right."""
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...core.errors import ShapeError

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


@dataclass(frozen=True)
class Reliability:
    """
    Pixels counted by their confidence, in ``BINS`` equal bins from 0 to 1.

    :param pixels: (BINS,) float64, how many there are.
    :param confidence: (BINS,) float64, sum of their confidence.
    :param right: (BINS,) float64, how many of them are right.
    """

    pixels: np.ndarray
    confidence: np.ndarray
    right: np.ndarray

    @property
    def calibration_error(self) -> float:
        """Expected calibration error, 0 to 1; NaN without any pixel."""
        pixels = self.pixels.sum()
        if not pixels:
            return float('nan')
        return float(np.abs(self.confidence - self.right).sum() / pixels)

    def curve(self) -> np.ndarray:
        """(N, 3): mean confidence, share of right pixels, share of all pixels; bins with any."""
        filled = self.pixels > 0
        pixels = self.pixels[filled]
        return np.stack([self.confidence[filled] / pixels, self.right[filled] / pixels,
                         pixels / max(self.pixels.sum(), 1)], axis=1)


def confidence_metrics(confidence: np.ndarray, error_px: np.ndarray) -> ConfidenceMetrics:
    """
    Compare a confidence with the errors.

    :param confidence: (N,) floating point in [0, 1]; not finite is left out.
    :param error_px: (N,) floating point, pixels; not finite is left out.
    :returns: both numbers; NaN without any pixel.
    :raises ShapeError: if the shapes are not equal and (N,).
    """
    values, right = _known(confidence, error_px)
    return ConfidenceMetrics(_auroc(values, right), _binned(values, right).calibration_error)


def reliability(confidence: np.ndarray, error_px: np.ndarray) -> Reliability:
    """
    Count right pixels by their confidence.

    :param confidence: (N,) floating point in [0, 1]; not finite is left out.
    :param error_px: (N,) floating point, pixels; not finite is left out.
    :raises ShapeError: if the shapes are not equal and (N,).
    """
    return _binned(*_known(confidence, error_px))


def add_reliabilities(parts: Iterable[Reliability]) -> Reliability:
    """Put the pixels of several results into one; none if there are no parts."""
    parts = list(parts)
    return Reliability(*(sum((getattr(part, name) for part in parts), np.zeros(BINS))
                         for name in ('pixels', 'confidence', 'right')))


def _known(confidence: np.ndarray, error_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confidence, and whether the pixel is right, of those where both are known."""
    if confidence.ndim != 1 or confidence.shape != error_px.shape:
        raise ShapeError(f'confidence and error_px must be (N,) of one size, got '
                         f'{confidence.shape} and {error_px.shape}')
    known = np.isfinite(error_px) & np.isfinite(confidence)
    return confidence[known].astype(np.float64), error_px[known] < RIGHT_PX


def _auroc(values: np.ndarray, right: np.ndarray) -> float:
    """Rank statistic of Mann and Whitney; equal values count half."""
    positive, negative = int(right.sum()), int((~right).sum())
    if not positive or not negative:
        return float('nan')
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # mean rank of equal values, from 1
    total = float(ranks[group][right].sum())
    return (total - positive * (positive + 1) / 2) / (positive * negative)


def _binned(values: np.ndarray, right: np.ndarray) -> Reliability:
    bins = np.minimum((values * BINS).astype(np.int64), BINS - 1)
    return Reliability(np.bincount(bins, minlength=BINS).astype(np.float64),
                       np.bincount(bins, values, BINS), np.bincount(bins, right, BINS))
