"""The ablation of the guided upsampling, with the weights of a trained network."""
from dataclasses import replace

import numpy as np
import pytest
from tiny_network import picture, tiny_model, write_tiny
import torch

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.inference.panmatch import PanMatchMatcher, PanMatchOptions
from panmatch_ros.inference.panmatch_torch import LEFT_OUT, network_name, with_bilinear_upsampling
from panmatch_ros.models.guided_upsampling import BilinearUpsampling


def test_all_weights_but_those_of_the_guidance_are_kept():
    model = tiny_model()
    changed = with_bilinear_upsampling(model, 'tiny')
    assert not changed.config.guided_upsampling
    assert replace(changed.config, guided_upsampling=True) == model.config
    assert all(isinstance(each, BilinearUpsampling) for each in changed.guided_upsampling)
    before, after = model.state_dict(), changed.state_dict()
    left_out = set(before) - set(after)
    assert left_out == {name for name in before if name.startswith(LEFT_OUT)}
    assert len(left_out) == 4 * 6  # four levels: query, key, value, merge, weight and bias of norm
    assert set(after) <= set(before)
    assert all(after[name].data_ptr() == before[name].data_ptr() for name in after)
    assert not changed.training
    assert network_name(changed.config) == network_name(model.config) == 'panmatch_tiny'


def test_features_are_those_of_bilinear_upsampling():
    model = tiny_model()
    changed = with_bilinear_upsampling(model, 'tiny')
    image = torch.randn(1, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        tokens, guides = model.backbone(image), model.guide_net(image)
        upsampled = [torch.nn.functional.interpolate(compress(x), guide.shape[2:],
                                                     mode='bilinear', align_corners=True)
                     for compress, x, guide in zip(model.compression, tokens, guides,
                                                   strict=True)]
        pyramid = model.feature_pyramid(upsampled)
        found = changed.encode(image)
        expected = model.embed(model.matching, pyramid)
    torch.testing.assert_close(found.fmap, expected)
    with torch.no_grad():
        assert not torch.allclose(model.encode(image).fmap, expected)


def test_matcher_from_a_file(tmp_path):
    weights = write_tiny(tmp_path / 'tiny.safetensors')
    guided = PanMatchMatcher.from_weights(PanMatchOptions(weights=weights, device='cpu'))
    options = PanMatchOptions(weights=weights, device='cpu', upsampling='bilinear')
    bilinear = PanMatchMatcher.from_weights(options)
    assert guided.name == bilinear.name == 'panmatch_tiny'
    image0, image1 = picture((112, 112)), picture((112, 112), seed=1)
    flows = [matcher.match(image0, image1).flow for matcher in (guided, bilinear)]
    assert np.abs(flows[0] - flows[1]).max() > 1e-4
    assert not guided.has_network_of(options)
    assert bilinear.has_network_of(options)


def test_nothing_to_ablate(tmp_path):
    weights = write_tiny(tmp_path / 'tiny.safetensors', guided_upsampling=False)
    with pytest.raises(ConfigError, match=r'tiny\.safetensors holds a network without guided '
                                          'upsampling: there is nothing to replace'):
        PanMatchMatcher.from_weights(PanMatchOptions(weights=weights, upsampling='bilinear'))


def test_bad_option():
    with pytest.raises(ConfigError, match="upsampling must be one of checkpoint, bilinear, got "
                                          "'nearest'"):
        PanMatchOptions(upsampling='nearest')
