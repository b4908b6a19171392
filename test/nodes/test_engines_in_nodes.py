"""Engines in the nodes: published meanwhile, swapped in, refused, missing, built before start."""
from importlib.util import find_spec
import logging
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
from cpu_engine import CpuEngineBackend, shifted
from diagnostic_msgs.msg import DiagnosticArray
from plane_scene import LEFT, RIGHT, listen_all, send
from rclpy.parameter import Parameter
from ros_harness import floats_of, image_message
from sensor_msgs.msg import Image
from tiny_nano import textured_pair, write_graphs

from panmatch_ros.core.errors import ConfigError, EngineError
from panmatch_ros.inference import runtime
from panmatch_ros.inference.backends import choose
from panmatch_ros.inference.backends.onnxruntime_backend import OnnxRuntimeBackend
from panmatch_ros.inference.engine_cache import EngineCache
from panmatch_ros.inference.engine_programs import engines_at_work
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions
from panmatch_ros.nodes.diagnostics import own_messages
from panmatch_ros.nodes.flow_node import FlowNode
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

IMAGES = textured_pair(60, 120)
BUILDING = 'cpu_engine flow at 64x128: the engine is being made since '
OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'
NOT_INSTALLED = pytest.mark.skipif(find_spec('torch_tensorrt') is not None,
                                   reason='Torch-TensorRT is installed')


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


def add(graph, node_class, **parameters):
    """Start a node, and wait until its log is heard."""
    node = graph.add(node_class, **parameters)

    def is_heard():
        node.get_logger().info('here')
        return 'here' in graph.log_text()
    assert graph.spin_until(is_heard)
    return node


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


# Built in the background.

def test_a_node_publishes_while_an_engine_is_built_and_swaps(graph, in_place, flow, expected):
    backend = in_place(wait=threading.Event())
    running = flow()
    statistics = own_messages()
    if statistics:
        graph.listen('statistics', statistics.InferenceStatistics)
    running.send()
    np.testing.assert_array_equal(running.next(), running.should_be(expected))
    assert backend.building.wait(20)
    np.testing.assert_array_equal(running.next(), running.should_be(expected))
    level, message, values = wait_for_report(graph, lambda _level, _message, values: (
        BUILDING in values['engine_status']))
    assert (level, values['backend']) == (OK, 'onnxruntime')
    assert re.fullmatch(r'\d+\.\d Hz, \d+ ms a frame', message)
    assert values['engine_status'].endswith(' s; onnxruntime computes meanwhile')
    # No frame comes, and still the report is of now.
    since = seconds_of(values['engine_status'])
    wait_for_report(graph, lambda _level, _message, values: (
        seconds_of(values['engine_status']) >= since + 2))
    assert graph.log_text().count(BUILDING) == 1
    backend.wait.set()
    wait_for_report(graph, lambda level, _message, values: (
        values['engine_status'] == '' and level == OK))
    graph.wait_for_log('the engines that were needed are ready')
    for _ in range(2):
        np.testing.assert_array_equal(running.next(), running.should_be(expected))
    wait_for_report(graph, lambda _level, _message, values: values['backend'] == 'cpu_engine')
    assert [part for part, _ in backend.built] == ['encoder', 'flow', 'refine']
    assert running.node.statistics.rejected == 0
    if statistics:
        graph.wait_for('statistics', 4)
        assert [(each.matcher, each.backend, each.precision) for each in
                graph.received['statistics']] == [
                    ('nano', backend, 'fp32') for backend in
                    ('onnxruntime', 'onnxruntime', 'cpu_engine', 'cpu_engine')]


def test_the_stereo_node_builds_the_engine_of_its_task_only(graph, in_place, options, plain):
    backend = in_place(wait=threading.Event())
    node = graph.add(StereoNode, **options, confidence_threshold=0.0)
    listen_all(graph)
    graph.listen('/diagnostics', DiagnosticArray)
    expected = plain.match_stereo(LEFT, RIGHT)

    def assert_published(stamp_s, count):
        send(graph, stamp_s)
        found = floats_of(graph.wait_for('disparity', count, 20).image)
        np.testing.assert_array_equal(found, expected.disparity)
        np.testing.assert_array_equal(floats_of(graph.wait_for('confidence', count)),
                                      expected.confidence)
    assert_published(1.0, 1)
    assert backend.building.wait(20)
    wait_for_report(graph, lambda _level, _message, values: (
        'stereo at 128x192: the engine is being made' in values['engine_status']
        and values['backend'] == 'onnxruntime'))
    backend.wait.set()
    wait_for_report(graph, lambda _level, _message, values: values['engine_status'] == '')
    assert_published(2.0, 2)
    assert node.matcher.backend == 'cpu_engine'
    assert [part for part, _ in backend.built] == ['encoder', 'stereo', 'refine']


@pytest.mark.parametrize(('changes', 'why'), [
    ({'change': shifted}, 'the engine that was built is refused: mean 1.414 px (at most 0.01)'),
    ({'fails': EngineError('no converter for aten::what')}, 'no converter for aten::what'),
    ({'fails': RuntimeError('CUDA error: 700\nand more')}, 'CUDA error: 700'),
])
def test_an_engine_that_cannot_be_used(graph, in_place, flow, options, expected, changes, why):
    backend = in_place(**changes)
    running = flow()
    running.send()
    running.next()
    _, message, values = wait_for_report(graph, lambda level, *_: level == WARN)
    said = f'cpu_engine flow at 64x128: onnxruntime computes instead: {why}'
    assert message.startswith(said)
    assert values['engine_status'] == message
    for _ in range(2):
        np.testing.assert_array_equal(running.next(), running.should_be(expected))
    _, _, values = wait_for_report(graph, lambda level, *_: level == WARN)
    assert (values['backend'], values['frames_rejected']) == ('onnxruntime', '0')
    assert graph.log_text().count(said) == 1
    assert len(backend.built) in (0, 3)  # it is not tried again
    folder = Path(options['engine_cache_dir'])
    assert not list(folder.glob('*.engine'))


def test_where_building_is_not_allowed(graph, in_place, flow, expected):
    backend = in_place()
    running = flow(allow_engine_build=False)
    running.send()
    np.testing.assert_array_equal(running.next(), running.should_be(expected))
    _, message, _ = wait_for_report(graph, lambda level, *_: level == WARN)
    assert 'allow_engine_build is off; make it with `panmatch engine build`' in message
    assert backend.built == []


def test_stop_tells_that_an_engine_is_still_built(graph, in_place, flow):
    backend = in_place(wait=threading.Event())
    running = flow()
    running.send()
    running.next()
    assert backend.building.wait(20)
    assert running.node.stop() is False
    backend.wait.set()
    assert graph.spin_until(running.node.stop)


# Parameters.

def test_the_backend_changes_while_the_node_runs(graph, in_place, flow, expected):
    in_place()
    running = flow(backend='onnxruntime')
    running.send()
    for name, backends in (('onnxruntime', {'onnxruntime'}),
                           ('tensorrt', {'onnxruntime', 'cpu_engine'}),
                           ('torch', {'torch'}), ('auto', {'onnxruntime', 'torch'})):
        changed = running.node.set_parameters([Parameter('backend', value=name)])[0]
        assert changed.successful
        np.testing.assert_allclose(running.next(), running.should_be(expected), atol=1e-3)
        assert running.node.matcher.backend in backends
        if name == 'tensorrt':
            wait_for_report(graph, lambda _level, _message, values: (
                values['engine_status'] == ''))
            np.testing.assert_array_equal(running.next(), running.should_be(expected))
            wait_for_report(graph, lambda _level, _message, values: (
                values['backend'] == 'cpu_engine'))
    assert running.node.statistics.rejected == 0


@NOT_INSTALLED
def test_a_backend_that_is_not_installed(graph, flow, expected, caplog):
    running = flow()
    for _ in range(3):
        running.send()
    assert running.node.statistics.rejected == 3
    said = graph.wait_for_log('pip install')
    assert 'tensorrt' in said.lower()
    _, message, values = wait_for_report(graph, lambda level, *_: level == ERROR)
    assert message == said
    assert values['last_error'] == said
    assert graph.received['flow'] == []
    with caplog.at_level(logging.WARNING):
        changed = running.node.set_parameters([Parameter('allow_fallback', value=True)])[0]
        assert changed.successful
        for _ in range(2):
            np.testing.assert_allclose(running.next(), running.should_be(expected), atol=1e-3)
    assert running.node.statistics.rejected == 3
    warned = [record.getMessage() for record in caplog.records if 'computes instead of' in
              record.getMessage()]
    assert len(warned) == 1
    assert ' computes instead of tensorrt: ' in warned[0]
    assert running.node.matcher.backend in ('onnxruntime', 'torch')


def build(in_place, options, task, size):
    """Build an engine before the node starts, as a program of its own would."""
    in_place()
    names = ('weights', 'backend', 'engine_cache_dir')
    NanoMatcher(NanoOptions(**{name: options[name] for name in names})).prepare(task, size)


def test_an_engine_in_a_folder_that_cannot_be_written(graph, in_place, flow, options, expected):
    build(in_place, options, 'flow', (60, 120))
    folder = Path(options['engine_cache_dir'])
    folder.chmod(0o500)
    try:
        backend = in_place()
        running = flow()
        running.send()
        running.next()
        assert graph.spin_until(lambda: backend.opened and not engines_at_work(), 20)
        for _ in range(2):
            np.testing.assert_array_equal(running.next(), running.should_be(expected))
        assert (running.node.matcher.backend, backend.built) == ('cpu_engine', [])
    finally:
        folder.chmod(0o700)


def test_a_folder_that_takes_no_engine(graph, in_place, flow, options, expected, caplog):
    Path(options['engine_cache_dir']).write_text('a file where the folder should be')
    backend = in_place()
    running = flow()
    running.send()
    running.next()
    assert graph.spin_until(lambda: len(backend.opened) == 3 and not engines_at_work(), 20)
    for _ in range(2):
        np.testing.assert_array_equal(running.next(), running.should_be(expected))
    assert running.node.matcher.backend == 'cpu_engine'
    assert caplog.text.count('takes no engine, it is built anew at the next start') == 1


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
        support = str(Path(__file__).parents[1] / 'support')
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
