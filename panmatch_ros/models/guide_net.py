"""High-resolution guide features from the image itself (PanMatch Sec. 3.1)."""
from torch import Tensor, nn
from torch.nn import functional as F

from .config import LEVELS
from .layers import ChannelNorm, ConvNeXtBlock

BLOCKS = 2  # of a stage


class GuideNet(nn.Module):
    """
    A small ConvNeXt.

    :param channels: of all four maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = Stem(channels)
        self.stages = nn.ModuleList(Stage(channels, downsample=level > 0)
                                    for level in range(LEVELS))

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, H, W) to four (B, C, .., ..) at 1/2, 1/4, 1/8, 1/16."""
        x = self.stem(image)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class Stem(nn.Module):
    """Fold 2x2 pixels into channels and mix them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3 * 4, channels, 7, padding=3)
        self.norm = ChannelNorm(channels, eps=1e-6)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, C, H/2, W/2)."""
        return self.norm(self.conv(F.pixel_unshuffle(image, 2)))


class Stage(nn.Module):
    """Halve the map, except in the first stage, and refine it."""

    def __init__(self, channels: int, downsample: bool) -> None:
        super().__init__()
        self.downsample: nn.Module = Downsample(channels) if downsample else nn.Identity()
        self.blocks = nn.Sequential(*(ConvNeXtBlock(channels) for _ in range(BLOCKS)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, H/2, W/2), or the same size."""
        return self.blocks(self.downsample(x))


class Downsample(nn.Module):
    """Merge 2x2 pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels, eps=1e-6)
        self.conv = nn.Conv2d(channels, channels, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, H/2, W/2)."""
        return self.conv(self.norm(x))
