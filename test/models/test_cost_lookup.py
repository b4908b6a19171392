"""Cost windows against single bilinear samples, convex upsampling against unfolded neighbours."""
import math

import pytest

pytest.importorskip('torch', reason='torch is not installed')
from tensors import assert_close, random
import torch
from torch.nn import functional as F

from panmatch_ros.models.cost_lookup import convex_upsample, cost_window


def sampled(volume, coords, transposed):
    """81 samples of every cost map, one call of grid_sample."""
    batch, _, height, width = coords.shape
    maps = volume.double().reshape(-1, 1, height, width)
    steps = [(k // 9 - 4, k % 9 - 4) for k in range(81)]
    if not transposed:
        steps = [(dx, dy) for dy, dx in steps]
    centre = coords.double().permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
    points = centre + torch.tensor(steps, dtype=torch.float64).view(1, 9, 9, 2)
    grid = 2 * points / torch.tensor([width - 1, height - 1]) - 1
    result = F.grid_sample(maps, grid, mode='bilinear', padding_mode='zeros', align_corners=True)
    return result.view(batch, height, width, 81).permute(0, 3, 1, 2)


def grid(batch, height, width):
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    return torch.stack([x, y]).float().expand(batch, 2, height, width)


@pytest.mark.parametrize('transposed', [True, False])
@pytest.mark.parametrize('size', [(14, 28), (5, 3), (2, 2), (11, 16)])
@pytest.mark.parametrize('spread', [0, 1, 6, 40])
def test_cost_window_has_the_81_samples(transposed, size, spread):
    cells = size[0] * size[1]
    volume = random(2, cells, cells, dtype=torch.float32)
    coords = grid(2, *size) + spread * random(2, 2, *size, seed=1, dtype=torch.float32)
    window = cost_window(volume, coords, transposed)
    assert window.dtype == torch.float32
    assert_close(window, sampled(volume, coords, transposed), atol=1e-5)


@pytest.mark.parametrize(('x', 'y'), [
    (-4.5, 3), (-5, 3), (-5.001, 3), (12.999, 3), (13, 3), (3, -4.25), (3, 10.5), (3, 11),
    (0, 0), (9, 6), (-0.5, -0.5), (9.5, 6.5), (8.999999, 5.999999)])
def test_cost_window_at_and_over_borders(x, y):
    volume = 1 + random(1, 70, 70, dtype=torch.float32).abs()
    coords = torch.tensor([x, y], dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, 7, 10)
    assert_close(cost_window(volume, coords, True), sampled(volume, coords, True), atol=1e-5)


@pytest.mark.parametrize('value', [100.0, 1e6, -1e6, 3e9, -1e20, math.inf, -math.inf])
def test_far_outside_is_zero(value):
    volume = 1 + random(1, 12, 12, dtype=torch.float32).abs()
    for x, y in ((value, 1.5), (1.5, value), (value, -value)):
        coords = torch.tensor([x, y]).view(1, 2, 1, 1).expand(1, 2, 3, 4)
        assert cost_window(volume, coords, True).abs().max() == 0


def test_order_of_the_window():
    """In a cost map whose values are 10 y + x, around (5, 4)."""
    y, x = torch.meshgrid(torch.arange(9.0), torch.arange(10.0), indexing='ij')
    volume = (10 * y + x).flatten().expand(1, 90, 90)
    coords = torch.tensor([5.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 9, 10)
    assert cost_window(volume, coords, True)[0, :3, 0, 0].tolist() == [1, 11, 21]
    assert cost_window(volume, coords, False)[0, :3, 0, 0].tolist() == [1, 2, 3]


def test_each_pixel_reads_its_own_map():
    volume = torch.arange(6.0)[None, :, None].expand(1, 6, 6)
    coords = torch.tensor([1.0, 0.5]).view(1, 2, 1, 1).expand(1, 2, 2, 3)
    assert cost_window(volume, coords, True)[0, 40].tolist() == [[0, 1, 2], [3, 4, 5]]


def unfolded(flow, mask, factor):
    """As in RAFT: all nine neighbours at once, then their weighted sum."""
    batch, channels, height, width = flow.shape
    weights = mask.view(batch, 1, 9, factor, factor, height, width).softmax(dim=2)
    around = F.unfold(flow, 3, padding=1).view(batch, channels, 9, 1, 1, height, width)
    fine = (weights * around).sum(2)
    return fine.permute(0, 1, 4, 2, 5, 3).reshape(batch, channels, factor * height,
                                                  factor * width)


@pytest.mark.parametrize(('size', 'factor', 'channels'), [
    ((5, 7), 8, 2), ((1, 1), 8, 2), ((3, 4), 2, 1), ((4, 2), 3, 5)])
def test_convex_upsampling(size, factor, channels):
    flow = 10 * random(2, channels, *size)
    mask = 3 * random(2, 9 * factor ** 2, *size, seed=1)
    fine = convex_upsample(flow.float(), mask.float(), factor)
    assert fine.dtype == torch.float32
    assert fine.shape == (2, channels, factor * size[0], factor * size[1])
    assert_close(fine, unfolded(flow, mask, factor), atol=2e-5)


def test_convex_upsampling_of_halves_is_in_single_precision():
    flow, mask = 300 * random(1, 2, 4, 4).half(), random(1, 576, 4, 4, seed=1).half()
    fine = convex_upsample(flow, mask)
    assert fine.dtype == torch.float32
    assert_close(fine, convex_upsample(flow.float(), mask.float()), atol=0)


def test_convex_upsampling_picks_neighbours():
    """Logit n of a place inside a cell chooses neighbour n of the 3x3, row by row."""
    flow = torch.arange(12.0).view(1, 1, 3, 4)
    mask = torch.full((1, 36, 3, 4), -1e4)
    mask[:, 4 * 5 + 0] = mask[:, 4 * 1 + 1] = mask[:, 4 * 3 + 2] = mask[:, 4 * 8 + 3] = 0
    fine = convex_upsample(flow, mask, 2)[0, 0]
    # Top left takes the right neighbour, top right the upper, bottom left the left one.
    assert fine[2:4, 2:4].tolist() == [[6, 1], [4, 10]]
    assert fine[0:2, 0:2].tolist() == [[1, 0], [0, 5]]  # zero outside


def test_convex_upsampling_stays_between_neighbours():
    flow = random(1, 2, 6, 6)
    fine = convex_upsample(flow, 5 * random(1, 576, 6, 6, seed=1), 8)
    assert fine.abs().max() <= flow.abs().max() + 1e-6
