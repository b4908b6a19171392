"""Topics of the cameras by the arguments of the launch files, in running nodes and by hand."""
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('launch_ros.actions', reason='launch_ros is not installed; it comes with a '
                    'ROS 2 distribution (ros-$ROS_DISTRO-launch-ros), not with the wheels')
from launch_harness import assert_ends_cleanly, depth_of, parameters_of, wait_for_nodes
from plane_scene import DEPTH_M, INNER
from ros_harness import floats_of
from sensor_msgs.msg import Image

from panmatch_ros.launching import STEREO, stereo_topics

pytestmark = [pytest.mark.ros, pytest.mark.launch]


def topics_by(**given):
    """Give the remappings, and what became of the argument rectify."""
    value = {**{name: default for name, (default, _) in STEREO.items()}, **given}
    return dict(stereo_topics(value)), value['rectify']


def test_names_by_default():
    assert topics_by(left_namespace='cam0', right_namespace='/cam1') == ({
        'left/image_rect': 'cam0/image_rect', 'left/image_raw': 'cam0/image_raw',
        'left/camera_info': 'cam0/camera_info', 'right/image_rect': '/cam1/image_rect',
        'right/image_raw': '/cam1/image_raw', 'right/camera_info': '/cam1/camera_info'}, '')


def test_a_named_image_is_rectified_and_the_raw_topic_keeps_its_name():
    topics, rectify = topics_by(left_image='infra1/image_rect_raw', right_image='/b/image')
    assert topics['left/image_rect'] == 'left/infra1/image_rect_raw'
    assert topics['right/image_rect'] == '/b/image'
    assert (topics['left/image_raw'], topics['right/image_raw']) == (
        'left/image_raw', 'right/image_raw')
    assert rectify == 'false'


def test_a_named_image_with_rectify_is_raw_and_the_output_is_not_its_topic():
    topics, rectify = topics_by(left_image='color', right_image='color', rectify='True')
    assert (topics['left/image_raw'], topics['right/image_raw']) == ('left/color', 'right/color')
    assert topics['left/image_rect'] == 'left/image_rect'  # the node publishes it
    assert rectify == 'True'


def test_an_empty_namespace_adds_no_slash():
    topics, _ = topics_by(left_namespace='', left_camera_info='a/info')
    assert (topics['left/image_rect'], topics['left/camera_info']) == ('image_rect', 'a/info')


def test_rectify_has_to_be_true_or_false():
    with pytest.raises(ValueError, match='perhaps'):
        topics_by(rectify='perhaps')


@pytest.mark.parametrize('name', ['stereo', 'perception'])
def test_names_of_a_realsense(graph, start, tmp_path, name):
    parameters = tmp_path / 'my.yaml'
    parameters.write_text('/**:\n  ros__parameters:\n    rectify: true\n')
    launched = start(name, namespace='rig', params_file=parameters, matcher='classical',
                     left_namespace='camera', right_namespace='/camera',
                     left_image='infra1/image_rect_raw', right_image='infra2/image_rect_raw',
                     left_camera_info='infra1/camera_info', right_camera_info='infra2/camera_info')
    graph.listen('rig/depth', Image)
    wait_for_nodes(graph, launched, f'/rig/{name}_node')
    assert parameters_of(graph, f'/rig/{name}_node', 'rectify') == [False]
    depth = floats_of(depth_of(graph, 'rig/depth', ('rig/camera/infra1', '/camera/infra2'),
                               'image_rect_raw'))
    assert np.nanmedian(depth[INNER]) == pytest.approx(DEPTH_M, abs=0.01)
    assert_ends_cleanly(launched)


def test_raw_images_under_other_names(graph, start):
    launched = start('stereo', rectify='true', left_namespace='', left_image='/a/color',
                     left_camera_info='/a/info', right_namespace='b', right_image='color',
                     right_camera_info='info')
    for topic in ('depth', 'left/image_rect'):
        graph.listen(topic, Image)
    wait_for_nodes(graph, launched, '/stereo_node')
    depth = floats_of(depth_of(graph, 'depth', ('/a', 'b'), 'color', 'info'))
    assert np.nanmedian(depth[INNER]) == pytest.approx(DEPTH_M, abs=0.01)
    assert_ends_cleanly(launched)
