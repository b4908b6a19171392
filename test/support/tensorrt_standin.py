"""A stand-in of the Python API of TensorRT, which writes down and computes nothing but a sum."""
import ctypes
from importlib.machinery import ModuleSpec
import types
from types import SimpleNamespace
import weakref

import numpy as np

FLOAT, HALF, INT = 'DataType.FLOAT', 'DataType.HALF', 'DataType.INT64'


class Tensor(SimpleNamespace):
    """A tensor of a network."""

    def __init__(self, name, shape=(1, 8, 4, 4), dtype=FLOAT, is_shape_tensor=False):
        super().__init__(name=name, shape=shape, dtype=dtype, is_shape_tensor=is_shape_tensor)


class Layer:
    """A layer of a network: what it was asked for is in ``precision`` and ``types``."""

    def __init__(self, kind, inputs, *outputs):
        self.type = SimpleNamespace(name=kind)
        self._inputs, self._outputs = inputs, outputs
        self.num_inputs, self.num_outputs = len(inputs), len(outputs)
        self.precision, self.types = None, {}

    def get_input(self, index):
        return self._inputs[index]

    def get_output(self, index):
        return self._outputs[index]

    def set_output_type(self, index, kind):
        self.types[index] = kind


class Network:
    """A network of given layers and inputs."""

    def __init__(self, inputs=(), layers=()):
        self.inputs, self.layers = list(inputs), list(layers)

    @property
    def num_inputs(self):
        return len(self.inputs)

    @property
    def num_layers(self):
        return len(self.layers)

    def get_input(self, index):
        return self.inputs[index]

    def get_layer(self, index):
        return self.layers[index]


class Library(types.ModuleType):
    """
    TensorRT.

    :ivar network: what the parser reads.
    :ivar engine: tensors of an engine by name: shape and whether it is an input.
    :ivar fails: names of functions that give nothing.
    :ivar messages: errors that those functions log.
    """

    def __init__(self, version='10.3.0'):
        super().__init__('tensorrt')
        self.__spec__ = ModuleSpec('tensorrt', None)
        self.__version__ = version
        self.float32 = FLOAT
        flags = {'TF32': 'TF32'}
        if version.startswith('10.'):
            flags |= {name: name for name in ('FP16', 'BF16', 'PREFER_PRECISION_CONSTRAINTS')}
        self.BuilderFlag = SimpleNamespace(**flags)
        self.network, self.engine = Network(), {}
        self.fails, self.messages, self.timings = set(), [], []
        self.config = self.profile = self.streams = None
        self.parser = lambda: None
        self.ILogger = type('ILogger', (), {'INTERNAL_ERROR': 0, 'ERROR': 1, 'WARNING': 2})
        self.init_libnvinfer_plugins = lambda logger, namespace: True
        self.Builder, self.OnnxParser = self._bind(Builder), self._bind(Parser)
        self.Runtime = self._bind(Runtime)

    def _bind(self, kind):
        return lambda *arguments: kind(self, *arguments)

    def failure(self, name, logger):
        """Whether a function fails; what it logs then is logged."""
        if name in self.fails:
            for message in self.messages:
                logger.log(self.ILogger.ERROR, message)
        return name in self.fails


class Builder:
    def __init__(self, trt, logger):
        self.trt, self.logger = trt, logger

    def create_network(self, flags):
        assert flags == 0
        return self.trt.network

    def create_builder_config(self):
        self.trt.config = Config(self.trt)
        return self.trt.config

    def create_optimization_profile(self):
        self.trt.profile = {}
        return SimpleNamespace(
            set_shape=lambda name, *shapes: self.trt.profile.update({name: shapes}))

    def build_serialized_network(self, network, config):
        assert self.trt.parser() is not None  # it has the weights
        failed = self.trt.failure('build_serialized_network', self.logger)
        return None if failed else bytearray(b'engine')


class Config:
    def __init__(self, trt):
        self.trt, self.flags, self.builder_optimization_level = trt, {'TF32'}, None
        self.timings = None

    def set_flag(self, flag):
        self.flags.add(flag)

    def clear_flag(self, flag):
        self.flags.remove(flag)

    def add_optimization_profile(self, profile):
        return 0

    def create_timing_cache(self, data):
        self.trt.timings.append(data)
        return None if data == b'damaged' else SimpleNamespace(serialize=lambda: data + b'+')

    def set_timing_cache(self, timings, ignore_mismatch):
        self.timings = timings
        return True

    def get_timing_cache(self):
        return self.timings


class Parser:
    def __init__(self, trt, network, logger):
        self.trt, self.logger = trt, logger
        trt.parser = weakref.ref(self)

    def parse(self, data):
        return not self.trt.failure('parse', self.logger)

    @property
    def num_errors(self):
        return len(self.trt.messages)

    def get_error(self, index):
        return SimpleNamespace(desc=lambda: self.trt.messages[index])


class Runtime:
    def __init__(self, trt, logger):
        self.trt, self.logger = trt, logger

    def deserialize_cuda_engine(self, data):
        assert data == b'engine'
        failed = self.trt.failure('deserialize_cuda_engine', self.logger)
        return None if failed else Engine(self.trt, self.logger)


class Engine:
    def __init__(self, trt, logger):
        self.trt, self.logger, self._names = trt, logger, list(trt.engine)
        self.num_io_tensors = len(self._names)

    def get_tensor_name(self, index):
        return self._names[index]

    def get_tensor_dtype(self, name):
        return FLOAT

    def create_execution_context(self):
        failed = self.trt.failure('create_execution_context', self.logger)
        return None if failed else Context(self.trt, self.logger)


class Context:
    """Every result is the sum of all inputs, which have its shape."""

    def __init__(self, trt, logger):
        self.trt, self.logger, self.addresses = trt, logger, {}

    def set_input_shape(self, name, shape):
        return shape == self.trt.engine[name][0]

    def get_tensor_shape(self, name):
        return self.trt.engine[name][0]

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream):
        self.trt.streams = stream
        if self.trt.failure('execute_async_v3', self.logger):
            return False
        total = sum(self._array(name) for name, (_, is_input) in self.trt.engine.items()
                    if is_input)
        for name, (_, is_input) in self.trt.engine.items():
            if not is_input:
                self._array(name)[...] = total
        return True

    def _array(self, name):
        shape = self.trt.engine[name][0]
        data = (ctypes.c_float * int(np.prod(shape))).from_address(self.addresses[name])
        return np.ctypeslib.as_array(data).reshape(shape)
