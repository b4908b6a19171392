"""Bags are read in every format and compression; what is missing is said."""
from contextlib import closing
import sqlite3
import struct
import sys

import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
import bags
import numpy as np
from rosbags.rosbag2 import Writer

from panmatch_ros.core.errors import FormatError, MissingDependencyError
from panmatch_ros.data.bags.bag import Bag
from panmatch_ros.data.bags.mcap import CHANNEL, DATA_END, MAGIC, MESSAGE, SCHEMA
from panmatch_ros.data.bags.types import decode, typestore

FORMATS = [('mcap', None), ('mcap', 'storage'), ('mcap', 'message'), ('mcap', 'file'),
           ('sqlite3', None), ('sqlite3', 'message'), ('sqlite3', 'file')]


@pytest.mark.parametrize(('storage', 'compression'), FORMATS)
def test_every_format_gives_the_same_messages(tmp_path, storage, compression):
    path = bags.stereo_bag(tmp_path / 'bag', 3, storage=storage, compression=compression)
    with Bag(path) as bag:
        assert {topic.name: topic.count for topic in bag.topics.values()} == {
            bags.LEFT: 3, bags.RIGHT: 3, bags.LEFT_INFO: 3, bags.RIGHT_INFO: 3}
        assert bag.topics[bags.LEFT].message_type == 'sensor_msgs/msg/Image'
        found = bags.images(bag)
        assert bag.problems == []
    assert [log_ns for log_ns, _ in found] == [
        bags.START_NS + 1_000_000 * (4 * index + 2) for index in range(3)]
    for index, (_, pixels) in enumerate(found):
        np.testing.assert_array_equal(pixels, bags.pair(shift=index)[0])


@pytest.mark.parametrize(('storage', 'suffix'), [('mcap', '.mcap'), ('sqlite3', '.db3')])
def test_a_single_file_is_a_bag_too(tmp_path, storage, suffix):
    path = bags.stereo_bag(tmp_path / 'bag', 2, storage=storage)
    with Bag(bags.the_file(path, suffix)) as bag:
        assert len(bags.images(bag)) == 2
        assert bag.problems == []


def test_mcap_of_other_recorders_without_profile_and_chunks(tmp_path):
    def record(operation, body):
        return struct.pack('<BQ', operation, len(body)) + body

    def text(value):
        return struct.pack('<I', len(value)) + value.encode()

    message = bags.pair_messages(0)[2][1]
    data = bytes(typestore().serialize_cdr(message, message.__msgtype__))
    records = [record(1, text('') + text('somebody')),
               record(SCHEMA, struct.pack('<H', 1) + text(message.__msgtype__) + text('ros2msg')
                      + text('')),
               record(CHANNEL, struct.pack('<HH', 7, 1) + text(bags.LEFT) + text('cdr')
                      + struct.pack('<I', 0))]
    records += [record(MESSAGE, struct.pack('<HIQQ', 7, 0, stamp, stamp) + data)
                for stamp in (bags.START_NS, bags.START_NS + 1)]
    path = tmp_path / 'other.mcap'
    path.write_bytes(MAGIC + b''.join(records) + record(DATA_END, bytes(4)))
    with Bag(path) as bag:
        assert [log_ns for log_ns, _ in bags.images(bag)] == [bags.START_NS, bags.START_NS + 1]
        assert bag.problems == []


def test_sqlite_of_humble_without_message_definitions(tmp_path):
    path = tmp_path / 'old.db3'
    message = bags.pair_messages(0)[2][1]
    data = bytes(typestore().serialize_cdr(message, message.__msgtype__))
    with closing(sqlite3.connect(path)) as database:
        database.executescript("""
            CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL);
            INSERT INTO schema VALUES (3, 'humble');
            CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,
                serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL);
            CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL,
                timestamp INTEGER NOT NULL, data BLOB NOT NULL);
            CREATE INDEX timestamp_idx ON messages (timestamp ASC);""")
        database.execute("INSERT INTO topics VALUES (1, ?, ?, 'cdr', '')",
                         (bags.LEFT, message.__msgtype__))
        database.executemany('INSERT INTO messages VALUES (?, 1, ?, ?)',
                             [(1, bags.START_NS + 5, data), (2, bags.START_NS, data)])
        database.commit()
    with Bag(path) as bag:
        assert [log_ns for log_ns, _ in bags.images(bag)] == [bags.START_NS, bags.START_NS + 5]


def test_without_metadata_the_files_are_read_and_it_is_said(tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    (path / 'metadata.yaml').unlink()
    with Bag(path) as bag:
        assert len(bags.images(bag)) == 2
        assert bag.problems == ['bag has no metadata.yaml: the recorder was not ended properly']


@pytest.mark.parametrize('text', ['no: [yaml', 'other: 1', ''])
def test_broken_metadata_is_said(tmp_path, text):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    (path / 'metadata.yaml').write_text(text)
    with Bag(path) as bag:
        assert len(bags.images(bag)) == 2
        assert bag.problems[0].startswith('metadata.yaml of bag cannot be read (')


def test_split_bag_in_the_order_of_numbers_with_one_file_missing(tmp_path):
    folder = tmp_path / 'split'
    folder.mkdir()
    for number in (0, 2, 10):
        path = bags.write_bag(tmp_path / f'part{number}', bags.pair_messages(number))
        bags.the_file(path, '.mcap').rename(folder / f'split_{number}.mcap')
    with Bag(folder) as bag:
        stamps = [decode(record.data, record.message_type, '').header.stamp.nanosec
                  for record in bag.messages([bags.LEFT])]
        assert stamps == [0, 200_000_000, 0]  # 10 is one second later
        assert bag.topics[bags.LEFT].count == 3
    (folder / 'metadata.yaml').write_text(
        'rosbag2_bagfile_information:\n  relative_file_paths:\n'
        '    - split_0.mcap\n    - split_1.mcap\n    - split_2.mcap\n')
    with Bag(folder) as bag:
        assert bag.topics[bags.LEFT].count == 2
        assert bag.problems == ['of split these files are missing: split_1.mcap']


def test_one_unreadable_file_of_several_is_left_out(tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    (path / 'metadata.yaml').unlink()
    (path / 'bag_7.mcap').write_bytes(b'nothing of use')
    with Bag(path) as bag:
        assert len(bags.images(bag)) == 2
        assert any('bag_7.mcap: no MCAP file' in problem for problem in bag.problems)


def test_unknown_types_are_named_and_do_no_harm(tmp_path):
    path = tmp_path / 'bag'
    with bags.open_writer(path) as write:
        for topic, message in bags.pair_messages(0):
            write(topic, message, bags.START_NS)
        connection = write.raw.add_connection('/foo', 'robot_msgs/msg/Foo', msgdef='int32 a\n',
                                              rihs01='RIHS01_00')
        write.raw.write(connection, bags.START_NS, b'\x00\x01\x00\x00\x01\x00\x00\x00')
    with Bag(path) as bag:
        assert [(topic.name, topic.message_type) for topic in bag.unknown] == [
            ('/foo', 'robot_msgs/msg/Foo')]
        assert len(bags.images(bag)) == 1
        with pytest.raises(FormatError, match='the message type robot_msgs/msg/Foo is not known'):
            decode(b'\x00\x01\x00\x00', 'robot_msgs/msg/Foo', '/foo')


@pytest.mark.parametrize(('name', 'data', 'text'), [
    ('missing', None, 'there is no such bag'),
    ('old.bag', b'#ROSBAG V2.0', 'a bag of ROS 1; `rosbags-convert`'),
    ('notes.txt', b'hello', 'expected a bag of ROS 2'),
    ('junk.mcap', b'hello', 'no MCAP file'),
    ('junk.db3', b'hello' * 1000, 'no bag of SQLite'),
    ('empty.mcap', MAGIC, 'no message can be read'),
])
def test_what_is_no_bag(tmp_path, name, data, text):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(FormatError, match=text):
        Bag(path)


def test_empty_folder(tmp_path):
    with pytest.raises(FormatError, match='found none of them'):
        Bag(tmp_path)


def test_a_folder_of_bags_names_them(tmp_path):
    for name in ('second', 'first'):
        bags.stereo_bag(tmp_path / name, 1)
    with pytest.raises(FormatError, match='it holds the bags first, second: name one of them'):
        Bag(tmp_path)


def test_bytes_of_another_type_are_an_error(tmp_path):
    message = bags.pair_messages(0)[0][1]
    data = bytes(typestore().serialize_cdr(message, message.__msgtype__))
    with pytest.raises(FormatError, match='/a: .* bytes are no sensor_msgs/msg/PointCloud2'):
        decode(data, 'sensor_msgs/msg/PointCloud2', '/a')


def test_first_messages_of_topics(tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    with Bag(path) as bag:
        found = bag.first([bags.LEFT, '/nothing', bags.RIGHT_INFO])
        assert {name: record.log_ns for name, record in found.items()} == {
            bags.LEFT: bags.START_NS + 2_000_000, bags.RIGHT_INFO: bags.START_NS + 1_000_000}


def test_without_the_library_it_is_said_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'rosbags.rosbag2', None)
    with pytest.raises(MissingDependencyError, match='pip install rosbags'):
        Bag(tmp_path)


def test_empty_bag_has_no_messages(tmp_path):
    with Writer(tmp_path / 'bag', version=9) as writer:
        writer.add_connection('/a', 'sensor_msgs/msg/Image', typestore=typestore())
    with Bag(tmp_path / 'bag') as bag:
        assert bag.topics['/a'].count == 0
        assert list(bag.messages(['/a'])) == []
