"""The files that tell how a recording was evaluated: frames.csv, results.json, report.html."""
from collections.abc import Collection
import json
from pathlib import Path
from typing import Any

from .frame_evaluator import Frame, FrameScore
from .frame_table import FrameTable, scores_for
from .recording_report import RunReport, recording_page
from .worst_frames import WorstFrames

TABLE, RESULTS, REPORT = 'frames.csv', 'results.json', 'report.html'
WRITTEN = (TABLE, RESULTS, REPORT)


class RecordingResults:
    """
    Collects the scores of a run, and writes them.

    :param folder: where to; made if it does not exist.
    :param task: one of ``frame_table.TASKS``.
    :param truths: kinds of ground truth that there are.
    :param back: whether the direction back is matched.
    """

    def __init__(self, folder: Path, task: str, truths: Collection[str], back: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.table = FrameTable(folder / TABLE, scores_for(task, truths, back))
        self._worst = WorstFrames()

    def add(self, row: FrameScore, frame: Frame) -> None:
        """Take the scores of a frame."""
        self.table.add(row)
        self._worst.add(row, frame)

    def write(self, report: RunReport, details: dict[str, Any]) -> list[Path]:
        """
        Write the summary and the page; more frames may follow, and another call.

        :param report: what is told.
        :param details: what else results.json says, for example the options.
        :returns: the files, the table too.
        """
        results = {**details, 'frames': len(self.table), 'counts': report.counts,
                   'scores': self.table.summary(), 'problems': report.problems,
                   'notes': report.notes}
        texts = {RESULTS: json.dumps(results, indent=2, allow_nan=False) + '\n',
                 REPORT: recording_page(report, self.table, self._worst.frames())}
        for name, text in texts.items():
            (self._folder / name).write_text(text, encoding='utf-8')
        return [self._folder / name for name in WRITTEN]

    def close(self) -> None:
        """Close the table."""
        self.table.close()
