"""
The process that measures one case of a benchmark.

It reads pickled requests ``(method, arguments)`` from stdin, calls that method of
:class:`CaseWorker`, and writes what it returns, or a :class:`Failure`, to what was its stdout. It
ends with its stdin. What libraries print goes to stderr.
"""
from collections.abc import Callable
from dataclasses import dataclass
import os
from pathlib import Path
import pickle
import re
import signal
import sys
import time
from typing import Any, BinaryIO

import cv2
import numpy as np

from ...core.errors import EngineError, PanMatchError
from ...core.types import Disparity, Displacement
from ...inference import auto
from ...inference.engine_programs import EnginePrograms
from ...inference.engine_status import engines_of
from ...inference.factory import create_matcher
from ...inference.matcher import Matcher
from ...inference.runtime_options import ENGINE_BACKENDS
from .case import Case, Cost, Finished, Loaded

MEGABYTE = 1e6


@dataclass(frozen=True)
class Failure:
    """
    Answer to a request that failed.

    :param reason: one line.
    """

    reason: str


class CaseWorker:
    """
    Makes a matcher and calls it, once for each request.

    The results are numpy arrays, and copying them is the last thing that a device does for a
    call. So one that computes asynchronously has ended when a call returns: no other
    synchronisation is needed.
    """

    def __init__(self) -> None:
        self._call: Callable[[], Any] = _nothing
        self._result: np.ndarray | None = None
        self._engines: list[EnginePrograms] = []

    def load(self, case: Case, images: tuple[np.ndarray, np.ndarray]) -> Loaded:
        """
        Make the matcher, plan it for the size, and wait for its engines.

        :param case: what to measure.
        :param images: the pair, (H, W, 3) uint8.
        :raises EngineError: if an engine is asked for and something else would compute.
        """
        if case.threads:
            cv2.setNumThreads(case.threads)
        start_s = time.perf_counter()
        matcher = create_matcher(case.matcher, case.in_foreground())
        chosen = matcher.for_task(case.task) if isinstance(matcher, auto.AutoMatcher) else matcher
        loaded_s = time.perf_counter()
        chosen.prepare(case.task, case.size)
        prepared_s = time.perf_counter()
        self._engines = engines_of(chosen)
        self._require_engines(case, matcher, chosen)
        forget_gpu_peak()
        self._call = _stream_call(matcher, images) if case.stream else _pair_call(
            matcher, case.task, images)
        return Loaded(chosen.name, chosen.backend, chosen.precision, loaded_s - start_s,
                      prepared_s - loaded_s, _origin(self._engines))

    def run(self) -> Cost:
        """
        Call it once; the first result is kept.

        :raises EngineError: if an engine is asked for and something else has computed.
        """
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        found = self._call()
        cost = Cost(time.perf_counter() - wall_s, time.process_time() - cpu_s)
        for programs in self._engines:
            _require_engine(programs)
        if self._result is None:
            self._result = _field(found)
        return cost

    def finish(self) -> Finished:
        """Tell the memory, and the result of the first call."""
        device, gpu_mb = gpu_memory()
        peak_mb, now_mb = resident_memory()
        return Finished(device, peak_mb, now_mb, gpu_mb, self._result)

    def _require_engines(self, case: Case, matcher: Matcher, chosen: Matcher) -> None:
        for programs in self._engines:
            _require_engine(programs)
        by_table = isinstance(matcher, auto.AutoMatcher) and auto.AUTO[case.task] == chosen.name
        if case.backend in ENGINE_BACKENDS and not self._engines and not by_table:
            raise EngineError(f'{case.backend} is asked for, and the matcher {chosen.name} '
                              f'computes with {chosen.backend}')


def main() -> None:
    """Serve the requests of stdin. An interrupt is for the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(sys.stdout.fileno()), 'wb') as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        serve(sys.stdin.buffer, answers)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """
    Answer requests until there are no more.

    :param requests: pickled ``(method, arguments)``.
    :param answers: one pickled answer for each.
    """
    worker = CaseWorker()
    while True:
        try:
            method, arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            answer = getattr(worker, method)(*arguments)
        except Exception as error:  # whatever it is, it is why this case has no numbers
            answer = Failure(_one_line(error))
        pickle.dump(answer, answers)
        answers.flush()


def resident_memory() -> tuple[float | None, float | None]:
    """
    Tell the most resident memory so far, and that of now, 10^6 bytes.

    The peak is that of this program: the one of ``getrusage`` has that of the program that
    started it, too. None where the system does not tell.
    """
    try:
        status = Path('/proc/self/status').read_text()
    except OSError:
        return None, None
    peak, now = (re.search(rf'^{name}:\s*(\d+) kB', status, re.MULTILINE)
                 for name in ('VmHWM', 'VmRSS'))
    if peak is None or now is None:
        return None, None
    return int(peak[1]) * 1024 / MEGABYTE, int(now[1]) * 1024 / MEGABYTE


def gpu_memory() -> tuple[str, float | None]:
    """
    Tell the device, and the most that PyTorch had of a GPU, 10^6 bytes.

    That is since :func:`forget_gpu_peak`, with recorded CUDA graphs, without what the driver and
    TensorRT take themselves.
    """
    torch = _torch_on_gpu()
    if torch is None:
        return 'cpu', None
    return torch.cuda.get_device_name(), torch.cuda.max_memory_reserved() / MEGABYTE


def forget_gpu_peak() -> None:
    """Give back what only the making of engines needed of a GPU, and measure from here on."""
    torch = _torch_on_gpu()
    if torch is not None:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _torch_on_gpu() -> Any:
    torch: Any = sys.modules.get('torch')
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    return torch


def _require_engine(programs: EnginePrograms) -> None:
    if programs.has_failed or programs.backend is not programs.engine_backend:
        raise EngineError(programs.status or f'{programs.backend.name} has computed instead of '
                          f'{programs.engine_backend.name}')


def _origin(engines: list[EnginePrograms]) -> str:
    built = [engine.built for programs in engines for engine in programs.engines.values()]
    return '' if not built else 'built' if any(built) else 'found'


def _pair_call(matcher: Matcher, task: str,
               images: tuple[np.ndarray, np.ndarray]) -> Callable[[], Any]:
    method = matcher.match_stereo if task == 'stereo' else matcher.match
    return lambda: method(*images)


def _stream_call(matcher: Matcher,
                 images: tuple[np.ndarray, np.ndarray]) -> Callable[[], Any]:
    """Give a call that matches the next image of the sequence 0, 1, 0, 1 and so on."""
    stream, turn = matcher.stream(), 0
    stream.next(images[0])

    def call() -> Any:
        nonlocal turn
        turn = 1 - turn
        return stream.next(images[turn])

    return call


def _field(found: Disparity | Displacement) -> np.ndarray:
    return found.disparity if isinstance(found, Disparity) else found.flow


def _nothing() -> Any:
    raise RuntimeError('nothing is loaded')


def _one_line(error: Exception) -> str:
    text = ' '.join(str(error).split())
    if isinstance(error, PanMatchError) and text:
        return text
    return f'{type(error).__name__}: {text}' if text else type(error).__name__
