"""Bags that are cut or damaged: what is there is read, what is lost is said."""
import struct

import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
import bags
import lz4.frame
import numpy as np

from panmatch_ros.data.bags.bag import ZSTD_MAGIC, Bag
from panmatch_ros.data.bags.mcap import CHUNK, MAGIC

FRAMES = 12


@pytest.fixture
def big(tmp_path):
    """Make a bag of several chunks, or many pages, in a format."""
    def make(storage='mcap', compression=None, frames=FRAMES):
        size = (240, 320)
        noise = np.random.default_rng(0)
        messages = []
        for index in range(frames):
            pixels = tuple(noise.integers(0, 256, size, np.uint8) for _ in range(2))
            messages += bags.pair_messages(index, pixels)
            messages += bags.pair_messages(index + 1000, pixels)
        return bags.write_bag(tmp_path / 'big', messages, storage, compression)
    return make


@pytest.mark.parametrize('compression', [None, 'storage'])
def test_mcap_without_its_end_keeps_what_is_there(big, compression):
    path = big('mcap', compression)
    with Bag(path) as bag:
        whole = [record[:3] for record in bag.messages([bags.LEFT])]
    file = bags.the_file(path, '.mcap')
    bags.cut(file, 0.6)
    with Bag(path) as bag:
        found = [record[:3] for record in bag.messages([bags.LEFT])]
        assert 0.5 * len(whole) < len(found) < 0.65 * len(whole)
        assert found == whole[:len(found)]
        assert bag.topics[bags.LEFT].count == len(found)
        assert bag.problems == [f'{file.name} ends at byte {file.stat().st_size} without its '
                                'index, within a chunk']


def test_mcap_without_footer_only_loses_nothing(big):
    path = big('mcap')
    file = bags.the_file(path, '.mcap')
    file.write_bytes(file.read_bytes()[:-20])
    with Bag(path) as bag:
        assert len(list(bag.messages([bags.LEFT]))) == 2 * FRAMES
        assert bag.problems == []  # the end of the data is there


def test_cut_lz4_chunk(tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    file = bags.the_file(path, '.mcap')
    data = file.read_bytes()
    start = data.index(bytes([CHUNK]), len(MAGIC) + 9)
    length = struct.unpack_from('<Q', data, start + 1)[0]
    body = data[start + 9:start + 9 + length]
    records = body[28 + 4 + 8:]
    packed = lz4.frame.compress(records, block_size=lz4.frame.BLOCKSIZE_MAX64KB,
                                block_linked=False)
    inner = body[:28] + struct.pack('<I', 3) + b'lz4' + struct.pack('<Q', len(packed)) + packed
    whole = data[:start] + bytes([CHUNK]) + struct.pack('<Q', len(inner)) + inner
    file.write_bytes(whole)  # no end of data
    with Bag(file) as bag:
        assert len(bags.images(bag)) == 2
        assert bag.problems[0].endswith('without its index, between two records')


@pytest.mark.parametrize('keep', [0.4, 0.9])
def test_cut_sqlite_keeps_what_is_there(big, keep):
    path = big('sqlite3')
    with Bag(path) as bag:
        whole = [record[:3] for record in bag.messages([bags.LEFT])]
    file = bags.the_file(path, '.db3')
    bags.cut(file, keep)
    with Bag(path) as bag:
        found = [record[:3] for record in bag.messages([bags.LEFT])]
        assert (keep - 0.1) * len(whole) < len(found) < len(whole)
        assert found == whole[:len(found)]
        assert bag.problems[0].startswith(f'{file.name} is cut or damaged after ')


def test_cut_file_compression(big):
    path = big('sqlite3', 'file')
    file = bags.the_file(path, '.zstd')
    bags.cut(file, 0.7)
    with Bag(path) as bag:
        found = list(bag.messages([bags.LEFT]))
        assert FRAMES < len(found) < 2 * FRAMES
        assert bag.problems[0].startswith(f'{file.name} is cut or damaged (')


def test_damage_in_the_middle_ends_reading_and_is_said(big):
    path = big('mcap', 'storage')
    file = bags.the_file(path, '.mcap')
    data = file.read_bytes()
    middle = data.index(ZSTD_MAGIC, len(data) // 2)  # a chunk
    file.write_bytes(data[:middle] + bytes(4) + data[middle + 4:])
    with Bag(path) as bag:
        found = list(bag.messages([bags.LEFT]))
        assert 0 < len(found) < 2 * FRAMES
        assert len(bag.problems) == 1
        assert f'{file.name} is damaged after {len(found)} messages' in bag.problems[0]


def test_a_damaged_chunk_of_a_file_without_index_is_said(big):
    """A chunk that was there, but not whole when decompressed, lost messages without a word."""
    path = big('mcap', 'storage')
    file = bags.the_file(path, '.mcap')
    data = bytearray(file.read_bytes()[:-200])  # no footer, so it is read record by record
    start = data.rindex(ZSTD_MAGIC)  # of the last chunk
    data[start + 4:start + 68] = bytes([255]) * 64
    file.write_bytes(data)
    with Bag(path) as bag:
        found = sum(1 for _ in bag.messages([bags.LEFT]))
        assert 0 < found < 2 * FRAMES
        assert any('within a chunk' in problem for problem in bag.problems)
