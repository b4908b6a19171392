"""Work is done in order, none is lost unannounced, and errors do not end it."""
import threading

from panmatch_ros.nodes.queue_worker import QueueWorker


def test_in_order_and_all_before_the_end():
    done, errors = [], []
    worker = QueueWorker(errors.append, limit=100)
    for index in range(50):
        assert worker.submit(lambda index=index: done.append(index))
    assert worker.stop(lambda: done.append('last'))
    assert done == [*range(50), 'last']
    assert (errors, worker.unfinished) == ([], 0)


def test_errors_are_reported_and_work_goes_on():
    done, errors = [], []
    worker = QueueWorker(errors.append, limit=10)
    worker.submit(lambda: 1 / 0)
    worker.submit(lambda: done.append(1))
    worker.stop()
    assert [type(error) for error in errors] == [ZeroDivisionError]
    assert done == [1]


def test_beyond_the_limit_work_is_refused_and_counted():
    gate, started, done = threading.Event(), threading.Event(), []

    def hold():
        started.set()
        gate.wait()

    worker = QueueWorker(lambda error: None, limit=2)
    worker.submit(hold)
    assert started.wait(5)
    accepted = [worker.submit(lambda: done.append(1)) for _ in range(4)]
    assert accepted == [True, True, False, False]
    assert (worker.refused, worker.unfinished) == (2, 3)
    gate.set()
    worker.stop(lambda: done.append('last'))  # the last one has room always
    assert done == [1, 1, 'last']


def test_after_the_end_nothing_is_taken():
    worker = QueueWorker(lambda error: None, limit=2)
    worker.stop()
    assert not worker.submit(lambda: None)
