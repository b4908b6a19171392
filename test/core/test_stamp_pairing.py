"""Pairs by stamp; test/nodes/test_sync.py has more, with message_filters beside it."""
from types import SimpleNamespace

from plain_messages import header
import pytest

from panmatch_ros.core.stamp_pairing import PairSynchronizer

MS = 1_000_000


class Paired:
    """A synchronizer and the pairs that it gave, in milliseconds."""

    def __init__(self, tolerance_ms=0, queue_size=5):
        self.pairs = []
        self.sync = PairSynchronizer(
            lambda left, right: self.pairs.append((left.ms, right.ms)), queue_size,
            tolerance_ms * MS)

    def add(self, index, *stamps_ms):
        for stamp in stamps_ms:
            self.sync.add(index, stamp * MS, SimpleNamespace(header=header(stamp * MS), ms=stamp))


def test_equal_stamps():
    run = Paired()
    run.add(0, 100, 200)
    run.add(1, 200, 100, 201)
    assert run.pairs == [(200, 200)]  # the older left one is forgotten then
    assert run.sync.failures == 1


def test_near_stamps_and_the_nearest_partner():
    run = Paired(tolerance_ms=20)
    run.add(0, 100, 133)
    run.add(1, 130)
    assert run.pairs == [(133, 130)]


@pytest.mark.parametrize(('difference', 'pairs'), [(9, 1), (10, 0)])
def test_the_tolerance_is_a_limit_that_is_not_reached(difference, pairs):
    run = Paired(tolerance_ms=10)
    run.add(0, 1000)
    run.add(1, 1000 + difference)
    assert len(run.pairs) == pairs


def test_what_waits_too_long_or_is_reset_counts():
    run = Paired(queue_size=3)
    run.add(0, 1, 2, 3, 4, 5)
    assert run.sync.failures == 2
    run.sync.reset()
    assert run.sync.failures == 5
    run.add(1, 5)
    assert run.pairs == []
