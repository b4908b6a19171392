"""Guide network, feature pyramid and embedding against their formulas."""
import pytest

pytest.importorskip('torch', reason='torch is not installed')
from tensors import assert_close, convnext, normalise, random
import torch
from torch.nn import functional as F

from panmatch_ros.models.panmatch import Compression


def pyramid(channels=32, size=(8, 16), batch=2):
    """Four maps at 1/2, 1/4, 1/8 and 1/16 of 16 times the size / 8."""
    return [random(batch, channels, size[0] * 8 >> level, size[1] * 8 >> level, seed=level)
            for level in range(4)]


def group_normalise(x, layer):
    """Formula for (B, C, H, W)."""
    groups = x.unflatten(1, (layer.num_groups, -1)).flatten(2)
    mean = groups.mean(-1, keepdim=True)
    variance = ((groups - mean) ** 2).mean(-1, keepdim=True)
    x = ((groups - mean) / (variance + layer.eps).sqrt()).view_as(x)
    return x * layer.weight[:, None, None] + layer.bias[:, None, None]


def test_compression(network):
    layer, x = network.compression[0], random(2, 32, 4, 6)
    assert isinstance(layer, Compression)
    assert (layer.norm.num_groups, layer.norm.eps, layer.projection.bias) == (1, 1e-5, None)
    projected = torch.einsum('oc,bchw->bohw', layer.projection.weight[..., 0, 0], x)
    assert_close(layer(x), group_normalise(projected, layer.norm))


def test_guide_net(network):
    net, image = network.guide_net, random(2, 3, 32, 48)
    folded = F.unfold(image, 2, stride=2).view(2, 12, 16, 24)  # channel c * 4 + row * 2 + column
    x = F.conv2d(folded, net.stem.conv.weight, net.stem.conv.bias, padding=3)
    x = normalise(x, net.stem.norm, dim=1)
    for level, (stage, ours) in enumerate(zip(net.stages, net(image), strict=True)):
        if level:
            norm, conv = stage.downsample.norm, stage.downsample.conv
            x = F.conv2d(normalise(x, norm, dim=1), conv.weight, conv.bias, stride=2)
        for block in stage.blocks:
            x = convnext(x, block)
        assert ours.shape == (2, 32, 32 >> level + 1, 48 >> level + 1)
        assert_close(ours, x)


def test_feature_pyramid(network):
    """The coarsest map is start and first skip; the skip comes first where maps are joined."""
    net, maps = network.feature_pyramid, pyramid(size=(2, 4))
    result = net(maps)
    x = convnext(maps[3], net.top)
    for level, (layers, skip) in enumerate(zip(net.levels, reversed(maps), strict=True)):
        if level:
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        x = F.conv2d(x, layers.upsample.weight, layers.upsample.bias, padding=1)
        x = F.conv2d(torch.cat([skip, x], dim=1), layers.fuse.weight, layers.fuse.bias, padding=1)
        x = convnext(normalise(x, layers.norm, dim=1), layers.refine)
        assert_close(result[3 - level], x)
    assert [each.shape for each in result] == [each.shape for each in maps]


def stretched(x):
    """Twice the size, bilinear, corners on corners."""
    for axis in (2, 3):
        size = x.shape[axis]
        position = torch.arange(2 * size, dtype=x.dtype) * (size - 1) / (2 * size - 1)
        first = position.long().clamp(max=size - 2)
        fraction = (position - first).view(-1, *[1] * (3 - axis))
        x = (x.index_select(axis, first) * (1 - fraction)
             + x.index_select(axis, first + 1) * fraction)
    return x


@pytest.mark.parametrize('name', ['matching', 'context'])
def test_embedding(network, name):
    embedding, maps = getattr(network, name), pyramid(size=(2, 4))
    heads = []
    for head, x in zip(embedding.heads, maps, strict=True):
        assert head.projection.bias is None
        expected = F.conv2d(convnext(x, head.block), head.projection.weight, padding=1)
        assert_close(head(x), expected)
        heads.append(expected)
    heads[3] = stretched(heads[3])
    adapter, parts = embedding.adapter, []
    for layer, x, step, padding, channels in zip(adapter.projections, heads, (4, 2, 1, 1),
                                                 (0, 0, 0, 1), (8, 16, 32, 8), strict=True):
        assert layer.kernel_size[0] == step + 2 * padding
        parts.append(F.conv2d(x, layer.weight, layer.bias, stride=step, padding=padding))
        assert parts[-1].shape == (2, channels, 2 * 2, 4 * 2)  # 1/8
    assert adapter.norm.num_groups == 8
    x = group_normalise(torch.cat(parts, dim=1), adapter.norm)
    expected = F.conv2d(x, adapter.merge.weight, adapter.merge.bias)
    assert_close(embedding(maps), expected)
    assert expected.shape == (2, 64, 4, 8)


def test_matching_and_context_are_two_copies(network):
    maps = pyramid(size=(2, 2))
    assert not torch.allclose(network.matching(maps), network.context(maps))
