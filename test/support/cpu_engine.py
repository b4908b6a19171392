"""An engine back-end that computes on the CPU, in the place of TensorRT."""
import threading

import numpy as np

from panmatch_ros.core.errors import EngineError
from panmatch_ros.inference.backends.base import EngineBackend, Program
from panmatch_ros.inference.backends.onnxruntime_backend import (
    OnnxRuntimeBackend,
    OnnxRuntimeProgram,
)

MAGIC = b'cpu engine '


class CpuEngineBackend(EngineBackend):
    """
    Engines of ONNX Runtime: the bytes of a graph, for one size.

    :param precision: that it says it has.
    :param version: of its library.
    :param change: changes every result, as an engine does that computes wrongly.
    :param fails: what building raises.
    :param wait: an event that building waits for.
    """

    name = 'cpu_engine'

    def __init__(self, precision='fp32', version='1', change=None, fails=None, wait=None):
        self.precision, self.version = precision, version
        self.change, self.fails, self.wait = change, fails, wait
        self.built, self.opened = [], []
        self.building = threading.Event()

    def describe(self):
        return {'device': 'a CPU', 'tensorrt': self.version, 'settings': 'none'}

    def build(self, graph):
        self.building.set()
        if self.wait is not None:
            assert self.wait.wait(60)
        if self.fails is not None:
            raise self.fails
        self.built.append((graph.part, graph.size))
        return MAGIC + graph.onnx()

    def open(self, engine, graph):
        if not engine.startswith(MAGIC):
            raise EngineError('these are not the bytes of an engine')
        self.opened.append((graph.part, graph.size))
        return Changed(OnnxRuntimeProgram(Opened(graph, engine[len(MAGIC):]), 1), self.change)


class Opened:
    """A graph whose ONNX form is that of an engine."""

    def __init__(self, graph, data):
        self.part, self.dimensions, self._data = graph.part, graph.dimensions, data

    def onnx(self):
        return self._data


class Changed(Program):
    """A program whose results are changed."""

    def __init__(self, program, change):
        self._program, self._change = program, change

    def run(self, inputs):
        found = {name: value.numpy() for name, value in self._program.run(inputs).items()}
        return self._change(found) if self._change else found


def shifted(found):
    """Move every flow by a pixel."""
    return {name: value + np.float32(name == 'flow') for name, value in found.items()}


def use_instead_of_tensorrt(monkeypatch, backend):
    """Let every back-end that is asked for be this one, and ONNX Runtime compute meanwhile."""
    from panmatch_ros.inference import runtime
    from panmatch_ros.inference.backends import choose
    monkeypatch.setattr(choose, 'make_backend', lambda *_, **__: backend)
    monkeypatch.setattr(runtime, 'meanwhile', lambda _: OnnxRuntimeBackend(1))
    return backend
