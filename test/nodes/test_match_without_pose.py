"""The match node, live: when there are matches but no pose, and why."""
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from match_scene import (
    SIZE,
    K,
    info_of,
    send_infos,
    send_pair,
    values_of,
    views,
)
from rclpy.parameter import Parameter
from ros_harness import image_message, stamp_of
from sensor_msgs.msg import Image

from panmatch_ros.nodes.match_node import MatchNode

pytestmark = pytest.mark.ros
OK, WARN = b'\x00', b'\x01'


@pytest.fixture
def messages():
    return pytest.importorskip(
        'panmatch_ros.msg', reason='the messages of this package are not built (colcon build)')


def test_without_camera_info_there_are_matches_but_no_pose(graph, messages):
    node = graph.add(MatchNode, matcher='classical')
    graph.listen('correspondences', messages.Correspondences)
    graph.listen('pose', PoseStamped)
    graph.listen('pose/status', DiagnosticArray)
    graph.listen('/diagnostics', DiagnosticArray)
    graph.publish('camera_info0', info_of(K, SIZE))
    stamps = iter(np.arange(1, 1000, 0.1))

    def publish_until(condition):
        def done():
            send_pair(graph, next(stamps), views().image0, views().image1)
            graph.spin_for(0.1)
            return condition()
        assert graph.spin_until(done, timeout_s=8)

    text = 'no camera_info on /camera_info1'
    publish_until(lambda: text in graph.log_text())
    level, reason, values = values_of(graph.received['pose/status'][-1])
    assert level == WARN
    assert text in reason
    assert values['inliers'] == ''
    assert int(values['matches']) > 300
    assert len(graph.received['correspondences']) > 1
    publish_until(lambda: any(
        level == WARN and f'no pose: {text}' in message for level, message, _ in map(
            values_of, graph.received['/diagnostics'])))
    assert graph.log_text().count(text) == 1
    assert graph.received['pose'] == []
    assert node.statistics.rejected == 0
    # As soon as it comes there are poses.
    graph.publish('camera_info1', info_of(K, SIZE))
    publish_until(lambda: graph.received['pose'])
    assert node.output_problem() == ''


def test_late_camera_info_is_not_complained_about(graph):
    graph.add(MatchNode, matcher='classical')
    graph.listen('pose', PoseStamped)
    send_pair(graph, 1.0, views().image0, views().image1)
    graph.spin_for(0.3)
    send_infos(graph)
    send_pair(graph, 2.0, views().image0, views().image1)
    assert stamp_of(graph.wait_for('pose')) == 2.0
    graph.spin_for(1.2)
    assert 'no camera_info' not in graph.log_text()


def no_pose(graph, **parameters):
    """Send what there is no pose of; give the reason."""
    node = graph.add(MatchNode, matcher='classical', **parameters)
    graph.listen('pose', PoseStamped)
    graph.listen('pose/status', DiagnosticArray)
    return node


def test_camera_info_of_another_size(graph):
    no_pose(graph)
    send_infos(graph, size1=(480, 640))
    send_pair(graph, 1.0, views().image0, views().image1)
    _, reason, _ = values_of(graph.wait_for('pose/status'))
    assert reason == ('/camera_info1 describes an image of 640x480 pixels (after region of '
                      'interest and binning), but /image1 has 320x240')
    graph.wait_for_log(f'no pose: {reason}')
    assert graph.received['pose'] == []


def test_pure_rotation_tells_no_pose(graph):
    node = no_pose(graph)
    send_infos(graph)
    send_pair(graph, 1.0, views(turned=True).image0, views(turned=True).image1)
    level, reason, values = values_of(graph.wait_for('pose/status'))
    assert level == WARN
    assert reason.startswith('the camera only turned, or moved too little')
    assert int(values['matches']) > 300
    graph.wait_for_log('no pose: the camera only turned')
    assert 'the camera only turned' in node.output_problem()
    assert graph.received['pose'] == []
    send_pair(graph, 2.0, views().image0, views().image1)  # and goes on
    assert stamp_of(graph.wait_for('pose')) == 2.0
    assert graph.spin_until(lambda: node.output_problem() == '')


@pytest.mark.parametrize(('threshold', 'limit'), [
    (0.0, 'min_inlier_ratio is 0.5'), (0.5, 'min_inliers is 100')])
def test_other_scene_tells_no_pose(graph, threshold, limit):
    """A smooth field of wrong matches follows some motion in a part of the image."""
    no_pose(graph, confidence_threshold=threshold)
    send_infos(graph)
    send_pair(graph, 1.0, views().image0, views(seed=50).image1)
    level, reason, values = values_of(graph.wait_for('pose/status'))
    assert level == WARN
    assert reason == (f'only {values["inliers"]} of {values["matches"]} matches agree with a '
                      f'pose, and {limit}')
    assert graph.received['pose'] == []


def test_too_few_inliers(graph):
    node = no_pose(graph, max_matches=40, min_inliers=50)
    send_infos(graph)
    send_pair(graph, 1.0, views().image0, views().image1)
    _, reason, values = values_of(graph.wait_for('pose/status'))
    assert reason == (f'only {values["inliers"]} of {values["matches"]} matches agree with a '
                      'pose, and min_inliers is 50')
    assert graph.received['pose'] == []
    assert node.set_parameters([Parameter('min_inliers', value=20)])[0].successful
    send_pair(graph, 2.0, views().image0, views().image1)
    assert stamp_of(graph.wait_for('pose')) == 2.0


def test_black_images(graph, messages):
    node = graph.add(MatchNode, matcher='nano')
    graph.listen('correspondences', messages.Correspondences)
    graph.listen('pose/status', DiagnosticArray)
    graph.listen('matches/image_color', Image)
    send_infos(graph)
    black = np.zeros((*SIZE, 3), np.uint8)
    send_pair(graph, 1.0, black, black)
    found = graph.wait_for('correspondences', timeout_s=20)
    assert [len(values) for values in (found.points0, found.points1, found.scores)] == [0, 0, 0]
    _, reason, values = values_of(graph.wait_for('pose/status'))
    assert 'a pose needs at least 8 matches, got 0' in reason
    assert values['matches'] == '0'
    graph.wait_for('matches/image_color')
    assert node.statistics.rejected == 0


def test_bad_image_between_good_ones(graph):
    node = graph.add(MatchNode, matcher='classical')
    graph.listen('pose', PoseStamped)
    send_infos(graph)
    bad = image_message(views().image0, 'rgb8', 1.0)
    bad.encoding = 'banana'
    graph.publish('image0', bad)
    graph.publish('image1', image_message(views().image1, 'rgb8', 1.0))
    graph.wait_for_log("/image0: encoding 'banana' is not supported")
    send_pair(graph, 2.0, views().image0, views().image1)
    graph.wait_for('pose')
    assert node.statistics.rejected == 1
