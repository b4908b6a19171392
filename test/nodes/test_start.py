"""Console scripts of the nodes, with ROS 2 and without."""
import os
from pathlib import Path
import signal
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest

from panmatch_ros.nodes import start

NODES = ['stereo_node', 'flow_node', 'match_node', 'motion_depth_node', 'perception_node',
         'image_player', 'recorder', 'evaluator_node', 'bag_player']
MANAGED = [f'managed_{node}' for node in NODES[:5]]


@pytest.mark.parametrize('node', [*NODES, *MANAGED])
def test_without_ros_one_line_says_what_to_do(node, tmp_path):
    code = textwrap.dedent(f"""
        import sys
        for name in ('rclpy', 'sensor_msgs'):
            sys.modules[name] = None
        from panmatch_ros.nodes.start import {node}
        sys.exit({node}())
    """)
    result = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True,
                            text=True, timeout=60, check=False)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f'panmatch_{node}: error: ')
    assert 'source your ROS 2 installation first' in line


@pytest.mark.ros
@pytest.mark.parametrize('node', NODES)
def test_with_ros_the_node_runs(node, monkeypatch):
    pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
    from panmatch_ros.nodes import (
        bag_player,
        evaluator_node,
        flow_node,
        image_player,
        match_node,
        motion_depth_node,
        perception_node,
        recorder,
        stereo_node,
    )
    module = {'stereo_node': stereo_node, 'flow_node': flow_node, 'match_node': match_node,
              'motion_depth_node': motion_depth_node, 'perception_node': perception_node,
              'image_player': image_player, 'recorder': recorder,
              'evaluator_node': evaluator_node, 'bag_player': bag_player}[node]
    monkeypatch.setattr(module, 'main', lambda: 7)
    assert getattr(start, node)() == 7


@pytest.mark.ros
@pytest.mark.parametrize('node', MANAGED)
def test_with_ros_the_managed_node_runs(node, monkeypatch):
    pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
    from panmatch_ros.nodes import managed
    monkeypatch.setattr(managed, 'main', lambda task: f'managed_{task}_node')
    assert getattr(start, node)() == node


@pytest.mark.parametrize('node', [*NODES, *MANAGED])
def test_every_node_is_a_console_script_and_a_script_of_ros2_run(node):
    root = Path(__file__).parents[2]
    entry = f"'panmatch_{node} = panmatch_ros.nodes.start:{node}'"
    assert entry in (root / 'setup.py').read_text(encoding='utf-8')
    script = root / 'scripts' / node
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding='utf-8').splitlines() == [
        '#!/usr/bin/env python3', 'import sys', '',
        f'from panmatch_ros.nodes.start import {node}', '', f'sys.exit({node}())']


@pytest.mark.parametrize('node', ['stereo_node', 'managed_stereo_node'])
@pytest.mark.parametrize('sent', [signal.SIGINT, signal.SIGTERM])
def test_signal_during_the_imports_is_a_requested_end(node, sent, tmp_path):
    """Imports take a second on a small computer; Ctrl-C gave a traceback and status 1 or -2."""
    code = textwrap.dedent(f"""
        import os, sys, time
        class Interrupt:
            def find_spec(self, name, path=None, target=None):
                if name == 'panmatch_ros.nodes.stereo_node':
                    os.kill(os.getpid(), {int(sent)})
                    time.sleep(30)
        sys.meta_path.insert(0, Interrupt())
        from panmatch_ros.nodes.start import {node}
        sys.exit({node}())
    """)
    pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
    result = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True,
                            text=True, timeout=20, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, '', '')


def test_signals_mean_after_the_imports_what_they_meant_before(monkeypatch):
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr(start, 'import_module', lambda *_: SimpleNamespace(main=lambda: [
        signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]))
    assert start.stereo_node() == handlers


def test_a_broken_package_is_not_taken_for_missing_ros(monkeypatch):
    def fail(name, package):
        raise ModuleNotFoundError("No module named 'panmatch_ros.x'", name='panmatch_ros.x')
    monkeypatch.setattr(start, 'import_module', fail)
    with pytest.raises(ModuleNotFoundError):
        start.stereo_node()
