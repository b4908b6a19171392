"""ONNX Runtime on the CPU: small, portable, the default."""
from functools import lru_cache
from typing import Any

from ...core.errors import FormatError, MissingDependencyError
from .base import Arrays, Backend, Graph, Program, first_line, raise_if_memory, to_numpy


class OnnxRuntimeBackend(Backend):
    """
    Graphs in ONNX Runtime, in single precision.

    :param threads: that compute.
    :raises MissingDependencyError: if it is not installed.
    """

    name = 'onnxruntime'

    def __init__(self, threads: int) -> None:
        import_onnxruntime()
        self.threads = threads

    def load(self, graph: Graph) -> Program:
        """
        Plan a graph.

        :raises FormatError: if ONNX Runtime cannot use it.
        """
        return OnnxRuntimeProgram(graph, self.threads)


class OnnxRuntimeProgram(Program):
    """
    A graph in ONNX Runtime, which plans it for the given size.

    Programs share one pool of memory that grows by what is needed and not by doubling: a pool
    for each is what makes such processes large. Threads do not spin while they wait, as the
    other threads of a robot want the cores.

    :param graph: what to compute.
    :param threads: that compute.
    :raises FormatError: if it cannot be used.
    """

    def __init__(self, graph: Graph, threads: int) -> None:
        ort = import_onnxruntime()
        _share_memory()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.add_session_config_entry('session.use_env_allocators', '1')
        for name, length in graph.dimensions.items():
            options.add_free_dimension_override_by_name(name, length)
        try:
            self._session = ort.InferenceSession(graph.onnx(), options,
                                                 providers=['CPUExecutionProvider'])
        except Exception as error:  # its classes derive from nothing more special
            raise FormatError(f'ONNX Runtime {ort.__version__} cannot use the graph '
                              f'{graph.part}: {first_line(error)}') from error
        self._value = ort.OrtValue
        self._inputs = [each.name for each in self._session.get_inputs()]
        self._outputs = [each.name for each in self._session.get_outputs()]

    def run(self, inputs: Arrays) -> dict[str, Any]:
        """Compute; arrays stay in the memory of ONNX Runtime."""
        feed = {name: self._own(inputs[name]) for name in self._inputs}
        try:
            values = self._session.run_with_ort_values(self._outputs, feed)
        except Exception as error:
            raise_if_memory(error)
            raise
        return dict(zip(self._outputs, values, strict=True))

    def _own(self, value: Any) -> Any:
        return value if isinstance(value, self._value) \
            else self._value.ortvalue_from_numpy(to_numpy(value))


def import_onnxruntime() -> Any:
    """
    ONNX Runtime.

    :raises MissingDependencyError: if it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            f'the backend onnxruntime needs ONNX Runtime, which cannot be imported ({error}): '
            '`pip install onnxruntime`') from error
    return onnxruntime


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
