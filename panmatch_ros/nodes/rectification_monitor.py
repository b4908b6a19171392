"""Look now and then whether the pairs that are matched are rectified, beside the matching."""
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.rectification_check import RectificationWatch
from ..core.stereo_cameras import StereoCameras
from .diagnostics import ThrottledLog
from .latest_worker import LatestWorker


@dataclass(frozen=True, eq=False)
class _Pair:
    """What a check looks at."""

    cameras: StereoCameras
    left: np.ndarray
    right: np.ndarray
    search_range: tuple[float, float]


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What the last check said of a calibration."""

    cameras: StereoCameras
    row_error: str
    problem: str = ''


class RectificationMonitor:
    """
    Checks one pair of many in a thread of its own, so that no frame waits for it.

    :param log: of the node.
    """

    def __init__(self, log: ThrottledLog) -> None:
        self._log = log
        self._watch = RectificationWatch()
        self._watched: StereoCameras | None = None  # that the watch remembers matches of
        self._cameras: StereoCameras | None = None  # of the last pair
        self._countdown = 0                         # pairs until the next check
        self._outcome: _Outcome | None = None
        self._has_failed = False
        self._worker = LatestWorker(self._check, self._report_failure)

    def add(self, cameras: StereoCameras, left: np.ndarray, right: np.ndarray,
            search_range: tuple[float, float], interval: int) -> None:
        """
        Take a pair, and have it checked if it is the turn of it.

        :param cameras: its calibration; another one is a new start.
        :param left: left image as it is matched.
        :param right: right image.
        :param search_range: smallest and largest disparity that the matcher searches, pixels.
        :param interval: pairs of which one is checked; 0 checks none.
        """
        if interval == 0:
            self._cameras = self._outcome = None
            return
        if cameras is not self._cameras:
            self._cameras, self._countdown = cameras, 0
        if self._countdown > 0:
            self._countdown = min(self._countdown, interval) - 1
            return
        self._countdown = interval - 1
        self._worker.submit(_Pair(cameras, left, right, search_range))

    @property
    def problem(self) -> str:
        """What is wrong with the rectification, and what to do; empty if nothing is known."""
        outcome = self._outcome
        return outcome.problem if outcome and outcome.cameras is self._cameras else ''

    def details(self) -> dict[str, Any]:
        """Give values for /diagnostics; none before the first check."""
        outcome = self._outcome
        if outcome is None or outcome.cameras is not self._cameras:
            return {}
        return {'row_error': outcome.row_error}

    def stop(self) -> bool:
        """
        End the thread.

        :returns: False if it is still at work.
        """
        return self._worker.stop()

    def _check(self, pair: _Pair) -> None:
        cameras = pair.cameras
        if cameras is not self._watched:
            self._watched = cameras
            self._watch.reset()
        try:
            report = self._watch.check(pair.left, pair.right, pair.search_range)
        except Exception as error:  # the frames go on without it
            self._outcome = _Outcome(cameras, f'unknown: {error!r}')
            self._report_failure(error)
            return
        problem = ''
        if report.verdict:
            advice = 'exchange their topics' if report.is_swapped else _advice(cameras)
            problem = f'{report.verdict}; {advice}'
        self._outcome = _Outcome(cameras, report.summary, problem)
        if problem:
            self._log.warning(problem, key='rectification')

    def _report_failure(self, error: Exception) -> None:
        if not self._has_failed:
            self._has_failed = True
            self._log.error(f'it cannot be told whether the images are rectified: {error!r}; '
                            'matching goes on')


def _advice(cameras: StereoCameras) -> str:
    if cameras.rectifiers:
        return 'calibrate the cameras anew'
    return ('rectify the images first (image_proc, or the parameter rectify), or calibrate the '
            'cameras anew')
