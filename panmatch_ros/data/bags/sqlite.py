"""SQLite bags (.db3) that are damaged or cut: what is left of them, row by row."""
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
import sqlite3
from urllib.parse import quote

from ...core.errors import FormatError
from .records import Record


class SqliteRemains:
    """
    The messages of a .db3 file that has lost its end.

    :param path: the file.
    :raises FormatError: if not even its topics can be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.topics: dict[str, tuple[str, int]] = {}
        self._topics: dict[int, tuple[str, str]] = {}
        self.problem = ''
        try:
            with closing(self._open()) as database:
                rows = database.execute('SELECT id, name, type FROM topics').fetchall()
        except sqlite3.Error as error:
            raise FormatError(f'{path}: no bag of SQLite, or its beginning is damaged: {error}'
                              ) from None
        self._topics = {key: (name, message_type) for key, name, message_type in rows}
        self.topics = {name: (message_type, 0) for name, message_type in self._topics.values()}
        for record in self.records(None):
            count = self.topics[record.topic][1]
            self.topics[record.topic] = (record.message_type, count + 1)

    def records(self, topics: Collection[str] | None) -> Iterator[Record]:
        """
        Read the messages in the order in which they were written, up to the first damage.

        :param topics: names; None for all.
        """
        self.problem, count = '', 0
        with closing(self._open()) as database:
            try:
                # By the key of the table: its pages stand in the file as they were written, and
                # the index of the times may be among the lost ones.
                for key, log_ns, data in database.execute(
                        'SELECT topic_id, timestamp, data FROM messages ORDER BY id'):
                    count += 1
                    topic, message_type = self._topics.get(key, ('', ''))
                    if topic and isinstance(data, bytes) and (topics is None or topic in topics):
                        yield Record(topic, message_type, log_ns, data)
            except sqlite3.Error as error:
                self.problem = (f'{self._path.name} is cut or damaged after {count} messages '
                                f'({error})')

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(f'file:{quote(str(self._path))}?mode=ro&immutable=1', uri=True)
        # A file that is shorter than its first page says is refused as a whole otherwise.
        database.execute('PRAGMA writable_schema = ON')
        return database
