"""
Files of flow and disparity: Middlebury .flo and .pfm, KITTI .png, numpy .npy and .npz.

Every reader gives float32 with NaN where the value is unknown, whatever the format uses for
that, and every writer turns NaN into the mark of its format.
"""
from pathlib import Path
import re

import cv2
import numpy as np

from ..core.errors import ConfigError, FormatError, ImageError, ShapeError
from .arrays import read_array
from .images import (
    check_size,
    decode_image,
    read_bytes,
    read_image,
    write_bytes,
    write_image,
)
from .ply import read_ply, write_ply

__all__ = [
    'read_disparity', 'read_flo', 'read_flow', 'read_image', 'read_kitti_disparity',
    'read_kitti_flow', 'read_pfm', 'read_ply', 'write_flo', 'write_image',
    'write_kitti_disparity', 'write_kitti_flow', 'write_pfm', 'write_ply',
]

FLO_MAGIC = b'PIEH'      # 202021.25 as a little-endian float
FLO_UNKNOWN = 1e10
FLO_LIMIT = 1e9          # |u| or |v| beyond it is unknown
PFM_HEADER = re.compile(rb'(P[fF])\s+(\d{1,9})\s+(\d{1,9})\s+([-+]?[0-9.]+(?:[eE][-+]?\d+)?)')
KITTI_FLOW_SCALE = 64.0
KITTI_FLOW_ZERO = 32768.0
KITTI_DISPARITY_SCALE = 256.0
UINT16_MAX = 65535


def read_flo(path: str | Path) -> np.ndarray:
    """
    Read a Middlebury .flo file.

    :returns: (H, W, 2) float32, pixels; NaN where a component is beyond 1e9 or not finite.
    :raises FormatError: if the file is missing, no .flo file, or of another length than its
        header says.
    """
    data = read_bytes(path)
    if data[:4] != FLO_MAGIC:
        raise FormatError(f'{path}: expected a .flo file starting with {FLO_MAGIC!r}, found '
                          f'{data[:4]!r}')
    if len(data) < 12:
        raise FormatError(f'{path}: the .flo header takes 12 bytes, found {len(data)}')
    width, height = (int(value) for value in np.frombuffer(data, '<i4', 2, 4))
    check_size(width, height, path)
    _check_length(len(data) - 12, 8 * width * height, f'{width} x {height} vectors', path)
    return _known_flow(np.frombuffer(data, '<f4', offset=12).reshape(height, width, 2))


def write_flo(path: str | Path, flow: np.ndarray) -> None:
    """
    Write a Middlebury .flo file.

    :param flow: (H, W, 2) float32, pixels; NaN is written as 1e10.
    :raises ShapeError: if ``flow`` is not (H, W, 2).
    :raises FormatError: if the file cannot be written.
    """
    _check_flow(flow)
    known = np.isfinite(flow).all(axis=-1, keepdims=True)
    values = np.where(known, flow, FLO_UNKNOWN).astype('<f4')
    header = FLO_MAGIC + np.array([flow.shape[1], flow.shape[0]], '<i4').tobytes()
    write_bytes(path, header + values.tobytes())


def read_pfm(path: str | Path, infinity_is_unknown: bool = True) -> np.ndarray:
    """
    Read a .pfm file of either byte order; the magnitude of its scale is not applied.

    :param infinity_is_unknown: read infinite values as NaN, as Middlebury's disparity maps
        mean them.
    :returns: (H, W) or (H, W, 3) float32, the top row first.
    :raises FormatError: if the file is missing, no .pfm file, or of another length than its
        header says.
    """
    data = read_bytes(path)
    header = PFM_HEADER.match(data[:256])
    if header is None:
        raise FormatError(f'{path}: expected a .pfm header "Pf <width> <height> <scale>", '
                          f'found {data[:24]!r}')
    width, height, channels = int(header[2]), int(header[3]), 3 if header[1] == b'PF' else 1
    check_size(width, height, path)
    try:
        scale = float(header[4])
    except ValueError:
        scale = 0.0
    if scale == 0 or not np.isfinite(scale):
        raise FormatError(f'{path}: expected a scale that is not zero (its sign is the byte '
                          f'order), found {header[4].decode()!r}')
    expected = 4 * width * height * channels
    # One white space ends the header; some programs write \r\n.
    line_end = 2 if data[header.end():header.end() + 2] == b'\r\n' else 1
    _check_length(len(data) - header.end() - line_end, expected,
                  f'{width} x {height} x {channels} values', path)
    values = np.frombuffer(data, '<f4' if scale < 0 else '>f4', offset=header.end() + line_end)
    shape = (height, width) if channels == 1 else (height, width, 3)
    array = values.reshape(shape)[::-1].astype(np.float32)
    if infinity_is_unknown:
        array[np.isinf(array)] = np.nan
    return array


def write_pfm(path: str | Path, array: np.ndarray) -> None:
    """
    Write a .pfm file, little endian.

    :param array: (H, W) or (H, W, 3) float32; NaN is written as infinity.
    :raises ShapeError: if the array has another shape.
    :raises FormatError: if the file cannot be written.
    """
    color = array.ndim == 3 and array.shape[2] == 3
    if not (array.ndim == 2 or color):
        raise ShapeError(f'a .pfm file holds (H, W) or (H, W, 3), got {array.shape}')
    values = np.where(np.isnan(array), np.inf, array).astype('<f4')[::-1]
    header = f'{"PF" if color else "Pf"}\n{array.shape[1]} {array.shape[0]}\n-1.0\n'
    write_bytes(path, header.encode() + values.tobytes())


def read_kitti_flow(path: str | Path) -> np.ndarray:
    """
    Read a KITTI flow map: 16-bit RGB with ``u, v = (value - 32768) / 64`` and a valid flag.

    :returns: (H, W, 2) float32, pixels; NaN where the flag is 0.
    :raises FormatError: if the file is missing or no 16-bit RGB image.
    """
    image = _read_png(path)
    if image.dtype != np.uint16 or image.ndim != 3 or image.shape[2] != 3:
        raise FormatError(f'{path}: a KITTI flow map is a 16-bit RGB png, found {image.dtype} '
                          f'{image.shape}')
    flow = (image[..., :2].astype(np.float32) - KITTI_FLOW_ZERO) / KITTI_FLOW_SCALE
    flow[image[..., 2] == 0] = np.nan
    return flow.astype(np.float32)


def write_kitti_flow(path: str | Path, flow: np.ndarray) -> None:
    """
    Write a KITTI flow map.

    :param path: a .png file.
    :param flow: (H, W, 2) float32, pixels; NaN and what the format cannot hold (beyond -512 to
        511.98) are written as not valid.
    :raises ShapeError: if ``flow`` is not (H, W, 2).
    :raises FormatError: if the file cannot be written.
    """
    _check_flow(flow)
    stored = np.rint(flow.astype(np.float64) * KITTI_FLOW_SCALE) + KITTI_FLOW_ZERO
    valid = ((stored >= 0) & (stored <= UINT16_MAX)).all(axis=-1)  # False for NaN
    image = np.zeros((*flow.shape[:2], 3), np.uint16)
    image[..., :2][valid] = stored[valid]
    image[..., 2] = valid
    _write_png(path, image)


def read_kitti_disparity(path: str | Path) -> np.ndarray:
    """
    Read a KITTI disparity map: 16-bit grey, ``disparity = value / 256``, 0 is unknown.

    :returns: (H, W) float32, pixels; NaN where unknown.
    :raises FormatError: if the file is missing or no 16-bit grey image.
    """
    image = _read_png(path)
    if image.dtype != np.uint16 or image.ndim != 2:
        raise FormatError(f'{path}: a KITTI disparity map is a 16-bit grey png, found '
                          f'{image.dtype} {image.shape}')
    return _scaled_disparity(image, KITTI_DISPARITY_SCALE)


def write_kitti_disparity(path: str | Path, disparity: np.ndarray) -> None:
    """
    Write a KITTI disparity map.

    :param path: a .png file.
    :param disparity: (H, W) float32, pixels; NaN and what the format cannot hold (negative, or
        beyond 255.99) are written as unknown. Zero is written as 1/256, since 0 is the mark.
    :raises ShapeError: if ``disparity`` is not (H, W).
    :raises FormatError: if the file cannot be written.
    """
    if disparity.ndim != 2:
        raise ShapeError(f'disparity must be (H, W), got {disparity.shape}')
    stored = np.rint(disparity.astype(np.float64) * KITTI_DISPARITY_SCALE)
    known = (disparity >= 0) & (stored <= UINT16_MAX)  # False for NaN
    image = np.where(known, np.maximum(stored, 1), 0).astype(np.uint16)
    _write_png(path, image)


def read_disparity(path: str | Path, scale: float | None = None) -> np.ndarray:
    """
    Read a disparity map; the suffix chooses the format.

    :param path: .pfm, .npy, .npz (its first array) or .png (0 is unknown).
    :param scale: of a .png: ``value = scale * disparity``, for example 1 for full-size and 3
        for third-size Middlebury 2006 maps. If not given, a 16-bit image is KITTI's (256);
        an image of 8 bits needs it.
    :returns: (H, W) float32, pixels; NaN where unknown.
    :raises FormatError: if the file is missing, damaged, or holds something else.
    :raises ConfigError: if ``scale`` is not positive.
    """
    suffix = Path(path).suffix.lower()
    if suffix == '.png':
        return _read_png_disparity(path, scale)
    if suffix == '.pfm':
        array = read_pfm(path)
    elif suffix in ('.npy', '.npz'):
        array = read_array(path)
    else:
        raise FormatError(f'{path}: expected a disparity map (.pfm, .png, .npy, .npz), found '
                          f'the suffix {suffix!r}')
    if array.ndim != 2:
        raise FormatError(f'{path}: a disparity map is (H, W), found {array.shape}')
    return np.where(np.isfinite(array), array, np.nan).astype(np.float32)


def read_flow(path: str | Path) -> np.ndarray:
    """
    Read a flow map; the suffix chooses the format.

    :param path: .flo, .png (KITTI), .pfm with three channels (the third is not used), .npy or
        .npz (its first array).
    :returns: (H, W, 2) float32, pixels; NaN where unknown.
    :raises FormatError: if the file is missing, damaged, or holds something else.
    """
    suffix = Path(path).suffix.lower()
    if suffix == '.flo':
        return read_flo(path)
    if suffix == '.png':
        return read_kitti_flow(path)
    if suffix == '.pfm':
        array = read_pfm(path)
        array = array[..., :2] if array.ndim == 3 else array
    elif suffix in ('.npy', '.npz'):
        array = read_array(path)
    else:
        raise FormatError(f'{path}: expected a flow map (.flo, .png, .pfm, .npy, .npz), found '
                          f'the suffix {suffix!r}')
    if array.ndim != 3 or array.shape[2] != 2:
        raise FormatError(f'{path}: a flow map is (H, W, 2), found {array.shape}')
    return _known_flow(array)


def _read_png_disparity(path: str | Path, scale: float | None) -> np.ndarray:
    if scale is not None and not 0 < scale < np.inf:
        raise ConfigError(f'scale must be a positive number, got {scale}')
    image = _read_png(path)
    if image.ndim == 3 and (image[..., :1] == image[..., :3]).all():
        image = image[..., 0]  # a grey image that a program saved as RGB
    if image.ndim != 2:
        raise FormatError(f'{path}: a disparity map has one channel, found {image.shape}')
    if scale is None and image.dtype != np.uint16:
        raise FormatError(f'{path}: an {image.dtype} png does not tell its scale; give it '
                          '(value = scale * disparity; 1 if values are pixels)')
    return _scaled_disparity(image, scale or KITTI_DISPARITY_SCALE)


def _scaled_disparity(image: np.ndarray, scale: float) -> np.ndarray:
    return np.where(image > 0, image / np.float32(scale), np.nan).astype(np.float32)


def _known_flow(flow: np.ndarray) -> np.ndarray:
    known = (np.abs(flow) <= FLO_LIMIT).all(axis=-1, keepdims=True)  # False for NaN
    return np.where(known, flow, np.nan).astype(np.float32)


def _check_flow(flow: np.ndarray) -> None:
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ShapeError(f'flow must be (H, W, 2), got {flow.shape}')


def _check_length(found: int, expected: int, what: str, path: str | Path) -> None:
    if found != expected:
        state = 'incomplete' if found < expected else 'too long'
        raise FormatError(f'{path}: the file is {state}: expected {expected} bytes for {what}, '
                          f'found {found}')


def _read_png(path: str | Path) -> np.ndarray:
    try:
        return decode_image(read_bytes(path), path)
    except ImageError as error:
        raise FormatError(str(error)) from None


def _write_png(path: str | Path, image: np.ndarray) -> None:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    write_bytes(path, cv2.imencode('.png', bgr)[1].tobytes())
