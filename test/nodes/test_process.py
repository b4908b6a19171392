"""Nodes as processes: Ctrl-C, external shutdown, exit codes."""
import signal
import textwrap
import time

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
import cv2
from processes import end
import ros_harness  # noqa: F401  # sets the ROS domain of these tests

pytestmark = pytest.mark.ros
NODES = ['stereo_node', 'flow_node', 'match_node', 'motion_depth_node', 'perception_node',
         'image_player', 'recorder']


@pytest.fixture
def start(start_python):
    """Give a function that starts a node of this package."""
    def start(node, *arguments):
        return start_python('-m', f'panmatch_ros.nodes.{node}', '--ros-args', *arguments)
    return start


@pytest.fixture
def start_code(start_python):
    """Give a function that runs a node which the given code makes in ``make_node``."""
    def start(code):
        return start_python('-c', '\n'.join([
            'from panmatch_ros.nodes.process import run_node',
            'from rcl_interfaces.msg import Log', 'from rclpy.node import Node',
            textwrap.dedent(code), 'raise SystemExit(run_node(make_node, []))']))
    return start


def arguments_of(node, tmp_path):
    cv2.imwrite(str(tmp_path / 'image.png'), np.zeros((32, 32, 3), np.uint8))
    return {'image_player': ['-p', f'images:={tmp_path / "image.png"}'],
            'recorder': ['-p', f'out:={tmp_path / "out"}'],
            'motion_depth_node': ['-p', 'pose_source:=odometry']}.get(node, [])


def wait_until_up(graph, node):
    assert graph.spin_until(lambda: node in graph.node.get_node_names(), timeout_s=15)


@pytest.mark.parametrize('node', NODES)
@pytest.mark.parametrize('sent', [signal.SIGINT, signal.SIGTERM])
def test_ends_within_two_seconds_without_a_traceback(graph, start, tmp_path, node, sent):
    process = start(node, *arguments_of(node, tmp_path))
    wait_until_up(graph, node)
    process.send_signal(sent)
    output = end(process, 2.0)
    assert process.returncode == 0, output
    assert 'Traceback' not in output


@pytest.mark.parametrize('sent', [signal.SIGINT, signal.SIGTERM])
def test_signal_while_the_node_is_made_is_a_requested_end(start_code, sent):
    """ROS is shut down under the constructor, so creating a publisher raises RCLError."""
    process = start_code(f"""
        def make_node():
            import os, time
            node = Node('interrupted')
            os.kill(os.getpid(), {int(sent)})
            while True:
                try:
                    time.sleep(0.01)
                except KeyboardInterrupt:
                    pass  # as inside a C++ call, which Python does not interrupt
                node.create_publisher(Log, 'topic', 1)
    """)
    output = end(process, 10.0)
    assert process.returncode == 0, output
    assert 'Traceback' not in output


def test_ctrl_c_inside_exec_is_a_requested_end(start_code):
    """Dataclasses are made with exec(), and Python remembers an interrupt that passed it."""
    process = start_code("""
        def make_node():
            exec('raise KeyboardInterrupt')
    """)
    output = end(process, 10.0)
    assert process.returncode == 0, output


def test_parameters_without_ros_args_are_told(graph, start_python):
    """Without --ros-args ROS ignores -p; the node started with its defaults, silently."""
    process = start_python('-m', 'panmatch_ros.nodes.flow_node', '-p', 'matcher', 'classical')
    wait_until_up(graph, 'flow_node')
    process.send_signal(signal.SIGINT)
    output = end(process, 2.0)
    assert process.returncode == 0, output
    assert 'ignored, for they do not come after --ros-args: -p matcher classical' in output


def test_error_while_the_node_is_made_is_not_hidden(start_code):
    process = start_code("""
        def make_node():
            raise RuntimeError('a bug')
    """)
    output = end(process, 10.0)
    assert process.returncode == 1
    assert 'RuntimeError: a bug' in output


def test_second_ctrl_c_does_not_break_the_clean_up(graph, start, tmp_path):
    process = start('stereo_node')
    wait_until_up(graph, 'stereo_node')
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    output = end(process, 2.0)
    assert process.returncode == 0, output
    assert 'Traceback' not in output


def test_ctrl_c_while_frames_are_processed(graph, start, tmp_path):
    from sensor_msgs.msg import Image
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'big.png'), noise)
    start('image_player', '-p', f'images:={tmp_path / "big.png"}', '-p', 'rate_hz:=20.0')
    process = start('flow_node')
    graph.listen('flow', Image)
    graph.wait_for('flow', timeout_s=20)
    process.send_signal(signal.SIGINT)
    output = end(process, 2.0)
    assert process.returncode == 0, output
    assert 'Traceback' not in output


def test_ctrl_c_while_a_network_computes_for_long(graph, start, tmp_path):
    """Python's own end would take from the thread what it uses, and abort the process."""
    pytest.importorskip('torch', reason='torch is not installed')
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    from diagnostic_msgs.msg import DiagnosticArray
    from sensor_msgs.msg import Image
    from tiny_network import write_tiny
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'big.png'), noise)
    process = start('flow_node', '-p', f'weights:={write_tiny(tmp_path / "w.safetensors")}',
                    '-p', 'device:=cpu')
    wait_until_up(graph, 'flow_node')
    start('image_player', '-p', f'images:={tmp_path / "big.png"}')
    graph.listen('flow', Image)
    graph.listen('/diagnostics', DiagnosticArray)

    def is_busy():
        values = {pair.key: pair.value for array in graph.received['/diagnostics']
                  for pair in array.status[0].values}
        return values.get('matcher') == 'panmatch_tiny' and int(values['frames_dropped']) > 2
    assert graph.spin_until(is_busy, timeout_s=30)
    process.send_signal(signal.SIGINT)
    output = end(process, 2.0)
    assert process.returncode == 0, output
    assert 'terminate called' not in output


def test_wrong_parameter_ends_the_node_with_a_reason(start):
    process = start('stereo_node', '-p', 'confidence_threshold:=7.0')
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert 'confidence_threshold must be from 0 to 1, got 7.0' in output
    assert 'Traceback' not in output


@pytest.mark.parametrize('argument', [
    'use_color:=1', 'matcher:=5', 'queue_size:=.inf', 'confidence_threshold:=[1',
    'qos_overrides./left/image_rect.subscription.reliability:=foo',
    'qos_overrides./disparity.publisher.depth:=-3'])
def test_wrong_types_and_qos_end_the_node_with_one_line(start, argument):
    process = start('stereo_node', '-p', argument)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1, output
    assert 'Traceback' not in output
    assert '[FATAL]' in output or '[fatal]' in output.lower(), output


def test_player_without_images_says_what_it_needs(start):
    process = start('image_player')
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert 'set either images, or left and right' in output
