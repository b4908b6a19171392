"""Guided upsampling against a loop over all guide pixels."""
import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
from tensors import assert_close, attention, normalise, random
import torch
from torch.nn import functional as F

from panmatch_ros.models.guided_upsampling import (
    BilinearUpsampling,
    GuidedUpsampling,
    members,
    neighbourhoods,
)

# Guide pixels for a low-resolution one: 7, 3.5, 1.75 and 0.875, as at 1/2 to 1/16 of an image.
SIZES = [((2, 4), (14, 28)), ((2, 4), (7, 14)), ((4, 8), (7, 14)), ((8, 16), (7, 14))]
# What no image gives, but the layer must not get wrong either.
ODD = [((3, 5), (10, 7)), ((1, 1), (4, 3)), ((5, 4), (1, 2)), ((3, 3), (3, 3))]


def owner(size, low):
    """Low-resolution index of each guide index: nearest, in single precision."""
    scale = np.float32(low / size)
    return [min(int(np.floor(np.float32(i) * scale)), low - 1) for i in range(size)]


def loop(module, low, guide):
    """Attend from each guide pixel to the 3x3 low pixels around its own; borders repeat."""
    batch, channels, height, width = low.shape
    result = torch.zeros(batch, channels, *guide.shape[2:], dtype=low.dtype)
    for sample in range(batch):
        for y, row in enumerate(owner(guide.shape[2], height)):
            for x, column in enumerate(owner(guide.shape[3], width)):
                candidates = torch.stack([
                    low[sample, :, min(max(row + dy, 0), height - 1),
                        min(max(column + dx, 0), width - 1)]
                    for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
                message = attention(guide[sample, :, y, x][None] @ module.query.weight.T,
                                    candidates @ module.key.weight.T,
                                    candidates @ module.value.weight.T, module.heads)
                result[sample, :, y, x] = (message @ module.merge.weight.T)[0]
    return normalise(result, module.norm, dim=1)


@pytest.mark.parametrize(('low', 'guide'), SIZES + ODD)
def test_each_guide_pixel_attends_to_its_neighbourhood(network, low, guide):
    module = network.guided_upsampling[1]
    low, guide = random(2, 32, *low), random(2, 32, *guide, seed=1)
    result = module(low, guide)
    assert result.shape == guide.shape
    assert_close(result, loop(module, low, guide))


def test_a_sharp_query_picks_one_neighbour():
    """The centre is candidate 4; the value comes through unmixed."""
    module = GuidedUpsampling(4, 1).double().requires_grad_(False)
    for layer in (module.query, module.key, module.value, module.merge):
        layer.weight.copy_(torch.eye(4))
    module.norm = torch.nn.Identity()
    low = torch.zeros(1, 4, 3, 3, dtype=torch.float64)
    for index in range(4):
        low[0, index, index // 2, index % 2] = 1
    guide = torch.zeros(1, 4, 6, 6, dtype=torch.float64)
    guide[0, 3] = 1e4                       # asks for the pixel (1, 1)
    result = module(low, guide)
    assert_close(result[0, 3, :4, :4], torch.ones(4, 4))
    corner = result[0, 3, 4:, 4:]           # belongs to (2, 2), which still sees (1, 1)
    assert_close(corner, torch.ones(2, 2))


@pytest.mark.parametrize('patches', [*range(8, 170, 8), 5, 37])
def test_groups_are_those_of_a_nearest_resize(patches):
    """With the sizes of all images up to 2352 pixels."""
    index = torch.arange(patches, dtype=torch.float32)[None, None]
    for eighths in (7 * 8, 7 * 4, 7 * 2, 7):
        size = patches * eighths // 8
        expected = F.interpolate(index, size=size, mode='nearest')[0, 0].long().tolist()
        assert owner(size, patches) == expected
        gather, scatter = members(patches, size)
        length = len(gather) // patches
        assert [gather[place] for place in scatter] == list(range(size))
        assert [place // length for place in scatter] == expected


def test_neighbourhoods_repeat_borders():
    x = torch.arange(6.0).view(1, 1, 2, 3)
    found = neighbourhoods(x)[..., 0]
    assert found.shape == (6, 9)
    assert found[0].tolist() == [0, 0, 1, 0, 0, 1, 3, 3, 4]
    assert found[5].tolist() == [1, 2, 2, 4, 5, 5, 4, 5, 5]


def linear_matrix(source, target):
    """Row i: weights of the source for target pixel i, corners on corners."""
    rows = torch.zeros(target, source, dtype=torch.float64)
    for i in range(target):
        position = i * (source - 1) / (target - 1)
        first = min(int(position), source - 2)
        rows[i, first], rows[i, first + 1] = first + 1 - position, position - first
    return rows


@pytest.mark.parametrize(('low', 'guide'), SIZES)
def test_bilinear_upsampling_takes_the_size_only(low, guide):
    x, y = random(2, 3, *low), random(2, 7, *guide)
    down, across = (linear_matrix(a, b) for a, b in zip(low, guide, strict=True))
    result = BilinearUpsampling()(x, y)
    assert_close(result, torch.einsum('yi,xj,bcij->bcyx', down, across, x))
    assert list(BilinearUpsampling().parameters()) == []
