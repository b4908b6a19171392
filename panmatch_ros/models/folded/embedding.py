"""Embedding whose heads end in the projections of the adapter."""
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..embedding import Embedding, Head
from ..layers import full_precision, worth_splitting

STRIP_PIXELS = 8192  # a strip computes two rows of its neighbours, so it is not too small


class FoldedEmbedding(nn.Module):
    """
    An embedding at a lower price.

    The last convolution of a head and the projection of the adapter are both linear, so they
    are one convolution that makes a quarter of the channels at a fraction of the places. At
    1/16 a resize stands between the two and nothing is folded.

    :param embedding: the trained one, scales already folded; left as it is.
    """

    def __init__(self, embedding: Embedding) -> None:
        super().__init__()
        *finer, self.coarsest = embedding.heads
        *projections, self.coarsest_projection = embedding.adapter.projections
        self.heads = nn.ModuleList(FoldedHead(head, projection) for head, projection in
                                   zip(finer, projections, strict=True))
        self.norm, self.merge = embedding.adapter.norm, embedding.adapter.merge

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Four (B, C, .., ..) at 1/2, 1/4, 1/8, 1/16 to (B, D, H/8, W/8)."""
        maps = [head(x) for head, x in zip(self.heads, pyramid[:-1], strict=True)]
        coarsest = F.interpolate(self.coarsest(pyramid[-1]), scale_factor=2, mode='bilinear',
                                 align_corners=True)
        maps.append(self.coarsest_projection(coarsest))
        return self.merge(self.norm(torch.cat(maps, dim=1)))


class FoldedHead(nn.Module):
    """
    A head and the projection that follows it.

    At 1/2 the projection also takes the last layer of the block's MLP, since its result is
    needed nowhere else: 4 C channels at a sixteenth of the places instead of C at all.

    :param head: the trained head, the scale of its block already folded; left as it is.
    :param projection: its projection in the adapter, ``stride`` as large as its kernel.
    """

    def __init__(self, head: Head, projection: nn.Conv2d) -> None:
        super().__init__()
        self.block = head.block
        self.stride = projection.stride
        weight = composed(head.projection.weight, projection.weight)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(projection.bias.clone())
        # Products per cell of the result: those of the larger kernel, those of the MLP layer.
        channels, places = head.block.reduce.out_features, projection.stride[0] ** 2
        self.folds_mlp = weight.shape[0] * weight.shape[2] ** 2 < places * channels
        if self.folds_mlp:
            last = head.block.reduce
            self.mlp_weight = nn.Parameter(torch.einsum('oihw,ic->ochw', weight, last.weight))
            self.mlp_bias = nn.Parameter(last.bias.clone())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, D, H / stride, W / stride)."""
        if not self.folds_mlp:
            return F.conv2d(self.block(x), self.weight, self.bias, self.stride, padding=1)
        y = F.conv2d(x + self.mlp_bias[:, None, None], self.weight, self.bias, self.stride,
                     padding=1)
        return full_precision(y) + self.convolve_hidden(self.block.depthwise(x))

    def convolve_hidden(self, x: Tensor) -> Tensor:
        """Convolve the wide hidden map of the MLP; on a CPU strip by strip, see over_rows."""
        height, step = x.shape[2], self.stride[0]
        rows = max(1, STRIP_PIXELS // x.shape[3] // step) * step
        if not worth_splitting(x):
            rows = height
        parts = []
        for first in range(0, height, rows):
            low, high = first - 1, min(first + rows, height) + 1  # the kernel looks one row on
            hidden = self.hidden(x[:, :, max(low, 0):high])
            hidden = F.pad(hidden, (0, 0, int(low < 0), int(high > height)))
            parts.append(F.conv2d(hidden, self.mlp_weight, None, self.stride, padding=(0, 1)))
        return torch.cat(parts, dim=2)

    def hidden(self, x: Tensor) -> Tensor:
        """Hidden map of the MLP: (B, C, H, W) to (B, 4 C, H, W)."""
        return F.gelu(self.block.expand(self.block.norm(x)))


def composed(first: Tensor, second: Tensor) -> Tensor:
    """
    Kernel of two convolutions in a row.

    :param first: (M, I, 3, 3), applied with padding 1 and stride 1.
    :param second: (O, M, k, k), applied with no padding and any stride.
    :returns: (O, I, k + 2, k + 2), for padding 1 and the stride of the second. As the second
        has no padding it never sees what the first would give outside, so borders are right.
    """
    flipped = first.transpose(0, 1).flip(2, 3)  # (I, M, 3, 3)
    return F.conv2d(second, flipped, padding=2)
