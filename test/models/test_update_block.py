"""The recurrent part against its textbook form, with joined inputs."""
import pytest

pytest.importorskip('torch', reason='torch is not installed')
from tensors import assert_close, random
import torch
from torch.nn import functional as F

from panmatch_ros.models.update_block import SepConvGRU

SIZE = (5, 6)


def convolve(x, layer):
    return F.conv2d(x, layer.weight, layer.bias, padding=layer.padding)


def gru(module, state, joined):
    """Convolve state and input as one map, for each gate anew (RAFT)."""
    for step in '12':
        gates = {gate: getattr(module, f'conv{gate}{step}') for gate in 'zrq'}
        both = torch.cat([state, joined], dim=1)
        update, reset = (torch.sigmoid(convolve(both, gates[gate])) for gate in 'zr')
        new = torch.tanh(convolve(torch.cat([reset * state, joined], dim=1), gates['q']))
        state = (1 - update) * state + update * new
    return state


def test_gru(network):
    module = network.decoder.gru
    state, constant, motion = (random(2, channels, *SIZE, seed=channels)
                               for channels in (32, 32, 64))
    result = module(state, motion, module.prepare(constant))
    assert_close(result, gru(module, state, torch.cat([constant, motion], dim=1)))


def test_gru_of_other_widths_and_again():
    """What is prepared once serves all iterations."""
    torch.manual_seed(0)
    module = SepConvGRU(4, 3, 6).double()
    state, constant = random(1, 4, *SIZE), random(1, 3, *SIZE, seed=1)
    terms, expected = module.prepare(constant), state
    for iteration in range(3):
        motion = random(1, 6, *SIZE, seed=5 + iteration)
        state = module(state, motion, terms)
        expected = gru(module, expected, torch.cat([constant, motion], dim=1))
        assert_close(state, expected)


def test_gru_looks_along_rows_then_along_columns(network):
    module = network.decoder.gru
    assert module.convz1.kernel_size == (1, 5)
    assert module.convz2.kernel_size == (5, 1)


def test_motion_encoder(network):
    module = network.decoder.motion_encoder
    flow, cost = random(2, 2, *SIZE), random(2, 16 + 81, *SIZE, seed=1)
    result = module(flow, cost)
    cost = convolve(convolve(cost, module.convc1).clamp(min=0), module.convc2).clamp(min=0)
    motion = convolve(convolve(flow, module.convf1).clamp(min=0), module.convf2).clamp(min=0)
    motion = convolve(torch.cat([cost, motion], dim=1), module.conv).clamp(min=0)
    assert_close(result, torch.cat([motion, flow], dim=1))
    assert result.shape == (2, 32, *SIZE)


def test_motion_attention_and_aggregation(network):
    """Rows of the attention sum to one; the message is a weighted mean, scaled by gamma."""
    module, aggregator = network.decoder.motion_attention, network.decoder.aggregator
    context, motion = random(2, 32, *SIZE), random(2, 32, *SIZE, seed=1)
    weights = module(context)
    assert weights.shape == (2, 30, 30)
    assert_close(weights.sum(-1), torch.ones(2, 30), atol=1e-6)
    result = aggregator(motion, weights)
    for sample in range(2):
        pixels = context[sample].flatten(1).T                         # (h w, C)
        joined = pixels @ module.query_key.weight[..., 0, 0].T
        logits = joined[:, :32] @ joined[:, 32:].T / 32 ** 0.5
        expected = logits.exp() / logits.exp().sum(1, keepdim=True)
        assert_close(weights[sample], expected, atol=1e-6)
        value = motion[sample].flatten(1).T @ aggregator.value.weight[..., 0, 0].T
        message = (expected @ value).T.view(32, *SIZE)
        assert_close(result[sample], motion[sample] + aggregator.gamma * message, atol=1e-5)


def test_flow_head(network):
    module, state = network.decoder.flow_head, random(1, 32, *SIZE)
    delta, hidden = module(state)
    expected = convolve(state, module.conv1).clamp(min=0)
    assert_close(hidden, expected)
    assert_close(delta, convolve(expected, module.conv2))
    assert delta.shape == (1, 2, *SIZE)
