"""Fixtures of the tests of engines in nodes: a back-end of the CPU in the place of TensorRT."""

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
from cpu_engine import CpuEngineBackend
from diagnostic_msgs.msg import DiagnosticArray
from engine_nodes import IMAGES, add
from ros_harness import floats_of, image_message
from sensor_msgs.msg import Image
from tiny_nano import write_graphs

from panmatch_ros.inference import runtime
from panmatch_ros.inference.backends import choose
from panmatch_ros.inference.backends.onnxruntime_backend import OnnxRuntimeBackend
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions
from panmatch_ros.nodes.flow_node import FlowNode


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    return write_graphs(tmp_path_factory.mktemp('nano'))


@pytest.fixture(scope='module')
def plain(weights):
    """Make the matcher that tells what is right."""
    return NanoMatcher(NanoOptions(weights=weights, backend='onnxruntime', threads=1))


@pytest.fixture(scope='module')
def expected(plain):
    """Flow from each of two images to the other one."""
    return plain.match(*IMAGES).flow, plain.match(*IMAGES[::-1]).flow


@pytest.fixture
def in_place(monkeypatch):
    """Put a back-end in the place of TensorRT, and ONNX Runtime in that of what goes before."""
    backends, make_backend = [], choose.make_backend
    monkeypatch.setattr(choose, 'make_backend', lambda name, *rest, **others: (
        backends[-1] if name == 'tensorrt' else make_backend(name, *rest, **others)))
    monkeypatch.setattr(runtime, 'meanwhile', lambda *_: OnnxRuntimeBackend(1))

    def in_place(**changes):
        backends.append(CpuEngineBackend(**changes))
        return backends[-1]
    yield in_place
    for backend in backends:
        if backend.wait is not None:
            backend.wait.set()  # its thread ends with the test


@pytest.fixture
def options(weights, tmp_path):
    return {'matcher': 'nano', 'weights': weights, 'backend': 'tensorrt', 'threads': 1,
            'engine_cache_dir': str(tmp_path / 'engines'), 'input_timeout_seconds': 3600.0}


@pytest.fixture
def flow(graph, options):
    """Start a flow node whose outputs are recorded, and give what sends it images in turn."""
    class Flow:
        def __init__(self, **others):
            self.node = add(graph, FlowNode, **{**options, **others})
            self.sent = 0
            graph.listen('flow', Image)
            graph.listen('/diagnostics', DiagnosticArray)

        def send(self):
            """Send the next image; wait until it was looked at."""
            graph.publish('image', image_message(IMAGES[self.sent % 2], 'rgb8',
                                                 1 + self.sent / 10))
            self.sent += 1
            assert graph.spin_until(lambda: self.node.statistics.received == self.sent
                                    and self.node.worker.idle, 20)

        def next(self):
            """Send an image, and give what is published and should be, as is known."""
            before = len(graph.received['flow'])
            self.send()
            return floats_of(graph.wait_for('flow', before + 1), 2)

        def should_be(self, expected):
            return expected[self.sent % 2]

    return Flow
