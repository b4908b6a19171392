"""Engines of the parts of a network, and what they have to compute, as one piece of bytes."""
from collections.abc import Mapping
import io
import zipfile

import numpy as np

from ..core.errors import FormatError

_REFERENCE = 'reference.npz'
_SUFFIX = '.part'


def pack(parts: Mapping[str, bytes], flow: np.ndarray, confidence: np.ndarray) -> bytes:
    """
    Put engines into one piece.

    :param parts: engine of each part.
    :param flow: (H, W, 2) that the network finds in single precision on the built-in pair.
    :param confidence: (H, W), likewise.
    """
    reference = io.BytesIO()
    np.savez_compressed(reference, flow=np.asarray(flow, np.float32),
                        confidence=np.asarray(confidence, np.float32))
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, 'w', zipfile.ZIP_STORED) as file:
        for name, data in parts.items():
            file.writestr(name + _SUFFIX, data)
        file.writestr(_REFERENCE, reference.getvalue())
    return bundle.getvalue()


def unpack(bundle: bytes, parts: tuple[str, ...]) -> tuple[dict[str, bytes], np.ndarray,
                                                           np.ndarray]:
    """
    Take engines apart.

    :param parts: names that must be there.
    :returns: engine of each part, flow and confidence as :func:`pack` got them.
    :raises FormatError: if it is not such a piece.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as file:
            engines = {name: file.read(name + _SUFFIX) for name in parts}
            with np.load(io.BytesIO(file.read(_REFERENCE)), allow_pickle=False) as reference:
                return engines, reference['flow'], reference['confidence']
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise FormatError(f'the engine does not hold what it should ({error}); remove it with '
                          '`panmatch engine clean --all`') from error
