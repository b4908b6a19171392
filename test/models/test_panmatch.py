"""The whole network: contract, batches, both directions, quirks, gradients."""
import pytest

pytest.importorskip('torch', reason='torch is not installed')
from tensors import assert_close, random
from tiny_network import tiny_model
import torch

from panmatch_ros.core.errors import ShapeError
from panmatch_ros.models.guided_upsampling import BilinearUpsampling
from panmatch_ros.models.panmatch import PanMatch
from panmatch_ros.models.presets import preset

SIZE = (112, 224)
# Parameters of DINOv2 that only its own training uses; official files hold them.
UNUSED = {'backbone.mask_token', 'backbone.norm.weight', 'backbone.norm.bias'}


def images(batch=1, size=SIZE, seed=0):
    both = random(2, batch, 3, *size, seed=seed, dtype=torch.float32)
    return both[0], both[1]


@pytest.mark.parametrize('size', [(112, 112), (112, 224), (224, 112)])
def test_flow_has_the_size_of_the_images(single, size):
    flow, confidence = single(*images(size=size))
    assert flow.shape == (1, 2, *size)
    assert flow.dtype == torch.float32
    assert torch.isfinite(flow).all()
    assert flow.abs().max() > 0.1
    assert confidence is None


def test_the_image_must_be_a_multiple_of_112(single):
    for size in ((112, 120), (64, 80), (14, 14), (112, 0)):
        with pytest.raises(ShapeError, match='multiples of 112, got'):
            single(*images(size=size))


@pytest.mark.parametrize('shape', [(1, 1, 112, 112), (1, 4, 112, 112), (3, 112, 112),
                                   (1, 112, 112, 3)])
def test_images_of_another_form_are_refused(single, shape):
    x = torch.zeros(shape)
    with pytest.raises(ShapeError, match=r'\(B, 3, H, W\), got'):
        single(x, x)
    with pytest.raises(ShapeError):
        single.encode(x)


def test_images_of_two_shapes_are_refused(single):
    small, large = torch.zeros(1, 3, 112, 112), torch.zeros(1, 3, 112, 224)
    with pytest.raises(ShapeError, match='one shape, got .*112, 112.*112, 224'):
        single(small, large)
    with pytest.raises(ShapeError, match='one shape'):
        single(small, torch.zeros(2, 3, 112, 112))


@pytest.mark.parametrize('changes', [
    {}, {'confidence_head': True},
    # Nearer to real sizes: more channels, heads and cost tokens than batches could hide in.
    {'vit_dim': 64, 'features': 64, 'embed_dim': 128, 'hidden_dim': 64, 'latent_tokens': 8,
     'latent_dim': 64, 'attention_heads': 8, 'query_dim': 32}], ids=['tiny', 'confidence', 'mid'])
@pytest.mark.parametrize('at_once', [True, False])
def test_two_pairs_are_two_singles(changes, at_once, monkeypatch):
    """Each with its own context; the reference mixes them up."""
    monkeypatch.setattr('panmatch_ros.models.panmatch.worth_splitting', lambda x: not at_once)
    model = tiny_model(**changes).requires_grad_(False)
    image0, image1 = images(batch=2)
    guess = random(2, 2, *SIZE, seed=5, dtype=torch.float32)
    both = model(image0, image1, guess)
    scale = both.flow.abs().max().item() if at_once else 0  # else they are computed alike
    for sample in range(2):
        part = slice(sample, sample + 1)
        alone = model(image0[part], image1[part], guess[part])
        assert_close(both.flow[part], alone.flow, 1e-5 * scale)
        if alone.confidence is not None:
            assert_close(both.confidence[part], alone.confidence, 1e-5)


def test_a_batch_of_both_images_is_each_on_its_own(single, monkeypatch):
    """On a GPU both go through the network at once."""
    apart = single.encode_pair(*images())
    monkeypatch.setattr('panmatch_ros.models.panmatch.worth_splitting', lambda x: False)
    together = single.encode_pair(*images())
    for one, other in zip(apart, together, strict=True):
        assert_close(one.fmap, other.fmap, 1e-5)
        for level, (x, y) in enumerate(zip(one.pyramid, other.pyramid, strict=True)):
            assert x.shape == (1, 32, SIZE[0] >> level + 1, SIZE[1] >> level + 1)
            assert_close(x, y, 1e-4)


def test_the_parts_make_the_whole_in_both_directions(single):
    """An image is described once for both directions, and the volume turned round."""
    image0, image1 = images()
    features = [single.encode(image) for image in (image0, image1)]
    volume = single.correlate(features[0].fmap, features[1].fmap)
    forward = single.match(volume, single.context_of(features[0])).flow
    backward = single.match(volume.transpose(1, 2), single.context_of(features[1])).flow
    assert_close(forward, single(image0, image1).flow, 2e-5)
    assert_close(backward, single(image1, image0).flow, 2e-5)
    assert (forward - backward).abs().max() > 0.1


def test_first_and_later_calls_agree(single):
    """No state is kept, whatever size came between."""
    first = single(*images()).flow
    single(*images(size=(112, 112)))
    assert_close(single(*images()).flow, first, atol=0)


def test_the_first_guess_moves_the_result(single):
    guess = torch.full((1, 2, *SIZE), 16.0)
    assert_close(single(*images(), torch.zeros_like(guess)).flow, single(*images()).flow, 0)
    assert (single(*images(), guess).flow - single(*images()).flow).abs().mean() > 4


def test_confidence_is_between_zero_and_one():
    model = tiny_model(confidence_head=True).requires_grad_(False)
    flow, confidence = model(*images())
    assert confidence.shape == (1, 1, *SIZE)
    assert 0 <= confidence.min() < confidence.max() <= 1
    assert flow.shape == (1, 2, *SIZE)


def test_without_guided_upsampling():
    model = tiny_model(guided_upsampling=False).requires_grad_(False)
    assert all(isinstance(each, BilinearUpsampling) for each in model.guided_upsampling)
    assert not any(name.startswith('guided_upsampling') for name in model.state_dict())
    assert torch.isfinite(model(*images()).flow).all()


def test_quirks_change_the_order_of_the_window_and_pi(single):
    model = tiny_model(reference_quirks=False).requires_grad_(False)
    assert model.state_dict().keys() == single.state_dict().keys()
    parts = [single.cost_encoder.tokenizer, single.decoder.cross_attention,
             *(block.attention for layer in single.cost_encoder.spatial_attention
               for block in (layer.local_block, layer.global_block))]
    others = [model.cost_encoder.tokenizer, model.decoder.cross_attention,
              *(block.attention for layer in model.cost_encoder.spatial_attention
                for block in (layer.local_block, layer.global_block))]
    assert {each.pi for each in parts} == {3.14}
    assert {each.pi for each in others} == {torch.pi}
    assert (model(*images()).flow - single(*images()).flow).abs().max() > 0.01


@pytest.mark.parametrize(('quirks', 'expected'), [(True, True), (False, False)])
def test_the_decoder_hands_the_order_on(monkeypatch, quirks, expected):
    seen = []

    def window(volume, coords, transposed):
        seen.append(transposed)
        return torch.zeros(len(coords), 81, *coords.shape[2:])

    monkeypatch.setattr('panmatch_ros.models.cost_decoder.cost_window', window)
    tiny_model(reference_quirks=quirks)(*images(size=(112, 112)))
    assert seen == [expected] * 3


@pytest.mark.parametrize('training', [False, True])
def test_gradients_reach_all_parameters_that_matter(training):
    model = tiny_model(confidence_head=True).train(training)
    image0, image1 = images(batch=2, size=(112, 112))
    flow, confidence = model(image0, image1)
    (flow.abs().mean() + confidence.mean()).backward()
    without = {name for name, each in model.named_parameters() if each.grad is None}
    assert without == UNUSED
    for name, parameter in model.named_parameters():
        if name not in UNUSED:
            assert torch.isfinite(parameter.grad).all(), name
            # A soft maximum does not see what is added to all its keys.
            assert parameter.grad.any() or name.endswith('key.bias'), name


def test_a_frozen_backbone_gets_no_gradients():
    model = tiny_model().train()
    model.backbone.requires_grad_(False)
    model(*images(size=(112, 112))).flow.abs().mean().backward()
    assert all(each.grad is None for each in model.backbone.parameters())
    assert model.compression[0].projection.weight.grad.abs().max() > 0


def test_gradients_of_all_iterations():
    """Training needs the flow of every iteration, each with a gradient."""
    model = tiny_model()
    features = model.encode_pair(*images(size=(112, 112)))
    volume = model.correlate(features[0].fmap, features[1].fmap)
    context = model.context_of(features[0])
    memory = model.cost_encoder(volume, context)
    for each in model.decoder.predictions(volume, memory, context, every=True):
        assert each.flow.requires_grad


@pytest.mark.parametrize(('name', 'count'), [
    ('panmatch_s', 22_058_112), ('panmatch_g', 1_136_486_912)])
def test_numbers_of_parameters(name, count):
    """Those of the official files: DINOv2, and 34,922,369 for the rest of panmatch_g."""
    with torch.device('meta'):
        model = PanMatch(preset(name))
    sizes = {part: sum(each.numel() for each in getattr(model, part).parameters())
             for part in ('backbone', 'compression')}
    assert sizes['backbone'] == count
    rest = sum(each.numel() for each in model.parameters()) - sum(sizes.values())
    assert rest + 4 * 256 * (1536 + 2) == 34_922_369
