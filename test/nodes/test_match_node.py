"""The match node, live: matches, poses up to scale, sizes, pictures, and when there is no pose."""
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
import cv2
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from match_scene import (
    MOTION,
    SIZE,
    K,
    match_errors,
    picture_of,
    points_of_message,
    send_infos,
    send_pair,
    transform_of,
    values_of,
    views,
)
from rclpy.parameter import Parameter
from ros_harness import image_message, stamp_of, stamped
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import Trigger
from two_view_scene import direction_error_deg, rotation_error_deg

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.core.pixels import resize_intrinsics
from panmatch_ros.nodes.match_node import MatchNode

pytestmark = pytest.mark.ros
OK, WARN = b'\x00', b'\x01'
TRUTH = np.linalg.inv(MOTION)  # T_0_1: the pose of camera 1 in the frame of camera 0


@pytest.fixture
def messages():
    return pytest.importorskip(
        'panmatch_ros.msg', reason='the messages of this package are not built (colcon build)')


def assert_pose(message, within_deg=2.0):
    T = transform_of(message)
    assert np.linalg.norm(T[:3, 3]) == pytest.approx(1)
    assert rotation_error_deg(T, TRUTH) < within_deg
    assert direction_error_deg(T, TRUTH) < within_deg


@pytest.mark.parametrize('matcher', ['auto', 'classical'])
def test_matches_and_pose_of_two_topics(graph, messages, matcher):
    graph.add(MatchNode, matcher=matcher)
    graph.listen('correspondences', messages.Correspondences)
    graph.listen('pose', PoseStamped)
    send_infos(graph)
    send_pair(graph, 5.0, views().image0, views().image1)
    found = graph.wait_for('correspondences', timeout_s=20)
    assert (found.header.frame_id, stamp_of(found)) == ('cam1', 5.0)
    assert (found.source_stamp.sec, found.source_stamp.nanosec) == (5, 0)
    assert (found.image0_height, found.image0_width) == SIZE
    assert (found.image1_height, found.image1_width) == SIZE
    points0, points1, scores = points_of_message(found)
    assert 300 < len(points0) <= 1000
    assert points0.shape == points1.shape == (len(scores), 2)
    assert np.all((scores >= 0.5) & (scores <= 1) & (np.diff(scores, prepend=1) <= 0))
    assert np.nanmedian(match_errors(found)) < 0.5
    pose = graph.wait_for('pose')
    assert (pose.header.frame_id, stamp_of(pose)) == ('cam0', 5.0)
    assert_pose(pose)


def test_how_good_the_pose_is(graph):
    graph.add(MatchNode, matcher='classical')
    for topic in ('pose/status', '/diagnostics'):
        graph.listen(topic, DiagnosticArray)
    send_infos(graph)
    send_pair(graph, 5.0, views().image0, views().image1)
    status = graph.wait_for('pose/status')
    assert (status.header.frame_id, stamp_of(status)) == ('cam1', 5.0)
    assert status.status[0].name == 'match_node: pose'
    level, text, values = values_of(status)
    assert level == OK
    inliers, matches = int(values['inliers']), int(values['matches'])
    assert text == f'{inliers} of {matches} matches agree'
    assert float(values['inlier_ratio']) == pytest.approx(inliers / matches, abs=1e-3)
    assert inliers / matches > 0.8
    assert 0 < float(values['epipolar_error_px']) < 0.5
    assert 2 < float(values['parallax_deg']) < 8
    assert 0 < float(values['direction_std_deg']) < 2
    assert values['reference'] == '/image0'
    assert float(values['confident_share']) > 0.5
    graph.received['/diagnostics'].clear()
    level, _, now = values_of(graph.wait_for('/diagnostics'))
    assert level == OK
    assert now.items() >= values.items()


def test_the_picture_shows_both_images_and_the_confidence(graph):
    graph.add(MatchNode, matcher='classical', max_drawn=20)
    graph.listen('matches/image_color', Image)
    send_pair(graph, 5.0, views().image0, views().image1)
    message = graph.wait_for('matches/image_color')
    assert (message.encoding, message.height, message.width) == ('rgb8', 240, 320 + 6 + 320)
    assert message.step == 3 * message.width
    assert (message.header.frame_id, stamp_of(message)) == ('cam1', 5.0)
    picture = picture_of(message).astype(int)
    dimmed = np.rint(views().image0 * 0.7)
    same = np.abs(picture[:, :320] - dimmed).max(axis=-1) <= 1
    assert 0.3 < same.mean() < 1  # the rest is lines
    lines = picture[:, :320][~same]
    yellow = (lines[:, 0] > 200) & (lines[:, 1] > 200) & (lines[:, 2] < 90)
    assert np.count_nonzero(yellow) > 100  # of confidence one


def test_nothing_is_computed_that_nobody_wants(graph, monkeypatch):
    from panmatch_ros.nodes import match_outputs
    monkeypatch.setattr(match_outputs, 'find_pose', None)
    monkeypatch.setattr(match_outputs, 'correspondences_message', None)
    node = graph.add(MatchNode, matcher='classical')
    graph.listen('matches/image_color', Image)
    send_pair(graph, 5.0, views().image0, views().image1)
    graph.wait_for('matches/image_color')
    assert node.statistics.rejected == 0


def test_approximate_stamps(graph, messages):
    graph.add(MatchNode, matcher='classical', approximate_sync=True,
              approximate_sync_tolerance_seconds=0.05)
    graph.listen('correspondences', messages.Correspondences)
    send_pair(graph, 5.0, views().image0, views().image1, 5.02)
    found = graph.wait_for('correspondences')
    assert stamp_of(found) == pytest.approx(5.02)
    assert (found.source_stamp.sec, found.source_stamp.nanosec) == (5, 0)


def test_unpaired_stamps_are_reported(graph):
    graph.add(MatchNode, matcher='classical', queue_size=1)
    graph.listen('pose', PoseStamped)
    stamps = (1.0 + index / 10 for index in range(1000))

    def publish_apart():
        stamp = next(stamps)
        send_pair(graph, stamp, views().image0, views().image1, stamp + 0.03)
        graph.spin_for(0.1)
        return 'their stamps do not pair: the newest image1 one is' in graph.log_text()

    assert graph.spin_until(publish_apart, timeout_s=6)


def test_compressed_images(graph):
    graph.add(MatchNode, matcher='classical', image_transport='compressed')
    graph.listen('pose', PoseStamped)
    send_infos(graph)
    for index, pixels in enumerate((views().image0, views().image1)):
        message = CompressedImage(format='png')
        message.data.frombytes(cv2.imencode('.png', pixels[..., ::-1])[1].tobytes())
        graph.publish(f'image{index}/compressed', stamped(message, 2.0, f'cam{index}'))
    assert_pose(graph.wait_for('pose'))


# Sizes.

@pytest.mark.parametrize('size1', [(180, 240), (360, 480), (240, 320)])
@pytest.mark.parametrize('rows_cut', [0, 60])
def test_images_of_different_sizes(graph, messages, size1, rows_cut):
    """Image 1 is resized, then its last rows are cut, which changes its aspect."""
    method = cv2.INTER_AREA if size1 < SIZE else cv2.INTER_LINEAR
    image1 = cv2.resize(views().image1, size1[::-1], interpolation=method)
    K1, height = resize_intrinsics(K, SIZE, size1), size1[0] - rows_cut
    image1 = image1[:height]
    graph.add(MatchNode, matcher='classical')
    graph.listen('correspondences', messages.Correspondences)
    graph.listen('pose', PoseStamped)
    graph.listen('matches/image_color', Image)
    send_infos(graph, K1, image1.shape[:2])
    send_pair(graph, 5.0, views().image0, image1)
    found = graph.wait_for('correspondences')
    assert (found.image0_height, found.image0_width) == SIZE
    assert (found.image1_height, found.image1_width) == image1.shape[:2]
    points1 = points_of_message(found)[1]
    assert len(points1) > 200
    assert points1.min() >= -0.5
    assert np.all(points1.max(axis=0) <= np.array(image1.shape[1::-1]) - 0.5)
    assert np.nanmedian(match_errors(found, K1)) < 1
    assert_pose(graph.wait_for('pose'))
    picture = graph.wait_for('matches/image_color')
    assert (picture.height, picture.width) == (max(240, height), 320 + 6 + size1[1])


# Parameters.

def test_max_matches_and_sampling_change_live(graph, messages):
    node = graph.add(MatchNode, matcher='classical', max_matches=50)
    graph.listen('correspondences', messages.Correspondences)
    sizes = []
    for count, change in enumerate((None, Parameter('max_matches', value=200),
                                    Parameter('sampling', value='balanced'),
                                    Parameter('confidence_threshold', value=0.95)), start=1):
        if change is not None:
            assert node.set_parameters([change])[0].successful
        send_pair(graph, float(count), views().image0, views().image1)
        found = graph.wait_for('correspondences', count)
        sizes.append(len(found.scores))
        assert np.nanmedian(match_errors(found)) < 1
    assert 25 < sizes[0] <= 50
    assert 100 < sizes[1] <= 200
    assert sizes[2] == 200
    assert min(found.scores) >= np.float32(0.95)


@pytest.mark.parametrize(('given', 'match'), [
    ({'reference': 'keyframe', 'reference_image': 'a.png'},
     'reference_image is for reference: file, and reference is keyframe'),
    ({'reference': 'file'}, 'reference is file, and reference_image names none'),
    ({'reference_camera_info': 'a.yaml'}, 'reference_camera_info is for reference: file'),
    ({'reference': 'first'}, 'reference must be one of auto, image0, keyframe, file'),
    ({'min_inliers': 3}, 'min_inliers must be from 8'),
    ({'ransac_threshold_px': 0.0}, 'ransac_threshold_px must be from 0.01'),
])
def test_values_that_cannot_work_stop_the_node_with_a_reason(graph, given, match):
    with pytest.raises(ConfigError, match=match):
        graph.add(MatchNode, **given)


def test_the_reference_does_not_change_while_running(graph):
    node = graph.add(MatchNode)
    for name, value, reason in (
            ('reference', 'keyframe', 'reference cannot change while the node runs'),
            ('reference_image', 'a.png', 'reference_image is for reference: file, and reference '
                                         'is image0')):
        result = node.set_parameters([Parameter(name, value=value)])[0]
        assert not result.successful
        assert reason in result.reason


def test_engines_are_built_for_the_size_of_image_0(graph):
    node = graph.add(MatchNode)
    small, large = (image_message(each, 'rgb8', 1.0) for each in (
        views().image0[:100], views().image1))
    assert node.size_of((small, large, None, None)) == (100, 320)


def test_set_reference_needs_a_keyframe(graph):
    graph.add(MatchNode)
    client = graph.node.create_client(Trigger, 'set_reference')
    assert graph.spin_until(client.service_is_ready)
    future = client.call_async(Trigger.Request())
    assert graph.spin_until(future.done)
    assert not future.result().success
    assert 'reference is image0' in future.result().message
