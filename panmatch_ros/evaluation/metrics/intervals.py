"""
How sure a mean over pairs is: bootstrap intervals.

The pairs of a dataset are a sample of what could have been taken. Drawing as many of them again,
with replacement, and averaging those, many times, shows how much the mean would change with
other pairs. The draws of few pairs scatter less than other pairs would, so the percentiles are
taken further out: as much as Student's t distribution is wider than the normal one (the expanded
percentile interval of Hesterberg, "What teachers should know about the bootstrap", The American
Statistician 2015).

Two matchers are compared by the differences on the same pairs: what makes a pair
hard is then in both, and cancels.
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
import math
from statistics import NormalDist

import numpy as np

from ...core.errors import ShapeError
from .student_t import t_quantile

LEVEL_PERCENT = 95.0
RESAMPLES = 2000
SEED = 0
# Of five pairs equal matchers have all differences on one side once in 16 times, which the
# bootstrap takes for sure; of six once in 32, which is rarer than the 1 in 20 that is allowed.
FEWEST_TO_DECIDE = 6
_LARGEST_DRAW = 1 << 20  # numbers drawn at once


@dataclass(frozen=True)
class Interval:
    """
    A mean, or another number of many pairs, and where it would be with other pairs.

    :param mean: of the pairs; NaN if there are none.
    :param low: lower end of the interval of ``LEVEL_PERCENT``; NaN of fewer than two pairs.
    :param high: upper end.
    :param number: how many pairs.
    """

    mean: float
    low: float
    high: float
    number: int

    @property
    def is_known(self) -> bool:
        """Whether there are enough pairs for an interval."""
        return math.isfinite(self.low)

    @property
    def is_decided(self) -> bool:
        """
        Whether a mean of zero can be ruled out: a difference that other pairs would show, too.

        It is outside the interval, and there are at least ``FEWEST_TO_DECIDE`` pairs.
        """
        enough = self.is_known and self.number >= FEWEST_TO_DECIDE
        return enough and (self.low > 0 or self.high < 0)


def mean_interval(values: Sequence[float]) -> Interval:
    """
    Average values and give the expanded percentile interval of the bootstrap.

    The draws are those of a generator with the seed ``SEED``: the same values in the same order
    have the same interval.

    :param values: one for each pair; what is not finite is left out.
    """
    known = np.array([value for value in values if math.isfinite(value)], np.float64)
    if not known.size:
        return Interval(math.nan, math.nan, math.nan, 0)
    if known.size == 1:
        return Interval(float(known[0]), math.nan, math.nan, 1)
    low, high = _ends(_resampled_means(known), known.size)
    return Interval(float(known.mean()), low, high, known.size)


def difference_interval(first: Sequence[float], second: Sequence[float]) -> Interval:
    """
    Average ``first - second`` over the pairs, with its interval.

    :param first: one value for each pair.
    :param second: those of the same pairs; pairs where one is not finite are left out.
    :raises ShapeError: if they are not equally many.
    """
    if len(first) != len(second):
        raise ShapeError('a difference needs values of the same pairs, got '
                         f'{len(first)} and {len(second)}')
    return mean_interval([a - b for a, b in zip(first, second, strict=True)])


def statistic_interval(statistic: Callable[[np.ndarray], float],
                       values: np.ndarray) -> Interval:
    """
    Give any number that is computed from all pairs together, with its interval.

    :param statistic: computes it from some of the rows of ``values``.
    :param values: (N,) or (N, M), a row for each pair; all of them count.
    """
    number = len(values)
    if not number:
        return Interval(math.nan, math.nan, math.nan, 0)
    whole = statistic(values)
    if number == 1:
        return Interval(whole, math.nan, math.nan, 1)
    generator = np.random.default_rng(SEED)
    drawn = [statistic(values[generator.integers(0, number, number)]) for _ in range(RESAMPLES)]
    return Interval(whole, *_ends(np.array(drawn), number), number)


@cache
def tail_percent(number: int) -> float:
    """
    Share of the draws that is beyond each end of the interval, percent.

    :param number: of pairs, at least two.
    """
    beyond = t_quantile(0.5 + LEVEL_PERCENT / 200, number - 1)
    return 100 * NormalDist().cdf(-math.sqrt(number / (number - 1)) * beyond)


def _ends(drawn: np.ndarray, number: int) -> tuple[float, float]:
    """Limits of the interval, from what was drawn of so many pairs."""
    tail = tail_percent(number)
    low, high = np.percentile(drawn, (tail, 100 - tail))
    return float(low), float(high)


def _resampled_means(values: np.ndarray) -> np.ndarray:
    """Means of ``RESAMPLES`` draws of as many values, with replacement."""
    generator = np.random.default_rng(SEED)
    rows = max(1, _LARGEST_DRAW // values.size)
    means = []
    for start in range(0, RESAMPLES, rows):
        drawn = generator.integers(0, values.size, (min(rows, RESAMPLES - start), values.size))
        means.append(values[drawn].mean(axis=1))
    return np.concatenate(means)
