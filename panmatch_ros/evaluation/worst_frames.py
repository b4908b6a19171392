"""The worst frames of a run with their pictures; only those few are kept."""
import base64
from dataclasses import dataclass
import heapq
from itertools import count
import math

import cv2
import numpy as np

from ..core.image import to_rgb
from ..viz.flow import flow_to_color
from ..viz.scalar import disparity_to_color
from .frame_evaluator import Frame, FrameScore

MOST_FRAMES = 6
WIDTH_PX = 420
# The first of these that there is decides which frames are the worst.
CRITERIA = ('disparity_epe_px', 'depth_abs_rel', 'lidar_abs_rel', 'flow_epe_px',
            'photometric_grey', 'flow_photometric_grey')


@dataclass(frozen=True)
class WorstFrame:
    """
    A frame that went badly.

    :param row: its scores.
    :param criterion: name of the score that decided.
    :param pictures: titles, and addresses of images with their data.
    """

    row: FrameScore
    criterion: str
    pictures: tuple[tuple[str, str], ...]


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


def pictures_of(frame: Frame) -> tuple[tuple[str, str], ...]:
    """Show the input and the result of a frame."""
    shown: list[tuple[str, np.ndarray]] = []
    if frame.stereo is not None:
        shown += [('left image', to_rgb(frame.stereo.left)),
                  ('disparity', disparity_to_color(frame.stereo.disparity))]
    if frame.flow is not None:
        if frame.stereo is None:
            shown.append(('older image', to_rgb(frame.flow.older)))
        shown.append(('flow', flow_to_color(frame.flow.flow)))
    return tuple((title, embed(picture, WIDTH_PX)) for title, picture in shown)


def embed(rgb: np.ndarray, width: int) -> str:
    """
    Encode a picture as the address of an image.

    :param rgb: (H, W, 3) uint8 RGB.
    :param width: it is reduced to, pixels, if it is wider.
    """
    if rgb.shape[1] > width:
        height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
        rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    data = cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1]
    return f'data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}'
