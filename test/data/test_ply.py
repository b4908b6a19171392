import struct

import numpy as np
import pytest

from panmatch_ros.core.errors import FormatError, ShapeError
from panmatch_ros.data.ply import read_ply, write_ply

POINTS = np.array([[1, 2, 3], [np.nan, 0, 0], [4, 5, 6], [0, 0, np.inf]], np.float32)
COLORS = np.array([[10, 20, 30], [1, 1, 1], [40, 50, 60], [2, 2, 2]], np.uint8)
HEADER = (b'ply\nformat binary_little_endian 1.0\nelement vertex 2\n'
          b'property float x\nproperty float y\nproperty float z\n')
COLOR_HEADER = b'property uchar red\nproperty uchar green\nproperty uchar blue\n'


def test_bytes_with_colors(tmp_path):
    write_ply(tmp_path / 'a.ply', POINTS, COLORS)
    assert (tmp_path / 'a.ply').read_bytes() == (
        HEADER + COLOR_HEADER + b'end_header\n'
        + struct.pack('<3f3B3f3B', 1, 2, 3, 10, 20, 30, 4, 5, 6, 40, 50, 60))


def test_bytes_without_colors(tmp_path):
    write_ply(tmp_path / 'a.ply', POINTS.reshape(2, 2, 3))
    assert (tmp_path / 'a.ply').read_bytes() == (
        HEADER + b'end_header\n' + struct.pack('<6f', 1, 2, 3, 4, 5, 6))


@pytest.mark.parametrize('colors', [COLORS, None])
def test_round_trip(tmp_path, colors):
    write_ply(tmp_path / 'a.ply', POINTS, colors)
    points, read_colors, velocities = read_ply(tmp_path / 'a.ply')
    assert velocities is None
    assert points.dtype == np.float32
    assert np.array_equal(points, POINTS[[0, 2]])
    if colors is None:
        assert read_colors is None
    else:
        assert read_colors.dtype == np.uint8
        assert np.array_equal(read_colors, COLORS[[0, 2]])


@pytest.mark.parametrize('colors', [COLORS, None])
def test_velocities(tmp_path, colors):
    velocities = -POINTS
    velocities[2] = np.nan  # a point whose motion is not known
    write_ply(tmp_path / 'a.ply', POINTS, colors, velocities)
    cloud = read_ply(tmp_path / 'a.ply')
    assert np.array_equal(cloud.points, POINTS[[0, 2]])
    assert cloud.velocities.dtype == np.float32
    assert np.array_equal(cloud.velocities, [[-1, -2, -3], [np.nan] * 3], equal_nan=True)
    assert (cloud.colors is None) == (colors is None)
    data = (tmp_path / 'a.ply').read_bytes()
    start = data.index(b'end_header\n') + len(b'end_header\n')
    assert struct.unpack_from('<6f', data, start) == (1, 2, 3, -1, -2, -3)


def test_an_empty_cloud(tmp_path):
    write_ply(tmp_path / 'a.ply', POINTS[1:2], COLORS[1:2])
    assert read_ply(tmp_path / 'a.ply')[0].shape == (0, 3)


@pytest.mark.parametrize(('content', 'message'), [
    (b'', 'empty'),
    (b'obj\n', r"header of a .ply point cloud, found b'obj"),
    (HEADER, 'header of a .ply point cloud'),
    (HEADER + b'end_header\n' + bytes(23), 'expected 24 bytes for 2 points, found 23'),
    (HEADER + b'end_header\n' + bytes(25), 'expected 24 bytes for 2 points, found 25'),
    (HEADER + b'property float q\nend_header\n', 'expected a binary little-endian .ply'),
    (HEADER.replace(b'little', b'big') + b'end_header\n', 'expected a binary little-endian'),
    (HEADER.replace(b'vertex 2', b'vertex 9999999999') + b'end_header\n', 'up to 268435456'),
])
def test_bad_files(tmp_path, content, message):
    path = tmp_path / 'a.ply'
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        read_ply(path)
    assert str(path) in str(caught.value)


def test_bad_arrays(tmp_path):
    with pytest.raises(ShapeError, match=r'points must be .* got \(4, 2\)'):
        write_ply(tmp_path / 'a.ply', POINTS[:, :2])
    with pytest.raises(ShapeError, match=r'colors must be uint8 \(4, 3\)'):
        write_ply(tmp_path / 'a.ply', POINTS, COLORS[:2])
    with pytest.raises(ShapeError, match='got float32'):
        write_ply(tmp_path / 'a.ply', POINTS, COLORS.astype(np.float32))
    with pytest.raises(ShapeError, match=r'velocities must be float32 \(4, 3\) as the points, got '
                       r'float32 \(2, 3\)'):
        write_ply(tmp_path / 'a.ply', POINTS, COLORS, POINTS[:2])
