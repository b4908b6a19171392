"""The stereo node, live: values of every output, pairing, and what it reports."""
from functools import partial

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from plane_scene import DEPTH_M, INNER, LEFT, RIG, RIGHT, SIZE, listen_all, messages, send
from ros_harness import (
    FRAME_ID,
    camera_infos,
    floats_of,
    image_message,
    points_of,
    publish_pair,
    stamp_of,
    stamped,
)
from sensor_msgs.msg import CompressedImage, Image

from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros


@pytest.mark.parametrize('convention', ['right', 'left'])
def test_known_plane_comes_out_at_its_depth(graph, convention):
    graph.add(StereoNode)
    listen_all(graph)
    send(graph, 1.0, convention=convention)
    depth = floats_of(graph.wait_for('depth'))
    assert np.abs(depth[INNER] - DEPTH_M).max() < 0.01
    xyz = points_of(graph.wait_for('points2')).xyz
    assert np.abs(xyz[INNER][..., 2] - DEPTH_M).max() < 0.01
    # The point of pixel (x, y) is on its ray.
    assert xyz[60, 100, 0] == pytest.approx((100 - RIG.left.cx) * xyz[60, 100, 2] / 200, abs=1e-4)
    assert xyz[60, 100, 1] == pytest.approx((60 - RIG.left.cy) * xyz[60, 100, 2] / 200, abs=1e-4)


def test_disparity_image_has_every_field_right(graph):
    graph.add(StereoNode, min_disparity=0.0, max_disparity=48.0)
    listen_all(graph)
    send(graph, 7.25)
    message = graph.wait_for('disparity')
    assert stamp_of(message) == stamp_of(message.image) == 7.25
    assert message.header.frame_id == message.image.header.frame_id == FRAME_ID
    assert message.image.encoding == '32FC1'
    assert message.image.step == SIZE[1] * 4
    assert len(message.image.data) == SIZE[0] * SIZE[1] * 4
    assert message.f == pytest.approx(200.0)
    assert message.t == pytest.approx(0.3)
    assert message.min_disparity == 0.0
    assert 46.0 <= message.max_disparity <= 48.0
    assert message.delta_d == pytest.approx(1 / 16)
    window = message.valid_window
    assert (window.x_offset, window.y_offset, window.width, window.height) == (0, 0, 160, 120)
    disparity = floats_of(message.image)
    assert np.nanmedian(disparity[INNER]) == pytest.approx(30.0, abs=0.07)
    # Whoever reads the message gets the depth from its own fields.
    assert message.f * message.t / np.nanmedian(disparity[INNER]) == pytest.approx(2.0, abs=0.01)


def test_cloud_is_organised_coloured_and_padded_on_request(graph):
    graph.add(StereoNode, avoid_point_cloud_padding=False)
    listen_all(graph)
    send(graph, 1.0, encoding='rgb8')
    cloud = graph.wait_for('points2')
    assert (cloud.height, cloud.width) == SIZE
    assert (cloud.point_step, cloud.row_step) == (32, 32 * 160)
    assert not cloud.is_dense
    assert [(field.name, field.offset, field.datatype) for field in cloud.fields] == [
        ('x', 0, 7), ('y', 4, 7), ('z', 8, 7), ('rgb', 16, 7)]
    assert np.array_equal(points_of(cloud).rgb, LEFT)


def test_cloud_without_colour_has_twelve_bytes_a_point(graph):
    graph.add(StereoNode, use_color=False)
    listen_all(graph)
    send(graph, 1.0)
    cloud = graph.wait_for('points2')
    assert [field.name for field in cloud.fields] == ['x', 'y', 'z']
    assert cloud.point_step == 12
    assert np.nanmedian(points_of(cloud).xyz[..., 2]) == pytest.approx(2.0, abs=0.01)


def test_depth_in_millimetres(graph):
    graph.add(StereoNode, depth_encoding='16UC1')
    listen_all(graph)
    send(graph, 1.0)
    depth = graph.wait_for('depth')
    assert depth.encoding == '16UC1'
    values = np.frombuffer(depth.data, np.uint16).reshape(SIZE)
    assert abs(int(np.median(values[INNER])) - 2000) <= 10


def test_confidence_threshold_masks_every_output_alike(graph):
    graph.add(StereoNode, confidence_threshold=0.9)
    listen_all(graph)
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    right = RIGHT.copy()
    right[:, 100:] = noise[:, 100:]  # no match there
    left_message, _, infos = messages(1.0)
    publish_pair(graph, left_message, image_message(right, 'rgb8', 1.0), infos)
    confidence = floats_of(graph.wait_for('confidence'))
    low = confidence < np.float32(0.9)
    assert 0.1 < low.mean() < 0.9
    assert np.array_equal(np.isnan(floats_of(graph.wait_for('disparity').image)), low)
    assert np.array_equal(np.isnan(floats_of(graph.wait_for('depth'))), low)
    assert np.array_equal(np.isnan(points_of(graph.wait_for('points2')).xyz).all(axis=-1), low)


@pytest.mark.parametrize('encoding', ['mono8', 'bgr8', 'mono16'])
def test_other_encodings_give_the_same_depth(graph, encoding):
    graph.add(StereoNode)
    listen_all(graph)
    pixels = {'mono8': lambda image: image[..., 1], 'bgr8': lambda image: image[..., ::-1],
              'mono16': lambda image: image[..., 1].astype(np.uint16) * 257}[encoding]
    left, right = (image_message(pixels(image), encoding, 1.0) for image in (LEFT, RIGHT))
    publish_pair(graph, left, right, camera_infos(RIG, 1.0))
    assert np.nanmedian(floats_of(graph.wait_for('depth'))[INNER]) == pytest.approx(2, abs=0.01)
    if encoding == 'bgr8':
        assert np.array_equal(points_of(graph.wait_for('points2')).rgb, LEFT)


def test_compressed_images(graph):
    import cv2
    graph.add(StereoNode, image_transport='compressed')
    listen_all(graph)
    infos = camera_infos(RIG, 2.0)
    for side, info, pixels in zip(('left', 'right'), infos, (LEFT, RIGHT), strict=True):
        message = CompressedImage(format='png')
        message.data.frombytes(cv2.imencode('.png', pixels[..., ::-1])[1].tobytes())
        graph.publish(f'{side}/camera_info', info)
        graph.publish(f'{side}/image_rect/compressed', stamped(message, 2.0))
    depth = graph.wait_for('depth')
    assert stamp_of(depth) == 2.0
    assert np.nanmedian(floats_of(depth)[INNER]) == pytest.approx(2.0, abs=0.01)


def test_remappings_can_exchange_the_cameras(graph):
    """The node subscribed to names that were remapped already, which exchanged them again."""
    rules = [f'{side}/{name}:={other}/{name}' for side, other in (
        ('left', 'right'), ('right', 'left')) for name in ('image_rect', 'camera_info')]
    graph.add(partial(StereoNode, cli_args=['--ros-args', *(
        word for rule in rules for word in ('-r', rule))]))
    listen_all(graph)
    left, right, infos = messages(1.0)
    publish_pair(graph, right, left, infos[::-1])
    assert np.nanmedian(floats_of(graph.wait_for('depth'))[INNER]) == pytest.approx(
        DEPTH_M, abs=0.01)
    assert 'swapped' not in graph.log_text()


def test_approximate_sync_pairs_shifted_stamps(graph):
    graph.add(StereoNode, approximate_sync=True, approximate_sync_tolerance_seconds=0.02)
    listen_all(graph)
    left, right, infos = messages(5.0)
    publish_pair(graph, left, stamped(right, 5.01), infos)
    assert stamp_of(graph.wait_for('depth')) == 5.0  # the stamp of the left image


def test_looping_bag_goes_on(graph):
    node = graph.add(StereoNode)
    listen_all(graph)
    for stamp in (100.0, 100.1, 5.0, 5.1):
        count = len(graph.received['depth'])
        send(graph, stamp)
        graph.wait_for('depth', count + 1)
    assert [stamp_of(message) for message in graph.received['depth']] == [100.0, 100.1, 5.0, 5.1]
    assert node.statistics.late == 0
    graph.wait_for_log('stamps went back in time; starting anew')


def test_late_pair_is_dropped_and_counted(graph):
    node = graph.add(StereoNode)
    listen_all(graph)
    for stamp in (10.0, 10.2):
        send(graph, stamp)
        graph.wait_for('depth', len(graph.received['depth']) + 1)
    send(graph, 10.1)
    assert graph.spin_until(lambda: node.statistics.late == 2)  # left and right
    send(graph, 10.3)
    graph.wait_for('depth', 3)
    assert [stamp_of(message) for message in graph.received['depth']] == [10.0, 10.2, 10.3]


def test_nothing_is_done_for_outputs_that_nobody_wants(graph):
    node = graph.add(StereoNode)
    graph.spin_for(0.6)
    assert not node.inputs.is_open
    assert graph.node.count_subscribers('left/image_rect') == 0
    graph.listen('confidence', Image)
    send(graph, 1.0)
    graph.wait_for('confidence')
    assert node.statistics.processed == 1
    assert set(graph.received) == {'confidence'}


def test_inputs_close_after_the_last_subscriber_left(graph):
    node = graph.add(StereoNode)
    subscription = graph.node.create_subscription(Image, 'depth', lambda _: None, 1)
    assert graph.spin_until(lambda: node.inputs.is_open)
    graph.node.destroy_subscription(subscription)
    assert graph.spin_until(lambda: not node.inputs.is_open, timeout_s=6)
    graph.listen('depth', Image)
    send(graph, 1.0)  # and they open again
    graph.wait_for('depth')


def test_statistics_and_diagnostics_tell_the_same(graph):
    panmatch_msgs = pytest.importorskip(
        'panmatch_ros.msg', reason='the messages of this package are not built (colcon build)')
    graph.add(StereoNode)
    listen_all(graph)
    graph.listen('statistics', panmatch_msgs.InferenceStatistics)
    graph.listen('/diagnostics', DiagnosticArray)
    send(graph, 4.0)
    send(graph, 4.1)
    graph.wait_for('depth', 1)
    assert graph.spin_until(lambda: stamp_of(graph.received['depth'][-1]) == 4.1)
    assert graph.spin_until(lambda: graph.received['statistics']
                            and stamp_of(graph.received['statistics'][-1]) == 4.1)
    last = graph.received['statistics'][-1]
    assert (last.task, last.matcher, last.backend, last.precision) == (
        'stereo', 'classical', 'opencv', 'fp32')
    assert (last.input_width, last.input_height) == (160, 120)
    assert last.frames_received == 2
    assert last.frames_processed + last.frames_dropped == 2
    assert last.total_ms == pytest.approx(last.preprocess_ms + last.inference_ms
                                          + last.postprocess_ms + last.publish_ms, rel=1e-4)
    assert last.inference_ms > 0
    assert np.isnan(last.input_age_ms)  # stamps of 1970 do not belong to this clock
    graph.received['/diagnostics'].clear()
    status = graph.wait_for('/diagnostics').status[0]
    values = {item.key: item.value for item in status.values}
    assert status.name == 'stereo_node'
    assert status.level == b'\x00'
    assert values['frames_processed'] == str(last.frames_processed)
    assert values['matcher'] == 'classical'
