"""Upsampling of backbone features, guided by the image (PanMatch Sec. 3.1)."""
from functools import lru_cache
import struct

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import ChannelNorm, PointwiseConv


class GuidedUpsampling(nn.Module):
    """
    Each guide pixel attends to the 3x3 low-resolution pixels around its own position.

    All guide pixels inside one low-resolution pixel share their nine candidates. They are
    grouped by it, so that nothing is copied per guide pixel; the reference gathers nine
    candidates for each of them.

    :param channels: of all maps.
    :param heads: of the attention.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.query = PointwiseConv(channels, channels, bias=False)
        self.key = PointwiseConv(channels, channels, bias=False)
        self.value = PointwiseConv(channels, channels, bias=False)
        self.merge = PointwiseConv(channels, channels, bias=False)
        self.norm = ChannelNorm(channels)
        self.heads = heads

    def forward(self, low: Tensor, guide: Tensor) -> Tensor:
        """
        Upsample ``low`` to the size of ``guide``.

        :param low: (B, C, h, w).
        :param guide: (B, C, H, W).
        :returns: (B, C, H, W).
        """
        groups = Groups(low.shape[2:], guide.shape[2:], guide.device)
        keys, values = neighbourhoods(self.key(low)), neighbourhoods(self.value(low))
        queries = groups.split(self.query(guide).permute(0, 2, 3, 1))    # (B h w, n, C)
        heads = [x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
                 for x in (queries, keys, values)]
        message = F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        message = groups.join(message, len(low))                         # (B, H, W, C)
        return self.norm(self.merge(message.permute(0, 3, 1, 2)))


class BilinearUpsampling(nn.Module):
    """The ablation of the paper: no attention, the guide gives the size only."""

    def forward(self, low: Tensor, guide: Tensor) -> Tensor:
        """(B, C, h, w) to (B, C, H, W)."""
        return F.interpolate(low, size=guide.shape[2:], mode='bilinear', align_corners=True)


class Groups:
    """
    Which guide pixels belong to which low-resolution pixel.

    Guide row Y belongs to low row ``floor(Y h / H)``, columns likewise. Where rows have
    different counts of members the shorter ones are filled up by repeating a member, so all
    groups have the same size; members that repeat are dropped when the groups are joined.

    :param low: (h, w).
    :param guide: (H, W).
    """

    def __init__(self, low: tuple[int, int], guide: tuple[int, int],
                 device: torch.device) -> None:
        axes = [members(*sizes) for sizes in zip(low, guide, strict=True)]
        self.low, self.guide = low, guide
        self.count = tuple(len(gather) // size for (gather, _), size in
                           zip(axes, low, strict=True))
        self.is_regular = all(count * size == full for count, size, full in
                              zip(self.count, low, guide, strict=True))
        if not self.is_regular:
            self.gather = [torch.tensor(gather, device=device) for gather, _ in axes]
            self.scatter = [torch.tensor(scatter, device=device) for _, scatter in axes]

    def split(self, x: Tensor) -> Tensor:
        """(B, H, W, C) to (B h w, n, C)."""
        if not self.is_regular:
            x = x.index_select(1, self.gather[0]).index_select(2, self.gather[1])
        (h, w), (rows, columns) = self.low, self.count
        x = x.reshape(-1, h, rows, w, columns, x.shape[-1]).transpose(2, 3)
        return x.reshape(-1, rows * columns, x.shape[-1])

    def join(self, x: Tensor, batch: int) -> Tensor:
        """(B h w, n, C) to (B, H, W, C)."""
        (h, w), (rows, columns) = self.low, self.count
        x = x.reshape(batch, h, w, rows, columns, x.shape[-1]).transpose(2, 3)
        x = x.reshape(batch, h * rows, w * columns, x.shape[-1])
        if not self.is_regular:
            x = x.index_select(1, self.scatter[0]).index_select(2, self.scatter[1])
        return x


@lru_cache(maxsize=64)
def members(low: int, guide: int) -> tuple[list[int], list[int]]:
    """
    Group the guide pixels of one axis.

    :returns: guide index of every place in the equally long groups, and the place of every
        guide pixel.
    """
    # As torch's nearest resize: in single precision, then rounded down.
    quotient = round_to_float32(low / guide)
    owner = [min(int(round_to_float32(index * quotient)), low - 1) for index in range(guide)]
    groups = [[index for index in range(guide) if owner[index] == each] for each in range(low)]
    size = max(len(group) for group in groups)
    gather = [place for group in groups
              for place in (*group, *[group[-1] if group else 0] * (size - len(group)))]
    scatter = [owner[index] * size + groups[owner[index]].index(index) for index in range(guide)]
    return gather, scatter


def round_to_float32(number: float) -> float:
    """Round to what 32 bits hold; in plain Python, so that graphs can be recorded."""
    return struct.unpack('f', struct.pack('f', number))[0]


def neighbourhoods(x: Tensor) -> Tensor:
    """(B, C, h, w) to (B h w, 9, C): the 3x3 pixels around each, borders repeated."""
    height, width = x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1), mode='replicate').permute(0, 2, 3, 1)
    shifted = [padded[:, row:row + height, column:column + width]
               for row in range(3) for column in range(3)]
    return torch.stack(shifted, dim=3).flatten(0, 2)
