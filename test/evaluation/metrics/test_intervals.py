"""Bootstrap intervals with known answers."""
import math

import numpy as np
import pytest

from panmatch_ros.core.errors import ShapeError
from panmatch_ros.evaluation.metrics import intervals
from panmatch_ros.evaluation.metrics.intervals import (
    difference_interval,
    mean_interval,
    statistic_interval,
)


def test_equal_values_leave_no_doubt():
    found = mean_interval([2.5] * 7)
    assert (found.mean, found.low, found.high, found.number) == (2.5, 2.5, 2.5, 7)


def test_two_values():
    # Two draws of 0 and 1 give a mean of 0, 0.5, 0.5 and 1: a quarter of them is at each end.
    found = mean_interval([0.0, 1.0])
    assert (found.mean, found.low, found.high) == (0.5, 0.0, 1.0)


def test_many_values_agree_with_the_normal_distribution():
    values = np.random.default_rng(5).normal(10.0, 2.0, 400)
    found = mean_interval(list(values))
    half = 1.96 * values.std() / math.sqrt(400)
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_intervals_hold_the_truth_as_often_as_they_say():
    generator = np.random.default_rng(7)
    hits = 0
    for _ in range(100):
        found = mean_interval(list(generator.exponential(3.0, 60)))
        hits += found.low <= 3.0 <= found.high
    assert 86 <= hits <= 99


def test_equal_matchers_are_rarely_called_different():
    """The plain percentiles of six pairs do so in 15 of 100 cases."""
    generator = np.random.default_rng(11)
    decided = sum(mean_interval(list(generator.normal(0.0, 1.0, 6))).is_decided
                  for _ in range(300))
    assert 5 <= decided <= 30


@pytest.mark.parametrize(('number', 'percent'), [(6, 0.243), (20, 1.588), (1000, 2.481)])
def test_the_fewer_pairs_the_further_out_is_the_interval(number, percent):
    assert intervals.tail_percent(number) == pytest.approx(percent, abs=1e-3)


def test_the_same_values_have_the_same_interval():
    values = list(np.random.default_rng(1).random(50))
    assert mean_interval(values) == mean_interval(values)


def test_drawing_in_parts_changes_nothing(monkeypatch):
    values = list(np.random.default_rng(1).random(50))
    whole = mean_interval(values)
    monkeypatch.setattr(intervals, '_LARGEST_DRAW', 333)
    assert mean_interval(values) == whole


def test_unknown_values_are_left_out():
    found = mean_interval([math.nan, 1.0, math.inf, 1.0])
    assert (found.mean, found.low, found.high, found.number) == (1, 1, 1, 2)
    one = mean_interval([3.0, math.nan])
    assert (one.mean, one.number, one.is_known, one.is_decided) == (3.0, 1, False, False)
    assert math.isnan(mean_interval([]).mean)


def test_paired_differences_decide_where_the_means_do_not():
    """Pairs differ by far more than the matchers, and yet the first is worse by 0.5 on all."""
    second = [1.0, 20.0, 5.0, 60.0, 9.0, 33.0]
    first = [value + 0.5 for value in second]
    assert mean_interval(second).high > mean_interval(first).low
    found = difference_interval(first, second)
    assert (found.mean, found.low, found.high) == (0.5, 0.5, 0.5)
    assert found.is_decided
    assert difference_interval(second, first).mean == -0.5


def test_a_difference_by_chance_is_none():
    found = difference_interval([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 4.0, 3.0])
    assert found.mean == 0
    assert not found.is_decided


def test_few_pairs_decide_nothing():
    """Five differences of one sign are one in 16 of equal matchers."""
    assert not mean_interval([1.0, 1.1, 0.9, 1.0, 1.2]).is_decided
    assert mean_interval([1.0, 1.1, 0.9, 1.0, 1.2, 1.0]).is_decided
    assert mean_interval([-1.0] * 6).is_decided


def test_pairs_that_one_of_both_failed_on_are_left_out():
    found = difference_interval([1.0, math.nan, 5.0], [0.0, 0.0, 4.0])
    assert (found.mean, found.number) == (1.0, 2)


def test_any_statistic():
    values = np.array([0.0, 1.0])
    found = statistic_interval(lambda rows: float(rows.max()), values)
    # A quarter of the draws are twice the 0.
    assert (found.mean, found.low, found.high, found.number) == (1.0, 0.0, 1.0, 2)
    many = np.random.default_rng(2).random(80)
    slow = statistic_interval(lambda rows: float(rows.mean()), many)
    fast = mean_interval(list(many))
    assert [slow.mean, slow.low, slow.high] == pytest.approx([fast.mean, fast.low, fast.high])


def test_rows_are_drawn_together():
    values = np.stack([np.arange(9.0), np.arange(9.0) + 2], axis=1)
    found = statistic_interval(lambda rows: float((rows[:, 1] - rows[:, 0]).max()), values)
    assert (found.mean, found.low, found.high) == (2, 2, 2)
    assert statistic_interval(len, np.zeros(0)).number == 0
    assert not statistic_interval(len, np.zeros(1)).is_known


def test_bad_input():
    with pytest.raises(ShapeError, match='values of the same pairs, got 1 and 2'):
        difference_interval([1.0], [1.0, 2.0])
