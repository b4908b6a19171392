"""The folder of an evaluation: what is in it, and where."""
from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..core.errors import ConfigError, FormatError

RUN, RESULTS, CURVES, TABLE, REPORT = ('run.json', 'results.json', 'curves.json', 'results.csv',
                                       'report.html')
PICTURES = 'pictures/pictures.json'
PREDICTIONS = 'predictions'
WRITTEN = (REPORT, RESULTS, TABLE, CURVES, RUN, PICTURES)
LONGEST_NAME = 150  # characters that a name of a file has; longer ones are cut and made unique


@dataclass(frozen=True)
class RunFolder:
    """
    The folder of an evaluation.

    ``run.json`` says what is measured on what, ``predictions`` has what the matchers made of it,
    ``results.json`` and ``results.csv`` the numbers, ``curves.json`` the curves of the
    confidence, ``pictures`` those of the report, and ``report.html`` shows it all.

    :param path: need not exist.
    """

    path: Path

    def prediction(self, label: str, task: str, pair: str) -> Path:
        """
        Tell where a prediction is.

        :param label: of the matcher.
        :param task: of the pair.
        :param pair: its name.
        """
        return self.path / PREDICTIONS / file_name(label) / f'{file_name(f"{task} {pair}")}.npz'

    def picture(self, task: str, pair: str, number: int) -> Path:
        """
        Tell where a picture of a pair is.

        :param number: of the picture among those of the pair.
        """
        return self.path / Path(PICTURES).parent / f'{file_name(f"{task} {pair}")}-{number}.jpg'

    def pictures(self, task: str, pair: str) -> list[Path]:
        """List the pictures of a pair that are there."""
        numbers = itertools.count()
        return list(itertools.takewhile(
            Path.exists, (self.picture(task, pair, number) for number in numbers)))

    def read(self, name: str) -> dict[str, Any]:
        """
        Read one of the JSON files.

        :param name: ``RUN``, ``RESULTS``, ``CURVES`` or ``PICTURES``.
        :raises ConfigError: if there is none: the folder is not that of an evaluation.
        :raises FormatError: if it is damaged.
        """
        path = self.path / name
        try:
            values = json.loads(path.read_text(encoding='utf-8'))
        except (FileNotFoundError, NotADirectoryError):
            raise ConfigError(f'{self.path} has no {name}; {self._advice()}') from None
        except ValueError as error:
            raise FormatError(f'{path} is damaged: {error}') from None
        if not isinstance(values, dict):
            raise FormatError(f'{path} is damaged: expected an object, found '
                              f'{type(values).__name__}')
        return values

    def _advice(self) -> str:
        """Say what to do where the files of a run are missing."""
        if (self.path / PREDICTIONS).is_dir():
            return ('the run there has not come to its end: the same `panmatch evaluate --out` '
                    'goes on from where it was')
        return 'name the folder that `panmatch evaluate --out` has written'

    def write(self, name: str, values: Mapping[str, Any]) -> Path:
        """
        Write one of the JSON files.

        :returns: its path.
        """
        indent = 2 if name in (RUN, RESULTS) else None
        return self.write_text(name, json.dumps(values, indent=indent, allow_nan=False) + '\n')

    def write_text(self, name: str, text: str) -> Path:
        """
        Write a file so that it is there as a whole or as it was.

        :returns: its path.
        """
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f'.{path.name}.part')
        temporary.write_text(text, encoding='utf-8')
        os.replace(temporary, path)
        return path


def file_name(name: str) -> str:
    """Turn any name into that of a file; different names have different ones."""
    plain = quote(name, safe=' ()+,=@')
    if len(plain) <= LONGEST_NAME:
        return plain
    return f'{plain[:LONGEST_NAME - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}'
