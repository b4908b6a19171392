"""The part of a cost map around a position: a 9x9 window (RAFT, arXiv 2003.12039, Sec. 3.2)."""
import torch
from torch import Tensor
from torch.nn import functional as F

from .layers import full_precision

RADIUS = 4
WINDOW = 2 * RADIUS + 1


def cost_window(volume: Tensor, coords: Tensor, transposed: bool) -> Tensor:
    """
    Sample the cost map of every pixel in 9x9 steps of one cell around a position.

    Bilinear, zero outside the map. All 81 samples of a pixel have the same fractions, so 10x10
    whole cells are gathered and blended with four weights.

    :param volume: (B, h w, h w), rows are the pixels of image 0.
    :param coords: (B, 2, h, w) float32 positions in image 1, cells, x and y.
    :param transposed: channel k is (dx, dy) = (k // 9 - 4, k % 9 - 4), as the official weights
        were trained; False makes it (k % 9 - 4, k // 9 - 4).
    :returns: (B, 81, h, w) float32.
    """
    height, width = coords.shape[2:]
    x, y = coords.flatten(2).unbind(1)                                   # (B, N)
    # A window that misses the map by far reads zeros like one that just misses it.
    x = x.clamp(-2 * WINDOW, width + 2 * WINDOW)
    y = y.clamp(-2 * WINDOW, height + 2 * WINDOW)
    column, row = x.floor(), y.floor()
    fx, fy = (x - column)[..., None, None], (y - row)[..., None, None]

    steps = torch.arange(-RADIUS, RADIUS + 2, device=x.device)
    columns = column.long()[..., None] + steps                           # (B, N, 10)
    rows = row.long()[..., None] + steps
    inside_x, inside_y = within(columns, width), within(rows, height)
    index = (rows.clamp(0, height - 1)[..., :, None] * width
             + columns.clamp(0, width - 1)[..., None, :])                # (B, N, 10, 10)
    cells = volume.gather(2, index.flatten(2)).view(index.shape)
    inside = inside_y[..., :, None] & inside_x[..., None, :]
    cells = cells * inside.to(cells.dtype)

    blended = cells[..., :-1] + fx * (cells[..., 1:] - cells[..., :-1])
    window = blended[..., :-1, :] + fy * (blended[..., 1:, :] - blended[..., :-1, :])
    if transposed:
        window = window.transpose(2, 3)
    return window.flatten(2).transpose(1, 2).unflatten(2, (height, width))


def within(index: Tensor, size: int) -> Tensor:
    """Where an index is inside an axis; bool."""
    return (index >= 0) & (index < size)


def convex_upsample(flow: Tensor, mask: Tensor, factor: int = 8) -> Tensor:
    """
    Upsample by weighted means of the 3x3 coarse neighbours (RAFT Sec. 3.3).

    :param flow: (B, C, h, w); values are not scaled. Zero outside.
    :param mask: (B, 9 * factor ** 2, h, w) logits; channel ``n factor^2 + sy factor + sx``.
    :param factor: of the size.
    :returns: (B, C, factor h, factor w) float32.
    """
    batch, channels, height, width = flow.shape
    weights = full_precision(mask).view(batch, 9, factor, factor, height, width).softmax(dim=1)
    padded = F.pad(full_precision(flow), (1, 1, 1, 1))
    neighbours = [padded[:, :, row:row + height, column:column + width]
                  for row in range(3) for column in range(3)]
    fine = sum(weights[:, None, n] * neighbour[:, :, None, None]
               for n, neighbour in enumerate(neighbours))                # (B, C, f, f, h, w)
    return fine.permute(0, 1, 4, 2, 5, 3).reshape(batch, channels, factor * height,
                                                  factor * width)
