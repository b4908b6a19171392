"""Start the process that measures one case of a benchmark, and ask it."""
from contextlib import suppress
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

from .case import Case, Cost, Finished, Loaded
from .worker import Failure

# The modules of this process, from wherever it has them, and none of the current folder.
PROGRAM = ('import sys; sys.path[:] = {path!r}; '
           'from panmatch_ros.evaluation.timing.worker import main; main()')
THREAD_VARIABLES = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')


class CaseFailedError(Exception):
    """A case cannot be measured; the text says why, in one line."""


class CaseProcess:
    """
    A case in a process of its own: its memory and its loading time are its own.

    :param case: what to measure.
    :param images: the pair, (H, W, 3) uint8.
    """

    def __init__(self, case: Case, images: tuple[np.ndarray, np.ndarray]) -> None:
        self._case, self._images = case, images
        variables = dict.fromkeys(THREAD_VARIABLES, str(case.threads)) if case.threads else {}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - see close()
        self._process = subprocess.Popen(
            [sys.executable, '-c', PROGRAM.format(path=sys.path)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._errors, env={**os.environ, **variables})

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def load(self) -> Loaded:
        """
        Make the matcher, and plan it for the size.

        :raises CaseFailedError: if that does not work.
        """
        return self._ask('load', self._case, self._images)

    def run(self) -> Cost:
        """
        Call the matcher once.

        :raises CaseFailedError: if that does not work.
        """
        return self._ask('run')

    def finish(self) -> Finished:
        """
        Tell the memory, and the result of the first call.

        :raises CaseFailedError: if the process has died.
        """
        return self._ask('finish')

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._errors):
            with suppress(BrokenPipeError):  # what it was not sent any more
                if file is not None:
                    file.close()

    def _ask(self, method: str, *arguments: Any) -> Any:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        try:
            pickle.dump((method, arguments), requests)
            requests.flush()
            answer = pickle.load(answers)
        except (BrokenPipeError, EOFError, pickle.UnpicklingError):
            raise CaseFailedError(self._how_it_died()) from None
        if isinstance(answer, Failure):
            raise CaseFailedError(answer.reason)
        return answer

    def _how_it_died(self) -> str:
        self._process.kill()  # if it lives, its answers cannot be read any more
        status = self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in
                 self._errors.read().decode(errors='replace').splitlines() if line.strip()]
        said = f': {lines[-1]}' if lines else ''
        if status >= 0:
            return f'its process ended with status {status}{said}'
        name = signal.Signals(-status).name
        hint = '; is there enough memory?' if name == 'SIGKILL' else ''
        return f'its process was ended by {name}{said}{hint}'
