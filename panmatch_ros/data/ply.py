"""Point clouds as .ply files that any viewer opens."""
from pathlib import Path
import re
from typing import NamedTuple

import numpy as np

from ..core.errors import FormatError, ShapeError
from ..core.image import MAX_PIXELS
from .images import read_bytes, write_bytes

POSITION = [('x', '<f4'), ('y', '<f4'), ('z', '<f4')]
VELOCITY = [('vx', '<f4'), ('vy', '<f4'), ('vz', '<f4')]
COLOR = [('red', 'u1'), ('green', 'u1'), ('blue', 'u1')]
TYPE_NAMES = {'<f4': 'float', 'u1': 'uchar'}
MAX_HEADER_BYTES = 4096
HEADER_END = b'end_header\n'


class PlyCloud(NamedTuple):
    """
    A point cloud.

    :param points: (N, 3) float32, metres.
    :param colors: (N, 3) uint8 RGB, or None.
    :param velocities: (N, 3) float32, metres per second, NaN where unknown, or None.
    """

    points: np.ndarray
    colors: np.ndarray | None
    velocities: np.ndarray | None


def write_ply(path: str | Path, points: np.ndarray, colors: np.ndarray | None = None,
              velocities: np.ndarray | None = None) -> None:
    """
    Write a point cloud as binary little-endian .ply.

    :param path: where to.
    :param points: (H, W, 3) or (N, 3) float32, metres; only finite points are written.
    :param colors: uint8 RGB of the shape of the points.
    :param velocities: float32 of the shape of the points, metres per second; NaN is kept.
    :raises ShapeError: if points, colours and velocities have other shapes or types.
    :raises FormatError: if the file cannot be written.
    """
    if points.ndim not in (2, 3) or points.shape[-1] != 3:
        raise ShapeError(f'points must be (H, W, 3) or (N, 3), got {points.shape}')
    columns = [(POSITION, points)]
    for name, values, fields, dtype in (('velocities', velocities, VELOCITY, np.float32),
                                        ('colors', colors, COLOR, np.uint8)):
        if values is None:
            continue
        if values.shape != points.shape or values.dtype != dtype:
            raise ShapeError(f'{name} must be {np.dtype(dtype)} {points.shape} as the points, got '
                             f'{values.dtype} {values.shape}')
        columns.append((fields, values))
    finite = np.isfinite(points.reshape(-1, 3)).all(axis=1)
    layout = [field for fields, _ in columns for field in fields]
    vertices = np.empty(np.count_nonzero(finite), layout)
    for fields, values in columns:
        for column, (name, _) in enumerate(fields):
            vertices[name] = values.reshape(-1, 3)[finite, column]
    write_bytes(path, _header(len(vertices), layout).encode() + vertices.tobytes())


def read_ply(path: str | Path) -> PlyCloud:
    """
    Read a point cloud that :func:`write_ply` wrote.

    :raises FormatError: if the file is missing, damaged, or another kind of .ply.
    """
    data = read_bytes(path)
    end = data.find(HEADER_END, 0, MAX_HEADER_BYTES) + len(HEADER_END)
    header = data[:end].decode('ascii', 'replace')
    count_line = re.search(r'element vertex (\d{1,10})\n', header)
    if not header.startswith('ply\n') or count_line is None:
        raise FormatError(f'{path}: expected the header of a .ply point cloud, found '
                          f'{data[:24]!r}')
    count = int(count_line[1])
    layouts = {_header(count, layout): layout for layout in (
        POSITION, POSITION + COLOR, POSITION + VELOCITY, POSITION + VELOCITY + COLOR)}
    layout = layouts.get(re.sub(r'comment [^\n]*\n', '', header))
    if layout is None or count > MAX_PIXELS:
        raise FormatError(
            f'{path}: expected a binary little-endian .ply with float x y z and, at most, float '
            f'vx vy vz and uchar red green blue of up to {MAX_PIXELS} points; found {header!r}')
    dtype = np.dtype(layout)
    if len(data) - end != count * dtype.itemsize:
        raise FormatError(f'{path}: expected {count * dtype.itemsize} bytes for {count} points, '
                          f'found {len(data) - end}')
    vertices = np.frombuffer(data, dtype, count, end)
    columns = [np.stack([vertices[name] for name, _ in fields], axis=-1)
               if fields[0] in layout else None for fields in (COLOR, VELOCITY)]
    return PlyCloud(np.stack([vertices[name] for name, _ in POSITION], axis=-1), *columns)


def _header(count: int, layout: list[tuple[str, str]]) -> str:
    properties = ''.join(f'property {TYPE_NAMES[kind]} {name}\n' for name, kind in layout)
    return ('ply\nformat binary_little_endian 1.0\n'
            f'element vertex {count}\n{properties}end_header\n')
