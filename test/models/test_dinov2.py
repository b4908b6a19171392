"""The backbone against its formulas: tokens, positions, blocks, hooks."""
import math

import pytest

pytest.importorskip('torch', reason='torch is not installed')
from tensors import assert_close, attention, gelu, normalise, random
import torch
from torch import nn

from panmatch_ros.checkpoints.weightfill import fill_model
from panmatch_ros.models.dinov2 import DinoV2, SwiGLU
from panmatch_ros.models.presets import preset


def backbone(**changes):
    holder = nn.Module()  # gives the tensors the names that their values depend on
    holder.backbone = DinoV2(preset('panmatch_tiny', **changes))
    fill_model(holder)
    return holder.double().eval().requires_grad_(False).backbone


def cubic(x, a):
    """Keys' kernel."""
    x = abs(x)
    if x < 1:
        return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1
    return a * (x ** 3 - 5 * x ** 2 + 8 * x - 4) if x < 2 else 0.0


def antialiased_matrix(source, target):
    """Row i: weights of the source for target pixel i; the kernel widens when it shrinks."""
    scale = source / target
    width = max(scale, 1.0)
    rows = [[cubic((j + 0.5 - (i + 0.5) * scale) / width, -0.5) for j in range(source)]
            for i in range(target)]
    return torch.tensor([[w / sum(row) for w in row] for row in rows], dtype=torch.float64)


def plain_matrix(source, target, factor):
    """Likewise without antialiasing, for a given scale factor; borders repeat."""
    rows = torch.zeros(target, source, dtype=torch.float64)
    for i in range(target):
        position = (i + 0.5) / factor - 0.5
        for j in range(math.floor(position) - 1, math.floor(position) + 3):
            rows[i, min(max(j, 0), source - 1)] += cubic(position - j, -0.75)
    return rows


@pytest.mark.parametrize('size', [(8, 12), (3, 5), (16, 20), (1, 8), (9, 37)])
def test_positions_with_registers(size):
    vit = backbone()
    table = vit.pos_embed[0, 1:].view(8, 8, -1)
    down, across = (antialiased_matrix(8, n) for n in size)
    expected = torch.einsum('yi,xj,ijc->yxc', down, across, table).flatten(0, 1)
    expected = torch.cat([vit.pos_embed[0, :1], expected])[None]
    assert_close(vit.positions(*size), expected, atol=5e-6)  # resized in single precision


@pytest.mark.parametrize('size', [(8, 12), (3, 5), (16, 20), (1, 8), (9, 37)])
def test_positions_without_registers(size):
    vit = backbone(vit_registers=0)
    table = vit.pos_embed[0, 1:].view(8, 8, -1)
    down, across = (plain_matrix(8, n, (n + 0.1) / 8) for n in size)
    expected = torch.einsum('yi,xj,ijc->yxc', down, across, table).flatten(0, 1)
    expected = torch.cat([vit.pos_embed[0, :1], expected])[None]
    assert_close(vit.positions(*size), expected, atol=5e-6)


@pytest.mark.parametrize('registers', [0, 4])
def test_positions_of_the_table_itself(registers):
    vit = backbone(vit_registers=registers)
    assert vit.positions(8, 8) is vit.pos_embed


@pytest.mark.parametrize('registers', [0, 4])
def test_table_of_the_official_grid_fits_all_sizes(registers):
    """A scale factor must not lose a row to rounding."""
    vit = DinoV2(preset('panmatch_tiny', vit_grid=37, vit_dim=2, vit_registers=registers))
    for n in range(8, 129, 8):
        assert vit.positions(n, 8).shape == (1, 1 + 8 * n, 2)
        assert vit.positions(8, n).shape == (1, 1 + 8 * n, 2)


def test_baked_positions_are_used_for_their_size_only():
    vit, size = backbone(), (112, 168)
    expected = vit.positions(8, 12)
    vit.bake_positions(*size)
    assert vit.positions(8, 12) is vit.baked_table
    assert_close(vit.baked_table, expected, atol=0)
    assert vit.positions(8, 16).shape == (1, 129, 32)
    assert 'baked_table' not in vit.state_dict()


@pytest.mark.parametrize('registers', [0, 4])
def test_tokens_are_class_registers_patches(registers):
    vit, image = backbone(vit_registers=registers), random(2, 3, 28, 42)
    tokens = vit.tokens(image)
    assert tokens.shape == (2, 1 + registers + 6, 32)
    table = vit.positions(2, 3)[0]
    for sample in range(2):
        assert_close(tokens[sample, 0], vit.cls_token[0, 0] + table[0])
        if registers:  # without position
            assert_close(tokens[sample, 1:5], vit.register_tokens[0])
        for row in range(2):
            for column in range(3):
                patch = image[sample, :, 14 * row:14 * row + 14, 14 * column:14 * column + 14]
                weight = vit.patch_embed.proj.weight
                value = (weight * patch).sum((1, 2, 3)) + vit.patch_embed.proj.bias
                index = 3 * row + column
                assert_close(tokens[sample, 1 + registers + index], value + table[1 + index])


def plain_block(x, block, heads):
    """(N, C) tokens of one image."""
    y = normalise(x, block.norm1) @ block.attn.qkv.weight.T + block.attn.qkv.bias
    dim = x.shape[1]
    message = attention(y[:, :dim], y[:, dim:2 * dim], y[:, 2 * dim:], heads)
    x = x + block.ls1.gamma * (message @ block.attn.proj.weight.T + block.attn.proj.bias)
    y = normalise(x, block.norm2)
    if isinstance(block.mlp, SwiGLU):
        y = y @ block.mlp.w12.weight.T + block.mlp.w12.bias
        half = y.shape[1] // 2
        y = y[:, :half] / (1 + (-y[:, :half]).exp()) * y[:, half:]  # the first half is the gate
        y = y @ block.mlp.w3.weight.T + block.mlp.w3.bias
    else:
        y = gelu(y @ block.mlp.fc1.weight.T + block.mlp.fc1.bias)
        y = y @ block.mlp.fc2.weight.T + block.mlp.fc2.bias
    return x + block.ls2.gamma * y


@pytest.mark.parametrize('changes', [
    {}, {'vit_ffn': 'swiglu', 'vit_swiglu_dim': 24}, {'vit_registers': 0},
    {'vit_depth': 6, 'vit_hooks': (0, 2, 3, 4)}])
def test_hooks_give_the_residual_stream(changes):
    vit, image = backbone(**changes), random(1, 3, 28, 42)
    maps = vit(image)
    x, expected = vit.tokens(image)[0], []
    assert vit.blocks[0].norm1.eps == 1e-6
    for index, block in enumerate(vit.blocks):
        x = plain_block(x, block, heads=2)
        if index in vit.hooks:
            expected.append(x[1 + vit.registers:].T.reshape(1, 32, 2, 3))
    assert len(maps) == 4
    for ours, theirs in zip(maps, expected, strict=True):
        assert_close(ours, theirs)


def test_blocks_behind_the_last_hook_are_not_computed(monkeypatch):
    vit = backbone(vit_depth=6, vit_hooks=(0, 1, 2, 4))
    monkeypatch.setattr(vit.blocks[5], 'forward', None)
    assert len(vit(random(1, 3, 14, 14))) == 4


def test_without_registers_there_is_no_such_parameter():
    assert 'register_tokens' not in backbone(vit_registers=0).state_dict()
    assert backbone().state_dict()['register_tokens'].shape == (1, 4, 32)
