"""The cost encoder against its formulas: volume, patches, latent tokens, residuals."""
import math

import pytest

pytest.importorskip('torch', reason='torch is not installed')
from tensors import assert_close, attention, encode_position, gelu, normalise, random
from tiny_network import tiny_model
import torch

from panmatch_ros.models import cost_encoder
from panmatch_ros.models.cost_encoder import correlation_volume, encode_patches, pad_to_patches


def test_correlation_volume():
    """Rows are cells of map 0; no scale, no normalisation."""
    fmap0, fmap1 = random(2, 5, 3, 4), random(2, 5, 3, 4, seed=1)
    volume = correlation_volume(fmap0, fmap1)
    assert volume.shape == (2, 12, 12)
    for sample in range(2):
        for row in range(12):
            for column in range(12):
                product = (fmap0[sample, :, row // 4, row % 4]
                           * fmap1[sample, :, column // 4, column % 4]).sum()
                assert abs(volume[sample, row, column] - product) < 1e-5
    assert_close(volume.transpose(1, 2), correlation_volume(fmap1, fmap0), atol=1e-5)


def test_correlation_of_halves_is_in_single_precision():
    fmap = torch.full((1, 256, 2, 2), 30.0, dtype=torch.float16)
    volume = correlation_volume(fmap, fmap)
    assert volume.dtype == torch.float32
    assert (volume == 256 * 900).all()  # more than a half can hold


@pytest.mark.parametrize(('size', 'filled'), [
    ((14, 28), (16, 32)), ((8, 16), (8, 16)), ((1, 1), (8, 8)), ((9, 7), (16, 8))])
def test_cost_maps_are_filled_up_below_and_on_the_right(size, filled):
    costs = random(3, *size)
    padded = pad_to_patches(costs)
    assert padded.shape == (3, *filled)
    assert_close(padded[:, :size[0], :size[1]], costs, atol=0)
    assert padded.abs().sum() == pytest.approx(costs.abs().sum().item())


@pytest.mark.parametrize('pi', [3.14, math.pi])
def test_patches_are_encoded_by_their_centres(pi):
    encoding = encode_patches(2, 3, 16, pi, like=torch.zeros(1))
    for row in range(2):
        for column in range(3):
            expected = encode_position(8 * column + 4, 8 * row + 4, 16, pi)
            assert_close(encoding[row, column], expected, atol=1e-6)


def plain_tokens(tokenizer, costs, pi):
    """Tokens of one cost map, patch by patch."""
    rows, columns = (-(-n // 8) for n in costs.shape)
    padded = torch.zeros(8 * rows, 8 * columns, dtype=costs.dtype)
    padded[:costs.shape[0], :costs.shape[1]] = costs
    norm, tokens = tokenizer.batch_norm, []
    for row in range(rows):
        for column in range(columns):
            patch = padded[8 * row:8 * row + 8, 8 * column:8 * column + 8]
            x = (tokenizer.patches.weight[:, 0] * patch).sum((1, 2))
            x = (x - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
            x = x * norm.weight + norm.bias
            x = torch.cat([x, encode_position(8 * column + 4, 8 * row + 4, len(x), pi)])
            x = (tokenizer.ffn[0].weight[..., 0, 0] @ x + tokenizer.ffn[0].bias).clamp(min=0)
            x = tokenizer.ffn[2].weight[..., 0, 0] @ x + tokenizer.ffn[2].bias
            tokens.append(normalise(x, tokenizer.norm))
    return torch.stack(tokens)


@pytest.mark.parametrize('quirks', [True, False])
@pytest.mark.parametrize('size', [(14, 28), (8, 16), (3, 9)])
def test_tokenizer(quirks, size):
    tokenizer = tiny_model(reference_quirks=quirks).double().cost_encoder.tokenizer
    costs = random(3, *size)
    result = tokenizer(costs)
    for one, ours in zip(costs, result, strict=True):
        expected = plain_tokens(tokenizer, one, 3.14 if quirks else math.pi)
        assert_close(ours, expected, atol=2e-6)


def linear(x, layer):
    return x @ layer.weight.T + layer.bias


def test_latent_tokens_read_cost_maps(network):
    encoder, costs = network.cost_encoder, random(3, 10, 12)
    layer, latents = encoder.input_attention, encoder.latent_tokens[0]
    for one, ours in zip(costs, encoder.latents(costs), strict=True):
        tokens = plain_tokens(encoder.tokenizer, one, 3.14)
        query = linear(normalise(latents, layer.norm1), layer.query)
        message = attention(query, linear(tokens, layer.key), linear(tokens, layer.value),
                            layer.heads)
        x = latents + linear(message, layer.projection)
        x = x + linear(gelu(linear(normalise(x, layer.norm2), layer.ffn[0])), layer.ffn[2])
        assert_close(ours, x, atol=2e-6)


def test_memory_is_refined_latents_plus_latents(network):
    """Latent and spatial attention take turns; pixels stay in the order of rows."""
    encoder, (height, width) = network.cost_encoder, (6, 9)
    volume = random(2, 54, 54, dtype=torch.float32).double()
    context = random(2, 64, height, width, seed=1)
    memory = encoder(volume, context)
    assert memory.shape == (2 * 54, 4, 32)
    for sample in range(2):
        start = torch.stack([encoder.latents(costs.view(1, height, width))[0]
                             for costs in volume[sample]])        # (h w, T, D)
        x, around = start, context[sample].permute(1, 2, 0)[None]
        for among, across in zip(encoder.latent_attention, encoder.spatial_attention,
                                 strict=True):
            x = among(x).view(height, width, 4, 32).permute(2, 0, 1, 3)[None]
            x = across(x, around)[0].permute(1, 2, 0, 3).reshape(54, 4, 32)
        assert_close(memory[54 * sample:54 * (sample + 1)], x + start, atol=1e-10)


def test_parts_of_the_pixels_are_the_whole(network, monkeypatch):
    encoder, volume = network.cost_encoder, random(1, 54, 54)
    context = random(1, 64, 6, 9, seed=1)
    whole = encoder(volume, context)
    monkeypatch.setattr(cost_encoder, 'PIXELS_AT_ONCE', 7)
    monkeypatch.setattr('panmatch_ros.models.attention.BLOCK_TOKENS', 25)
    assert_close(encoder(volume, context), whole, atol=1e-12)
