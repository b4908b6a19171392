"""
Start the node of depth from motion: images of one camera and its poses in; metric depth out.

    ros2 launch panmatch_ros motion_depth.launch.py namespace:=front image:=image_rect
    ros2 launch panmatch_ros motion_depth.launch.py pose_source:=odometry odometry:=/vio/odometry
"""
import os

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue
from launch_ros.substitutions import FindPackageShare

CONFIG = [FindPackageShare('panmatch_ros'), 'config']
ARGUMENTS = {
    'namespace': ('', 'namespace of all nodes and topics'),
    'image': ('image', 'topic of the images, which are rectified'),
    'camera_info': ('camera_info', 'topic of their camera_info'),
    'odometry': ('odometry', 'topic of the poses, with pose_source:=odometry'),
    'pose_source': ('', 'tf or odometry; empty: as params_file says'),
    'odom_frame': ('', 'frame of TF that does not move; empty: as params_file says'),
    'camera_frame': ('', 'optical frame of the camera; empty: as params_file says'),
    'params_file': (PathJoinSubstitution([*CONFIG, 'motion_depth_node.yaml']),
                    'YAML parameter file'),
    'matcher': ('', 'auto, nano, classical, panmatch, ...; empty: as params_file says'),
    'weights': ('', 'checkpoint of the PanMatch network; empty: as params_file says'),
    'backend': ('', 'auto, onnxruntime, torch, tensorrt, ...; empty: as params_file says'),
    'build_only': ('', 'true: build the engines and end; empty: as params_file says'),
    'use_sim_time': ('', 'true: take the time from /clock; empty: as params_file says'),
    'rviz': ('false', 'true: show the results in RViz'),
    'log_level': ('info', 'debug, info, warn, error or fatal'),
}


def generate_launch_description():
    declared = [DeclareLaunchArgument(name, default_value=default, description=description)
                for name, (default, description) in ARGUMENTS.items()]
    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def start(context):
    value = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    topics = [(name, value[name]) for name in ('image', 'camera_info', 'odometry')]
    clock = given(value, bool, 'use_sim_time')
    chosen = given(value, str, 'pose_source', 'odom_frame', 'camera_frame', 'matcher', 'weights',
                   'backend') + given(value, bool, 'build_only')
    common = {'output': 'screen', 'emulate_tty': True, 'additional_env': middleware_profile(),
              'ros_arguments': ['--log-level', value['log_level']]}
    return [GroupAction([
        PushRosNamespace(value['namespace']),
        Node(package='panmatch_ros', executable='motion_depth_node', name='motion_depth_node',
             parameters=[ParameterFile(value['params_file'], allow_substs=True), *clock, *chosen],
             remappings=topics, **common),
        Node(package='rviz2', executable='rviz2', name='rviz2', parameters=clock,
             arguments=['-d', PathJoinSubstitution([*CONFIG, 'rviz', 'motion_depth.rviz'])],
             remappings=topics, condition=IfCondition(value['rviz']), **common)])]


def given(args, kind, *names):
    # An argument that was not given must not hide what the parameter file says.
    return [{n: ParameterValue(LaunchConfiguration(n), value_type=kind)} for n in names if args[n]]


def middleware_profile():
    # By default Fast DDS loses large best-effort messages; a profile that the user chose stays.
    names = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')  # old, new name
    profile = PathJoinSubstitution([*CONFIG, 'fastdds', 'large_messages.xml'])
    return {} if any(name in os.environ for name in names) else dict.fromkeys(names, profile)
