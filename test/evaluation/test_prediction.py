"""Files of predictions: exact, whole or not there, and never believed when damaged."""
import os
import zipfile

import numpy as np
import pytest

from panmatch_ros.core.errors import FormatError
from panmatch_ros.evaluation.prediction import (
    CONFIDENCE_LEVELS,
    Prediction,
    key_digest,
    read_prediction,
    write_prediction,
)


def prediction(shape=(5, 7)):
    random = np.random.default_rng(1)
    values = random.normal(size=shape).astype(np.float32)
    values[0, 0] = np.nan
    values[1, 1] = np.float32(1e-38)
    return Prediction(values, random.random(shape[:2]).astype(np.float32), 12.5, (9, 4))


@pytest.mark.parametrize('shape', [(5, 7), (5, 7, 2)])
def test_values_are_bit_exact(tmp_path, shape):
    path, written = tmp_path / 'a' / 'b.npz', prediction(shape)
    write_prediction(path, written, 'key')
    read = read_prediction(path, 'key')
    assert read.values.dtype == np.float32
    assert read.values.tobytes() == written.values.tobytes()
    assert (read.milliseconds, read.size, read.size1) == (12.5, (5, 7), (9, 4))
    assert np.abs(read.confidence - written.confidence).max() <= 0.51 / CONFIDENCE_LEVELS
    assert [path.name for path in path.parent.iterdir()] == ['b.npz']


def test_ends_of_the_confidence_stay(tmp_path):
    ends = Prediction(np.zeros((1, 2), np.float32), np.float32([[0, 1]]), 1.0, (1, 2))
    write_prediction(tmp_path / 'a.npz', ends, '')
    assert read_prediction(tmp_path / 'a.npz').confidence.tolist() == [[0.0, 1.0]]


def test_other_key_or_no_file_is_no_prediction(tmp_path):
    path = tmp_path / 'a.npz'
    assert read_prediction(path, 'key') is None
    write_prediction(path, prediction(), 'key')
    assert read_prediction(path, 'other') is None
    assert read_prediction(path) is not None


def test_every_damaged_byte_is_found(tmp_path):
    path = tmp_path / 'a.npz'
    write_prediction(path, prediction((20, 30)), 'key')
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo('values.npy').header_offset + 200  # among the values
    for position in (start, start + 500):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1:])
        with pytest.raises(FormatError, match=r'a\.npz: the prediction is damaged'):
            read_prediction(path, 'key')
    for length in (0, 10, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(FormatError, match='the prediction is damaged'):
            read_prediction(path, 'key')


@pytest.mark.parametrize('data', [b'garbage', b'\x93NUMPY', b''])
def test_what_is_no_archive_is_not_taken_for_a_pickle(tmp_path, data):
    path = tmp_path / 'a.npz'
    path.write_bytes(data)
    with pytest.raises(FormatError, match='is damaged: it is no .npz file, or its end is missing'):
        read_prediction(path)


def test_other_archives_are_refused(tmp_path):
    path = tmp_path / 'a.npz'
    np.savez(path, values=np.zeros((2, 2)))
    with pytest.raises(FormatError, match='it holds values'):
        read_prediction(path)
    about = np.frombuffer(b'{"digest": "x", "milliseconds": 1, "size1": [2, 2]}', np.uint8)
    np.savez(path, values=np.zeros((2, 2)), confidence=np.zeros((2, 2), np.uint16), about=about)
    with pytest.raises(FormatError, match=r'expected float32 .* found float64 \(2, 2\)'):
        read_prediction(path)
    np.savez(path, values=np.zeros((2, 2), np.float32), confidence=np.zeros((2, 3), np.uint16),
             about=about)
    with pytest.raises(FormatError, match=r'uint16 \(2, 3\)'):
        read_prediction(path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'a.npz'
    write_prediction(path, prediction(), 'old')

    def fail(*_):
        raise OSError('disk full')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        write_prediction(path, prediction(), 'new')
    assert read_prediction(path, 'old') is not None
    assert [each.name for each in tmp_path.iterdir()] == ['a.npz']


def test_key_depends_on_values_not_on_their_order():
    assert key_digest({'a': 1, 'b': [2]}) == key_digest({'b': [2], 'a': 1})
    assert key_digest({'a': 1}) != key_digest({'a': 2})
