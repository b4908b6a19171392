"""
Our weight files: safetensors with a description of the network in the header.

The header's metadata holds one JSON text under ``panmatch_ros``; see :class:`Metadata`.
"""
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError, FormatError
from ..models.config import PanMatchConfig
from ..models.presets import preset_name
from .dependencies import import_safetensors, import_torch
from .files import AGAIN, check_readable, is_safetensors
from .manifest import Spec, check_tensors, expected_tensors
from .tensors import to_float32

if TYPE_CHECKING:
    from ..models.panmatch import PanMatch

FORMAT = 1
_HEADER_KEY = 'panmatch_ros'
_LARGEST_WIDTH, _MOST_BLOCKS, _MOST_ITERATIONS = 1 << 16, 64, 100


@dataclass(frozen=True)
class Source:
    """A file that weights came from."""

    role: str
    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Metadata:
    """
    What a weight file says about itself.

    :param config: form of the network.
    :param crop_size: (height, width) of the images in training, pixels; None if not known.
    :param sources: where the weights came from.
    :param creator: program and version that wrote the file.
    :param licence: terms of the weights, as far as known.
    :param notes: what a user should know.
    """

    config: PanMatchConfig
    crop_size: tuple[int, int] | None = None
    sources: tuple[Source, ...] = ()
    creator: str = ''
    licence: str = ''
    notes: tuple[str, ...] = ()
    preset: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, 'preset', preset_name(self.config))

    def to_json(self) -> str:
        """Write as the text of the header."""
        return json.dumps({'format': FORMAT, **asdict(self), 'config': self.config.to_dict()})


def save_native(path: Path, tensors: Mapping[str, Any], metadata: Metadata) -> None:
    """
    Write a weight file, at once or not at all.

    :param path: replaced if it exists.
    :param tensors: all tensors of the network, under our names.
    :param metadata: description.
    :raises FormatError: if tensors are missing, unknown or of another shape.
    :raises OSError: if the file cannot be written.
    """
    safetensors = import_safetensors()
    specs = {name: Spec(tuple(x.shape), x.is_floating_point()) for name, x in tensors.items()}
    check_tensors(str(path), expected_tensors(metadata.config), specs)
    partial = path.with_name(f'.{path.name}.{os.getpid()}.partial')
    partial.touch()
    mode = partial.stat().st_mode  # what the user wants; the library takes 0600
    try:
        safetensors.save_file(_separate(tensors), partial,
                              {'format': 'pt', _HEADER_KEY: metadata.to_json()})
        partial.chmod(mode)
        os.replace(partial, path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if type(error).__name__ == 'SafetensorError':
            raise OSError(f'{path} cannot be written: {error}') from error
        raise


def read_metadata(path: Path) -> tuple[Metadata, dict[str, Spec]]:
    """
    Read the header of a weight file and check that it describes a whole network.

    :returns: the description, and shapes of all tensors.
    :raises FormatError: if it is damaged, not one of ours, newer, or not complete.
    :raises OSError: if it cannot be opened.
    """
    with _open(path) as file:
        header = (file.metadata() or {}).get(_HEADER_KEY)
        names = list(file.keys())
        slices = {name: file.get_slice(name) for name in names}
        specs = {name: Spec(tuple(x.get_shape()), x.get_dtype().startswith(('F', 'BF')))
                 for name, x in slices.items()}
    if header is None:
        raise FormatError(f'{path} was not written by panmatch_ros (its header describes no '
                          'network); `panmatch convert` makes such a file from the official ones')
    metadata = parse_metadata(path, header)
    _check_plausible(path, metadata.config, len(specs))
    check_tensors(str(path), expected_tensors(metadata.config), specs)
    return metadata, specs


def read_native(path: Path) -> tuple[dict[str, Any], Metadata]:
    """
    Read and check a whole weight file.

    :returns: tensors under our names, single precision; and the description.
    :raises FormatError: as :func:`read_metadata`, and for NaN and infinite values.
    :raises OSError: if it cannot be opened.
    """
    metadata, specs = read_metadata(path)
    with _open(path) as file:
        tensors = {name: file.get_tensor(name) for name in specs}
    return to_float32(path, tensors)[0], metadata


def load_model(path: Path | str) -> 'tuple[PanMatch, Metadata]':
    """
    Load a network from one of our files, on the CPU and for inference (``eval``).

    :raises FormatError: if anything about the file is not exactly right.
    :raises MissingDependencyError: if PyTorch or safetensors is not installed.
    :raises OSError: if it cannot be opened.
    """
    tensors, metadata = read_native(Path(path))
    torch = import_torch()
    from ..models.panmatch import PanMatch
    with torch.device('meta'):  # no time and memory for weights that are replaced at once
        model = PanMatch(metadata.config)
    model.load_state_dict(tensors, strict=True, assign=True)
    return model.eval(), metadata


def parse_metadata(path: Path, text: str) -> Metadata:
    """
    Read the text of the header.

    :param path: for error texts.
    :raises FormatError: if something is missing, unknown or wrong.
    """
    try:
        values = json.loads(text)
        version = values.pop('format')
        if version != FORMAT:
            raise FormatError(f'{path} has format {version!r}, and this panmatch_ros knows '
                              f'format {FORMAT}; it may come from a newer version')
        values.pop('preset')
        values['config'] = PanMatchConfig.from_dict(values['config'])
        values['sources'] = tuple(Source(**source) for source in values['sources'])
        values['notes'] = tuple(values['notes'])
        values['crop_size'] = values['crop_size'] and _size(values['crop_size'])
        _check_texts(values)
        return Metadata(**values)
    except ConfigError as error:
        raise FormatError(f'{path} describes a network that cannot be: {error}') from error
    except FormatError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FormatError(f'the description in the header of {path} is damaged '
                          f'({type(error).__name__}: {error}); {AGAIN}') from error


def _check_texts(values: Mapping[str, Any]) -> None:
    texts = [values['creator'], values['licence'], *values['notes']]
    for source in values['sources']:
        texts += [source.role, source.name, source.sha256]
        if type(source.size_bytes) is not int:
            raise TypeError('the size of a source must be a whole number')
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise ValueError('texts must be printable')


def _size(value: Any) -> tuple[int, int]:
    height, width = value
    if not all(type(edge) is int and 0 < edge <= _LARGEST_WIDTH for edge in (height, width)):
        raise ValueError(f'the crop size is {value!r}')
    return height, width


def _check_plausible(path: Path, config: PanMatchConfig, tensors: int) -> None:
    """Keep a hostile header from making us build something endless."""
    blocks = min(tensors, _MOST_BLOCKS)  # a small file may list many empty tensors
    limits = {'vit_depth': blocks, 'encoder_depth': blocks, 'iterations': _MOST_ITERATIONS}
    for name in (each.name for each in fields(config)):
        value = getattr(config, name)
        if type(value) is int and value > limits.get(name, _LARGEST_WIDTH):
            raise FormatError(f'{path} describes a network that cannot be: {name} is {value}')


def _open(path: Path) -> Any:
    check_readable(path)
    if not is_safetensors(path):
        raise FormatError(f'{path} is not a safetensors file; `panmatch convert` makes one from '
                          'the official files')
    import_safetensors()
    import safetensors
    try:
        return safetensors.safe_open(str(path), framework='pt', device='cpu')
    except safetensors.SafetensorError as error:
        raise FormatError(f'{path} is cut off or damaged ({error}); {AGAIN}') from error


def _separate(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Copy tensors that share memory with others, which cannot be written as they are."""
    seen: set[int] = set()
    separate = {}
    for name, tensor in tensors.items():
        memory = tensor.untyped_storage()
        is_whole = memory.nbytes() == tensor.numel() * tensor.element_size()
        is_shared = memory.data_ptr() in seen
        separate[name] = tensor if is_whole and not is_shared else tensor.clone()
        seen.add(memory.data_ptr())
    return separate
