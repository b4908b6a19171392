"""What the registry knows of a dataset, and what errors say about folders."""
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import ConfigError
from ..sample import Sample

ALL_TASKS = 'auto'
MAX_LISTED = 8


@dataclass(frozen=True)
class Option:
    """
    A choice among the parts of a dataset.

    :param description: what it chooses, for help texts.
    :param choices: the values it takes; empty takes any text.
    :param default: what is taken if nothing is given.
    """

    description: str
    choices: tuple[str, ...] = ()
    default: str = ''


@dataclass(frozen=True)
class Dataset:
    """
    A dataset, and how to open it in its official layout.

    :param name: as ``panmatch evaluate --dataset`` takes it.
    :param title: as its authors call it.
    :param tasks: what its pairs are for.
    :param layout: the folders and files that are looked for, in one line.
    :param site: where it officially is.
    :param fits: whether a folder looks like it; reads names only.
    :param open: makes the samples of a folder that fits, sorted; reads names and lists only.
        Its options are complete and checked.
    :param parts: options beside ``task``.
    """

    name: str
    title: str
    tasks: tuple[str, ...]
    layout: str
    site: str
    fits: Callable[[Path], bool]
    open: Callable[[Path, Mapping[str, str]], list[Sample]]
    parts: Mapping[str, Option] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Option]:
        """All options by name; ``task`` is the first."""
        task = Option('what the pairs are for; auto takes all that are there',
                      (ALL_TASKS, *self.tasks), ALL_TASKS)
        return {'task': task, **self.parts}

    def complete(self, given: Mapping[str, str]) -> dict[str, str]:
        """
        Check options and add the defaults of those that are not given.

        :raises ConfigError: if there is no such option or it does not take the value.
        """
        options = self.options
        for name, value in given.items():
            if name not in options:
                raise ConfigError(f'{self.title} has no option {name!r}; it has '
                                  f'{", ".join(options)}')
            choices = options[name].choices
            if choices and value not in choices:
                raise ConfigError(f'{self.title}: {name} must be one of {", ".join(choices)}, '
                                  f'got {value!r}')
        return {name: given.get(name, option.default) for name, option in options.items()}


def wanted_tasks(options: Mapping[str, str], tasks: tuple[str, ...]) -> tuple[str, ...]:
    """List the tasks that the option ``task`` asks for."""
    return tasks if options['task'] == ALL_TASKS else (options['task'],)


def wrong_layout(folder: Path, expected: str, advice: str) -> ConfigError:
    """
    Make the error about a folder that does not hold what it should.

    :param folder: where it was looked for.
    :param expected: the folders and files that were looked for.
    :param advice: what to do.
    """
    return ConfigError(f'{folder}: expected {expected}, found {listing(folder)}; {advice}')


def listing(folder: Path) -> str:
    """Tell what is in a folder, in a few words."""
    if not folder.is_dir():
        return 'a file' if folder.exists() else 'no such folder'
    try:
        names = sorted(f'{path.name}/' if path.is_dir() else path.name
                       for path in folder.iterdir())
    except OSError as error:
        return f'a folder that cannot be read ({error.strerror})'
    if not names:
        return 'nothing'
    more = f' and {len(names) - MAX_LISTED} more' if len(names) > MAX_LISTED else ''
    return ', '.join(names[:MAX_LISTED]) + more


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder by name, hidden ones left out; none if it does not exist."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir()
                  if path.is_dir() and not path.name.startswith('.'))


def existing_file(path: Path, use: str) -> Path:
    """
    Insist on a file that a listed pair needs.

    :param path: the file.
    :param use: what it is, for the error.
    :raises ConfigError: if it does not exist.
    """
    if not path.is_file():
        raise ConfigError(f'{path}: there is no such file, but it is {use}; is the dataset '
                          'unpacked completely?')
    return path
