"""Engines in the nodes: published meanwhile, swapped in, refused, missing, built before start."""
import logging
from pathlib import Path
import re
import threading

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
from cpu_engine import shifted
from diagnostic_msgs.msg import DiagnosticArray
from engine_nodes import (
    BUILDING,
    ERROR,
    NOT_INSTALLED,
    OK,
    WARN,
    build,
    seconds_of,
    wait_for_report,
)
from plane_scene import LEFT, RIGHT, listen_all, send
from rclpy.parameter import Parameter
from ros_harness import floats_of

from panmatch_ros.core.errors import EngineError
from panmatch_ros.inference.engine_programs import engines_at_work
from panmatch_ros.nodes.diagnostics import own_messages
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros


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
