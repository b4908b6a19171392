"""Files with the motion between two cameras: numbers, JSON or YAML."""
from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import FormatError, MissingDependencyError, PoseError
from ..core.quaternion import rotation_from_quaternion
from ..core.rigid_motion import make_transform, require_rigid
from .images import read_bytes, write_bytes

MAX_POSE_BYTES = 1 << 13   # too small for YAML aliases to do harm
KEY, SCALE = 'T_1_0', 'scale'
METRIC, UNIT_BASELINE = 'metric', 'unit baseline'
QUATERNION_TOLERANCE = 1e-2
EXPECTED = ('expected T_1_0: a 4x4 or 3x4 matrix, or 7 numbers tx ty tz qx qy qz qw')


class PoseFile(NamedTuple):
    """
    A motion between two cameras.

    :param T_1_0: (4, 4) float64, takes points of camera 0 into the frame of camera 1.
    :param metric: whether its translation is in metres; a file that does not tell is.
    """

    T_1_0: np.ndarray
    metric: bool


def read_pose(path: str | Path) -> PoseFile:
    """
    Read a motion from a file.

    Text has a 4x4 or 3x4 matrix row by row or the 7 numbers ``tx ty tz qx qy qz qw``, separated
    by blanks, commas or new lines; a ``#`` starts a comment. ``.json``, ``.yaml`` and ``.yml``
    have the same as lists, or an object with ``T_1_0`` (and ``scale``) as
    :func:`write_pose` writes it.

    :raises FormatError: if the file cannot be read or holds no rigid motion.
    :raises MissingDependencyError: if PyYAML is needed and not installed.
    """
    data = read_bytes(path, limit=MAX_POSE_BYTES)
    suffix = Path(path).suffix.lower()
    scale: object = METRIC
    if suffix in ('.json', '.yaml', '.yml'):
        value = _parse_json(data, path) if suffix == '.json' else _parse_yaml(data, path)
        if isinstance(value, Mapping):
            if KEY not in value:
                raise FormatError(f'{path}: {EXPECTED}, found an object without {KEY}')
            value, scale = value[KEY], value.get(SCALE, METRIC)
        numbers = _flatten(value, path)
    else:
        lines = [line.partition('#')[0] for line in data.decode('utf-8', 'replace').splitlines()]
        numbers = _flatten(' '.join(lines).replace(',', ' ').split(), path)
    if scale not in (METRIC, UNIT_BASELINE):
        raise FormatError(f'{path}: {SCALE} must be {METRIC!r} or {UNIT_BASELINE!r}, found '
                          f'{scale!r:.40}')
    return PoseFile(_motion(numbers, path), scale == METRIC)


def write_pose(path: str | Path, T_1_0: np.ndarray, metric: bool,
               about: Mapping[str, Any] | None = None) -> None:
    """
    Write a motion as JSON.

    :param T_1_0: (4, 4).
    :param metric: whether its translation is in metres.
    :param about: more entries of the object.
    :raises FormatError: if the file cannot be written.
    """
    value = {KEY: np.asarray(T_1_0).tolist(), SCALE: METRIC if metric else UNIT_BASELINE,
             **(about or {})}
    write_bytes(path, (json.dumps(value, indent=2, allow_nan=False) + '\n').encode())


def _motion(numbers: np.ndarray, path: str | Path) -> np.ndarray:
    try:
        if numbers.size in (12, 16):
            return require_rigid(numbers.reshape(-1, 4), str(path))
        if numbers.size == 7:
            return require_rigid(make_transform(_rotation(numbers[3:], path), numbers[:3]))
    except PoseError as error:
        raise FormatError(str(error)) from None
    raise FormatError(f'{path}: {EXPECTED}, found {numbers.size} numbers')


def _rotation(quaternion: np.ndarray, path: str | Path) -> np.ndarray:
    length = float(np.linalg.norm(quaternion))
    if abs(length - 1) > QUATERNION_TOLERANCE:
        raise FormatError(f'{path}: the quaternion qx qy qz qw must have length 1, has '
                          f'{length:.4g}')
    return rotation_from_quaternion(quaternion / length)


def _flatten(value: object, path: str | Path) -> np.ndarray:
    """Numbers of a list, or of a list of rows."""
    rows = value if isinstance(value, list) and value else []
    values = [item for row in rows for item in row] if all(
        isinstance(row, list) for row in rows) else rows
    lengths = {len(row) for row in rows if isinstance(row, list)}
    if not values or len(values) > 16 or len(lengths) > 1:
        raise FormatError(f'{path}: {EXPECTED}, found {len(values) or "no"} numbers')
    numbers = []
    for item in values:
        try:
            # PyYAML takes 1e-05 for a text.
            if not isinstance(item, (int, float, str)) or isinstance(item, bool):
                raise ValueError
            numbers.append(float(item))
        except (ValueError, OverflowError):
            raise FormatError(f'{path}: {EXPECTED}, found {item!r:.40}') from None
    return np.array(numbers)


def _parse_json(data: bytes, path: str | Path) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f'{path}: the file is no JSON: {str(error)[:200]}') from None


def _parse_yaml(data: bytes, path: str | Path) -> object:
    try:
        import yaml
    except ImportError:
        raise MissingDependencyError('reading a pose in YAML needs PyYAML; install python3-yaml '
                                     '(apt) or pyyaml (pip)') from None
    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise FormatError(f'{path}: the file is no YAML: {reason}') from None
