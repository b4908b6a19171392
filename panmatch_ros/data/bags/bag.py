"""
Bags of ROS 2 without ROS: folders and single files, SQLite and MCAP, compressed or not.

Files are read by the library rosbags. What it refuses because the end is missing is read record by
record, so that a recording that was cut short is not lost.
"""
from collections.abc import Collection, Iterator
from pathlib import Path
import re
import tempfile
from typing import Protocol

from ...core.errors import FormatError
from .library import LibraryFile
from .mcap import McapRemains
from .records import Record, Topic
from .sqlite import SqliteRemains
from .types import require_rosbags, typestore, zstandard

METADATA = 'metadata.yaml'
MAX_METADATA_BYTES = 1 << 24
ZSTD_SUFFIX, ZSTD_MAGIC = '.zstd', b'\x28\xb5\x2f\xfd'
REMAINS: dict[str, type[McapRemains] | type[SqliteRemains]] = {
    '.mcap': McapRemains, '.db3': SqliteRemains}
COPY_BYTES = 1 << 20
MOST_NAMES = 5  # bags that an error lists


class BagFile(Protocol):
    """One file of a bag."""

    topics: dict[str, tuple[str, int]]  # type and number of messages
    problem: str                        # why reading ended early; empty if it did not

    def records(self, topics: Collection[str] | None) -> Iterator[Record]:
        """Read the messages of some topics, or of all."""


class Bag:
    """
    A recording; opened with ``with``.

    :param path: folder of a bag, or one file of it (.mcap, .db3, each also with .zstd).
    :raises MissingDependencyError: if rosbags is not installed.
    :raises FormatError: if there is no bag, or nothing of it can be read.
    """

    def __init__(self, path: str | Path) -> None:
        require_rosbags()
        self.path = Path(path)
        self.problems: list[str] = []  # what was lost, for the user
        self._temporary = tempfile.TemporaryDirectory(prefix='panmatch_bag_')
        try:
            self._files = self._open()
        except BaseException:
            self.close()
            raise
        self.topics = self._all_topics()

    def __enter__(self) -> 'Bag':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was decompressed."""
        self._temporary.cleanup()

    @property
    def unknown(self) -> list[Topic]:
        """Topics whose message type nobody here knows."""
        known = typestore().types
        return [topic for topic in self.topics.values() if topic.message_type not in known]

    def messages(self, topics: Collection[str]) -> Iterator[Record]:
        """
        Read messages in the order of their time; of several files one after the other.

        What cannot be read ends a file early and is added to ``problems``.

        :param topics: their names.
        """
        for file in self._files:
            for record in file.records(topics):
                if record.data[:4] != ZSTD_MAGIC:  # CDR begins with a zero
                    yield record
                elif (decompressed := self._decompressed(record)) is not None:
                    yield decompressed
            self._note(file.problem)

    def first(self, topics: Collection[str]) -> dict[str, Record]:
        """
        Give the first message of each topic; those without any are left out.

        :param topics: their names.
        """
        missing = {name for name in topics if name in self.topics and self.topics[name].count}
        found: dict[str, Record] = {}
        for record in self.messages(missing) if missing else ():
            if record.topic in missing:
                found[record.topic] = record
                missing.discard(record.topic)
                if not missing:
                    break
        return found

    def _decompressed(self, record: Record) -> Record | None:
        try:
            return record._replace(data=zstandard().decompress(record.data))
        except Exception as error:  # the library's own
            self._note(f'{record.topic}: a message cannot be decompressed ({error})')
            return None

    def _note(self, problem: str) -> None:
        if problem and problem not in self.problems:
            self.problems.append(problem)

    def _all_topics(self) -> dict[str, Topic]:
        topics: dict[str, Topic] = {}
        for file in self._files:
            for name, (message_type, count) in file.topics.items():
                before = topics[name].count if name in topics else 0
                topics[name] = Topic(name, message_type, before + count)
        return dict(sorted(topics.items()))

    def _open(self) -> list[BagFile]:
        if not self.path.exists():
            raise FormatError(f'{self.path}: there is no such bag')
        paths = self._paths() if self.path.is_dir() else [self.path]
        if not paths:
            raise FormatError(f'{self.path}: expected a bag of ROS 2, a folder with .mcap or .db3 '
                              f'files; {self._found_instead()}')
        files = []
        for path in paths:
            try:
                files.append(self._open_file(path))
            except FormatError as error:
                if len(paths) == 1:
                    raise
                self._note(str(error))
        if not files:
            raise FormatError(f'{self.path}: nothing of the bag can be read: '
                              f'{"; ".join(self.problems)}')
        return files

    def _open_file(self, path: Path) -> BagFile:
        name = path.name
        if path.suffix == ZSTD_SUFFIX:
            path = self._decompress_file(path)
        if path.suffix == '.bag':
            raise FormatError(f'{path}: a bag of ROS 1; `rosbags-convert` makes one of ROS 2')
        if path.suffix not in REMAINS:
            raise FormatError(f'{path}: expected a bag of ROS 2, a folder or a file .mcap or .db3')
        try:
            return LibraryFile(path)
        except Exception as error:  # of the library, SQLite or a decompressor
            reason = ' '.join(str(error).split())
        remains: BagFile = REMAINS[path.suffix](path)
        if not any(count for _, count in remains.topics.values()):
            raise FormatError(f'{name}: no message can be read ({reason})')
        self._note(remains.problem)
        return remains

    def _decompress_file(self, path: Path) -> Path:
        target = Path(self._temporary.name) / path.stem
        with path.open('rb') as packed, target.open('wb') as sink:
            try:
                with zstandard().open(packed, 'rb') as source:
                    while part := source.read(COPY_BYTES):
                        sink.write(part)
            except Exception as error:  # the library's own, or the end came too early
                self._note(f'{path.name} is cut or damaged ({error})')
        return target

    def _found_instead(self) -> str:
        """Say what a folder holds that is no bag: perhaps several of them."""
        bags = sorted(path.parent.name for path in self.path.glob(f'*/{METADATA}'))
        more = ', ...' if bags[MOST_NAMES:] else ''
        return (f'it holds the bags {", ".join(bags[:MOST_NAMES])}{more}: name one of them'
                if bags else 'found none of them')

    def _paths(self) -> list[Path]:
        """List the files of a folder, in the order of the recording."""
        found = sorted((path for path in self.path.iterdir() if path.is_file()
                        and path.name.removesuffix(ZSTD_SUFFIX).endswith(tuple(REMAINS))),
                       key=_numbers_first)
        if not (self.path / METADATA).is_file():
            if found:
                self._note(f'{self.path.name} has no {METADATA}: the recorder was not ended '
                           'properly')
            return found
        named = self._named()
        missing = [name for name in named if not (self.path / name).is_file()]
        if missing:
            self._note(f'of {self.path.name} these files are missing: {", ".join(missing)}')
        return [self.path / name for name in named if name not in missing] or found

    def _named(self) -> list[str]:
        """Names of the files as the metadata lists them."""
        import yaml
        try:
            with (self.path / METADATA).open('rb') as file:
                fields = yaml.safe_load(file.read(MAX_METADATA_BYTES))
            return [Path(name).name
                    for name in fields['rosbag2_bagfile_information']['relative_file_paths']]
        except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            reason = ' '.join(str(error).split())[:100]
            self._note(f'{METADATA} of {self.path.name} cannot be read ({reason})')
            return []


def _numbers_first(path: Path) -> list[tuple[int, str]]:
    """Sort key: bag_2 before bag_10."""
    parts = re.split(r'(\d+)', path.name)
    return [(int(part), '') if part.isdigit() else (-1, part) for part in parts]
