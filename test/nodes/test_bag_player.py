"""The player gives what stands in the bag, at its pace, with a clock."""
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
import time

import bags
from ros_harness import RELIABLE
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.nodes.bag_player import BagPlayer

pytestmark = pytest.mark.ros


def listen(graph):
    graph.listen(bags.LEFT, Image)
    graph.listen(bags.RIGHT_INFO, CameraInfo)
    graph.listen('/clock', Clock)


def seconds(message):
    return message.clock.sec + message.clock.nanosec * 1e-9


def test_messages_as_they_stand_in_the_bag_and_the_time(graph, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 5)
    listen(graph)
    player = graph.add(BagPlayer, bag=str(path), rate=0.1, end_process=False)
    began_s = time.monotonic()
    assert graph.spin_until(lambda: player.finished)
    # 20 messages, 1 ms apart, ten times slower, after half a second.
    assert time.monotonic() - began_s > 0.19
    assert graph.spin_until(lambda: len(graph.received[bags.LEFT]) == 5)
    assert player.played == 20
    for index, message in enumerate(graph.received[bags.LEFT]):
        assert (message.encoding, message.header.frame_id) == ('mono8', bags.FRAME)
        assert message.header.stamp.sec == bags.stamp_of(index) // 1_000_000_000
        np.testing.assert_array_equal(np.frombuffer(message.data, np.uint8).reshape(bags.SIZE),
                                      bags.pair(shift=index)[0])
    assert graph.received[bags.RIGHT_INFO][0].p[3] == pytest.approx(-20.0)
    end_s = bags.START_NS * 1e-9 + 0.019
    assert graph.spin_until(lambda: graph.received['/clock']
                            and seconds(graph.received['/clock'][-1]) >= end_s - 1e-4)
    times = [seconds(message) for message in graph.received['/clock']]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(end_s, abs=1e-4)


def test_nothing_is_played_before_somebody_listens(graph, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    player = graph.add(BagPlayer, bag=str(path), end_process=False, delay_seconds=0.1)
    graph.spin_for(0.4)
    assert player.played == 0
    graph.listen(bags.LEFT, Image)
    assert graph.spin_until(lambda: player.finished)
    graph.wait_for(bags.LEFT, 2)


def test_without_listeners_it_begins_after_a_time(graph, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    player = graph.add(BagPlayer, bag=str(path), end_process=False, wait_seconds=0.2)
    assert graph.spin_until(lambda: player.finished)


def test_some_topics_without_clock(graph, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    listen(graph)
    player = graph.add(BagPlayer, bag=str(path), end_process=False, topics=bags.LEFT, clock=False)
    assert graph.spin_until(lambda: player.finished)
    graph.wait_for(bags.LEFT, 2)
    assert player.played == 2
    assert graph.received['/clock'] == []


def test_loops(graph, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    listen(graph)
    player = graph.add(BagPlayer, bag=str(path), loop=True)
    graph.wait_for(bags.LEFT, 6)
    assert not player.finished


def test_the_end_of_the_bag_ends_the_process(graph, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 1)
    graph.listen(bags.LEFT, Image)
    graph.add(BagPlayer, bag=str(path), delay_seconds=0.0)
    with pytest.raises(SystemExit) as ended:
        graph.spin_for(8.0)
    assert ended.value.code == 0


def test_static_transforms_are_latched(graph, tmp_path):
    tf2 = pytest.importorskip('tf2_msgs.msg', reason='tf2_msgs is not installed: run make setup, '
                              'or install ros-$ROS_DISTRO-tf2-msgs')
    messages = [bags.tf([('base', 'camera', np.eye(4), 0)]), *bags.pair_messages(0)]
    path = bags.write_bag(tmp_path / 'bag', messages)
    player = graph.add(BagPlayer, bag=str(path), end_process=False, wait_seconds=0.0)
    assert graph.spin_until(lambda: player.finished)
    from rclpy.qos import DurabilityPolicy, QoSProfile
    graph.listen('/tf_static', tf2.TFMessage, QoSProfile(
        depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    message = graph.wait_for('/tf_static')
    assert message.transforms[0].child_frame_id == 'camera'
    assert RELIABLE.depth > 1


def test_types_that_are_not_installed_are_named_and_left_out(graph, tmp_path):
    path = tmp_path / 'bag'
    with bags.open_writer(path) as write:
        for topic, message in bags.pair_messages(0):
            write(topic, message, bags.START_NS)
        connection = write.raw.add_connection('/foo', 'robot_msgs/msg/Foo', msgdef='int32 a\n',
                                              rihs01='RIHS01_00')
        write.raw.write(connection, bags.START_NS, b'\x00\x01\x00\x00\x01\x00\x00\x00')
    player = graph.add(BagPlayer, bag=str(path), end_process=False, wait_seconds=0.0)
    assert graph.spin_until(lambda: player.finished)
    assert player.played == 4
    graph.wait_for_log('/foo: the message type robot_msgs/msg/Foo is not installed')


def test_a_cut_bag_is_played_as_far_as_it_goes(graph, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 2)
    (path / 'metadata.yaml').unlink()
    player = graph.add(BagPlayer, bag=str(path), end_process=False, wait_seconds=0.0)
    assert graph.spin_until(lambda: player.finished)
    assert player.played == 8
    graph.wait_for_log('bag has no metadata.yaml')


def test_damage_that_is_found_while_playing_is_said(graph, tmp_path):
    path = bags.stereo_bag(tmp_path / 'bag', 4, compression='storage')
    (file,) = path.glob('*.mcap')
    data = file.read_bytes()
    chunk = data.index(b'\x28\xb5\x2f\xfd')  # of Zstandard
    file.write_bytes(data[:chunk] + bytes(4) + data[chunk + 4:])
    player = graph.add(BagPlayer, bag=str(path), end_process=False, wait_seconds=0.0)
    assert 'is damaged after' not in graph.log_text()
    assert graph.spin_until(lambda: player.finished)
    assert player.played < 16
    graph.wait_for_log(f'{file.name} is damaged after {player.played} messages of these topics')


@pytest.mark.parametrize(('parameters', 'error', 'text'), [
    ({}, ConfigError, 'set bag to the bag to play'),
    ({'bag': '/nothing'}, FormatError, 'there is no such bag'),
    ({'topics': '/left/image_rect, /other'}, ConfigError, 'the bag has no topic /other'),
])
def test_wrong_parameters(graph, tmp_path, parameters, error, text):
    if 'topics' in parameters:
        parameters = {**parameters, 'bag': str(bags.stereo_bag(tmp_path / 'bag', 1))}
    with pytest.raises(error, match=text):
        graph.add(BagPlayer, **parameters)
