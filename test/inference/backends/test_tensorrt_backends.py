"""Torch-TensorRT: what it is asked for, private files, errors, results that stay."""
import logging
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

import tensorrt_standin  # noqa: E402
from tiny_graph import TinyGraph, compute  # noqa: E402
import torch_tensorrt_standin as standin  # noqa: E402

from panmatch_ros.core.errors import (  # noqa: E402
    EngineError,
    ImageError,
    MissingDependencyError,
)
from panmatch_ros.inference.backends.base import to_numpy  # noqa: E402
from panmatch_ros.inference.backends.onnx_tensorrt_backend import (  # noqa: E402
    OnnxTensorRtBackend,
)
from panmatch_ros.inference.backends.tensorrt_backend import (  # noqa: E402
    EngineProgram,
    TorchTensorRtBackend,
    keep_timings,
    read_timings,
    timings_path,
)
from panmatch_ros.inference.engine_key import EngineKey  # noqa: E402

VERSIONS = ('2.8.0', '2.13.0')


@pytest.fixture
def make(install):
    """Make a back-end of a version; give it and the stand-in."""
    def make(version='2.13.0', precision='auto'):
        library = standin.Library(version)
        backend = install(TorchTensorRtBackend, precision, torch_tensorrt=library,
                          tensorrt=tensorrt_standin.Library('10.3.0'))
        return backend, library
    return make


def inputs_of(graph, seed):
    generator = np.random.default_rng(seed)
    return {name: generator.random((1, 3, *graph.size), np.float32) for name in graph.inputs}


def dtypes(program, operator):
    return {node.meta['val'].dtype for node in program.graph.nodes
            if node.op == 'call_function' and operator in str(node.target)}


# What Torch-TensorRT is asked for.

def test_arguments_of_2_8(make, tmp_path):
    backend, library = make('2.8.0')
    backend.build(TinyGraph())
    found = library.calls['compile']
    expected = {'use_explicit_typing': True, 'use_fp32_acc': False, 'disable_tf32': True,
                'truncate_double': True, 'min_block_size': 5, 'optimization_level': 3,
                'require_full_compilation': False, 'kwargs': {}, 'inputs': None,
                'enabled_precisions': (torch.float32,)}  # what explicit typing wants
    assert {name: found[name] for name in expected} == expected
    assert [tuple(each.shape) for each in found['arg_inputs']] == [(1, 3, 16, 24)] * 2
    assert found['timing_cache_path'].startswith(str(tmp_path))
    saved = library.calls['save']
    assert (saved['output_format'], saved['pickle_protocol']) == ('exported_program', 2)
    assert saved['arg_inputs'] is None  # it warns of them


def test_arguments_of_2_13(make, tmp_path):
    backend, library = make('2.13.0')
    backend.build(TinyGraph())
    found = library.calls['compile']
    expected = {'attn_bias_is_causal': False, 'enable_autocast': False, 'disable_tf32': True,
                'truncate_double': True, 'min_block_size': 5, 'optimization_level': 3,
                'require_full_compilation': False, 'kwargs': {}, 'inputs': None}
    assert {name: found[name] for name in expected} == expected
    assert found['timing_cache_path'].startswith(str(tmp_path))
    assert len(library.calls['save']['arg_inputs']) == 2  # it exports again


@pytest.mark.parametrize('version', VERSIONS)
@pytest.mark.parametrize(('precision', 'half'), [
    ('auto', torch.float16), ('fp16', torch.float16), ('bf16', torch.bfloat16),
    ('fp32', torch.float32)])
def test_the_precision_is_in_the_graph(make, version, precision, half):
    backend, library = make(version, precision)
    backend.build(TinyGraph())
    program = library.calls['compile']['exported_program']
    assert backend.precision == ('fp16' if precision == 'auto' else precision)
    assert dtypes(program, 'conv2d') == {half}
    assert dtypes(program, 'aten.sum') == {torch.float32}  # as the network asks for
    assert not dtypes(program, 'autocast')
    outputs = [node.meta['val'].dtype for node in program.graph.output_node().args[0]]
    assert outputs == [torch.float32] * 2


@pytest.mark.parametrize('version', VERSIONS)
def test_the_description_makes_a_key(make, version):
    backend, _ = make(version)
    about = backend.describe()
    key = EngineKey('a' * 64, 'b' * 64, (16, 24), backend.precision, backend.name, **about)
    assert (key.torch, key.torch_tensorrt, key.tensorrt) == (torch.__version__, version, '10.3.0')
    assert key.settings.startswith('autocast ')
    assert ('use_explicit_typing=True' in key.settings) == (version == '2.8.0')
    assert ('attn_bias_is_causal=False' in key.settings) == (version == '2.13.0')
    assert '/' not in key.settings


def test_the_network_is_left_as_it_is(make):
    backend, _ = make()
    graph = TinyGraph()
    graph.network.train()
    before = {name: value.clone() for name, value in graph.network.state_dict().items()}
    backend.build(graph)
    assert graph.network.training
    assert all(each.requires_grad for each in graph.network.parameters())
    for name, value in graph.network.state_dict().items():
        assert torch.equal(value, before[name])


# Files.

@pytest.mark.parametrize('version', VERSIONS)
def test_engines_go_through_private_files_that_are_removed(make, version, tmp_path):
    backend, library = make(version, 'fp32')
    graph = TinyGraph()
    engine = backend.build(graph)
    program = backend.open(engine, graph)
    assert library.modes == {'save': (0o700, 0o600), 'load': (0o700, 0o600)}
    for call in ('save', 'load'):
        assert library.calls[call]['file_path'].startswith(str(tmp_path / 'temporary'))
        assert library.calls[call]['file_path'].endswith('.pt2')  # PyTorch warns of others
    assert list((tmp_path / 'temporary').iterdir()) == []
    inputs = inputs_of(graph, 1)
    found, expected = program.run(inputs), compute(graph, inputs)
    assert set(found) == {'flow', 'cost'}
    for name, value in expected.items():
        np.testing.assert_allclose(to_numpy(found[name]), value, atol=1e-5)


def test_timings_are_kept_in_the_cache_of_the_user(make, tmp_path):
    backend, library = make()
    backend.build(TinyGraph())
    assert library.calls['compile']['timings_before'] == b''
    folder = tmp_path / 'cache' / 'panmatch_ros' / 'timings'
    (path,) = folder.iterdir()
    assert path.name == '10_3_0_NVIDIA_Test_1.timings'
    assert path.read_bytes() == standin.TIMINGS
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    backend.build(TinyGraph())
    assert library.calls['compile']['timings_before'] == standin.TIMINGS


def test_timings_of_somebody_else_are_not_read(cuda, monkeypatch, tmp_path):
    keep_timings('10.3', b'data')
    assert read_timings('10.3') == b'data'
    assert read_timings('10.16') == b''
    timings_path('10.3').chmod(0o666)
    assert read_timings('10.3') == b''
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    (tmp_path / 'file').write_text('no folder')
    keep_timings('10.3', b'data')  # no error
    assert read_timings('10.3') == b''


# What is not computed by TensorRT, and errors.

class Rest(torch.nn.Module):

    def forward(self, x):
        return torch.sort(torch.sort(x)[0])[0] + 1


def test_operators_outside_of_tensorrt_are_named(make, caplog):
    backend, library = make()
    library.parts |= {'_run_on_gpu_1': torch.export.export(Rest(), (torch.rand(3),)).module(),
                      '_run_on_acc_2': standin.Engine()}
    backend.build(TinyGraph())
    assert ('tiny: engines of TensorRT: 2; PyTorch computes between them: aten.sort.default (2), '
            'aten.add.Tensor (1)') in caplog.text


def test_full_coverage_is_no_warning(make, caplog):
    caplog.set_level(logging.INFO, 'panmatch_ros')
    make()[0].build(TinyGraph())
    assert 'tiny: all of it runs in TensorRT' in caplog.text
    assert not [each for each in caplog.records if each.levelno > logging.INFO
                and each.name.startswith('panmatch_ros')]


def test_a_graph_without_engine_is_an_error(make):
    backend, library = make()
    library.parts = {}
    with pytest.raises(EngineError, match='^Torch-TensorRT converts nothing of the graph tiny'):
        backend.build(TinyGraph())


@pytest.mark.parametrize(('call', 'task'), [('compile', 'build the graph'),
                                            ('save', 'build the graph'),
                                            ('load', 'load the engine of the graph')])
@pytest.mark.parametrize(('error', 'kind', 'text'), [
    (ValueError('no converter\nfor x'), EngineError, 'Torch-TensorRT 2.13.0 cannot {} tiny: no '
                                                     'converter$'),
    (torch.OutOfMemoryError('CUDA out of memory. Tried to allocate'), ImageError,
     'not enough memory')])
def test_errors_are_one_line_and_leave_nothing(make, tmp_path, call, task, error, kind, text):
    backend, library = make()
    engine = backend.build(TinyGraph()) if call == 'load' else b''
    library.error[call] = error
    with pytest.raises(kind, match=text.format(task)):
        backend.open(engine, TinyGraph()) if call == 'load' else backend.build(TinyGraph())
    assert list((tmp_path / 'temporary').iterdir()) == []


# Programs.

@pytest.fixture
def recorder(cuda, monkeypatch):
    """Let a module be recorded: a replay computes again into the tensors of the first time."""
    def record(module):
        recorded = {}

        def call(*inputs):
            outputs = module(*inputs)
            recorded.update(inputs=inputs, outputs=outputs)
            return outputs

        def replay():
            for old, new in zip(recorded['outputs'], module(*recorded['inputs']), strict=True):
                old.copy_(new)

        nothing = SimpleNamespace(wait_stream=lambda other: None, __enter__=None)
        monkeypatch.setattr(cuda, 'Stream', lambda: nothing)
        monkeypatch.setattr(cuda, 'current_stream', lambda: nothing)
        monkeypatch.setattr(cuda, 'stream', lambda stream: torch.no_grad())
        monkeypatch.setattr(cuda, 'graph', lambda graph, **_: torch.no_grad())
        monkeypatch.setattr(cuda, 'CUDAGraph', lambda: SimpleNamespace(replay=replay))
        return call
    return record


@pytest.mark.parametrize('is_recorded', [True, False])
def test_results_stay_when_the_program_runs_again(recorder, cuda, caplog, is_recorded):
    graph = TinyGraph()
    buffers = [torch.empty(1, channels, *graph.size) for channels in (2, 1)]

    def module(*inputs):  # an engine that has one place for its results
        for buffer, value in zip(buffers, graph.network(*inputs), strict=True):
            buffer.copy_(value)
        return buffers

    call = recorder(module) if is_recorded else module
    program = EngineProgram(call, graph, torch.device('cpu'))
    first, second = inputs_of(graph, 1), inputs_of(graph, 2)
    found = [program.run(first), program.run(second)]
    for values, inputs in zip(found, (first, second), strict=True):
        for name, expected in compute(graph, inputs).items():
            np.testing.assert_allclose(to_numpy(values[name]), expected, atol=1e-5)
    warned = 'the engine of the graph tiny cannot be recorded as a CUDA graph' in caplog.text
    assert warned != is_recorded


@pytest.mark.parametrize(('error', 'kind', 'text'), [
    (RuntimeError('illegal address\nx'), EngineError,
     '^the engine of the graph tiny cannot be run: illegal address$'),
    (torch.OutOfMemoryError('CUDA out of memory.'), ImageError, 'not enough memory')])
def test_errors_of_a_run(cuda, error, kind, text):
    def module(*inputs):
        raise error
    graph = TinyGraph()
    with pytest.raises(kind, match=text):
        EngineProgram(module, graph, torch.device('cpu')).run(inputs_of(graph, 1))


# On a real device.

@pytest.mark.tensorrt
@pytest.mark.parametrize(('kind', 'precision', 'tolerance'), [
    (TorchTensorRtBackend, 'fp32', 1e-4), (TorchTensorRtBackend, 'fp16', 2e-2),
    (OnnxTensorRtBackend, 'fp32', 1e-4), (OnnxTensorRtBackend, 'auto', 2e-2)])
def test_a_real_engine_computes_what_the_network_does(kind, precision, tolerance, tmp_path,
                                                      monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    try:
        backend = kind(precision)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    graph = TinyGraph(size=(64, 96))
    program = backend.open(backend.build(graph), graph)
    for seed in (1, 2):
        inputs = inputs_of(graph, seed)
        found = program.run(inputs)
        for name, expected in compute(graph, inputs).items():
            np.testing.assert_allclose(to_numpy(found[name]), expected, atol=tolerance)
