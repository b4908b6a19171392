"""What the tests of engines in nodes share: images, levels, reading reports."""
from importlib.util import find_spec
import re

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
from tiny_nano import textured_pair

from panmatch_ros.inference.nano import NanoMatcher, NanoOptions

IMAGES = textured_pair(60, 120)
BUILDING = 'cpu_engine flow at 64x128: the engine is being made since '
OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'
NOT_INSTALLED = pytest.mark.skipif(find_spec('torch_tensorrt') is not None,
                                   reason='Torch-TensorRT is installed')


def add(graph, node_class, **parameters):
    """Start a node, and wait until its log is heard."""
    node = graph.add(node_class, **parameters)

    def is_heard():
        node.get_logger().info('here')
        return 'here' in graph.log_text()
    assert graph.spin_until(is_heard)
    return node


def reports(graph):
    """Give level, message and values of all diagnostics."""
    return [(status.level, status.message, {pair.key: pair.value for pair in status.values})
            for array in graph.received['/diagnostics'] for status in array.status]


def wait_for_report(graph, condition, timeout_s=20):
    """Give the next report for which a condition of level, message and values holds."""
    graph.received['/diagnostics'].clear()
    assert graph.spin_until(lambda: any(condition(*report) for report in reports(graph)),
                            timeout_s), reports(graph)[-1:]
    return next(report for report in reports(graph) if condition(*report))


def seconds_of(status):
    return int(re.search(r'since (\d+) s', status)[1])


def build(in_place, options, task, size):
    """Build an engine before the node starts, as a program of its own would."""
    in_place()
    names = ('weights', 'backend', 'engine_cache_dir')
    NanoMatcher(NanoOptions(**{name: options[name] for name in names})).prepare(task, size)
