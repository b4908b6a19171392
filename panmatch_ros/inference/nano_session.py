"""What computes the graphs of the nano network: ONNX Runtime, or OpenVINO."""
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
import os
from typing import Any

import numpy as np

from ..checkpoints.nano_graphs import NanoGraphs
from ..core.errors import FormatError, MissingDependencyError
from ..models.nano_parts import NAMES, SCALES, input_scale

MOST_THREADS = 4   # more bring little at usual sizes
KEPT_SIZES = 4     # of images, whose plans are kept
ALL_SCALES = (1, *sorted(set(SCALES.values())))

Arrays = Mapping[str, Any]  # numpy arrays, or what the engine has instead


class Program(ABC):
    """A graph for one size of image."""

    @abstractmethod
    def run(self, inputs: Arrays) -> dict[str, Any]:
        """
        Compute.

        :param inputs: at least those of the graph: numpy arrays, or results of programs of the
            same engine.
        :returns: results by name; :func:`to_numpy` makes arrays of them.
        """


class OnnxRuntimeProgram(Program):
    """
    A graph in ONNX Runtime, which plans it for the given size.

    Programs share one pool of memory that grows by what is needed and not by doubling: a pool
    for each is what makes such processes large. Threads do not spin while they wait, as the
    other threads of a robot want the cores.

    :param data: the graph.
    :param size: (height, width) of the image, pixels.
    :param threads: that compute.
    """

    def __init__(self, data: bytes, size: tuple[int, int], threads: int) -> None:
        ort = import_onnxruntime()
        _share_memory()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.add_session_config_entry('session.use_env_allocators', '1')
        for scale in ALL_SCALES:
            for axis, length in zip('HW', size, strict=True):
                options.add_free_dimension_override_by_name(f'{axis}{scale}', length // scale)
        try:
            self._session = ort.InferenceSession(data, options,
                                                 providers=['CPUExecutionProvider'])
        except Exception as error:  # its classes derive from nothing more special
            raise FormatError(f'ONNX Runtime {ort.__version__} cannot use a graph of the nano '
                              f'network: {_first_line(error)}') from error
        self._value = ort.OrtValue.ortvalue_from_numpy
        self._inputs = [each.name for each in self._session.get_inputs()]
        self._outputs = [each.name for each in self._session.get_outputs()]

    def run(self, inputs: Arrays) -> dict[str, Any]:
        """Compute; arrays stay in the memory of ONNX Runtime."""
        feed = {name: self._value(inputs[name]) if isinstance(inputs[name], np.ndarray)
                else inputs[name] for name in self._inputs}
        values = self._session.run_with_ort_values(self._outputs, feed)
        return dict(zip(self._outputs, values, strict=True))


class OpenVinoProgram(Program):
    """
    A graph in OpenVINO, in single precision: half of it loses matches.

    :param data: the graph.
    :param size: (height, width) of the image, pixels.
    :param threads: that compute.
    """

    def __init__(self, data: bytes, size: tuple[int, int], threads: int) -> None:
        openvino = import_openvino()
        core = openvino.Core()
        try:
            model = core.read_model(data)
            shapes = {}
            for each in model.inputs:
                scale, (batch, channels, *_) = input_scale(_name(each)), each.partial_shape
                if scale:
                    shapes[_name(each)] = [batch, channels, *(x // scale for x in size)]
            model.reshape(shapes)
            self._compiled = core.compile_model(model, 'CPU', {
                'INFERENCE_PRECISION_HINT': 'f32', 'PERFORMANCE_HINT': 'LATENCY',
                'INFERENCE_NUM_THREADS': threads, 'NUM_STREAMS': 1})
        except RuntimeError as error:
            raise FormatError(f'OpenVINO cannot use a graph of the nano network: '
                              f'{_first_line(error)}') from error
        self._inputs = [_name(each) for each in self._compiled.inputs]
        self._outputs = [_name(each) for each in self._compiled.outputs]
        self._request = self._compiled.create_infer_request()

    def run(self, inputs: Arrays) -> dict[str, Any]:
        """Compute; results are copies."""
        found = self._request.infer({name: inputs[name] for name in self._inputs},
                                    share_inputs=True)
        return {name: found[name] for name in self._outputs}


PROGRAMS: dict[str, type] = {'onnxruntime': OnnxRuntimeProgram, 'openvino': OpenVinoProgram}


class NanoPrograms:
    """
    The graphs of one network for the last few sizes of images.

    :param graphs: of the network.
    :param backend: one of ``PROGRAMS``.
    :param threads: that compute; 0 chooses.
    :raises MissingDependencyError: if the back-end is not installed.
    """

    def __init__(self, graphs: NanoGraphs, backend: str, threads: int = 0) -> None:
        import_onnxruntime() if backend == 'onnxruntime' else import_openvino()
        self.graphs, self.backend = graphs, backend
        self.threads = threads or default_threads()
        self._sizes: OrderedDict[tuple[int, int], dict[str, Program]] = OrderedDict()

    def load(self, part: str, size: tuple[int, int]) -> Program:
        """
        Give a graph planned for a size.

        :param part: which.
        :param size: (height, width) of the image, pixels.
        :raises FormatError: if the graph cannot be used.
        """
        programs = self._sizes.setdefault(size, {})
        self._sizes.move_to_end(size)
        while len(self._sizes) > KEPT_SIZES:
            self._sizes.popitem(last=False)
        if part not in programs:
            programs[part] = PROGRAMS[self.backend](self.graphs.read(part), size, self.threads)
        return programs[part]

    def run(self, part: str, size: tuple[int, int], inputs: Arrays) -> dict[str, Any]:
        """Compute a graph, see :meth:`load` and :meth:`Program.run`."""
        return self.load(part, size).run(inputs)


def to_numpy(value: Any) -> np.ndarray:
    """Make an array of what a program gives."""
    return value if isinstance(value, np.ndarray) else value.numpy()


def default_threads() -> int:
    """One thread for each core that this process may use, up to four."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return max(1, min(usable or 1, MOST_THREADS))


def import_onnxruntime() -> Any:
    """
    ONNX Runtime.

    :raises MissingDependencyError: if it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            f'the nano network needs ONNX Runtime, which cannot be imported ({error}): '
            '`pip install onnxruntime`') from error
    return onnxruntime


def import_openvino() -> Any:
    """
    OpenVINO.

    :raises MissingDependencyError: if it is not installed.
    """
    try:
        import openvino
    except ImportError as error:
        raise MissingDependencyError(
            f'the backend openvino needs OpenVINO, which cannot be imported ({error}): '
            '`pip install openvino`, or use the backend onnxruntime') from error
    return openvino


@lru_cache(maxsize=1)
def _share_memory() -> None:
    """Make the pool of memory of all programs of this process, unless someone has."""
    ort = import_onnxruntime()
    pool = ort.OrtMemoryInfo('Cpu', ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0,
                             ort.OrtMemType.DEFAULT)
    grow_as_needed = {'max_mem': 0, 'arena_extend_strategy': 1, 'initial_chunk_size_bytes': -1,
                      'max_dead_bytes_per_chunk': -1}
    try:
        ort.create_and_register_allocator(pool, ort.OrtArenaCfg(grow_as_needed))
    except RuntimeError:  # another part of this process has made one: it will do
        return


def _name(port: Any) -> str:
    """Tell the name of an input or result; OpenVINO adds those of what it optimised away."""
    return next(name for name in port.names if name in NAMES)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition('\n')[0]
