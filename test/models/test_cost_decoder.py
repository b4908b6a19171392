"""The decoder against its loop written out, the first guess, and the confidence head."""
import math

import pytest

pytest.importorskip('torch', reason='torch is not installed')
from tensors import assert_close, attention, encode_position, gelu, normalise, random
from tiny_network import tiny_model
import torch
from torch.nn import functional as F

from panmatch_ros.models.cost_decoder import to_cells
from panmatch_ros.models.cost_lookup import convex_upsample, cost_window
from panmatch_ros.models.layers import pixel_grid

HEIGHT, WIDTH = 6, 9
CELLS = HEIGHT * WIDTH


def decoder(**changes):
    return tiny_model(**changes).double().requires_grad_(False).decoder


def inputs(batch=1):
    """Volume, memory and context."""
    return (3 * random(batch, CELLS, CELLS), random(batch * CELLS, 4, 32, seed=1),
            random(batch, 64, HEIGHT, WIDTH, seed=2))


def linear(x, layer):
    return x @ layer.weight.T + layer.bias


def read_memory(module, query, memory, coords, pi):
    """(Q, h, w) of one image, pixel by pixel."""
    dim, result = len(query), torch.zeros_like(query)
    for index in range(CELLS):
        row, column = divmod(index, WIDTH)
        x = query[:, row, column]
        asked = normalise(x, module.norm1) + encode_position(
            *coords[:, row, column].tolist(), dim, pi)
        tokens = memory[index]
        message = attention(linear(asked, module.query)[None], linear(tokens, module.key),
                            linear(tokens, module.value), module.heads)[0]
        x = x + linear(torch.cat([message, x]), module.projection)
        z = gelu(linear(normalise(x, module.norm2), module.ffn[0]))
        result[:, row, column] = x + linear(z, module.ffn[2])
    return result


@pytest.mark.parametrize('quirks', [True, False])
def test_cross_attention(quirks):
    module = decoder(reference_quirks=quirks).cross_attention
    query, memory = random(2, 16, HEIGHT, WIDTH), random(2 * CELLS, 4, 32, seed=1)
    coords = 20 * random(2, 2, HEIGHT, WIDTH, seed=2)
    result = module(query, *module.read(memory), coords)
    for sample in range(2):
        expected = read_memory(module, query[sample], memory[CELLS * sample:], coords[sample],
                               3.14 if quirks else math.pi)
        assert_close(result[sample], expected)


@pytest.mark.parametrize('quirks', [True, False])
@pytest.mark.parametrize('has_guess', [False, True])
def test_iterations_written_out(quirks, has_guess):
    module = decoder(reference_quirks=quirks)
    volume, memory, context = inputs()
    guess = 5 * random(1, 2, 8 * HEIGHT, 8 * WIDTH, seed=3) if has_guess else None
    predictions = module.predictions(volume, memory, context, guess, every=True)
    assert len(predictions) == 3

    projection = module.context_projection
    both = F.conv2d(context, projection.weight, projection.bias)
    state, constant = both[:, :32].tanh(), both[:, 32:].clamp(min=0)
    weights = module.motion_attention(constant)
    origin = pixel_grid(HEIGHT, WIDTH, context).permute(2, 0, 1)[None].double()
    coords = origin if guess is None else origin + to_cells(guess)
    for ours in predictions:
        window = cost_window(volume, coords, transposed=quirks)
        first, _, last = module.query_encoder
        query = last(gelu(first(window)))
        message = module.cross_attention(query, *module.cross_attention.read(memory), coords)
        flow = coords - origin
        motion = module.motion_encoder(flow, torch.cat([message, window], dim=1))
        joined = torch.cat([motion, module.aggregator(motion, weights)], dim=1)
        state = module.gru(state, joined, module.gru.prepare(constant))
        coords = coords + module.flow_head(state)[0]
        mask = 0.25 * module.mask_head[2](module.mask_head[0](state).clamp(min=0))
        expected = convex_upsample(8 * (coords - origin), mask)
        assert_close(ours.flow, expected, atol=1e-4)
        assert ours.confidence is None


def test_forward_is_the_last_of_all_predictions():
    module = decoder()
    every = module.predictions(*inputs(), every=True)
    assert_close(module(*inputs()).flow, every[-1].flow, atol=0)
    assert [len(module.predictions(*inputs())), len(every)] == [1, 3]
    assert every[-1].flow.shape == (1, 2, 8 * HEIGHT, 8 * WIDTH)


def test_more_iterations_go_on_where_fewer_end():
    few, many = decoder(iterations=2), decoder(iterations=4)
    assert_close(many.predictions(*inputs(), every=True)[1].flow, few(*inputs()).flow, atol=1e-9)


def test_two_images_are_two_singles():
    module = decoder()
    volume, memory, context = inputs(batch=2)
    flow = module(volume, memory, context).flow
    for sample in range(2):
        part = slice(sample, sample + 1)
        single = module(volume[part], memory[CELLS * sample:CELLS * (sample + 1)], context[part])
        assert_close(flow[part], single.flow, atol=1e-5)


def test_first_guess_in_cells():
    """Values are divided by eight; corners of the pixel grid lie on corners of the cells."""
    x = torch.arange(8.0 * WIDTH).expand(8 * HEIGHT, 8 * WIDTH)
    y = torch.arange(8.0 * HEIGHT)[:, None].expand(8 * HEIGHT, 8 * WIDTH)
    cells = to_cells(torch.stack([x, y])[None])
    assert cells.shape == (1, 2, HEIGHT, WIDTH)
    expected_x = torch.linspace(0, 8 * WIDTH - 1, WIDTH) / 8
    expected_y = torch.linspace(0, 8 * HEIGHT - 1, HEIGHT) / 8
    assert_close(cells[0, 0], expected_x.expand(HEIGHT, WIDTH), atol=1e-5)
    assert_close(cells[0, 1], expected_y[:, None].expand(HEIGHT, WIDTH), atol=1e-5)


def test_a_guess_of_zero_is_no_guess():
    module = decoder()
    guess = torch.zeros(1, 2, 8 * HEIGHT, 8 * WIDTH, dtype=torch.float64)
    assert_close(module(*inputs(), guess).flow, module(*inputs()).flow, atol=0)


def test_confidence_head():
    module = decoder(confidence_head=True)
    seen = {}
    module.flow_head.register_forward_hook(lambda _, args, out: seen.update(hidden=out[1],
                                                                            state=args[0]))
    flow, confidence = module(*inputs())
    assert confidence.shape == (1, 1, 8 * HEIGHT, 8 * WIDTH)
    assert 0 <= confidence.min() < confidence.max() <= 1
    first, _, last = module.confidence_head
    info = last(first(seen['hidden']).clamp(min=0))
    assert info.shape[1] == 4
    info = convex_upsample(info, 0.25 * module.mask_head(seen['state']))
    narrow = info[:, 1:2].exp() / (info[:, 0:1].exp() + info[:, 1:2].exp())
    assert_close(confidence, narrow, atol=1e-6)
    assert_close(flow, decoder()(*inputs()).flow, atol=1e-9)  # the head changes no flow


def test_confidence_of_large_logits_is_finite():
    module = decoder(confidence_head=True)
    module.confidence_head[2].bias.copy_(torch.tensor([900.0, 0, 0, 0]))
    confidence = module(*inputs()).confidence
    assert torch.isfinite(confidence).all()
    assert confidence.max() < 1e-6
