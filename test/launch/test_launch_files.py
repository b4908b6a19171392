"""The launch files, run for real: names, parameters, environment, rectification and the end."""
import ast
import contextlib
from pathlib import Path
import re

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('launch_ros.actions', reason='launch_ros is not installed; it comes with a '
                    'ROS 2 distribution (ros-$ROS_DISTRO-launch-ros), not with the wheels')
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
import cv2
from launch import LaunchContext
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.utilities import perform_substitutions
from launch_harness import (
    LAUNCH,
    RECTIFY_NODE,
    assert_ends_cleanly,
    depth_of,
    make_package,
    parameters_of,
    publish_until,
    wait_for_nodes,
)
from plane_scene import RIG
from ros_harness import camera_infos, floats_of, image_message, points_of
from sensor_msgs.msg import Image, PointCloud2

from panmatch_ros.data.synthetic.planes import render_plane_pair
from panmatch_ros.data.synthetic.textures import Texture

pytestmark = [pytest.mark.ros, pytest.mark.launch]
PROFILES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')


@pytest.mark.parametrize('name', ['stereo', 'flow', 'match', 'motion_depth', 'perception'])
def test_arguments_are_declared_with_description_and_default(name):
    description = PythonLaunchDescriptionSource(
        str(LAUNCH / f'{name}.launch.py')).get_launch_description(LaunchContext())
    arguments = {argument.name: argument for argument in description.get_launch_arguments()}
    cameras = {f'{side}_{name}' for side in ('left', 'right')
               for name in ('namespace', 'image', 'camera_info')} | {'rectify'}
    own = {'stereo': cameras | {'launch_image_proc'},
           'flow': {'image', 'camera_info'},
           'match': {'image0', 'image1', 'camera_info0', 'camera_info1', 'image', 'camera_info',
                     'reference', 'reference_image'},
           'motion_depth': {'image', 'camera_info', 'odometry', 'pose_source', 'odom_frame',
                            'camera_frame'},
           'perception': cameras | {'odometry', 'ego_motion', 'odom_frame', 'camera_frame'}}[name]
    assert set(arguments) == own | {'namespace', 'params_file', 'matcher', 'weights', 'backend',
                                    'build_only', 'use_sim_time', 'managed', 'autostart', 'rviz',
                                    'log_level'}
    assert all(argument.description for argument in arguments.values())
    defaults = {key: perform_substitutions(LaunchContext(), argument.default_value)
                for key, argument in arguments.items()}
    assert Path(defaults['params_file']).name == f'{name}_node.yaml'
    assert Path(defaults['params_file']).is_file()
    assert {defaults[name] for name in ('matcher', 'weights', 'backend', 'build_only',
                                        'use_sim_time')} == {''}
    assert (defaults['managed'], defaults['autostart']) == ('false', 'true')


def test_stereo_in_namespaces_with_a_parameter_file(graph, start, tmp_path):
    parameters = tmp_path / 'my.yaml'
    parameters.write_text("""
/**:
  ros__parameters:
    depth_encoding: $(env DEPTH_ENCODING)
    confidence_threshold: 0.3
    use_sim_time: true
""")
    launched = start('stereo', {'DEPTH_ENCODING': '16UC1'}, namespace='rig',
                     left_namespace='cam0', right_namespace='/cam1', params_file=parameters)
    graph.listen('rig/depth', Image)
    wait_for_nodes(graph, launched, '/rig/stereo_node')
    # Arguments that were not given leave the file as it is.
    assert parameters_of(graph, '/rig/stereo_node', 'matcher', 'use_sim_time',
                         'confidence_threshold') == ['auto', True, 0.3]
    message = depth_of(graph, 'rig/depth', ('rig/cam0', '/cam1'))
    assert message.encoding == '16UC1'
    depth_mm = np.frombuffer(message.data, np.uint16).reshape(120, 160)
    assert np.median(depth_mm[10:-10, 45:-10]) == pytest.approx(2000, abs=10)
    assert_ends_cleanly(launched)


@pytest.mark.parametrize('key', ['/**', 'stereo_node', '/stereo_node'])
def test_given_arguments_win_over_the_parameter_file(graph, start, tmp_path, key):
    parameters = tmp_path / 'my.yaml'
    parameters.write_text(f'{key}:\n  ros__parameters:\n    matcher: auto\n'
                          '    use_sim_time: false\n    queue_size: 9\n')
    launched = start('stereo', matcher='classical', weights='a.safetensors', use_sim_time='True',
                     backend='tensorrt', build_only='true', params_file=parameters)
    wait_for_nodes(graph, launched, '/stereo_node')
    assert parameters_of(graph, '/stereo_node', 'matcher', 'weights', 'use_sim_time', 'queue_size',
                         'backend', 'build_only') == ['classical', 'a.safetensors', True, 9,
                                                      'tensorrt', True]


def test_flow_with_remapped_topics(graph, start):
    launched = start('flow', namespace='front', image='camera/image_raw',
                     camera_info='camera/camera_info')
    graph.listen('front/flow', Image)
    wait_for_nodes(graph, launched, '/front/flow_node')
    y, x = np.mgrid[:96, :128].astype(float)
    texture = Texture(seed=1, cell=4.0)

    def publish(index):  # moves 3 px to the right from image to image
        colors = texture.colors((x - 3 * index).ravel(), y.ravel()).reshape(96, 128, 3)
        graph.publish('front/camera/image_raw', image_message(
            np.rint(colors).astype(np.uint8), 'rgb8', 1 + index / 10))

    flow = floats_of(publish_until(graph, 'front/flow', publish), 2)
    assert np.abs(flow[16:-16, 16:-16] - (3, 0)).mean() < 0.1
    assert_ends_cleanly(launched)


def test_match_with_a_reference_image(graph, start, tmp_path):
    texture = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    pixels = np.kron(texture, np.ones((4, 4, 1), np.uint8))
    cv2.imwrite(str(tmp_path / 'reference.png'), pixels[..., ::-1])
    launched = start('match', namespace='front', image='camera/image_rect', matcher='classical',
                     reference_image=tmp_path / 'reference.png')
    graph.listen('front/matches/image_color', Image)
    wait_for_nodes(graph, launched, '/front/match_node')

    def publish(index):
        graph.publish('front/camera/image_rect', image_message(pixels, 'rgb8', 1 + index / 10))

    picture = publish_until(graph, 'front/matches/image_color', publish)
    assert (picture.height, picture.width) == (96, 2 * 128 + 6)
    assert_ends_cleanly(launched)


def test_motion_depth_with_remapped_odometry(graph, start):
    nav_msgs = pytest.importorskip('nav_msgs.msg', reason='nav_msgs is not installed '
                                   '(ros-$ROS_DISTRO-nav-msgs)')
    launched = start('motion_depth', namespace='front', image='cam/image_rect', odometry='/vio',
                     camera_info='cam/camera_info', pose_source='odometry', matcher='classical')
    graph.listen('front/depth', Image)
    wait_for_nodes(graph, launched, '/front/motion_depth_node')
    # The right image of a pair is what the left camera sees after it moved to the right.
    left, right = render_plane_pair(RIG, 6.0)  # 10 px

    def publish(index):
        for step, pixels in enumerate((left, right)):
            stamp = 1 + index + step / 10
            info = camera_infos(RIG, stamp)[0]
            odometry = nav_msgs.Odometry(header=info.header,
                                         child_frame_id=info.header.frame_id)
            odometry.pose.pose.position.x = step * RIG.baseline_m
            graph.publish('front/cam/camera_info', info)
            graph.publish('/vio', odometry)
            graph.publish('front/cam/image_rect', image_message(pixels, 'rgb8', stamp))

    depth = floats_of(publish_until(graph, 'front/depth', publish))
    assert np.nanmedian(depth[10:-10, 20:-20]) == pytest.approx(6.0, abs=0.1)
    assert_ends_cleanly(launched)


def test_perception_with_remapped_odometry(graph, start):
    nav_msgs = pytest.importorskip('nav_msgs.msg', reason='nav_msgs is not installed '
                                   '(ros-$ROS_DISTRO-nav-msgs)')
    launched = start('perception', namespace='rig', left_namespace='cam0', odometry='/vio',
                     ego_motion='odometry', matcher='classical')
    graph.listen('rig/scene_flow', PointCloud2)
    wait_for_nodes(graph, launched, '/rig/perception_node')
    pair = render_plane_pair(RIG, 2.0)

    def publish(index):
        for step in range(2):
            stamp = 1 + index + step / 10
            infos = camera_infos(RIG, stamp)
            graph.publish('/vio', nav_msgs.Odometry(header=infos[0].header,
                                                    child_frame_id=infos[0].header.frame_id))
            for camera, info, pixels in zip(('cam0', 'right'), infos, pair, strict=True):
                graph.publish(f'rig/{camera}/camera_info', info)
                graph.publish(f'rig/{camera}/image_rect', image_message(pixels, 'rgb8', stamp))
            graph.spin_for(0.2)

    points = points_of(publish_until(graph, 'rig/scene_flow', publish)).xyz
    assert np.nanmedian(points[10:-10, 45:-10, 2]) == pytest.approx(2.0, abs=0.01)
    assert_ends_cleanly(launched)


@pytest.mark.parametrize(('chosen', 'expected'), [
    ({}, 'large_messages.xml'),
    ({PROFILES[0]: '/mine.xml'}, 'mine.xml'),
    ({PROFILES[1]: '/mine.xml'}, None),
])
def test_middleware_profile_is_set_unless_the_user_chose_one(graph, start, chosen, expected):
    if not Path('/proc/self/environ').exists():
        pytest.skip('there is no /proc to read the environment of a process')
    launched = start('stereo', {**dict.fromkeys(PROFILES), **chosen})
    wait_for_nodes(graph, launched, '/stereo_node')
    pid = re.search(r'stereo_node-\d+\]: process started with pid \[(\d+)\]', launched.text())[1]
    environment = dict(item.split('=', 1) for item in Path(
        f'/proc/{pid}/environ').read_text().split('\0') if '=' in item)
    profile = environment.get(PROFILES[0])
    assert (profile and Path(profile).name) == expected
    if not chosen:
        assert environment[PROFILES[1]] == profile
        assert Path(profile).is_file()


def test_image_proc_rectifies_both_cameras(graph, start, tmp_path):
    environment = make_package(tmp_path, 'image_proc', 'rectify_node', RECTIFY_NODE)
    launched = start('stereo', environment, namespace='rig', left_namespace='cam0',
                     launch_image_proc='true')
    graph.listen('rig/depth', Image)
    wait_for_nodes(graph, launched, '/rig/cam0/rectify', '/rig/right/rectify',
                   '/rig/stereo_node')
    depth = floats_of(depth_of(graph, 'rig/depth', ('rig/cam0', 'rig/right'), 'image_raw'))
    assert np.nanmedian(depth[10:-10, 45:-10]) == pytest.approx(2.0, abs=0.01)
    assert_ends_cleanly(launched)


@pytest.mark.parametrize('name', ['stereo', 'flow', 'match', 'motion_depth', 'perception'])
def test_rviz_gets_its_configuration_and_our_names(graph, start, tmp_path, name):
    environment = make_package(tmp_path, 'rviz2', 'rviz2', 'import sys\nprint(sys.argv)\n')
    given = {'stereo': {'left_namespace': 'cam0'}, 'flow': {'image': 'cam0/image_raw'},
             'match': {'image0': 'cam0/image_rect', 'reference': 'image0'},
             'motion_depth': {'image': 'cam0/image_rect', 'pose_source': 'odometry'},
             'perception': {'left_namespace': 'cam0', 'ego_motion': 'none'}}[name]
    launched = start(name, environment, namespace='rig', rviz='true', **given)
    wait_for_nodes(graph, launched, f'/rig/{name}_node')
    assert graph.spin_until(lambda: "'-d'" in launched.text())
    arguments = ast.literal_eval(re.search(r'\[rviz2-\d+\] (\[.*\])', launched.text())[1])
    config = Path(arguments[arguments.index('-d') + 1])
    assert config.name == f'{name}.rviz'
    assert config.is_file()
    assert '__ns:=/rig' in arguments
    assert {'stereo': 'left/image_rect:=cam0/image_rect',
            'flow': 'image:=cam0/image_raw',
            'match': 'image0:=cam0/image_rect',
            'motion_depth': 'image:=cam0/image_rect',
            'perception': 'left/image_rect:=cam0/image_rect'}[name] in arguments


def test_the_node_rectifies_both_cameras(graph, start):
    launched = start('stereo', namespace='rig', left_namespace='cam0', rectify='true')
    graph.listen('rig/depth', Image)
    wait_for_nodes(graph, launched, '/rig/stereo_node')
    depth = floats_of(depth_of(graph, 'rig/depth', ('rig/cam0', 'rig/right'), 'image_raw'))
    assert np.nanmedian(depth[10:-10, 45:-10]) == pytest.approx(2.0, abs=0.01)
    assert_ends_cleanly(launched)


def test_missing_image_proc_is_said(graph, start):
    with contextlib.suppress(PackageNotFoundError):
        get_package_prefix('image_proc')
        pytest.skip('image_proc is installed')
    launched = start('stereo', launch_image_proc='true')
    wait_for_nodes(graph, launched, '/stereo_node')
    assert 'image_proc is not installed' in launched.text()


@pytest.mark.parametrize('managed', ['false', 'true'])
def test_missing_rviz_is_said(graph, start, managed):
    """The exception of launch_ros ended the node too."""
    with contextlib.suppress(PackageNotFoundError):
        get_package_prefix('rviz2')
        pytest.skip('rviz2 is installed')
    launched = start('flow', rviz='true', managed=managed)
    wait_for_nodes(graph, launched, '/flow_node')
    assert 'rviz2 is not installed' in launched.text()
    assert_ends_cleanly(launched)


def test_wrong_matcher_ends_with_a_reason(start):
    launched = start('stereo', matcher='magic')
    launched.wait()
    assert 'matcher must be one of auto' in launched.text()
    assert 'Traceback' not in launched.text()
