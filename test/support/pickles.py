"""Pickles in .npy files: honest ones, and some that would run something."""
import io
import pickle
import zipfile

import numpy as np


class Runs:
    """Is a call of a function once it is pickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def objects(*values):
    """Make a one-dimensional array of objects, whatever they are."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


def npy_of(array, protocol=4):
    """Give the bytes of a .npy file of an array of objects, as numpy writes it."""
    return npy_header(array.shape) + pickle.dumps(array, protocol=protocol)


def npy_header(shape, descr='|O'):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {'shape': shape, 'fortran_order': False, 'descr': descr})
    return stream.getvalue()


def write_npz(path, arrays):
    """Write arrays, or the bytes of .npy files, into a .npz file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            stream = io.BytesIO()
            if isinstance(array, bytes):
                stream.write(array)
            else:
                np.save(stream, array, allow_pickle=True)
            archive.writestr(f'{name}.npy', stream.getvalue())
