"""The nano network on the command line: export, info, match, evaluate."""
import json

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
pytest.importorskip('safetensors', reason='safetensors is not installed')

from tiny_nano import nano_model, textured_pair  # noqa: E402

from panmatch_ros.checkpoints.nano_weights import save_nano  # noqa: E402
from panmatch_ros.cli import export  # noqa: E402
from panmatch_ros.core.errors import FormatError  # noqa: E402


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp('weights') / 'best.safetensors'
    save_nano(path, nano_model(), {'steps': 12, 'hours': 0.5})
    return path


@pytest.fixture(scope='module')
def folder(weights):
    from panmatch_ros.cli.main import main
    folder = weights.parent / 'graphs'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, 'SHARE', 0.5)  # ties are common in a network that was not trained
        assert main(['export', str(weights), str(folder)]) == 0
    return folder


@pytest.fixture
def tolerant(monkeypatch):
    monkeypatch.setattr(export, 'SHARE', 0.5)


@pytest.fixture
def pair(tmp_path):
    paths = [tmp_path / f'{name}.png' for name in 'ab']
    for path, image in zip(paths, textured_pair(64, 128), strict=True):
        assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return paths


def test_export_writes_all_that_the_matcher_needs(folder):
    manifest = json.loads((folder / 'nano.json').read_text())
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ['nano.json', 'nano.safetensors', 'nano_encoder.onnx', 'nano_flow.onnx',
         'nano_stereo.onnx', 'nano_refine.onnx'])
    assert set(manifest['files']) == {path.name for path in folder.iterdir()} - {'nano.json'}
    assert manifest['notes'] == {'steps': 12, 'hours': 0.5}
    assert manifest['network']['disparity_levels'] == 16
    assert manifest['compared']['flow_px'] < 1e-3
    assert manifest['compared']['stereo_px'] < 1e-3


def test_export_says_how_far_the_graphs_are_from_pytorch(panmatch, weights, tmp_path, tolerant):
    result = panmatch('export', weights, tmp_path / 'out', '--iterations', 1, 1, 1)
    assert result.status == 0
    assert 'difference to PyTorch at 320 x 240 pixels: flow_px ' in result.out
    manifest = json.loads((tmp_path / 'out' / 'nano.json').read_text())
    assert manifest['network']['iterations'] == [1, 1, 1]


def test_export_replaces_nothing_unasked(panmatch, weights, folder, tolerant):
    result = panmatch('export', weights, folder)
    assert result.status == 1
    assert 'nano.json exists; name another folder, or add --overwrite' in result.err
    assert panmatch('export', folder / 'nano.safetensors', folder, '--overwrite').status == 0


def test_export_refuses_graphs_of_other_values(folder):
    other = nano_model(seed=1)
    with pytest.raises(FormatError, match='give other values than the network: flow differs'):
        export.compare(other, str(folder))


def test_export_of_what_is_no_weight_file(panmatch, tmp_path):
    path = tmp_path / 'weights.safetensors'
    path.write_text('no')
    result = panmatch('export', path, tmp_path / 'out')
    assert result.status == 1
    assert 'is not a safetensors file' in result.err


@pytest.mark.parametrize('name', ['nano.json', 'nano_flow.onnx', 'nano.safetensors'])
def test_info(panmatch, folder, name):
    result = panmatch('info', folder / name)
    assert result.status == 0
    assert '8 16 16 16 at 1/2, 1/4, 1/8, 1/16' in result.out
    assert 'up to 128 px searched' in result.out
    assert 'hours of training' in result.out


def test_info_on_a_damaged_graph(panmatch, folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / 'nano_flow.onnx').write_bytes(b'no')
    result = panmatch('info', tmp_path / 'nano.json')
    assert result.status == 1
    assert 'nano_flow.onnx is damaged' in result.err


@pytest.mark.parametrize('task', ['flow', 'stereo', 'match'])
def test_match(panmatch, pair, folder, tmp_path, task):
    result = panmatch('match', *pair, '--task', task, '--matcher', 'nano', '--weights', folder,
                      '--detail', '--large-motion', '--threads', 1, '--out', tmp_path / 'out')
    assert result.status == 0, result.err
    summary = json.loads((tmp_path / 'out' / 'summary.json').read_text())
    assert (summary['matcher'], summary['backend']) == ('nano', 'onnxruntime')
    used = summary['options']['nano']
    assert (used['detail'], used['large_motion'], used['threads']) == (True, True, 1)
    assert (used['backend'], used['device'], used['precision']) == ('onnxruntime', 'cpu', 'fp32')
    assert used['weights'] == str(folder)
    if task == 'flow':
        assert np.load(tmp_path / 'out' / 'flow.npy').shape == (64, 128, 2)


def test_options_of_nano_need_nano(panmatch, pair, tmp_path):
    for option in ('--detail', '--large-motion'):
        result = panmatch('match', *pair, '--matcher', 'classical', option,
                          '--out', tmp_path / 'out')
        assert result.status == 1
        assert f'{option} is for the nano network, and the matcher is classical' in result.err


def test_weights_that_are_no_folder(panmatch, pair, tmp_path):
    result = panmatch('match', *pair, '--matcher', 'nano', '--weights', tmp_path,
                      '--out', tmp_path / 'out')
    assert result.status == 1
    assert 'holds no nano network' in result.err
    assert not (tmp_path / 'out').exists()
