"""Refinement of the displacement in nano: look around the match, then correct it."""
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convex_upsampling import WEIGHTS, convex_upsample
from .local_correlation import for_distance, local_correlation, shifted_correlation

LOGIT_SCALE = 0.125  # of correlations as an input


class Step(NamedTuple):
    """
    One correction, as its losses need it.

    :param base: (B, 2, h, w) flow before it, pixels of this scale.
    :param flow: (B, 2, h, w) flow after it.
    :param logits: (B, (2 r + 1)^2, h, w) of the window around ``base``.
    :param candidates: (B, 2, (2 r + 1)^2, h, w), what each would change of ``base``, pixels of
        this scale.
    """

    base: Tensor
    flow: Tensor
    logits: Tensor
    candidates: Tensor


class WindowSearch(nn.Module):
    """
    Compare every pixel with a window around its match so far.

    :param radius: of the window, pixels.
    :param block: columns that are compared at once, see :func:`local_correlation`; 0 for
        widths of any number.
    """

    def __init__(self, radius: int, block: int) -> None:
        super().__init__()
        self.radius, self.block = radius, block
        self.log_scale = nn.Parameter(torch.tensor(0.0))
        offset = torch.arange(-radius, radius + 1.0)
        y, x = torch.meshgrid(offset, offset, indexing='ij')
        self.register_buffer('grid', torch.stack([x.flatten(), y.flatten()]), persistent=False)

    def forward(self, fmap0: Tensor, warped: Tensor, flow: Tensor) -> 'Seen':
        """
        Look around the match.

        The map is warped by the flow of every pixel, so a neighbour in it may come from
        elsewhere than beside the match. What a candidate stands for is its own flow and its
        place in the window; that lets good flow spread from pixel to pixel, too.

        :param warped: (B, C, h, w), the other map at the match so far, see :func:`warp`.
        :param flow: (B, 2, h, w), pixels of this scale.
        """
        fmap0, fmap1 = for_distance(fmap0.float(), warped)
        if self.block:
            logits = local_correlation(fmap0, fmap1, self.radius, self.block)
        else:
            logits = shifted_correlation(fmap0, fmap1, self.radius)
        logits = logits.float() * self.log_scale.exp()
        logits = logits - logits.amax(1, keepdim=True)
        candidates = windows(flow, self.radius) + self.grid[:, :, None, None] - flow[:, :, None]
        weights = torch.exp(logits)
        near = weights * self.beside(logits.argmax(1, keepdim=True))
        offset = (near[:, None] * candidates).sum(2) / near.sum(1, keepdim=True)
        return Seen(logits, candidates, offset, -weights.sum(1, keepdim=True).log())

    def beside(self, best: Tensor) -> Tensor:
        """
        Tell which candidates are the best one and its eight neighbours.

        A mean over the whole window would be pulled to where most candidates are.

        :param best: (B, 1, h, w), number of the best candidate.
        :returns: (B, (2 r + 1)^2, h, w) bool.
        """
        size = 2 * self.radius + 1
        row = torch.div(best, size, rounding_mode='floor')
        x, y = (part[:, None, None] for part in self.grid)
        return (((x - (best - row * size - self.radius)).abs() < 1.5)
                & ((y - (row - self.radius)).abs() < 1.5))


class Seen(NamedTuple):
    """
    What a search saw.

    :param logits: (B, (2 r + 1)^2, h, w), relative to the best.
    :param candidates: (B, 2, (2 r + 1)^2, h, w), change of the flow, pixels of this scale.
    :param offset: (B, 2, h, w), mean of the best candidate and its neighbours.
    :param certainty: (B, 1, h, w), log-probability of the best.
    """

    logits: Tensor
    candidates: Tensor
    offset: Tensor
    certainty: Tensor


def windows(x: Tensor, radius: int) -> Tensor:
    """(B, C, h, w) to (B, C, (2 radius + 1)^2, h, w): the neighbours; edges are repeated."""
    height, width = x.shape[2:]
    size = 2 * radius + 1
    padded = F.pad(x, (radius, radius, radius, radius), mode='replicate')
    return torch.stack([padded[:, :, y:y + height, x:x + width]
                        for y in range(size) for x in range(size)], dim=2)


class UpdateBlock(nn.Module):
    """
    Correct the flow of one scale by what its window shows, and remember.

    :param channels: of the features.
    :param hidden: of the recurrent state.
    :param search: what compares.
    """

    def __init__(self, channels: int, hidden: int, search: WindowSearch) -> None:
        super().__init__()
        self.search = search
        window = (2 * search.radius + 1) ** 2
        self.look = nn.Conv2d(window, hidden, 1)
        self.mix = nn.Conv2d(2 * hidden + 5, hidden, 3, padding=1)
        self.state = nn.Conv2d(hidden, 2 * hidden, 3, padding=1)
        self.head = nn.Conv2d(hidden, 3, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, fmap0: Tensor, fmap1: Tensor, hidden: Tensor, flow: Tensor,
                horizontal: Tensor | None) -> tuple[Tensor, Step]:
        """
        Make one correction.

        :param hidden: (B, hidden, h, w).
        :param flow: (B, 2, h, w), pixels of this scale.
        :param horizontal: factor (B or 1, 2, 1, 1) of the flow: (1, 0) on rectified pairs.
        :returns: the new state, and the correction.
        """
        base = flow.detach()  # no gradients through the places of samples: they are noise
        seen = self.search(fmap0, warp(fmap1, base), base)
        look = F.relu(self.look(seen.logits * LOGIT_SCALE))
        mixed = F.relu(self.mix(torch.cat(
            [look, hidden, seen.offset, seen.certainty, base * 0.05], dim=1)))
        gate, new = self.state(mixed).chunk(2, dim=1)
        gate = torch.sigmoid(gate)
        hidden = hidden + gate * (torch.tanh(new) - hidden)
        change = self.head(hidden).float()
        updated = flow + change[:, :2] + torch.sigmoid(change[:, 2:3]) * seen.offset
        if horizontal is not None:
            updated = updated * horizontal
        return hidden, Step(flow, updated, seen.logits, seen.candidates)


class DetailBlock(nn.Module):
    """
    Last correction, at 1/2, for what coarser scales cannot tell: fractions of a pixel, edges.

    :param channels: of the features at 1/2, and of the state.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.search = WindowSearch(1, 0)
        self.mix = nn.Conv2d(3 * channels + 12, 32, 3, padding=1)
        self.refine = nn.Conv2d(32, 16, 3, padding=1)
        self.head = nn.Conv2d(16, 4, 3, padding=1)
        self.weights = nn.Conv2d(16, WEIGHTS, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, fmap0: Tensor, fmap1: Tensor, hidden: Tensor, flow: Tensor,
                horizontal: Tensor | None) -> tuple[Step, Tensor, Tensor]:
        """
        Correct the flow at 1/2 and bring it to full size.

        :param hidden: (B, channels, h, w), what 1/4 remembers.
        :param flow: (B, 2, h, w), pixels of 1/2.
        :returns: the correction; flow (B, 2, 2h, 2w) in pixels; logit of the confidence
            (B, 1, 2h, 2w).
        """
        base = flow.detach()
        warped = warp(fmap1, base)
        seen = self.search(fmap0, warped, base)
        x = torch.cat([fmap0, warped - fmap0, hidden, seen.logits * LOGIT_SCALE, seen.offset,
                       seen.certainty], dim=1)
        x = F.relu(self.refine(F.relu(self.mix(x))))
        change = self.head(x).float()
        updated = flow + change[:, :2] + torch.sigmoid(change[:, 2:3]) * seen.offset
        if horizontal is not None:
            updated = updated * horizontal
        full = convex_upsample(torch.cat([updated * 2, change[:, 3:]], dim=1),
                               self.weights(x).float())
        return Step(flow, updated, seen.logits, seen.candidates), full[:, :2], full[:, 2:]


class Transition(nn.Module):
    """
    Take flow and state to the next finer scale.

    :param coarse: channels of the state there.
    :param fine: channels of the state at the finer scale.
    """

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.weights = nn.Conv2d(coarse, WEIGHTS, 1)
        self.carry = nn.Conv2d(coarse, fine, 1)

    def flow(self, hidden: Tensor, flow: Tensor) -> Tensor:
        """
        (B, 2, h, w) to (B, 2, 2h, 2w), pixels of each scale.

        Every scale learns by its own error, so no gradient goes back to the coarser flow.
        """
        return convex_upsample(flow.detach() * 2, self.weights(hidden).float())

    def state(self, hidden: Tensor) -> Tensor:
        """(B, coarse, h, w) to (B, fine, 2h, 2w)."""
        return F.interpolate(self.carry(hidden), scale_factor=2.0, mode='nearest')


def warp(fmap: Tensor, flow: Tensor) -> Tensor:
    """
    Sample a map at the match of every pixel, bilinearly; zero outside.

    :param fmap: (B, C, h, w).
    :param flow: (B, 2, h, w), pixels of this scale.
    """
    height, width = fmap.shape[2:]
    x = torch.arange(width, device=flow.device, dtype=flow.dtype).view(1, 1, width)
    y = torch.arange(height, device=flow.device, dtype=flow.dtype).view(1, height, 1)
    grid = torch.stack([(flow[:, 0] + x) * (2 / (width - 1)) - 1,
                        (flow[:, 1] + y) * (2 / (height - 1)) - 1], dim=-1)
    return F.grid_sample(fmap.float(), grid, mode='bilinear', padding_mode='zeros',
                         align_corners=True)
