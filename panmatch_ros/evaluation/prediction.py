"""What a matcher made of a pair, and the file that keeps it."""
from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import json
import os
from pathlib import Path
import zipfile
import zlib

import numpy as np

from ..core.errors import FormatError

FORMAT = 1
CONFIDENCE_LEVELS = 65535  # the file keeps the confidence in 16 bits, steps of 1.5e-5
_ENTRIES = {'values', 'confidence', 'about'}
_DAMAGE = (OSError, ValueError, KeyError, EOFError, TypeError, RuntimeError, MemoryError,
           zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Prediction:
    """
    What a matcher made of a pair.

    :param values: (H, W) disparity or (H, W, 2) flow, float32, pixels; NaN is invalid.
    :param confidence: (H, W) float32 in [0, 1].
    :param milliseconds: time of the one call, without reading files.
    :param size1: (height, width) of image 1, pixels.
    """

    values: np.ndarray
    confidence: np.ndarray
    milliseconds: float
    size1: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of image 0, pixels."""
        return self.values.shape[0], self.values.shape[1]


def key_digest(key: Mapping[str, object]) -> str:
    """
    Put into one text all that a prediction depends on.

    :param key: plain values that JSON can hold.
    """
    text = json.dumps({'format': FORMAT, **key}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_prediction(path: Path, prediction: Prediction, digest: str) -> None:
    """
    Write a prediction; whoever looks finds the old file, or all of the new one.

    Values are kept as they are. The confidence is rounded to 16 bits: the one that is read back
    differs by at most 8e-6.

    :param path: its folder is made if it does not exist.
    :param digest: of what the prediction depends on, see :func:`key_digest`.
    :raises OSError: if it cannot be written.
    """
    about = json.dumps({'digest': digest, 'milliseconds': prediction.milliseconds,
                        'size1': list(prediction.size1)}).encode()
    confidence = np.rint(np.clip(prediction.confidence, 0, 1) * CONFIDENCE_LEVELS)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        with open(temporary, 'wb') as stream:
            np.savez(stream, values=prediction.values, confidence=confidence.astype(np.uint16),
                     about=np.frombuffer(about, np.uint8))
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_prediction(path: Path, digest: str | None = None) -> Prediction | None:
    """
    Read a prediction.

    :param digest: of what it has to depend on; any if not given.
    :returns: None if there is no such file or it depends on something else.
    :raises FormatError: if the file is damaged.
    """
    try:
        with open(path, 'rb') as stream:
            if not zipfile.is_zipfile(stream):  # NumPy would take it for something else
                raise ValueError('it is no .npz file, or its end is missing')
        with np.load(path, allow_pickle=False) as entries:
            if set(entries.files) != _ENTRIES:
                raise ValueError(f'it holds {", ".join(entries.files) or "nothing"}')
            about = json.loads(entries['about'].tobytes())
            if digest is not None and about['digest'] != digest:
                return None
            values, stored = entries['values'], entries['confidence']
            milliseconds, (height1, width1) = float(about['milliseconds']), about['size1']
    except FileNotFoundError:
        return None
    except _DAMAGE as error:
        raise FormatError(f'{path}: the prediction is damaged: {error}') from None
    if values.dtype != np.float32 or values.ndim not in (2, 3) or stored.dtype != np.uint16 \
            or stored.shape != values.shape[:2] or values.shape[2:] not in ((), (2,)):
        raise FormatError(f'{path}: expected float32 (H, W) or (H, W, 2) and uint16 (H, W), found '
                          f'{values.dtype} {values.shape} and {stored.dtype} {stored.shape}')
    confidence = stored.astype(np.float32) / np.float32(CONFIDENCE_LEVELS)
    return Prediction(values, confidence, milliseconds, (int(height1), int(width1)))
