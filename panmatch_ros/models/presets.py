"""Named networks: the four sizes of DINOv2, and a tiny one for tests."""
import dataclasses
from typing import Any

from ..core.errors import ConfigError
from .config import PanMatchConfig

# The official network is panmatch_g. The others are the same network on a smaller backbone; the
# last hook is the last block in all of them.
PRESETS: dict[str, PanMatchConfig] = {
    'panmatch_s': PanMatchConfig(384, 12, 6, (2, 5, 8, 11)),
    'panmatch_b': PanMatchConfig(768, 12, 12, (2, 5, 8, 11)),
    'panmatch_l': PanMatchConfig(1024, 24, 16, (5, 11, 17, 23)),
    'panmatch_g': PanMatchConfig(1536, 40, 24, (9, 19, 29, 39), 'swiglu'),
    'panmatch_tiny': PanMatchConfig(
        32, 4, 2, (0, 1, 2, 3), vit_grid=8, features=32, guide_heads=4, embed_dim=64,
        latent_tokens=4, latent_dim=32, attention_heads=4, context_dim=16, encoder_depth=2,
        query_dim=16, hidden_dim=32, iterations=3),
}


def preset(name: str, **changes: Any) -> PanMatchConfig:
    """
    Look a network up by name.

    :param name: one of ``PRESETS``.
    :param changes: fields that shall differ.
    :raises ConfigError: if there is no preset of that name, or a value cannot work.
    """
    if name not in PRESETS:
        raise ConfigError(f'there is no network {name!r}; choose one of {", ".join(PRESETS)}')
    try:
        return dataclasses.replace(PRESETS[name], **changes)
    except TypeError as error:
        raise ConfigError(f'unknown network option: {error}') from error


def preset_name(config: PanMatchConfig) -> str:
    """Name of the preset that a config equals, 'custom' if none."""
    return next((name for name, known in PRESETS.items() if known == config), 'custom')
