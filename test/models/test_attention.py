"""Attention of the matcher against its textbook form, with joined inputs, window by window."""
import math

import pytest

pytest.importorskip('torch', reason='torch is not installed')
from tensors import assert_close, attention, encode_position, gelu, normalise, random
from tiny_network import tiny_model
import torch

from panmatch_ros.models.attention import from_windows, windows

# Cells: multiples of both the window 7 and the reduction 4, of one, of none, smaller than both.
SIZES = [(28, 28), (14, 7), (8, 12), (9, 10), (3, 2), (14, 28)]
EXACT = 2e-6  # positions are encoded in single precision


@pytest.fixture(scope='module', params=[True, False], ids=['quirks', 'no quirks'])
def variant(request):
    network = tiny_model(reference_quirks=request.param).double().requires_grad_(False)
    return network, 3.14 if request.param else math.pi


def positions(height, width, channels, pi, step=1):
    """(height, width, channels) of the coordinates, pixel by pixel."""
    return torch.stack([torch.stack([encode_position(step * x, step * y, channels, pi)
                                     for x in range(width)]) for y in range(height)])


def filled_up(x, multiple):
    """(h, w, C) with zeros below and on the right."""
    height, width = (-(-n // multiple) * multiple for n in x.shape[:2])
    result = torch.zeros(height, width, x.shape[2], dtype=x.dtype)
    result[:x.shape[0], :x.shape[1]] = x
    return result


def linear(x, layer):
    return x @ layer.weight.T + layer.bias


def local(module, x, context, pi):
    """(h, w, D) of one token in one image."""
    height, width, dim = x.shape
    z = filled_up(torch.cat([x, linear(context, module.context)], dim=-1), 7)
    z = z + positions(7, 7, z.shape[2], pi).repeat(z.shape[0] // 7, z.shape[1] // 7, 1)
    x = filled_up(x, 7)
    result = torch.zeros_like(x)
    for row in range(0, len(x), 7):
        for column in range(0, x.shape[1], 7):
            part = (slice(row, row + 7), slice(column, column + 7))
            joined, values = z[part].flatten(0, 1), x[part].flatten(0, 1)
            message = attention(linear(joined, module.query), linear(joined, module.key),
                                linear(values, module.value), module.heads)
            result[part] = message.view(7, 7, dim)
    return linear(result[:height, :width], module.projection)


def reduced(x, layer):
    """(h / 4, w / 4, D): each 4x4 cells by a sum over them."""
    x = filled_up(x, 4)
    x = x.view(x.shape[0] // 4, 4, x.shape[1] // 4, 4, -1)
    return torch.einsum('yixjc,ocij->yxo', x, layer.weight) + layer.bias


def everywhere(module, x, context, pi):
    """(h, w, D) of one token in one image."""
    height, width, dim = x.shape
    z = torch.cat([x, linear(context, module.context)], dim=-1)
    query = linear(z + positions(height, width, z.shape[2], pi), module.query)
    key = normalise(reduced(z, module.reduce_key), module.norm)
    key = linear(key + positions(*key.shape[:2], dim, pi, step=4), module.key)
    value = linear(normalise(reduced(x, module.reduce_value), module.norm), module.value)
    message = attention(query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1), module.heads)
    return linear(message.view(height, width, dim), module.projection)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('name', ['local', 'global'])
def test_spatial_attention_of_each_token(variant, size, name):
    network, pi = variant
    block = getattr(network.cost_encoder.spatial_attention[1], f'{name}_block')
    plain = local if name == 'local' else everywhere
    x, context = random(2, 4, *size, 32), random(2, *size, 64, seed=1)
    result = block.attention(x, context)
    for sample in range(2):  # each with the context of its own image
        for token in (0, 3):
            expected = plain(block.attention, x[sample, token], context[sample], pi)
            assert_close(result[sample, token], expected, EXACT)


def test_a_spatial_block_has_residuals(network):
    block = network.cost_encoder.spatial_attention[0].local_block
    x, context = random(1, 4, 6, 9, 32), random(1, 6, 9, 64, seed=1)
    y = x + block.attention(normalise(x, block.norm1), context)
    expected = y + linear(gelu(linear(normalise(y, block.norm2), block.mlp[0])), block.mlp[2])
    assert_close(block(x, context), expected)
    assert block.norm1.eps == block.norm2.eps == 1e-5


def test_spatial_attention_is_local_then_global(network):
    module = network.cost_encoder.spatial_attention[0]
    x, context = random(1, 4, 6, 9, 32), random(1, 6, 9, 64, seed=1)
    expected = module.global_block(module.local_block(x, context), context)
    assert_close(module(x, context), expected, atol=0)


@pytest.mark.parametrize('has_source', [True, False])
def test_token_attention(network, has_source):
    module = (network.cost_encoder.input_attention if has_source
              else network.cost_encoder.latent_attention[0])
    x, source = random(3, 4, 32), random(3, 9, 32, seed=1) if has_source else None
    result = module(x, source)
    for sample in range(3):
        query = normalise(x[sample], module.norm1)
        keys = source[sample] if has_source else query
        message = attention(linear(query, module.query), linear(keys, module.key),
                            linear(keys, module.value), module.heads)
        y = x[sample] + linear(message, module.projection)
        z = linear(normalise(y, module.norm2), module.ffn[0])
        assert_close(result[sample], y + linear(gelu(z), module.ffn[2]))


@pytest.mark.parametrize('size', SIZES)
def test_windows_and_back(size):
    x = random(2, 3, *size, 5)
    cut = windows(x)
    down, across = (-(-n // 7) for n in size)
    assert cut.shape == (6 * down * across, 49, 5)
    assert_close(cut[0].view(7, 7, 5), filled_up(x[0, 0], 7)[:7, :7], atol=0)
    assert_close(from_windows(cut, (2, 3), size), x, atol=0)
