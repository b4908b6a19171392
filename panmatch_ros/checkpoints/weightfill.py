"""
Weights and inputs that depend on names only, the same on every machine.

With them two implementations of the network can be compared without a checkpoint. Numbers come
from the official name of a tensor (see ``keymap``), its shape and a salt.
"""
import math
from typing import TYPE_CHECKING
import zlib

import numpy as np

from .keymap import official_key

if TYPE_CHECKING:
    import torch

# Of random weights, these would make the recurrence diverge.
_DAMPED = {'feature_embedding.merge.weight': 0.3, 'flow_head.conv2.weight': 0.5}


def fill_array(key: str, shape: tuple[int, ...], salt: str = '') -> np.ndarray:
    """
    Make the values of one tensor.

    :param key: official name, ``dinov2.`` in front for the backbone.
    :param shape: of the tensor.
    :param salt: another salt gives other values.
    :returns: float32; int64 for ``num_batches_tracked``.
    """
    leaf = key.rpartition('.')[2]
    if leaf == 'num_batches_tracked':
        return np.zeros(shape, np.int64)
    values = _scaled(key, leaf, _normal(salt + key, shape))
    for ending, factor in _DAMPED.items():
        if key.endswith(ending):
            values = values * factor
    return np.asarray(values, np.float32)


def input_tensor(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """
    Make a float32 input with normally distributed values.

    :param name: another name gives other values.
    :param shape: of the array.
    """
    return np.asarray(_normal(f'input:{name}', shape), np.float32)


def fill_model(model: 'torch.nn.Module', salt: str = '') -> None:
    """
    Overwrite all weights of a PanMatch network.

    :param model: the network, or a part with the names of the whole.
    :param salt: as for :func:`fill_array`.
    """
    from .dependencies import import_torch
    torch = import_torch()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            values = fill_array(official_key(name), tuple(tensor.shape), salt)
            tensor.copy_(torch.from_numpy(values))


def _normal(text: str, shape: tuple[int, ...]) -> np.ndarray:
    # The legacy generator: its stream is frozen by NumPy for all versions.
    generator = np.random.RandomState(zlib.crc32(text.encode()))
    return np.asarray(generator.standard_normal(shape))


def _scaled(key: str, leaf: str, normal: np.ndarray) -> np.ndarray:
    """Give normal numbers the scale that suits the kind of tensor."""
    if leaf == 'running_var':
        return 1 + 0.1 * np.abs(normal)
    if leaf == 'running_mean':
        return 0.1 * normal
    if leaf == 'bias':
        return 0.02 * normal
    if leaf == 'gamma':
        return (0.3 if 'dinov2.' in key else 0.5) * (1 + 0.1 * normal)
    if leaf == 'weight' and normal.ndim == 1:
        return 1 + 0.1 * normal
    if leaf == 'weight' and normal.ndim > 1:
        return normal / math.sqrt(math.prod(normal.shape[1:]))
    return 0.5 * normal
