"""What the results of a matcher depend on beside the images."""
from dataclasses import asdict
from functools import cache
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

from ..checkpoints.nano_graphs import MANIFEST, find_nano
from ..core.errors import FormatError
from .factory import MatcherOptions, concerning, uses_weights
from .matcher import Matcher

_COMPUTING = ('core', 'models', 'checkpoints', 'inference')  # packages that results depend on
_BLOCK = 4 << 20


def matcher_identity(name: str, options: MatcherOptions, matcher: Matcher) -> dict[str, object]:
    """
    List what the results of a matcher depend on.

    :param name: that it was made by, see :func:`.factory.create_matcher`.
    :param options: that it was made with.
    :param matcher: the matcher.
    :returns: name, options, what computes, digests of the weights and of the code of this
        package, versions of the libraries; plain values that JSON can hold.
    :raises OSError: if the weights cannot be read.
    """
    settings, weights = concerning(name, options)
    return {'name': name, 'backend': matcher.backend, 'precision': matcher.precision,
            'options': json.loads(json.dumps([asdict(each) for each in settings], default=str)),
            'weights': _weights_digest(name, options, weights), 'code': code_digest(),
            'numpy': np.__version__, 'opencv': cv2.__version__}


@cache
def code_digest() -> str:
    """SHA-256 of the files of this package that results depend on."""
    package, digest = Path(__file__).parents[1], hashlib.sha256()
    for folder in _COMPUTING:
        for path in sorted((package / folder).rglob('*.py')):
            digest.update(f'{path.relative_to(package)}\n'.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _weights_digest(name: str, options: MatcherOptions, weights: str) -> str:
    if name == 'classical':
        return ''
    if uses_weights(name, options.panmatch):
        return _file_digest(Path(weights).expanduser())
    try:
        return _file_digest(find_nano(weights).folder / MANIFEST)  # which has those of the graphs
    except FormatError:
        return ''  # auto does without it


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
