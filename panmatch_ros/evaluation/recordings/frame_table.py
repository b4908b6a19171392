"""Which scores a frame has, and tables of them: CSV line by line, and mean, median and p95."""
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
import math
from pathlib import Path
from typing import TextIO

import numpy as np

from .frame_evaluator import FrameScore

NS_PER_S = 1e9
LATENCY = 'latency_ms'
KEYS = ('stamp_ns', 'run', 'time_s', 'previous_ns')
TASKS = ('stereo', 'flow', 'perception')


@dataclass(frozen=True)
class Score:
    """
    One score.

    :param name: as the files have it.
    :param title: for people, with the unit.
    :param best: 'low', 'high' or '' if neither is better.
    :param needs: 'stereo' or 'flow' part, and 'back' (the direction back) or a kind of truth.
    :param meaning: what it is.
    """

    name: str
    title: str
    best: str
    needs: tuple[str, ...]
    meaning: str


SCORES = (
    Score('valid_percent', 'valid %', 'high', ('stereo',), 'pixels with a disparity'),
    Score('left_right_percent', 'left-right %', 'high', ('stereo', 'back'),
          'valid pixels whose disparity agrees within 1 px with that of the right image matched '
          'to the left one, of those whose match lies in the right image; what that does not show '
          'cannot agree, even if it is right'),
    Score('photometric_grey', 'photometric grey', 'low', ('stereo',),
          'mean absolute grey difference (of 255) of the left image and the right one warped by '
          'the disparity, where the right image shows the pixel'),
    Score('temporal_px', 'temporal px', 'low', ('stereo',),
          'median change of the disparity from the frame before, along the flow if there is one; '
          'without flow at the same pixel, which means something for a camera that stands'),
    Score('row_residual_px', 'rows px', 'low', ('stereo',),
          'median |y_right - y_left| of sparse matches: how far the images are from rectified'),
    Score('disparity_epe_px', 'EPE px', 'low', ('stereo', 'disparity'),
          'mean error of the disparity'),
    Score('disparity_bad_1_percent', 'bad-1 %', 'low', ('stereo', 'disparity'),
          'pixels with known truth that are off by more than 1 px or have no disparity'),
    Score('disparity_bad_2_percent', 'bad-2 %', 'low', ('stereo', 'disparity'),
          'the same with 2 px'),
    Score('disparity_d1_percent', 'D1-all %', 'low', ('stereo', 'disparity'),
          'the same with 3 px and 5 %'),
    Score('disparity_density_percent', 'density %', 'high', ('stereo', 'disparity'),
          'pixels with known truth that have a disparity'),
    Score('depth_abs_rel', 'depth AbsRel', 'low', ('stereo', 'depth'),
          'mean relative error of the depth'),
    Score('depth_rmse_m', 'depth RMSE m', 'low', ('stereo', 'depth'),
          'root mean square error of the depth'),
    Score('depth_delta_1_percent', 'depth delta-1 %', 'high', ('stereo', 'depth'),
          'pixels with known truth whose depth is within a factor of 1.25'),
    Score('depth_density_percent', 'depth density %', 'high', ('stereo', 'depth'),
          'pixels with known truth that have a depth'),
    Score('lidar_abs_rel', 'lidar AbsRel', 'low', ('stereo', 'lidar'),
          'mean relative error of the depth at the points of the lidar'),
    Score('lidar_rmse_m', 'lidar RMSE m', 'low', ('stereo', 'lidar'),
          'root mean square error of the depth there'),
    Score('lidar_delta_1_percent', 'lidar delta-1 %', 'high', ('stereo', 'lidar'),
          'points whose depth is within a factor of 1.25'),
    Score('lidar_density_percent', 'lidar density %', 'high', ('stereo', 'lidar'),
          'points where there is a depth'),
    Score('lidar_epe_px', 'lidar EPE px', 'low', ('stereo', 'lidar'),
          'mean error of the disparity at the points'),
    Score('lidar_points', 'lidar points', '', ('stereo', 'lidar'),
          'points of the lidar that are seen in the image'),
    Score('flow_valid_percent', 'flow valid %', 'high', ('flow',), 'pixels with a flow'),
    Score('forward_backward_percent', 'forward-backward %', 'high', ('flow', 'back'),
          'valid pixels that the flow back brings within 1 px of their start, of those whose '
          'match lies in the newer image; what that does not show cannot agree'),
    Score('flow_photometric_grey', 'flow photometric grey', 'low', ('flow',),
          'mean absolute grey difference of the older image and the newer one warped by the flow; '
          'hidden pixels count'),
    Score('flow_temporal_px', 'flow temporal px', 'low', ('flow',),
          'median change of the flow of a point from the pair before'),
    Score('flow_epe_px', 'flow EPE px', 'low', ('flow', 'flow truth'), 'mean error of the flow'),
    Score('flow_bad_1_percent', 'flow bad-1 %', 'low', ('flow', 'flow truth'),
          'pixels with known truth that are off by more than 1 px or have no flow'),
    Score('flow_bad_3_percent', 'flow bad-3 %', 'low', ('flow', 'flow truth'),
          'the same with 3 px'),
    Score('flow_fl_percent', 'Fl-all %', 'low', ('flow', 'flow truth'),
          'the same with 3 px and 5 %'),
    Score('flow_density_percent', 'flow density %', 'high', ('flow', 'flow truth'),
          'pixels with known truth that have a flow'),
    Score(LATENCY, 'latency ms', 'low', (),
          'offline the time of matching, live the time from the last input to the result'),
)


def scores_for(task: str, truths: Collection[str], back: bool) -> tuple[Score, ...]:
    """
    List the scores that a run can have.

    :param task: one of ``TASKS``.
    :param truths: kinds of truth, as of ``frame_evaluator.TRUTHS``.
    :param back: whether the direction back is matched.
    """
    there = {f'{kind} truth' if kind == 'flow' else kind for kind in truths}
    there |= {'stereo', 'flow'} if task == 'perception' else {task}
    there |= {'back'} if back else set()
    return tuple(score for score in SCORES if there.issuperset(score.needs))


class FrameTable:
    """
    The scores of all frames; each is in the file as soon as it is known.

    :param path: the CSV file.
    :param scores: its columns.
    """

    def __init__(self, path: Path, scores: Sequence[Score]) -> None:
        self.scores = tuple(scores)
        self.run, self.time_s = array('l'), array('d')
        self.values = {score.name: array('d') for score in scores}  # small for long recordings
        self._start_ns: int | None = None
        self._file: TextIO = path.open('w', encoding='utf-8')
        self._write([*KEYS, *(score.name for score in scores)])

    def __len__(self) -> int:
        return len(self.run)

    def add(self, row: FrameScore) -> None:
        """Add the scores of a frame."""
        if self._start_ns is None:
            self._start_ns = row.stamp_ns
        time_s = self.time_of(row)
        self.run.append(row.run)
        self.time_s.append(time_s)
        numbers = [row.scores.get(score.name, math.nan) for score in self.scores]
        for score, number in zip(self.scores, numbers, strict=True):
            self.values[score.name].append(number)
        previous = '' if row.previous_ns is None else str(row.previous_ns)
        self._write([str(row.stamp_ns), str(row.run), f'{time_s:.9g}', previous,
                     *('' if math.isnan(number) else f'{number:.9g}' for number in numbers)])

    def time_of(self, row: FrameScore) -> float:
        """Tell how long after the first frame one was taken, seconds."""
        start_ns = row.stamp_ns if self._start_ns is None else self._start_ns
        return (row.stamp_ns - start_ns) / NS_PER_S

    def summary(self) -> dict[str, dict[str, float | int | None]]:
        """Mean, median and 95th percentile of each score over the frames that have it."""
        result: dict[str, dict[str, float | int | None]] = {}
        for name, column in self.values.items():
            known = np.array(column)
            known = known[np.isfinite(known)]
            numbers = ((float(known.mean()), float(np.median(known)),
                        float(np.percentile(known, 95))) if known.size else (None,) * 3)
            result[name] = {'frames': int(known.size), **dict(
                zip(('mean', 'median', 'p95'), numbers, strict=True))}
        return result

    def describe(self) -> str:
        """Write mean, median and p95 as a table of text."""
        rows = [['score', 'frames', 'mean', 'median', 'p95']]
        summary = self.summary()
        for score in self.scores:
            found = summary[score.name]
            if found['frames']:
                rows.append([score.title, str(found['frames']), *(
                    f'{found[name]:.4g}' for name in ('mean', 'median', 'p95'))])
        widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
        return '\n'.join('  '.join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True)))
            for row in rows)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, cells: Sequence[str]) -> None:
        self._file.write(','.join(cells) + '\n')
        self._file.flush()
