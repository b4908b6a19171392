"""Names of tensors: one to one, complete, and strict."""
import json
from pathlib import Path

import pytest

from panmatch_ros.checkpoints.keymap import RULES, official_key, own_key
from panmatch_ros.core.errors import FormatError
from panmatch_ros.models.presets import PRESETS, preset

torch = pytest.importorskip('torch', reason='torch is not installed')
MANIFEST = Path(__file__).parents[1] / 'data' / 'official_manifest.json'
DECODER = 'backbone.decoder.memory_decoder.'
COST_ENCODER = 'backbone.decoder.memory_encoder.cost_perceiver_encoder.'


@pytest.fixture(scope='module')
def manifest():
    return json.loads(MANIFEST.read_text())


def shapes(entries):
    return {name: tuple(entry['shape']) for name, entry in entries.items()
            if isinstance(entry, dict)}


def expected(config):
    from panmatch_ros.checkpoints.manifest import official_tensors
    return [{name: spec.shape for name, spec in each.items()} for each in
            official_tensors(config)]


@pytest.mark.parametrize(('official', 'own'), [
    ('dinov2.blocks.0.attn.qkv.weight', 'backbone.blocks.0.attn.qkv.weight'),
    ('dinov2.mask_token', 'backbone.mask_token'),
    ('backbone.encoder.linear.3.0.weight', 'compression.3.projection.weight'),
    ('backbone.encoder.linear.3.1.bias', 'compression.3.norm.bias'),
    ('backbone.encoder.cnn_encoder.firstconv.0.bias', 'guide_net.stem.conv.bias'),
    ('backbone.encoder.cnn_encoder.stages.0.1.gamma', 'guide_net.stages.0.blocks.1.gamma'),
    ('backbone.encoder.cnn_encoder.stages.2.0.0.weight',
     'guide_net.stages.2.downsample.norm.weight'),
    ('backbone.encoder.cnn_encoder.stages.2.2.pwconv1.weight',
     'guide_net.stages.2.blocks.1.expand.weight'),
    ('backbone.encoder.resize.1.norm1.bias', 'guided_upsampling.1.norm.bias'),
    ('backbone.encoder.cnn_decoder.fuseconv.2.conv_out.dwconv.weight',
     'feature_pyramid.levels.2.refine.depthwise.weight'),
    ('backbone.encoder.feat_proj.0.1.weight', 'context.heads.0.projection.weight'),
    ('backbone.context_embedding.proj4.1.weight', 'context.adapter.projections.3.weight'),
    (f'{COST_ENCODER}latent_tokens', 'cost_encoder.latent_tokens'),
    (f'{COST_ENCODER}patch_embed.proj.1.num_batches_tracked',
     'cost_encoder.tokenizer.batch_norm.num_batches_tracked'),
    (f'{COST_ENCODER}encoder_layers.2.ffn.3.weight',
     'cost_encoder.latent_attention.2.ffn.2.weight'),
    (f'{COST_ENCODER}vertical_encoder_layers.1.global_block.attn.sr_key.weight',
     'cost_encoder.spatial_attention.1.global_block.attention.reduce_key.weight'),
    (f'{DECODER}update_block.aggregator.gamma', 'decoder.aggregator.gamma'),
    (f'{DECODER}info_conv.2.weight', 'decoder.confidence_head.2.weight'),
])
def test_names_by_hand(official, own):
    assert own_key(official) == own
    assert official_key(own) == official


@pytest.mark.parametrize('name', [
    '', 'backbone', 'backbone.encoder.linear.0.0', 'backbone.encoder.linear.x.0.weight',
    'backbone.encoder.linear.00.0.weight', 'backbone.encoder.linear.0.2.weight',
    'module.backbone.encoder.linear.0.0.weight', 'backbone.encoder.linear.0.0.weight.x',
    'backbone.encoder.cnn_encoder.stages.0.0.0.weight', 'dinov2.', 'dinov2.a..b', 'dinov2.a b',
    f'{COST_ENCODER}latent_tokens.weight', f'{DECODER}update_block.aggregator.gamma\n',
])
def test_unknown_official_names(name):
    with pytest.raises(FormatError, match='is not the name of'):
        own_key(name)


@pytest.mark.parametrize('name', ['', 'backbone.', 'decoder', 'compression.0.projection',
                                  'guide_net.stages.0.downsample.conv.weight'])
def test_unknown_own_names(name):
    with pytest.raises(FormatError, match='is not the name of'):
        official_key(name)


def test_rules_are_one_to_one():
    assert len(set(RULES.values())) == len(RULES)


@pytest.mark.parametrize('name', sorted(PRESETS))
def test_every_tensor_of_the_network_has_an_official_name(name):
    from panmatch_ros.models.panmatch import PanMatch
    with torch.device('meta'):
        names = list(PanMatch(preset(name, confidence_head=True)).state_dict())
    official = [official_key(each) for each in names]
    assert len(set(official)) == len(names)
    assert [own_key(each) for each in official] == names


def test_official_panmatch_file(manifest):
    """The 555 official tensors, by name and shape."""
    panmatch, _ = expected(preset('panmatch_g'))
    assert len(panmatch) == 555
    assert panmatch == shapes(manifest['panmatch_demo_model']['state'])


def test_official_panmatch_file_with_confidence(manifest):
    panmatch, _ = expected(preset('panmatch_g', confidence_head=True))
    assert panmatch == shapes({**manifest['panmatch_demo_model']['state'],
                               **manifest['extra_keys_if_conf_forward_true']})


@pytest.mark.parametrize('size', 'sblg')
def test_official_dinov2_files(manifest, size):
    _, dinov2 = expected(preset(f'panmatch_{size}'))
    assert dinov2 == shapes(manifest[f'dinov2_vit{size}14_reg4'])


def test_official_dinov2_file_without_registers(manifest):
    _, dinov2 = expected(preset('panmatch_s', vit_registers=0))
    assert dinov2 == shapes(manifest['dinov2_vits14_noreg'])
