"""Files of reference arrays: read, and refused when they are not what they should be."""
import io
import json
import zipfile

import numpy as np
import pytest

from panmatch_ros.core.errors import FormatError
from panmatch_ros.inference.parity.vectors import load_vectors, strided


def write(path, meta='{}', **arrays):
    np.savez_compressed(path, meta_json=np.array(meta), **arrays)
    return path


def write_entries(path, **entries):
    with zipfile.ZipFile(path, 'w') as archive:
        for name, data in entries.items():
            archive.writestr(f'{name}.npy', data)
    return path


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_arrays_and_meta(tmp_path):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    given = {'whole': values, 'turned': np.asfortranarray(values), 'number': np.float64(2.5),
             'empty': np.zeros((0, 3)), 'image': np.zeros((2, 2, 3), np.uint8)}
    path = write(tmp_path / 'a.npz', json.dumps({'salt': 'x'}), **given)
    arrays, meta = load_vectors(path)
    assert meta == {'salt': 'x'}
    assert set(arrays) == set(given)
    for name, array in given.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


@pytest.mark.parametrize(('meta', 'text'), [
    ('not json', 'no JSON'), ('[1]', 'JSON object'), ('[' * 100_000, 'no JSON')])
def test_meta_that_is_no_json_object(tmp_path, meta, text):
    with pytest.raises(FormatError, match=text):
        load_vectors(write(tmp_path / 'a.npz', meta, a=np.zeros(3)))


def test_a_file_without_meta(tmp_path):
    np.savez(tmp_path / 'a.npz', a=np.zeros(3))
    with pytest.raises(FormatError, match='expected a text meta_json'):
        load_vectors(tmp_path / 'a.npz')
    np.savez(tmp_path / 'b.npz', meta_json=np.zeros(3))
    with pytest.raises(FormatError, match='expected a text meta_json'):
        load_vectors(tmp_path / 'b.npz')


@pytest.mark.parametrize('data', [b'', b'PK\x03\x04 cut', b'hello' * 100])
def test_what_is_no_archive(tmp_path, data):
    (tmp_path / 'a.npz').write_bytes(data)
    with pytest.raises(FormatError, match='a.npz'):
        load_vectors(tmp_path / 'a.npz')


def test_a_missing_file(tmp_path):
    with pytest.raises(FormatError, match='cannot be read'):
        load_vectors(tmp_path / 'none.npz')
    with pytest.raises(FormatError, match='cannot be read'):
        load_vectors(tmp_path)


def test_pickles_are_never_loaded(tmp_path):
    np.savez(tmp_path / 'a.npz', meta_json=np.array('{}'), a=np.array([{}], object))
    with pytest.raises(FormatError, match='expected numbers'):
        load_vectors(tmp_path / 'a.npz')


def test_a_header_that_claims_more_than_there_is(tmp_path):
    header = npy(np.zeros(4)).replace(b'(4,), }          ', b'(4000000000000,),}')
    assert b'4000000000000' in header
    path = write_entries(tmp_path / 'a.npz', a=header, meta_json=npy(np.array('{}')))
    with pytest.raises(FormatError, match='claims'):
        load_vectors(path)


@pytest.mark.parametrize('data', [b'', b'junk', b'\x93NUMPY\x09\x00', npy(np.zeros(9))[:-3]])
def test_damaged_entries(tmp_path, data):
    path = write_entries(tmp_path / 'a.npz', a=data, meta_json=npy(np.array('{}')))
    with pytest.raises(FormatError, match=r'a\.npy'):
        load_vectors(path)


def test_a_changed_byte_is_seen(tmp_path):
    path = write(tmp_path / 'a.npz', a=np.random.default_rng(0).random(500))
    data = bytearray(path.read_bytes())
    data[2500] ^= 0xff
    path.write_bytes(bytes(data))
    with pytest.raises(FormatError):
        load_vectors(path)


def test_texts_besides_the_meta_are_refused(tmp_path):
    with pytest.raises(FormatError, match="'a' of type"):
        load_vectors(write(tmp_path / 'a.npz', a=np.array('text')))


@pytest.mark.parametrize('suffix', ['', ' over dims, start 0'])
def test_strides(suffix):
    array = np.arange(60).reshape(3, 4, 5)
    meta = {'slices': {'a': 'strides [1, 2,3]' + suffix}}
    np.testing.assert_array_equal(strided(array, meta, 'a'), array[:, ::2, ::3])
    assert strided(array, meta, 'b') is array
    assert strided(array, {}, 'a') is array


@pytest.mark.parametrize('entry', ['strides []', 'strides [0]', 'strides [1,1,1,1]', 'rows 3', 5,
                                   ['strides [1]'], 'strides [-1]', 'strides [1] start 4'])
def test_strides_of_another_form_are_refused(entry):
    with pytest.raises(FormatError, match='the slice of a must be'):
        strided(np.zeros((2, 2, 2)), {'slices': {'a': entry}}, 'a')
    with pytest.raises(FormatError, match='slices of the meta data'):
        strided(np.zeros(2), {'slices': [entry]}, 'a')


@pytest.mark.parametrize('compression', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_numpy_never_writes_are_refused(tmp_path, compression):
    """Their damaged data raises errors of its own, which no reader of archives names."""
    pytest.importorskip('lzma', reason='this Python has no lzma')
    path = tmp_path / 'file.npz'
    with zipfile.ZipFile(path, 'w', compression) as archive:
        archive.writestr('a.npy', npy(np.arange(5000.0)))
    content = bytearray(path.read_bytes())
    content[60:90] = b'\xff' * 30
    path.write_bytes(content)
    with pytest.raises(FormatError, match='expected an entry as numpy writes it'):
        load_vectors(path)
