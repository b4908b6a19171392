"""OpenVINO on the CPU: the fastest on x86_64, optional."""
from functools import lru_cache
import threading
from typing import Any

from ...core.errors import FormatError, MissingDependencyError
from .base import Arrays, Backend, Graph, Program, first_line, to_numpy


class OpenVinoBackend(Backend):
    """
    Graphs in OpenVINO, in single precision: half of it, its default, loses matches.

    :param threads: that compute.
    :raises MissingDependencyError: if it is not installed.
    """

    name = 'openvino'

    def __init__(self, threads: int) -> None:
        import_openvino()
        self.threads = threads

    def load(self, graph: Graph) -> Program:
        """
        Compile a graph.

        :raises FormatError: if OpenVINO cannot use it.
        """
        return OpenVinoProgram(graph, self.threads)


class OpenVinoProgram(Program):
    """
    A graph in OpenVINO.

    :param graph: what to compute.
    :param threads: that compute.
    :raises FormatError: if it cannot be used.
    """

    def __init__(self, graph: Graph, threads: int) -> None:
        core = shared_core()
        names = frozenset((*graph.inputs, *graph.outputs))
        try:
            model = core.read_model(graph.onnx())
            shapes = {}
            for each in model.inputs:
                name, (batch, channels, *_) = _name(each, names), each.partial_shape
                if name in graph.spatial:
                    shapes[name] = [batch, channels, *graph.spatial[name]]
            if shapes:
                model.reshape(shapes)
            self._compiled = core.compile_model(model, 'CPU', {
                'INFERENCE_PRECISION_HINT': 'f32', 'PERFORMANCE_HINT': 'LATENCY',
                'INFERENCE_NUM_THREADS': threads, 'NUM_STREAMS': 1})
        except RuntimeError as error:
            raise FormatError(f'OpenVINO cannot use the graph {graph.part}: '
                              f'{first_line(error)}') from error
        self._inputs = [_name(each, names) for each in self._compiled.inputs]
        self._outputs = [_name(each, names) for each in self._compiled.outputs]
        self._request = self._compiled.create_infer_request()
        self._lock = threading.Lock()  # a request does one thing at a time

    def run(self, inputs: Arrays) -> dict[str, Any]:
        """Compute; results are copies."""
        with self._lock:
            found = self._request.infer({name: to_numpy(inputs[name]) for name in self._inputs},
                                        share_inputs=True)
            return {name: found[name] for name in self._outputs}


@lru_cache(maxsize=1)
def shared_core() -> Any:
    """
    Give the one core of this process, which stays until its end.

    With the last core OpenVINO unloads the code that its threads wait in, and the next signal,
    Ctrl-C for example, ends the process with a segmentation fault (2026.4.1).
    """
    return import_openvino().Core()


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


def _name(port: Any, known: frozenset[str]) -> str:
    """Tell the name of an input or result; OpenVINO adds those of what it optimised away."""
    return next(name for name in port.names if name in known)
