"""Which network a file is about."""
import pytest

pytest.importorskip('torch', reason='torch is not installed')
import torch

from panmatch_ros.core.errors import FormatError
from panmatch_ros.inference.parity.networks import Networks, network_config
from panmatch_ros.models.presets import preset


@pytest.mark.parametrize('size', 'sbl')
def test_backbones_of_all_sizes(size):
    hooks = list(preset(f'panmatch_{size}').vit_hooks)
    meta = {'backbone': [f'dinov2_vit{size}14_reg', hooks, 256]}
    assert network_config(meta, 'any') == preset(f'panmatch_{size}')


def test_the_giant_one():
    meta = {'backbone': ['dinov2_vitg14_reg', [9, 19, 29, 39], 256]}
    assert network_config(meta, 'any') == preset('panmatch_g')
    assert network_config({}, 'whole_g_reg_112x168') == preset('panmatch_g')


def test_hooks_features_and_registers_are_those_of_the_file():
    config = network_config({'backbone': ['dinov2_vitb14', [0, 3, 4, 9], 128]}, 'whole_s_reg')
    assert config == preset('panmatch_b', vit_hooks=(0, 3, 4, 9), features=128, vit_registers=0)


@pytest.mark.parametrize(('stem', 'name', 'changes'), [
    ('modules_s_reg', 's', {}), ('eval_modules_b_reg_2', 'b', {}),
    ('tiled_l_reg_300x430', 'l', {}),
    ('whole_s_noreg_f96_112x168', 's',
     {'vit_registers': 0, 'features': 96, 'vit_hooks': (1, 3, 5, 7)}),
    ('whole_b_noreg', 'b', {'vit_registers': 0})])
def test_without_a_backbone_the_name_of_the_file_tells(stem, name, changes):
    assert network_config({}, stem) == preset(f'panmatch_{name}', **changes)


@pytest.mark.parametrize(('backbone', 'text'), [
    (['dinov2_vitx14_reg', [2, 5, 8, 11], 256], 'expected a DINOv2 backbone'),
    (['resnet50', [2, 5, 8, 11], 256], 'expected a DINOv2 backbone'),
    ([5, [2, 5, 8, 11], 256], 'expected a DINOv2 backbone'),
    (['dinov2_vits14_reg', 11, 256], 'expected a DINOv2 backbone'),
    (['dinov2_vits14_reg', [2, 5, 8, 12], 256], '0 to 11'),
    (['dinov2_vits14_reg', [2, 5, 8], 256], 'vit_hooks'),
    (['dinov2_vits14_reg', ['a', 'b', 'c', 'd'], 256], 'vit_hooks'),
    (['dinov2_vits14_reg', [[1], [2], [3], [4]], 256], 'vit_hooks'),
    (['dinov2_vits14_reg', [2, 5, 8, 11], 0], 'features'),
    (['dinov2_vits14_reg', [2, 5, 8, 11], '256'], 'features'),
    (['dinov2_vits14_reg', [2, 5, 8, 11], 100], 'features must be a multiple'),
    (['dinov2_vits14_reg', [2, 5, 8, 11], 10 ** 9], 'features'),
    (None, 'neither'), (['dinov2_vits14_reg'], 'neither')])
def test_a_backbone_that_cannot_be(backbone, text):
    with pytest.raises(FormatError, match=f'file: .*{text}'):
        network_config({'backbone': backbone}, 'file')


def test_the_last_network_is_kept():
    networks, config = Networks(), preset('panmatch_tiny')
    first = networks.get(config, 'x')
    assert networks.get(config, 'x') is first
    other = networks.get(config, 'y')
    assert other is not first
    assert not torch.equal(other.decoder.gru.convz1.weight, first.decoder.gru.convz1.weight)
    assert networks.get(preset('panmatch_tiny', iterations=2), 'y').config.iterations == 2
    assert not other.training
    assert not any(each.requires_grad for each in other.parameters())
