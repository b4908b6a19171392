"""Whole files of bags, read by the library rosbags."""
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from .records import Record


class LibraryFile:
    """
    The messages of a .mcap or .db3 file, by their time.

    :param path: the file.
    :raises Exception: of any kind, if the library cannot read it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problem = ''
        self.topics: dict[str, tuple[str, int]] = {}
        with self._reader() as reader:
            for connection in reader.connections:
                count = self.topics.get(connection.topic, ('', 0))[1]
                self.topics[connection.topic] = (connection.msgtype, count + connection.msgcount)

    def records(self, topics: Collection[str] | None) -> Iterator[Record]:
        """
        Read the messages, up to the first that cannot be read.

        :param topics: names; None for all.
        """
        self.problem, count = '', 0
        with self._reader() as reader:
            wanted = [each for each in reader.connections
                      if topics is None or each.topic in topics]
            if not wanted:  # no connections would mean all
                return
            try:
                for connection, log_ns, data in reader.messages(wanted):
                    count += 1
                    yield Record(connection.topic, connection.msgtype, log_ns, data)
            except GeneratorExit:
                raise
            except Exception as error:  # of the library, its decompressors or SQLite
                self.problem = (f'{self._path.name} is damaged after {count} messages of these '
                                f'topics ({error})')

    def _reader(self) -> Any:
        from rosbags.rosbag2 import Reader
        return Reader(self._path)
