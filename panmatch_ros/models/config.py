"""What a PanMatch network is made of: one frozen dataclass."""
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Integral
from typing import Any

from ..core.errors import ConfigError

FFN_KINDS = ('mlp', 'swiglu')
LEVELS = 4          # feature maps at 1/2, 1/4, 1/8, 1/16 of the image
PATCH_PX = 14       # of DINOv2
SIZE_MULTIPLE = 112  # lcm of PATCH_PX and 16: image heights and widths that the network takes

_DIVISIBLE = {'vit_dim': 'vit_heads', 'features': 'guide_heads', 'latent_dim': 'attention_heads',
              'query_dim': 'attention_heads', 'embed_dim': 'attention_heads'}
# For the encoded positions, which have four parts, and the groups of the group normalisation.
_MULTIPLES = {'latent_dim': 8, 'context_dim': 4, 'query_dim': 4, 'embed_dim': 8}


@dataclass(frozen=True)
class PanMatchConfig:
    """
    The form of a PanMatch network; the defaults are those of the paper without its backbone.

    :param vit_dim: width of the DINOv2 tokens.
    :param vit_depth: number of DINOv2 blocks.
    :param vit_heads: attention heads of a DINOv2 block.
    :param vit_hooks: the four blocks, 0-based, whose outputs feed 1/2, 1/4, 1/8 and 1/16.
    :param vit_ffn: 'mlp', or 'swiglu' as in the giant model.
    :param vit_swiglu_dim: hidden width of the SwiGLU layer.
    :param vit_registers: register tokens; 0 for the models without.
    :param vit_grid: edge of the square position table, patches.
    :param features: channels of the feature maps.
    :param guide_heads: attention heads of guided upsampling.
    :param guided_upsampling: attend from guide features to low-resolution ones (PanMatch Sec. 3);
        False upsamples bilinearly, the ablation of the paper.
    :param embed_dim: channels of the matching features and of the context.
    :param latent_tokens: latent tokens that summarise the cost map of a pixel (FlowFormer).
    :param latent_dim: their width.
    :param attention_heads: heads of all attention inside the matcher.
    :param context_dim: context channels that join queries and keys of the cost encoder.
    :param encoder_depth: latent and spatial attention blocks of the cost encoder.
    :param query_dim: width of the cost query of the decoder.
    :param hidden_dim: width of the recurrent state.
    :param iterations: updates of the flow.
    :param confidence_head: predict a confidence beside the flow (``conf_forward``).
    :param reference_quirks: order of the 9x9 window and 3.14 for pi as in the reference code;
        weights that were trained with them need them.
    :raises ConfigError: if a value cannot work.
    """

    vit_dim: int
    vit_depth: int
    vit_heads: int
    vit_hooks: tuple[int, int, int, int]
    vit_ffn: str = 'mlp'
    vit_swiglu_dim: int = 4096
    vit_registers: int = 4
    vit_grid: int = 37
    features: int = 256
    guide_heads: int = 8
    guided_upsampling: bool = True
    embed_dim: int = 256
    latent_tokens: int = 8
    latent_dim: int = 128
    attention_heads: int = 8
    context_dim: int = 64
    encoder_depth: int = 3
    query_dim: int = 64
    hidden_dim: int = 128
    iterations: int = 12
    confidence_head: bool = False
    reference_quirks: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, 'vit_hooks', tuple(self.vit_hooks))
        for field in fields(self):
            _check_type(field.name, getattr(self, field.name), field.type)
        if self.vit_ffn not in FFN_KINDS:
            raise ConfigError(f'vit_ffn must be one of {", ".join(FFN_KINDS)}, got '
                              f'{self.vit_ffn!r}')
        hooks = self.vit_hooks
        if (len(hooks) != LEVELS or list(hooks) != sorted(set(hooks))
                or hooks[0] < 0 or hooks[-1] >= self.vit_depth):
            raise ConfigError(f'vit_hooks must be {LEVELS} ascending blocks from 0 to '
                              f'{self.vit_depth - 1}, got {hooks}')
        for name, divisor in _DIVISIBLE.items():
            if getattr(self, name) % getattr(self, divisor):
                raise ConfigError(f'{name} must be a multiple of {divisor} '
                                  f'{getattr(self, divisor)}, got {getattr(self, name)}')
        for name, number in _MULTIPLES.items():
            if getattr(self, name) % number:
                raise ConfigError(f'{name} must be a multiple of {number}, got '
                                  f'{getattr(self, name)}')
        if self.embed_dim != 2 * self.hidden_dim:
            raise ConfigError('embed_dim must be twice hidden_dim (state and input of the '
                              f'decoder), got {self.embed_dim} and {self.hidden_dim}')

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {**asdict(self), 'vit_hooks': list(self.vit_hooks)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'PanMatchConfig':
        """
        Make a config from a mapping, of a checkpoint for example.

        :raises ConfigError: if a key is unknown or missing, or a value cannot work.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(f'unknown network options {", ".join(unknown)}; the file may come '
                              'from a newer panmatch_ros')
        try:
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f'a network description is not complete: {error}') from error


def _check_type(name: str, value: object, kind: object) -> None:
    if kind is bool or kind == 'bool':
        if not isinstance(value, bool):
            raise ConfigError(f'{name} must be True or False, got {value!r}')
    elif kind is int or kind == 'int':
        lowest = 0 if name == 'vit_registers' else 1
        if isinstance(value, bool) or not isinstance(value, Integral) or value < lowest:
            raise ConfigError(f'{name} must be a whole number from {lowest}, got {value!r}')
    elif name == 'vit_hooks':
        assert isinstance(value, tuple)
        if not all(isinstance(each, Integral) for each in value):
            raise ConfigError(f'vit_hooks must be whole numbers, got {value!r}')
