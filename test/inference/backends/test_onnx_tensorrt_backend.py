"""TensorRT from ONNX: flags of both typings, sizes, errors, and results that stay."""
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from tensorrt_standin import (  # noqa: E402
    FLOAT,
    INT,
    Layer,
    Library,
    Network,
    Tensor,
)

from panmatch_ros.core.errors import ConfigError, EngineError, ImageError  # noqa: E402
from panmatch_ros.inference.backends import onnx_tensorrt_backend  # noqa: E402
from panmatch_ros.inference.backends.base import to_numpy  # noqa: E402
from panmatch_ros.inference.backends.onnx_tensorrt_backend import (  # noqa: E402
    OnnxTensorRtBackend,
    keep_single_precision,
)
from panmatch_ros.inference.engine_key import EngineKey  # noqa: E402

SHAPE = (1, 3, 16, 24)
GRAPH = SimpleNamespace(part='tiny', size=SHAPE[2:], inputs=('image0', 'image1'),
                        outputs=('flow', 'cost'), spatial={'image0': SHAPE[2:]},
                        onnx=lambda: b'onnx')


@pytest.fixture
def make(install):
    """Make a back-end of a version; give it and the stand-in."""
    def make(version='10.3.0', precision='auto'):
        onnx_tensorrt_backend.shared_logger.cache_clear()
        trt = Library(version)
        trt.network = Network([Tensor('image0', (1, 3, -1, -1)), Tensor('image1', SHAPE)])
        trt.engine = {'image1': (SHAPE, True), 'cost': (SHAPE, False), 'flow': (SHAPE, False),
                      'image0': (SHAPE, True)}
        return install(OnnxTensorRtBackend, precision, tensorrt=trt), trt
    yield make
    onnx_tensorrt_backend.shared_logger.cache_clear()


# Precision.

@pytest.mark.parametrize(('version', 'precision', 'flags'), [
    ('10.3.0', 'auto', {'TF32', 'FP16', 'PREFER_PRECISION_CONSTRAINTS'}),
    ('10.16.1', 'fp16', {'TF32', 'FP16', 'PREFER_PRECISION_CONSTRAINTS'}),
    ('10.3.0', 'bf16', {'TF32', 'BF16', 'PREFER_PRECISION_CONSTRAINTS'}),
    ('10.3.0', 'fp32', set()), ('11.0.0', 'fp32', set()), ('11.4.0', 'auto', set())])
def test_flags(make, version, precision, flags):
    backend, trt = make(version, precision)
    assert backend.build(GRAPH) == b'engine'
    assert trt.config.flags == flags
    assert trt.config.builder_optimization_level == 3
    assert backend.precision == ('fp32' if not flags else
                                 'bf16' if 'BF16' in flags else 'fp16')
    about = backend.describe()
    key = EngineKey('a' * 64, 'b' * 64, SHAPE[2:], backend.precision, backend.name, **about)
    assert (key.tensorrt, key.torch, key.torch_tensorrt) == (version, '', '')


@pytest.mark.parametrize('precision', ['fp16', 'bf16'])
def test_16_bits_are_refused_where_the_graph_decides(make, precision):
    with pytest.raises(ConfigError, match=r'TensorRT 11\.0\.0 takes the precision from the graph'
                                          rf'.*backend tensorrt for {precision}, or precision'):
        make('11.0.0', precision)


def test_only_what_mixed_precision_has_in_16_bits_is_free():
    image, weights, bias = Tensor('image'), Tensor('weights'), Tensor('bias', (1, 8, 1, 1))
    grid, size = Tensor('grid', (1, 2, 4, 4)), Tensor('size', (4,), INT, True)
    shape = Tensor('shape', (4,), FLOAT, True)
    layers = {
        'weights': Layer('CONSTANT', (), weights), 'bias': Layer('CONSTANT', (), bias),
        'grid': Layer('CONSTANT', (), grid),
        'transposed': Layer('SHUFFLE', (weights, None), transposed := Tensor('transposed')),
        'convolution': Layer('CONVOLUTION', (image,), convolution := Tensor('convolution')),
        'relu': Layer('ACTIVATION', (convolution,), relu := Tensor('relu')),
        'linear': Layer('MATRIX_MULTIPLY', (relu, transposed), linear := Tensor('linear')),
        'biased': Layer('ELEMENTWISE', (linear, bias), biased := Tensor('biased')),
        'reshaped': Layer('SHUFFLE', (biased, size), reshaped := Tensor('reshaped')),
        'both': Layer('CONCATENATION', (reshaped, relu), both := Tensor('both')),
        'moved': Layer('ELEMENTWISE', (grid, both), moved := Tensor('moved')),
        'scaled': Layer('ELEMENTWISE', (relu, bias), Tensor('scaled')),
        'cost': Layer('MATRIX_MULTIPLY', (relu, both), cost := Tensor('cost')),
        'softmax': Layer('SOFTMAX', (cost,), Tensor('softmax')),
        'mixed': Layer('ELEMENTWISE', (both, moved), Tensor('mixed')),
        'input': Layer('ACTIVATION', (image,), Tensor('input')),
        'sizes': Layer('ELEMENTWISE', (size, size), Tensor('sizes', (4,), INT, True)),
        'shapes': Layer('UNARY', (shape,), Tensor('shapes', (4,), FLOAT, True)),
        'cast': Layer('CAST', (relu,), Tensor('cast')),
        'top': Layer('TOPK', (cost,), Tensor('values'), Tensor('indices', dtype=INT))}
    kept = keep_single_precision(Library(), Network(layers=layers.values()))
    single = {name for name, layer in layers.items() if layer.precision == FLOAT}
    assert single == {'moved', 'scaled', 'cost', 'softmax', 'mixed', 'input'}
    assert kept == len(single)
    assert all(layer.types == ({0: FLOAT} if name in single else {})
               for name, layer in layers.items())


# Building.

def test_open_sizes_are_fixed(make):
    backend, trt = make()
    backend.build(GRAPH)
    assert trt.profile == {'image0': (SHAPE,) * 3, 'image1': (SHAPE,) * 3}


def test_a_size_that_nobody_knows_is_an_error(make):
    backend, trt = make()
    trt.network.inputs[1].shape = (1, -1, 4, 4)
    with pytest.raises(EngineError, match=r'^the size of the input image1 is open: \(1, -1'):
        backend.build(GRAPH)


def test_timings_make_the_next_build_shorter(make):
    backend, trt = make()
    backend.build(GRAPH)
    backend.build(GRAPH)
    assert trt.timings == [b'', b'+']
    onnx_tensorrt_backend.keep_timings('10.3.0', b'damaged')
    backend.build(GRAPH)
    assert trt.timings[2:] == [b'damaged', b'']


@pytest.mark.parametrize(('function', 'text'), [
    ('parse', '^the parser of TensorRT cannot read the graph: first$'),
    ('build_serialized_network', '^TensorRT 10.3.0 cannot build the graph tiny: first$')])
def test_a_build_that_fails_says_why(make, function, text):
    backend, trt = make()
    trt.fails, trt.messages = {function}, ['first\nline', 'second']
    if function == 'parse':
        trt.messages = ['first', 'second']
    with pytest.raises(EngineError, match=text):
        backend.build(GRAPH)


def test_a_build_that_fails_without_a_word(make):
    backend, trt = make()
    trt.fails = {'build_serialized_network', 'parse'}
    with pytest.raises(EngineError, match='cannot read the graph: it does not say why$'):
        backend.build(GRAPH)
    trt.fails = {'build_serialized_network'}
    with pytest.raises(EngineError, match='tiny: it does not say why$'):
        backend.build(GRAPH)


@pytest.mark.parametrize('function', ['build_serialized_network', 'create_execution_context'])
def test_too_little_memory(make, function):
    backend, trt = make()
    trt.fails = {function}
    trt.messages = ['no implementation', '[x.cpp::145] Error Code 2: OutOfMemory (none)']
    with pytest.raises(ImageError, match='not enough memory'):
        backend.build(GRAPH) if function.startswith('build') else backend.open(b'engine', GRAPH)


# Opening and running.

@pytest.mark.parametrize('function', ['deserialize_cuda_engine', 'create_execution_context'])
def test_an_engine_that_does_not_load_is_an_error(make, function):
    backend, trt = make()
    trt.fails, trt.messages = {function}, ['Version tag does not match']
    with pytest.raises(EngineError, match='^TensorRT 10.3.0 cannot load the engine of the graph '
                                          'tiny: Version tag does not match$'):
        backend.open(b'engine', GRAPH)


def test_an_engine_of_another_graph_is_an_error(make):
    backend, trt = make()
    del trt.engine['cost']
    trt.engine['tokens'] = (SHAPE, True)
    with pytest.raises(EngineError, match='not one of the graph tiny: cost, tokens$'):
        backend.open(b'engine', GRAPH)


def test_results_are_new_each_time(make):
    backend, trt = make()
    program = backend.open(b'engine', GRAPH)
    images = [np.random.default_rng(seed).random(SHAPE, np.float32) for seed in range(3)]
    turned = torch.from_numpy(images[1]).to(memory_format=torch.channels_last)
    first = program.run({'image0': images[0], 'image1': turned})  # another order in memory
    second = program.run({'image0': images[0], 'image1': images[2]})
    assert list(first) == ['flow', 'cost']
    for found, other in ((first, images[1]), (second, images[2])):
        for value in found.values():
            np.testing.assert_array_equal(to_numpy(value), images[0] + other)
    assert trt.streams == 7  # the current one of PyTorch


def test_an_input_without_effect_may_be_gone(make):
    backend, trt = make()
    del trt.engine['image0']
    image = np.ones(SHAPE, np.float32)
    found = backend.open(b'engine', GRAPH).run({'image0': image, 'image1': image})
    np.testing.assert_array_equal(to_numpy(found['flow']), image)


def test_a_wrong_size_is_an_error(make):
    backend, _ = make()
    image = np.ones((1, 3, 8, 8), np.float32)
    with pytest.raises(EngineError, match=r'image0 has the shape \(1, 3, 8, 8\)'):
        backend.open(b'engine', GRAPH).run({'image0': image, 'image1': image})


def test_a_run_that_fails_says_why(make):
    backend, trt = make()
    program = backend.open(b'engine', GRAPH)
    trt.fails, trt.messages = {'execute_async_v3'}, ['Error Code 1: Cuda Runtime (x)']
    image = np.ones(SHAPE, np.float32)
    with pytest.raises(EngineError, match=r'tiny cannot be run: Error Code 1: Cuda Runtime'):
        program.run({'image0': image, 'image1': image})
