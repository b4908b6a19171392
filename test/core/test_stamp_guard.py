"""Late stamps, repeated ones, and time that was set back."""
from panmatch_ros.core.stamp_guard import JUMP, LATE, LATE_LIMIT, OK, StampGuard

S = 1_000_000_000


def verdicts(*stamps_s):
    guard = StampGuard()
    return [guard.check(round(stamp * S)) for stamp in stamps_s]


def test_stamps_that_grow_are_fine():
    assert verdicts(1, 1.1, 5) == [OK, OK, OK]


def test_a_little_back_is_late_and_far_back_is_a_new_start():
    assert verdicts(10, 9.5, 8.9, 9.0, 8.95) == [OK, LATE, JUMP, OK, LATE]


def test_repeated_stamps_are_late_however_often():
    assert verdicts(*[10] * (2 * LATE_LIMIT)) == [OK, *[LATE] * (2 * LATE_LIMIT - 1)]


def test_many_late_ones_in_a_row_are_a_new_start():
    late = [9.1 + index / 100 for index in range(LATE_LIMIT + 1)]
    assert verdicts(10, *late) == [OK, *[LATE] * (LATE_LIMIT - 1), JUMP, OK]
