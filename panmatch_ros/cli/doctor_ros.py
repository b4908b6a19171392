"""Checks of what the ROS nodes need; ROS is looked at from outside, never imported here."""
import importlib.metadata
import os
from pathlib import Path

from .doctor_probe import MISSING, OK, WARNING, Check, check_module, is_installed, probe

GET_ROS = ('only for the nodes: install ROS 2 and `source /opt/ros/DISTRO/setup.bash`, or use '
           'the wheels as `make setup` does')
BUILD = ('build them: `make setup` in the source folder and `source tools/activate.sh`, or '
         '`colcon build` and `source install/setup.bash`')
DISTRIBUTIONS = {'3.3': 'humble', '4.1': 'iron', '7.1': 'jazzy', '9.1': 'kilted',
                 '10.0': 'lyrical'}  # of rclpy
DEFAULT_RMW = 'rmw_fastrtps_cpp'
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
PROFILE = '$(ros2 pkg prefix --share panmatch_ros)/config/fastdds/large_messages.xml'

TYPE_SUPPORT = """
from rclpy.type_support import check_for_type_support
{imports}
for message in ({names},):
    check_for_type_support(message)
print('{names}')
"""
# Messages that only some nodes need: where one of each package is, and who needs it.
NODE_MESSAGES = {
    'geometry_msgs': ('geometry_msgs.msg', 'PoseStamped', 'match_node'),
    'std_srvs': ('std_srvs.srv', 'Trigger', 'match_node and evaluator_node'),
    'nav_msgs': ('nav_msgs.msg', 'Odometry', 'motion_depth_node with pose_source odometry and '
                 'perception_node with ego_motion odometry'),
    'tf2_msgs': ('tf2_msgs.msg', 'TFMessage', 'motion_depth_node with pose_source tf, '
                 'perception_node with ego_motion tf, both with odometry that is not that of the '
                 'camera itself, and evaluator_node with lidar'),
    'rosgraph_msgs': ('rosgraph_msgs.msg', 'Clock', 'bag_player, and use_sim_time of all nodes'),
    'lifecycle_msgs': ('lifecycle_msgs.msg', 'Transition',
                       'the managed_* nodes and the launch files'),
}
USABLE = """
import importlib
from rclpy.type_support import check_for_type_support
for module, name in {messages!r}:
    try:
        check_for_type_support(getattr(importlib.import_module(module), name))
    except Exception:
        continue
    print(end=module.split('.')[0] + ' ')
"""
USE_CV_BRIDGE = """
import cv_bridge, numpy
bridge = cv_bridge.CvBridge()
image = numpy.arange(4, dtype=numpy.uint8).reshape(2, 2)
message = bridge.cv2_to_imgmsg(image, 'mono8')
assert (bridge.imgmsg_to_cv2(message, 'mono8') == image).all()
print('converts images')
"""


def check_distribution() -> Check:
    """Which ROS 2 distribution is in use."""
    name = 'ROS 2'
    if os.environ.get('ROS_DISTRO'):
        return Check(name, OK, f'{os.environ["ROS_DISTRO"]} (from ROS_DISTRO)')
    for distribution in ('ros-rclpy', 'rclpy'):
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
        known = DISTRIBUTIONS.get('.'.join(version.split('.')[:2]), 'of unknown name')
        return Check(name, OK, f'{known} (from {distribution} {version})')
    return Check(name, MISSING, 'no distribution is active', GET_ROS)


def check_rclpy() -> Check:
    """Check the Python client library."""
    return check_module('rclpy', 'rclpy', 'import rclpy.node; print("can be imported")', GET_ROS)


def check_rmw() -> Check:
    """Which middleware is loaded, and whether it is there."""
    name, wanted = 'RMW', os.environ.get('RMW_IMPLEMENTATION', '')
    if not is_installed('rclpy'):
        return Check(name, MISSING, 'needs rclpy', GET_ROS)
    works, answer = probe('import rclpy; print(rclpy.get_rmw_implementation_identifier())')
    if works:
        origin = 'from RMW_IMPLEMENTATION' if wanted else 'the default'
        return Check(name, OK, f'{answer} ({origin})')
    if wanted:
        return Check(name, MISSING, f'{wanted} (from RMW_IMPLEMENTATION) cannot be loaded',
                     f'unset RMW_IMPLEMENTATION, or install ros-DISTRO-{wanted.replace("_", "-")}')
    return Check(name, MISSING, f'cannot be loaded: {answer}', GET_ROS)


def check_profile() -> Check:
    """Check for a Fast DDS profile that lets large messages through."""
    name = 'Fast DDS profile'
    rmw = os.environ.get('RMW_IMPLEMENTATION') or DEFAULT_RMW
    if not is_installed('rclpy') or not rmw.startswith('rmw_fastrtps'):
        return Check(name, OK, 'not needed: it only matters for ROS with rmw_fastrtps')
    advice = (f'large images get lost between processes; `export {PROFILE_VARIABLES[0]}={PROFILE}`'
              ' (`source tools/activate.sh` does that)')
    for variable in PROFILE_VARIABLES:
        path = os.environ.get(variable)
        if path and Path(path).is_file():
            return Check(name, OK, f'{path} (from {variable})')
        if path:
            return Check(name, WARNING, f'{variable} names {path}, which is not a file', advice)
    return Check(name, WARNING, 'none in force', advice)


def check_standard_messages() -> Check:
    """Check the standard messages and their type support."""
    return check_messages('standard messages', 'sensor_msgs', [
        ('sensor_msgs.msg', 'Image'), ('stereo_msgs.msg', 'DisparityImage'),
        ('diagnostic_msgs.msg', 'DiagnosticArray')],
        'install ros-DISTRO-sensor-msgs, -stereo-msgs and -diagnostic-msgs')


def check_node_messages() -> Check:
    """Check the messages that only some nodes need, and say which nodes cannot run."""
    name = 'node messages'
    if not is_installed('rclpy'):
        return Check(name, MISSING, 'need rclpy', GET_ROS)
    messages = [(module, message) for module, message, _ in NODE_MESSAGES.values()]
    works, answer = probe(USABLE.format(messages=messages))
    if not works:
        return Check(name, MISSING, f'cannot be loaded: {answer}', GET_ROS)
    unusable = [package for package in NODE_MESSAGES if package not in answer.split()]
    if not unusable:
        return Check(name, OK, ', '.join(NODE_MESSAGES))
    reasons = [f'{package} ({"broken" if is_installed(package) else "not installed"})'
               for package in unusable]
    advice = [f'for {NODE_MESSAGES[package][2]}: install ros-DISTRO-{package.replace("_", "-")}'
              for package in unusable]
    return Check(name, MISSING, ', '.join(reasons), '; '.join(advice))


def check_own_messages() -> Check:
    """Check the messages of this package, which have to be built."""
    check = check_messages('own messages', 'panmatch_ros.msg', [
        ('panmatch_ros.msg', name)
        for name in ('OpticalFlow', 'Correspondences', 'InferenceStatistics')], BUILD)
    if check.status == MISSING:
        return Check(check.name, MISSING, f'{check.detail}; the topics that use them stay silent, '
                     'all others work', check.advice)
    return check


def check_messages(name: str, module: str, messages: list[tuple[str, str]],
                   advice: str) -> Check:
    """
    Check that messages can be imported and sent.

    :param name: how the check is called.
    :param module: what has to be found first.
    :param messages: module and class of each message.
    :param advice: what to do if one fails.
    """
    imports = '\n'.join(f'from {package} import {message}' for package, message in messages)
    names = ', '.join(message for _, message in messages)
    return check_module(name, module, TYPE_SUPPORT.format(imports=imports, names=names), advice)


def check_cv_bridge() -> Check:
    """Check that cv_bridge converts an image: builds for NumPy 1 fail under NumPy 2."""
    return check_module('cv_bridge', 'cv_bridge', USE_CV_BRIDGE,
                        'nothing has to be done: the nodes convert images themselves')


def check_message_filters() -> Check:
    """Check for the synchroniser of topics."""
    return check_module('message_filters', 'message_filters',
                        'import message_filters; message_filters.ApproximateTimeSynchronizer; '
                        'print("can be imported")',
                        'nothing has to be done: the nodes pair images themselves')


def check_launch() -> Check:
    """Check for the launch system."""
    return check_module('launch', 'launch_ros',
                        'import launch, launch_ros.actions; print("can be imported")',
                        'for launch files: install ros-DISTRO-launch-ros; the nodes also start '
                        'without it: `panmatch_stereo_node`, `panmatch_flow_node`')


def check_ros2cli() -> Check:
    """Check for the ros2 command."""
    return check_module('ros2 command', 'ros2cli', 'import ros2cli.cli; print("can be imported")',
                        'for `ros2 run`: install ros-DISTRO-ros2cli; the nodes also start '
                        'without it: `panmatch_stereo_node`, `panmatch_flow_node`')


CHECKS = (check_distribution, check_rclpy, check_rmw, check_profile, check_standard_messages,
          check_node_messages, check_own_messages, check_cv_bridge, check_message_filters,
          check_launch, check_ros2cli)
