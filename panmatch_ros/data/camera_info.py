"""Camera calibrations in the YAML files of camera_calibration and camera_info_manager."""
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import json
import math
from pathlib import Path
import re
from typing import Any

from ..core.camera import Camera
from ..core.errors import CalibrationError, FormatError, MissingDependencyError
from .images import read_bytes, write_bytes

MAX_YAML_BYTES = 1 << 18   # a calibration takes about 1 KiB,
MAX_YAML_EVENTS = 2000     # about 120 events of the parser,
MAX_YAML_DEPTH = 16        # and three levels
MAX_SIZE_PX = 1 << 20
MAX_DISTORTION = 14        # coefficients of the largest model that OpenCV knows
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
PLAIN_NAME = re.compile(r'[A-Za-z_][A-Za-z0-9_/]*')


@dataclass(frozen=True)
class RegionOfInterest:
    """Fields of ``sensor_msgs/RegionOfInterest``, pixels of the full image."""

    x_offset: int = 0
    y_offset: int = 0
    height: int = 0
    width: int = 0
    do_rectify: bool = False


@dataclass(frozen=True)
class CameraInfo:
    """
    Fields of ``sensor_msgs/CameraInfo`` without its header.

    :param height: of the full image, pixels.
    :param width: of the full image, pixels.
    :param distortion_model: ``plumb_bob``, ``rational_polynomial``, ``equidistant``, ...
    :param d: coefficients of that model.
    :param k: (3, 3) row by row, intrinsics of the distorted image, pixels.
    :param r: (3, 3) row by row, rotation into the rectified frame.
    :param p: (3, 4) row by row, projection of the rectified image, pixels (and pixels times
        metres in the fourth column).
    :param binning_x: columns of the full image that make one; 0 means 1.
    :param binning_y: rows of the full image that make one; 0 means 1.
    :param roi: part of the full image that the image shows; size 0 means all of it.
    """

    height: int
    width: int
    distortion_model: str = 'plumb_bob'
    d: tuple[float, ...] = ()
    k: tuple[float, ...] = (0.0,) * 9
    r: tuple[float, ...] = IDENTITY
    p: tuple[float, ...] = (0.0,) * 12
    binning_x: int = 0
    binning_y: int = 0
    roi: RegionOfInterest = field(default_factory=RegionOfInterest)


def camera_info_from_camera(camera: Camera) -> CameraInfo:
    """Describe a rectified camera as CameraInfo without distortion."""
    return CameraInfo(
        camera.height, camera.width, 'plumb_bob', (0.0,) * 5,
        tuple(float(value) for value in camera.K.ravel()), IDENTITY,
        tuple(float(value) for value in camera.P.ravel()))


def read_camera_info_yaml(path: str | Path) -> CameraInfo:
    """
    Read a calibration as ``camera_calibration`` and ``camera_info_manager`` write it.

    Their fields are read, and ``binning_x``, ``binning_y`` and ``roi`` if they are there.

    :raises FormatError: if the file is missing, too large or no YAML mapping.
    :raises CalibrationError: if a field is missing or has a value of the wrong kind.
    :raises MissingDependencyError: if PyYAML is not installed.
    """
    fields = _load_yaml(path)
    roi = _value(fields, 'roi', path) if 'roi' in fields else {}
    if not isinstance(roi, Mapping):
        raise CalibrationError(f'{path}: roi must be a mapping, found {_kind(roi)}')
    model = fields.get('distortion_model', 'plumb_bob')
    if not isinstance(model, str):
        raise CalibrationError(f'{path}: distortion_model must be a text, found {_kind(model)}')
    return CameraInfo(
        height=_integer(fields, 'image_height', path, low=1),
        width=_integer(fields, 'image_width', path, low=1),
        distortion_model=model,
        d=_matrix(fields, 'distortion_coefficients', path, None),
        k=_matrix(fields, 'camera_matrix', path, (3, 3)),
        r=_matrix(fields, 'rectification_matrix', path, (3, 3)),
        p=_matrix(fields, 'projection_matrix', path, (3, 4)),
        binning_x=_integer(fields, 'binning_x', path, default=0),
        binning_y=_integer(fields, 'binning_y', path, default=0),
        roi=RegionOfInterest(
            **{name: _integer(roi, name, path, default=0)
               for name in ('x_offset', 'y_offset', 'height', 'width')},
            do_rectify=bool(roi.get('do_rectify', False))))


def write_camera_info_yaml(path: str | Path, info: CameraInfo, name: str = 'camera') -> None:
    """
    Write a calibration as ``camera_calibration`` and ``camera_info_manager`` read it.

    :param path: where to.
    :param info: the calibration; binning and region are written if they are set.
    :param name: the camera's name.
    :raises FormatError: if the file cannot be written.
    """
    lines = [
        f'image_width: {info.width}',
        f'image_height: {info.height}',
        f'camera_name: {_yaml_text(name)}',
        *_matrix_lines('camera_matrix', 3, info.k),
        f'distortion_model: {_yaml_text(info.distortion_model)}',
        *_matrix_lines('distortion_coefficients', 1, info.d),
        *_matrix_lines('rectification_matrix', 3, info.r),
        *_matrix_lines('projection_matrix', 3, info.p),
    ]
    if info.binning_x or info.binning_y:
        lines += [f'binning_x: {info.binning_x}', f'binning_y: {info.binning_y}']
    if info.roi != RegionOfInterest():
        roi = info.roi
        lines += ['roi:', f'  x_offset: {roi.x_offset}', f'  y_offset: {roi.y_offset}',
                  f'  height: {roi.height}', f'  width: {roi.width}',
                  f'  do_rectify: {"true" if roi.do_rectify else "false"}']
    write_bytes(path, ('\n'.join(lines) + '\n').encode())


def _load_yaml(path: str | Path) -> Mapping[Any, Any]:
    try:
        import yaml
    except ImportError:
        raise MissingDependencyError(
            'reading a calibration needs PyYAML; install python3-yaml (apt) or pyyaml (pip)'
        ) from None
    data = read_bytes(path, limit=MAX_YAML_BYTES)
    try:
        _refuse_yaml_bombs(yaml.parse(data, Loader=yaml.SafeLoader), path)
        fields = yaml.safe_load(data)
    except FormatError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise FormatError(f'{path}: expected a calibration in YAML, found {reason}') from None
    if not isinstance(fields, Mapping):
        raise FormatError(f'{path}: expected a calibration in YAML (image_width: ..., '
                          f'camera_matrix: ...), found {_kind(fields)}')
    return fields


def _refuse_yaml_bombs(events: Iterable[Any], path: str | Path) -> None:
    """
    Stop before nested aliases become gigabytes, or deep or long lists take hours to load.

    :raises FormatError: if the file is more than any calibration can be.
    """
    depth = 0
    for count, event in enumerate(events):
        kind = type(event).__name__
        depth += kind.endswith('StartEvent') - kind.endswith('EndEvent')
        if kind == 'AliasEvent':
            raise FormatError(f'{path}: a calibration must not use YAML aliases (*name)')
        if depth > MAX_YAML_DEPTH or count > MAX_YAML_EVENTS:
            raise FormatError(f'{path}: expected a calibration in YAML, found a file of more '
                              f'than {MAX_YAML_EVENTS} values or {MAX_YAML_DEPTH} levels')


def _value(fields: Mapping[Any, Any], name: str, path: str | Path) -> Any:
    if name not in fields:
        raise CalibrationError(f'{path}: the calibration has no {name}')
    return fields[name]


def _integer(fields: Mapping[Any, Any], name: str, path: str | Path, *, low: int = 0,
             default: int | None = None) -> int:
    if default is not None and name not in fields:
        return default
    value = _value(fields, name, path)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= MAX_SIZE_PX:
        raise CalibrationError(f'{path}: {name} must be an integer from {low} to {MAX_SIZE_PX}, '
                               f'found {_kind(value)}')
    return value


def _matrix(fields: Mapping[Any, Any], name: str, path: str | Path,
            shape: tuple[int, int] | None) -> tuple[float, ...]:
    """Numbers of a matrix, row by row; ``shape`` None takes a vector of any length."""
    entry = _value(fields, name, path)
    if not isinstance(entry, Mapping) or not isinstance(entry.get('data'), list):
        raise CalibrationError(f'{path}: {name} must have rows, cols and data: [...], found '
                               f'{_kind(entry)}')
    data = entry['data']
    rows, columns = entry.get('rows'), entry.get('cols')
    if shape is not None and (len(data) != shape[0] * shape[1] or (rows, columns) != shape):
        raise CalibrationError(
            f'{path}: {name} must have rows: {shape[0]}, cols: {shape[1]} and as many numbers, '
            f'found rows: {_kind(rows)}, cols: {_kind(columns)} and {len(data)} numbers')
    if shape is None and len(data) > MAX_DISTORTION:
        raise CalibrationError(f'{path}: {name} must have at most {MAX_DISTORTION} numbers, '
                               f'found {len(data)}')
    return tuple(_number(value, f'{path}: {name}[{index}]') for index, value in enumerate(data))


def _number(value: object, what: str) -> float:
    # PyYAML takes 1e-05, which C++ programs write, for a text.
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise CalibrationError(f'{what} must be a finite number, found {_kind(value)}')


def _kind(value: object) -> str:
    """Say what was found, short enough for one line."""
    if isinstance(value, (int, float, str, bool, type(None))):
        text = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else 'an integer'
        return text if len(text) <= 40 else f'{text[:40]}...'
    return f'a {type(value).__name__}'


def _matrix_lines(name: str, rows: int, values: tuple[float, ...]) -> list[str]:
    numbers = ', '.join(_yaml_number(float(value)) for value in values)
    return [f'{name}:', f'  rows: {rows}', f'  cols: {len(values) // rows}',
            f'  data: [{numbers}]']


def _yaml_text(text: str) -> str:
    return text if PLAIN_NAME.fullmatch(text) else json.dumps(text)


def _yaml_number(value: float) -> str:
    """Shortest text of a number; with a point, or YAML 1.1 would take 1e-05 for a text."""
    text = repr(value)
    return text.replace('e', '.0e') if 'e' in text and '.' not in text else text
