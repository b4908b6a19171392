"""Window search of nano, for engines that are slow at sampling and at short vectors."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..nano_update import WindowSearch


class FoldedSearch(nn.Module):
    """
    Compare every pixel with a window around its match so far; one pair at a time.

    :param search: the trained one; left as it is.
    :param block: columns that are compared at once; the width is rounded up to a multiple.
    """

    def __init__(self, search: WindowSearch, block: int) -> None:
        super().__init__()
        self.radius, self.block = search.radius, block
        self.register_buffer('scale', search.log_scale.detach().exp())

    def forward(self, fmap0: Tensor, warped: Tensor,
                flow: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """
        Look around the match.

        :param fmap0: (1, C, h, w).
        :param warped: (h, w, C) of :func:`warp_rows`.
        :param flow: (1, 2, h, w), pixels of this scale.
        :returns: logits (h w, (2 r + 1)^2) relative to the best, what the best ones would
            change (1, 2, h, w), and the log-probability of the best (1, 1, h, w).
        """
        logits = self.correlate(fmap0, warped)
        logits = logits - logits.amax(1, keepdim=True)
        return logits, *mean_candidate(logits, flow, self.radius)

    def correlate(self, fmap0: Tensor, warped: Tensor) -> Tensor:
        """Logits (h w, (2 r + 1)^2) of the window."""
        channels, height, width = fmap0.shape[1:]
        size, block = 2 * self.radius + 1, self.block
        blocks = (width + block - 1) // block
        # One more channel makes distances of products, see local_correlation.for_distance.
        queries = F.pad(fmap0[0].permute(1, 2, 0), (0, 1, 0, 0), value=1.0) * self.scale
        queries = F.pad(queries, (0, 0, 0, blocks * block - width))
        queries = queries.reshape(height, blocks, block, channels + 1)
        warped = torch.cat([warped, -0.5 * warped.square().sum(2, keepdim=True)], dim=2)
        # All columns that a block needs: its own and the first of the next.
        rows = F.pad(warped, (0, 0, self.radius, (blocks + 1) * block - self.radius - width,
                              self.radius, self.radius))
        cells = rows.reshape(height + size - 1, blocks + 1, block, channels + 1)
        cells = torch.cat([cells[:, :-1], cells[:, 1:, :size - 1]], dim=2).transpose(-1, -2)
        kept = torch.cat([diagonals(queries @ cells[y:y + height], size) for y in range(size)],
                         dim=3)
        return kept.reshape(height, blocks * block, size * size)[:, :width].flatten(0, 1)


def diagonals(products: Tensor, count: int) -> Tensor:
    """
    Keep of every row what starts at the diagonal.

    Rows that are one longer when they are cut anew start one further each: two copies in order,
    where taking single numbers by their index costs several times that.

    :param products: (h, w, rows, columns); at least ``count`` columns from the diagonal on.
    :returns: (h, w, rows, count): of row ``i`` the columns ``i`` to ``i + count - 1``.
    """
    rows, columns = products.shape[2:]
    longer = F.pad(products.flatten(2), (0, rows))
    return longer.unflatten(2, (rows, columns + 1))[..., :count]


def mean_candidate(logits: Tensor, flow: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """
    Average what the best candidate and its eight neighbours would make of the flow.

    :param logits: (h w, (2 r + 1)^2), relative to the best.
    :param flow: (1, 2, h, w).
    :returns: change of the flow (1, 2, h, w), and the log-probability of the best (1, 1, h, w).
    """
    height, width = flow.shape[2:]
    logits, device = logits.float(), logits.device
    size, pitch = 2 * radius + 1, width + 2 * radius
    best = logits.argmax(1, keepdim=True)
    row = torch.div(best, size, rounding_mode='floor')
    column = best - row * size
    step = torch.arange(9, device=device)
    y, x = row + torch.div(step, 3, rounding_mode='floor') - 1, column + step % 3 - 1  # (h w, 9)
    inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
    x, y = x.clamp(0, size - 1), y.clamp(0, size - 1)
    weights = torch.exp(logits.gather(1, y * size + x)) * inside
    padded = F.pad(flow, (radius, radius, radius, radius), mode='replicate')[0].flatten(1)
    corner = (torch.arange(height, device=device)[:, None] * pitch
              + torch.arange(width, device=device))
    source = (y * pitch + x + corner.reshape(-1, 1)).flatten()
    near = padded.index_select(1, source).reshape(2, -1, 9)
    place = torch.stack([x, y]).to(near) - radius
    mean = (weights * (near + place)).sum(2) / weights.sum(1)
    certainty = -torch.exp(logits).sum(1).log()
    return mean.reshape(1, 2, height, width) - flow, certainty.reshape(1, 1, height, width)


def mean_of_nine(logits: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """
    Compute :func:`mean_candidate` for a radius of 1, without indices: twice as fast there.

    :param logits: (9, h w), relative to the best.
    :param flow: (1, 2, h, w).
    """
    height, width = flow.shape[2:]
    weights = torch.exp(logits.float())
    best = logits.argmax(0, keepdim=True).to(weights.dtype)
    row = torch.floor(best * (1 / 3) + 0.1)
    step = torch.arange(3, dtype=weights.dtype, device=flow.device)[:, None]
    keep_y, keep_x = (1 - F.relu((step - centre).abs() - 1) for centre in (row, best - 3 * row))
    near = (weights.reshape(3, 3, -1) * keep_y[:, None] * keep_x).flatten(0, 1)
    padded = F.pad(flow, (1, 1, 1, 1), mode='replicate')
    around = torch.cat([padded[..., y:y + height, x:x + width] + torch.tensor(
        [x - 1.0, y - 1.0], device=flow.device).view(1, 2, 1, 1)
        for y in range(3) for x in range(3)])
    mean = (near[:, None] * around.flatten(2)).sum(0) / near.sum(0, keepdim=True)
    certainty = -weights.sum(0).log()
    return mean.reshape(1, 2, height, width) - flow, certainty.reshape(1, 1, height, width)


def warp_rows(fmap: Tensor, flow: Tensor) -> Tensor:
    """
    Sample a map at the match of every pixel, bilinearly; zero outside.

    As :func:`~panmatch_ros.models.nano_update.warp`, by whole rows of channels, which is
    several times faster where engines sample channel by channel.

    :param fmap: (1, C, h, w).
    :param flow: (1, 2, h, w), pixels of this scale.
    :returns: (h, w, C).
    """
    channels, height, width = fmap.shape[1:]
    pitch = width + 3  # zeros: one to the left, and two to the right of which one is a neighbour
    flow = flow.float()
    table = F.pad(fmap, (1, 2, 1, 2)).permute(0, 2, 3, 1).reshape(-1, channels)
    column = torch.arange(width, dtype=flow.dtype, device=flow.device) + 1
    row = (torch.arange(height, dtype=flow.dtype, device=flow.device) + 1)[:, None]
    x = _limit(flow[0, 0] + column, width + 1)
    y = _limit(flow[0, 1] + row, height + 1)
    x0, y0 = x.floor(), y.floor()
    right, below = x - x0, y - y0
    corner = right * below
    index = (y0 * pitch + x0).to(torch.int32).flatten()
    parts = [table.index_select(0, index + offset) * weight.reshape(-1, 1)
             for offset, weight in ((0, 1 - right - below + corner), (1, right - corner),
                                    (pitch, below - corner), (pitch + 1, corner))]
    return (parts[0] + parts[1] + parts[2] + parts[3]).reshape(height, width, channels)


def _limit(position: Tensor, largest: int) -> Tensor:
    """Keep positions between 0 and the largest; a not-a-number too."""
    return F.relu(largest - F.relu(largest - position))
