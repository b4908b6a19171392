"""The parts of nano on another device than the CPU, and as compilers take them."""
import copy
from pathlib import Path

import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from tiny_nano import nano_model  # noqa: E402

from panmatch_ros.checkpoints.nano_weights import load_nano, shipped_weights  # noqa: E402
from panmatch_ros.models.nano_folding import FoldedNano  # noqa: E402
from panmatch_ros.models.nano_modules import NanoPart, example_inputs  # noqa: E402
from panmatch_ros.models.nano_parts import OUTPUTS, PARTS  # noqa: E402

SIZE = (64, 128)
CONVERTERS = Path(__file__).parents[1] / 'data' / 'torch_tensorrt_converters.txt'
HARMLESS = {  # compute nothing
    '<built-in function getitem>': 'takes one of several results',
    'aten._assert_tensor_metadata.default': 'checks a dtype; a lowering pass removes it',
    'aten.alias.default': 'another name for a tensor; a lowering pass removes it',
}


@pytest.fixture(scope='module')
def network():
    return FoldedNano(nano_model())


@pytest.mark.parametrize('part', PARTS)
def test_nothing_stays_on_the_cpu(network, part):
    """The device without memory is one on which every tensor has to be, as on a GPU."""
    inputs = example_inputs(network, part, SIZE)
    module = NanoPart(copy.deepcopy(network), part).to('meta')
    with torch.no_grad():
        results = module(*(value.to('meta') for value in inputs.values()))
    assert [result.device.type for result in results] == ['meta'] * len(OUTPUTS[part])


@pytest.mark.parametrize('half', [torch.float16, torch.bfloat16])
@pytest.mark.parametrize('part', PARTS)
def test_half_precision_stays_in_its_range(part, half):
    """Of the shipped network; 16 bits overflow where logits become weights."""
    network = FoldedNano(load_nano(shipped_weights())[0])
    inputs = tuple(example_inputs(network, part, SIZE).values())
    module = NanoPart(network, part)
    with torch.no_grad():
        expected = module(*inputs)
        with torch.autocast('cpu', half):
            found = module(*inputs)
    for one, other in zip(found, expected, strict=True):
        assert torch.isfinite(one).all()
        assert (one - other).abs().mean() < 0.05 * other.abs().mean() + 0.01


@pytest.mark.parametrize('part', PARTS)
def test_parts_can_be_exported_for_compilers(network, part):
    """Same values, and only operators that Torch-TensorRT has converters for."""
    inputs = tuple(example_inputs(network, part, SIZE).values())
    module = NanoPart(network, part).eval()
    with torch.no_grad():
        program = torch.export.export(module, inputs, strict=False)
        for found, expected in zip(program.module()(*inputs), module(*inputs), strict=True):
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    names = {str(node.target) for node in program.run_decompositions().graph.nodes
             if node.op == 'call_function'}
    assert names - set(CONVERTERS.read_text().split()) - set(HARMLESS) == set()
    assert not any('grid_sampler' in name for name in names)  # engines sample wrongly
