"""Calibrations of stereo rigs: Middlebury calib.txt, and pairs of ROS calibration files."""
import math
from pathlib import Path
import re

from ..core.camera import Camera, StereoRig
from ..core.errors import CalibrationError
from .camera_info import (
    CameraInfo,
    RegionOfInterest,
    camera_info_from_camera,
    read_camera_info_yaml,
    write_camera_info_yaml,
)
from .images import read_bytes, write_bytes

__all__ = [
    'CameraInfo', 'RegionOfInterest', 'camera_info_from_camera', 'load_rig',
    'read_camera_info_yaml', 'read_middlebury_calib', 'write_camera_info_yaml',
    'write_middlebury_calib',
]

MAX_CALIB_BYTES = 1 << 16
MAX_SIZE_PX = 1 << 20
DOFFS_TOLERANCE_PX = 0.5   # of a file whose numbers were rounded
MIDDLEBURY_NAME = 'calib.txt'
YAML_SUFFIXES = ('.yaml', '.yml')
MATRIX = re.compile(r'\[\s*(\S+)\s+(\S+)\s+(\S+)\s*;\s*(\S+)\s+(\S+)\s+(\S+)\s*;'
                    r'\s*(\S+)\s+(\S+)\s+(\S+)\s*\]')


def load_rig(path0: str | Path, path1: str | Path | None = None) -> StereoRig:
    """
    Read the calibration of a rectified pair from what is there.

    :param path0: a Middlebury calib.txt; or the left camera's .yaml; or a folder that holds
        calib.txt, or left.yaml and right.yaml (.yml will do).
    :param path1: the right camera's .yaml, if ``path0`` is the left one's.
    :raises CalibrationError: if no calibration is found, or it is not that of a rectified pair.
    :raises FormatError: if a file cannot be read.
    """
    first = Path(path0)
    if path1 is not None:
        return _rig_from_yaml(first, Path(path1))
    if first.is_dir():
        return _rig_from_folder(first)
    if not first.exists():
        raise CalibrationError(f'{first}: there is no such file or folder')
    if first.suffix.lower() in YAML_SUFFIXES:
        raise CalibrationError(f'{first}: a rig needs two of these files; give the right '
                               "camera's too, or the folder of left.yaml and right.yaml")
    return read_middlebury_calib(first)


def read_middlebury_calib(path: str | Path) -> StereoRig:
    """
    Read a calib.txt of the Middlebury 2014 and later (and ETH3D) stereo data sets.

    ``cam0`` and ``cam1`` are the intrinsics of the left and right image in pixels, ``doffs``
    is ``cx1 - cx0`` and ``baseline`` is in millimetres, so ``Z = f * B / (d + doffs)``.

    :raises FormatError: if the file cannot be read.
    :raises CalibrationError: if a value is missing, no number, or contradicts another.
    """
    text = read_bytes(path, limit=MAX_CALIB_BYTES).decode('utf-8', 'replace')
    fields = {key.strip(): value.strip()
              for key, separator, value in (line.partition('=') for line in text.splitlines())
              if separator}
    width, height = (_size(fields, name, path) for name in ('width', 'height'))
    left, right = (_intrinsics(fields, name, path) for name in ('cam0', 'cam1'))
    baseline_m = _number(fields, 'baseline', path) / 1000
    if not baseline_m > 0:
        raise CalibrationError(f'{path}: baseline must be positive (millimetres), found '
                               f'{fields["baseline"]!r}')
    offset = right[2] - left[2]
    if 'doffs' in fields and not abs(_number(fields, 'doffs', path) - offset) <= (
            DOFFS_TOLERANCE_PX):
        raise CalibrationError(f'{path}: doffs is {fields["doffs"]}, but cam1 and cam0 have '
                               f'cx1 - cx0 = {offset:.3f}')
    # The rig divides by the left focal length; should the two differ, the baseline stays.
    return StereoRig(Camera(width, height, *left),
                     Camera(width, height, *right, tx=-left[0] * baseline_m))


def write_middlebury_calib(path: str | Path, rig: StereoRig) -> None:
    """
    Write a Middlebury calib.txt, the baseline in millimetres.

    :raises FormatError: if the file cannot be written.
    """
    lines = [f'{name}=[{camera.fx!r} 0 {camera.cx!r}; 0 {camera.fy!r} {camera.cy!r}; 0 0 1]'
             for name, camera in (('cam0', rig.left), ('cam1', rig.right))]
    lines += [f'doffs={-rig.cx_offset_px!r}', f'baseline={rig.baseline_m * 1000!r}',
              f'width={rig.left.width}', f'height={rig.left.height}']
    write_bytes(path, ('\n'.join(lines) + '\n').encode())


def _rig_from_yaml(left: Path, right: Path) -> StereoRig:
    infos = read_camera_info_yaml(left), read_camera_info_yaml(right)
    # The protocol's attributes are settable, those of a frozen dataclass are not.
    return StereoRig.from_camera_info(*infos, (str(left), str(right)))


def _rig_from_folder(folder: Path) -> StereoRig:
    if (folder / MIDDLEBURY_NAME).is_file():
        return read_middlebury_calib(folder / MIDDLEBURY_NAME)
    for suffix in YAML_SUFFIXES:
        left, right = folder / f'left{suffix}', folder / f'right{suffix}'
        if left.is_file() and right.is_file():
            return _rig_from_yaml(left, right)
    raise CalibrationError(f'{folder}: expected {MIDDLEBURY_NAME}, or left.yaml and right.yaml, '
                           'found neither')


def _intrinsics(fields: dict[str, str], name: str,
                path: str | Path) -> tuple[float, float, float, float]:
    """Focal lengths fx, fy and principal point cx, cy, pixels."""
    text = _field(fields, name, path)
    match = MATRIX.fullmatch(text)
    values = [_finite(part) for part in match.groups()] if match else []
    if not values or None in values:
        raise CalibrationError(f'{path}: {name} must be [f 0 cx; 0 f cy; 0 0 1], found '
                               f'{text[:80]!r}')
    fx, skew, cx, zero, fy, cy, *last = (value or 0.0 for value in values)
    if skew or zero or last != [0.0, 0.0, 1.0] or fx <= 0 or fy <= 0:
        raise CalibrationError(f'{path}: {name} must be [f 0 cx; 0 f cy; 0 0 1] with f > 0, '
                               f'found {text[:80]!r}')
    return fx, fy, cx, cy


def _size(fields: dict[str, str], name: str, path: str | Path) -> int:
    text = _field(fields, name, path)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) <= MAX_SIZE_PX:
        raise CalibrationError(f'{path}: {name} must be an integer from 1 to {MAX_SIZE_PX}, '
                               f'found {text[:40]!r}')
    return int(text)


def _number(fields: dict[str, str], name: str, path: str | Path) -> float:
    text = _field(fields, name, path)
    value = _finite(text)
    if value is None:
        raise CalibrationError(f'{path}: {name} must be a finite number, found {text[:40]!r}')
    return value


def _field(fields: dict[str, str], name: str, path: str | Path) -> str:
    if name not in fields:
        raise CalibrationError(f'{path}: the calibration has no {name}= line; expected a '
                               'Middlebury calib.txt')
    return fields[name]


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
