"""Conversion: bit-equal both ways, and wrong pairs of files are told apart."""
import os

from official_files import CROP_SIZE, checkpoint, official_weights
import pytest

from panmatch_ros.checkpoints.convert import convert, official_states
from panmatch_ros.checkpoints.files import sha256
from panmatch_ros.checkpoints.native import load_model, read_native
from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.models.presets import preset

torch = pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('safetensors', reason='safetensors is not installed')
LINEAR = 'backbone.encoder.linear.0.0.weight'


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out.safetensors'


def equal(left, right):
    return left.keys() == right.keys() and all(
        left[k].dtype == right[k].dtype and torch.equal(left[k], right[k]) for k in right)


def changed(tensors, **values):
    """Replace tensors, or leave them out where the value is None."""
    merged = {**tensors, **values}
    return {name: value for name, value in merged.items() if value is not None}


def test_round_trip_is_bit_equal(pair, weights, out):
    convert(*pair, out)
    tensors, _ = read_native(out)
    panmatch, dinov2 = official_states(tensors)
    assert equal(panmatch, checkpoint(weights.panmatch)['model_state'])
    assert equal(dinov2, weights.dinov2)
    again = out.with_name('again.safetensors')
    torch.save({'model_state': panmatch}, pair.panmatch)
    torch.save(dinov2, pair.dinov2)
    convert(*pair, again)
    assert equal(read_native(again)[0], tensors)


def test_load_model(pair, weights, tiny, out):
    convert(*pair, out)
    model, metadata = load_model(out)
    assert model.config == metadata.config == tiny
    assert not model.training
    assert not any(tensor.is_meta for tensor in model.state_dict().values())
    assert equal(official_states(model.state_dict(), '')[0], weights.panmatch)


def test_metadata(pair, tiny, out):
    metadata = convert(*pair, out)
    assert read_native(out)[1] == metadata
    assert (metadata.preset, metadata.config) == ('panmatch_tiny', tiny)
    assert metadata.crop_size == tuple(CROP_SIZE)
    assert [(s.role, s.name, s.size_bytes, s.sha256) for s in metadata.sources] == [
        (role, path.name, path.stat().st_size, sha256(path))
        for role, path in zip(('PanMatch', 'DINOv2'), pair, strict=True)]
    assert metadata.creator.startswith('panmatch_ros ')
    assert 'states no licence' in metadata.licence
    assert any('taken: 0 1 2 3' in note for note in metadata.notes)


def test_no_crop_size_is_a_note(pair, weights, out):
    torch.save(weights.panmatch, pair.panmatch)
    metadata = convert(*pair, out)
    assert metadata.crop_size is None
    assert 'panmatch.pth: records no crop size' in metadata.notes


@pytest.mark.parametrize('kind', ['float16', 'bfloat16'])
def test_half_precision_keeps_its_values(pair, weights, out, kind):
    half = {name: tensor.to(getattr(torch, kind)) for name, tensor in weights.dinov2.items()}
    torch.save(half, pair.dinov2)
    metadata = convert(*pair, out)
    _, dinov2 = official_states(read_native(out)[0])
    assert equal(dinov2, {name: tensor.float() for name, tensor in half.items()})
    assert f'dinov2.pth: {kind} values were converted to 32-bit floats, exactly' in metadata.notes


def test_double_precision_is_rounded(pair, weights, out):
    torch.save({name: tensor.double() for name, tensor in weights.dinov2.items()}, pair.dinov2)
    metadata = convert(*pair, out)
    assert equal(official_states(read_native(out)[0])[1], weights.dinov2)
    assert 'dinov2.pth: float64 values were converted to 32-bit floats, rounded' in metadata.notes


def test_views_and_other_strides(pair, weights, out):
    tensors = dict(weights.dinov2)
    flat = torch.cat([tensors['norm.weight'], tensors['norm.bias']])
    tensors['norm.weight'], tensors['norm.bias'] = flat.chunk(2)
    name = 'blocks.0.attn.qkv.weight'
    tensors[name] = tensors[name].t().contiguous().t()
    torch.save(tensors, pair.dinov2)
    convert(*pair, out)
    assert equal(official_states(read_native(out)[0])[1], weights.dinov2)


def test_tensors_that_are_one(pair, weights, out):
    one = torch.ones(32)
    tied = changed(weights.dinov2, **{'norm.weight': one, 'blocks.0.norm1.weight': one})
    torch.save(tied, pair.dinov2)
    convert(*pair, out)
    assert equal(official_states(read_native(out)[0])[1], tied)


def test_hooks(pair, out):
    assert convert(*pair, out, hooks=[0, 1, 2, 3]).config.vit_hooks == (0, 1, 2, 3)
    for hooks in ([0, 1, 2, 4], [3, 2, 1, 0], [0, 0, 1, 2]):
        with pytest.raises(ConfigError, match='vit_hooks must be'):
            convert(*pair, out, hooks=hooks, overwrite=True)


@pytest.mark.parametrize('changes', [
    {'features': 16}, {'confidence_head': True}, {'vit_registers': 0}, {'vit_grid': 5}])
def test_variants_are_recognised(save, tiny, out, changes):
    config = preset('panmatch_tiny', **changes)
    panmatch, dinov2 = official_weights(config)
    metadata = convert(save('p.pth', checkpoint(panmatch)), save('d.pth', dinov2), out)
    assert metadata.config == config
    assert metadata.preset == 'custom'
    assert any('no register tokens' in note for note in metadata.notes) == (
        config.vit_registers == 0)


# Wrong pairs.

def fails(pair, out, text):
    with pytest.raises(FormatError, match=text):
        convert(*pair, out)
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(('out', '.'))] == []


def test_swapped(pair, out):
    fails(pair[::-1], out, 'is the backbone and .*seem to be swapped')


def test_the_same_file_twice(pair, out):
    fails((pair.panmatch, pair.panmatch), out, '--dinov2 needs DINOv2 weights, and .* is PanMatch')
    fails((pair.dinov2, pair.dinov2), out, '--panmatch needs PanMatch weights, and .* is DINOv2')


def test_another_size_of_backbone(pair, weights, out):
    shape = (32, 1536, 1, 1)
    torch.save(checkpoint({**weights.panmatch, LINEAR: torch.zeros(shape)}), pair.panmatch)
    fails(pair, out, r'backbone of width 1536 \(panmatch_g\), and .* has the width 32 '
                     r'\(panmatch_tiny\): the files do not belong together')


def test_unknown_backbone(pair, weights, out):
    torch.save(changed(weights.dinov2, pos_embed=torch.zeros(1, 65, 48)), pair.dinov2)
    fails(pair, out, 'a backbone of width 48 with 4 blocks .*none of DINOv2 S, B, L and g')
    torch.save(changed(weights.dinov2, pos_embed=torch.zeros(1, 64, 32)), pair.dinov2)
    fails(pair, out, 'positions for 63 patches, which are no square')
    torch.save(changed(weights.dinov2, pos_embed=torch.zeros(())), pair.dinov2)
    fails(pair, out, 'pos_embed is of another shape')


def test_missing_and_unexpected_tensors(pair, weights, out):
    panmatch = dict(weights.panmatch)
    names = [name for name in panmatch if 'resize' in name][:5]
    for name in names:
        panmatch[f'{name}.old'] = panmatch.pop(name)
    torch.save(checkpoint(panmatch), pair.panmatch)
    first = ', '.join(names[:3])
    fails(pair, out, f'panmatch.pth does not fit the network: 5 of 497 tensors missing: {first} '
                     f'and 2 more; 5 unexpected: {names[0]}.old, .* and 2 more$')


def test_missing_backbone_tensor(pair, weights, out):
    torch.save(changed(weights.dinov2, mask_token=None), pair.dinov2)
    fails(pair, out, 'dinov2.pth does not fit the network: 1 of 64 tensors missing: mask_token$')


def test_wrong_shape_and_kind(pair, weights, out):
    torch.save(changed(weights.dinov2, mask_token=torch.zeros(1, 31)), pair.dinov2)
    fails(pair, out, '1 of another shape: mask_token is 1x31 and not 1x32$')
    torch.save(changed(weights.dinov2, mask_token=torch.zeros(1, 32, dtype=torch.int8)),
               pair.dinov2)
    fails(pair, out, '1 of another kind: mask_token holds whole numbers and not real numbers$')


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_values_that_are_no_numbers(pair, weights, out, value):
    torch.save(changed(weights.dinov2, mask_token=torch.full((1, 32), value)), pair.dinov2)
    fails(pair, out, 'mask_token contains NaN or infinite values')


def test_missing_key_that_tells_the_size(pair, weights, out):
    torch.save(checkpoint(changed(weights.panmatch, **{LINEAR: None})), pair.panmatch)
    fails(pair, out, f'{LINEAR} is missing')


# Where to write.

def test_existing_results_are_kept(pair, out):
    out.write_text('precious')
    with pytest.raises(ConfigError, match='exists; --overwrite replaces it'):
        convert(*pair, out)
    assert out.read_text() == 'precious'
    convert(*pair, out, overwrite=True)
    assert load_model(out)[1].preset == 'panmatch_tiny'


def test_a_failure_leaves_the_old_result(pair, out):
    out.write_text('precious')
    with pytest.raises(FormatError):
        convert(*pair[::-1], out, overwrite=True)
    assert out.read_text() == 'precious'


@pytest.mark.parametrize(('name', 'text'), [
    ('x.pth', 'must be a file name that ends with .safetensors'),
    ('absent/x.safetensors', 'absent of --out does not exist'),
])
def test_bad_places(pair, tmp_path, name, text):
    with pytest.raises(ConfigError, match=text):
        convert(*pair, tmp_path / name)


def test_out_is_a_source(pair, out):
    os.link(pair.panmatch, out)
    with pytest.raises(ConfigError, match='is one of the files to read'):
        convert(*pair, out, overwrite=True)


def test_permissions_are_the_usual_ones(pair, out, tmp_path):
    usual = tmp_path / 'usual'
    usual.touch()
    convert(*pair, out)
    assert out.stat().st_mode == usual.stat().st_mode
