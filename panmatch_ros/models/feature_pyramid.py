"""From upsampled backbone features to one pyramid: a top-down decoder (PanMatch Sec. 3.1)."""
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import LEVELS
from .layers import ChannelNorm, ConvNeXtBlock


class FeaturePyramid(nn.Module):
    """
    Merge maps from coarse to fine.

    The coarsest map is used twice, as the start and as the first skip connection.

    :param channels: of all maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.top = ConvNeXtBlock(channels)
        self.levels = nn.ModuleList(Level(channels) for _ in range(LEVELS))

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """
        Merge four maps.

        :param maps: (B, C, .., ..) at 1/2, 1/4, 1/8, 1/16.
        :returns: maps of the same sizes in the same order.
        """
        x = self.top(maps[-1])
        merged = []
        for level, skip in zip(self.levels, reversed(maps), strict=True):
            x = level(x, skip)
            merged.append(x)
        return tuple(reversed(merged))


class Level(nn.Module):
    """Bring the coarser map to the size of the finer one and merge the two."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.upsample = nn.Conv2d(channels, channels, 3, padding=1)
        self.fuse = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.norm = ChannelNorm(channels, eps=1e-6)
        self.refine = ConvNeXtBlock(channels)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """(B, C, H/2, W/2) or (B, C, H, W), and (B, C, H, W), to (B, C, H, W)."""
        if coarse.shape[2:] != skip.shape[2:]:
            coarse = F.interpolate(coarse, size=skip.shape[2:], mode='nearest')
        x = torch.cat([skip, self.upsample(coarse)], dim=1)
        return self.refine(self.norm(self.fuse(x)))
