"""
Errors of a dense result, counted by regions of the image.

A region keeps counts and sums, not shares, so that the pixels of many pairs can be pooled as the
benchmarks pool them: the outliers of a benchmark are those of all its pixels, not the mean over
its images. A pixel that the matcher left invalid (NaN) is beyond every bound and has no error in
pixels, as in :mod:`.metrics`.
"""
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from ...core.errors import ImageError, ShapeError
from .dense import OUTLIER_PX, OUTLIER_SHARE

ONE_PX = 1.0
# VIPER: shares of pixels within 0.05, 0.1 ... 5 px, which count for less the larger the bound.
WAUC_LIMITS_PX = np.arange(1, 101) / 20
WAUC_WEIGHTS = 1 - np.arange(100) / 100

Regions = TypeVar('Regions')


@dataclass(frozen=True)
class RegionErrors:
    """
    What a result got wrong in one region; of several pairs if their counts were added.

    :param pixels: number of pixels of the region with known truth.
    :param predicted: how many of them have a result.
    :param error_sum_px: sum of the end-point errors of those, pixels.
    :param beyond_one: number of pixels that have no result or an error > 1 px.
    :param beyond_three: the same of an error > 3 px.
    :param outliers: number of pixels that have no result or an error > 3 px and > 5 % of the
        true magnitude.
    :param wauc_sum: sum of what each pixel adds to the weighted area, 0 to 1 each.
    """

    pixels: int = 0
    predicted: int = 0
    error_sum_px: float = 0.0
    beyond_one: int = 0
    beyond_three: int = 0
    outliers: int = 0
    wauc_sum: float = 0.0

    @property
    def epe_px(self) -> float:
        """Mean end-point error of the pixels with a result, pixels; NaN if there are none."""
        return self.error_sum_px / self.predicted if self.predicted else float('nan')

    @property
    def density_percent(self) -> float:
        """Share of the pixels that have a result, percent; NaN in an empty region."""
        return self._percent(self.predicted)

    @property
    def one_px_percent(self) -> float:
        """Share of pixels that are more than 1 px off or have no result, percent."""
        return self._percent(self.beyond_one)

    @property
    def three_px_percent(self) -> float:
        """Share of pixels that are more than 3 px off or have no result, percent."""
        return self._percent(self.beyond_three)

    @property
    def outlier_percent(self) -> float:
        """Share of outliers, percent: D1 of a disparity map, Fl of a flow field."""
        return self._percent(self.outliers)

    @property
    def wauc_percent(self) -> float:
        """Weighted area under the curve of :data:`WAUC_LIMITS_PX`, percent; 100 is perfect."""
        return self._percent(self.wauc_sum)

    def __add__(self, other: 'RegionErrors') -> 'RegionErrors':
        """Pool the pixels of two pairs."""
        return RegionErrors(*(getattr(self, each.name) + getattr(other, each.name)
                              for each in fields(self)))

    def _percent(self, number: float) -> float:
        return 100.0 * number / self.pixels if self.pixels else float('nan')


@dataclass(frozen=True)
class ErrorMap:
    """
    Error of each pixel.

    :param error_px: (H, W) float64, end-point error, pixels; NaN without a result or truth.
    :param magnitude_px: (H, W) float64, true magnitude that outliers are relative to, pixels.
    :param speed_px: (H, W) float64, true magnitude that tells the region, pixels.
    :param known: (H, W) bool, whether the truth is known.
    """

    error_px: np.ndarray
    magnitude_px: np.ndarray
    speed_px: np.ndarray
    known: np.ndarray

    def within(self, *regions: np.ndarray | None) -> RegionErrors:
        """
        Count the errors where all regions are true.

        :param regions: each (H, W) bool; None is not known, and nothing is in it.
        :raises ShapeError: if one is neither bool nor of the size.
        """
        counted = self.known
        for region in regions:
            if region is None:
                return RegionErrors()
            if region.shape != self.known.shape or region.dtype != np.bool_:
                raise ShapeError(f'a region must be bool {self.known.shape}, got {region.dtype} '
                                 f'{region.shape}')
            counted = counted & region
        errors = self.error_px[counted]
        limits = np.maximum(OUTLIER_PX, OUTLIER_SHARE * self.magnitude_px[counted])
        predicted = np.isfinite(errors)
        return RegionErrors(
            pixels=errors.size,
            predicted=int(np.count_nonzero(predicted)),
            error_sum_px=float(errors[predicted].sum()),
            beyond_one=int(np.count_nonzero(~(errors <= ONE_PX))),  # true for NaN as well
            beyond_three=int(np.count_nonzero(~(errors <= OUTLIER_PX))),
            outliers=int(np.count_nonzero(~(errors <= limits))),
            wauc_sum=_wauc_sum(errors[predicted]))


def error_map(result: np.ndarray, truth: np.ndarray) -> ErrorMap:
    """
    Compare a result with the truth, pixel by pixel.

    :param result: (H, W) disparity or (H, W, 2) flow, pixels; not finite is invalid.
    :param truth: the same; not finite is unknown. With one more dimension before, (N, H, W) or
        (N, H, W, 2), it has N candidates for each pixel, as that of the Spring benchmark: the
        error is the smallest of them, outliers are relative to the largest, the mean tells the
        region, and a pixel counts if all are known.
    :returns: the errors.
    :raises ShapeError: if the shapes do not fit.
    :raises ImageError: if no pixel has a known truth.
    """
    candidates = truth[None] if truth.ndim == result.ndim else truth
    if result.ndim not in (2, 3) or result.shape[2:] not in ((), (2,)) \
            or not candidates.size or candidates.shape[1:] != result.shape:
        raise ShapeError('result and truth must be (H, W) or (H, W, 2), the truth with any number '
                         f'of candidates, of one size, got {result.shape} and {truth.shape}')
    layers = candidates.astype(np.float64)
    finite = np.isfinite(layers).reshape(len(layers), *result.shape[:2], -1)
    known = np.asarray(finite.all(axis=(0, 3)))
    if not known.any():
        raise ImageError('the ground truth has no known pixel to compare with')
    layers[:, ~known] = np.nan
    errors = np.min(_length(result.astype(np.float64) - layers), axis=0)
    errors[~np.isfinite(errors)] = np.nan
    lengths = _length(layers)
    return ErrorMap(errors, lengths.max(axis=0), lengths.mean(axis=0), known)


def add_regions(parts: Iterable[Regions]) -> Regions:
    """
    Pool the pixels of several pairs.

    :param parts: at least one, all of one class whose fields are :class:`RegionErrors`.
    """
    parts = list(parts)
    names = [each.name for each in fields(parts[0])]  # type: ignore[arg-type]  # a dataclass
    return type(parts[0])(*(sum((getattr(part, name) for part in parts), RegionErrors())
                            for name in names))


def _length(vectors: np.ndarray) -> np.ndarray:
    """Length of (N, H, W, 2) vectors, or of (N, H, W) numbers."""
    return np.abs(vectors) if vectors.ndim == 3 else np.hypot(vectors[..., 0], vectors[..., 1])


def _wauc_sum(errors_px: np.ndarray) -> float:
    """Sum over pixels of the weights of all limits that the error is within, of all weights."""
    weight_from = np.append(np.cumsum(WAUC_WEIGHTS[::-1])[::-1], 0.0) / WAUC_WEIGHTS.sum()
    return float(weight_from[np.searchsorted(WAUC_LIMITS_PX, errors_px)].sum())
