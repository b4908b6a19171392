"""First estimate of flow in nano: a search over the whole image."""
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .nano_config import NanoConfig
from .nano_encoder import NanoFeatures

QUERY_DIM = 32  # of the propagation


class Initial(NamedTuple):
    """
    A first estimate.

    :param flow: (B, 2, h, w), pixels of this scale.
    :param certainty: (B, 1, h, w), logarithm of the probability of the best match.
    :param logits: of the search, for its loss: (B, N, N) over all pixels of image 1, or
        (B, D, h, w) over disparities.
    """

    flow: Tensor
    certainty: Tensor
    logits: Tensor


class GlobalMatching(nn.Module):
    """
    Search the whole image at 1/16, then let sure pixels inform unsure ones that look alike.

    :param config: of the network.
    """

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        channels = config.channels[3]
        self.log_scale = nn.Parameter(torch.tensor(-1.0))
        self.query = nn.Conv2d(channels, QUERY_DIM, 1)
        self.key = nn.Conv2d(channels, QUERY_DIM, 1)
        self.trust = nn.Parameter(torch.tensor(1.0))      # in the certainty of a source
        self.locality = nn.Parameter(torch.tensor(-3.0))  # log of the weight of the distance
        self.gate = nn.Conv2d(channels + 4, 1, 3, padding=1)

    def forward(self, features0: NanoFeatures, features1: NanoFeatures) -> Initial:
        """Match every pixel of image 0 at 1/16."""
        tokens0, tokens1 = (f.tokens.flatten(2).transpose(1, 2) for f in (features0, features1))
        height, width = features0.tokens.shape[2:]
        logits = tokens0 @ tokens1.transpose(1, 2) * self.log_scale.exp()   # (B, N, N)
        logits = logits.float()
        target, certainty = windowed_expectation(logits, height, width)
        grid = token_grid(height, width).to(logits)
        flow = (target - grid).transpose(1, 2).reshape(-1, 2, height, width)
        certainty = certainty.reshape(-1, 1, height, width)
        flow = self.propagate(features0.sixteenth, flow, certainty, grid)
        return Initial(flow, certainty, logits)

    def propagate(self, context: Tensor, flow: Tensor, certainty: Tensor,
                  grid: Tensor) -> Tensor:
        """Mix in the flow of pixels that look alike, are near and were matched surely."""
        size = flow.shape[2:]
        query, key = (layer(context).flatten(2).transpose(1, 2)
                      for layer in (self.query, self.key))
        affinity = (query @ key.transpose(1, 2)).float() * QUERY_DIM ** -0.5
        x, y = grid.T
        distance = (x[:, None] - x).square() + (y[:, None] - y).square()
        affinity = affinity + F.softplus(self.trust) * certainty.flatten(2) \
            - self.locality.exp() * distance
        informed = affinity.softmax(-1) @ flow.flatten(2).transpose(1, 2)
        informed = informed.transpose(1, 2).reshape(-1, 2, *size)
        change = informed - flow
        gate = self.gate(torch.cat([context, certainty, change * 0.25,
                                    change.abs().sum(1, keepdim=True) * 0.25], dim=1))
        return flow + torch.sigmoid(gate.float()) * change


def windowed_expectation(logits: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """
    Mean position of the best match and its eight neighbours.

    A mean over all pixels would lie between two candidates; this keeps to one of them.

    :param logits: (B, N, h w).
    :returns: (x, y) (B, N, 2), pixels of this scale; log-probability of the best (B, N).
    """
    best, index = logits.max(-1, keepdim=True)
    certainty = (best - torch.logsumexp(logits, dim=-1, keepdim=True))[..., 0]
    column, row = index % width, torch.div(index, width, rounding_mode='floor')
    offset = torch.arange(9, device=logits.device)
    x = column + offset % 3 - 1
    y = row + torch.div(offset, 3, rounding_mode='floor') - 1
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    weight = torch.exp(logits.gather(-1, y * width + x) - best) * inside
    weight = weight / weight.sum(-1, keepdim=True)
    return torch.stack([(weight * x).sum(-1), (weight * y).sum(-1)], dim=-1), certainty


def token_grid(height: int, width: int) -> Tensor:
    """(x, y) of every pixel, (h w, 2), row by row."""
    index = torch.arange(height * width)
    return torch.stack([index % width, torch.div(index, width, rounding_mode='floor')],
                       dim=1).float()
