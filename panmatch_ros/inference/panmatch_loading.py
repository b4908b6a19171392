"""From options to a PanMatch network that is ready."""
import logging
from pathlib import Path

from ..core.errors import ConfigError
from .backends.torch_backend import find_device, memory_errors, require_torch
from .engine_cache import EngineCache
from .panmatch_config import PanMatchOptions
from .panmatch_network import PartsNetwork
from .panmatch_source import PanMatchSource
from .panmatch_torch import (
    TorchNetwork,
    network_name,
    with_bilinear_upsampling,
    with_iterations,
)
from .runtime import make_programs

OWN = ('auto', 'torch')  # back-ends for which TorchNetwork is the fastest form

log = logging.getLogger(__name__)
PanMatchNetwork = TorchNetwork | PartsNetwork


def load_network(options: PanMatchOptions) -> tuple[PanMatchNetwork, tuple[int, int] | None]:
    """
    Read a checkpoint and make it ready.

    :param options: ``weights``, ``iterations``, ``upsampling`` and what computes.
    :returns: network, and the (height, width) that it was trained on if the file tells.
    :raises ConfigError: if there is no such file or device, or nothing to ablate.
    :raises PanMatchError: if the file cannot be used.
    :raises MissingDependencyError: if torch, or what the back-end needs, is not installed.
    """
    path = Path(options.weights).expanduser()
    if not path.is_file():
        what = 'is a folder' if path.is_dir() else 'does not exist'
        raise ConfigError(f'weights: {path} {what}; name a checkpoint file')
    require_torch()
    find_device(options.device)  # before a file of gigabytes is read
    from ..checkpoints.native import load_model
    from ..models.folding import fold_for_inference
    log.info('reading %s', path)
    with memory_errors():
        model, metadata = load_model(path)
        if options.upsampling == 'bilinear':
            model = with_bilinear_upsampling(model, str(path))
        model = fold_for_inference(with_iterations(model, options.iterations))
    crop = metadata.crop_size
    crop_size = None if crop is None else (int(crop[0]), int(crop[1]))
    if options.backend in OWN:
        return TorchNetwork(model, options.device, options.precision), crop_size
    source = PanMatchSource(model, path, EngineCache(options.engine_folder))
    programs = make_programs(source, options, network_name(model.config), usual='torch')
    return PartsNetwork(source, programs), crop_size
