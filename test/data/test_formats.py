import struct

import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError, ShapeError
from panmatch_ros.data.formats import (
    read_disparity,
    read_flo,
    read_flow,
    read_kitti_disparity,
    read_kitti_flow,
    read_pfm,
    write_flo,
    write_kitti_disparity,
    write_kitti_flow,
    write_pfm,
)

NAN = float('nan')
RNG = np.random.default_rng(0)
FLOW = RNG.normal(0, 20, (5, 7, 2)).astype(np.float32)
FLOW[2, 3] = NAN
DISPARITY = RNG.uniform(0.5, 200, (5, 7)).astype(np.float32)
DISPARITY[2, 3] = NAN


def equal(a, b):
    return a.dtype == b.dtype == np.float32 and np.array_equal(a, b, equal_nan=True)


def refused(call, path, content, message):
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        call(path)
    assert str(path) in str(caught.value)


# --- Middlebury .flo


def test_flo_by_hand(tmp_path):
    path = tmp_path / 'a.flo'
    path.write_bytes(struct.pack('<fii8f', 202021.25, 2, 2, 1.5, -2, 3, 4, 1e10, 1e10, NAN, 0))
    expected = np.array([[[1.5, -2], [3, 4]], [[NAN, NAN], [NAN, NAN]]], np.float32)
    assert equal(read_flo(path), expected)


def test_flo_bytes(tmp_path):
    path = tmp_path / 'a.flo'
    write_flo(path, np.array([[[1, 2], [NAN, 3]]], np.float32))
    assert path.read_bytes() == struct.pack('<fii4f', 202021.25, 2, 1, 1, 2, 1e10, 1e10)


def test_flo_round_trip(tmp_path):
    write_flo(tmp_path / 'a.flo', FLOW)
    assert equal(read_flo(tmp_path / 'a.flo'), FLOW)


@pytest.mark.parametrize(('content', 'message'), [
    (b'', 'empty'),
    (b'PIE', r"starting with b'PIEH', found b'PIE'"),
    (b'PIEH\1\0\0', 'header takes 12 bytes, found 7'),
    (struct.pack('>fii2f', 202021.25, 1, 1, 0, 0), 'starting with'),
    (struct.pack('<fii', 202021.25, 2**31 - 1, 2**31 - 1), 'claims a size of 2147483647 x'),
    (struct.pack('<fii', 202021.25, -1, 5), 'claims a size of -1 x 5'),
    (struct.pack('<fii', 202021.25, 0, 5), 'claims a size of 0 x 5'),
    (struct.pack('<fii3f', 202021.25, 1, 2, 0, 0, 0), 'incomplete: expected 16 .* found 12'),
    (struct.pack('<fii3f', 202021.25, 1, 1, 0, 0, 0), 'too long: expected 8 .* found 12'),
    (b'version https://git-lfs.github.com/spec/v1\n', 'Git LFS pointer'),
])
def test_bad_flo(tmp_path, content, message):
    refused(read_flo, tmp_path / 'a.flo', content, message)


# --- .pfm


@pytest.mark.parametrize(('scale', 'order'), [('-1.0', '<'), ('1', '>'), ('-0.0039', '<')])
@pytest.mark.parametrize('line_end', ['\n', '\r\n'])
def test_pfm_by_hand(tmp_path, scale, order, line_end):
    path = tmp_path / 'a.pfm'
    header = line_end.join(['Pf', '2 2', scale, '']).encode()
    path.write_bytes(header + struct.pack(f'{order}4f', 1, 2, 3, float('inf')))
    # The first row in the file is the lowest of the image.
    assert equal(read_pfm(path), np.array([[3, NAN], [1, 2]], np.float32))
    assert np.isposinf(read_pfm(path, infinity_is_unknown=False)[0, 1])


def test_pfm_bytes(tmp_path):
    write_pfm(tmp_path / 'a.pfm', np.array([[1], [NAN]], np.float32))
    expected = b'Pf\n1 2\n-1.0\n' + struct.pack('<2f', float('inf'), 1)
    assert (tmp_path / 'a.pfm').read_bytes() == expected


@pytest.mark.parametrize('shape', [(5, 7), (5, 7, 3), (1, 1)])
def test_pfm_round_trip(tmp_path, shape):
    array = RNG.normal(size=shape).astype(np.float32)
    array[0, 0] = NAN
    write_pfm(tmp_path / 'a.pfm', array)
    assert equal(read_pfm(tmp_path / 'a.pfm'), array)


@pytest.mark.parametrize(('content', 'message'), [
    (b'', 'empty'),
    (b'P6\n2 2\n255\n', r"expected a .pfm header .* found b'P6"),
    (b'Pf\n2 2\n', 'expected a .pfm header'),
    (b'Pf\n-2 2\n-1\n', 'expected a .pfm header'),
    (b'Pf\n2 2\n0.0\n' + bytes(16), "scale that is not zero .* found '0.0'"),
    (b'Pf\n2 2\n1.2.3\n' + bytes(16), 'scale that is not zero'),
    (b'Pf\n2 2\n1e999\n' + bytes(16), 'scale that is not zero'),
    (b'Pf\n999999999 999999999\n-1\n', 'claims a size of 999999999 x 999999999'),
    (b'Pf\n0 2\n-1\n', 'claims a size of 0 x 2'),
    (b'Pf\n2 2\n-1\n' + bytes(15), 'incomplete: expected 16 .* found 15'),
    (b'Pf\n2 2\n-1\n' + bytes(17), 'too long: expected 16 .* found 17'),
    (b'PF\n2 2\n-1\n' + bytes(16), 'incomplete: expected 48'),
])
def test_bad_pfm(tmp_path, content, message):
    refused(read_pfm, tmp_path / 'a.pfm', content, message)


# --- KITTI


def test_kitti_flow_by_hand(tmp_path):
    bgr = np.zeros((1, 3, 3), np.uint16)
    bgr[0, 0] = (1, 32768 - 128, 32768 + 64)    # valid, v = -2, u = 1
    bgr[0, 1] = (0, 40000, 40000)               # not valid
    bgr[0, 2] = (1, 65535, 0)                   # v = 511.984375, u = -512
    cv2.imwrite(str(tmp_path / 'a.png'), bgr)
    expected = np.array([[[1, -2], [NAN, NAN], [-512, 511.984375]]], np.float32)
    assert equal(read_kitti_flow(tmp_path / 'a.png'), expected)


def test_kitti_flow_round_trip(tmp_path):
    write_kitti_flow(tmp_path / 'a.png', FLOW)
    read = read_kitti_flow(tmp_path / 'a.png')
    assert np.array_equal(np.isnan(read), np.isnan(FLOW))
    assert np.nanmax(np.abs(read - FLOW)) <= 1 / 128


def test_kitti_flow_that_does_not_fit_is_not_valid(tmp_path):
    flow = np.array([[[512, 0], [-512.1, 0], [-512, 511.9], [0, np.inf]]], np.float32)
    write_kitti_flow(tmp_path / 'a.png', flow)
    assert np.isnan(read_kitti_flow(tmp_path / 'a.png')[0, :, 0]).tolist() == [
        True, True, False, True]


def test_kitti_disparity_by_hand(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.array([[0, 1, 256, 65535]], np.uint16))
    expected = np.array([[NAN, 1 / 256, 1, 255.99609375]], np.float32)
    assert equal(read_kitti_disparity(tmp_path / 'a.png'), expected)


def test_kitti_disparity_bytes(tmp_path):
    disparity = np.array([[NAN, 0, 1.5, -1, 255.99, 256, np.inf, 0.001]], np.float32)
    write_kitti_disparity(tmp_path / 'a.png', disparity)
    written = cv2.imread(str(tmp_path / 'a.png'), cv2.IMREAD_UNCHANGED)
    assert written.dtype == np.uint16
    assert written.tolist() == [[0, 1, 384, 0, 65533, 0, 0, 1]]


def test_bad_kitti_files(tmp_path):
    path = tmp_path / 'a.png'
    grey8, grey16, rgb16 = (cv2.imencode('.png', np.zeros(shape, dtype))[1].tobytes()
                            for shape, dtype in (((2, 3), np.uint8), ((2, 3), np.uint16),
                                                 ((2, 3, 3), np.uint16)))
    refused(read_kitti_flow, path, grey16, r'16-bit RGB png, found uint16 \(2, 3\)')
    refused(read_kitti_disparity, path, grey8, r'16-bit grey png, found uint8 \(2, 3\)')
    refused(read_kitti_disparity, path, rgb16, r'found uint16 \(2, 3, 3\)')
    refused(read_kitti_disparity, path, grey16[:-20], 'incomplete')
    refused(read_kitti_flow, path, b'nothing', 'expected an image')


# --- by suffix


def test_disparity_by_suffix(tmp_path):
    write_pfm(tmp_path / 'a.pfm', DISPARITY)
    np.save(tmp_path / 'a.npy', DISPARITY.astype(np.float64))
    np.savez_compressed(tmp_path / 'a.npz', anything=DISPARITY, other=np.zeros(3))
    write_kitti_disparity(tmp_path / 'a.png', DISPARITY)
    for name in ('a.pfm', 'a.npy', 'a.npz'):
        assert equal(read_disparity(tmp_path / name), DISPARITY)
    assert np.nanmax(np.abs(read_disparity(tmp_path / 'a.png') - DISPARITY)) <= 1 / 512


def test_disparity_of_a_png_with_scale(tmp_path):
    # Middlebury 2006 at third size: value = 3 * disparity, 0 is unknown.
    cv2.imwrite(str(tmp_path / '8.png'), np.array([[0, 3, 255]], np.uint8))
    cv2.imwrite(str(tmp_path / 'rgb.png'), np.array([[[0] * 3, [3] * 3, [255] * 3]], np.uint8))
    cv2.imwrite(str(tmp_path / '16.png'), np.array([[0, 3, 255]], np.uint16))
    for name in ('8.png', 'rgb.png', '16.png'):
        assert equal(read_disparity(tmp_path / name, 3), np.array([[NAN, 1, 85]], np.float32))
    with pytest.raises(FormatError, match='uint8 png does not tell its scale'):
        read_disparity(tmp_path / '8.png')
    with pytest.raises(ConfigError, match='scale must be a positive number, got 0'):
        read_disparity(tmp_path / '8.png', 0)


def test_infinity_becomes_nan(tmp_path):
    np.save(tmp_path / 'a.npy', np.array([[1, np.inf, -np.inf, NAN]]))
    expected = np.array([[1, NAN, NAN, NAN]], np.float32)
    assert equal(read_disparity(tmp_path / 'a.npy'), expected)


def test_flow_by_suffix(tmp_path):
    write_flo(tmp_path / 'a.flo', FLOW)
    write_pfm(tmp_path / 'a.pfm', np.dstack([FLOW, np.zeros((5, 7), np.float32)]))
    np.save(tmp_path / 'a.npy', FLOW)
    np.savez(tmp_path / 'a.npz', FLOW)
    write_kitti_flow(tmp_path / 'a.PNG', FLOW)
    for name in ('a.flo', 'a.pfm', 'a.npy', 'a.npz'):
        assert equal(read_flow(tmp_path / name), FLOW)
    assert np.nanmax(np.abs(read_flow(tmp_path / 'a.PNG') - FLOW)) <= 1 / 128


def test_other_shapes_and_suffixes_are_refused(tmp_path):
    np.save(tmp_path / 'flow.npy', np.zeros((2, 4, 5)))
    with pytest.raises(FormatError, match=r'a flow map is \(H, W, 2\), found \(2, 4, 5\)'):
        read_flow(tmp_path / 'flow.npy')
    with pytest.raises(FormatError, match=r'a disparity map is \(H, W\), found \(2, 4, 5\)'):
        read_disparity(tmp_path / 'flow.npy')
    write_pfm(tmp_path / 'a.pfm', DISPARITY)
    with pytest.raises(FormatError, match=r'found \(5, 7\)'):
        read_flow(tmp_path / 'a.pfm')
    with pytest.raises(FormatError, match=r"\.npz\), found the suffix '.txt'"):
        read_flow(tmp_path / 'a.txt')
    with pytest.raises(FormatError, match="found the suffix ''"):
        read_disparity(tmp_path / 'a')
    with pytest.raises(FormatError, match='there is no such file'):
        read_disparity(tmp_path / 'missing.pfm')


def test_writers_check_shapes(tmp_path):
    for write in (write_flo, write_kitti_flow):
        with pytest.raises(ShapeError, match=r'\(H, W, 2\), got \(5, 7\)'):
            write(tmp_path / 'a', DISPARITY)
    with pytest.raises(ShapeError, match=r'\(H, W\), got \(5, 7, 2\)'):
        write_kitti_disparity(tmp_path / 'a', FLOW)
    with pytest.raises(ShapeError, match=r'got \(5, 7, 2\)'):
        write_pfm(tmp_path / 'a', FLOW)
    with pytest.raises(FormatError, match='cannot be written'):
        write_flo(tmp_path / 'missing' / 'a.flo', FLOW)
