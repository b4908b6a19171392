"""Torch-TensorRT on a CUDA device: engines inside a program of PyTorch."""
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import copy
import inspect
import logging
import operator
from pathlib import Path
import re
import tempfile
from typing import TYPE_CHECKING, Any

from ...core.errors import ConfigError, EngineError, FormatError
from ..engine_folder import default_folder
from ..private_files import leftovers, open_private, remove_leftover, write_private
from .base import Arrays, EngineBackend, Graph, Program, first_line
from .tensorrt_requirements import choose_precision, describe_device, engine_errors, require
from .torch_backend import CudaGraphProgram, TorchProgram

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

OPTIONS = {
    'disable_tf32': True,  # what is not in 16 bits needs all its bits
    'min_block_size': 5,   # operators; smaller engines cost more than they bring
    'optimization_level': 3,
    'require_full_compilation': False,
    'truncate_double': True,  # TensorRT has no double precision
}
# Those that not every version has: up to 2.12 explicit typing is a choice, since 2.11 an additive
# bias of attention counts as causal unless this is said. The option use_fp32_acc stays off, as in
# 2.8 it rounds every matrix product to fp16, also those in fp32.
VERSIONED = {'attn_bias_is_causal': False, 'use_explicit_typing': True}
ENGINE_FILE = 'engine.pt2'  # PyTorch wants this suffix

log = logging.getLogger(__name__)


class TorchTensorRtBackend(EngineBackend):
    """
    Graphs that Torch-TensorRT compiles; PyTorch computes what it cannot.

    The 16 bits are those of automatic mixed precision: its casts become part of the graph, and
    TensorRT keeps to them. So whatever a network computes in single precision stays so.

    :param precision: 'auto' (fp16), 'fp32', 'fp16' or 'bf16'.
    :raises MissingDependencyError: if a package or the CUDA device is missing.
    :raises ConfigError: if the device does not have the precision.
    """

    name = 'tensorrt'

    def __init__(self, precision: str = 'auto') -> None:
        # In this order: the first puts something in place of the second.
        self._library, self._tensorrt = require(self.name, 'torch_tensorrt', 'tensorrt')
        self.device = 'cuda'
        self.precision = choose_precision(precision)

    def describe(self) -> dict[str, str]:
        """Give the fields of the key that tell device, versions and options."""
        import torch
        options = [f'{name}={value}' for name, value in sorted(self._options().items())]
        return {**describe_device(), 'tensorrt': self._tensorrt.__version__,
                'torch': str(torch.__version__), 'torch_tensorrt': self._library.__version__,
                'settings': ' '.join(['autocast', *options])}

    def build(self, graph: Graph) -> bytes:
        """
        Build an engine; the log says what of it PyTorch computes.

        :returns: a saved program of PyTorch.
        :raises EngineError: if Torch-TensorRT cannot, or converts nothing.
        :raises ImageError: if there is not enough memory.
        """
        import torch
        with engine_errors(f'{self._title} cannot build the graph {graph.part}'), \
                private_folder() as folder:
            try:
                return self._build(graph, folder)
            finally:
                torch.cuda.empty_cache()  # an embedded device has one memory for everything

    def open(self, engine: bytes, graph: Graph) -> Program:
        """
        Make an engine ready.

        :raises EngineError: if Torch-TensorRT cannot.
        :raises ImageError: if there is not enough memory.
        """
        import torch
        with engine_errors(f'{self._title} cannot load the engine of the graph {graph.part}'), \
                private_folder() as folder:
            path = folder / ENGINE_FILE
            path.touch(0o600)
            path.write_bytes(engine)
            module = self._library.load(str(path)).module()
        return EngineProgram(module, graph, torch.device(self.device))

    @property
    def _title(self) -> str:
        return f'Torch-TensorRT {self._library.__version__}'

    def _options(self) -> dict[str, Any]:
        return OPTIONS | {name: value for name, value in VERSIONED.items()
                          if name in self._known(self._library.dynamo.compile)}

    def _build(self, graph: Graph, folder: Path) -> bytes:
        inputs = tuple(each.to(self.device) for each in graph.examples())
        compiled = self._compile(self._export(graph, inputs), inputs, folder)
        report_coverage(compiled, graph.part)
        return self._save(compiled, inputs, folder / ENGINE_FILE)

    def _export(self, graph: Graph, inputs: 'tuple[Tensor, ...]') -> Any:
        import torch
        module = copy.deepcopy(graph.module())  # others may compute with it meanwhile
        module = module.to(self.device).eval().requires_grad_(False)
        with torch.no_grad():
            program = torch.export.export(in_precision(module, self.device, self.precision),
                                          inputs, strict=False)
            # Blocks of one precision become casts; nothing else is decomposed.
            return program.run_decompositions({})

    def _compile(self, program: Any, inputs: 'tuple[Tensor, ...]', folder: Path) -> Any:
        options, compile_program = self._options(), self._library.dynamo.compile
        timings = folder / 'timings'
        if 'timing_cache_path' in self._known(compile_program):
            timings.write_bytes(read_timings(self._tensorrt.__version__))
            options['timing_cache_path'] = str(timings)
        compiled = compile_program(program, arg_inputs=list(inputs), **options)
        if timings.exists():
            keep_timings(self._tensorrt.__version__, timings.read_bytes())
        return compiled

    def _save(self, compiled: Any, inputs: 'tuple[Tensor, ...]', path: Path) -> bytes:
        options: dict[str, Any] = {'output_format': 'exported_program'}
        retrace = self._known(self._library.save).get('retrace')
        if retrace is None or retrace.default:
            options['arg_inputs'] = inputs  # 2.8 does not export again, and warns of inputs
        path.touch(0o600)
        self._library.save(compiled, str(path), **options)
        return path.read_bytes()

    @staticmethod
    def _known(function: Callable) -> Any:
        return inspect.signature(function).parameters


class EngineProgram(Program):
    """
    An engine, recorded as a CUDA graph; one that cannot be recorded is launched each time.

    :param module: tensors on the device to tensors on it, of fixed shapes.
    :param graph: that it computes.
    :param device: a CUDA device.
    """

    def __init__(self, module: Callable, graph: Graph, device: 'torch.device') -> None:
        self._part = graph.part
        # The first that can run is kept.
        self._programs: list[Program] = [
            CudaGraphProgram(module, graph, device, 'fp32'),
            TorchProgram(lambda *inputs: [x.clone() for x in module(*inputs)], graph, device,
                         'fp32')]

    def run(self, inputs: Arrays) -> dict[str, Any]:
        """
        Compute; results are copies on the device.

        :raises EngineError: if the library cannot.
        :raises ImageError: if there is not enough memory.
        """
        with engine_errors(f'the engine of the graph {self._part} cannot be run'):
            if len(self._programs) > 1:
                return self._run_first(inputs)
            return self._programs[0].run(inputs)

    def _run_first(self, inputs: Arrays) -> dict[str, Any]:
        recorded, launched = self._programs
        try:
            found, self._programs = recorded.run(inputs), [recorded]
        except RuntimeError as error:  # too little memory is an ImageError
            log.warning('the engine of the graph %s cannot be recorded as a CUDA graph, and is '
                        'slower without: %s', self._part, first_line(error))
            found, self._programs = launched.run(inputs), [launched]
        return found


def in_precision(module: 'nn.Module', device: str, precision: str) -> 'nn.Module':
    """
    Make a module that computes in mixed precision, and takes and gives single precision.

    :param precision: 'fp32', 'fp16' or 'bf16'.
    """
    import torch
    if precision == 'fp32':
        return module
    half = torch.float16 if precision == 'fp16' else torch.bfloat16

    class Mixed(torch.nn.Module):

        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *inputs: 'Tensor') -> 'tuple[Tensor, ...]':
            with torch.autocast(device, half, cache_enabled=False):
                return tuple(value.float() for value in self.module(*inputs))

    return Mixed().eval()


def report_coverage(compiled: Any, part: str) -> None:
    """
    Say which operators run outside of TensorRT.

    :param compiled: module of Torch-TensorRT, whose engines are sub-modules.
    :raises EngineError: if there is no engine.
    """
    engines = sum('_run_on_acc' in name for name, _ in compiled.named_children())
    if not engines:
        raise EngineError(f'Torch-TensorRT converts nothing of the graph {part}; use another '
                          'back-end')
    outside = Counter(
        str(node.target) for module in compiled.modules() if hasattr(module, 'graph')
        for node in module.graph.nodes
        if node.op == 'call_function' and node.target is not operator.getitem)
    if outside:
        names = ', '.join(f'{name} ({count})' for name, count in outside.most_common())
        log.warning('%s: engines of TensorRT: %d; PyTorch computes between them: %s', part,
                    engines, names)
    else:
        log.info('%s: all of it runs in TensorRT', part)


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only this user can enter, and remove it with all that is in it."""
    with tempfile.TemporaryDirectory(prefix='panmatch_', ignore_cleanup_errors=True) as name:
        yield Path(name)


def read_timings(tensorrt: str) -> bytes:
    """
    Read what earlier builds measured, which makes the next one shorter.

    :param tensorrt: its version.
    :returns: empty if there is nothing, or somebody else may have written it.
    """
    try:
        with open_private(timings_path(tensorrt)) as file:
            return file.read()
    except (ConfigError, FormatError, OSError) as error:
        log.debug('no timings of TensorRT: %s', error)
        return b''


def keep_timings(tensorrt: str, data: bytes) -> None:
    """
    Keep what a build measured; what goes wrong is no error.

    :param tensorrt: its version.
    """
    try:
        path = timings_path(tensorrt)
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        for left in leftovers(path.parent):
            remove_leftover(left)
        write_private(path, [data])
    except (ConfigError, OSError) as error:
        log.debug('the timings of TensorRT are not kept: %s', error)


def timings_path(tensorrt: str) -> Path:
    """
    Name the file of the measurements on this device, beside the folder of the engines.

    :raises ConfigError: if this user has no folder for caches.
    """
    import torch
    about = re.sub(r'\W+', '_', f'{tensorrt} {torch.cuda.get_device_name()}')
    return default_folder().with_name('timings') / f'{about}.timings'
