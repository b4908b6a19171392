"""The network of a file of reference arrays, filled with weights that depend on names only."""
from collections.abc import Mapping
import re
from typing import TYPE_CHECKING, Any

from ...core.errors import ConfigError, FormatError
from ..backends.torch_backend import require_torch

if TYPE_CHECKING:
    from ...models.config import PanMatchConfig
    from ...models.panmatch import PanMatch

HUB_NAME = re.compile(r'dinov2_vit([sblg])14(_reg)?')
TAG = re.compile(r'_([sblg])_(reg|noreg)(?:_f(\d{1,4}))?(?:_|$)')  # in the name of a file
MAX_FEATURES = 4096   # channels; more would only fill the memory
NOREG_HOOKS = {'s': (1, 3, 5, 7)}                                  # as the reference has them


def network_config(meta: Mapping[str, Any], stem: str) -> 'PanMatchConfig':
    """
    Find out which network a file is about.

    :param meta: its ``backbone`` is [hub name, hooks, features]; without it the name of the
        file tells.
    :param stem: name of the file without its ending.
    :raises FormatError: if neither does, or the network cannot be.
    """
    from ...models.presets import preset
    backbone = meta.get('backbone')
    tag = TAG.search(stem)
    try:
        if isinstance(backbone, list) and len(backbone) == 3:
            name, hooks, features = backbone
            match = HUB_NAME.fullmatch(str(name))
            if match is None or not isinstance(hooks, list):
                raise FormatError(f'{stem}: expected a DINOv2 backbone and its hooks, found '
                                  f'{backbone!r:.80}')
            size, has_registers = match[1], match[2] is not None
        elif tag is not None:
            size, has_registers = tag[1], tag[2] == 'reg'
            features = int(tag[3] or 256)
            known = preset(f'panmatch_{size}').vit_hooks
            hooks = known if has_registers else NOREG_HOOKS.get(size, known)
        else:
            raise FormatError(f'{stem}: neither the meta data nor the name of the file tells the '
                              'backbone')
        if isinstance(features, int) and features > MAX_FEATURES:
            raise FormatError(f'{stem}: expected at most {MAX_FEATURES} features, found '
                              f'{features}')
        return preset(f'panmatch_{size}', vit_hooks=tuple(hooks), features=features,
                      vit_registers=4 if has_registers else 0)
    except ConfigError as error:
        raise FormatError(f'{stem}: {error}') from error


class Networks:
    """Makes networks; the last one is kept, since files of one network stand together."""

    def __init__(self) -> None:
        self._key: object = None
        self._network: PanMatch | None = None

    def get(self, config: 'PanMatchConfig', salt: str) -> 'PanMatch':
        """
        Make a network filled with weights that depend on names and ``salt``.

        :raises MissingDependencyError: if torch is not installed.
        """
        require_torch()
        from ...checkpoints.weightfill import fill_model
        from ...models.panmatch import PanMatch
        if self._network is None or self._key != (config, salt):
            self._network = None  # before the next one needs the memory
            network = PanMatch(config).eval().requires_grad_(False)
            fill_model(network, salt)
            self._key, self._network = (config, salt), network
        return self._network
