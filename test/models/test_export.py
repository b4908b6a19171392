"""The network as one graph: same values, no operator that engines lack, ONNX."""
import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')
fake_tensor = pytest.importorskip('torch._subclasses.fake_tensor')

from panmatch_ros.checkpoints.weightfill import fill_model  # noqa: E402
from panmatch_ros.core.errors import MissingDependencyError  # noqa: E402
from panmatch_ros.models import export  # noqa: E402
from panmatch_ros.models.panmatch import PanMatch  # noqa: E402
from panmatch_ros.models.presets import PRESETS, preset  # noqa: E402

EVERYTHING = os.environ.get('PANMATCH_PARITY_ALL') == '1'  # minutes more
CONVERTERS = Path(__file__).parents[1] / 'data' / 'torch_tensorrt_converters.txt'
# Operators without a converter that do not compute anything.
EXCEPTIONS = {
    '<built-in function getitem>': 'takes one of several results',
    'aten._assert_tensor_metadata.default': 'checks a dtype; a lowering pass removes it',
    'aten.alias.default': 'another name for a tensor; a lowering pass removes it',
}


def make_network(name: str, **changes) -> PanMatch:
    network = PanMatch(preset(name, **changes)).eval()
    fill_model(network)
    return network


def make_images(height: int, width: int, batch: int = 1) -> list:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(batch, 3, height // 8, width // 8, generator=generator)
    image = torch.nn.functional.interpolate(coarse, size=(height, width), mode='bicubic')
    return [image, image.roll((1, 3), (2, 3))]


def operators(program) -> set[str]:
    return {str(node.target) for node in program.graph.nodes if node.op == 'call_function'}


@pytest.mark.parametrize('batch', [1, 2])
def test_exported_program_equals_the_network(batch):
    network = make_network('panmatch_tiny')
    program = export.export_program(network, 112, 224, batch)
    images = make_images(112, 224, batch)
    with torch.no_grad():
        (flow,), expected = program.module()(*images), network(*images).flow
    assert expected.abs().max() > 0.5
    torch.testing.assert_close(flow, expected, rtol=0, atol=2e-5)


def test_exported_program_of_the_small_network_is_off_by_rounding_only():
    """Its flows are tens of pixels, of which single precision holds 1e-6 after 12 updates."""
    network = make_network('panmatch_s')
    program = export.export_program(network, 112, 112)
    images = make_images(112, 112)
    with torch.no_grad():
        (flow,), expected = program.module()(*images), network(*images).flow
    torch.testing.assert_close(flow, expected, rtol=0, atol=2e-6 * expected.abs().max().item())


@pytest.mark.parametrize('name', ['panmatch_tiny', 'panmatch_s'])
def test_export_in_double_precision_shows_that_nothing_but_rounding_differs(name):
    network = make_network(name, confidence_head=True).double()
    program = export.export_program(network, 112, 112)
    images = [image.double() for image in make_images(112, 112)]
    with torch.no_grad():
        (flow, confidence), expected = program.module()(*images), network(*images)
    torch.testing.assert_close(flow, expected.flow, rtol=0, atol=1e-10)
    torch.testing.assert_close(confidence, expected.confidence, rtol=0, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize('name', sorted(PRESETS))
def test_every_preset_exports_to_operators_that_engines_have(name):
    """Without memory for weights, and one iteration, which stands for any number."""
    with fake_tensor.FakeTensorMode():
        program = export.export_program(PanMatch(preset(name, iterations=1)), 112, 224)
    covered = set(CONVERTERS.read_text().split())
    assert 'aten.convolution.default' in covered
    found = operators(export.decompose(program))
    assert found - covered - set(EXCEPTIONS) == set()
    assert 'aten.scaled_dot_product_attention.default' in found  # engines fuse it


def test_upsampling_ablation_exports_too():
    with fake_tensor.FakeTensorMode():
        program = export.export_program(
            PanMatch(preset('panmatch_tiny', guided_upsampling=False)), 112, 112)
    covered = set(CONVERTERS.read_text().split())
    assert operators(export.decompose(program)) - covered - set(EXCEPTIONS) == set()


def test_model_is_left_as_it_is():
    network = make_network('panmatch_tiny')
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    export.export_program(network, 112, 112)
    after = network.state_dict()
    assert set(before) == set(after)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert network.backbone.baked_size is None


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'size'), [('panmatch_tiny', (112, 224)),
                                            ('panmatch_s', (112, 112))])
def test_onnx_equals_the_network(name, size, tmp_path):
    onnx = pytest.importorskip('onnx', reason='onnx is not installed')
    pytest.importorskip('onnxscript', reason='onnxscript is not installed')
    onnxruntime = pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    # Iterations repeat the same operators; one keeps the export of the larger network short.
    few = {} if EVERYTHING else {'iterations': 1 if name == 'panmatch_s' else 2}
    network = make_network(name, **few)
    path = tmp_path / 'network.onnx'
    export.save_onnx(export.export_program(network, *size), path)
    opsets = {each.domain: each.version for each in onnx.load(path).opset_import}
    assert opsets == {'': export.OPSET}
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    assert [each.name for each in session.get_inputs()] == list(export.INPUTS)
    images = make_images(*size)
    (flow,) = session.run(None, dict(zip(export.INPUTS, [image.numpy() for image in images],
                                         strict=True)))
    with torch.no_grad():
        expected = network(*images).flow.numpy()
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(flow, expected, rtol=0, atol=1e-3)


def test_missing_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(export, 'find_spec', lambda name: None)
    with pytest.raises(MissingDependencyError, match='pip install onnx onnxscript'):
        export.save_onnx(None, tmp_path / 'x.onnx')
