"""What is written is read back, with the fields that nodes set."""
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
from rosbags.rosbag2 import Reader

from panmatch_ros.core.camera import Camera, StereoRig
from panmatch_ros.core.errors import ConfigError
from panmatch_ros.data.bags.types import OPTICAL_FLOW, OPTICAL_FLOW_FIELDS, typestore
from panmatch_ros.data.bags.writer import (
    BagWriter,
    camera_info_message,
    disparity_message,
    flow_message,
    header,
    image_message,
)

STAMP_NS = 12_345_678_901
LEFT = Camera(6, 4, 10.0, 11.0, 2.5, 1.5)
RIG = StereoRig(LEFT, Camera(6, 4, 10.0, 11.0, 3.5, 1.5, tx=-2.0))


def read(path):
    with Reader(path) as reader:
        return {connection.topic: (connection.msgtype, log_ns, typestore().deserialize_cdr(
            data, connection.msgtype)) for connection, log_ns, data in reader.messages()}


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_round_trip(tmp_path, storage):
    top = header(STAMP_NS, 'left_optical')
    parallax = np.arange(24, dtype=np.float32).reshape(4, 6)
    parallax[1, 2] = np.nan
    flow = np.stack([parallax, -parallax], axis=-1)
    with BagWriter(tmp_path / 'bag', storage) as writer:
        writer.write('/disparity', disparity_message(top, parallax, RIG, (0.0, 64.0), 0.0625), 7)
        writer.write('/depth', image_message(top, parallax), 8)
        writer.write('/info', camera_info_message(top, RIG.right), 9)
        writer.write('/flow', flow_message(top, STAMP_NS - 100, 1e-7, flow, parallax), 10)
    found = read(tmp_path / 'bag')
    kind, log_ns, message = found['/disparity']
    assert (kind, log_ns) == ('stereo_msgs/msg/DisparityImage', 7)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (12, 345_678_901)
    assert message.header.frame_id == message.image.header.frame_id == 'left_optical'
    assert (message.f, message.t) == (10.0, pytest.approx(0.2))
    # As in the node: without the offset of the principal points, cx_left - cx_right = -1.
    assert (message.min_disparity, message.max_disparity) == (1.0, 65.0)
    assert message.delta_d == 0.0625
    assert (message.valid_window.width, message.valid_window.height) == (6, 4)
    assert (message.image.encoding, message.image.step) == ('32FC1', 24)
    np.testing.assert_array_equal(message.image.data.view(np.float32).reshape(4, 6), parallax)
    message = found['/info'][2]
    assert (message.width, message.height, message.p[3]) == (6, 4, -2.0)
    np.testing.assert_array_equal(message.r.reshape(3, 3), np.eye(3))
    kind, _, message = found['/flow']
    assert kind == 'panmatch_ros/msg/OpticalFlow'
    assert message.source_stamp.nanosec == 345_678_801
    assert message.flow.encoding == '32FC2'
    np.testing.assert_array_equal(message.flow.data.view(np.float32).reshape(4, 6, 2), flow)


@pytest.mark.parametrize(('pixels', 'encoding', 'step'), [
    (np.zeros((2, 3), np.uint8), 'mono8', 3), (np.zeros((2, 3, 3), np.uint8), 'rgb8', 9),
    (np.zeros((2, 3), np.uint16), 'mono16', 6), (np.zeros((2, 3, 3), np.uint16), 'rgb16', 18)])
def test_encodings(pixels, encoding, step):
    message = image_message(header(0, ''), pixels)
    assert (message.encoding, message.step, message.height, message.width) == (
        encoding, step, 2, 3)


def test_a_bag_that_exists_is_not_replaced(tmp_path):
    (tmp_path / 'bag').mkdir()
    with pytest.raises(ConfigError, match='the bag cannot be written: .* exists already'):
        BagWriter(tmp_path / 'bag')


def test_our_own_type_is_that_of_the_message_file():
    text = (Path(__file__).parents[3] / 'msg' / 'OpticalFlow.msg').read_text()
    lines = [line.split('#')[0].strip() for line in text.splitlines()]
    assert '\n'.join(filter(None, lines)) + '\n' == OPTICAL_FLOW_FIELDS
    assert OPTICAL_FLOW in typestore().types
