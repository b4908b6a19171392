"""Frames that wait: order, room, and giving up."""
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')

from panmatch_ros.core.errors import PoseError
from panmatch_ros.nodes.pending_frames import PendingFrames


class Queue:
    """Frames are numbers; those up to ``known`` can be completed."""

    def __init__(self, capacity=3):
        self.known, self.emitted, self.given_up = 0, [], []
        self.pending = PendingFrames(self.complete, self.emitted.append,
                                     lambda *what: self.given_up.append(what), capacity)

    def complete(self, frame):
        if frame > self.known:
            raise PoseError(f'{frame} is more than {self.known}')
        return frame * 10


def test_what_is_complete_does_not_wait():
    queue = Queue()
    queue.known = 5
    assert not queue.pending.add(5)
    assert queue.emitted == [50]
    assert len(queue.pending) == 0


def test_waiting_frames_come_in_order():
    queue = Queue()
    for frame in (1, 2, 3):
        queue.pending.add(frame)
    queue.pending.retry()
    assert queue.emitted == []
    queue.known = 2
    queue.pending.retry()
    assert queue.emitted == [10, 20]
    assert len(queue.pending) == 1


def test_if_there_are_too_many_the_newest_is_replaced():
    queue = Queue(capacity=2)
    assert [queue.pending.add(frame) for frame in (1, 2, 3, 4)] == [False, False, True, True]
    queue.known = 9
    queue.pending.retry()
    assert queue.emitted == [10, 40]


def test_partner_that_is_always_late_does_not_starve_the_output():
    queue = Queue(capacity=2)
    for frame in range(1, 31):
        queue.pending.add(frame)
        queue.known = frame - 10
        queue.pending.retry()
    assert queue.emitted == [10, 110]


def test_giving_up_tells_the_last_reason():
    queue = Queue()
    queue.pending.add(7)
    queue.pending.expire(60.0)
    assert queue.given_up == []
    queue.known = 3
    queue.pending.retry()
    queue.pending.expire(-1.0)
    (frame, reason), = queue.given_up
    assert frame == 7
    assert str(reason) == '7 is more than 3'
    assert len(queue.pending) == 0


def test_clear_counts():
    queue = Queue()
    queue.pending.add(1)
    queue.pending.add(2)
    assert queue.pending.clear() == 2
    queue.known = 9
    queue.pending.retry()
    assert queue.emitted == []
