"""Shared layers against their formulas, and strips against the whole."""
import math

import pytest

pytest.importorskip('torch', reason='torch is not installed')
from tensors import assert_close, attention, convnext, encode_position, normalise, random
import torch

from panmatch_ros.models import layers
from panmatch_ros.models.layers import (
    ChannelNorm,
    ConvNeXtBlock,
    PointwiseConv,
    attend,
    over_batch,
    over_rows,
    pixel_grid,
    position_encoding,
)


@pytest.mark.parametrize('pi', [3.14, math.pi])
def test_position_encoding(pi):
    xy = 30 * random(3, 5, 2)
    encoding = position_encoding(xy, 16, pi)
    assert encoding.shape == (3, 5, 16)
    for row in range(3):
        for column in range(5):
            x, y = xy[row, column].tolist()
            assert_close(encoding[row, column], encode_position(x, y, 16, pi))


def test_pixel_grid():
    grid = pixel_grid(2, 3, torch.zeros(1))
    assert grid.dtype == torch.float32
    assert grid.tolist() == [[[0, 0], [1, 0], [2, 0]], [[0, 1], [1, 1], [2, 1]]]
    assert pixel_grid(1, 2, torch.zeros(1), step=8, first=4).tolist() == [[[4, 4], [12, 4]]]


def test_channel_norm(network):
    layer, x = network.feature_pyramid.levels[0].norm, random(2, 32, 3, 4)
    assert isinstance(layer, ChannelNorm)
    assert layer.eps == 1e-6
    assert_close(layer(x), normalise(x, layer, dim=1))


def test_pointwise_conv():
    layer, x = PointwiseConv(6, 10).double(), random(2, 6, 3, 4)
    expected = torch.einsum('oc,bchw->bohw', layer.weight, x) + layer.bias[:, None, None]
    assert_close(layer(x), expected)


def test_convnext_block(network):
    block, x = network.guide_net.stages[0].blocks[0], random(2, 32, 9, 11)
    assert block.norm.eps == 1e-6
    assert_close(block(x), convnext(x, block))


def test_a_new_convnext_block_changes_little():
    x = random(1, 8, 5, 5, dtype=torch.float32)
    torch.manual_seed(0)
    assert_close(ConvNeXtBlock(8)(x), x, atol=1e-4)


def test_attend():
    query, key, value = (random(2, n, 12, seed=n) for n in (5, 7, 7))
    message = attend(query, key, value, heads=3)
    for sample in range(2):
        assert_close(message[sample], attention(query[sample], key[sample], value[sample], 3))


@pytest.mark.parametrize('shape', [(1, 8, 9, 11), (3, 8, 7, 5), (1, 8, 1, 64), (2, 8, 64, 3)])
@pytest.mark.parametrize('pixels', [1, 20, 64])
def test_strips_of_rows_are_the_whole(network, monkeypatch, shape, pixels):
    block, calls = ConvNeXtBlock(8).double().requires_grad_(False), []
    block.gamma.fill_(0.5)
    x = random(*shape)
    whole = block.mlp(x)
    monkeypatch.setattr(layers, 'STRIP_PIXELS', pixels)

    def counted(strip):
        calls.append(strip.shape[2])
        return block.mlp(strip)

    assert_close(over_rows(counted, x), whole, atol=1e-13)
    assert sum(calls) == shape[2]
    assert max(calls) <= max(1, pixels // (shape[0] * shape[3]))


@pytest.mark.parametrize('size', [1, 3, 4, 100])
def test_parts_of_a_batch_are_the_whole(size):
    x, parts = random(10, 4), []

    def double(part):
        parts.append(len(part))
        return 2 * part

    assert_close(over_batch(double, x, size), 2 * x, atol=0)
    assert sum(parts) == 10
    assert max(parts) <= size


def test_nothing_is_split_elsewhere_or_while_a_graph_is_recorded(monkeypatch):
    monkeypatch.setattr(layers, 'STRIP_PIXELS', 1)
    calls = []

    def identity(x):
        calls.append(len(x))
        return x

    other = torch.zeros(2, 4, 8, 8, device='meta')
    over_rows(identity, other)
    over_batch(identity, other, 1)
    monkeypatch.setattr(torch.compiler, 'is_compiling', lambda: True)
    over_rows(identity, torch.zeros(2, 4, 8, 8))
    over_batch(identity, torch.zeros(2, 4, 8, 8), 1)
    assert calls == [2, 2, 2, 2]


def test_gradients_pass_strips(monkeypatch):
    block, x = ConvNeXtBlock(8).double(), random(1, 8, 6, 6).requires_grad_()
    block(x).sum().backward()
    whole = x.grad.clone()
    x.grad = None
    monkeypatch.setattr(layers, 'STRIP_PIXELS', 6)
    block(x).sum().backward()
    assert_close(x.grad, whole, atol=1e-12)
