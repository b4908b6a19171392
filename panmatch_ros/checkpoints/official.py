"""
Read the two official files: PanMatch weights and DINOv2 weights.

Nothing in them is trusted: pickles are read with ``weights_only=True``, and a file that needs more
than plain data is refused.
"""
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
import re
from typing import Any
import warnings

import numpy as np

from ..core.errors import FormatError
from .dependencies import import_torch
from .files import AGAIN, check_torch_file
from .manifest import Spec, shortened, spec_of
from .tensors import check_ordinary, strip_module

PANMATCH, DINOV2 = 'PanMatch', 'DINOv2'
_BACKBONE_FILE_KEYS = ('cls_token', 'pos_embed', 'patch_embed.proj.weight')
_LARGEST_CROP_PX = 1 << 16
_NAMES_CAN_BE_ALLOWED = (2, 7)  # PyTorch; before, only under the name that they have now


@dataclass(frozen=True)
class OfficialFile:
    """
    The tensors of an official file.

    :param path: where it was read from.
    :param kind: ``PANMATCH`` or ``DINOV2``.
    :param tensors: official names without ``module.``.
    :param crop_size: (height, width) of the images in training, pixels; None if not recorded.
    :param notes: what a user should know about the file.
    """

    path: Path
    kind: str
    tensors: dict[str, Any]
    crop_size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()

    @property
    def specs(self) -> dict[str, Spec]:
        """Shapes and kinds of all tensors."""
        return {name: spec_of(tensor) for name, tensor in self.tensors.items()}

    def with_note(self, text: str) -> 'OfficialFile':
        """Add a note."""
        return replace(self, notes=(*self.notes, f'{self.path.name}: {text}'))


def read_official(path: Path) -> OfficialFile:
    """
    Read an official file of either kind.

    Tensors stay in the file until they are used, where its format allows that.

    :raises FormatError: if it is neither, damaged, or refused because it would run code.
    :raises OSError: if it cannot be opened.
    """
    content = _load(path, mapped=check_torch_file(path))
    if not isinstance(content, Mapping):
        raise FormatError(f'{path} holds an object of type {type(content).__name__} and not a '
                          'dictionary of tensors')
    state = content.get('model_state', content)
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise FormatError(f'{path} holds no dictionary of tensors under "model_state"')
    tensors = strip_module(str(path), state)
    kind = recognise(tensors)
    if not kind:
        raise FormatError(
            f'{path} is neither the PanMatch checkpoint nor DINOv2 weights; it holds '
            f'{shortened(tensors) or "nothing"}; `panmatch info --catalog` lists the files')
    check_ordinary(path, tensors)
    found = OfficialFile(path, kind, tensors)
    if kind == DINOV2:
        return found
    crop_size = _crop_size(content)
    if crop_size is None:
        return found.with_note('records no crop size')
    return replace(found, crop_size=crop_size)


def recognise(state: Mapping[str, Any]) -> str:
    """Tell from its names what a dictionary of tensors is; empty if neither."""
    if any(name.startswith(('backbone.encoder.', 'backbone.decoder.')) for name in state):
        return PANMATCH
    if all(name in state for name in _BACKBONE_FILE_KEYS):
        return DINOV2
    return ''


def _load(path: Path, mapped: bool) -> Any:
    torch = import_torch()
    try:
        with _numpy_allowed(torch), warnings.catch_warnings():
            warnings.simplefilter('ignore')  # about pickle protocols; we refuse or read
            return torch.load(path, map_location='cpu', weights_only=True, mmap=mapped)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a hostile file can fail anywhere in the reader
        refused = re.search(r'GLOBAL ([\w.]+)', str(error))
        if refused:
            raise FormatError(
                f'{path} is refused: it asks for {refused[1]}, and loading that would run code '
                'from the file; take the file from its official source') from error
        reason = str(error).strip().split('\n')[0][:120] or type(error).__name__
        if 'Weights only' in reason:
            reason = 'torch.save did not write this'
        raise FormatError(f'{path} cannot be read, it is cut off or damaged ({reason}); '
                          f'{AGAIN}') from error


def _numpy_allowed(torch: Any) -> AbstractContextManager[Any]:
    """Allow NumPy numbers and arrays, which training code tends to leave; they are plain data."""
    version = tuple(int(part) for part in torch.__version__.split('.')[:2])
    if version < _NAMES_CAN_BE_ALLOWED:
        return nullcontext()
    scalar = np.float64(0).__reduce__()[0]
    array = np.zeros(0).__reduce__()[0]
    names = [(function, f'numpy.{core}.multiarray.{name}') for core in ('core', '_core')
             for function, name in ((scalar, 'scalar'), (array, '_reconstruct'))]
    return torch.serialization.safe_globals(
        [*names, np.ndarray, np.dtype, *{type(np.dtype(kind)) for kind in 'fdilq?'}])


def _crop_size(content: Mapping[Any, Any]) -> tuple[int, int] | None:
    """``training_config['data']['crop_size']`` if it is there and makes sense."""
    value: Any = content
    for key in ('training_config', 'data', 'crop_size'):
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    if not all(isinstance(edge, (int, np.integer)) and not isinstance(edge, bool)
               and 0 < edge < _LARGEST_CROP_PX for edge in value):
        return None
    return int(value[0]), int(value[1])
