"""TensorRT itself on a CUDA device, from ONNX; PyTorch only has the memory and the streams."""
from collections import deque
from functools import lru_cache
import logging
from typing import TYPE_CHECKING, Any

from ...core.errors import ConfigError, EngineError
from .base import EngineBackend, Graph, Program
from .tensorrt_backend import EngineProgram, keep_timings, read_timings
from .tensorrt_requirements import choose_precision, describe_device, engine_errors, require

if TYPE_CHECKING:
    from torch import Tensor

LEVEL = 3  # of optimisation
FLAGS = {'fp16': 'FP16', 'bf16': 'BF16'}
KEPT_MESSAGES = 20
# In 16 bits: these, and those that only pass on what is in 16 bits.
PRODUCTS = ('CONVOLUTION', 'DECONVOLUTION', 'MATRIX_MULTIPLY')
FOLLOWING = ('ACTIVATION', 'CONCATENATION', 'ELEMENTWISE', 'POOLING', 'SHUFFLE', 'SLICE')

log = logging.getLogger(__name__)


class OnnxTensorRtBackend(EngineBackend):
    """
    Graphs that the parser of TensorRT reads.

    Up to TensorRT 10 convolutions and linear layers may be in 16 bits, and what follows them, as
    with automatic mixed precision; coordinates, costs and sums are not. Later ones know no such
    choice, and ONNX has none.

    :param precision: 'fp32', 'fp16', 'bf16', or 'auto': fp16, fp32 from TensorRT 11 on.
    :raises MissingDependencyError: if a package or the CUDA device is missing.
    :raises ConfigError: if the device or TensorRT does not have the precision.
    """

    name = 'onnx_tensorrt'

    def __init__(self, precision: str = 'auto') -> None:
        (self._trt,) = require(self.name, 'tensorrt')
        self.device = 'cuda'
        halves = hasattr(self._trt.BuilderFlag, 'FP16')
        self.precision = choose_precision(precision, 'fp16' if halves else 'fp32')
        if self.precision != 'fp32' and not halves:
            raise ConfigError(f'TensorRT {self._trt.__version__} takes the precision from the '
                              f'graph, and ONNX graphs are in fp32: use the backend tensorrt for '
                              f'{self.precision}, or precision fp32')

    def describe(self) -> dict[str, str]:
        """Give the fields of the key that tell device, version and options."""
        tf32 = ' no tf32' if self.precision == 'fp32' else ' products in 16 bits'
        return {**describe_device(), 'tensorrt': self._trt.__version__,
                'settings': f'optimization_level={LEVEL}{tf32}'}

    def build(self, graph: Graph) -> bytes:
        """
        Build an engine.

        :raises EngineError: if TensorRT cannot.
        :raises ImageError: if there is not enough memory.
        """
        trt, logger = self._trt, shared_logger()
        with engine_errors(f'{self._title} cannot build the graph {graph.part}'):
            logger.messages.clear()
            builder = trt.Builder(logger)
            network = builder.create_network(0)
            data = graph.onnx()
            parser = parse(trt, network, data)
            config = builder.create_builder_config()
            config.builder_optimization_level = LEVEL
            config.add_optimization_profile(fixed_profile(builder, network, graph))
            self._set_precision(network, config)
            use_timings(config, read_timings(trt.__version__))
            engine = builder.build_serialized_network(network, config)
            del parser, data  # they have the weights of the network
            if engine is None:
                raise logger.error()
            keep_timings(trt.__version__, bytes(config.get_timing_cache().serialize()))
            return bytes(engine)

    def open(self, engine: bytes, graph: Graph) -> Program:
        """
        Make an engine ready.

        :raises EngineError: if TensorRT cannot.
        :raises ImageError: if there is not enough memory.
        """
        import torch
        with engine_errors(f'{self._title} cannot load the engine of the graph {graph.part}'):
            call = EngineCall(self._trt, engine, graph, self.device)
        return EngineProgram(call, graph, torch.device(self.device))

    @property
    def _title(self) -> str:
        return f'TensorRT {self._trt.__version__}'

    def _set_precision(self, network: Any, config: Any) -> None:
        flags = self._trt.BuilderFlag
        if self.precision == 'fp32':
            config.clear_flag(flags.TF32)
            return
        config.set_flag(getattr(flags, FLAGS[self.precision]))
        config.set_flag(flags.PREFER_PRECISION_CONSTRAINTS)
        kept = keep_single_precision(self._trt, network)
        log.info('%d of %d layers stay in single precision', kept, network.num_layers)


class EngineCall:
    """
    An engine as a function: tensors in the order of the graph's inputs to its outputs.

    :param trt: TensorRT.
    :param data: the engine.
    :param graph: for which it was built.
    :param device: of the tensors.
    :raises EngineError: if it is no engine for the graph.
    """

    def __init__(self, trt: Any, data: bytes, graph: Graph, device: str) -> None:
        self._logger, self._device = shared_logger(), device
        self._logger.messages.clear()
        self._runtime = trt.Runtime(self._logger)  # has to outlive the engine
        self._engine = self._runtime.deserialize_cuda_engine(data)
        if self._engine is None:
            raise self._logger.error()
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise self._logger.error()
        self._inputs, self._outputs = graph.inputs, graph.outputs
        self._names = {self._engine.get_tensor_name(index)
                       for index in range(self._engine.num_io_tensors)}
        odd = (self._names - {*graph.inputs, *graph.outputs}) | ({*graph.outputs} - self._names)
        odd |= {name for name in self._names
                if self._engine.get_tensor_dtype(name) != trt.float32}
        if odd:
            raise EngineError(f'the engine is not one of the graph {graph.part}: '
                              f'{", ".join(sorted(odd))}')

    def __call__(self, *inputs: 'Tensor') -> 'list[Tensor]':
        """Start to compute on the current stream; results are new tensors."""
        import torch
        tensors = {name: value.float().contiguous()
                   for name, value in zip(self._inputs, inputs, strict=True)
                   if name in self._names}  # one without effect may be gone
        for name, tensor in tensors.items():
            if not self._context.set_input_shape(name, tuple(tensor.shape)):
                raise EngineError(f'{name} has the shape {tuple(tensor.shape)}, and the engine '
                                  'is for another one')
        for name in self._outputs:
            tensors[name] = torch.empty(tuple(self._context.get_tensor_shape(name)),
                                        device=self._device)
        for name, tensor in tensors.items():
            self._context.set_tensor_address(name, tensor.data_ptr())
        if not self._context.execute_async_v3(torch.cuda.current_stream().cuda_stream):
            raise self._logger.error()
        return [tensors[name] for name in self._outputs]


@lru_cache(maxsize=1)
def shared_logger() -> Any:
    """Make what hears the messages of TensorRT, which takes only one in a process."""
    import tensorrt as trt

    class Logger(trt.ILogger):

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.messages: deque[str] = deque(maxlen=KEPT_MESSAGES)

        def log(self, severity: Any, msg: str) -> None:
            if severity in (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR):
                self.messages.append(msg)
                log.debug('TensorRT: %s', msg)  # the first is in the error that is raised
            elif severity == trt.ILogger.WARNING:
                log.debug('TensorRT warns: %s', msg)

        def error(self) -> Exception:
            """Say what went wrong since the messages were cleared."""
            short = next((each for each in self.messages if 'OutOfMemory' in each), '')
            return RuntimeError(short or next(iter(self.messages), 'it does not say why'))

    logger = Logger()
    trt.init_libnvinfer_plugins(logger, '')  # a graph may have normalisations that need them
    return logger


def parse(trt: Any, network: Any, onnx: bytes) -> Any:
    """
    Read a graph into a network.

    :returns: the parser, which has to live until the engine is built, as has ``onnx``.
    :raises EngineError: if the parser cannot.
    """
    parser = trt.OnnxParser(network, shared_logger())
    if not parser.parse(onnx):
        reasons = [parser.get_error(index).desc() for index in range(parser.num_errors)]
        raise EngineError('the parser of TensorRT cannot read the graph: '
                          f'{reasons[0] if reasons else "it does not say why"}')
    return parser


def fixed_profile(builder: Any, network: Any, graph: Graph) -> Any:
    """
    Fix the sizes that the ONNX form leaves open.

    :raises EngineError: if one is not known.
    """
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = tuple(tensor.shape)
        if -1 in shape and tensor.name in graph.spatial:
            shape = (*shape[:-2], *graph.spatial[tensor.name])
        if -1 in shape:
            raise EngineError(f'the size of the input {tensor.name} is open: {shape}')
        profile.set_shape(tensor.name, shape, shape, shape)
    return profile


def use_timings(config: Any, data: bytes) -> None:
    """Let a build know what earlier ones measured; of another device or version it is not."""
    for each in (data, b''):
        timings = config.create_timing_cache(each)
        if timings is not None and config.set_timing_cache(timings, False):
            return


def keep_single_precision(trt: Any, network: Any) -> int:
    """
    Ask for single precision wherever automatic mixed precision has it.

    Products of what was computed are costs and similarities, which 16 bits do not hold.

    :param network: of a version that has the choice, see ``BuilderFlag.FP16``.
    :returns: number of layers.
    """
    known = Known()
    kept = 0
    for layer in (network.get_layer(index) for index in range(network.num_layers)):
        outputs = [layer.get_output(index) for index in range(layer.num_outputs)]
        if known.add(trt, layer, outputs) or layer.type.name == 'CAST' or not all(
                each.dtype == trt.float32 and not each.is_shape_tensor for each in outputs):
            continue
        layer.precision = trt.float32
        for index in range(layer.num_outputs):
            layer.set_output_type(index, trt.float32)
        kept += 1
    return kept


class Known:
    """Names of tensors in 16 bits, of products among them, and of those that never change."""

    def __init__(self) -> None:
        self.halves: set[str] = set()
        self.products: set[str] = set()
        self.fixed: set[str] = set()

    def add(self, trt: Any, layer: Any, outputs: list[Any]) -> bool:
        """
        Learn the results of a layer.

        :returns: whether they need no single precision.
        """
        found = (layer.get_input(index) for index in range(layer.num_inputs))
        inputs = [each for each in found if each is not None]
        names, kind = {each.name for each in outputs}, layer.type.name
        if all(each.name in self.fixed for each in inputs):
            self.fixed |= names  # a constant has no inputs
            return True
        if kind in PRODUCTS:
            if kind == 'MATRIX_MULTIPLY' and not any(x.name in self.fixed for x in inputs):
                return False
            self.products |= names
        elif kind not in FOLLOWING or not self._pass_halves(
                [each for each in inputs if each.dtype == trt.float32]):
            return False
        self.halves |= names
        return True

    def _pass_halves(self, inputs: list[Any]) -> bool:
        """Whether a layer has nothing but 16 bits to pass on; numbers, and a bias, count not."""
        longest_fixed = 1 if any(each.name in self.products for each in inputs) else 0
        return any(each.name in self.halves for each in inputs) and all(
            each.name in self.halves or (
                each.name in self.fixed
                and sum(length != 1 for length in each.shape) <= longest_fixed)
            for each in inputs)
