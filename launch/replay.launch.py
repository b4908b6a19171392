"""
Play a bag through a node, and evaluate what it publishes; ends with the bag.

    ros2 launch panmatch_ros replay.launch.py bag:=drive_2024 out:=out/replay
    ros2 launch panmatch_ros replay.launch.py bag:=drive out:=out node:=flow image:=/cam/image_raw
"""
import shutil

from ament_index_python.packages import get_packages_with_prefixes
from launch import LaunchDescription, actions
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, ThisLaunchFileDir
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterFile

from panmatch_ros.launching import COMMON, CONFIG, STEREO, common, given, stereo_topics

TRUTHS = ('depth', 'disparity', 'flow')
CHOICES = {'node': ['stereo', 'flow', 'perception'], 'player': ['auto', 'ros2', 'own']}
OWN = {
    'bag': ('', 'bag to play'),
    'out': ('', 'folder for frames.csv, results.json and report.html'),
    'node': ('stereo', 'stereo, flow or perception: the node that is evaluated'),
    'rate': ('1.0', 'how much faster than recorded the bag is played'),
    'player': ('auto', 'ros2: ros2 bag play; own: bag_player; auto: the first that is installed'),
    'settle_seconds': ('3.0', 'how long the last frames may take after the end of the bag'),
    'overwrite': ('false', 'true: replace the results in that folder'),
    'truths': ('', 'ground truth to compare with: depth, disparity, flow, lidar; with commas'),
    **{f'ground_truth_{kind}': (f'ground_truth/{kind}', f'topic of the true {kind}')
       for kind in TRUTHS},
    'lidar': ('lidar/points', 'topic of the points of the lidar'),
    'evaluator_params_file': ('', 'YAML parameter file of evaluator_node'),
    'check_consistency': ('false', 'true: match the direction back too, in the evaluator'),
}
FLOW = {'image': ('image', 'flow: topic of the images'),
        'camera_info': ('camera_info', 'flow: topic of their camera_info')}
PASSED = {**FLOW, **STEREO, **COMMON, 'use_sim_time': ('true', COMMON['use_sim_time'][1])}
ARGUMENTS = {**OWN, **PASSED}

END = actions.Shutdown(reason='the evaluation has ended')


def generate_launch_description():
    declared = [actions.DeclareLaunchArgument(
        name, default_value=None if name in ('bag', 'out') else default, choices=CHOICES.get(name),
        description=description) for name, (default, description) in ARGUMENTS.items()]
    return LaunchDescription([*declared, actions.OpaqueFunction(function=start)])


def start(context):
    value = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    passed = {name: value[name] for name in PASSED}
    passed['params_file'] = passed['params_file'] or PathJoinSubstitution(
        [*CONFIG, f'{value["node"]}_node.yaml'])
    topics = [*stereo_topics(value), ('image', value['image']), ('lidar/points', value['lidar']),
              *((f'ground_truth/{kind}', value[f'ground_truth_{kind}']) for kind in TRUTHS)]
    evaluator = Node(
        package='panmatch_ros', executable='evaluator_node', name='evaluator_node', on_exit=[END],
        remappings=topics, sigterm_timeout='60', sigkill_timeout='60', **common(value),
        parameters=[ParameterFile(value['evaluator_params_file'] or PathJoinSubstitution(
                        [*CONFIG, 'evaluator_node.yaml'])), {'task': value['node']},
                    *given(value, str, 'out', 'truths', 'matcher', 'weights', 'backend'),
                    *given(value, bool, 'overwrite', 'check_consistency', 'rectify',
                           'use_sim_time')])
    return [
        actions.IncludeLaunchDescription(PathJoinSubstitution(
            [ThisLaunchFileDir(), f'{value["node"]}.launch.py']), launch_arguments=passed.items()),
        actions.GroupAction([PushRosNamespace(value['namespace']), evaluator]), player_of(value)]


def player_of(value):
    settle = actions.TimerAction(period=float(value['settle_seconds']), actions=[END])
    has_ros2 = shutil.which('ros2') and 'ros2bag' in get_packages_with_prefixes()
    if value['player'] == 'ros2' or (value['player'] == 'auto' and has_ros2):
        play = f'ros2 bag play --clock --delay 3 --rate {value["rate"]}'.split()
        return actions.ExecuteProcess(output='screen', on_exit=[settle], cmd=[*play, value['bag']])
    return Node(package='panmatch_ros', executable='bag_player', name='bag_player',
                on_exit=[settle], parameters=[
                    *given(value, str, 'bag'), *given(value, float, 'rate'),
                    {'subscribers': 2, 'delay_seconds': 1.0}], **common(value))
