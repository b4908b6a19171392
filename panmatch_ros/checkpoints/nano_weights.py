"""Weights of the nano network: one safetensors file with its form and where it comes from."""
from collections.abc import Mapping
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError, FormatError
from .dependencies import import_safetensors
from .files import AGAIN, check_readable, is_safetensors

if TYPE_CHECKING:
    from ..models.nano import Nano

FORMAT = 'panmatch_ros nano 1'


def save_nano(path: Path, model: 'Nano', notes: Mapping[str, Any] | None = None) -> None:
    """
    Write the weights of a network; never a half-written file.

    :param notes: plain values that are kept beside them, such as the recipe and metrics.
    """
    import_safetensors()
    from safetensors.torch import save_file
    header = {'format': FORMAT, 'network': model.config.to_dict(), 'notes': dict(notes or {})}
    temporary = path.with_name(path.name + '.part')
    tensors = {name: each.detach().cpu().contiguous()
               for name, each in model.state_dict().items()}
    save_file(tensors, str(temporary), metadata={'panmatch_ros': json.dumps(header)})
    os.replace(temporary, path)


def load_nano(path: Path) -> tuple['Nano', dict[str, Any]]:
    """
    Read a network.

    :returns: the network in evaluation mode on the CPU, and the notes beside its weights.
    :raises FormatError: if the file is none of :func:`save_nano`, or damaged.
    :raises OSError: if it cannot be read.
    """
    check_readable(path)
    if not is_safetensors(path):
        raise FormatError(f'{path} is not a safetensors file; give one of `panmatch train`')
    import_safetensors()
    import safetensors
    import torch

    from ..models.nano import Nano
    from ..models.nano_config import NanoConfig
    try:
        with safetensors.safe_open(str(path), framework='pt', device='cpu') as file:
            header = json.loads((file.metadata() or {}).get('panmatch_ros', '{}'))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if not isinstance(header, dict) or header.get('format') != FORMAT:
            raise FormatError(f'{path} does not hold weights of a nano network')
        notes = dict(header['notes'])
        config = NanoConfig.from_dict(header['network'])
        with torch.device('meta'):  # costs nothing, whatever the header asks for
            shapes = {name: each.shape for name, each in Nano(config).state_dict().items()}
        if shapes != {name: each.shape for name, each in tensors.items()}:
            raise FormatError(f'{path} does not hold the weights that its header describes')
        model = Nano(config)
        model.load_state_dict(tensors)
    except ConfigError as error:
        raise FormatError(f'{path} describes a network that cannot be: {error}') from error
    except FormatError:
        raise
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError,
            RuntimeError, RecursionError) as error:
        raise FormatError(f'{path} is cut off or damaged ({error}); {AGAIN}') from error
    return model.eval(), notes


def shipped_weights() -> Path:
    """Tell where the weights of this package are."""
    return Path(__file__).parent / 'weights' / 'nano.safetensors'
