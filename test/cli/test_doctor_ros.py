"""What ``panmatch doctor`` says about ROS 2, on a healthy and on a broken machine."""
import importlib.metadata
from pathlib import Path
import re

import pytest

from panmatch_ros.cli import doctor_probe, doctor_ros
from panmatch_ros.cli.doctor_probe import MISSING, OK, WARNING


def test_ros_distribution(monkeypatch):
    monkeypatch.setenv('ROS_DISTRO', 'humble')
    assert doctor_ros.check_distribution().detail == 'humble (from ROS_DISTRO)'
    monkeypatch.delenv('ROS_DISTRO')
    wheels = {'ros-rclpy': '7.1.6'}

    def version(name):
        if name not in wheels:
            raise importlib.metadata.PackageNotFoundError(name)
        return wheels[name]
    monkeypatch.setattr(importlib.metadata, 'version', version)
    assert doctor_ros.check_distribution().detail == 'jazzy (from ros-rclpy 7.1.6)'
    wheels['ros-rclpy'] = '10.0.10'
    assert doctor_ros.check_distribution().detail == 'lyrical (from ros-rclpy 10.0.10)'
    wheels['ros-rclpy'] = '99.0.0'
    assert 'of unknown name' in doctor_ros.check_distribution().detail
    wheels.clear()
    assert doctor_ros.check_distribution().status == MISSING


def test_rmw(monkeypatch, answers):
    monkeypatch.delenv('RMW_IMPLEMENTATION', raising=False)
    answers(True, 'rmw_fastrtps_cpp')
    assert doctor_ros.check_rmw().detail == 'rmw_fastrtps_cpp (the default)'
    monkeypatch.setenv('RMW_IMPLEMENTATION', 'rmw_cyclonedds_cpp')
    answers(False, 'exiting with 102')
    check = doctor_ros.check_rmw()
    assert check.status == MISSING
    assert 'rmw_cyclonedds_cpp' in check.detail
    assert 'ros-DISTRO-rmw-cyclonedds-cpp' in check.advice
    answers(True, '', installed=False)
    assert doctor_ros.check_rmw().status == MISSING


def test_fast_dds_profile(monkeypatch, answers, tmp_path):
    answers(True, '')
    profile = tmp_path / 'profile.xml'
    monkeypatch.delenv('RMW_IMPLEMENTATION', raising=False)
    for variable in doctor_ros.PROFILE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    check = doctor_ros.check_profile()
    assert check.status == WARNING
    assert 'export FASTRTPS_DEFAULT_PROFILES_FILE=' in check.advice
    for variable in doctor_ros.PROFILE_VARIABLES:
        with monkeypatch.context() as patch:
            patch.setenv(variable, str(profile))
            assert doctor_ros.check_profile().status == WARNING
            assert 'not a file' in doctor_ros.check_profile().detail
            profile.touch()
            assert doctor_ros.check_profile().status == OK
            profile.unlink()
    monkeypatch.setenv('RMW_IMPLEMENTATION', 'rmw_cyclonedds_cpp')
    assert doctor_ros.check_profile().detail.startswith('not needed')


def test_node_messages(answers):
    answers(True, ' '.join(doctor_ros.NODE_MESSAGES))
    assert doctor_ros.check_node_messages() == doctor_probe.Check(
        'node messages', OK, 'geometry_msgs, std_srvs, nav_msgs, tf2_msgs, rosgraph_msgs, '
        'lifecycle_msgs')


@pytest.mark.parametrize(('package', 'nodes'), [
    ('geometry_msgs', 'match_node'), ('std_srvs', 'match_node and evaluator_node'),
    ('nav_msgs', 'motion_depth_node with pose_source odometry and perception_node with '
     'ego_motion odometry'),
    ('tf2_msgs', 'motion_depth_node with pose_source tf, perception_node with ego_motion tf, both '
     'with odometry that is not that of the camera itself, and evaluator_node with lidar'),
    ('rosgraph_msgs', 'bag_player, and use_sim_time of all nodes'),
    ('lifecycle_msgs', 'the managed_* nodes and the launch files')])
def test_node_messages_that_are_missing_tell_which_node_needs_them(
        answers, monkeypatch, package, nodes):
    answers(True, ' '.join(name for name in doctor_ros.NODE_MESSAGES if name != package))
    check = doctor_ros.check_node_messages()
    assert (check.status, check.detail) == (MISSING, f'{package} (broken)')
    monkeypatch.setattr(doctor_ros, 'is_installed', lambda name: name != package)
    check = doctor_ros.check_node_messages()
    assert check.detail == f'{package} (not installed)'
    assert check.advice == f'for {nodes}: install ros-DISTRO-{package.replace("_", "-")}'


def test_several_node_messages_are_missing(answers):
    answers(True, 'std_srvs nav_msgs rosgraph_msgs lifecycle_msgs')
    check = doctor_ros.check_node_messages()
    assert check.detail == 'geometry_msgs (broken), tf2_msgs (broken)'
    assert check.advice.count('; for ') == 1
    answers(False, 'ImportError: no library')
    check = doctor_ros.check_node_messages()
    assert check.detail == 'cannot be loaded: ImportError: no library'
    answers(True, '', installed=False)
    assert doctor_ros.check_node_messages() == doctor_probe.Check(
        'node messages', MISSING, 'need rclpy', doctor_ros.GET_ROS)


@pytest.mark.ros
def test_the_probe_of_node_messages_tells_which_can_be_sent():
    pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
    messages = [('geometry_msgs.msg', 'PoseStamped'), ('no_such_msgs.msg', 'Image'),
                ('std_srvs.srv', 'NoSuchService'), ('json', 'JSONDecoder')]
    works, answer = doctor_probe.probe(doctor_ros.USABLE.format(messages=messages))
    assert (works, answer) == (True, 'geometry_msgs')


def test_every_message_that_nodes_import_is_looked_at():
    nodes = Path(doctor_ros.__file__).parents[1] / 'nodes'
    imported = {name for path in nodes.glob('*.py') for name in re.findall(
        r'^\s*from (\w+_(?:msgs|srvs))\.(?:msg|srv) import', path.read_text(), re.MULTILINE)}
    everywhere = {'sensor_msgs', 'stereo_msgs', 'diagnostic_msgs', 'std_msgs'}
    assert imported - everywhere <= set(doctor_ros.NODE_MESSAGES)
    assert set(doctor_ros.NODE_MESSAGES) - {'lifecycle_msgs'} <= imported


def test_own_messages_that_are_not_built(answers):
    answers(True, '', installed=False)
    check = doctor_ros.check_own_messages()
    assert check.status == MISSING
    assert 'stay silent' in check.detail
    assert 'colcon build' in check.advice
