"""Files of the Spring benchmark, .flo5 and .dsp5."""
import sys

import numpy as np
import pytest

from panmatch_ros.core.errors import FormatError, MissingDependencyError, ShapeError
from panmatch_ros.data.hdf5 import read_dsp5, read_flo5, write_dsp5, write_flo5

h5py = pytest.importorskip('h5py', reason='h5py is not installed: pip install h5py')
NAN = float('nan')
FLOW = np.array([[[1.5, -2], [NAN, 3]], [[4, 5], [6, 7.25]]], np.float32)


def write(path, **datasets):
    with h5py.File(path, 'w') as file:
        for name, options in datasets.items():
            file.create_dataset(name, **options)
    return path


def test_as_the_authors_write_it(tmp_path):
    path = write(tmp_path / 'a.flo5', flow={'data': FLOW, 'compression': 'gzip',
                                            'compression_opts': 5})
    flow = read_flo5(path)
    np.testing.assert_array_equal(flow, np.where(np.isnan(FLOW[..., :1]), NAN, FLOW))
    path = write(tmp_path / 'a.dsp5', disparity={'data': [[1, np.inf, 3.5]], 'dtype': np.float16})
    disparity = read_dsp5(path)
    np.testing.assert_array_equal(disparity, [[1, NAN, 3.5]])
    assert flow.dtype == disparity.dtype == np.float32


def test_as_the_authors_read_it(tmp_path):
    write_flo5(tmp_path / 'a.flo5', FLOW)
    write_dsp5(tmp_path / 'a.dsp5', FLOW[..., 0])
    with h5py.File(tmp_path / 'a.flo5') as file:
        assert list(file) == ['flow']
        assert (file['flow'].compression, file['flow'].dtype) == ('gzip', np.float32)
        np.testing.assert_array_equal(file['flow'][()], FLOW)
    with h5py.File(tmp_path / 'a.dsp5') as file:
        np.testing.assert_array_equal(file['disparity'][()], FLOW[..., 0])


@pytest.mark.parametrize(('datasets', 'message'), [
    ({'disparity': {'data': FLOW}}, "expected the data set 'flow', found disparity"),
    ({}, "expected the data set 'flow', found nothing"),
    ({'flow': {'data': np.ones((2, 2, 2), int)}}, "'flow' must be an array of floating point "
     'numbers, found int64'),
    ({'flow': {'data': FLOW[..., 0]}}, r'a flow map is \(H, W, 2\), found \(2, 2\)'),
    ({'flow': {'data': 1.5}}, r'a flow map is \(H, W, 2\), found \(\)'),
    ({'flow': {'shape': (1 << 20, 1 << 20, 2), 'dtype': 'f4', 'chunks': (64, 64, 2)}},
     r'the header claims a shape of \(1048576, 1048576, 2\)'),
    ({'flow': {'shape': (2, 2, 2), 'dtype': 'f2', 'chunks': (1 << 14, 1 << 15, 2),
               'maxshape': (None, None, 2)}}, 'the header claims a shape of'),
    ({'flow': {'shape': (2, 2, 2), 'dtype': np.dtype([('x', 'f4')])}},
     "'flow' must be an array of floating point numbers"),
])
def test_wrong_contents(tmp_path, datasets, message):
    with pytest.raises(FormatError, match=message):
        read_flo5(write(tmp_path / 'a.flo5', **datasets))


def test_a_disparity_has_two_dimensions(tmp_path):
    with pytest.raises(FormatError, match=r'a disparity map is \(H, W\), found \(2, 2, 2\)'):
        read_dsp5(write(tmp_path / 'a.dsp5', disparity={'data': FLOW}))


def test_links_are_not_followed(tmp_path):
    """A file must not show what lies in others."""
    secret = write(tmp_path / 'secret.h5', flow={'data': FLOW})
    path = tmp_path / 'a.flo5'
    for link in (h5py.ExternalLink(str(secret), '/flow'), h5py.SoftLink('/elsewhere')):
        with h5py.File(path, 'w') as file:
            file['flow'] = link
        with pytest.raises(FormatError, match="expected the data set 'flow', found flow"):
            read_flo5(path)
    raw = tmp_path / 'secret.bin'
    raw.write_bytes(bytes(64))
    with h5py.File(path, 'w') as file:
        file.create_dataset('flow', (2, 2, 2), 'f4', external=[(str(raw), 0, 32)])
    with pytest.raises(FormatError, match="'flow' must lie in the file, found a reference to"):
        read_flo5(path)
    layout = h5py.VirtualLayout((2, 2, 2), 'f4')
    layout[:] = h5py.VirtualSource(str(secret), 'flow', (2, 2, 2))
    with h5py.File(path, 'w') as file:
        file.create_virtual_dataset('flow', layout)
    with pytest.raises(FormatError, match="'flow' must lie in the file, found a reference to"):
        read_flo5(path)
    with h5py.File(path, 'w') as file:
        file.create_group('flow')
    with pytest.raises(FormatError, match="'flow' must be an array .*, found a group"):
        read_flo5(path)


@pytest.mark.parametrize(('content', 'message'), [
    (b'', 'the file is empty'),
    (b'PIEH', 'expected an HDF5 file, but it cannot be read'),
    (b'version https://git-lfs.github.com/spec/v1\n', 'Git LFS pointer'),
])
def test_other_files(tmp_path, content, message):
    path = tmp_path / 'a.flo5'
    path.write_bytes(content)
    with pytest.raises(FormatError, match=rf'a\.flo5: .*{message}'):
        read_flo5(path)


def test_cut_files(tmp_path):
    write_flo5(tmp_path / 'a.flo5', np.random.default_rng(0).random((64, 64, 2)))
    content = (tmp_path / 'a.flo5').read_bytes()
    for length in (len(content) // 2, len(content) - 100, 600):
        (tmp_path / 'a.flo5').write_bytes(content[:length])
        with pytest.raises(FormatError, match='expected an HDF5 file, but it cannot be read'):
            read_flo5(tmp_path / 'a.flo5')


def test_damaged_files_have_no_other_error(tmp_path):
    path, rng = tmp_path / 'a.flo5', np.random.default_rng(0)
    write_flo5(path, np.zeros((8, 8, 2)))
    content = path.read_bytes()
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 4):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_flo5(path)
        except FormatError:
            refused += 1
    assert refused > 60


def test_damaged_values(tmp_path):
    write_flo5(tmp_path / 'a.flo5', np.random.default_rng(0).random((64, 64, 2)))
    content = bytearray((tmp_path / 'a.flo5').read_bytes())
    content[-2000:-1000] = bytes(1000)
    (tmp_path / 'a.flo5').write_bytes(content)
    with pytest.raises(FormatError, match='expected an HDF5 file, but it cannot be read'):
        read_flo5(tmp_path / 'a.flo5')


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(ShapeError, match=r'flow must be \(H, W, 2\), got \(2, 2\)'):
        write_flo5(tmp_path / 'a.flo5', FLOW[..., 0])
    with pytest.raises(ShapeError, match=r'disparity must be \(H, W\), got \(2, 2, 2\)'):
        write_dsp5(tmp_path / 'a.dsp5', FLOW)
    with pytest.raises(FormatError, match='cannot be written: No such file'):
        write_flo5(tmp_path / 'none/a.flo5', FLOW)


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'h5py', None)
    for call in (lambda: read_flo5(tmp_path / 'a.flo5'),
                 lambda: write_dsp5(tmp_path / 'a.flo5', FLOW[..., 0])):
        with pytest.raises(MissingDependencyError, match=r'a\.flo5: files of the Spring benchmark '
                           'need h5py: `pip install h5py`'):
            call()
