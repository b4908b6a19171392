"""Correlation of each pixel with a window around its match, as matrix products."""
import torch
from torch import Tensor
from torch.nn import functional as F


def local_correlation(fmap0: Tensor, fmap1: Tensor, radius: int, block: int) -> Tensor:
    """
    Compare each pixel with the pixels around it in the other map.

    Rows are cut into blocks; the products of a block with all columns that it needs are one
    matrix product, of which the band around the diagonal is kept. That computes more products
    than needed, and still takes a third of the time of shifted copies.

    :param fmap0: (B, C, H, W).
    :param fmap1: (B, C, H, W), usually warped by the flow so far; zero outside.
    :param radius: of the square window, pixels.
    :param block: columns of a block; divides W and is at least twice the radius.
    :returns: (B, (2 radius + 1)^2, H, W), row by row of the window; not normalised.
    """
    batch, channels, height, width = fmap0.shape
    size = 2 * radius + 1
    queries = fmap0.permute(0, 2, 3, 1).reshape(-1, block, channels)
    products = queries @ _windows(fmap1, radius, block).transpose(1, 2)
    band = _band(radius, block).to(fmap0.device)
    products = products.flatten(1).index_select(1, band)
    return products.reshape(batch, height, width, size * size).permute(0, 3, 1, 2)


def _windows(fmap: Tensor, radius: int, block: int) -> Tensor:
    """Every row of windows that a block needs, (B H blocks, (2r + 1) (block + 2r), C)."""
    batch, channels, height, width = fmap.shape
    rows = F.pad(fmap, (radius, block - radius, radius, radius)).permute(0, 2, 3, 1)
    cells = rows.reshape(batch, height + 2 * radius, width // block + 1, block, channels)
    if radius:
        cells = torch.cat([cells[:, :, :-1], cells[:, :, 1:, :2 * radius]], dim=3)
    else:
        cells = cells[:, :, :-1]
    # Three axes: a product of more copies its transposed factor.
    cells = cells.reshape(batch, height + 2 * radius, width // block, -1)
    windows = torch.cat([cells[:, y:y + height] for y in range(2 * radius + 1)], dim=3)
    return windows.reshape(batch * height * (width // block), -1, channels)


def _band(radius: int, block: int) -> Tensor:
    """Index of the products that are kept, in the order (column, window y, window x)."""
    size, span = 2 * radius + 1, block + 2 * radius
    column = torch.arange(block)[:, None, None]
    y = torch.arange(size)[:, None]
    x = torch.arange(size)
    return ((column * size + y) * span + column + x).reshape(-1)


def shifted_correlation(fmap0: Tensor, fmap1: Tensor, radius: int) -> Tensor:
    """
    Compute the same as :func:`local_correlation` with shifted copies; any width.

    :param fmap0: (B, C, H, W).
    :param fmap1: (B, C, H, W).
    :param radius: of the square window, pixels.
    """
    height, width = fmap0.shape[2:]
    padded = F.pad(fmap1, (radius, radius, radius, radius))
    shifts = [(fmap0 * padded[:, :, y:y + height, x:x + width]).sum(1)
              for y in range(2 * radius + 1) for x in range(2 * radius + 1)]
    return torch.stack(shifts, dim=1)


def row_correlation(fmap0: Tensor, fmap1: Tensor, levels: int, block: int) -> Tensor:
    """
    Compare each pixel with those left of it in the same row, in groups of channels.

    :param fmap0: (B, G, C, H, W), the left image.
    :param fmap1: (B, G, C, H, W), the right image.
    :param levels: number of disparities D, from 0; a multiple of ``block``.
    :param block: columns of a block; divides W.
    :returns: (B, D, G, H, W); 0 where the match would be outside.
    """
    batch, groups, channels, height, width = fmap0.shape
    blocks, ahead = width // block, levels // block
    queries = fmap0.permute(0, 3, 1, 4, 2).reshape(-1, block, channels)
    keys = F.pad(fmap1, (levels, 0)).permute(0, 3, 1, 4, 2)
    keys = keys.reshape(batch, height, groups, blocks + ahead, block, channels)
    keys = keys.flatten(4)  # see _windows
    keys = torch.cat([keys[:, :, :, i:i + blocks] for i in range(ahead + 1)], dim=4)
    keys = keys.reshape(batch * height * groups * blocks, -1, channels)
    products = (queries @ keys.transpose(1, 2)).flatten(1)  # (B H G blocks, block * span)
    column = torch.arange(block)[:, None]
    band = column * (levels + block) + column + levels - torch.arange(levels)
    products = products.index_select(1, band.reshape(-1).to(fmap0.device))
    products = products.reshape(batch, height, groups, width, levels)
    return products.permute(0, 4, 2, 1, 3)


def for_distance(fmap0: Tensor, fmap1: Tensor, dim: int = 1) -> tuple[Tensor, Tensor]:
    """
    Add a channel to each map that turns correlations into distances.

    ``f0 . f1 - |f1|^2 / 2`` is ``-|f0 - f1|^2 / 2`` but for a part that all candidates share.
    The plain product prefers whatever is bright; this prefers what is alike, already before
    any training.

    :param dim: of the channels.
    """
    penalty = -0.5 * fmap1.square().sum(dim, keepdim=True)
    behind = [0, 0] * (fmap0.ndim - 1 - dim)
    return F.pad(fmap0, (*behind, 0, 1), value=1.0), torch.cat([fmap1, penalty], dim)
