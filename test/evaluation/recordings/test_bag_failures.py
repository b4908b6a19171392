"""What goes wrong with a bag is said, and the rest is scored."""
import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
from bag_runs import MS, Ran, depth_of_wall
import bags

from panmatch_ros.data.bags.bag import Bag
from panmatch_ros.data.bags.topics import choose_topics
from panmatch_ros.evaluation.recordings.bag_run import BagRun, RunOptions
from panmatch_ros.inference.classical import ClassicalMatcher


def test_time_that_goes_back_is_a_new_run(tmp_path):
    messages = [message for index in (50, 51, 52, 0, 1, 2) for message in
                [*bags.pair_messages(index), bags.disparity_truth(index, 8.0 + (index < 10))]]
    ran = Ran(bags.write_bag(tmp_path / 'bag', messages), 'perception')
    assert [row.run for row in ran.rows] == [0, 0, 0, 1, 1, 1]
    assert ran.problems == []
    assert any('stamps went back in time (1 times)' in note for note in ran.notes)
    # Nothing compares across the jump, and truth is of the own run.
    assert [value is None for value in ran.values('temporal_px')] == [
        True, False, False, True, False, False]
    assert ran.values('disparity_epe_px') == pytest.approx([0, 0, 0, 1, 1, 1], abs=0.05)


def test_a_bag_that_loops_scores_the_same_frames_again(tmp_path):
    frames = [message for index in range(20) for message in
              [*bags.pair_messages(index), bags.disparity_truth(index)]]
    ran = Ran(bags.write_bag(tmp_path / 'bag', [*frames, *frames]))
    assert ran.indices == [*range(20), *range(20)]
    first, again = ([row.scores for row in ran.rows[part]] for part in (slice(20), slice(20, 40)))
    for one, other in zip(first, again, strict=True):
        one.pop('latency_ms'), other.pop('latency_ms')
        assert one == other


def test_images_without_partner_are_counted_and_a_problem(tmp_path):
    messages = [message for index in range(12) for message in
                bags.pair_messages(index, right_delay_ns=(index % 2) * 7 * MS)]
    ran = Ran(bags.write_bag(tmp_path / 'bag', messages))
    assert ran.indices == [0, 2, 4, 6, 8, 10]
    assert ran.problems == [
        f'{ran.run.counts["images_unpaired"]} of 24 images have no partner with equal stamps: are '
        'the cameras triggered together? (--sync-tolerance pairs stamps that differ)']
    tolerant = Ran(tmp_path / 'bag', tolerance_ns=10 * MS)
    assert len(tolerant.rows) == 12
    assert tolerant.problems == []


def test_no_pair_at_all_is_a_problem(tmp_path):
    messages = [message for index in range(6) for message in
                bags.pair_messages(index, right_delay_ns=7 * MS)]
    ran = Ran(bags.write_bag(tmp_path / 'bag', messages))
    assert ran.rows == []
    assert ran.problems[-1] == 'no frame was matched'


def test_a_ragged_end_is_no_problem(tmp_path):
    messages = [message for index in range(4) for message in bags.pair_messages(index)]
    ran = Ran(bags.write_bag(tmp_path / 'bag', messages[:-1]))
    assert ran.indices == [0, 1, 2]
    assert ran.problems == []


def test_without_camera_info_there_is_disparity_but_no_depth(tmp_path):
    messages = [each for index in range(3) for each in
                [*bags.pair_messages(index), depth_of_wall(index), bags.disparity_truth(index)]
                if each[0] != bags.RIGHT_INFO]
    ran = Ran(bags.write_bag(tmp_path / 'bag', messages))
    assert ran.indices == [0, 1, 2]
    assert [value < 0.05 for value in ran.values('disparity_epe_px')] == [True] * 3
    assert ran.values('depth_abs_rel') == [None] * 3
    assert len(ran.problems) == 2
    assert 'there is no /right/camera_info' in ran.problems[0]
    assert ran.problems[1] == 'no frame was compared with the depth truth of /gt/depth'
    assert '/gt/depth: depth needs the calibration of both cameras (3 frames)' in ran.notes
    assert list(ran.matched[0][0].messages) == ['confidence', 'disparity/image']


def test_bad_frames_are_left_out_and_counted(tmp_path):
    messages = []
    for index in range(4):
        pair = bags.pair_messages(index)
        if index == 1:
            pair[2][1].encoding = 'exotic'
        messages += pair
    ran = Ran(bags.write_bag(tmp_path / 'bag', messages))
    assert ran.indices == [0, 2, 3]
    assert ran.values('temporal_px') == [None, None, 0.0]
    assert len(ran.problems) == 1
    assert ran.problems[0].startswith(
        "1 frames failed: /left/image_rect: encoding 'exotic' is not supported")


def test_a_message_that_is_no_image_is_left_out(tmp_path):
    path = tmp_path / 'bag'
    with bags.open_writer(path) as write:
        for index in range(2):
            for topic, message in bags.pair_messages(index):
                write(topic, message, bags.stamp_of(index))
        connection = next(each for each in write.raw.connections if each.topic == bags.LEFT)
        write.raw.write(connection, bags.stamp_of(3), b'\x00\x01\x00\x00 nonsense')
    ran = Ran(path)
    assert ran.indices == [0, 1]
    assert '1 frames failed: /left/image_rect: 13 bytes are no sensor_msgs/msg/Image' in (
        ran.problems[0])


def test_unknown_types_are_named(tmp_path):
    path = tmp_path / 'bag'
    with bags.open_writer(path) as write:
        for topic, message in bags.pair_messages(0):
            write(topic, message, bags.START_NS)
        write.raw.add_connection('/foo', 'robot_msgs/msg/Foo', msgdef='int32 a\n',
                                 rihs01='RIHS01_00')
    ran = Ran(path)
    assert ran.problems == []
    assert ('not read, since nobody knows the message type: /foo (robot_msgs/msg/Foo)'
            in ran.notes)


def test_truth_that_never_fits_is_a_problem(tmp_path):
    def late(index):
        return bags.depth_truth(index, 2.5, stamp=bags.stamp_of(index) + 50 * MS)
    ran = Ran(bags.stereo_bag(tmp_path / 'bag', 3, [late]))
    assert len(ran.rows) == 3
    assert ran.problems == ['no frame was compared with the depth truth of /gt/depth']
    assert '/gt/depth: no message within 20 ms of the frame (3 frames)' in ran.notes


def test_raw_images_without_camera_info_cannot_be_rectified(tmp_path):
    messages = [(topic.replace('image_rect', 'image_raw'), message)
                for topic, message in bags.pair_messages(0) if topic != bags.RIGHT_INFO]
    path = bags.write_bag(tmp_path / 'bag', messages)
    with Bag(path) as bag:
        chosen = choose_topics(bag, rectify=True)
        run = BagRun(bag, chosen, ClassicalMatcher(), RunOptions(), lambda *_: None,
                     lambda *_: None)
        run.run()
        assert any('1 frames failed: raw images need the camera_info of both cameras to be '
                   'rectified: /left/camera_info and /right/camera_info' in text
                   for text in run.problems())
