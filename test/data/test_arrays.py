import io
import zipfile

import numpy as np
import pytest

from panmatch_ros.core.errors import FormatError
from panmatch_ros.data.arrays import read_array, read_arrays


def saved(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def npy_header(text, length=118):
    return b'\x93NUMPY\x01\x00' + length.to_bytes(2, 'little') + text.encode().ljust(length)


def zipped(name, content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize('array', [
    np.arange(6, dtype=np.float32).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(4, dtype='>i2'), np.array([[True, False]]), np.array(3.0), np.empty((0, 5)),
    np.arange(3, dtype=np.float16),
])
def test_round_trip(tmp_path, array):
    np.save(tmp_path / 'a.npy', array)
    np.savez(tmp_path / 'a.npz', first=array, second=np.zeros(2))
    for name in ('a.npy', 'a.npz'):
        read = read_array(tmp_path / name)
        assert read.dtype == array.dtype
        assert np.array_equal(read, array)


@pytest.mark.parametrize(('content', 'message'), [
    (b'', 'the file is empty'),
    (b'hello', 'found no valid header'),
    (b'\x93NUMPY', 'found no valid header'),
    (b'\x93NUMPY\x03\x00' + bytes(100), 'found no valid header'),
    (npy_header('{"descr": "<f4"}'), 'found no valid header'),
    (npy_header('[' * 118), 'found no valid header'),
    (saved(np.zeros((4, 5), np.float32))[:-1], 'incomplete: expected 80 bytes .* found 79'),
    (saved(np.array([{}, None]), allow_pickle=True), 'array of numbers, found object'),
    (saved(np.array(['text'])), 'array of numbers, found <U4'),
    (saved(np.zeros(3, 'f4,i4')), 'array of numbers'),
    (saved(np.zeros(3, complex)), 'array of numbers, found complex128'),
    # A header that claims 4 EiB: numpy.load would try to take the memory.
    (npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1073741824, 1073741824)}"),
     'claims a shape of'),
    (npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -5)}"),
     'claims a shape of'),
    (npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (20000, 20000)}"),
     'incomplete: expected 1600000000 bytes'),
    (b'PK\x03\x04 and nothing', 'the .npz file is damaged'),
    (zipped('readme.txt', b'text'), 'found none in its 1 entries'),
    (zipped('a.npy', b'text'), 'found no valid header'),
    (zipped('a.npy', saved(np.zeros(100))[:-8]), 'incomplete: expected 800'),
])
def test_bad_files(tmp_path, content, message):
    path = tmp_path / 'a.npy'
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        read_array(path)
    assert str(path) in str(caught.value)


def test_damaged_compressed_data(tmp_path):
    content = bytearray(zipped('a.npy', saved(np.random.default_rng(0).normal(size=100))))
    content[200:220] = bytes(20)
    path = tmp_path / 'a.npz'
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r'the \.npz file is damaged'):
        read_array(path)


def test_a_zip_directory_that_points_before_the_file(tmp_path):
    content = zipped('a.npy', saved(np.zeros(3)))
    path = tmp_path / 'a.npz'
    path.write_bytes(b'PK' + content[7:])
    with pytest.raises(FormatError, match=r'the \.npz file is damaged: negative seek'):
        read_array(path)


def test_a_bomb_is_read_no_further_than_its_header_says(tmp_path):
    path = tmp_path / 'a.npz'
    path.write_bytes(zipped('a.npy', saved(np.zeros(4)) + bytes(1 << 24)))
    assert path.stat().st_size < 1 << 16
    assert read_array(path).shape == (4,)


@pytest.mark.parametrize('compression', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_numpy_never_writes_are_refused(tmp_path, compression):
    """Their damaged data raises errors of its own, which no reader of archives names."""
    pytest.importorskip('lzma', reason='this Python has no lzma')
    path = tmp_path / 'file.npz'
    with zipfile.ZipFile(path, 'w', compression) as archive:
        archive.writestr('a.npy', saved(np.arange(5000.0)))
    content = bytearray(path.read_bytes())
    content[60:90] = b'\xff' * 30
    path.write_bytes(content)
    with pytest.raises(FormatError, match='expected an entry as numpy writes it'):
        read_array(path)


def test_all_arrays_of_an_archive(tmp_path):
    np.savez(tmp_path / 'a.npz', first=np.arange(3), second=np.eye(2))
    arrays = read_arrays(tmp_path / 'a.npz')
    assert list(arrays) == ['first', 'second']
    np.testing.assert_array_equal(arrays['first'], [0, 1, 2])
    np.testing.assert_array_equal(arrays['second'], [[1, 0], [0, 1]])


def test_archives_with_other_things(tmp_path):
    path = tmp_path / 'a.npz'
    np.savez(path, first=np.arange(3), second=np.array([{}], object))
    with pytest.raises(FormatError, match=r'a\.npz \(second\.npy\): expected an array of numbers'):
        read_arrays(path)
    path.write_bytes(b'no archive')
    with pytest.raises(FormatError, match=r'a\.npz: the \.npz file is damaged'):
        read_arrays(path)
