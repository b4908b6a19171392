"""Features of one image for the nano network, at 1/2, 1/4, 1/8 and 1/16."""
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .nano_config import NanoConfig

CONTRAST_FLOOR = 0.02  # standard deviation below which an image is not stretched further


class NanoFeatures(NamedTuple):
    """
    What the matching needs of an image; (B, C, H / scale, W / scale) each.

    :param half: for the last refinement.
    :param quarter: compared in windows.
    :param eighth: compared in windows, and along rows in stereo.
    :param sixteenth: context of the coarsest scale.
    :param tokens: compared over the whole image, at 1/16.
    """

    half: Tensor
    quarter: Tensor
    eighth: Tensor
    sixteenth: Tensor
    tokens: Tensor


class ConvNorm(nn.Module):
    """3x3 convolution, batch normalisation (folded for inference) and ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.conv: nn.Conv2d = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        x = self.norm(self.conv(x))
        return F.relu(x) if self.relu else x


class ResidualBlock(nn.Module):
    """Two convolutions around which the input goes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels)
        self.second = ConvNorm(channels, channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        return F.relu(x + self.second(self.first(x)))


class NanoEncoder(nn.Module):
    """
    Residual encoder with a top-down path, so that fine features know what surrounds them.

    :param config: of the network.
    """

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = config.channels
        self.stem = ConvNorm(12, half)
        self.down4 = _stage(half, quarter, config.blocks[0])
        self.down8 = _stage(quarter, eighth, config.blocks[1])
        self.down16 = _stage(eighth, sixteenth, config.blocks[2])
        self.top8 = nn.Conv2d(sixteenth, eighth, 1)
        self.top4 = nn.Conv2d(eighth, quarter, 1)
        self.top2 = nn.Conv2d(quarter, half, 1)
        # Not normalised: the scale of what is compared sets how decided a comparison is.
        self.smooth8 = nn.Conv2d(eighth, eighth, 3, padding=1)
        self.smooth4 = nn.Conv2d(quarter, quarter, 3, padding=1)
        self.smooth2 = nn.Conv2d(half, half, 3, padding=1)
        self.tokens = nn.Conv2d(sixteenth, config.match_dim, 1)

    def forward(self, image: Tensor) -> NanoFeatures:
        """
        Describe every pixel.

        :param image: (B, 3, H, W) RGB in [0, 1]; H a multiple of 16 from 32 on, W of
            64.
        """
        x2 = self.stem(F.pixel_unshuffle(normalize(image), 2))
        x4 = self.down4(x2)
        x8 = self.down8(x4)
        x16 = self.down16(x8)
        x8 = self.smooth8(F.relu(x8 + upsample_nearest(self.top8(x16))))
        x4 = self.smooth4(F.relu(x4 + upsample_nearest(self.top4(x8))))
        x2 = self.smooth2(F.relu(x2 + upsample_nearest(self.top2(x4))))
        return NanoFeatures(x2, x4, x8, x16, self.tokens(x16))


def normalize(image: Tensor) -> Tensor:
    """Give an image zero mean and unit variance; (B, 3, H, W) to the same."""
    centred = image - mean_of_image(image)
    deviation = mean_of_image(centred.square()).sqrt()
    return centred / torch.clamp(deviation, min=CONTRAST_FLOOR)


def mean_of_image(image: Tensor) -> Tensor:
    """
    (B, C, H, W) to (B, 1, 1, 1).

    In steps: engines that add a million numbers one after another are off by a thousandth.
    """
    return image.mean(3, keepdim=True).mean(2, keepdim=True).mean(1, keepdim=True)


def upsample_nearest(x: Tensor) -> Tensor:
    """Double the size of a map by repeating its pixels."""
    return F.interpolate(x, scale_factor=2.0, mode='nearest')


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(ConvNorm(inputs, outputs, stride=2),
                         *(ResidualBlock(outputs) for _ in range(blocks)))
