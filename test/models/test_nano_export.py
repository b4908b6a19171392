"""The nano network as ONNX: same values at any size, nothing that engines lack, honest files."""
import sys

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')
onnx = pytest.importorskip('onnx', reason='onnx is not installed')
ort = pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from tiny_nano import nano_model, textured_pair  # noqa: E402

from panmatch_ros.checkpoints.nano_graphs import describe_graph  # noqa: E402
from panmatch_ros.core.errors import MissingDependencyError  # noqa: E402
from panmatch_ros.models.nano_export import export_nano  # noqa: E402
from panmatch_ros.models.nano_parts import PARTS, graph_path  # noqa: E402


@pytest.fixture(scope='module')
def network():
    return nano_model()


@pytest.fixture(scope='module')
def folder(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp('graphs')
    paths = export_nano(network, folder)
    assert paths == [graph_path(folder, part) for part in PARTS]
    for path in paths:
        describe_graph(path, {'recipe': 'none'})
    return folder


def run(folder, part, feed, outputs=None):
    session = ort.InferenceSession(str(graph_path(folder, part)),
                                   providers=['CPUExecutionProvider'])
    needed = {each.name for each in session.get_inputs()}
    names = [each.name for each in session.get_outputs()]
    values = session.run(None, {name: feed[name] for name in needed})
    return dict(zip(names, values, strict=True))


def matched(folder, images, part):
    """Run the graphs as a program does that knows only the names."""
    tensors = [np.ascontiguousarray(x.transpose(2, 0, 1)[None] / np.float32(255), np.float32)
               for x in images]
    feed = {}
    for digit, tensor in enumerate(tensors):
        features = run(folder, 'encoder', {'image': tensor})
        feed |= {f'{name}{digit}': value for name, value in features.items()}
    height, width = images[0].shape[:2]
    feed['flow_init'] = np.zeros((1, 2, height // 16, width // 16), np.float32)
    feed['init_weight'] = feed['flow_init'][:, :1]
    feed |= run(folder, part, feed)
    feed['horizontal'] = np.array([1, part == 'flow'], np.float32).reshape(1, 2, 1, 1)
    return run(folder, 'refine', feed), tensors


@pytest.mark.parametrize('size', [(64, 64), (112, 192), (192, 320)])
@pytest.mark.parametrize('part', ['flow', 'stereo'])
def test_values_are_those_of_the_network(network, folder, size, part):
    found, tensors = matched(folder, textured_pair(*size), part)
    with torch.no_grad():
        flow, confidence = network(*map(torch.from_numpy, tensors), rectified=part == 'stereo')
    assert found['flow'].shape == (1, 2, *size)
    assert found['confidence'].shape == (1, 1, *size)
    # Rounding may choose between two candidates that are equally good, at a few pixels.
    difference = np.abs(found['flow'] - flow.numpy())
    assert (difference < 1e-3).mean() > 0.995
    assert np.median(difference) < 1e-5
    assert (np.abs(found['confidence'] - confidence.numpy()) < 1e-4).mean() > 0.995
    assert flow.abs().max() > 1


def test_files_say_what_they_are(folder):
    for part in PARTS:
        model = onnx.load(str(graph_path(folder, part)))
        assert model.opset_import[0].version == 18
        properties = {each.key: each.value for each in model.metadata_props}
        assert properties == {'recipe': 'none', 'part': part}


def test_sizes_have_names_that_tell_their_scale(folder):
    model = onnx.load(str(graph_path(folder, 'refine')))
    sizes = {value.name: [size.dim_param or size.dim_value
                          for size in value.type.tensor_type.shape.dim]
             for value in (*model.graph.input, *model.graph.output)}
    assert sizes == {
        'half0': [1, 8, 'H2', 'W2'], 'quarter0': [1, 16, 'H4', 'W4'],
        'half1': [1, 8, 'H2', 'W2'], 'quarter1': [1, 16, 'H4', 'W4'],
        'flow4': [1, 2, 'H4', 'W4'], 'state4': [1, 16, 'H4', 'W4'],
        'horizontal': [1, 2, 1, 1],
        'flow': [1, 2, 'H1', 'W1'], 'confidence': [1, 1, 'H1', 'W1']}


def test_no_weight_is_stored_twice(network, folder):
    stored = sum(np.prod(each.dims) for part in PARTS
                 for each in onnx.load(str(graph_path(folder, part))).graph.initializer)
    parameters = sum(each.numel() for each in network.parameters())
    assert stored < 1.1 * parameters + 20_000  # and indices of windows


def test_engines_have_the_operators(folder):
    used = {node.op_type for part in PARTS
            for node in onnx.load(str(graph_path(folder, part))).graph.node}
    assert not used & {'Loop', 'If', 'Scan', 'NonZero', 'ScatterND', 'Unique', 'SequenceAt'}


def test_more_updates_are_unrolled(tmp_path, network):
    once = len(onnx.load(str(export_nano(network, tmp_path)[-1])).graph.node)
    more = nano_model()
    more.load_state_dict(network.state_dict())
    more.iterations = (4, 2, 1)
    path = export_nano(more, tmp_path)[-1]
    assert len(onnx.load(str(path)).graph.node) > 1.15 * once


def test_without_onnx_the_error_says_what_to_install(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(MissingDependencyError, match='pip install onnx'):
        describe_graph(graph_path(folder, 'flow'), {})


def test_large_images_are_normalised_as_well_as_small_ones(network, folder):
    """ONNX Runtime adds in single precision one after another: a million numbers need steps."""
    rng = np.random.default_rng(0)
    image = (0.9 + 0.1 * rng.random((1, 3, 512, 704))).astype(np.float32)
    with torch.no_grad():
        expected = network.encoder(torch.from_numpy(image))
    found = run(folder, 'encoder', {'image': image})
    for name, value in zip(expected._fields, expected, strict=True):
        np.testing.assert_allclose(found[name], value.numpy(), rtol=0, atol=1e-4)
