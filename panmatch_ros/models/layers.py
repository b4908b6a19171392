"""Layers that several parts of the network share."""
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIP_PIXELS = 2048  # hidden maps of so many pixels stay in the cache of a CPU core


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of a (B, C, H, W) map."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise every pixel."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class PointwiseConv(nn.Linear):
    """A linear layer over the channels of a (B, C, H, W) map; weights as of ``nn.Linear``."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to every pixel."""
        return F.conv2d(x, self.weight[:, :, None, None], self.bias)


class ConvNeXtBlock(nn.Module):
    """
    Depthwise 7x7 convolution and a per-pixel MLP with a residual (ConvNeXt, arXiv 2201.03545).

    :param channels: of input and output; the MLP is four times as wide.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = ChannelNorm(channels, eps=1e-6)
        self.expand = PointwiseConv(channels, 4 * channels)
        self.reduce = PointwiseConv(4 * channels, channels)
        self.gamma: nn.Parameter | None = nn.Parameter(torch.full((channels,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        """Refine a map (B, C, H, W)."""
        return over_rows(lambda part, mixed: full_precision(part) + self.mlp(mixed),
                         x, self.depthwise(x))

    def mlp(self, x: Tensor) -> Tensor:
        """Everything after the depthwise convolution; acts on each pixel alone."""
        x = self.reduce(F.gelu(self.expand(self.norm(x))))
        return x if self.gamma is None else self.gamma[:, None, None] * x


def over_rows(function: Callable[..., Tensor], *maps: Tensor) -> Tensor:
    """
    Apply a function of single pixels to one or more (B, C, H, W) in strips of rows.

    On a CPU the wide hidden maps then stay in its cache; elsewhere, and in an exported
    program, the whole map is done at once. The values are the same.
    """
    first = maps[0]
    rows = max(1, STRIP_PIXELS // (first.shape[0] * first.shape[3]))
    if first.shape[2] <= rows or not worth_splitting(first):
        return function(*maps)
    strips = zip(*(x.split(rows, dim=2) for x in maps), strict=True)
    return torch.cat([function(*each) for each in strips], dim=2)


def over_batch(function: Callable[[Tensor], Tensor], x: Tensor, size: int) -> Tensor:
    """Apply a function to (N, ...) in parts of ``size``, where that helps; see over_rows."""
    if x.shape[0] <= size or not worth_splitting(x):
        return function(x)
    return torch.cat([function(part) for part in x.split(size)])


def worth_splitting(x: Tensor) -> bool:
    """Whether strips are cheaper than the whole: on a CPU, and not while a graph is recorded."""
    return x.device.type == 'cpu' and not torch.compiler.is_compiling()


def full_precision(x: Tensor) -> Tensor:
    """float32, or float64 if it is that: for what half precision cannot hold."""
    return x if x.dtype == torch.float64 else x.float()


def single_precision(like: Tensor, half_is_enough: bool = False) -> AbstractContextManager:
    """
    Suspend automatic mixed precision; inputs have to be made full_precision by the caller.

    :param like: gives the device.
    :param half_is_enough: not where the lower precision is float16, which has three more bits
        than bfloat16.
    """
    device = like.device.type
    if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return nullcontext()
    if half_is_enough and torch.get_autocast_dtype(device) == torch.float16:
        return nullcontext()
    return torch.autocast(device, enabled=False)


def position_encoding(xy: Tensor, channels: int, pi: float) -> Tensor:
    """
    Encode coordinates by sines and cosines of linearly growing frequency (FlowFormer).

    :param xy: (..., 2) x and y.
    :param channels: a multiple of four.
    :param pi: of the frequencies ``pi k / 200``; the reference has the literal 3.14.
    :returns: (..., channels): sin x, cos x, sin y, cos y.
    """
    frequencies = torch.arange(channels // 4, dtype=xy.dtype, device=xy.device) * (pi / 200)
    x, y = xy[..., :1] * frequencies, xy[..., 1:] * frequencies
    return torch.cat([x.sin(), x.cos(), y.sin(), y.cos()], dim=-1)


def pixel_grid(height: int, width: int, like: Tensor, step: int = 1, first: int = 0) -> Tensor:
    """
    Coordinates of the pixels of a grid.

    :param like: gives device and precision, at least float32.
    :param step: pixels from one coordinate to the next.
    :param first: coordinate of the first.
    :returns: (height, width, 2) x and y.
    """
    dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
    y, x = (first + step * torch.arange(n, dtype=dtype, device=like.device)
            for n in (height, width))
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, N, C) to (B, heads, N, C / heads)."""
    return x.unflatten(-1, (heads, -1)).transpose(-2, -3)


def merge_heads(x: Tensor) -> Tensor:
    """(B, heads, N, C / heads) to (B, N, C)."""
    return x.transpose(-2, -3).flatten(-2)


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Multi-head attention of (B, N, C) queries over (B, M, C) keys and values; (B, N, C)."""
    return merge_heads(F.scaled_dot_product_attention(
        split_heads(query, heads), split_heads(key, heads), split_heads(value, heads)))
