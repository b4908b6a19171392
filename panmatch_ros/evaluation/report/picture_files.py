"""Write the pictures of a report into the run folder, and read them back."""
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from ...core.errors import FormatError, PanMatchError
from ...data.images import read_image
from ...data.sample import Sample
from ..pair_score import PairScore, tasks_of
from ..prediction import Prediction, read_prediction
from ..ranking import shown_pairs
from ..run_folder import PICTURES, RunFolder
from ..score import Entrants
from .pictures import Painted, Row, Views, encode, paint_pair

WIDTH_PX = 480
DEFAULT_LIMIT = 16  # pairs of a task that have pictures


@dataclass(frozen=True)
class Picture:
    """
    A picture in the run folder.

    :param title: what it shows.
    :param jpeg: the file.
    """

    title: str
    jpeg: bytes


@dataclass(frozen=True)
class PictureRow:
    """As :class:`.pictures.Row`, with encoded pictures."""

    name: str
    legend: tuple[str, float, float]
    source: Picture | None
    cells: tuple[Picture | None, ...]


def write_pictures(samples: Sequence[Sample], folder: RunFolder, entrants: Entrants,
                   scores: Sequence[PairScore], limit: int = DEFAULT_LIMIT) -> None:
    """
    Paint the pairs that the report shows, one after the other; older pictures are removed.

    A pair whose files cannot be read has no pictures: its scores tell why.

    :param samples: all pairs.
    :param scores: of all pairs; they tell which are shown.
    :param limit: at most so many pairs of each task.
    """
    _remove_pictures(folder)
    by_name = {(sample.task, sample.name): sample for sample in samples}
    pairs = []
    for task in tasks_of(scores):
        for name in shown_pairs(scores, task, limit):
            entry: dict[str, Any] = {'task': task, 'pair': name}
            try:
                rows = paint_pair(_views(by_name[task, name], folder, entrants))
            except (PanMatchError, OSError):
                rows = []
            pairs.append({**entry, 'rows': _write(rows, folder, task, name)})
    folder.write(PICTURES, {'pairs': pairs})


def read_pictures(index: Mapping[str, Any], folder: RunFolder) -> dict[tuple[str, str],
                                                                       list[PictureRow]]:
    """
    Read the pictures of a run, in the order in which they are shown.

    :param index: ``pictures.json``.
    :returns: rows by task and pair; none if the files of the pair could not be read.
    :raises FormatError: if the index is damaged.
    :raises OSError: if a picture is missing.
    """
    try:
        return {(pair['task'], pair['pair']): [
            PictureRow(row['name'], tuple(row['legend']), _read(row['source'], folder),
                       tuple(_read(cell, folder) for cell in row['cells']))
            for row in pair['rows']] for pair in index['pairs']}
    except (KeyError, TypeError) as error:
        raise FormatError(f'{folder.path / PICTURES} is damaged: {error!r}') from None


def _remove_pictures(folder: RunFolder) -> None:
    """Remove the pictures that an earlier run has listed, and no other files."""
    try:
        old = read_pictures(folder.read(PICTURES), folder)
    except (PanMatchError, OSError):
        return  # there are none, or nobody knows which they are
    for task, pair in old:
        for path in folder.pictures(task, pair):
            path.unlink()


def _views(sample: Sample, folder: RunFolder, entrants: Entrants) -> Views:
    results: dict[str, Prediction | None] = {}
    for label in entrants.labels[sample.task]:
        results[label] = None
        if (sample.task, sample.name, label) in entrants.failures:
            continue
        with suppress(PanMatchError):
            results[label] = read_prediction(folder.prediction(label, sample.task, sample.name))
    return Views(sample.name, sample.task, read_image(sample.image0), read_image(sample.image1),
                 sample.annotate(), results)


def _write(rows: Sequence[Row], folder: RunFolder, task: str, name: str) -> list[dict[str, Any]]:
    numbers = count()

    def file_of(picture: Painted | None) -> dict[str, str] | None:
        if picture is None:
            return None
        path = folder.picture(task, name, next(numbers))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(picture.rgb, WIDTH_PX))
        return {'title': picture.title, 'file': path.name}

    return [{'name': row.name, 'legend': list(row.legend), 'source': file_of(row.source),
             'cells': [file_of(cell) for cell in row.cells]} for row in rows]


def _read(picture: Mapping[str, str] | None, folder: RunFolder) -> Picture | None:
    if picture is None:
        return None
    path = folder.path / Path(PICTURES).parent / Path(picture['file']).name
    return Picture(picture['title'], path.read_bytes())
