"""The coarse stereo volume of nano with fewer changes of layout; one pair at a time."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..local_correlation import for_distance
from ..nano_encoder import upsample_nearest
from ..nano_stereo import GROUPS, VOLUME_BLOCK, StereoVolume, VolumeBlock, guided
from .nano_search import diagonals


class FoldedVolume(nn.Module):
    """
    Search along the rows at 1/8 in a volume of disparities, smoothed by convolutions.

    :param volume: the trained one; left as it is.
    """

    def __init__(self, volume: StereoVolume) -> None:
        super().__init__()
        self.levels = volume.levels
        self.register_buffer('scale', volume.log_scale.detach().exp())
        self.stem, self.guide, self.guide_up = volume.stem, volume.guide, volume.guide_up
        self.down, self.up, self.head = volume.down, volume.up, volume.head
        self.fine, self.last = (FoldedVolumeBlock(block, self.levels)
                                for block in (volume.fine, volume.last))
        self.coarse = nn.ModuleList(FoldedVolumeBlock(block, self.levels // 2)
                                    for block in volume.coarse)
        self.register_buffer('order', torch.arange(self.levels).flip(0))

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """
        Compare every pixel of the left image with those of its row.

        :param left: features (1, C, h, w) at 1/8.
        :param right: likewise.
        :returns: logits (1, D, h, w) of the disparities.
        """
        size = left.shape[2:]
        x = F.relu(self.stem(self.correlate(left, right)))
        x = self.fine(guided(x, self.guide(left), self.levels))
        y = F.relu(self.down(x.reshape(self.levels // 2, -1, *size)))
        for block in self.coarse:
            y = block(y)
        y = upsample_nearest(self.up(y))[:, None]
        x = F.relu((x.reshape(self.levels // 2, 2, -1, *size) + y).flatten(0, 1))
        logits = self.head(self.last(guided(x, self.guide_up(left), self.levels)))
        return logits.reshape(1, self.levels, *size)

    def correlate(self, left: Tensor, right: Tensor) -> Tensor:
        """Products (D, groups, h, w) of pixels of a row, the right one further to the left."""
        channels, height, width = left.shape[1:]
        group, block = channels // GROUPS + 1, VOLUME_BLOCK  # with that of for_distance
        left, right = for_distance(*(x.reshape(GROUPS, group - 1, height, width)
                                     for x in (left, right)))
        blocks, ahead = width // block, self.levels // block
        queries = (left * self.scale).permute(2, 0, 3, 1)
        queries = queries.reshape(height, GROUPS, blocks, block, group)
        keys = F.pad(right, (self.levels - 1, 1)).permute(2, 0, 3, 1)
        keys = keys.reshape(height, GROUPS, blocks + ahead, block, group)
        keys = torch.cat([keys[:, :, i:i + blocks] for i in range(ahead + 1)], dim=3)
        kept = diagonals((queries @ keys.transpose(-1, -2)).flatten(1, 2), self.levels)
        kept = kept.reshape(height, GROUPS, width, self.levels).permute(3, 1, 0, 2)
        return kept.index_select(0, self.order)


class FoldedVolumeBlock(nn.Module):
    """
    Residual layer of a volume: 3x3 in the image, then three neighbouring disparities.

    :param block: the trained one; left as it is.
    :param levels: number of disparities D.
    """

    def __init__(self, block: VolumeBlock, levels: int) -> None:
        super().__init__()
        self.spatial = block.spatial
        self.weight = nn.Parameter(block.mix.weight.detach()[:, :, 0, 0].clone())
        self.bias = nn.Parameter(block.mix.bias.detach()[:, None].clone())
        near = torch.arange(levels)[:, None] + torch.arange(-1, 2)
        near[near < 0] = levels  # a slab of zeros
        self.register_buffer('near', near.flatten())

    def forward(self, x: Tensor) -> Tensor:
        """(D, C, h, w) to the same."""
        levels, channels = x.shape[:2]
        y = F.relu(self.spatial(x))
        y = F.pad(y, (0, 0, 0, 0, 0, 0, 0, 1)).index_select(0, self.near)
        mixed = self.weight @ y.reshape(levels, 3 * channels, -1) + self.bias
        return F.relu(x + mixed.reshape(x.shape))
