"""Upsampling by a learned convex combination of the neighbours (RAFT, arXiv 2003.12039)."""
import torch
from torch import Tensor
from torch.nn import functional as F

NEIGHBOURS = 9
WEIGHTS = NEIGHBOURS * 4  # channels of the weights for twice the size


def convex_upsample(values: Tensor, logits: Tensor) -> Tensor:
    """
    Double the size of a map; every new pixel is a convex combination of 3x3 old ones.

    The softmax is written out over nine slices: as an operator over an inner axis it costs
    more in ONNX Runtime than all convolutions of its network together.

    :param values: (B, C, H, W).
    :param logits: (B, 36, H, W), nine groups of the four new pixels.
    :returns: (B, C, 2H, 2W), in the units of ``values``.
    """
    height, width = values.shape[2:]
    padded = torch.cat([values[..., :1], values, values[..., -1:]], dim=-1)
    padded = torch.cat([padded[..., :1, :], padded, padded[..., -1:, :]], dim=-2)[:, :, None]
    parts = torch.exp(logits - logits.amax(1, keepdim=True))[:, None].split(4, dim=2)
    total = sum(parts[1:], parts[0])
    weighted = [part * padded[..., i // 3:i // 3 + height, i % 3:i % 3 + width]
                for i, part in enumerate(parts)]
    upsampled = sum(weighted[1:], weighted[0]) / total  # (B, C, 4, H, W)
    return F.pixel_shuffle(upsampled.flatten(1, 2), 2)
