"""Every bad input gives a clear error, the node lives, and the next good pair is processed."""
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
from ros_harness import camera_infos, floats_of, image_message, publish_pair, stamp_of, stamped
from sensor_msgs.msg import CompressedImage, Image

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.data.synthetic.planes import render_plane_pair
from panmatch_ros.nodes.stereo_node import StereoNode

pytestmark = pytest.mark.ros

SIZE = (64, 96)
RIG = StereoRig.ideal(SIZE, focal_px=80.0, baseline_m=0.1)
LEFT, RIGHT = render_plane_pair(RIG, 1.0)


def good(stamp_s):
    left, right = (image_message(pixels, 'rgb8', stamp_s) for pixels in (LEFT, RIGHT))
    return left, right, camera_infos(RIG, stamp_s)


def wrong_encoding(left, right, infos):
    left.encoding = 'banana'


def truncated(left, right, infos):
    del left.data[-100:]


def step_too_small(left, right, infos):
    right.step = 10


def sizes_differ(left, right, infos):
    right.height -= 2


def big_endian(left, right, infos):
    left.encoding, left.step, left.is_bigendian = 'mono16', 2 * left.width, 1


def empty(left, right, infos):
    left.height = left.width = left.step = 0
    del left.data[:]


def one_pixel(left, right, infos):
    for message in (left, right):
        message.height, message.width, message.step = 1, 1, 3
        del message.data[3:]


def zero_baseline(left, right, infos):
    infos[1].p[3] = 0.0


def nan_in_P(left, right, infos):
    infos[0].p[0] = float('nan')


def not_calibrated(left, right, infos):
    infos[0].p = [0.0] * 12


def not_rectified(left, right, infos):
    infos[1].p[0] *= 1.1
    infos[1].p[5] *= 1.1


def info_of_another_size(left, right, infos):
    for info in infos:
        info.width, info.height = 640, 480


def absurd_binning(left, right, infos):
    infos[0].binning_x = 1000


def region_outside(left, right, infos):
    infos[0].roi.x_offset, infos[0].roi.width, infos[0].roi.height = 50, 96, 64


@pytest.mark.parametrize(('spoil', 'expected'), [
    (wrong_encoding, "/left/image_rect: encoding 'banana' is not supported; expected one of"),
    (truncated, 'the message is truncated'),
    (step_too_small, '/right/image_rect: step is 10 bytes, but a row of 96 rgb8 pixels has 288'),
    (sizes_differ, 'must have one size, got 96x64 and 96x62'),
    (big_endian, 'mono16 in big-endian byte order is not supported; expected is_bigendian = 0'),
    (empty, 'an image of 0x0 pixels is empty; expected at least 2x2'),
    (one_pixel, 'an image of 1x1 pixels holds no picture; expected at least 2x2'),
    (zero_baseline, 'the baseline is zero: P[0, 3] of left and right camera_info are both 0'),
    (nan_in_P, '/left/camera_info: P has a value that is not finite'),
    (not_calibrated, '/left/camera_info: P is all zero, so the camera is not calibrated'),
    (not_rectified, 'a rectified pair has one focal length, got fx 80.00 (left) and 88.00'),
    (info_of_another_size, '/left/camera_info describes an image of 640x480 pixels (after '
                           'region of interest and binning), but /left/image_rect has 96x64'),
    (absurd_binning, '/left/camera_info: binning 1000x1 leaves nothing of 96x64'),
    (region_outside, 'the region of interest 96x64 at (50, 0) does not lie in the full image'),
])
def test_bad_pair_is_explained_and_the_next_one_works(graph, spoil, expected):
    node = graph.add(StereoNode)
    graph.listen('depth', Image)
    left, right, infos = good(1.0)
    spoil(left, right, infos)
    publish_pair(graph, left, right, infos)
    graph.wait_for_log(expected)
    assert node.statistics.rejected == 1
    assert graph.received['depth'] == []
    left, right, infos = good(2.0)
    publish_pair(graph, left, right, infos)
    depth = graph.wait_for('depth')
    assert stamp_of(depth) == 2.0
    assert np.nanmedian(floats_of(depth)) == pytest.approx(1.0, abs=0.01)


def test_missing_camera_info_is_named(graph):
    node = graph.add(StereoNode)
    graph.listen('depth', Image)
    left, right, infos = good(1.0)
    graph.publish('left/camera_info', infos[0])
    graph.publish('left/image_rect', left)
    graph.publish('right/image_rect', right)
    text = graph.wait_for_log('no camera_info on /right/camera_info')
    assert 'calibration of both cameras' in text
    assert node.statistics.rejected == 1
    left, right, infos = good(2.0)
    publish_pair(graph, left, right, infos)
    assert graph.spin_until(lambda: any(
        stamp_of(message) == 2.0 for message in graph.received['depth']))


def test_negative_stamp_is_refused(graph):
    node = graph.add(StereoNode)
    graph.listen('depth', Image)
    left, right, infos = good(1.0)
    for message in (left, right, *infos):
        message.header.stamp.sec = -5
    publish_pair(graph, left, right, infos)
    graph.wait_for_log('/left/image_rect: the stamp is negative (-5.000 s)')
    assert graph.spin_until(lambda: node.statistics.rejected == 2)
    left, right, infos = good(2.0)
    publish_pair(graph, left, right, infos)
    graph.wait_for('depth')


def test_an_exception_in_a_callback_does_not_end_the_node(graph, monkeypatch):
    node = graph.add(StereoNode)
    graph.listen('depth', Image)
    add = node._pairs.synchronizer.add
    monkeypatch.setattr(node._pairs.synchronizer, 'add', lambda *_: 1 / 0)
    left, right, infos = good(1.0)
    publish_pair(graph, left, right, infos)
    graph.wait_for_log('unexpected error, please report it')
    monkeypatch.setattr(node._pairs.synchronizer, 'add', add)
    left, right, infos = good(2.0)
    publish_pair(graph, left, right, infos)
    assert stamp_of(graph.wait_for('depth')) == 2.0


def test_errors_are_throttled(graph):
    node = graph.add(StereoNode)
    graph.listen('depth', Image)
    for index in range(8):
        left, right, infos = good(1.0 + index / 10)
        left.encoding = 'banana'
        publish_pair(graph, left, right, infos)
        assert graph.spin_until(lambda count=index + 1: node.statistics.rejected == count)
    graph.spin_for(0.2)
    assert graph.log_text().count('banana') == 1


def test_errors_that_differ_in_numbers_are_throttled_too(graph):
    node = graph.add(StereoNode)
    graph.listen('depth', Image)
    for index in range(8):
        left, right, infos = good(1.0 + index / 10)
        del left.data[-1 - index:]
        publish_pair(graph, left, right, infos)
        assert graph.spin_until(lambda count=index + 1: node.statistics.rejected == count)
    graph.spin_for(0.2)
    assert graph.log_text().count('is truncated') == 1


def test_errors_appear_in_diagnostics(graph):
    from diagnostic_msgs.msg import DiagnosticArray
    graph.add(StereoNode)
    graph.listen('depth', Image)
    graph.listen('/diagnostics', DiagnosticArray)
    left, right, infos = good(1.0)
    left.encoding = 'banana'
    publish_pair(graph, left, right, infos)
    assert graph.spin_until(lambda: any(
        status.level == b'\x02' and 'banana' in status.message
        for array in graph.received['/diagnostics'] for status in array.status))


def test_broken_compressed_image(graph):
    graph.add(StereoNode, image_transport='compressed')
    graph.listen('depth', Image)
    infos = camera_infos(RIG, 1.0)
    for side, info in zip(('left', 'right'), infos, strict=True):
        message = CompressedImage(format='jpeg')
        message.data.frombytes(b'no jpeg')
        graph.publish(f'{side}/camera_info', info)
        graph.publish(f'{side}/image_rect/compressed', stamped(message, 1.0))
    graph.wait_for_log("7 bytes of format 'jpeg' are not a JPEG or PNG image")


def test_missing_topic_is_named_once(graph):
    graph.add(StereoNode, input_timeout_seconds=0.5)
    graph.listen('depth', Image)
    left, _, infos = good(1.0)
    graph.publish('left/camera_info', infos[0])
    graph.publish('right/camera_info', infos[1])
    graph.publish('left/image_rect', left)
    text = graph.wait_for_log('/right/image_rect: no message since the node subscribed')
    assert 'nobody publishes it' in text
    graph.spin_for(2.2)
    assert graph.log_text().count('/right/image_rect: no message') == 1


def test_stuck_topic_is_named_with_its_offset(graph):
    graph.add(StereoNode, input_timeout_seconds=1.5)
    graph.listen('depth', Image)
    left, right, infos = good(10.0)
    publish_pair(graph, left, right, infos)
    graph.wait_for('depth')

    stamps = (10.1 + index / 10 for index in range(1000))

    def keep_left_alive():
        stamp = next(stamps)
        left, _, infos = good(stamp)
        graph.publish('left/image_rect', left)
        graph.publish('left/camera_info', infos[0])
        graph.publish('right/camera_info', infos[1])
        graph.spin_for(0.1)
        return '/right/image_rect: no message for' in graph.log_text()

    assert graph.spin_until(keep_left_alive, timeout_s=6)
    text = graph.wait_for_log('/right/image_rect: no message for')
    behind_ms = float(text.split('its last stamp is ')[1].split(' ms')[0])
    assert 500 <= behind_ms <= 6000


def test_camera_info_that_comes_once_is_no_problem(graph):
    graph.add(StereoNode, input_timeout_seconds=0.3)
    graph.listen('depth', Image)
    left, right, infos = good(1.0)
    publish_pair(graph, left, right, infos)
    for stamp in (2.0, 3.0, 4.0, 5.0, 6.0, 7.0):
        left, right, _ = good(stamp)
        graph.publish('left/image_rect', left)
        graph.publish('right/image_rect', right)
        graph.spin_for(0.25)  # longer than the timeout in all
    graph.wait_for('depth', 6)  # one is lost while the node awaits the camera_info of its stamp
    assert 'camera_info: no message' not in graph.log_text()


def test_unpaired_stamps_are_reported_with_their_offset(graph):
    graph.add(StereoNode, queue_size=2)
    graph.listen('depth', Image)

    stamps = (1.0 + index / 10 for index in range(1000))

    def publish_apart():
        stamp = next(stamps)
        left, right, infos = good(stamp)
        publish_pair(graph, left, stamped(right, stamp + 0.025), infos)
        graph.spin_for(0.1)
        return 'their stamps do not pair' in graph.log_text()

    assert graph.spin_until(publish_apart, timeout_s=6)
    text = graph.wait_for_log('their stamps do not pair')
    assert '+25.0 ms' in text or '-75.0 ms' in text  # before or after the next left one
    assert 'set approximate_sync' in text


def test_swapped_cameras_are_warned_about(graph):
    graph.add(StereoNode)
    graph.listen('depth', Image)
    left, right, infos = good(1.0)
    infos[1].p[3] = -infos[1].p[3]
    publish_pair(graph, left, right, infos)
    graph.wait_for_log('Are the two cameras swapped?')
    graph.wait_for('depth')
