"""The search along the rows of nano in layouts that engines compute fast; one pair at a time."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..nano_encoder import NanoFeatures
from ..nano_matching import Initial
from ..nano_stereo import FINE_BLOCK, FineVolume, StereoSearch, along_rows
from .nano_search import diagonals
from .nano_update import upsample
from .nano_volume import FoldedVolume


class FoldedStereo(nn.Module):
    """
    Search along the rows: coarse and smoothed, then fine, then hidden pixels ask their row.

    :param stereo: the trained one; left as it is.
    """

    def __init__(self, stereo: StereoSearch) -> None:
        super().__init__()
        self.volume, self.fine = FoldedVolume(stereo.volume), FoldedFine(stereo.fine)
        self.rows = stereo.rows

    def forward(self, features0: NanoFeatures,
                features1: NanoFeatures) -> tuple[Tensor, Tensor, Tensor]:
        """Give flow (1, 2, h, w), state (1, C, h, w) and certainty (1, 1, h, w) at 1/4."""
        prior = self.volume(features0.eighth, features1.eighth)
        fine = self.fine(features0.quarter, features1.quarter, prior)
        _, flow, state = self.rows(features0, fine)
        return flow, state, fine.certainty


class FoldedFine(nn.Module):
    """
    Search along the rows at 1/4.

    :param fine: the trained one; left as it is.
    """

    def __init__(self, fine: FineVolume) -> None:
        super().__init__()
        self.levels = fine.levels
        self.compare, self.spread = fine.compare, fine.spread
        self.register_buffer('scale', fine.log_scale.detach().exp())
        self.register_buffer('prior_scale', fine.log_prior.detach().exp())

    def forward(self, left: Tensor, right: Tensor, prior: Tensor) -> Initial:
        """
        Match every pixel of the left image.

        :param left: features (1, C, h, w) at 1/4.
        :param right: likewise.
        :param prior: logits (1, D, h / 2, w / 2) of the disparities at 1/8.
        """
        height, width = left.shape[2:]
        spread = upsample(prior.flip(1) * self.prior_scale,
                          self.spread(F.pixel_unshuffle(left, 2)))
        # Pixel by pixel from here on, and from the largest disparity to the smallest.
        spread = spread[0].permute(1, 2, 0).reshape(height * width, -1)
        before = torch.cat([spread[:, :1], spread[:, :-1]], dim=1)
        prior = torch.stack([(before + spread) * 0.5, spread], dim=2).flatten(1)
        logits = (prior + self.correlate(left, right)).float()
        best = logits.amax(1, keepdim=True)
        index = logits.argmax(1, keepdim=True)
        certainty = -torch.exp(logits - best).sum(1).log()
        near = index + torch.arange(-1, 2, device=index.device)  # (h w, 3)
        inside = (near >= 0) & (near < self.levels)
        near = near.clamp(0, self.levels - 1)
        weight = torch.exp(logits.gather(1, near) - best) * inside
        across = (weight * near).sum(1) / weight.sum(1) - (self.levels - 1)
        flow = along_rows(across.reshape(1, 1, height, width))
        return Initial(flow, certainty.reshape(1, 1, height, width), logits)

    def correlate(self, left: Tensor, right: Tensor) -> Tensor:
        """Products (h w, D) of pixels of a row, those with the leftmost on the right first."""
        height, width = left.shape[2:]
        blocks, ahead = width // FINE_BLOCK, self.levels // FINE_BLOCK
        queries = F.pad(self.compare(left)[0].permute(1, 2, 0), (0, 1), value=1.0) * self.scale
        queries = queries.reshape(height, blocks, FINE_BLOCK, -1)
        keys = self.compare(right)[0].permute(1, 2, 0)
        keys = torch.cat([keys, -0.5 * keys.square().sum(2, keepdim=True)], dim=2)
        keys = F.pad(keys, (0, 0, self.levels - 1, 1))
        keys = keys.reshape(height, blocks + ahead, FINE_BLOCK, -1)
        keys = torch.cat([keys[:, i:i + blocks] for i in range(ahead + 1)], dim=2)
        return diagonals(queries @ keys.transpose(-1, -2), self.levels).flatten(0, 2)
