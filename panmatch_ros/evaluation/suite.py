"""Suites: several datasets that are evaluated in one go, described by a YAML file."""
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
import re
from typing import Any

from ..core.errors import ConfigError
from ..data.datasets import DATASETS

NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*')


@dataclass(frozen=True)
class Entry:
    """
    A dataset of a suite.

    :param name: how tables and folders call it: letters, digits, ``.``, ``_`` and ``-``.
    :param dataset: as ``panmatch evaluate --dataset`` takes it.
    :param folder: where it is, relative to the root.
    :param options: of the dataset, such as ``task`` and ``split``.
    :param limit: take so many pairs, spread evenly; 0 takes all.
    :raises ConfigError: if a value cannot work.
    """

    name: str
    dataset: str
    folder: str
    options: Mapping[str, str] = field(default_factory=dict)
    limit: int = 0

    def __post_init__(self) -> None:
        for name in ('name', 'dataset', 'folder'):
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f'{name} must be a text, got {getattr(self, name)!r}')
        if not NAME.fullmatch(self.name):
            raise ConfigError('the name of a dataset must be letters, digits, ".", "_" and "-", '
                              f'got {self.name!r}')
        if self.dataset not in DATASETS:
            raise ConfigError(f'{self.name}: there is no dataset {self.dataset!r}; known are '
                              f'{", ".join(DATASETS)}')
        if not isinstance(self.options, Mapping) or not all(
                isinstance(value, str) for value in self.options.values()):
            raise ConfigError(f'{self.name}: options must be names with texts, got '
                              f'{self.options!r}')
        DATASETS[self.dataset].complete(self.options)
        if type(self.limit) is not int or self.limit < 0:
            raise ConfigError(f'{self.name}: limit must be a whole number from 0, got '
                              f'{self.limit!r}')


@dataclass(frozen=True)
class Suite:
    """
    Datasets that are evaluated in one go.

    :param title: of the tables.
    :param entries: the datasets, at least one; their names differ.
    """

    title: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.title, str):
            raise ConfigError(f'title must be a text, got {self.title!r}')
        names = [entry.name for entry in self.entries]
        if not names or len(set(names)) < len(names):
            raise ConfigError('a suite needs at least one dataset, and names that differ; got '
                              f'{", ".join(names) or "none"}')


def read_suite(path: Path) -> Suite:
    """
    Read a suite from a YAML file.

    :raises ConfigError: if the file is no suite.
    :raises OSError: if it cannot be read.
    """
    import yaml
    try:
        values = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f'{path} is not YAML: {error}') from error
    try:
        if not isinstance(values, Mapping) or set(values) != {'title', 'datasets'} \
                or not isinstance(values['datasets'], list):
            raise ConfigError('a suite has a title and a list of datasets')
        return Suite(values['title'], tuple(_entry(each) for each in values['datasets']))
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from error


def _entry(values: Any) -> Entry:
    known = [each.name for each in fields(Entry)]
    if not isinstance(values, Mapping):
        raise ConfigError(f'a dataset must be names with values, got {type(values).__name__}')
    unknown = sorted(str(name) for name in set(values) - set(known))
    missing = [name for name in known[:3] if name not in values]
    if unknown or missing:
        raise ConfigError(f'a dataset has {", ".join(known)}; '
                          + (f'unknown: {", ".join(unknown)}' if unknown
                             else f'missing: {", ".join(missing)}'))
    return Entry(**values)
