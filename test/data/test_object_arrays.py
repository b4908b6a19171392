"""Arrays of objects are read without running what their pickles name."""
import io
import os
import pickle
import struct

import numpy as np
from pickles import Runs, npy_header, npy_of, objects
import pytest

from panmatch_ros.core.errors import FormatError
from panmatch_ros.data.object_arrays import read_objects

MATRIX = np.arange(6.0).reshape(2, 3)


def read(data):
    return read_objects(io.BytesIO(data), 'a.npz (x.npy)')


@pytest.mark.parametrize('protocol', range(5))
def test_what_scene_files_hold(protocol):
    array = objects(((3, 4), np.float64(0.25), MATRIX), ((5, 6), 0.5, MATRIX.astype('>f4')), None)
    first, second, third = read(npy_of(array, protocol))
    assert first[:2] == [[3, 4], 0.25]
    np.testing.assert_array_equal(first[2], MATRIX)
    assert first[2].dtype == np.float64
    np.testing.assert_array_equal(second[2], MATRIX)
    assert third is None


@pytest.mark.parametrize('value', [
    np.asfortranarray(MATRIX), MATRIX.astype(np.float16), np.array([True, False]),
    np.arange(4, dtype=np.uint16), np.zeros((0, 4)), np.array(7)])
def test_arrays_of_numbers(value):
    read_value, = read(npy_of(objects(value)))
    np.testing.assert_array_equal(read_value, value)
    assert read_value.dtype == value.dtype


@pytest.mark.parametrize('value', ['a/b.jpg', 'ü', 3, 2.5, True, None, b'bytes', 1 << 70])
def test_plain_values(value):
    assert read(npy_of(objects(value))) == [value]


def test_scalars_of_numpy():
    array = objects(np.str_('a/b.jpg'), np.int32(-3), np.bool_(True), np.float32(0.5))
    assert read(npy_of(array)) == ['a/b.jpg', -3, True, 0.5]


def test_two_dimensions_become_rows():
    array = np.empty((2, 2), object)
    array[:] = [[(1, 2), 0.5], [(3, 4), 0.75]]
    assert read(npy_of(array)) == [[[1, 2], 0.5], [[3, 4], 0.75]]


def test_numbers_need_no_pickle():
    stream = io.BytesIO()
    np.save(stream, MATRIX)
    np.testing.assert_array_equal(read(stream.getvalue()), MATRIX)


def test_references_to_one_object():
    array = objects(MATRIX, MATRIX)
    first, second = read(npy_of(array))
    np.testing.assert_array_equal(first, second)


# What would run, or ask for memory.

@pytest.mark.parametrize('protocol', range(5))
@pytest.mark.parametrize('wrap', [
    objects, lambda evil: objects(((1, 2), 0.5, evil)), lambda evil: objects([evil])])
def test_nothing_is_run(tmp_path, protocol, wrap):
    marker = tmp_path / 'run'
    data = npy_of(wrap(Runs(os.mkdir, str(marker))), protocol)
    with pytest.raises(FormatError, match=r'a\.npz \(x\.npy\): expected objects of numbers, text '
                       r'and arrays; this pickle is refused and nothing in it was run: it names '
                       r'posix\.mkdir'):
        read(data)
    assert not marker.exists()
    pickle.loads(data[len(npy_header((1,))):])  # the pickle does what this test is about
    assert marker.exists()


def test_names_of_numpy_that_are_not_needed():
    with pytest.raises(FormatError, match='it names numpy.*fromfile'):
        read(npy_of(objects(Runs(np.fromfile, '/etc/hostname'))))


RECONSTRUCT = b'cnumpy.core.multiarray\n_reconstruct\n'


@pytest.mark.parametrize(('body', 'found'), [
    # BUILD on a name would set attributes of what stands for it.
    (RECONSTRUCT + b'}b.', 'it does EMPTY_DICT'),
    (RECONSTRUCT + b'(Nt' + b'b.', 'a name has no state'),
    (RECONSTRUCT + b')\x81.', 'it does NEWOBJ'),
    (b'\x82\x01.', 'it does EXT1'),
    (b'Pid\n.', 'it does PERSID'),
    (b'Nr\xff\xff\xff\x7f.', 'it keeps an object at 2147483647'),
    (b'\x8e' + struct.pack('<Q', 1 << 60) + b'.', 'expected'),
    (b'X\xff\xff\xff\x7fabc.', 'expected 2147483647 bytes'),
    (b'h\x05.', 'Memo value not found at index 5'),
    (b'N', 'exhausted before seeing STOP'),
    (b'', 'exhausted before seeing STOP'),
    (b'\xff', 'opcode'),
    (b'0.', 'it does POP'),
    (RECONSTRUCT + b'N\x85R', 'exhausted before seeing STOP'),
    (b'K\x01)R.', 'not callable'),
])
def test_hand_made_pickles_are_refused(body, found):
    with pytest.raises(FormatError, match=rf'this pickle is refused and nothing in it was run: '
                       rf'.*{found}'):
        read(npy_header((1,)) + b'\x80\x02' + body)


def test_a_tree_of_references_is_cut():
    value = ['x']
    for _ in range(5):
        value = [value] * 40
    with pytest.raises(FormatError, match='expected at most 4194304 objects'):
        read(npy_of(objects(value)))


def test_deep_nesting_is_refused():
    value = 1
    for _ in range(10):
        value = [value]
    with pytest.raises(FormatError, match='nested at most 6 times'):
        read(npy_of(objects(value)))


class Array:
    """A pickle of an array with a state of choice."""

    def __init__(self, shape, dtype, data):
        self.state = 1, shape, dtype, False, data

    def __reduce__(self):
        return np.empty(0).__reduce__()[0], (np.ndarray, (0,), b'b'), self.state


@pytest.mark.parametrize(('array', 'found'), [
    (Array((3,), np.dtype('<f8'), b'12345678'), r'8 bytes for float64 \(3,\)'),
    (Array((-1,), np.dtype('<f8'), b''), r'an array of the shape \(-1,\)'),
    (Array((1 << 40,), np.dtype('<f8'), b''), r'an array of the shape \(1099511627776,\)'),
    (Array(('a',), np.dtype('<f8'), b''), r"an array of the shape \('a',\)"),
    (Array((1,), np.dtype('V8'), b'12345678'), 'an array of an unknown type'),
    (Array((1,), np.dtype('c16'), b'0' * 16), 'an array of an unknown type'),
    (Array((1,), 'f8', b'12345678'), 'an array of an unknown type'),
    (Array((1,), np.dtype('U1'), b'abcd'), 'an array of text that is no array of objects'),
    (Array((2,), np.dtype(object), [1]), 'an array of objects whose size is not that of its'),
    (Array((1,), np.dtype('<f8'), 5), 'an array without bytes'),
])
def test_arrays_that_lie(array, found):
    with pytest.raises(FormatError, match=f'found {found}'):
        read(npy_of(objects(array)))


@pytest.mark.parametrize(('data', 'message'), [
    (b'', 'expected an array in numpy format, found no valid header'),
    (npy_header((2,)) + pickle.dumps(objects(1), 2), r'expected an array of the shape \(2,\), as'),
    (npy_header((1,)) + pickle.dumps([1], 2), None),
    (npy_header((1,)) + pickle.dumps('text', 2), r'expected an array of the shape \(1,\)'),
    (npy_header((1,), [('a', '|O')]) + b'N.', 'expected an array of objects or numbers, found'),
])
def test_headers(data, message):
    if message is None:
        assert read(data) == [1]  # a list is as good as an array
        return
    with pytest.raises(FormatError, match=message):
        read(data)


def test_text_that_is_no_text():
    scalar = np.str_('a')
    data = npy_of(objects(scalar), 2)
    assert read(data) == ['a']
    broken = data.replace(b'a\0\0\0', b'\xff\xff\xff\xff') if b'a\0\0\0' in data else data
    assert broken != data
    with pytest.raises(FormatError, match=r'text with characters that do not exist|refused'):
        read(broken)


@pytest.mark.filterwarnings('ignore:invalid escape:DeprecationWarning')  # of pickletools
def test_damaged_files_have_no_other_error():
    data = npy_of(objects(((0, 2), np.float64(0.25), MATRIX), ('a/b.jpg', None, MATRIX)), 3)
    start, rng = len(npy_header((2,))), np.random.default_rng(0)
    refused = 0
    for _ in range(2000):
        damaged = bytearray(data)
        for place in rng.integers(start, len(data), rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        try:
            read(bytes(damaged))
        except FormatError:
            refused += 1
    assert refused > 1000


def test_too_long(monkeypatch):
    monkeypatch.setattr('panmatch_ros.data.object_arrays.MAX_BYTES', 100)
    with pytest.raises(FormatError, match='expected at most 100 bytes'):
        read(npy_of(objects(MATRIX)))
