"""
Files of flow and disparity in HDF5: .flo5 and .dsp5 of the Spring benchmark.

The package h5py is needed for them, and for nothing else here.
"""
import io
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..core.errors import FormatError, MissingDependencyError, ShapeError
from ..core.image import MAX_PIXELS
from .images import read_bytes, write_bytes

FLOW, DISPARITY = 'flow', 'disparity'   # names of the data sets in the files
MAX_VALUES = 2 * MAX_PIXELS
GZIP_LEVEL = 5


def read_flo5(path: str | Path) -> np.ndarray:
    """
    Read a .flo5 file.

    :returns: (H, W, 2) float32, pixels; NaN where a component is not finite.
    :raises FormatError: if the file is missing, damaged, or holds something else.
    :raises MissingDependencyError: if h5py is not installed.
    """
    flow = _read(path, FLOW)
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise FormatError(f'{path}: a flow map is (H, W, 2), found {flow.shape}')
    known = np.isfinite(flow).all(axis=-1, keepdims=True)
    return np.where(known, flow, np.nan).astype(np.float32)


def write_flo5(path: str | Path, flow: np.ndarray) -> None:
    """
    Write a .flo5 file.

    :param flow: (H, W, 2) float32, pixels; NaN stays NaN.
    :raises ShapeError: if ``flow`` is not (H, W, 2).
    :raises FormatError: if the file cannot be written.
    :raises MissingDependencyError: if h5py is not installed.
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ShapeError(f'flow must be (H, W, 2), got {flow.shape}')
    _write(path, FLOW, flow)


def read_dsp5(path: str | Path) -> np.ndarray:
    """
    Read a .dsp5 file.

    :returns: (H, W) float32, pixels; NaN where not finite.
    :raises FormatError: if the file is missing, damaged, or holds something else.
    :raises MissingDependencyError: if h5py is not installed.
    """
    disparity = _read(path, DISPARITY)
    if disparity.ndim != 2:
        raise FormatError(f'{path}: a disparity map is (H, W), found {disparity.shape}')
    return np.where(np.isfinite(disparity), disparity, np.nan).astype(np.float32)


def write_dsp5(path: str | Path, disparity: np.ndarray) -> None:
    """
    Write a .dsp5 file.

    :param disparity: (H, W) float32, pixels; NaN stays NaN.
    :raises ShapeError: if ``disparity`` is not (H, W).
    :raises FormatError: if the file cannot be written.
    :raises MissingDependencyError: if h5py is not installed.
    """
    if disparity.ndim != 2:
        raise ShapeError(f'disparity must be (H, W), got {disparity.shape}')
    _write(path, DISPARITY, disparity)


def _read(path: str | Path, name: str) -> np.ndarray:
    h5py = _import_h5py(path)
    data = read_bytes(path)
    try:
        with h5py.File(io.BytesIO(data), 'r') as file:
            # A soft or external link leads elsewhere, maybe to another file.
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                found = ', '.join(sorted(file))[:80] or 'nothing'
                raise FormatError(f'{path}: expected the data set {name!r}, found {found}')
            dataset = file[name]
            _check(dataset, h5py, name, path)
            return dataset[()]
    except FormatError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError,
            MemoryError) as error:
        raise FormatError(f'{path}: expected an HDF5 file, but it cannot be read: '
                          f'{str(error)[:200]}') from None


def _check(dataset: Any, h5py: ModuleType, name: str, path: str | Path) -> None:
    """Refuse what is no array of numbers in this file, or too large, before it is read."""
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind != 'f':
        found = getattr(dataset, 'dtype', 'a group')
        raise FormatError(f'{path}: {name!r} must be an array of floating point numbers, found '
                          f'{found}')
    if dataset.is_virtual or dataset.external:
        raise FormatError(f'{path}: {name!r} must lie in the file, found a reference to another '
                          'file')
    for shape in (dataset.shape, dataset.chunks or ()):
        if math.prod(shape) > MAX_VALUES:
            raise FormatError(f'{path}: the header claims a shape of {shape}; expected at most '
                              f'{MAX_VALUES} values')


def _write(path: str | Path, name: str, values: np.ndarray) -> None:
    h5py = _import_h5py(path)
    stream = io.BytesIO()
    with h5py.File(stream, 'w') as file:
        file.create_dataset(name, data=values.astype(np.float32), compression='gzip',
                            compression_opts=GZIP_LEVEL)
    write_bytes(path, stream.getvalue())


def _import_h5py(path: str | Path) -> ModuleType:
    try:
        import h5py
    except ImportError:
        raise MissingDependencyError(f'{path}: files of the Spring benchmark need h5py: '
                                     '`pip install h5py`') from None
    return h5py
