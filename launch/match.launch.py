"""
Start the match node: two images in; sparse matches, relative pose and a picture out.

    ros2 launch panmatch_ros match.launch.py image0:=front/image_rect image1:=rear/image_rect
    ros2 launch panmatch_ros match.launch.py reference:=keyframe image:=camera/image_rect
"""
import os

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue
from launch_ros.substitutions import FindPackageShare

TOPICS = ('image0', 'image1', 'camera_info0', 'camera_info1', 'image', 'camera_info')
CONFIG = [FindPackageShare('panmatch_ros'), 'config']
ARGUMENTS = {
    'namespace': ('', 'namespace of all nodes and topics'),
    'image0': ('image0', 'topic of image 0, for two topics'),
    'image1': ('image1', 'topic of image 1, for two topics'),
    'camera_info0': ('camera_info0', 'topic of the camera_info of image 0, for the pose'),
    'camera_info1': ('camera_info1', 'topic of the camera_info of image 1, for the pose'),
    'image': ('image', 'topic of the images that are matched to a reference'),
    'camera_info': ('camera_info', 'topic of their camera_info, for the pose'),
    'reference': ('', 'image0 (two topics), keyframe or file; empty: as params_file says'),
    'reference_image': ('', 'image file that images are matched to; empty: as params_file says'),
    'params_file': (PathJoinSubstitution([*CONFIG, 'match_node.yaml']), 'YAML parameter file'),
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
    topics = [(name, value[name]) for name in TOPICS]
    clock = given(value, bool, 'use_sim_time')
    chosen = given(value, str, 'reference', 'reference_image', 'matcher', 'weights', 'backend')
    chosen += given(value, bool, 'build_only')
    common = {'output': 'screen', 'emulate_tty': True, 'additional_env': middleware_profile(),
              'ros_arguments': ['--log-level', value['log_level']]}
    return [GroupAction([
        PushRosNamespace(value['namespace']),
        Node(package='panmatch_ros', executable='match_node', name='match_node',
             parameters=[ParameterFile(value['params_file'], allow_substs=True), *clock, *chosen],
             remappings=topics, **common),
        Node(package='rviz2', executable='rviz2', name='rviz2', parameters=clock,
             arguments=['-d', PathJoinSubstitution([*CONFIG, 'rviz', 'match.rviz'])],
             remappings=topics, condition=IfCondition(value['rviz']), **common)])]


def given(args, kind, *names):
    # An argument that was not given must not hide what the parameter file says.
    return [{n: ParameterValue(LaunchConfiguration(n), value_type=kind)} for n in names if args[n]]


def middleware_profile():
    # By default Fast DDS loses large best-effort messages; a profile that the user chose stays.
    names = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')  # old, new name
    profile = PathJoinSubstitution([*CONFIG, 'fastdds', 'large_messages.xml'])
    return {} if any(name in os.environ for name in names) else dict.fromkeys(names, profile)
