"""Which truth belongs to a frame: the nearest of its run, once no nearer one can come."""
from types import SimpleNamespace

from panmatch_ros.evaluation.recordings.truth_track import MOST_MESSAGES, TruthTrack

MS = 1_000_000


def message(stamp_ms):
    sec, nanosec = divmod(round(stamp_ms * MS), 1_000_000_000)
    return SimpleNamespace(header=SimpleNamespace(
        stamp=SimpleNamespace(sec=sec, nanosec=nanosec)), ms=stamp_ms)


def track(*stamps_ms, tolerance_ms=20):
    made = TruthTrack(tolerance_ms * MS)
    for stamp in stamps_ms:
        made.add(message(stamp))
    return made


def nearest(of, run, stamp_ms):
    found = of.nearest(run, stamp_ms * MS)
    return None if found is None else found.ms


def test_equal_stamp_is_settled_at_once():
    assert track(5000).is_settled(0, 5000 * MS)


def test_earlier_truth_may_still_be_beaten_until_a_later_one_came():
    of = track(4990)
    assert not of.is_settled(0, 5000 * MS)
    of.add(message(5005))
    assert of.is_settled(0, 5000 * MS)
    assert nearest(of, 0, 5000) == 5005


def test_of_two_equally_far_the_earlier_one():
    assert nearest(track(4990, 5010), 0, 5000) == 4990


def test_too_far_is_no_truth():
    assert nearest(track(4970, 5030), 0, 5000) is None
    assert nearest(track(4980), 0, 5000) == 4980


def test_runs_do_not_mix():
    of = track(9000, 9500, 5000, 5500)  # went back by more than a second
    assert nearest(of, 0, 5000) is None
    assert nearest(of, 1, 5000) == 5000
    assert nearest(of, 0, 9500) == 9500
    assert of.is_settled(0, 9600 * MS)  # nothing more of the first run comes
    assert not of.is_settled(1, 5600 * MS)


def test_a_message_that_comes_late_still_counts():
    of = track(5000, 5200, 5100)
    assert nearest(of, 0, 5105) == 5100


def test_forgets_what_is_too_old():
    of = track(5000, 5100, 5200)
    of.forget_before(0, 5150 * MS)
    assert nearest(of, 0, 5100) is None
    assert nearest(of, 0, 5200) == 5200


def test_memory_is_bounded():
    of = track(*range(1000, 1000 + 10 * (MOST_MESSAGES + 5), 10))
    assert of.received == MOST_MESSAGES + 5
    assert nearest(of, 0, 1000) is None
    assert nearest(of, 0, 1050) == 1050
