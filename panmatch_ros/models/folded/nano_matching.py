"""First estimates of nano with fewer large arrays; one pair at a time."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..nano_encoder import NanoFeatures
from ..nano_matching import QUERY_DIM, GlobalMatching, token_grid


class FoldedMatching(nn.Module):
    """
    Search the whole image at 1/16, then let sure pixels inform unsure ones that look alike.

    The distance of two pixels and the certainty of a source are further channels of query and
    key, so that the affinity is one product.

    :param matching: the trained one; left as it is.
    """

    def __init__(self, matching: GlobalMatching) -> None:
        super().__init__()
        self.register_buffer('scale', matching.log_scale.detach().exp())
        self.query, self.key, self.gate = matching.query, matching.key, matching.gate
        self.register_buffer('trust', F.softplus(matching.trust.detach()))
        self.register_buffer('locality', matching.locality.detach().exp())

    def forward(self, features0: NanoFeatures,
                features1: NanoFeatures) -> tuple[Tensor, Tensor]:
        """Give the flow (1, 2, h, w) and its log-probability (1, 1, h, w) at 1/16."""
        height, width = features0.tokens.shape[2:]
        tokens0, tokens1 = features0.tokens[0].flatten(1), features1.tokens[0].flatten(1)
        logits = (tokens0 * self.scale).T @ tokens1
        target, certainty = windowed_rows(logits, height, width)
        grid = token_grid(height, width).T.to(target.device)
        flow = (target - grid).reshape(1, 2, height, width)
        certainty = certainty.reshape(1, 1, height, width)
        return self.propagate(features0.sixteenth, flow, certainty, grid), certainty

    def propagate(self, context: Tensor, flow: Tensor, certainty: Tensor,
                  grid: Tensor) -> Tensor:
        """Mix in the flow of pixels that look alike, are near and were matched surely."""
        height, width = flow.shape[2:]
        query = self.query(context)[0].flatten(1) * QUERY_DIM ** -0.5
        key = self.key(context)[0].flatten(1)
        grid = grid - grid.mean(1, keepdim=True)  # smaller numbers, smaller rounding
        # -|a - b|^2 is 2 a b - |b|^2 up to what is the same for all sources.
        bias = self.trust * certainty[0].flatten(1) \
            - self.locality * grid.square().sum(0, keepdim=True)
        query = F.pad(torch.cat([query, 2 * self.locality * grid]), (0, 0, 0, 1), value=1.0)
        affinity = query.T @ torch.cat([key, grid, bias])
        informed = affinity.softmax(-1) @ flow[0].flatten(1).T
        change = informed.T.reshape(1, 2, height, width) - flow
        gate = self.gate(torch.cat([context, certainty, change * 0.25,
                                    change.abs().sum(1, keepdim=True) * 0.25], dim=1))
        return flow + torch.sigmoid(gate) * change


def windowed_rows(logits: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """
    Mean position of the best match and its eight neighbours.

    :param logits: (N, h w).
    :returns: (x, y) (2, N), pixels of this scale; log-probability of the best (N).
    """
    logits = logits.float()
    best, index = logits.max(-1, keepdim=True)
    certainty = -torch.exp(logits - best).sum(-1).log()
    column, row = index % width, torch.div(index, width, rounding_mode='floor')
    offset = torch.arange(9, device=logits.device)
    x = column + offset % 3 - 1
    y = row + torch.div(offset, 3, rounding_mode='floor') - 1
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = x.clamp(min=0), y.clamp(min=0)
    x, y = torch.minimum(x, torch.as_tensor(width - 1)), torch.minimum(
        y, torch.as_tensor(height - 1))
    weight = torch.exp(logits.gather(-1, y * width + x) - best) * inside
    weight = weight / weight.sum(-1, keepdim=True)
    return torch.stack([(weight * x).sum(-1), (weight * y).sum(-1)]), certainty
