"""Look after the rectification of a stereo camera: some matches now and then, kept for a while."""
from collections import deque
from dataclasses import replace

import numpy as np

from .epipolar import MAX_RESIDUAL_PX, RectificationReport, report_of_matches
from .row_matches import GRID, match_rows
from .types import Correspondences

REMEMBERED_CHECKS = 8
SAME_PLACE = 0.025  # of the width: nearer matches of several checks are one
MOST_MATCHES = GRID[0] * GRID[1]
SWAPPED_MATCHES = 24  # at least so many with left and right exchanged,
SWAPPED_FACTOR = 3    # and so many times as many as without
SWAPPED = 'left and right seem to be swapped: exchanged, the images match far better'


def check_rectification(left: np.ndarray, right: np.ndarray,
                        disparity_range: tuple[float, float] | None = None, *,
                        limit_px: float = MAX_RESIDUAL_PX) -> RectificationReport:
    """
    Match some patches of a pair and tell how far it is from being rectified.

    :param left: left image, as ``check_image`` of ``core/image.py`` accepts.
    :param right: right image, same size.
    :param disparity_range: see :func:`match_rows`.
    :param limit_px: median of ``|y_right - y_left|`` beyond which there is a verdict, pixels.
    :raises ShapeError: if an array is not an image or the sizes differ.
    :raises ImageError: if an image is empty or too large.
    :raises ConfigError: if an option cannot work.
    """
    return report_of_matches(match_rows(left, right, disparity_range), left.shape[:2],
                             limit_px=limit_px)


class RectificationWatch:
    """
    Check a pair of a stream now and then, with the matches of the last checks as evidence too.

    What one image does not show, several may: the cameras of a rig keep their places. Of a
    scene that stands still the same match does not count twice.

    :param limit_px: median of ``|y_right - y_left|`` beyond which there is a verdict, pixels.
    """

    def __init__(self, limit_px: float = MAX_RESIDUAL_PX) -> None:
        self._limit_px = limit_px
        self._size = (0, 0)
        self._checks: deque[Correspondences] = deque(maxlen=REMEMBERED_CHECKS)

    def reset(self) -> None:
        """Forget the matches: the calibration has changed."""
        self._checks.clear()

    def check(self, left: np.ndarray, right: np.ndarray,
              disparity_range: tuple[float, float] | None = None) -> RectificationReport:
        """
        Match some patches of one more pair; another size is a new start.

        :param left: left image, as ``check_image`` of ``core/image.py`` accepts.
        :param right: right image, same size.
        :param disparity_range: see :func:`match_rows`.
        :returns: report of the last checks together.
        :raises ShapeError: if an array is not an image or the sizes differ.
        :raises ImageError: if an image is empty or too large.
        :raises ConfigError: if an option cannot work.
        """
        matches = match_rows(left, right, disparity_range)
        if self._size != left.shape[:2]:
            self._size = left.shape[0], left.shape[1]
            self.reset()
        self._checks.appendleft(matches)
        report = report_of_matches(self._together(), self._size, limit_px=self._limit_px)
        if _are_swapped(left, right, disparity_range, len(matches)):
            return replace(report, verdict=SWAPPED, is_swapped=True)
        return report

    def _together(self) -> Correspondences:
        """Join the matches of all checks; of those at one place the newest counts."""
        points0, points1 = (np.concatenate([getattr(check, name) for check in self._checks])
                            for name in ('points0', 'points1'))
        scores = np.concatenate([check.scores for check in self._checks])
        cells = np.floor(points0 / max(self._size[1] * SAME_PLACE, 1)).astype(int)
        _, first = np.unique(cells, axis=0, return_index=True)
        order = first[np.argsort(-scores[first], kind='stable')]
        return Correspondences(points0[order], points1[order], scores[order])


def _are_swapped(left: np.ndarray, right: np.ndarray,
                 disparity_range: tuple[float, float] | None, count: int) -> bool:
    """Tell whether a pair with so many matches has far more of them the other way round."""
    least = max(SWAPPED_MATCHES, SWAPPED_FACTOR * count)
    return least <= MOST_MATCHES and len(match_rows(right, left, disparity_range)) >= least
