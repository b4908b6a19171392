"""Stamps that jump or come late, calibrations that wait, statistics."""
import math
import time

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from ros_harness import stamped
from sensor_msgs.msg import CameraInfo, Image

from panmatch_ros.core.stamp_guard import JUMP, LATE, LATE_LIMIT, OK, StampGuard
from panmatch_ros.nodes.calibration_gate import CalibrationGate
from panmatch_ros.nodes.statistics import FrameTimes, Statistics

pytestmark = pytest.mark.ros
SECOND = 1_000_000_000


def test_stamps_that_increase_are_fine():
    guard = StampGuard()
    assert [guard.check(stamp) for stamp in (0, 1, 5 * SECOND)] == [OK, OK, OK]


def test_slightly_older_or_repeated_is_late():
    guard = StampGuard()
    guard.check(10 * SECOND)
    assert guard.check(10 * SECOND) == LATE
    assert guard.repeated == 1
    assert guard.check(9 * SECOND) == LATE
    assert guard.repeated == 0
    assert guard.newest_ns == 10 * SECOND


def test_a_stamp_that_never_changes_is_no_jump():
    guard = StampGuard()
    assert guard.check(0) == OK
    assert {guard.check(0) for _ in range(5 * LATE_LIMIT)} == {LATE}
    assert guard.repeated == 5 * LATE_LIMIT


def test_more_than_a_second_back_is_a_jump():
    guard = StampGuard()
    guard.check(10 * SECOND)
    assert guard.check(9 * SECOND - 1) == JUMP
    assert guard.check(9 * SECOND) == OK


def test_a_short_loop_is_noticed_after_some_late_frames():
    guard = StampGuard()
    guard.check(SECOND)
    verdicts = [guard.check(index) for index in range(LATE_LIMIT)]
    assert verdicts == [LATE] * (LATE_LIMIT - 1) + [JUMP]


class Gate:
    def __init__(self):
        self.done, self.given_up, self.taken_back = [], [], []
        self.gate = CalibrationGate(
            lambda pair, infos: self.done.append((pair[0].header.stamp.sec,
                                                  infos[0].header.stamp.sec)),
            lambda pair, missing: self.given_up.append((pair[0].header.stamp.sec, missing)),
            lambda: self.taken_back.append(len(self.done)))

    def pair(self, stamp):
        self.gate.add_pair((stamped(Image(), stamp), stamped(Image(), stamp)))

    def infos(self, stamp, sides=(0, 1)):
        for side in sides:
            self.gate.add_info(side, stamped(CameraInfo(), stamp))


def test_pair_waits_for_both_calibrations():
    gate = Gate()
    gate.pair(1)
    gate.infos(1, [0])
    assert gate.done == []
    gate.infos(1, [1])
    assert gate.done == [(1, 1)]


def test_calibration_of_the_same_stamp_is_awaited_when_it_comes_with_every_image():
    gate = Gate()
    gate.infos(1)
    gate.pair(1)
    gate.pair(2)
    assert gate.done == [(1, 1)]
    gate.infos(2)
    assert gate.done == [(1, 1), (2, 2)]


@pytest.mark.parametrize('delay', [1, 2, 5])
def test_images_slower_than_their_calibration_still_meet_it(delay):
    gate = Gate()
    for stamp in range(1, 40):
        gate.infos(stamp)
        if stamp > delay:
            gate.pair(stamp - delay)
    assert gate.done == [(stamp, stamp) for stamp in range(1, 40 - delay)]
    assert gate.given_up == []


def test_calibration_of_a_stamp_that_was_lost_is_not_awaited():
    gate = Gate()
    gate.infos(1)
    gate.pair(1)
    gate.infos(3)  # that of 2 was lost
    gate.pair(2)
    gate.pair(3)
    assert gate.done == [(1, 1), (2, 3), (3, 3)]


def test_calibrations_are_not_kept_for_ever():
    gate = Gate()
    for stamp in range(1000):
        gate.infos(stamp)
    assert sum(map(len, gate.gate._infos)) <= 40


def test_calibration_that_comes_rarely_serves_all_pairs():
    gate = Gate()
    gate.infos(1)
    for stamp in (5, 6, 7):
        gate.pair(stamp)
    assert gate.done == [(5, 1), (6, 1), (7, 1)]


def test_calibration_that_stops_costs_one_pair():
    gate = Gate()
    gate.infos(1)
    gate.pair(1)
    gate.pair(2)
    gate.pair(3)
    gate.pair(4)
    assert gate.done == [(1, 1), (3, 1), (4, 1)]
    assert gate.given_up == [(2, ())]


def test_calibration_that_follows_its_image_is_awaited_again_after_a_reset():
    """Once it was not awaited, each pair got the calibration of the one before, for ever."""
    gate = Gate()
    gate.pair(1)
    gate.infos(1)
    gate.gate.reset()
    for stamp in (2, 3, 4):
        gate.pair(stamp)
        gate.infos(stamp)
    assert gate.done == [(1, 1), (2, 1), (3, 3), (4, 4)]


def test_calibration_that_was_lost_once_is_awaited_again():
    gate = Gate()
    for stamp in (1, 2, 3, 4, 5):
        gate.pair(stamp)
        gate.infos(stamp, [0] if stamp == 2 else [0, 1])
    assert gate.done == [(1, 1), (3, 2), (4, 4), (5, 5)]
    assert gate.given_up == [(2, ())]


def test_calibration_that_follows_the_next_image_is_not_awaited():
    gate = Gate()
    for stamp in range(1, 9):
        gate.pair(stamp)
        gate.infos(stamp - 1)
    assert [pair for pair, _ in gate.done] == list(range(1, 9))
    assert gate.given_up == []


def test_missing_calibration_is_reported_once_and_the_pair_still_used():
    gate = Gate()
    gate.infos(1, [1])
    gate.pair(1)
    gate.gate.check()
    assert gate.given_up == []  # it may still come
    gate.gate._held_since -= 1
    gate.gate.check()
    gate.gate.check()
    assert gate.given_up == [(1, (0,))]
    assert (len(gate.gate), gate.taken_back) == (0, [])
    gate.infos(1, [0])
    assert gate.done == [(1, 1)]
    assert gate.taken_back == [0]  # before it was emitted
    gate.pair(2)
    gate.infos(2)
    assert gate.taken_back == [0]


def test_reset_forgets_the_pair_and_keeps_the_calibrations():
    gate = Gate()
    gate.infos(1)
    gate.pair(1)
    gate.pair(2)  # waits for its camera_info
    assert len(gate.gate) == 1
    assert [gate.gate.reset(), gate.gate.reset()] == [1, 0]
    gate.infos(2)
    assert gate.done == [(1, 1)]
    gate.pair(3)
    assert gate.done == [(1, 1), (3, 2)]


def test_rate_is_that_of_the_last_frames(monkeypatch):
    statistics = Statistics()
    assert statistics.rate_hz == 0
    for now in (10.0, 10.1, 10.2, 10.3):
        monkeypatch.setattr(time, 'monotonic', lambda now=now: now)
        statistics.finish(FrameTimes())
    assert statistics.rate_hz == pytest.approx(10)
    monkeypatch.setattr(time, 'monotonic', lambda: 100.0)
    assert statistics.rate_hz == 0  # it stopped


def test_times_add_up():
    times = FrameTimes(preprocess_ms=1, inference_ms=2, postprocess_ms=3, publish_ms=4)
    assert times.total_ms == 10
    assert math.isnan(times.input_age_ms)
