"""Measuring side by side: order, arithmetic, failures. No time is compared with another."""
from dataclasses import replace
import io
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.evaluation import benchmark_worker
from panmatch_ros.evaluation.benchmark import Rounds, benchmark_images, measure
from panmatch_ros.evaluation.benchmark_case import (
    Case,
    Cost,
    Finished,
    Loaded,
    Row,
    compare_results,
)
from panmatch_ros.evaluation.benchmark_process import CaseFailedError, CaseProcess
from panmatch_ros.evaluation.benchmark_worker import CaseWorker, Failure, serve
from panmatch_ros.inference.factory import MatcherOptions
from panmatch_ros.inference.nano_config import NanoOptions
from panmatch_ros.inference.panmatch_config import PanMatchOptions

SIZE = (64, 80)
CLASSICAL = Case('classical', MatcherOptions(), 'flow', SIZE)
NANO = replace(CLASSICAL, matcher='nano')
OPENVINO = replace(NANO, options=MatcherOptions(nano=NanoOptions(backend='openvino')))
BF16 = replace(CLASSICAL, matcher='panmatch_s', options=MatcherOptions(
    panmatch=PanMatchOptions(weights='s.safetensors', precision='bf16')))


def images(size=SIZE):
    rng = np.random.default_rng(0)
    return tuple(rng.integers(0, 256, (*size, 3), np.uint8) for _ in range(2))


class FakeRunner:
    """Takes the times it is given and notes in a list shared by all what is asked of it."""

    def __init__(self, case, journal, walls, fails='', value=0.0):
        self.case, self.journal, self.walls, self.fails = case, journal, list(walls), fails
        self.value = value

    def _note(self, what):
        self.journal.append((self.case, what))
        if self.fails == what or (self.fails == 'second run' and
                                  self.journal.count((self.case, 'run')) == 2):
            raise CaseFailedError(f'{what} fails')

    def load(self):
        self._note('load')
        return Loaded(self.case.matcher, self.case.backend, self.case.precision, 2.0, 0.5)

    def run(self):
        self._note('run')
        wall_s = self.walls.pop(0)
        return Cost(wall_s, wall_s / 2)

    def finish(self):
        self._note('finish')
        return Finished('cpu', 100.0, 90.0, None, np.full((*SIZE, 2), self.value, np.float32))

    def close(self):
        self.journal.append((self.case, 'close'))


class Fakes:
    """Starts such runners."""

    def __init__(self, **runners):
        self.journal, self.settings = [], runners

    def __call__(self, case, images):
        key = f'{case.matcher}_{case.backend}' + ('_stream' if case.stream else '')
        return FakeRunner(case, self.journal, **self.settings[key])

    def asked(self, what):
        return [case for case, asked in self.journal if asked == what]


def test_median_and_p95_of_known_times():
    row = Row(CLASSICAL, costs=[Cost(wall, 10 * wall) for wall in (0.4, 0.1, 1.0, 0.2, 0.3)])
    assert row.median_s == pytest.approx(0.3)
    assert row.p95_s == pytest.approx(0.4 + 0.8 * 0.6)  # 95 % of the way are 3.8 steps of 4
    assert row.cpu_s == pytest.approx(3.0)


def test_cases_are_called_in_turn_and_warm_up_does_not_count():
    fakes = Fakes(classical_opencv={'walls': [9, 0.1, 0.2, 0.3]},
                  nano_onnxruntime={'walls': [9, 0.4, 0.6, 0.5]})
    rows = measure([CLASSICAL, NANO], images(), Rounds(3, 1), fakes)
    both = [CLASSICAL, NANO]
    assert fakes.asked('run') == 4 * both
    assert fakes.asked('load') == fakes.asked('finish') == both
    assert set(fakes.asked('close')) == set(both)
    assert [[cost.wall_s for cost in row.costs] for row in rows] == [[0.1, 0.2, 0.3],
                                                                    [0.4, 0.6, 0.5]]
    assert [[cost.wall_s for cost in row.warmup] for row in rows] == [[9], [9]]
    assert [row.ratio for row in rows] == [1, pytest.approx(2.5)]
    assert [row.parity for row in rows] == [None, None]
    assert rows[1].loaded.load_s == 2.0


def test_one_that_cannot_be_loaded_leaves_the_others_alone():
    fakes = Fakes(classical_opencv={'walls': [0.1, 0.1]},
                  nano_onnxruntime={'walls': [], 'fails': 'load'},
                  nano_openvino={'walls': [0.3, 0.3]})
    rows = measure([CLASSICAL, NANO, OPENVINO], images(), Rounds(2, 0), fakes)
    assert [row.error for row in rows] == ['', 'load fails', '']
    assert [len(row.costs) for row in rows] == [2, 0, 2]
    assert [row.ratio for row in rows] == [1, None, pytest.approx(3)]
    assert rows[1].finished is None
    assert rows[2].parity is None  # its reference fails
    assert NANO in fakes.asked('close')


def test_one_that_fails_in_between_is_ended_and_called_no_more():
    fakes = Fakes(classical_opencv={'walls': [0.1] * 4},
                  nano_onnxruntime={'walls': [0.2] * 4, 'fails': 'second run'})
    rows = measure([CLASSICAL, NANO], images(), Rounds(3, 1), fakes)
    assert [row.error for row in rows] == ['', 'run fails']
    assert fakes.asked('run') == [CLASSICAL, NANO, CLASSICAL, NANO, CLASSICAL, CLASSICAL]
    assert fakes.journal.index((NANO, 'close')) < fakes.journal.index((CLASSICAL, 'finish'))
    assert rows[1].ratio is None
    assert rows[1].parity is None


def test_without_the_baseline_there_is_no_ratio():
    fakes = Fakes(classical_opencv={'walls': [], 'fails': 'run'},
                  nano_onnxruntime={'walls': [0.2, 0.2]})
    rows = measure([CLASSICAL, NANO], images(), Rounds(2, 0), fakes)
    assert [row.ratio for row in rows] == [None, None]


def test_results_are_compared_with_the_reference_among_the_rows():
    fakes = Fakes(nano_onnxruntime={'walls': [1]}, nano_openvino={'walls': [1], 'value': 3.0},
                  nano_onnxruntime_stream={'walls': [1], 'value': 1.0})
    rows = measure([NANO, OPENVINO, replace(NANO, stream=True)], images(), Rounds(1, 0), fakes)
    assert rows[0].parity is None
    assert rows[1].parity.max_px == pytest.approx(np.sqrt(18))
    assert rows[2].parity.mean_px == pytest.approx(np.sqrt(2))
    assert fakes.asked('load').count(NANO) == 1


def test_a_reference_that_is_no_row_is_called_once_after_all_others():
    fakes = Fakes(nano_onnxruntime={'walls': [1], 'value': 1.0},
                  nano_openvino={'walls': [1] * 3}, nano_openvino_stream={'walls': [1] * 3})
    rows = measure([OPENVINO, replace(OPENVINO, stream=True)], images(), Rounds(2, 1), fakes)
    assert [row.parity.max_px for row in rows] == [pytest.approx(np.sqrt(2))] * 2
    own = [asked for case, asked in fakes.journal if case == NANO]
    assert own == ['load', 'run', 'finish', 'close']
    assert [case for case, _ in fakes.journal[-4:]] == [NANO] * 4


@pytest.mark.parametrize(('case', 'backend', 'precision', 'is_reference'), [
    (CLASSICAL, 'opencv', 'fp32', True),
    (NANO, 'onnxruntime', 'fp32', True),
    (OPENVINO, 'openvino', 'fp32', False),
    (replace(OPENVINO, matcher='auto'), 'openvino', 'fp32', False),
    (replace(OPENVINO, matcher='classical'), 'opencv', 'fp32', True),
    (replace(NANO, stream=True), 'onnxruntime', 'fp32', False),
    (BF16, 'torch', 'bf16', False),
    (replace(BF16, matcher='auto'), 'torch', 'bf16', False),
])
def test_the_form_of_a_case_and_its_reference(case, backend, precision, is_reference):
    assert (case.backend, case.precision) == (backend, precision)
    reference = case.reference()
    assert (reference == case) == is_reference
    assert (reference.precision, reference.stream) == ('fp32', False)
    assert reference.reference() == reference
    assert reference.matcher == case.matcher


def test_difference_of_two_results():
    reference = np.zeros((2, 4, 2), np.float32)
    result = reference.copy()
    result[0, 0] = 3, 4
    result[1, 3] = np.nan
    parity = compare_results(result, reference)
    assert parity.mean_px == pytest.approx(5 / 7)
    assert parity.max_px == pytest.approx(5)
    assert parity.one_sided_percent == pytest.approx(12.5)
    disparity = compare_results(result[..., 0], reference[..., 0])
    assert disparity.max_px == pytest.approx(3)
    nothing = compare_results(result * np.nan, reference)
    assert np.isnan([nothing.mean_px, nothing.max_px]).all()
    assert nothing.one_sided_percent == 100


def test_images_are_the_same_every_time_and_have_texture_everywhere():
    for task in ('stereo', 'flow'):
        pair = benchmark_images(task, (96, 128))
        for image, again in zip(pair, benchmark_images(task, (96, 128)), strict=True):
            assert (image.shape, image.dtype) == ((96, 128, 3), np.uint8)
            np.testing.assert_array_equal(image, again)
            blocks = image.reshape(6, 16, 8, 16, 3).astype(float)
            assert np.median(blocks.std(axis=(1, 3))) > 5
        assert (pair[0] != pair[1]).mean() > 0.5
    with pytest.raises(ConfigError, match='at least 32 pixels'):
        benchmark_images('flow', (16, 64))


# The process.

def test_memory_and_result_of_real_cases():
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    pair = images()
    rows = measure([CLASSICAL, NANO], pair, Rounds(2, 1))
    assert [row.error for row in rows] == ['', '']
    classical, nano = (row.finished for row in rows)
    assert pair[0].nbytes / 1e6 < classical.resident_mb <= classical.peak_mb < nano.peak_mb
    assert classical.device == nano.device == 'cpu'
    assert classical.gpu_mb is None
    assert nano.result.shape == (*SIZE, 2)
    assert all(row.loaded.load_s > 0 and row.loaded.prepare_s >= 0 for row in rows)
    assert rows[1].loaded.prepare_s > 0
    assert all(cost.wall_s > 0 and cost.cpu_s > 0 for row in rows for cost in row.costs)


def test_a_process_that_is_killed_has_its_reason_and_the_others_go_on():
    class Dying(CaseProcess):
        def run(self):
            os.kill(self.pid, signal.SIGKILL)
            return super().run()

    def start(case, pair):
        return (Dying if case.stream else CaseProcess)(case, pair)

    rows = measure([replace(CLASSICAL, stream=True), CLASSICAL], images(), Rounds(2, 0), start)
    assert rows[0].error == ('its process was ended by SIGKILL; is there enough memory?')
    assert rows[1].error == ''
    assert len(rows[1].costs) == 2
    assert rows[1].ratio == 1


def test_a_process_that_cannot_start_says_what_python_said(monkeypatch):
    from panmatch_ros.evaluation import benchmark_process
    monkeypatch.setattr(benchmark_process, 'PROGRAM', 'import no_such_module')
    row, = measure([CLASSICAL], images(), Rounds(1, 0))
    assert row.error == ('its process ended with status 1: ModuleNotFoundError: No module named '
                         "'no_such_module'")


def test_an_error_of_the_matcher_is_one_line():
    large = replace(CLASSICAL, matcher='nano', options=MatcherOptions(
        nano=NanoOptions(weights='/no/such/folder')))
    row, = measure([large], images(), Rounds(1, 0))
    assert '/no/such/folder' in row.error
    assert '\n' not in row.error


def test_an_interrupt_leaves_no_process():
    started = []

    class Interrupted(CaseProcess):
        def __init__(self, case, pair):
            super().__init__(case, pair)
            started.append(self)

        def run(self):
            if self is started[-1]:
                raise KeyboardInterrupt
            return super().run()

    with pytest.raises(KeyboardInterrupt):
        measure([CLASSICAL, replace(CLASSICAL, stream=True)], images(), Rounds(2, 0), Interrupted)
    assert len(started) == 2
    for process in started:
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid, 0)


def test_the_number_of_threads_reaches_the_process(monkeypatch):
    from panmatch_ros.evaluation import benchmark_process
    monkeypatch.setattr(benchmark_process, 'PROGRAM', 'import os, sys; '
                        'sys.exit(os.environ["OMP_NUM_THREADS"])')
    row, = measure([replace(CLASSICAL, threads=3)], images(), Rounds(1, 0))
    assert row.error == 'its process ended with status 1: 3'


# What runs in it.

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

    monkeypatch.setattr(benchmark_worker, 'create_matcher', lambda name, options: Matcher())
    monkeypatch.setattr(benchmark_worker, '_field', lambda found: None)
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
from panmatch_ros.evaluation.benchmark_worker import resident_memory
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
from panmatch_ros.evaluation import benchmark_worker as worker
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
