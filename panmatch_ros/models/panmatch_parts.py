"""A PanMatch network in two parts of plain tensors, for exporters and compilers."""
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .folding import shared_copy
from .panmatch import PanMatch

if TYPE_CHECKING:
    from .config import PanMatchConfig

ENCODER, MATCH = 'encoder', 'match'
INPUTS: Mapping[str, tuple[str, ...]] = {ENCODER: ('image',),
                                         MATCH: ('fmap0', 'fmap1', 'context0')}


class EncoderPart(nn.Module):
    """
    What an image contributes.

    :param network: folded; it is left as it is, and shares its weights.
    :param size: (height, width) of the images, multiples of 112; the position table of the
        backbone is stored for it, as engines have no antialiased bicubic resize.
    """

    def __init__(self, network: PanMatch, size: tuple[int, int]) -> None:
        super().__init__()
        self.network = shared_copy(network)
        del self.network.cost_encoder, self.network.decoder
        self.network.backbone.bake_positions(*size)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) to features and context, (B, D, H / 8, W / 8) each."""
        features = self.network.encode(image)
        return features.fmap, self.network.context_of(features)


class MatchPart(nn.Module):
    """
    The displacement, from what both images contribute.

    :param network: folded; it is left as it is, and shares its weights.
    """

    def __init__(self, network: PanMatch) -> None:
        super().__init__()
        self.network = shared_copy(network)
        for name in ('backbone', 'compression', 'guide_net', 'guided_upsampling',
                     'feature_pyramid', 'matching', 'context'):
            delattr(self.network, name)

    def forward(self, fmap0: Tensor, fmap1: Tensor, context0: Tensor) -> tuple[Tensor, ...]:
        """Three (B, D, h, w) to (B, 2, 8 h, 8 w) and, if there is one, (B, 1, 8 h, 8 w)."""
        volume = self.network.correlate(fmap0, fmap1)
        return tuple(x for x in self.network.match(volume, context0) if x is not None)


def outputs_of(config: 'PanMatchConfig') -> dict[str, tuple[str, ...]]:
    """Name what each part gives."""
    flow = ('flow', 'confidence') if config.confidence_head else ('flow',)
    return {ENCODER: ('fmap', 'context'), MATCH: flow}


def make_part(network: PanMatch, part: str, size: tuple[int, int]) -> nn.Module:
    """Make a part for images of a size."""
    made = EncoderPart(network, size) if part == ENCODER else MatchPart(network)
    return made.eval()


def example_inputs(network: PanMatch, part: str, size: tuple[int, int]) -> tuple[Tensor, ...]:
    """Make inputs of the right shapes, in the order of ``INPUTS``."""
    weight = next(network.parameters())
    height, width = size
    shape = (1, 3, height, width) if part == ENCODER else (
        1, network.config.embed_dim, height // 8, width // 8)
    return tuple(torch.zeros(shape, dtype=weight.dtype, device=weight.device)
                 for _ in INPUTS[part])
