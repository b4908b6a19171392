"""The form of a network: what is refused, and the way to a file and back."""
import dataclasses
import json

import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.models.config import PanMatchConfig
from panmatch_ros.models.presets import PRESETS, preset, preset_name

SMALL = (384, 12, 6, (2, 5, 8, 11))


def test_defaults_are_those_of_the_paper():
    config = PanMatchConfig(*SMALL)
    assert (config.features, config.embed_dim, config.iterations) == (256, 256, 12)
    assert (config.latent_tokens, config.latent_dim, config.encoder_depth) == (8, 128, 3)
    assert config.reference_quirks
    assert config.guided_upsampling
    assert not config.confidence_head


@pytest.mark.parametrize(('changes', 'text'), [
    ({'vit_ffn': 'relu'}, 'vit_ffn must be one of mlp, swiglu'),
    ({'vit_hooks': (2, 5, 8)}, 'vit_hooks must be 4 ascending blocks from 0 to 11'),
    ({'vit_hooks': (2, 5, 8, 12)}, 'vit_hooks'),
    ({'vit_hooks': (-1, 5, 8, 11)}, 'vit_hooks'),
    ({'vit_hooks': (5, 2, 8, 11)}, 'vit_hooks'),
    ({'vit_hooks': (2, 2, 8, 11)}, 'vit_hooks'),
    ({'vit_hooks': (2, 5, 8, 11.0)}, 'whole numbers'),
    ({'vit_hooks': ('2', '5', '8', '11')}, 'whole numbers'),
    ({'vit_dim': 385}, 'vit_dim must be a multiple of vit_heads 6'),
    ({'features': 100}, 'features must be a multiple of guide_heads 8'),
    ({'latent_dim': 100}, 'latent_dim must be a multiple of attention_heads'),
    ({'query_dim': 60}, 'query_dim must be a multiple of attention_heads'),
    ({'latent_dim': 12, 'attention_heads': 4}, 'latent_dim must be a multiple of 8'),
    ({'query_dim': 6, 'attention_heads': 2}, 'query_dim must be a multiple of 4'),
    ({'context_dim': 6}, 'context_dim must be a multiple of 4'),
    ({'embed_dim': 12, 'hidden_dim': 6, 'attention_heads': 4}, 'embed_dim must be a multiple'),
    ({'embed_dim': 128}, 'twice hidden_dim'),
    ({'iterations': 0}, 'iterations must be a whole number from 1'),
    ({'iterations': True}, 'iterations must be a whole number'),
    ({'iterations': 12.0}, 'iterations must be a whole number'),
    ({'vit_registers': -1}, 'vit_registers must be a whole number from 0'),
    ({'features': '256'}, 'features must be a whole number'),
    ({'confidence_head': 1}, 'confidence_head must be True or False'),
    ({'reference_quirks': None}, 'reference_quirks must be True or False')])
def test_what_cannot_work_is_refused(changes, text):
    with pytest.raises(ConfigError, match=text):
        preset('panmatch_s', **changes)


def test_no_registers_and_whole_numbers_of_numpy_are_fine():
    config = preset('panmatch_s', vit_registers=0, features=np.int64(96))
    assert (config.vit_registers, config.features) == (0, 96)


def test_hooks_may_be_a_list():
    config = PanMatchConfig(384, 12, 6, [2, 5, 8, 11])
    assert config == PRESETS['panmatch_s']
    assert hash(config) == hash(PRESETS['panmatch_s'])


def test_a_config_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PRESETS['panmatch_s'].iterations = 3


@pytest.mark.parametrize('name', PRESETS)
def test_to_json_and_back(name):
    config = PRESETS[name]
    values = json.loads(json.dumps(config.to_dict()))
    assert set(values) == {field.name for field in dataclasses.fields(PanMatchConfig)}
    assert PanMatchConfig.from_dict(values) == config


def test_unknown_and_missing_keys_are_named():
    values = preset('panmatch_s').to_dict()
    with pytest.raises(ConfigError, match='unknown network options colour, size'):
        PanMatchConfig.from_dict({**values, 'size': 3, 'colour': 'red'})
    del values['vit_dim']
    with pytest.raises(ConfigError, match='not complete.*vit_dim'):
        PanMatchConfig.from_dict(values)


@pytest.mark.parametrize('hooks', [5, None, 'abcd', [[1], [2], [3], [4]]])
def test_hooks_of_another_form_in_a_file(hooks):
    with pytest.raises(ConfigError):
        PanMatchConfig.from_dict({**preset('panmatch_s').to_dict(), 'vit_hooks': hooks})


def test_keys_with_a_default_may_be_missing():
    values = {'vit_dim': 384, 'vit_depth': 12, 'vit_heads': 6, 'vit_hooks': [2, 5, 8, 11]}
    assert PanMatchConfig.from_dict(values) == preset('panmatch_s')


@pytest.mark.parametrize(('name', 'dim', 'depth', 'heads', 'ffn'), [
    ('panmatch_s', 384, 12, 6, 'mlp'), ('panmatch_b', 768, 12, 12, 'mlp'),
    ('panmatch_l', 1024, 24, 16, 'mlp'), ('panmatch_g', 1536, 40, 24, 'swiglu')])
def test_presets_have_the_sizes_of_dinov2(name, dim, depth, heads, ffn):
    config = preset(name)
    assert (config.vit_dim, config.vit_depth, config.vit_heads) == (dim, depth, heads)
    assert (config.vit_ffn, config.vit_hooks[-1]) == (ffn, depth - 1)
    assert (config.vit_registers, config.vit_grid) == (4, 37)


def test_the_giant_one_is_the_official_one():
    config = preset('panmatch_g')
    assert config.vit_hooks == (9, 19, 29, 39)
    assert config.vit_swiglu_dim == 4096


def test_changes_and_names():
    assert preset('panmatch_tiny', iterations=5).iterations == 5
    assert preset('panmatch_tiny').iterations == 3
    assert preset_name(preset('panmatch_b')) == 'panmatch_b'
    assert preset_name(preset('panmatch_b', iterations=5)) == 'custom'


def test_a_name_or_a_change_that_is_not_known():
    with pytest.raises(ConfigError, match="no network 'panmatch_xl'; choose one of panmatch_s"):
        preset('panmatch_xl')
    with pytest.raises(ConfigError, match='unknown network option.*colour'):
        preset('panmatch_s', colour='red')
