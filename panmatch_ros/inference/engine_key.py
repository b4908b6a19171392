"""What an inference engine depends on: two engines of one key can replace each other."""
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
import hashlib
import json
import re
from typing import Any

from ..core.errors import ConfigError, FormatError

PRECISIONS = ('fp32', 'fp16', 'bf16')
SUFFIX = '.engine'
LONGEST_TEXT = 500  # characters
_SCHEME = 'panmatch_ros engine 1'  # another number makes every engine of before a stranger
_SHA256 = re.compile(r'[0-9a-f]{64}')
_LARGEST = 1 << 31


@dataclass(frozen=True)
class EngineKey:
    """
    Everything that an engine was built for.

    :param graph_sha256: of the graph, 64 hexadecimal digits in lower case.
    :param weights_sha256: of the weights, likewise.
    :param size: (height, width) of the images that go in, pixels.
    :param precision: one of ``PRECISIONS``.
    :param backend: that built it and runs it, ``'tensorrt'`` for example.
    :param device: name of the device it was built on, ``'NVIDIA GeForce RTX 4090'``.
    :param compute_capability: of a CUDA device, ``'8.9'``; empty for others.
    :param batch: number of pairs that go in at once.
    :param iterations: of the update block; 0 if the network has none.
    :param tensorrt: its version; empty if it is not used, as with the versions below.
    :param torch: version of PyTorch.
    :param torch_tensorrt: version of Torch-TensorRT.
    :param driver: version of the device's driver.
    :param settings: of the build that change the engine and are told by nothing above.
    :raises ConfigError: if a value is not of that form.
    """

    graph_sha256: str
    weights_sha256: str
    size: tuple[int, int]
    precision: str
    backend: str
    device: str
    compute_capability: str = ''
    batch: int = 1
    iterations: int = 0
    tensorrt: str = ''
    torch: str = ''
    torch_tensorrt: str = ''
    driver: str = ''
    settings: str = ''

    def __post_init__(self) -> None:
        for name in ('graph_sha256', 'weights_sha256'):
            digest = getattr(self, name)
            if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
                raise ConfigError(f'{name} must be 64 hexadecimal digits in lower case, got '
                                  f'{digest!r:.80}')
        if not (isinstance(self.size, tuple) and len(self.size) == 2
                and all(_is_count(length, 1) for length in self.size)):
            raise ConfigError('size must be (height, width), two whole numbers above 0, got '
                              f'{self.size!r:.80}')
        for name, least in (('batch', 1), ('iterations', 0)):
            if not _is_count(getattr(self, name), least):
                raise ConfigError(f'{name} must be a whole number of at least {least}, got '
                                  f'{getattr(self, name)!r:.80}')
        if self.precision not in PRECISIONS:
            raise ConfigError(f'precision must be one of {", ".join(PRECISIONS)}, got '
                              f'{self.precision!r:.80}')
        for field in fields(self):
            if field.type in (str, 'str'):
                check_text(field.name, getattr(self, field.name))
        for name in ('backend', 'device'):
            if not getattr(self, name):
                raise ConfigError(f'{name} must not be empty')

    @property
    def file_name(self) -> str:
        """Name of the file of such an engine: the same in every process and on every machine."""
        text = json.dumps([_SCHEME, self.to_dict()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest() + SUFFIX

    def to_dict(self) -> dict[str, Any]:
        """Describe the key in values that JSON has."""
        return {**asdict(self), 'size': list(self.size)}

    @classmethod
    def from_dict(cls, values: Any) -> 'EngineKey':
        """
        Read what :meth:`to_dict` made.

        :param values: of any source.
        :raises FormatError: if they do not describe a key.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(values, Mapping) or set(values) != names:
            raise FormatError('the description of the engine has not the fields of this version')
        size = values['size']
        try:
            return cls(**{**values, 'size': tuple(size) if isinstance(size, list) else size})
        except ConfigError as error:
            raise FormatError(f'the description of the engine is wrong: {error}') from error

    def differences(self, wanted: 'EngineKey') -> str:
        """
        Say in what this key is not another one: ``device A instead of B, driver ...``.

        :returns: empty if they are equal.
        """
        ours, theirs = self.to_dict(), wanted.to_dict()
        return ', '.join(f'{name} {_short(ours[name])} instead of {_short(theirs[name])}'
                         for name in ours if ours[name] != theirs[name])


def check_text(name: str, text: Any) -> None:
    """
    Refuse what is not a printable text of a line.

    :raises ConfigError: with the name of the value.
    """
    if not isinstance(text, str) or len(text) > LONGEST_TEXT or not text.isprintable():
        raise ConfigError(f'{name} must be a printable text of at most {LONGEST_TEXT} '
                          f'characters, got {text!r:.80}')


def _is_count(value: Any, least: int) -> bool:
    return type(value) is int and least <= value < _LARGEST


def _short(value: Any) -> str:
    text = str(value)
    return f'{text[:12]}...' if _SHA256.fullmatch(text) else text or "''"
