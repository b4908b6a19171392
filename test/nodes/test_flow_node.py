"""The flow node, live: values, stamps, jumps, gaps and bad input."""
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
import cv2
from ros_harness import FRAME_ID, floats_of, image_message, stamp_of, stamped
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from panmatch_ros.data.synthetic.textures import Texture
from panmatch_ros.nodes.flow_node import FlowNode

pytestmark = pytest.mark.ros

SIZE = (96, 128)
MOTION = (3.0, -2.0)  # pixels from frame to frame: right and up
INNER = (slice(16, -16), slice(16, -16))
TEXTURE = Texture(seed=1, cell=4.0)


def frame(index, size=SIZE):
    """Give picture number ``index`` of a texture that moves by MOTION."""
    y, x = np.mgrid[:size[0], :size[1]].astype(float)
    colors = TEXTURE.colors((x - index * MOTION[0]).ravel(), (y - index * MOTION[1]).ravel())
    return np.rint(colors).astype(np.uint8).reshape(*size, 3)


def send(graph, index, stamp_s, size=SIZE):
    graph.publish('image', image_message(frame(index, size), 'rgb8', stamp_s))


def settle(graph, node, received):
    """Wait until the node has worked on everything that it received."""
    assert graph.spin_until(lambda: node.statistics.received == received and node.worker.idle)


def test_flow_of_a_moving_texture(graph):
    node = graph.add(FlowNode)
    for topic in ('flow', 'flow/confidence', 'flow/image_color'):
        graph.listen(topic, Image)
    send(graph, 0, 1.0)
    settle(graph, node, 1)
    assert graph.received['flow'] == []  # one image is no pair
    send(graph, 1, 1.1)
    message = graph.wait_for('flow')
    assert message.encoding == '32FC2'
    assert message.step == SIZE[1] * 8
    assert stamp_of(message) == pytest.approx(1.1)  # the newer image
    assert message.header.frame_id == FRAME_ID
    flow = floats_of(message, 2)
    assert np.abs(flow[INNER] - MOTION).mean() < 0.1
    confidence = graph.wait_for('flow/confidence')
    assert (confidence.encoding, stamp_of(confidence)) == ('32FC1', pytest.approx(1.1))
    values = floats_of(confidence)
    assert values[INNER].mean() > 0.8
    assert values[0, -1] < 0.2  # leaves the image at the top right
    color = graph.wait_for('flow/image_color')
    assert (color.encoding, color.step) == ('rgb8', SIZE[1] * 3)
    middle = np.frombuffer(color.data, np.uint8).reshape(*SIZE, 3)[48, 64]
    assert middle.min() < 250  # not white, which is no motion


def test_optical_flow_message(graph):
    panmatch_msgs = pytest.importorskip(
        'panmatch_ros.msg', reason='the messages of this package are not built (colcon build)')
    node = graph.add(FlowNode)
    graph.listen('optical_flow', panmatch_msgs.OpticalFlow)
    send(graph, 0, 2.0)
    settle(graph, node, 1)
    send(graph, 1, 2.25)
    message = graph.wait_for('optical_flow')
    assert stamp_of(message) == 2.25
    assert message.source_stamp.sec == 2
    assert message.source_stamp.nanosec == 0
    assert message.dt == pytest.approx(0.25)
    assert message.flow.encoding == '32FC2'
    assert np.abs(floats_of(message.flow, 2)[INNER] - MOTION).mean() < 0.1
    assert floats_of(message.confidence).shape == SIZE
    assert stamp_of(message.flow) == stamp_of(message.confidence) == 2.25


def test_each_image_is_matched_to_the_one_before(graph):
    node = graph.add(FlowNode)
    graph.listen('flow', Image)
    for count, index in enumerate((0, 1, 3), start=1):
        send(graph, index, 1.0 + index / 10)
        settle(graph, node, count)
    graph.wait_for('flow', 2)
    means = [floats_of(message, 2)[INNER].mean(axis=(0, 1)) for message in graph.received['flow']]
    assert means[0] == pytest.approx(MOTION, abs=0.1)
    assert means[1] == pytest.approx(np.multiply(MOTION, 2), abs=0.2)


def test_looping_video_starts_anew(graph):
    node = graph.add(FlowNode)
    graph.listen('flow', Image)
    for count, (index, stamp) in enumerate(
            ((8, 50.0), (9, 50.1), (0, 1.0), (1, 1.1)), start=1):
        send(graph, index, stamp)
        settle(graph, node, count)
    graph.wait_for('flow', 2)
    assert [stamp_of(message) for message in graph.received['flow']] == pytest.approx([50.1, 1.1])
    assert np.abs(floats_of(graph.received['flow'][1], 2)[INNER] - MOTION).mean() < 0.1


def test_gap_starts_anew(graph):
    node = graph.add(FlowNode, max_gap_seconds=0.5)
    graph.listen('flow', Image)
    for count, (index, stamp) in enumerate(((0, 1.0), (5, 2.0), (6, 2.1)), start=1):
        send(graph, index, stamp)
        settle(graph, node, count)
    assert stamp_of(graph.wait_for('flow')) == pytest.approx(2.1)
    assert len(graph.received['flow']) == 1


def test_new_size_starts_anew(graph):
    node = graph.add(FlowNode)
    graph.listen('flow', Image)
    for count, (index, size) in enumerate(
            ((0, SIZE), (1, (64, 80)), (2, (64, 80))), start=1):
        send(graph, index, 1.0 + index / 10, size)
        settle(graph, node, count)
    message = graph.wait_for('flow')
    assert len(graph.received['flow']) == 1
    assert (message.height, message.width) == (64, 80)
    graph.wait_for_log('/image: the size changed from 128x96 to 80x64; starting anew')


def test_late_and_repeated_images_are_dropped_and_counted(graph):
    node = graph.add(FlowNode)
    graph.listen('flow', Image)
    send(graph, 0, 1.0)
    settle(graph, node, 1)
    send(graph, 1, 1.1)
    settle(graph, node, 2)
    send(graph, 0, 1.05)
    send(graph, 1, 1.1)
    assert graph.spin_until(lambda: node.statistics.late == 2)
    send(graph, 2, 1.2)
    graph.wait_for('flow', 2)
    assert np.abs(floats_of(graph.received['flow'][1], 2)[INNER] - MOTION).mean() < 0.1


def test_camera_that_does_not_set_its_stamps_is_reported(graph):
    from diagnostic_msgs.msg import DiagnosticArray
    node = graph.add(FlowNode)
    graph.listen('flow', Image)
    graph.listen('/diagnostics', DiagnosticArray)
    for index in range(14):
        send(graph, index, 0.0)
        assert graph.spin_until(lambda count=index + 1: node._image.received == count)
    graph.wait_for_log('/image: all images have the same stamp (0.000 s) and are dropped')
    assert graph.spin_until(lambda: any(
        array.status[0].level == b'\x01' and 'does the driver set header.stamp' in
        array.status[0].message for array in graph.received['/diagnostics']))


def test_bad_image_between_good_ones(graph):
    node = graph.add(FlowNode)
    graph.listen('flow', Image)
    send(graph, 0, 1.0)
    settle(graph, node, 1)
    bad = image_message(frame(1), 'rgb8', 1.1)
    bad.encoding = 'banana'
    graph.publish('image', bad)
    graph.wait_for_log("/image: encoding 'banana' is not supported")
    send(graph, 2, 1.2)
    message = graph.wait_for('flow')
    # The bad image is left out: the flow is that of two steps.
    assert floats_of(message, 2)[INNER].mean(axis=(0, 1)) == pytest.approx(
        np.multiply(MOTION, 2), abs=0.2)
    assert node.statistics.rejected == 1


def test_one_pixel_image_is_refused(graph):
    graph.add(FlowNode)
    graph.listen('flow', Image)
    graph.publish('image', image_message(frame(0)[:1, :1], 'rgb8', 1.0))
    graph.wait_for_log('an image of 1x1 pixels holds no picture')


def test_compressed_images(graph):
    node = graph.add(FlowNode, image_transport='compressed')
    graph.listen('flow', Image)
    for count, index in enumerate((0, 1), start=1):
        message = CompressedImage(format='png')
        message.data.frombytes(cv2.imencode('.png', frame(index)[..., ::-1])[1].tobytes())
        graph.publish('image/compressed', stamped(message, 1.0 + index / 10))
        settle(graph, node, count)
    assert np.abs(floats_of(graph.wait_for('flow'), 2)[INNER] - MOTION).mean() < 0.1


def test_confidence_threshold_makes_unsure_flow_invalid(graph):
    node = graph.add(FlowNode, confidence_threshold=0.5)
    graph.listen('flow', Image)
    graph.listen('flow/confidence', Image)
    send(graph, 0, 1.0)
    settle(graph, node, 1)
    send(graph, 1, 1.1)
    unsure = floats_of(graph.wait_for('flow/confidence')) < 0.5
    assert 0 < unsure.mean() < 0.5
    assert np.array_equal(np.isnan(floats_of(graph.wait_for('flow'), 2)).all(axis=-1), unsure)


def test_camera_info_is_passed_on_for_the_size_of_the_flow(graph):
    node = graph.add(FlowNode)
    graph.listen('flow/camera_info', CameraInfo)
    info = CameraInfo(width=256, height=192, binning_x=2, binning_y=2)
    info.p = [200.0, 0.0, 128.0, 0.0, 0.0, 200.0, 96.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    graph.publish('camera_info', info)
    assert graph.spin_until(lambda: node._info is not None)
    send(graph, 0, 1.0)
    settle(graph, node, 1)
    send(graph, 1, 1.1)
    passed = graph.wait_for('flow/camera_info')
    assert (passed.width, passed.height) == (128, 96)
    assert passed.p[0] == 100.0
    assert stamp_of(passed) == pytest.approx(1.1)


@pytest.mark.parametrize(('info', 'reason'), [
    (CameraInfo(width=128, height=96), 'P is all zero'),
    (CameraInfo(width=64, height=48, p=[100.0, 0, 32, 0, 0, 100, 24, 0, 0, 0, 1, 0]),
     'describes an image of 64x48 pixels (after region of interest and binning), but /image has '
     '128x96')], ids=['uncalibrated', 'of another size'])
def test_camera_whose_calibration_is_of_no_use_still_gets_its_flow(graph, info, reason):
    node = graph.add(FlowNode)
    graph.listen('flow', Image)
    graph.listen('flow/camera_info', CameraInfo)
    graph.publish('camera_info', info)
    assert graph.spin_until(lambda: node._info is not None)
    send(graph, 0, 1.0)
    settle(graph, node, 1)
    send(graph, 1, 1.1)
    graph.wait_for('flow')
    assert reason in graph.wait_for_log('no flow/camera_info: /camera_info')
    assert graph.spin_until(lambda: node.worker.idle)
    assert (node.statistics.processed, node.statistics.rejected) == (1, 0)
    assert graph.received['flow/camera_info'] == []
