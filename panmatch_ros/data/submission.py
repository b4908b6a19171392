"""
Files of results as the benchmarks take them.

Results are written dense: holes of a disparity map are filled from the background and those of
flow from the nearest pixel that has some, as a benchmark counts what is missing as wrong or
refuses it. What a format cannot hold is brought to its nearest value.
"""
from collections.abc import Callable
from dataclasses import dataclass
import math
from pathlib import Path
import re

import numpy as np

from ..core.errors import ConfigError, FormatError, ShapeError
from ..core.hole_filling import fill_from_background, fill_from_nearest
from .formats import (
    KITTI_DISPARITY_SCALE,
    KITTI_FLOW_SCALE,
    KITTI_FLOW_ZERO,
    UINT16_MAX,
    read_flo,
    read_kitti_disparity,
    read_kitti_flow,
    read_pfm,
    write_flo,
    write_kitti_disparity,
    write_kitti_flow,
    write_pfm,
)
from .hdf5 import read_dsp5, read_flo5, write_dsp5, write_flo5
from .images import read_image_size, write_bytes
from .sample import Sample

METHOD = re.compile(r'[A-Za-z0-9][A-Za-z0-9_-]{0,39}')
SPARSE_MARK = '_s'   # Middlebury: ends the name of a result with holes
ANY = (-math.inf, math.inf)
KITTI_DISPARITIES = (1 / KITTI_DISPARITY_SCALE, UINT16_MAX / KITTI_DISPARITY_SCALE)
KITTI_FLOWS = (-KITTI_FLOW_ZERO / KITTI_FLOW_SCALE,
               (UINT16_MAX - KITTI_FLOW_ZERO) / KITTI_FLOW_SCALE)


@dataclass(frozen=True)
class Form:
    """
    How a benchmark takes a result.

    :param suffix: of the file.
    :param write: writes dense values.
    :param read: reads them.
    :param limits: least and largest value of the format, pixels.
    :param time: name of the file with the seconds, relative to the result; empty if none.
        ``{stem}`` is the name of the result, ``{method}`` that of the method.
    :param time_text: what that file holds.
    :param name: name of the result in the folder ``Sample.submission``, if that is one.
    """

    suffix: str
    write: Callable[[Path, np.ndarray], None]
    read: Callable[[Path], np.ndarray]
    limits: tuple[float, float] = ANY
    time: str = ''
    time_text: str = '{seconds}'
    name: str = ''


KITTI_STEREO = Form('.png', write_kitti_disparity, read_kitti_disparity, KITTI_DISPARITIES)
KITTI_FLOW = Form('.png', write_kitti_flow, read_kitti_flow, KITTI_FLOWS)
FORMS = {
    ('kitti2012', 'stereo'): KITTI_STEREO, ('kitti2012', 'flow'): KITTI_FLOW,
    ('kitti2015', 'stereo'): KITTI_STEREO, ('kitti2015', 'flow'): KITTI_FLOW,
    ('sintel', 'flow'): Form('.flo', write_flo, read_flo),
    ('spring', 'stereo'): Form('.dsp5', write_dsp5, read_dsp5),
    ('spring', 'flow'): Form('.flo5', write_flo5, read_flo5),
    ('middlebury', 'stereo'): Form('.pfm', write_pfm, read_pfm, time='time{method}.txt',
                                   name='disp0{method}'),
    ('eth3d', 'stereo'): Form('.pfm', write_pfm, read_pfm, time='{stem}.txt',
                              time_text='runtime {seconds}')}


def write_submission(kind: str, folder: Path, sample: Sample, values: np.ndarray,
                     seconds: float, method: str = 'panmatch') -> list[Path]:
    """
    Write the result of a pair into the folder of a submission, dense.

    :param kind: the benchmark, as in ``open_dataset``.
    :param folder: of the whole submission; folders below are made.
    :param sample: the pair, as ``open_dataset`` gave it.
    :param values: (H, W) disparity or (H, W, 2) flow, float32, pixels; NaN is a hole.
    :param seconds: time of the pair, for the benchmarks that want it with each (Middlebury,
        ETH3D).
    :param method: what Middlebury's files are to be called after.
    :returns: the files.
    :raises ConfigError: if the benchmark takes nothing of this pair, or an option is wrong.
    :raises ShapeError: if the result is not of the size of the image, or has no value at all.
    :raises FormatError: if a file cannot be written.
    """
    form, path = _place(kind, folder, sample, method)
    if not 0 < seconds < math.inf:
        raise ConfigError('the time of a pair must be a positive number of seconds, got '
                          f'{seconds}')
    dense = _dense(values, sample, form.limits)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FormatError(f'{path.parent}: cannot be made: {error.strerror}') from None
    form.write(path, dense)
    if not form.time:
        return [path]
    time = path.with_name(form.time.format(stem=path.stem, method=method))
    write_bytes(time, (form.time_text.format(seconds=f'{seconds:.6g}') + '\n').encode())
    return [path, time]


def read_submission(kind: str, folder: Path, sample: Sample,
                    method: str = 'panmatch') -> np.ndarray:
    """
    Read the result of a pair back from the folder of a submission.

    :param kind: the benchmark.
    :param folder: of the whole submission.
    :param sample: the pair.
    :param method: what Middlebury's files are called after.
    :returns: (H, W) disparity or (H, W, 2) flow, float32, pixels.
    :raises ConfigError: if the benchmark takes nothing of this pair.
    :raises FormatError: if there is no such file, or it is damaged.
    """
    form, path = _place(kind, folder, sample, method)
    return form.read(path)


def _place(kind: str, folder: Path, sample: Sample, method: str) -> tuple[Form, Path]:
    kinds = list(dict.fromkeys(name for name, _ in FORMS))
    if kind not in kinds:
        raise ConfigError(f'there is no submission to {kind!r}; there are {", ".join(kinds)}')
    if sample.dataset != kind or not sample.submission or (kind, sample.task) not in FORMS:
        raise ConfigError(f'{kind} takes no result of the pair {sample.name!r} ({sample.dataset}, '
                          f'{sample.task})')
    form = FORMS[kind, sample.task]
    if not METHOD.fullmatch(method) or method.endswith(SPARSE_MARK):
        raise ConfigError('the name of a method must be up to 40 letters, digits, - and _, and '
                          f'must not end with {SPARSE_MARK}, got {method!r}')
    name = f'/{form.name.format(method=method)}' if form.name else ''
    return form, folder / f'{sample.submission}{name}{form.suffix}'


def _dense(values: np.ndarray, sample: Sample, limits: tuple[float, float]) -> np.ndarray:
    shape = read_image_size(sample.image0) + (() if sample.task == 'stereo' else (2,))
    if values.shape != shape:
        raise ShapeError(f'the result of {sample.name} must have the shape {shape}, as the image '
                         f'has it, got {values.shape}')
    known = np.where(np.isfinite(values), values, np.nan).astype(np.float32)
    fill = fill_from_background if sample.task == 'stereo' else fill_from_nearest
    dense = fill(known)
    if np.isnan(dense).any():
        raise ShapeError(f'the result of {sample.name} has no value at all, so its holes cannot '
                         'be filled')
    return np.clip(dense, *limits)
