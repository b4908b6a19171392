"""What runs in the process that measures a case: requests and answers, memory, engines."""
from dataclasses import replace
import io
import os
import pickle
import subprocess
import sys
from types import SimpleNamespace

from benchmark_cases import CLASSICAL, SIZE, images
import numpy as np
import pytest

from panmatch_ros.evaluation.timing import worker as worker_module
from panmatch_ros.evaluation.timing.case import Cost
from panmatch_ros.evaluation.timing.worker import CaseWorker, Failure, serve


def answers_to(*requests):
    sent = io.BytesIO(b''.join(pickle.dumps(request) for request in requests))
    received = io.BytesIO()
    serve(sent, received)
    received.seek(0)
    return [pickle.load(received) for _ in requests]


def test_the_worker_answers_each_request():
    loaded, first, second, finished = answers_to(
        ('load', (CLASSICAL, images())), ('run', ()), ('run', ()), ('finish', ()))
    assert (loaded.name, loaded.backend, loaded.precision) == ('classical', 'opencv', 'fp32')
    assert isinstance(first, Cost)
    assert isinstance(second, Cost)
    assert finished.result.shape == (*SIZE, 2)


def test_the_worker_goes_on_after_an_error():
    small = tuple(np.zeros((4, 4, 3), np.uint8) for _ in range(2))
    early, _, run, finished = answers_to(
        ('run', ()), ('load', (CLASSICAL, small)), ('run', ()), ('finish', ()))
    assert early == Failure('RuntimeError: nothing is loaded')
    assert run.reason.startswith('optical flow needs images of at least')
    assert finished.result is None


def test_a_stream_matches_the_first_image_to_the_second_first(monkeypatch):
    given = []

    class Stream:
        def next(self, image):
            given.append(int(image[0, 0, 0]))

    class Matcher:
        name, backend, precision = 'fake', 'none', 'fp32'

        def prepare(self, task, size):
            given.append((task, size))

        def stream(self):
            return Stream()

    monkeypatch.setattr(worker_module, 'create_matcher', lambda name, options: Matcher())
    monkeypatch.setattr(worker_module, '_field', lambda found: None)
    worker = CaseWorker()
    worker.load(replace(CLASSICAL, stream=True),
                tuple(np.full((*SIZE, 3), value, np.uint8) for value in (0, 1)))
    for _ in range(3):
        worker.run()
    assert given == [('flow', SIZE), 0, 1, 0, 1]


def run_python(code, sent=b''):
    return subprocess.run([sys.executable, '-c', code], input=sent, capture_output=True,
                          check=True, env={**os.environ, 'PYTHONPATH': ':'.join(sys.path)})


def test_the_peak_has_what_was_given_back_and_nothing_of_another_process():
    keep = np.ones(1 << 24)  # 134 MB of this process
    done = run_python("""
import numpy
from panmatch_ros.evaluation.timing.worker import resident_memory
before, _ = resident_memory()
numpy.ones(1 << 23)
print(before, *resident_memory())
""")
    if b'None' in done.stdout:
        pytest.skip('this system does not tell the memory of a process: no /proc')
    before, peak, now = map(float, done.stdout.split())
    assert peak - before > 60
    assert now < peak - 50
    assert before < keep.nbytes / 1e6


def test_what_a_library_prints_does_not_disturb_the_answers():
    done = run_python("""
import os
from panmatch_ros.evaluation.timing import worker
def run(self):
    print('from Python')
    os.system('echo from another language')
    return 7
worker.CaseWorker.run = run
worker.main()
""", pickle.dumps(('run', ())))
    assert pickle.loads(done.stdout) == 7
    assert done.stdout == pickle.dumps(7)
    assert b'from another language' in done.stderr


# The graphics processor.

class Cuda:
    """What the worker asks of torch.cuda."""

    def __init__(self, is_initialized=True):
        self.journal, self.initialized = [], is_initialized

    def is_available(self):
        return True

    def is_initialized(self):
        return self.initialized

    def get_device_name(self):
        return 'NVIDIA X'

    def empty_cache(self):
        self.journal.append('empty')

    def reset_peak_memory_stats(self):
        self.journal.append('reset')

    def max_memory_reserved(self):
        return 512_000_000


def test_memory_of_the_gpu_is_that_since_the_matcher_was_ready(monkeypatch):
    cuda = Cuda()
    monkeypatch.setitem(sys.modules, 'torch', SimpleNamespace(cuda=cuda))
    worker = CaseWorker()
    worker.load(CLASSICAL, images())
    assert cuda.journal == ['empty', 'reset']
    finished = worker.finish()
    assert (finished.device, finished.gpu_mb) == ('NVIDIA X', 512.0)


def test_a_gpu_that_is_not_used_is_not_asked(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch', SimpleNamespace(cuda=Cuda(is_initialized=False)))
    worker = CaseWorker()
    worker.load(CLASSICAL, images())
    finished = worker.finish()
    assert (finished.device, finished.gpu_mb) == ('cpu', None)
