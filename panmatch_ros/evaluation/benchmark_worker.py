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

from ..core.errors import PanMatchError
from ..core.types import Disparity, Displacement
from ..inference.factory import create_matcher
from ..inference.matcher import Matcher
from .benchmark_case import Case, Cost, Finished, Loaded

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

    The results are numpy arrays, so a device that computes asynchronously has ended when a call
    returns: no other synchronisation is needed.
    """

    def __init__(self) -> None:
        self._call: Callable[[], Any] = _nothing
        self._result: np.ndarray | None = None

    def load(self, case: Case, images: tuple[np.ndarray, np.ndarray]) -> Loaded:
        """
        Make the matcher, and plan it for the size.

        :param case: what to measure.
        :param images: the pair, (H, W, 3) uint8.
        """
        if case.threads:
            cv2.setNumThreads(case.threads)
        start_s = time.perf_counter()
        matcher = create_matcher(case.matcher, case.options)
        loaded_s = time.perf_counter()
        matcher.prepare(case.task, case.size)
        prepared_s = time.perf_counter()
        self._call = _stream_call(matcher, images) if case.stream else _pair_call(
            matcher, case.task, images)
        return Loaded(matcher.name, matcher.backend, matcher.precision, loaded_s - start_s,
                      prepared_s - loaded_s)

    def run(self) -> Cost:
        """Call it once; the first result is kept."""
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        found = self._call()
        cost = Cost(time.perf_counter() - wall_s, time.process_time() - cpu_s)
        if self._result is None:
            self._result = _field(found)
        return cost

    def finish(self) -> Finished:
        """Tell the memory, and the result of the first call."""
        device, gpu_mb = gpu_memory()
        peak_mb, now_mb = resident_memory()
        return Finished(device, peak_mb, now_mb, gpu_mb, self._result)


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
    """Tell the device, and the most that PyTorch has taken of a GPU, 10^6 bytes."""
    torch: Any = sys.modules.get('torch')
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return 'cpu', None
    return torch.cuda.get_device_name(), torch.cuda.max_memory_reserved() / MEGABYTE


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
