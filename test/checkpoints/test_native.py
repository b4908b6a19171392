"""Our own files: what is wrong with one is said before a network is built from it."""
import json

import pytest

from panmatch_ros.checkpoints.native import (
    Metadata,
    load_model,
    read_metadata,
    read_native,
    save_native,
)
from panmatch_ros.core.errors import FormatError
from panmatch_ros.models.presets import preset

torch = pytest.importorskip('torch', reason='torch is not installed')
safetensors = pytest.importorskip('safetensors.torch', reason='safetensors is not installed')


@pytest.fixture(scope='module')
def tensors(tiny):
    from panmatch_ros.checkpoints.weightfill import fill_model
    from panmatch_ros.models.panmatch import PanMatch
    model = PanMatch(tiny)
    fill_model(model)
    return model.state_dict()


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'x.safetensors'


def header(tiny, **changes):
    values = {**json.loads(Metadata(tiny, creator='test').to_json()), **changes}
    return {'panmatch_ros': json.dumps(values)}


def refused(path, text):
    with pytest.raises(FormatError, match=text) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_save_and_read(path, tiny, tensors):
    metadata = Metadata(tiny, (384, 512), creator='test', notes=('a', 'b'))
    save_native(path, tensors, metadata)
    read, found = read_native(path)
    assert found == metadata
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensors[name]) for name in read)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_model_computes(path, tiny, tensors):
    save_native(path, tensors, Metadata(tiny))
    model, _ = load_model(str(path))
    image = torch.rand(1, 3, 112, 112)
    with torch.inference_mode():
        flow = model(image, image).flow
    assert flow.shape == (1, 2, 112, 112)
    assert bool(torch.isfinite(flow).all())


def test_incomplete_networks_are_not_written(path, tiny, tensors):
    tensors = {name: tensor for name, tensor in tensors.items() if name != 'backbone.cls_token'}
    with pytest.raises(FormatError, match='1 of 561 tensors missing: backbone.cls_token'):
        save_native(path, tensors, Metadata(tiny))
    assert list(path.parent.iterdir()) == []


def test_a_failed_write_leaves_nothing(path, tiny, tensors, monkeypatch):
    def fail(*_):
        raise safetensors.SafetensorError('no space left') if hasattr(
            safetensors, 'SafetensorError') else OSError('no space left')
    monkeypatch.setattr(safetensors, 'save_file', fail)
    with pytest.raises(OSError, match='no space left'):
        save_native(path, tensors, Metadata(tiny))
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(('content', 'text'), [
    (b'', 'is empty'),
    (b'version https://git-lfs.github.com/spec/v1\n', 'is a Git LFS pointer'),
    (b'<html>', 'is a web page'),
    (b'PK\x03\x04', 'is not a safetensors file; `panmatch convert`'),
    (b'\xff' * 8 + b'{}', 'is not a safetensors file'),
    ((100).to_bytes(8, 'little') + b'{"a":', 'is cut off or damaged'),
    ((2).to_bytes(8, 'little') + b'{}', 'was not written by panmatch_ros'),
    ((6).to_bytes(8, 'little') + b'{{{{{{', 'is cut off or damaged'),
])
def test_other_files(path, content, text):
    path.write_bytes(content)
    refused(path, text)


@pytest.mark.parametrize('share', [0.001, 0.02, 0.5, 0.999])
def test_truncated(path, tiny, tensors, share):
    save_native(path, tensors, Metadata(tiny))
    content = path.read_bytes()
    path.write_bytes(content[:int(share * len(content))])
    refused(path, 'is cut off or damaged.*download it again')


def test_files_of_other_programs(path, tensors):
    safetensors.save_file(tensors, path, {'format': 'pt'})
    refused(path, 'was not written by panmatch_ros')


@pytest.mark.parametrize(('changes', 'text'), [
    ({'format': 2}, 'has format 2, .* may come from a newer version'),
    ({'format': None}, 'has format None'),
    ({'config': {}}, 'network that cannot be'),
    ({'config': 3}, 'is damaged'),
    ({'config': {**preset('panmatch_tiny').to_dict(), 'wings': 2}}, 'unknown network options'),
    ({'config': {**preset('panmatch_tiny').to_dict(), 'vit_dim': 31}}, 'must be a multiple'),
    ({'config': {**preset('panmatch_tiny').to_dict(), 'vit_depth': 10**9}}, 'vit_depth is 10'),
    ({'config': {**preset('panmatch_tiny').to_dict(), 'iterations': 10**9}}, 'iterations is 10'),
    ({'config': {**preset('panmatch_tiny').to_dict(), 'vit_depth': 65}}, 'vit_depth is 65'),
    ({'config': {**preset('panmatch_tiny').to_dict(), 'encoder_depth': 65}}, 'r_depth is 65'),
    ({'config': {**preset('panmatch_tiny').to_dict(), 'iterations': 101}}, 'iterations is 101'),
    ({'config': {**preset('panmatch_tiny').to_dict(), 'vit_grid': 10**6}}, 'vit_grid is 10'),
    ({'config': preset('panmatch_s').to_dict()}, 'does not fit the network: .* missing'),
    ({'crop_size': [1]}, 'is damaged'), ({'crop_size': [1, 'a']}, 'is damaged'),
    ({'crop_size': 'ab'}, 'is damaged'), ({'crop_size': [0, 1]}, 'is damaged'),
    ({'sources': [{'role': 'x'}]}, 'is damaged'), ({'sources': 3}, 'is damaged'),
    ({'sources': [{'role': 'x', 'name': 'y', 'sha256': 'z', 'size_bytes': '3'}]}, 'is damaged'),
    ({'creator': 3}, 'is damaged'), ({'licence': '\x1b[31m'}, 'texts must be printable'),
    ({'notes': [1]}, 'is damaged'), ({'surprise': 1}, 'is damaged'),
])
def test_bad_headers(path, tiny, tensors, changes, text):
    safetensors.save_file(tensors, path, header(tiny, **changes))
    refused(path, text)


@pytest.mark.parametrize('name', ['vit_depth', 'encoder_depth'])
def test_many_empty_tensors_are_no_reason_to_build_many_blocks(path, tiny, monkeypatch, name):
    monkeypatch.setattr('panmatch_ros.checkpoints.native.expected_tensors',
                        lambda config: pytest.fail('a network was built'))
    config = {**tiny.to_dict(), name: 2000}
    safetensors.save_file({f'x{index}': torch.zeros(0) for index in range(3000)}, path,
                          header(tiny, config=config))
    refused(path, f'network that cannot be: {name} is 2000')


@pytest.mark.parametrize('text', ['', '[]', '3', '{', '[' * 10000])
def test_headers_that_are_no_object(path, tensors, text):
    safetensors.save_file(tensors, path, {'panmatch_ros': text})
    refused(path, 'header of .* is damaged')


def test_wrong_tensors(path, tiny, tensors):
    name = 'backbone.mask_token'
    for value, text in [(torch.zeros(1, 31), f'{name} is 1x31 and not 1x32'),
                        (torch.zeros(1, 32, dtype=torch.int32), 'holds whole numbers'),
                        (torch.full((1, 32), float('nan')), f'{name} contains NaN')]:
        safetensors.save_file({**tensors, name: value}, path, header(tiny))
        refused(path, text)
    safetensors.save_file({**tensors, 'extra': torch.zeros(1)}, path, header(tiny))
    refused(path, '1 unexpected: extra')


def test_the_header_alone_tells_shapes(path, tiny, tensors):
    save_native(path, tensors, Metadata(tiny))
    metadata, specs = read_metadata(path)
    assert metadata.config == tiny
    assert {name: spec.shape for name, spec in specs.items()} == {
        name: tuple(tensor.shape) for name, tensor in tensors.items()}
