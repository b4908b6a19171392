"""The one-slot worker."""
import threading
import time

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from panmatch_ros.nodes.latest_worker import LatestWorker

pytestmark = pytest.mark.ros


def wait_until(condition, timeout_s=3.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, 'not in time'
        time.sleep(0.002)


def test_newest_item_replaces_those_that_wait():
    gate, done = threading.Event(), []

    def process(item):
        gate.wait(3)
        done.append(item)

    worker = LatestWorker(process, pytest.fail)
    assert worker.submit(0) is False
    wait_until(lambda: not worker._waiting)  # 0 is being processed
    assert [worker.submit(item) for item in (1, 2, 3)] == [False, True, True]
    gate.set()
    wait_until(lambda: worker.idle)
    assert done == [0, 3]
    assert worker.stop()


def test_an_exception_is_reported_and_the_worker_goes_on():
    errors, done = [], []

    def process(item):
        if item == 'bad':
            raise ValueError('bad item')
        done.append(item)

    worker = LatestWorker(process, errors.append)
    worker.submit('bad')
    wait_until(lambda: errors)
    worker.submit('good')
    wait_until(lambda: done)
    assert str(errors[0]) == 'bad item'
    assert done == ['good']
    assert worker.stop()


def test_clear_forgets_the_waiting_item():
    gate, done = threading.Event(), []

    def process(item):
        gate.wait(3)
        done.append(item)

    worker = LatestWorker(process, pytest.fail)
    worker.submit(1)
    wait_until(lambda: not worker._waiting)
    worker.submit(2)
    assert worker.clear() is True
    assert worker.clear() is False
    gate.set()
    wait_until(lambda: worker.idle)
    assert done == [1]
    assert worker.stop()


def test_stop_does_not_wait_for_a_computation_that_hangs():
    release = threading.Event()
    worker = LatestWorker(lambda item: release.wait(10), pytest.fail)
    worker.submit(1)
    wait_until(lambda: not worker._waiting)
    start = time.monotonic()
    assert worker.stop(timeout_s=0.2) is False
    assert time.monotonic() - start < 1.5
    release.set()


def test_an_error_that_cannot_be_reported_does_not_end_the_thread():
    done = []

    def process(item):
        if item == 'bad':
            raise ValueError(item)
        done.append(item)

    def on_error(error):
        raise RuntimeError('no log')

    worker = LatestWorker(process, on_error)
    worker.submit('bad')
    wait_until(lambda: worker.idle)
    worker.submit('good')
    wait_until(lambda: done)
    assert worker.stop()
