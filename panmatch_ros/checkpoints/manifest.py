"""Which tensors a network consists of, and how given ones differ from that."""
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..core.errors import FormatError
from ..models.config import PanMatchConfig
from .dependencies import import_torch
from .keymap import DINOV2, official_key

SHOWN = 3  # names per kind of difference


class Spec(NamedTuple):
    """What must be right about a tensor."""

    shape: tuple[int, ...]
    is_float: bool


def spec_of(tensor: Any) -> Spec:
    """Describe a tensor."""
    return Spec(tuple(tensor.shape), bool(tensor.is_floating_point()))


def expected_tensors(config: PanMatchConfig) -> dict[str, Spec]:
    """
    List the tensors of our network, under our names.

    The network itself is asked; no memory is used for its weights.
    """
    torch = import_torch()
    from ..models.panmatch import PanMatch
    with torch.device('meta'):
        model = PanMatch(config)
    return {name: spec_of(tensor) for name, tensor in model.state_dict().items()}


def official_tensors(config: PanMatchConfig) -> tuple[dict[str, Spec], dict[str, Spec]]:
    """
    List the tensors of both official files.

    :returns: of the PanMatch file without ``module.``, and of the DINOv2 file.
    """
    panmatch, dinov2 = {}, {}
    for name, spec in expected_tensors(config).items():
        official = official_key(name)
        if official.startswith(DINOV2):
            dinov2[official.removeprefix(DINOV2)] = spec
        else:
            panmatch[official] = spec
    return panmatch, dinov2


def check_tensors(file: str, expected: Mapping[str, Spec], found: Mapping[str, Spec]) -> None:
    """
    Compare what a file holds with what it has to.

    :param file: name for the text.
    :raises FormatError: if names, shapes or kinds differ, with the first of each.
    """
    text = difference(expected, found)
    if text:
        raise FormatError(f'{file} does not fit the network: {text}')


def difference(expected: Mapping[str, Spec], found: Mapping[str, Spec]) -> str:
    """Say how two lists of tensors differ; empty if they do not."""
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    both = [name for name in expected if name in found]
    shapes = [f'{name} is {_size(found[name].shape)} and not {_size(expected[name].shape)}'
              for name in both if found[name].shape != expected[name].shape]
    kinds = [f'{name} holds {_kind(found[name])} and not {_kind(expected[name])}'
             for name in both if found[name].is_float != expected[name].is_float]
    parts = [f'{len(names)} {title}: {shortened(names)}'
             for title, names in ((f'of {len(expected)} tensors missing', missing),
                                  ('unexpected', extra), ('of another shape', shapes),
                                  ('of another kind', kinds)) if names]
    return '; '.join(parts)


def shortened(names: Iterable[str]) -> str:
    """Name the first few, count the rest."""
    names = list(names)
    text = ', '.join(names[:SHOWN])
    return f'{text} and {len(names) - SHOWN} more' if len(names) > SHOWN else text


def count_parameters(tensors: Mapping[str, Spec]) -> int:
    """Count learned values: all but the statistics of batch norms."""
    total = 0
    for name, spec in tensors.items():
        if not name.endswith(('running_mean', 'running_var', 'num_batches_tracked')):
            size = 1
            for length in spec.shape:
                size *= length
            total += size
    return total


def _size(shape: tuple[int, ...]) -> str:
    return 'x'.join(str(length) for length in shape) or 'a scalar'


def _kind(spec: Spec) -> str:
    return 'real numbers' if spec.is_float else 'whole numbers'
