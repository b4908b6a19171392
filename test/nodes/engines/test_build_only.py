"""Engines that are built before start, by nodes and by processes."""
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
from cpu_engine import shifted
from diagnostic_msgs.msg import DiagnosticArray
from engine_nodes import (
    BUILDING,
    IMAGES,
    NOT_INSTALLED,
    OK,
    add,
    build,
    wait_for_report,
)
from plane_scene import send
from rclpy.parameter import Parameter
from ros_harness import image_message
from sensor_msgs.msg import Image

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.inference.backends import choose
from panmatch_ros.inference.engine_cache import EngineCache
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros


# Building before start.

@pytest.fixture
def build_only(graph, options):
    """Start a node with build_only, and give what spins it until it ends; its exit code."""
    def build_only(node_class=FlowNode, **others):
        node = add(graph, node_class, **{**options, 'build_only': True, **others})

        def end():
            with pytest.raises(SystemExit) as ended:
                graph.spin_for(30)
            graph.executor.remove_node(node)
            graph.spin_for(0.2)  # what is still on its way to the log
            return ended.value.code
        return node, end
    return build_only


def send_image(graph, encoding='rgb8', stamp_s=1.0):
    graph.publish('image', image_message(IMAGES[0], encoding, stamp_s))


def test_build_only_builds_the_engine_of_the_first_image_and_ends(graph, in_place, build_only,
                                                                  options):
    backend = in_place(wait=threading.Event())
    node, end = build_only()
    graph.listen('/diagnostics', DiagnosticArray)
    graph.listen('flow', Image)
    for index in range(3):
        send_image(graph, stamp_s=1.0 + index)
    level, message, values = wait_for_report(graph, lambda _level, _message, values: (
        BUILDING in values['engine_status']))
    assert (level, message) == (OK, 'build_only: nothing is published')
    assert values['engine_status'].endswith(' s')  # nothing computes meanwhile
    backend.wait.set()
    assert end() == 0
    folder = Path(options['engine_cache_dir'])
    (entry,) = EngineCache(folder).entries()
    assert (entry.key.size, entry.key.backend) == ((64, 128), 'cpu_engine')
    assert 'build_only: engines for flow with images of 60x120 (height x' in graph.log_text()
    assert (f'build_only: cpu_engine fp32 flow at 64x128: built in {folder}; parity: mean 0 px'
            in graph.log_text())
    assert (graph.received['flow'], node.statistics.processed) == ([], 0)


def test_build_only_finds_the_engines_of_both_sizes(graph, in_place, build_only, options):
    build(in_place, options, 'stereo', (128, 160))
    backend = in_place()
    _, end = build_only(StereoNode, large_motion=True)  # nobody subscribes to its outputs
    send(graph, 1.0)
    assert end() == 0
    assert [(part, size) for part, size in backend.built] == [
        (part, (64, 128)) for part in ('encoder', 'stereo', 'refine')]
    assert 'build_only: cpu_engine fp32 stereo at 128x192: found in ' in graph.log_text()
    assert 'build_only: cpu_engine fp32 stereo at 64x128: built in ' in graph.log_text()


def test_build_only_waits_for_an_image_that_can_be_used(graph, in_place, build_only):
    in_place()
    node, end = build_only(input_timeout_seconds=0.3)
    graph.wait_for_log('/image: no message since the node subscribed')
    broken = image_message(IMAGES[0], 'rgb8', 1.0)
    broken.encoding = 'magic'
    graph.publish('image', broken)
    assert graph.spin_until(lambda: node.statistics.rejected == 1)
    send_image(graph, stamp_s=2.0)
    assert end() == 0


@pytest.mark.parametrize(('changes', 'why'), [
    ({'change': shifted}, 'is refused: mean 1.414 px (at most 0.01)'),
    ({'fails': RuntimeError('CUDA error: 700')}, 'CUDA error: 700')])
def test_build_only_without_an_engine_ends_with_1(graph, in_place, build_only, changes, why):
    in_place(**changes)
    _, end = build_only()
    send_image(graph)
    assert end() == 1
    line = next(line for line in graph.log_text().splitlines() if why in line)
    assert line.startswith('build_only: ')


def test_build_only_that_must_not_build(graph, in_place, build_only):
    backend = in_place()
    _, end = build_only(allow_engine_build=False)
    send_image(graph)
    assert end() == 1
    assert 'build_only: there is none in' in graph.log_text()
    assert backend.built == []


def test_build_only_wants_the_engine_to_be_kept(graph, in_place, build_only, options):
    Path(options['engine_cache_dir']).write_text('a file where the folder should be')
    in_place()
    _, end = build_only()
    send_image(graph)
    assert end() == 1
    assert 'takes none: see the warning before, and name another engine_cache_dir' \
        in graph.log_text()


def test_build_only_with_a_matcher_that_has_no_engines(graph, in_place, build_only):
    in_place()
    _, end = build_only(StereoNode, matcher='auto', weights='')
    send(graph, 1.0)
    assert end() == 1
    assert 'the matcher classical computes stereo with opencv, which has no engines; choose the ' \
        'matcher nano or panmatch and the backend tensorrt or onnx_tensorrt' in graph.log_text()


@NOT_INSTALLED
@pytest.mark.parametrize(('allow_fallback', 'why'), [
    (False, 'the backend tensorrt cannot be used: '),
    (True, 'the matcher nano computes flow with onnxruntime, which has no engines')])
def test_build_only_with_a_backend_that_is_not_installed(graph, build_only, allow_fallback, why):
    if allow_fallback and choose.has_nvidia_device():
        pytest.skip('with a CUDA device it is torch')
    _, end = build_only(allow_fallback=allow_fallback)
    send_image(graph)
    assert end() == 1
    assert f'build_only: {why}' in graph.log_text()


@pytest.mark.parametrize('backend', ['auto', 'onnxruntime', 'torch'])
def test_build_only_needs_a_backend_with_engines(graph, options, backend):
    with pytest.raises(ConfigError, match=f'the backend {backend} has none: set backend to '
                                          'tensorrt or onnx_tensorrt'):
        graph.add(FlowNode, **{**options, 'backend': backend, 'build_only': True})


def test_the_backend_of_build_only_cannot_become_one_without_engines(graph, in_place, build_only):
    in_place()
    node, _ = build_only()
    result = node.set_parameters([Parameter('backend', value='onnxruntime')])[0]
    assert not result.successful
    assert 'build_only builds engines' in result.reason


# As processes.

CODE = """
import sys
sys.path.insert(0, {support!r})
from cpu_engine import CpuEngineBackend
from panmatch_ros.inference import runtime
from panmatch_ros.inference.backends import choose
from panmatch_ros.inference.backends.onnxruntime_backend import OnnxRuntimeBackend
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.process import run_node
choose.make_backend = lambda *_, **__: CpuEngineBackend(wait={wait})
runtime.meanwhile = lambda *_: OnnxRuntimeBackend(1)
raise SystemExit(run_node(FlowNode, sys.argv))
"""


@pytest.fixture
def start(tmp_path, options):
    """Start a flow node as a process, with a back-end in the place of TensorRT."""
    running = []

    def start(wait='None', **others):
        support = str(Path(__file__).parents[2] / 'support')
        values = {**options, **others}
        running.append(subprocess.Popen(
            [sys.executable, '-c', CODE.format(support=support, wait=wait), '--ros-args',
             *(part for name, value in values.items() for part in ('-p', f'{name}:={value}'))],
            cwd=tmp_path, env={**os.environ, 'PYTHONUNBUFFERED': '1'}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def send_until(graph, condition, timeout_s=40):
    """Send image after image."""
    end, index = time.monotonic() + timeout_s, 0
    while not condition():
        assert time.monotonic() < end
        publisher = graph.node.create_publisher(Image, 'image', 10)
        publisher.publish(image_message(IMAGES[index % 2], 'rgb8', 1 + index / 10))
        graph.spin_for(0.3)
        index += 1


def test_build_only_as_a_process(graph, start):
    process = start(build_only='true')
    send_until(graph, lambda: process.poll() is not None)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output
    assert 'Traceback' not in output
    assert re.search(r'\[INFO\].*flow_node\]: cpu_engine: the engine for flow at 64x128 is built',
                     output)
    assert 'build_only: cpu_engine fp32 flow at 64x128: built in ' in output


def test_build_only_as_a_process_that_fails(graph, start, options):
    process = start(build_only='true', allow_engine_build='false')
    send_until(graph, lambda: process.poll() is not None)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 1, output
    assert 'Traceback' not in output
    assert output.count('there is none in') == 1  # the runtime says it too, and is not repeated


def test_ctrl_c_while_an_engine_is_built(graph, start):
    process = start(wait='__import__("threading").Event()')
    graph.listen('flow', Image)
    send_until(graph, lambda: graph.received['flow'])
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    output, _ = process.communicate(timeout=10)
    assert time.monotonic() - sent < 2
    assert process.returncode == 0, output
    assert 'Traceback' not in output
