"""PyTorch on the CPU or a CUDA device, with CUDA graphs there."""
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
import threading
from typing import TYPE_CHECKING, Any

from ...core.errors import ConfigError, MissingDependencyError
from .base import Arrays, Backend, Graph, Program, raise_if_memory, to_numpy

if TYPE_CHECKING:
    import torch
    from torch import Tensor

WARM_UP = 3  # runs before a CUDA graph is recorded, as PyTorch wants


class TorchBackend(Backend):
    """
    Graphs as PyTorch modules; no global setting of torch is changed.

    :param device: 'auto', 'cpu' or 'cuda'.
    :param precision: 'auto', 'fp32', 'fp16' or 'bf16'; the two halves by automatic mixed
        precision.
    :param compiled: also by ``torch.compile``, which needs a compiler and a minute.
    :raises MissingDependencyError: if torch is not installed.
    :raises ConfigError: if there is no such device.
    """

    name = 'torch'

    def __init__(self, device: str = 'auto', precision: str = 'auto',
                 compiled: bool = False) -> None:
        require_torch()
        self._device = find_device(device)
        self.device = self._device.type
        self.precision = 'fp32' if precision == 'auto' else precision
        self.compiled = compiled

    def load(self, graph: Graph) -> Program:
        """Move the module of a graph to the device; one on a CUDA device becomes a CUDA graph."""
        import torch
        with memory_errors():
            module: Any = graph.module().to(self._device).eval()
            if self.device == 'cuda':
                module = module.to(memory_format=torch.channels_last)
            if self.compiled:
                module = torch.compile(module, dynamic=False)
        kind = CudaGraphProgram if self.device == 'cuda' else TorchProgram
        return kind(module, graph, self._device, self.precision)


class TorchProgram(Program):
    """
    A module.

    :param module: on its device.
    :param graph: that it computes.
    :param device: where it is.
    :param precision: 'fp32', 'fp16' or 'bf16'.
    """

    def __init__(self, module: Any, graph: Graph, device: 'torch.device', precision: str) -> None:
        self._module, self._device, self._precision = module, device, precision
        self._inputs, self._outputs = graph.inputs, graph.outputs

    def run(self, inputs: Arrays) -> dict[str, Any]:
        """Compute; results are tensors on the device, in single precision."""
        import torch
        with memory_errors(), torch.inference_mode():
            return self._named(self._compute(self._tensor(inputs[name])
                                             for name in self._inputs))

    def _named(self, values: Any) -> dict[str, Any]:
        return dict(zip(self._outputs, values, strict=True))

    def _tensor(self, value: Any) -> 'Tensor':
        import torch
        if not isinstance(value, torch.Tensor):
            value = torch.from_numpy(to_numpy(value))
        return value.to(self._device)

    def _compute(self, tensors: Any) -> 'tuple[Tensor, ...]':
        with computing(self._device, self._precision):
            return tuple(value.float() for value in self._module(*tensors))


class CudaGraphProgram(TorchProgram):
    """
    A module whose kernels are recorded once and replayed: nothing is launched one by one.

    The parameters are those of :class:`TorchProgram`.
    """

    def __init__(self, module: Any, graph: Graph, device: 'torch.device', precision: str) -> None:
        super().__init__(module, graph, device, precision)
        self._recorded: Any = None
        self._static: tuple[list[Tensor], tuple[Tensor, ...]] = ([], ())
        self._lock = threading.Lock()  # inputs and results have one place in memory

    def run(self, inputs: Arrays) -> dict[str, Any]:
        """Compute; results are copies on the device."""
        import torch
        with self._lock, memory_errors(), torch.inference_mode():
            tensors = [self._tensor(inputs[name]) for name in self._inputs]
            if self._recorded is None:
                self._record(tensors)
            for static, tensor in zip(self._static[0], tensors, strict=True):
                static.copy_(tensor)
            self._recorded.replay()
            return self._named(value.clone() for value in self._static[1])

    def _record(self, tensors: 'list[Tensor]') -> None:
        import torch
        static = [tensor.clone() for tensor in tensors]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._compute(static)
        torch.cuda.current_stream().wait_stream(stream)
        recorded = torch.cuda.CUDAGraph()
        # The worker of a node may start kernels of its own while this thread records.
        with torch.cuda.graph(recorded, capture_error_mode='thread_local'):
            outputs = self._compute(static)
        self._static, self._recorded = (static, outputs), recorded


@contextmanager
def computing(device: 'torch.device', precision: str) -> 'Iterator[None]':
    """
    Compute in a precision.

    :param precision: 'fp32', 'fp16' or 'bf16'.
    """
    import torch
    with ExitStack() as stack:
        if precision == 'fp32':
            # Convolutions of CUDA would otherwise round their inputs to ten bits.
            stack.enter_context(torch.backends.cudnn.flags(allow_tf32=False))
        else:
            half = torch.float16 if precision == 'fp16' else torch.bfloat16
            # Casts that are kept would lie outside of what a CUDA graph records.
            stack.enter_context(torch.autocast(device.type, half, cache_enabled=False))
        yield


def require_torch() -> None:
    """
    Check that torch can be imported.

    :raises MissingDependencyError: if not.
    """
    try:
        import torch  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise MissingDependencyError(
            f'this needs PyTorch, which cannot be imported ({error}): pip install torch, or '
            'pip install torch --index-url https://download.pytorch.org/whl/cpu without a GPU'
        ) from error


def find_device(name: str) -> Any:
    """
    Find the torch device of a name.

    :param name: 'auto', 'cpu' or 'cuda'.
    :raises ConfigError: if there is no such device.
    """
    import torch
    has_cuda = torch.cuda.is_available()
    if name == 'cuda' and not has_cuda:
        raise ConfigError('device cuda: PyTorch finds no CUDA device; use device cpu, or see '
                          '`panmatch doctor`')
    return torch.device('cuda' if name != 'cpu' and has_cuda else 'cpu')


@contextmanager
def memory_errors() -> 'Iterator[None]':
    """
    Say in one line when there is not enough memory.

    :raises ImageError: if so.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is of the first
        raise_if_memory(error)
        raise
