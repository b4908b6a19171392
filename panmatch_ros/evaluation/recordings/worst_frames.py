"""The worst frames of a run with their pictures; only those few are kept."""
from dataclasses import dataclass
import heapq
from itertools import count
import math

import numpy as np

from ...core.image import to_rgb
from ...viz.flow import flow_to_color
from ...viz.scalar import disparity_to_color, robust_range
from ..report.picture_files import Picture
from ..report.pictures import encode
from .frame_evaluator import Frame, FrameScore

MOST_FRAMES = 6
WIDTH_PX = 420  # of their pictures
# The first of these that there is decides which frames are the worst.
CRITERIA = ('disparity_epe_px', 'depth_abs_rel', 'lidar_abs_rel', 'flow_epe_px',
            'photometric_grey', 'flow_photometric_grey')


@dataclass(frozen=True)
class WorstFrame:
    """
    A frame that went badly.

    :param row: its scores.
    :param criterion: name of the score that decided.
    :param pictures: the input and the result.
    """

    row: FrameScore
    criterion: str
    pictures: tuple[Picture, ...]


class WorstFrames:
    """
    Keeps the frames with the highest error.

    All are ranked by one score: the first of ``CRITERIA`` that any frame has. Frames that do not
    have it, between the messages of a slow lidar for example, do not take part.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, WorstFrame]] = []  # the least bad one first
        self._order = count()
        # Those that may still decide; the last one does now.
        self._criteria: tuple[str, ...] = CRITERIA

    def add(self, row: FrameScore, frame: Frame) -> None:
        """Look at a frame, and keep it if it is worse than one that is kept."""
        criterion = next((name for name in self._criteria
                          if math.isfinite(row.scores.get(name, math.nan))), '')
        if not criterion:
            return
        if criterion != self._criteria[-1]:
            self._criteria = CRITERIA[:CRITERIA.index(criterion) + 1]
            self._heap.clear()
        value = row.scores[criterion]
        if len(self._heap) == MOST_FRAMES and value <= self._heap[0][0]:
            return
        entry = (value, -next(self._order), WorstFrame(row, criterion, pictures_of(frame)))
        if len(self._heap) == MOST_FRAMES:
            heapq.heapreplace(self._heap, entry)
        else:
            heapq.heappush(self._heap, entry)

    def frames(self) -> list[WorstFrame]:
        """Give them, the worst first."""
        return [frame for _, _, frame in sorted(self._heap, key=lambda entry: entry[:2],
                                                reverse=True)]


def pictures_of(frame: Frame) -> tuple[Picture, ...]:
    """Show the input and the result of a frame."""
    shown: list[tuple[str, np.ndarray]] = []
    if frame.stereo is not None:
        disparity = frame.stereo.disparity
        low, high = robust_range(disparity)
        shown += [('left image', to_rgb(frame.stereo.left)),
                  (f'disparity, blue {low:.3g} to red {high:.3g} px',
                   disparity_to_color(disparity))]
    if frame.flow is not None:
        if frame.stereo is None:
            shown.append(('older image', to_rgb(frame.flow.older)))
        shown.append(('flow', flow_to_color(frame.flow.flow)))
    return tuple(Picture(title, encode(picture, WIDTH_PX)) for title, picture in shown)
