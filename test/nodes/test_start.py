"""Console scripts of the nodes, with ROS 2 and without."""
import subprocess
import sys
import textwrap

import pytest

from panmatch_ros.nodes import start

NODES = ['stereo_node', 'flow_node', 'match_node', 'motion_depth_node', 'perception_node',
         'image_player', 'recorder']


@pytest.mark.parametrize('node', NODES)
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
              'image_player': image_player, 'recorder': recorder}[node]
    monkeypatch.setattr(module, 'main', lambda: 7)
    assert getattr(start, node)() == 7


def test_a_broken_package_is_not_taken_for_missing_ros(monkeypatch):
    def fail(name, package):
        raise ModuleNotFoundError("No module named 'panmatch_ros.x'", name='panmatch_ros.x')
    monkeypatch.setattr(start, 'import_module', fail)
    with pytest.raises(ModuleNotFoundError):
        start.stereo_node()
