"""Tensors as they come from files: names, kinds and values that can be used."""
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import FormatError
from .dependencies import import_torch
from .files import AGAIN

MODULE = 'module.'  # what DataParallel puts before every name


def strip_module(file: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """
    Take the prefix of DataParallel off all names.

    :raises FormatError: if only some have it.
    """
    with_prefix = [name for name in state if name.startswith(MODULE)]
    if not with_prefix:
        return dict(state)
    if len(with_prefix) != len(state):
        raise FormatError(f'{file} has {len(with_prefix)} names with "{MODULE}" and '
                          f'{len(state) - len(with_prefix)} without; all or none must have it')
    return {name.removeprefix(MODULE): tensor for name, tensor in state.items()}


def check_ordinary(path: Path, tensors: Mapping[str, Any]) -> None:
    """
    Refuse values that are not ordinary tensors in memory.

    :raises FormatError: with the name of the first.
    """
    torch = import_torch()
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise FormatError(f'{path}: {name} is an object of type '
                              f'{type(tensor).__name__} and not a tensor')
        if tensor.layout != torch.strided or tensor.device.type != 'cpu' or tensor.is_quantized:
            raise FormatError(f'{path}: {name} is sparse, quantised or without data; weights '
                              'have to be ordinary tensors')
        if tensor.is_complex():
            raise FormatError(f'{path}: {name} holds complex numbers')


def to_float32(path: Path, tensors: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """
    Bring floating-point tensors to single precision and counters to 64 bits.

    :param path: for error texts.
    :returns: contiguous tensors, and notes about conversions.
    :raises FormatError: if a value is NaN or infinite.
    """
    torch = import_torch()
    single, types = {}, set()
    for name, tensor in tensors.items():
        kind = torch.float32 if tensor.is_floating_point() else torch.int64
        if tensor.dtype != kind:
            types.add(tensor.dtype)
        converted = tensor.detach().to(kind).contiguous()
        if kind == torch.float32 and not bool(torch.isfinite(converted).all()):
            raise FormatError(f'{path}: {name} contains NaN or infinite values; {AGAIN}')
        single[name] = converted
    notes = []
    for kind in sorted(types, key=str):
        exact = 'rounded' if kind == torch.float64 else 'exactly'
        notes.append(f'{str(kind).removeprefix("torch.")} values were converted to '
                     f'{"32-bit floats" if kind.is_floating_point else "64-bit integers"}, '
                     f'{exact}')
    return single, notes
