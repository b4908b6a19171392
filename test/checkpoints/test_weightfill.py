"""Weights that depend on names: values worked out from the rule, and damping."""
import zlib

import numpy as np
import pytest

from panmatch_ros.checkpoints.weightfill import fill_array, fill_model, input_tensor


def normal(text, shape):
    return np.random.RandomState(zlib.crc32(text.encode())).standard_normal(shape)


@pytest.mark.parametrize(('key', 'shape', 'rule'), [
    ('a.bias', (5,), lambda n: 0.02 * n),
    ('a.running_mean', (5,), lambda n: 0.1 * n),
    ('a.running_var', (5,), lambda n: 1 + 0.1 * abs(n)),
    ('a.gamma', (5,), lambda n: 0.5 * (1 + 0.1 * n)),
    ('dinov2.blocks.0.ls1.gamma', (5,), lambda n: 0.3 * (1 + 0.1 * n)),
    ('a.norm.weight', (5,), lambda n: 1 + 0.1 * n),
    ('a.weight', (4, 3, 2, 2), lambda n: n / np.sqrt(12)),
    ('dinov2.pos_embed', (1, 5, 4), lambda n: 0.5 * n),
    ('backbone.feature_embedding.merge.weight', (4, 9, 1, 1), lambda n: n / 3 * 0.3),
    ('backbone.context_embedding.merge.weight', (4, 9, 1, 1), lambda n: n / 3),
    ('x.flow_head.conv2.weight', (2, 4, 3, 3), lambda n: n / 6 * 0.5),
])
@pytest.mark.parametrize('salt', ['', 'hidden/'])
def test_rule(key, shape, rule, salt):
    filled = fill_array(key, shape, salt)
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled, rule(normal(salt + key, shape)).astype(np.float32))


def test_known_numbers():
    """A generator that changes would change every comparison with recorded vectors."""
    np.testing.assert_array_equal(
        fill_array('dinov2.cls_token', (1, 1, 3)).ravel(),
        np.float32([0.20709945261478424, 0.4222221374511719, -0.3443598449230194]))


def test_counter_is_zero():
    filled = fill_array('proj.1.num_batches_tracked', ())
    assert filled.dtype == np.int64
    assert filled.shape == ()
    assert filled == 0


def test_input_tensor():
    tensor = input_tensor('s_reg/lin_in', (1, 3, 2))
    assert tensor.dtype == np.float32
    np.testing.assert_array_equal(tensor, np.float32(normal('input:s_reg/lin_in', (1, 3, 2))))


def test_fill_model_uses_official_names(tiny):
    pytest.importorskip('torch', reason='torch is not installed')
    from panmatch_ros.models.panmatch import PanMatch
    model = PanMatch(tiny)
    fill_model(model, 'salt')
    state = model.state_dict()
    for own, official in [
            ('backbone.cls_token', 'dinov2.cls_token'),
            ('guide_net.stages.1.blocks.0.gamma',
             'backbone.encoder.cnn_encoder.stages.1.1.gamma'),
            ('decoder.flow_head.conv2.weight',
             'backbone.decoder.memory_decoder.update_block.flow_head.conv2.weight')]:
        expected = fill_array(official, tuple(state[own].shape), 'salt')
        np.testing.assert_array_equal(state[own].numpy(), expected)
