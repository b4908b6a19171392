"""What the launch files share: their common arguments, and how our node and RViz start."""
from collections.abc import Callable, Mapping, Sequence
import os
from posixpath import join
from typing import Any

from ament_index_python.packages import get_packages_with_prefixes
from launch import LaunchContext, LaunchDescription, logging
from launch.action import Action
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    GroupAction,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, TextSubstitution
from launch.utilities.type_utils import coerce_to_type
from launch_ros.actions import LifecycleNode, Node, PushRosNamespace
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue
from launch_ros.substitutions import FindPackageShare
from lifecycle_msgs.msg import Transition

CONFIG = (FindPackageShare('panmatch_ros'), 'config')
SIDES = ('left', 'right')
PROFILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')  # old, new name
STEREO = {
    'left_namespace': ('left', 'where the image and camera_info of the left camera are'),
    'right_namespace': ('right', 'where the image and camera_info of the right camera are'),
    'left_image': ('', 'topic of the left image; empty: image_rect, or image_raw with rectify'),
    'right_image': ('', 'topic of the right image; empty: image_rect, or image_raw with rectify'),
    'left_camera_info': ('camera_info', 'topic of the camera_info of the left camera'),
    'right_camera_info': ('camera_info', 'topic of the camera_info of the right camera'),
    'rectify': ('', 'true: rectify raw images in the node itself; empty: as params_file says, or '
                'false if an image topic is given'),
}
COMMON = {
    'namespace': ('', 'namespace of all nodes and topics'),
    'params_file': ('', 'YAML parameter file'),
    'matcher': ('', 'auto, nano, classical, panmatch, ...; empty: as params_file says'),
    'weights': ('', 'checkpoint of the PanMatch network; empty: as params_file says'),
    'backend': ('', 'auto, onnxruntime, torch, tensorrt, ...; empty: as params_file says'),
    'build_only': ('', 'true: build the engines and end; empty: as params_file says'),
    'use_sim_time': ('', 'true: take the time from /clock; empty: as params_file says'),
    'managed': ('false', 'true: start the node as a managed (lifecycle) node'),
    'autostart': ('true', 'true: configure and activate a managed node; false: leave that to a '
                  'lifecycle manager'),
    'rviz': ('false', 'true: show the results in RViz'),
    'log_level': ('info', 'debug, info, warn, error or fatal'),
}
Values = Mapping[str, str]


def describe(task: str, arguments: Mapping[str, tuple[Any, str]],
             start: Callable[[dict[str, str]], list[Action]]) -> LaunchDescription:
    """
    Declare the arguments of a launch file.

    :param task: 'stereo' for stereo_node, and so on; also names the parameter file.
    :param arguments: default and description of each, besides those that all have.
    :param start: gives what to start, from the values of all arguments.
    """
    table = {**arguments, **COMMON}
    table['params_file'] = (PathJoinSubstitution([*CONFIG, f'{task}_node.yaml']),
                            COMMON['params_file'][1])

    def run(context: LaunchContext) -> list[Action]:
        value = {name: LaunchConfiguration(name).perform(context) for name in table}
        return [GroupAction([PushRosNamespace(value['namespace']), *start(value)])]

    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=description)
          for name, (default, description) in table.items()), OpaqueFunction(function=run)])


def matcher_node(task: str, value: Values, topics: Sequence[tuple[str, str]], *,
                 texts: Sequence[str] = (), switches: Sequence[str] = ()) -> list[Action]:
    """
    Start one of our nodes, and RViz if that is asked for.

    :param task: as for :func:`describe`.
    :param value: of all arguments.
    :param topics: remappings.
    :param texts: further arguments that are parameters of the node, strings.
    :param switches: the same, booleans.
    """
    clock = given(value, bool, 'use_sim_time')
    parameters = [ParameterFile(value['params_file'], allow_substs=True), *clock,
                  *given(value, str, 'matcher', 'weights', 'backend', *texts),
                  *given(value, bool, 'build_only', *switches)]
    keywords = {'package': 'panmatch_ros', 'name': f'{task}_node', 'remappings': topics,
                'parameters': parameters, **common(value)}
    rviz = []
    if has_rviz(value):
        rviz.append(Node(
            package='rviz2', executable='rviz2', name='rviz2', parameters=clock,
            arguments=['-d', PathJoinSubstitution([*CONFIG, 'rviz', f'{task}.rviz'])],
            remappings=topics, **common(value)))
    if not is_true(value['managed']):
        return [Node(executable=f'{task}_node', **keywords), *rviz]
    node = LifecycleNode(executable=f'managed_{task}_node', namespace='', **keywords)
    return [*(bring_up(node) if is_true(value['autostart']) else [node]), *rviz]


def has_rviz(value: Values) -> bool:
    """Tell whether to start RViz; if it is asked for and not installed, say so."""
    if not is_true(value['rviz']):
        return False
    if 'rviz2' not in get_packages_with_prefixes():
        logging.get_logger('rviz').error('rviz2 is not installed; the node starts without it')
        return False
    return True


def bring_up(node: LifecycleNode) -> list[Action]:
    """Start a managed node, configure it, and activate it once, when that is done."""
    def change(transition: int) -> Action:
        return EmitEvent(event=ChangeState(lifecycle_node_matcher=matches_action(node),
                                           transition_id=transition))

    # Without start_state, whoever deactivates the node later would find it active again.
    is_configured = OnStateTransition(
        target_lifecycle_node=node, start_state='configuring', goal_state='inactive',
        entities=[change(Transition.TRANSITION_ACTIVATE)], handle_once=True)
    return [RegisterEventHandler(is_configured), node, change(Transition.TRANSITION_CONFIGURE)]


def stereo_topics(value: dict[str, str]) -> list[tuple[str, str]]:
    """
    Remap the topics of both cameras, as the arguments ``STEREO`` say.

    An image topic that is given holds rectified images unless ``rectify`` is given too.

    :param value: of all arguments; ``rectify`` is filled in.
    """
    if value['left_image'] or value['right_image']:
        value['rectify'] = value['rectify'] or 'false'
    # With rectify the node publishes left/image_rect: that may not become its input.
    taken = 'image_raw' if value['rectify'] and is_true(value['rectify']) else 'image_rect'
    topics = []
    for side in SIDES:
        camera = value[f'{side}_namespace']
        names = {'image_rect': 'image_rect', 'image_raw': 'image_raw',
                 'camera_info': value[f'{side}_camera_info']}
        names[taken] = value[f'{side}_image'] or taken
        topics += [(f'{side}/{ours}', join(camera, theirs)) for ours, theirs in names.items()]
    return topics


def common(value: Values) -> dict[str, Any]:
    """Give the keywords of every process."""
    # By default Fast DDS loses large best-effort messages; a profile that the user chose stays.
    profile = PathJoinSubstitution([*CONFIG, 'fastdds', 'large_messages.xml'])
    is_chosen = any(name in os.environ for name in PROFILES)
    return {'output': 'screen', 'emulate_tty': True,
            'additional_env': {} if is_chosen else dict.fromkeys(PROFILES, profile),
            'ros_arguments': ['--log-level', value['log_level']]}


def given(value: Values, kind: type, *names: str) -> list[dict[str, ParameterValue]]:
    """Give the parameters whose argument is not empty: the parameter file says the others."""
    return [{name: ParameterValue(TextSubstitution(text=value[name]), value_type=kind)}
            for name in names if value[name]]


def is_true(text: str) -> bool:
    """Read a switch as launch reads a parameter: true, false and other words of YAML."""
    return bool(coerce_to_type(text, bool))
