"""Folded parts against the plain ones: the same numbers up to rounding, borders included."""
import copy

import pytest

pytest.importorskip('torch', reason='torch is not installed')
from tensors import assert_close, random
from tiny_network import tiny_model
import torch
from torch import nn
from torch.nn import functional as F

from panmatch_ros.checkpoints.weightfill import fill_model
from panmatch_ros.models.cost_decoder import CostDecoder
from panmatch_ros.models.dinov2 import DinoV2
from panmatch_ros.models.folded import embedding as folded_embedding
from panmatch_ros.models.folded.cost_encoder import FoldedCostEncoder, FoldedTokenizer
from panmatch_ros.models.folded.embedding import FoldedEmbedding, composed
from panmatch_ros.models.folded.feature_pyramid import FoldedLevel, phase_kernel
from panmatch_ros.models.folding import fold_block, fold_convnext, fold_for_inference
from panmatch_ros.models.panmatch import PanMatch
from panmatch_ros.models.presets import preset

EXACT = 1e-10  # of double precision: what is left is rounding


@pytest.fixture(scope='module')
def pair():
    """Plain and folded network in double precision."""
    model = tiny_model().double().requires_grad_(False)
    return model, fold_for_inference(model)


def pictures(size=(112, 168), dtype=torch.float32):
    return random(2, 1, 3, size[0], -(-size[1] // 112) * 112, dtype=dtype).unbind()


def test_convnext(network):
    block = network.guide_net.stages[1].blocks[0]
    folded = copy.deepcopy(block)
    fold_convnext(folded)
    x = random(2, 32, 9, 11)
    assert folded.gamma is None
    assert_close(folded(x), block(x), EXACT)


@pytest.mark.parametrize('changes', [{}, {'vit_ffn': 'swiglu', 'vit_swiglu_dim': 24}])
def test_dinov2_block(changes):
    holder = nn.Module()
    holder.backbone = DinoV2(preset('panmatch_tiny', **changes))
    fill_model(holder)
    block = holder.double().requires_grad_(False).backbone.blocks[1]
    folded = copy.deepcopy(block)
    fold_block(folded)
    x = random(2, 7, 32)
    assert isinstance(folded.ls1, nn.Identity)
    assert_close(folded(x), block(x), EXACT)


def test_aggregator(pair):
    plain, folded = (each.decoder.aggregator for each in pair)
    motion, weights = random(2, 32, 3, 4), random(2, 12, 12, seed=1).softmax(-1)
    assert plain.gamma != 1
    assert folded.gamma == 1
    assert_close(folded(motion, weights), plain(motion, weights), EXACT)


@pytest.mark.parametrize('size', [(1, 1), (1, 5), (4, 7), (6, 2)])
@pytest.mark.parametrize('grows', [True, False])
def test_pyramid_level(network, size, grows):
    level = network.feature_pyramid.levels[1]
    folded = FoldedLevel(level).requires_grad_(False)
    coarse = random(2, 32, *size)
    skip = random(2, 32, *(2 * n if grows else n for n in size), seed=1)
    assert_close(folded(coarse, skip), level(coarse, skip), EXACT)


@pytest.mark.parametrize('row', [((0,), (1, 2)), ((0, 1), (2,))])
def test_phase_kernels_keep_all_taps(row):
    weight = random(3, 2, 3, 3)
    kernel = phase_kernel(weight, row, row)
    assert kernel.shape == (3, 2, 2, 2)
    assert_close(kernel.sum((2, 3)), weight.sum((2, 3)))


@pytest.mark.parametrize(('kernel', 'stride'), [(4, 4), (2, 2), (1, 1)])
@pytest.mark.parametrize('size', [(8, 12), (4, 4)])
def test_two_convolutions_in_a_row(kernel, stride, size):
    first, second = random(5, 3, 3, 3), random(4, 5, kernel, kernel, seed=1)
    x = random(2, 3, *size, seed=2)
    one = F.conv2d(x, composed(first, second), stride=stride, padding=1)
    assert_close(one, F.conv2d(F.conv2d(x, first, padding=1), second, stride=stride), EXACT)


@pytest.mark.parametrize('size', [(1, 1), (2, 3), (3, 1), (4, 6)])
@pytest.mark.parametrize('strip', [8192, 64, 1])
def test_embedding(network, monkeypatch, size, strip):
    """Sizes are those at 1/16; strips are smaller than the whole from 64 on."""
    monkeypatch.setattr(folded_embedding, 'STRIP_PIXELS', strip)
    plain = network.matching
    scaled = copy.deepcopy(plain)
    for head in scaled.heads:
        fold_convnext(head.block)
    folded = FoldedEmbedding(scaled).requires_grad_(False)
    maps = [random(2, 32, size[0] << 3 - level, size[1] << 3 - level, seed=level)
            for level in range(4)]
    assert_close(folded(maps), plain(maps), EXACT)
    assert [head.folds_mlp for head in folded.heads] == [True, False, False]


def test_embedding_is_not_split_while_a_graph_is_recorded(pair, monkeypatch):
    head = pair[1].matching.heads[0]
    x, sizes = random(1, 32, 32, 16), []
    whole = head(x)
    monkeypatch.setattr(folded_embedding, 'STRIP_PIXELS', 1)
    monkeypatch.setattr(folded_embedding, 'worth_splitting', lambda x: False)
    monkeypatch.setattr(head, 'hidden', lambda part: sizes.append(part.shape[2])
                        or type(head).hidden(head, part))
    assert_close(head(x), whole, EXACT)
    assert sizes == [32]


@pytest.mark.parametrize('size', [(14, 28), (8, 16), (3, 9)])
def test_tokenizer(network, size):
    plain = network.cost_encoder.tokenizer
    folded = FoldedTokenizer(plain).requires_grad_(False)
    costs = 30 * random(5, *size)
    tokens = folded(costs) * plain.norm.weight + plain.norm.bias
    assert_close(tokens, plain(costs), EXACT)


@pytest.mark.parametrize('size', [(14, 28), (6, 9), (1, 1)])
def test_cost_encoder(network, size):
    plain = network.cost_encoder
    folded = FoldedCostEncoder(plain).requires_grad_(False)
    cells = size[0] * size[1]
    volume, context = 30 * random(1, cells, cells), random(1, 64, *size, seed=1)
    costs = volume.reshape(-1, *size)
    assert_close(folded.latents(costs), plain.latents(costs), EXACT)
    assert_close(folded(volume, context), plain(volume, context), EXACT)


def test_backbone_without_what_no_hook_sees():
    model = tiny_model(vit_depth=6, vit_hooks=(0, 1, 2, 4)).double().requires_grad_(False)
    folded = fold_for_inference(model)
    image = random(1, 3, 112, 112)
    assert len(folded.backbone.blocks) == 5
    assert not hasattr(folded.backbone, 'norm')
    for ours, theirs in zip(folded.backbone(image), model.backbone(image), strict=True):
        assert_close(ours, theirs, EXACT)


@pytest.mark.parametrize('changes', [
    {}, {'reference_quirks': False}, {'confidence_head': True}, {'vit_registers': 0},
    {'guided_upsampling': False}, {'vit_ffn': 'swiglu', 'vit_swiglu_dim': 24}], ids=str)
@pytest.mark.parametrize('size', [(112, 112), (112, 224)])
def test_the_whole_network(changes, size):
    model = tiny_model(**changes).requires_grad_(False)
    folded = fold_for_inference(model)
    plain, ours = model(*pictures(size)), folded(*pictures(size))
    assert_close(ours.flow, plain.flow, 1e-5 * plain.flow.abs().max().item())
    if plain.confidence is not None:
        assert_close(ours.confidence, plain.confidence, 1e-5)


def test_the_whole_network_of_two_images():
    model = tiny_model().requires_grad_(False)
    folded = fold_for_inference(model)
    image0, image1 = random(2, 2, 3, 112, 112, dtype=torch.float32)
    plain = model(image0, image1).flow
    assert_close(folded(image0, image1).flow, plain, 1e-5 * plain.abs().max().item())


def test_the_trained_network_stays_as_it_is():
    model = tiny_model().train()
    model.backbone.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    frozen = {name: each.requires_grad for name, each in model.named_parameters()}
    folded = fold_for_inference(model)
    assert model.training
    assert not folded.training
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    assert frozen == {name: each.requires_grad for name, each in model.named_parameters()}
    folded(*pictures((112, 112)))
    model(*pictures((112, 112))).flow.abs().mean().backward()  # still trainable
    assert model.decoder.gru.convz1.weight.grad.abs().max() > 0
    assert isinstance(model.decoder, CostDecoder)
    assert model.guide_net.stages[0].blocks[0].gamma is not None


def test_what_is_done_to_the_folded_one_is_not_done_to_the_trained_one():
    """Parameters that were one object would be moved, converted and frozen together."""
    model = tiny_model()
    folded = fold_for_inference(model)
    assert not any(each.requires_grad for each in folded.parameters())
    assert all(each.requires_grad for each in model.parameters())
    folded.double()
    assert {each.dtype for each in model.parameters()} == {torch.float32}
    assert {each.dtype for each in folded.parameters()} == {torch.float64}


def test_a_folded_network_moves_as_a_whole():
    """Also what no parameter is: positions are made where the costs are."""
    folded = fold_for_inference(tiny_model()).to('meta')
    tokens = folded.cost_encoder.tokenizer(torch.zeros(2, 9, 9, device='meta'))
    assert tokens.device.type == 'meta'


def test_weights_that_stay_are_shared():
    """A giant backbone is not held twice."""
    model = tiny_model()
    theirs = {each.data_ptr(): each.numel() for each in model.state_dict().values()}
    folded = fold_for_inference(model)
    vit = {name: each.data_ptr() for name, each in folded.backbone.named_parameters()}
    shared = [name for name, place in vit.items() if place in theirs]
    assert {name for name in vit if name not in shared} == {
        f'blocks.{i}.{layer}.{kind}' for i in range(4) for layer in ('attn.proj', 'mlp.fc2')
        for kind in ('weight', 'bias')}
    assert folded.decoder.gru.convz1.weight.data_ptr() in theirs
    assert folded.decoder.aggregator.value.weight.data_ptr() not in theirs


def test_a_folded_network_has_other_names():
    """It cannot be taken for a checkpoint by mistake."""
    model = tiny_model()
    with pytest.raises(RuntimeError, match='Missing key'):
        PanMatch(model.config).load_state_dict(fold_for_inference(model).state_dict())


@pytest.mark.parametrize('size', [(112, 112), (112, 224)])
def test_the_whole_network_in_double_precision(pair, size):
    """What differs in single precision is rounding and nothing else."""
    plain, folded = (each(*pictures(size, torch.float64)).flow for each in pair)
    assert_close(folded, plain, 1e-9)
