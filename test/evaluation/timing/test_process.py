"""A case of a benchmark in a process of its own: memory, deaths, interrupts."""
from dataclasses import replace
import os
import signal

from benchmark_cases import CLASSICAL, NANO, SIZE, images, nano_case
import pytest

from panmatch_ros.evaluation.timing import process as process_module
from panmatch_ros.evaluation.timing.benchmark import Rounds, measure
from panmatch_ros.evaluation.timing.process import CaseProcess


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
    monkeypatch.setattr(process_module, 'PROGRAM', 'import no_such_module')
    row, = measure([CLASSICAL], images(), Rounds(1, 0))
    assert row.error == ('its process ended with status 1: ModuleNotFoundError: No module named '
                         "'no_such_module'")


def test_an_error_of_the_matcher_is_one_line():
    row, = measure([nano_case(weights='/no/such/folder')], images(), Rounds(1, 0))
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
    monkeypatch.setattr(process_module, 'PROGRAM', 'import os, sys; '
                        'sys.exit(os.environ["OMP_NUM_THREADS"])')
    row, = measure([replace(CLASSICAL, threads=3)], images(), Rounds(1, 0))
    assert row.error == 'its process ended with status 1: 3'
