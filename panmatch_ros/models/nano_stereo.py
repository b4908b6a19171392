"""First estimate of stereo in nano: two volumes of disparities, then what rows know."""
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convex_upsampling import WEIGHTS, convex_upsample
from .local_correlation import for_distance, row_correlation
from .nano_config import NanoConfig
from .nano_encoder import NanoFeatures, upsample_nearest
from .nano_matching import Initial

GROUPS = 8         # of channels, compared apart in the volume at 1/8
VOLUME_BLOCK = 8   # columns compared at once
FINE_BLOCK = 16    # likewise at 1/4
ROW_DIM = 32       # of the propagation
FLOW_SCALE, CHANGE_SCALE = 0.1, 0.25  # of displacements as an input


class StereoStart(NamedTuple):
    """
    What the search along the rows found.

    :param coarse: at 1/8.
    :param fine: at 1/4, all disparities again.
    :param informed: (B, 2, H / 8, W / 8), flow that the rows propose.
    :param flow: (B, 2, H / 4, W / 4), the estimate where a pixel takes what it trusts more.
    :param state: (B, C, H / 4, W / 4), what was seen, for the corrections.
    """

    coarse: Initial
    fine: Initial
    informed: Tensor
    flow: Tensor
    state: Tensor


class StereoSearch(nn.Module):
    """
    Search along the rows: coarse and smoothed, then fine, then hidden pixels ask their row.

    :param config: of the network.
    """

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.volume = StereoVolume(config)
        self.fine = FineVolume(config)
        self.rows = RowPropagation(config)

    def forward(self, features0: NanoFeatures, features1: NanoFeatures) -> StereoStart:
        """Match every pixel of the left image at 1/4."""
        coarse = self.volume(features0, features1)
        fine = self.fine(features0, features1, coarse.logits)
        return StereoStart(coarse, fine, *self.rows(features0, fine))


class StereoVolume(nn.Module):
    """
    Search along the rows at 1/8 in a volume of disparities, smoothed by convolutions.

    The disparities are a part of the batch: a layer is a 3x3 convolution of each and a mixing
    of neighbouring ones, which every engine computes fast.

    :param config: of the network.
    """

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.levels = config.disparity_levels
        dim, context = config.volume_dim, config.channels[2]
        self.log_scale = nn.Parameter(torch.tensor(0.0))
        self.stem = nn.Conv2d(GROUPS, dim, 3, padding=1)
        self.guide = nn.Conv2d(context, dim, 1)
        self.fine = VolumeBlock(dim)
        self.down = nn.Conv2d(2 * dim, 2 * dim, 3, 2, 1)
        self.coarse = nn.ModuleList([VolumeBlock(2 * dim), VolumeBlock(2 * dim)])
        self.up = nn.Conv2d(2 * dim, dim, 1)
        self.guide_up = nn.Conv2d(context, dim, 1)
        self.last = VolumeBlock(dim)
        self.head = nn.Conv2d(dim, 1, 3, padding=1)

    def forward(self, features0: NanoFeatures, features1: NanoFeatures) -> Initial:
        """Match every pixel of the left image at 1/8."""
        return best_disparity(self.aggregate(features0.eighth, features1.eighth))

    def aggregate(self, left: Tensor, right: Tensor) -> Tensor:
        """Logits (B, D, h, w) of the disparities."""
        batch, size = left.shape[0], left.shape[2:]
        left5, right5 = (x.reshape(batch, GROUPS, -1, *size) for x in (left, right))
        left5, right5 = for_distance(left5, right5, dim=2)
        volume = row_correlation(left5, right5, self.levels, VOLUME_BLOCK)
        x = self.stem(volume.flatten(0, 1) * self.log_scale.exp())
        x = guided(F.relu(x), self.guide(left), self.levels)
        x = self.fine(x, self.levels)
        pairs = x.reshape(batch * self.levels // 2, -1, *size)  # two disparities beside another
        y = F.relu(self.down(pairs))
        for block in self.coarse:
            y = block(y, self.levels // 2)
        y = upsample_nearest(self.up(y))[:, None, :, :size[0], :size[1]]
        y = y.expand(-1, 2, -1, -1, -1).reshape(x.shape)
        x = guided(F.relu(x + y), self.guide_up(left), self.levels)
        logits = self.head(self.last(x, self.levels))
        return logits.reshape(batch, self.levels, *size).float()


class VolumeBlock(nn.Module):
    """
    Residual layer of a volume: 3x3 in the image, then three neighbouring disparities.

    :param channels: of the volume.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(channels, channels, 3, padding=1)
        self.mix = nn.Conv2d(3 * channels, channels, 1)

    def forward(self, x: Tensor, levels: int) -> Tensor:
        """(B D, C, h, w) to the same."""
        y = F.relu(self.spatial(x)).reshape(-1, levels, *x.shape[1:])
        nothing = torch.zeros_like(y[:, :1])
        y = torch.cat([torch.cat([nothing, y[:, :-1]], dim=1), y,
                       torch.cat([y[:, 1:], nothing], dim=1)], dim=2)
        return F.relu(x + self.mix(y.flatten(0, 1)))


def guided(volume: Tensor, logits: Tensor, levels: int) -> Tensor:
    """Weight the channels of a volume (B D, C, h, w) by the look of each pixel (B, C, h, w)."""
    stacked = volume.reshape(-1, levels, *volume.shape[1:])
    return (stacked * torch.sigmoid(logits)[:, None]).flatten(0, 1)


class FineVolume(nn.Module):
    """
    Search along the rows at 1/4: what is thin has no cell of its own at 1/8.

    The logits of 1/8, spread by learned weights, are the prior of a plain comparison.

    :param config: of the network.
    """

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        quarter = config.channels[1]
        self.levels = 2 * config.disparity_levels
        self.log_scale = nn.Parameter(torch.tensor(0.0))
        self.log_prior = nn.Parameter(torch.tensor(0.0))
        self.compare = nn.Conv2d(quarter, config.fine_dim, 1)
        self.spread = nn.Conv2d(4 * quarter, WEIGHTS, 1)

    def forward(self, features0: NanoFeatures, features1: NanoFeatures,
                prior: Tensor) -> Initial:
        """
        Match every pixel of the left image at 1/4.

        :param prior: logits (B, D, H / 8, W / 8) of the disparities at 1/8.
        """
        weights = self.spread(F.pixel_unshuffle(features0.quarter, 2)).float()
        prior = between_levels(convex_upsample(prior * self.log_prior.exp(), weights))
        left, right = (self.compare(x.quarter).float()[:, None] for x in (features0, features1))
        left, right = for_distance(left, right, dim=2)
        cost = row_correlation(left * self.log_scale.exp(), right, self.levels, FINE_BLOCK)
        return best_disparity(prior + cost[:, :, 0])


class RowPropagation(nn.Module):
    """
    Let every pixel ask the sure pixels of its row that look alike, at 1/8.

    What is hidden in the right image has no match; its disparity is that of its surroundings
    in the row, mostly of what lies further back.

    :param config: of the network.
    """

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        quarter, eighth = config.channels[1:3]
        self.query = nn.Conv2d(eighth + 2, ROW_DIM, 1)
        self.key = nn.Conv2d(eighth + 2, ROW_DIM, 1)
        self.trust = nn.Parameter(torch.tensor(1.0))      # in the certainty of a source
        self.locality = nn.Parameter(torch.tensor(-4.0))  # log of the weight of the distance
        self.fuse = nn.Conv2d(quarter + 4, 1 + config.hidden[0], 3, padding=1)

    def forward(self, features0: NanoFeatures, fine: Initial) -> tuple[Tensor, Tensor, Tensor]:
        """Give ``informed``, ``flow`` and ``state`` of :class:`StereoStart`."""
        across, certainty = fine.flow[:, :1], fine.certainty
        informed = self.ask(features0.eighth, across[:, :, ::2, ::2] * 0.5,
                            certainty[:, :, ::2, ::2])
        proposed = upsample_nearest(informed)
        change = proposed[:, :1] * 2 - across
        scaled = change * CHANGE_SCALE
        seen = torch.cat([features0.quarter, certainty, scaled, scaled.abs(), proposed[:, 1:]], 1)
        fused = self.fuse(seen).float()
        across = across + torch.sigmoid(fused[:, :1]) * change
        return (along_rows(informed[:, :1]), along_rows(across), fused[:, 1:])

    def ask(self, context: Tensor, across: Tensor, certainty: Tensor) -> Tensor:
        """Mean flow and certainty (B, 2, h, w) of the row, each pixel with weights of its own."""
        context = torch.cat([context, certainty, across * FLOW_SCALE], dim=1)
        query, key = (layer(context).float().permute(0, 2, 3, 1)
                      for layer in (self.query, self.key))
        position = torch.arange(across.shape[3], device=across.device)
        distance = (position[:, None] - position).square()
        affinity = query @ key.transpose(2, 3) * ROW_DIM ** -0.5  # (B, h, w, w)
        affinity = affinity + F.softplus(self.trust) * certainty.permute(0, 2, 1, 3) \
            - self.locality.exp() * distance
        values = torch.cat([across, certainty], dim=1).permute(0, 2, 3, 1)
        return (affinity.softmax(-1) @ values).permute(0, 3, 1, 2)


def best_disparity(logits: Tensor) -> Initial:
    """
    Take the mean of the best disparity and its two neighbours.

    :param logits: (B, D, h, w).
    """
    best, index = logits.max(1, keepdim=True)
    level = torch.arange(logits.shape[1], device=logits.device).view(1, -1, 1, 1)
    weight = torch.exp(logits - best)
    near = weight * ((level - index).abs() <= 1)
    disparity = (near * level).sum(1, keepdim=True) / near.sum(1, keepdim=True)
    return Initial(along_rows(-disparity), -weight.sum(1, keepdim=True).log(), logits)


def between_levels(logits: Tensor) -> Tensor:
    """(B, D, h, w) to (B, 2 D, h, w): the mean of its neighbours after each level."""
    following = torch.cat([logits[:, 1:], logits[:, -1:]], dim=1)
    return torch.stack([logits, (logits + following) * 0.5], dim=2).flatten(1, 2)


def along_rows(across: Tensor) -> Tensor:
    """(B, 1, h, w) to a flow (B, 2, h, w) that has no vertical part."""
    return F.pad(across, (0, 0, 0, 0, 0, 1))
