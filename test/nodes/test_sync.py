"""Pairing of stamps; the same tests run on our rules and on message_filters."""
from itertools import pairwise

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from ros_harness import stamped
from sensor_msgs.msg import Image

from panmatch_ros.core.image_message import stamp_ns
from panmatch_ros.core.stamp_pairing import OwnPairing
from panmatch_ros.nodes import sync

pytestmark = pytest.mark.ros
MILLISECOND = 1_000_000
PAIRINGS = [OwnPairing]
if sync.message_filters_installed():
    PAIRINGS.append(sync.MessageFiltersPairing)


class Recorder:
    """A synchronizer whose pairs are kept as stamps in milliseconds."""

    def __init__(self, pairing, tolerance_ms=0.0, queue_size=5):
        self.pairs = []
        self.sync = sync.PairSynchronizer(self.on_pair, queue_size,
                                          int(tolerance_ms * MILLISECOND), pairing)

    def on_pair(self, left, right):
        self.pairs.append((stamp_ns(left) / MILLISECOND, stamp_ns(right) / MILLISECOND))

    def left(self, *stamps_ms):
        self.feed(0, stamps_ms)

    def right(self, *stamps_ms):
        self.feed(1, stamps_ms)

    def feed(self, index, stamps_ms):
        for stamp in stamps_ms:
            message = stamped(Image(), stamp / 1000)
            self.sync.add(index, stamp_ns(message), message)


@pytest.fixture(params=PAIRINGS)
def pairing(request):
    return request.param


@pytest.mark.skipif(len(PAIRINGS) == 1, reason='the ROS package message_filters is not '
                    'installed: the tests of this file run on our own pairing only')
def test_message_filters_is_used_where_it_is_installed():
    synchronizer = sync.PairSynchronizer(lambda left, right: None)
    assert isinstance(synchronizer._pairing, sync.MessageFiltersPairing)


def test_equal_stamps_pair_in_either_order(pairing):
    recorder = Recorder(pairing)
    recorder.left(100)
    recorder.right(100, 133)
    recorder.left(133)
    assert recorder.pairs == [(100, 100), (133, 133)]
    assert recorder.sync.failures == 0


def test_exact_mode_does_not_pair_one_nanosecond_apart(pairing):
    recorder = Recorder(pairing)
    left, right = stamped(Image(), 1.0), stamped(Image(), 1.0)
    right.header.stamp.nanosec += 1
    recorder.sync.add(0, stamp_ns(left), left)
    recorder.sync.add(1, stamp_ns(right), right)
    assert recorder.pairs == []


def test_lost_image_is_counted_and_the_next_pair_comes(pairing):
    recorder = Recorder(pairing)
    recorder.left(100, 133, 166)
    recorder.right(100, 166)
    assert recorder.pairs == [(100, 100), (166, 166)]
    assert recorder.sync.failures == 1


def test_approximate_mode_pairs_within_the_tolerance_only(pairing):
    recorder = Recorder(pairing, tolerance_ms=10)
    recorder.left(100)
    recorder.right(109)
    recorder.left(200)
    recorder.right(211)
    assert recorder.pairs == [(100, 109)]


def test_approximate_mode_takes_the_nearest_partner(pairing):
    recorder = Recorder(pairing, tolerance_ms=30)
    recorder.left(80, 100, 120)
    recorder.right(104)
    assert recorder.pairs == [(100, 104)]


@pytest.mark.parametrize('jitter_ms', [1, -1, 5])
def test_a_lost_image_does_not_shift_the_pairs_by_a_frame(pairing, jitter_ms):
    recorder = Recorder(pairing, tolerance_ms=50)  # more than a frame
    lost = 300
    for stamp in range(0, 1200, 33):
        if not 0 <= stamp - lost < 33:
            recorder.right(stamp + jitter_ms + 100)
        recorder.left(stamp + 100)
    assert len(recorder.pairs) >= 34
    assert all(right - left == jitter_ms for left, right in recorder.pairs[2:])


def test_no_pair_goes_back_in_time(pairing):
    recorder = Recorder(pairing)
    recorder.left(100)
    recorder.left(133)
    recorder.right(133)
    recorder.right(100)  # late: its partner was given up with the pair before
    assert recorder.pairs == [(133, 133)]
    assert recorder.sync.failures == 1


def test_passed_images_are_counted_once(pairing):
    recorder = Recorder(pairing, queue_size=5)
    recorder.left(1, 2, 3, 4, 5)
    recorder.right(6)
    recorder.left(6)
    assert recorder.pairs == [(6, 6)]
    assert recorder.sync.failures == 5


def test_reset_may_leave_what_waits_uncounted(pairing):
    recorder = Recorder(pairing)
    recorder.left(1, 2)
    recorder.sync.reset(count=False)
    assert recorder.sync.failures == 0


def test_queue_is_bounded_and_overflow_is_counted(pairing):
    recorder = Recorder(pairing, queue_size=3)
    recorder.left(*range(0, 1000, 100))
    assert recorder.sync.failures == 7
    recorder.right(0)
    assert recorder.pairs == []  # its partner left the queue
    recorder.right(900)
    assert recorder.pairs == [(900, 900)]


def test_reset_makes_a_looping_bag_go_on(pairing):
    recorder = Recorder(pairing, queue_size=2)
    recorder.left(5000, 5100)
    recorder.right(5050, 5150)
    recorder.sync.reset()
    assert recorder.sync.failures == 4
    recorder.left(0, 100)
    recorder.right(0, 100)
    assert recorder.pairs == [(0, 0), (100, 100)]


def test_an_exception_in_the_callback_does_not_stop_the_pairing(pairing):
    seen = []

    def callback(left, right):
        seen.append(stamp_ns(left))
        if len(seen) == 1:
            raise RuntimeError('first')

    synchronizer = sync.PairSynchronizer(callback, 5, 0, pairing)
    for stamp in (1.0, 2.0):
        left, right = stamped(Image(), stamp), stamped(Image(), stamp)
        synchronizer.add(0, stamp_ns(left), left)
        if stamp == 1.0:
            with pytest.raises(RuntimeError, match='first'):
                synchronizer.add(1, stamp_ns(right), right)
        else:
            synchronizer.add(1, stamp_ns(right), right)
    assert seen == [1_000_000_000, 2_000_000_000]


def test_every_image_is_either_paired_waiting_or_counted(pairing):
    recorder = Recorder(pairing, tolerance_ms=8, queue_size=4)
    left = [index * 33 for index in range(60) if index % 7]
    right = [index * 33 + 3 for index in range(60) if index % 5]
    for stamp in sorted(left + right):
        recorder.feed(0 if stamp % 33 == 0 else 1, [stamp])
    both = [index * 33 for index in range(60) if index % 7 and index % 5]
    assert recorder.pairs == [(stamp, stamp + 3) for stamp in both]
    assert all(first < second for first, second in pairwise(recorder.pairs))
    alone = len(left) + len(right) - 2 * len(both)
    waiting = sum(map(len, recorder.sync._waiting))
    assert recorder.sync.failures + waiting == alone
