"""The match node with one topic: keyframes, how they are renewed, and reference files."""
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
    info_of,
    match_errors,
    send_image,
    transform_of,
    values_of,
    views,
)
from rclpy.parameter import Parameter
from ros_harness import image_message, stamp_of
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from two_view_scene import direction_error_deg, rotation_error_deg

from panmatch_ros.core.camera import Camera
from panmatch_ros.core.pixels import resize_intrinsics
from panmatch_ros.data.camera_info import camera_info_from_camera, write_camera_info_yaml
from panmatch_ros.nodes.match_node import MatchNode

pytestmark = pytest.mark.ros
TRUTH = np.linalg.inv(MOTION)
BLACK = np.zeros((*SIZE, 3), np.uint8)
ERROR = b'\x02'


@pytest.fixture
def messages():
    return pytest.importorskip(
        'panmatch_ros.msg', reason='the messages of this package are not built (colcon build)')


@pytest.fixture
def images():
    return views().image0, views().image1, views(seed=50).image0, views(seed=50).image1


def start(graph, messages, **parameters):
    node = graph.add(MatchNode, matcher='classical', **parameters)
    graph.listen('correspondences', messages.Correspondences)
    graph.listen('pose', PoseStamped)
    graph.publish('camera_info', info_of(K, SIZE))
    return node


def send(graph, node, stamp_s, image):
    """Publish an image and wait until the node has worked on it."""
    before = node.statistics.received
    send_image(graph, stamp_s, image)
    assert graph.spin_until(
        lambda: node.statistics.received == before + 1 and node.worker.idle)


def sources(graph, count):
    """Stamps of image 0 and image 1 of the matches so far."""
    graph.wait_for('correspondences', count)
    assert len(graph.received['correspondences']) == count
    return [(each.source_stamp.sec + each.source_stamp.nanosec * 1e-9, stamp_of(each))
            for each in graph.received['correspondences']]


def assert_pose(message):
    T = transform_of(message)
    assert rotation_error_deg(T, TRUTH) < 2
    assert direction_error_deg(T, TRUTH) < 2


# Keyframes.

def test_images_are_matched_to_the_first_one(graph, messages, images):
    node = start(graph, messages, reference='keyframe')
    for stamp, image in ((1.0, images[0]), (1.5, images[1]), (2.0, images[1])):
        send(graph, node, stamp, image)
    assert sources(graph, 2) == [(1.0, 1.5), (1.0, 2.0)]
    pose = graph.wait_for('pose', 2)
    assert (pose.header.frame_id, stamp_of(pose)) == ('reference', 2.0)
    assert_pose(pose)
    found = graph.received['correspondences'][1]
    assert found.header.frame_id == 'cam'
    assert np.nanmedian(match_errors(found)) < 1


def test_the_service_renews_the_keyframe(graph, messages, images):
    node = start(graph, messages, reference='keyframe', reference_frame='dock')
    client = graph.node.create_client(Trigger, 'set_reference')
    send(graph, node, 1.0, images[1])
    send(graph, node, 2.0, images[1])
    future = client.call_async(Trigger.Request())
    assert graph.spin_until(future.done)
    assert future.result().success
    assert future.result().message == 'the next image becomes the keyframe'
    send(graph, node, 3.0, images[0])
    send(graph, node, 4.0, images[1])
    assert sources(graph, 2) == [(1.0, 2.0), (3.0, 4.0)]
    pose = graph.wait_for('pose')  # the first pair did not move
    assert (pose.header.frame_id, stamp_of(pose)) == ('dock', 4.0)
    assert_pose(pose)


def test_the_keyframe_is_renewed_when_too_little_of_it_is_found(graph, messages, images):
    node = start(graph, messages, reference='keyframe')
    for stamp, image in enumerate((images[0], images[1], images[2], images[3]), start=1):
        send(graph, node, float(stamp), image)
    # The third image is still matched to the old one, but is the new one for the fourth.
    assert sources(graph, 3) == [(1, 2), (1, 3), (3, 4)]
    graph.wait_for_log('of the keyframe were found with confidence; taking a new one')
    assert node.report_details()['reference'] == 'keyframe 2, of 3.000 s'


def test_the_keyframe_stays_if_that_is_wanted(graph, messages, images):
    node = start(graph, messages, reference='keyframe', keyframe_min_share=0.0)
    for stamp, image in enumerate((images[0], images[2], images[1]), start=1):
        send(graph, node, float(stamp), image)
    assert sources(graph, 2) == [(1, 2), (1, 3)]
    assert_pose(graph.received['pose'][-1])


def test_a_keyframe_that_cannot_be_matched_is_replaced(graph, messages, images):
    """The matcher wants 8 x 8 pixels: with such a keyframe every later image was refused."""
    node = start(graph, messages, reference='keyframe')
    tiny = images[0][:7, :7].copy()
    for stamp, image in enumerate((tiny, images[0], images[0], images[1]), start=1):
        send(graph, node, float(stamp), image)
    assert sources(graph, 1) == [(3, 4)]
    assert node.statistics.rejected == 1
    graph.wait_for_log('at least 8 x 8 pixels, got 7 x 7')


def test_an_image_without_contrast_is_no_keyframe(graph, messages, images):
    node = start(graph, messages, reference='keyframe')
    for stamp, image in enumerate((BLACK, images[0], BLACK, images[1]), start=1):
        send(graph, node, float(stamp), image)
    assert sources(graph, 2) == [(2, 3), (2, 4)]
    graph.wait_for_log('/image: an image without contrast is no keyframe; is the lens covered?')
    assert_pose(graph.wait_for('pose'))


def test_engines_are_built_for_the_size_of_the_images(graph, images):
    node = graph.add(MatchNode, reference='keyframe')
    assert node.size_of((image_message(images[0][:100], 'rgb8', 1.0), None, 0)) == (100, 320)


def test_looping_bag_starts_with_a_new_keyframe(graph, messages, images):
    node = start(graph, messages, reference='keyframe')
    for stamp, image in ((50.0, images[0]), (51.0, images[1]), (5.0, images[0]),
                         (6.0, images[1])):
        send(graph, node, stamp, image)
    assert sources(graph, 2) == [(50, 51), (5, 6)]


def test_camera_info_after_the_keyframe_serves(graph, messages, images):
    node = graph.add(MatchNode, matcher='classical', reference='keyframe')
    graph.listen('pose', PoseStamped)
    send(graph, node, 1.0, images[0])
    graph.publish('camera_info', info_of(K, SIZE))
    send(graph, node, 2.0, images[1])
    assert_pose(graph.wait_for('pose'))


def test_a_pause_keeps_the_keyframe(graph, messages, images):
    node = graph.add(MatchNode, matcher='classical', reference='keyframe')
    subscription = graph.node.create_subscription(Image, 'matches/image_color', lambda _: None, 1)
    send(graph, node, 1.0, images[0])
    graph.node.destroy_subscription(subscription)
    assert graph.spin_until(lambda: not node.inputs.is_open, timeout_s=6)
    graph.listen('correspondences', messages.Correspondences)
    send(graph, node, 9.0, images[1])
    assert sources(graph, 1) == [(1, 9)]


# Files.

def write(path, image):
    assert cv2.imwrite(str(path), image[..., ::-1])


def test_images_are_matched_to_a_file(graph, messages, images, tmp_path):
    write(tmp_path / 'reference.png', images[0])
    node = start(graph, messages, reference_image=str(tmp_path / 'reference.png'))
    send(graph, node, 2.0, images[1])
    assert sources(graph, 1) == [(0, 2)]  # a file has no stamp
    pose = graph.wait_for('pose')
    assert (pose.header.frame_id, stamp_of(pose)) == ('reference', 2.0)
    assert_pose(pose)
    assert node.report_details()['reference'] == str(tmp_path / 'reference.png')
    # Another file, live.
    write(tmp_path / 'other.png', images[2])
    assert node.set_parameters([Parameter(
        'reference_image', value=str(tmp_path / 'other.png'))])[0].successful
    send(graph, node, 3.0, images[3])
    assert_pose(graph.wait_for('pose', 2))


@pytest.mark.parametrize(('content', 'reason'), [
    (None, 'reference.png: there is no such file'),
    (b'no image', 'reference.png: expected an image'),
    (b'', 'reference.png: the file is empty'),
    (cv2.imencode('.png', BLACK)[1].tobytes()[:-20], 'reference.png: the image is incomplete'),
])
def test_a_file_that_cannot_be_read_is_said_and_the_node_lives(graph, messages, images, tmp_path,
                                                               content, reason):
    path = tmp_path / 'reference.png'
    if content is not None:
        path.write_bytes(content)
    node = start(graph, messages, reference_image=str(path))
    graph.listen('/diagnostics', DiagnosticArray)
    graph.wait_for_log(reason)  # before any image comes
    send(graph, node, 1.0, images[1])
    assert node.statistics.rejected == 1
    assert graph.spin_until(lambda: any(
        level == ERROR and reason in message for level, message, _ in map(
            values_of, graph.received['/diagnostics'])))
    write(path, images[0])
    send(graph, node, 2.0, images[1])
    assert_pose(graph.wait_for('pose'))


def test_a_file_of_another_camera_needs_its_calibration(graph, messages, images, tmp_path):
    size = (180, 240)
    small = cv2.resize(images[0], size[::-1], interpolation=cv2.INTER_AREA)
    write(tmp_path / 'small.png', small)
    node = start(graph, messages, reference_image=str(tmp_path / 'small.png'))
    graph.listen('pose/status', DiagnosticArray)
    send(graph, node, 1.0, images[1])
    assert '/camera_info describes an image of 320x240' in values_of(
        graph.wait_for('pose/status'))[1]
    assert graph.received['pose'] == []
    path = tmp_path / 'small.yaml'
    assert node.set_parameters([Parameter(
        'reference_camera_info', value=str(path))])[0].successful
    send(graph, node, 2.0, images[1])
    assert 'small.yaml: there is no such file' in node.output_problem()
    K0 = resize_intrinsics(K, SIZE, size)
    camera = Camera(size[1], size[0], K0[0, 0], K0[1, 1], K0[0, 2], K0[1, 2])
    write_camera_info_yaml(path, camera_info_from_camera(camera))
    send(graph, node, 3.0, images[1])
    assert_pose(graph.wait_for('pose'))


def test_engines_are_built_for_the_size_of_the_file(graph, images, tmp_path):
    write(tmp_path / 'small.png', images[0][:100, :120])
    message = image_message(images[1], 'rgb8', 1.0)
    node = graph.add(MatchNode, reference_image=str(tmp_path / 'small.png'))
    assert node.size_of((message, None, 0)) == (100, 120)


def test_set_reference_says_that_a_file_stays(graph, images, tmp_path):
    write(tmp_path / 'reference.png', images[0])
    graph.add(MatchNode, reference_image=str(tmp_path / 'reference.png'))
    client = graph.node.create_client(Trigger, 'set_reference')
    assert graph.spin_until(client.service_is_ready)
    future = client.call_async(Trigger.Request())
    assert graph.spin_until(future.done)
    assert not future.result().success
    assert 'set the parameter reference_image' in future.result().message
