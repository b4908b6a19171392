"""From a feature pyramid to one map for matching, and one for context (PanMatch Sec. 3.2)."""
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import LEVELS
from .layers import ConvNeXtBlock

GROUPS = 8  # of the group normalisation


class Embedding(nn.Module):
    """
    Heads at four scales, and the adapter that fuses them at 1/8.

    :param channels: of the pyramid.
    :param dim: of the result.
    """

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(Head(channels) for _ in range(LEVELS))
        self.adapter = FusionAdapter(channels, dim)

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Four (B, C, .., ..) at 1/2, 1/4, 1/8, 1/16 to (B, D, H/8, W/8)."""
        return self.adapter([head(x) for head, x in zip(self.heads, pyramid, strict=True)])


class Head(nn.Module):
    """What a scale contributes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = ConvNeXtBlock(channels)
        self.projection = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        return self.projection(self.block(x))


class FusionAdapter(nn.Module):
    """Bring four scales to 1/8 and mix them (PanMatch Sec. 3.2)."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList([
            nn.Conv2d(channels, dim // 8, 4, stride=4),
            nn.Conv2d(channels, dim // 4, 2, stride=2),
            nn.Conv2d(channels, dim // 2, 1),
            nn.Conv2d(channels, dim // 8, 3, padding=1),
        ])
        self.norm = nn.GroupNorm(GROUPS, dim)
        self.merge = nn.Conv2d(dim, dim, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Four (B, C, .., ..) at 1/2, 1/4, 1/8, 1/16 to (B, D, H/8, W/8)."""
        *finer, coarsest = maps
        coarsest = F.interpolate(coarsest, scale_factor=2, mode='bilinear', align_corners=True)
        projected = [projection(x) for projection, x in
                     zip(self.projections, [*finer, coarsest], strict=True)]
        return self.merge(self.norm(torch.cat(projected, dim=1)))
