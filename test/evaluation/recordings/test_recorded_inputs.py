"""Inputs of a recording are those that the nodes take."""
import numpy as np
import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
import bags

from panmatch_ros.core.errors import CalibrationError, ImageError
from panmatch_ros.data.bags.writer import header, image_message
from panmatch_ros.evaluation.recordings.recorded_inputs import SingleInputs, StereoInputs

TOPICS = (bags.LEFT, bags.RIGHT)
INFOS = (bags.LEFT_INFO, bags.RIGHT_INFO)
MS = 1_000_000


class Given:
    """Stereo inputs and what they give."""

    def __init__(self, **options):
        self.found = []
        self.inputs = StereoInputs(TOPICS, INFOS, self.found.append, **options)

    def add(self, messages):
        for topic, message in messages:
            if topic in INFOS:
                self.inputs.add_info(INFOS.index(topic), message)
            else:
                self.inputs.add_image(TOPICS.index(topic), message)

    def places(self):
        return [((each.stamp_ns - bags.START_NS) // MS, each.run, each.number)
                for each in self.found]


def test_pairs_with_equal_stamps_and_their_calibration():
    given = Given()
    given.add(bags.pair_messages(0))
    left, right, cameras = given.inputs.read(given.found[0])
    np.testing.assert_array_equal(left, bags.pair()[0])
    np.testing.assert_array_equal(right, bags.pair()[1])
    assert cameras.rig.baseline_m == pytest.approx(0.2)
    assert given.found[0].frame_id == bags.FRAME


def test_stamps_that_differ_need_a_tolerance():
    given, tolerant = Given(), Given(tolerance_ns=10 * MS)
    for index in range(4):
        for each in (given, tolerant):
            each.add(bags.pair_messages(index, right_delay_ns=4 * MS))
    assert given.found == []
    assert len(tolerant.found) == 4
    given.inputs._synchronizer.reset()
    assert given.inputs.unpaired == 8


def test_time_that_goes_back_is_a_new_run_on_both_sides():
    given = Given()
    for index in (50, 51, 0, 1):
        given.add(bags.pair_messages(index))
    assert given.places() == [(5000, 0, 1), (5100, 0, 2), (0, 1, 3), (100, 1, 4)]
    assert (given.inputs.run, given.inputs.late) == (1, 0)


def test_repeated_and_late_images_are_left_out():
    given = Given()
    for index in (3, 3, 2, 4):
        given.add(bags.pair_messages(index))
    assert [stamp for stamp, _, _ in given.places()] == [300, 400]
    assert given.inputs.late == 4
    assert given.inputs.received == [4, 4]


def test_calibration_of_the_stamp_comes_before_the_latest():
    given = Given()
    other = bags.RIG.resized(*bags.SIZE).__class__.ideal(bags.SIZE, 100.0, 0.4)
    given.add(bags.pair_messages(0))
    given.add(bags.pair_messages(1, rig=other)[:2])
    assert given.inputs.cameras(given.found[0], bags.SIZE).rig.baseline_m == pytest.approx(0.2)
    given.add(bags.pair_messages(2)[2:])  # has no camera_info of its own
    assert given.inputs.cameras(given.found[1], bags.SIZE).rig.baseline_m == pytest.approx(0.4)


def test_without_camera_info_a_rectified_pair_is_still_a_pair():
    given = Given()
    given.add(bags.pair_messages(0)[2:])
    assert given.inputs.read(given.found[0])[2] is None


def test_a_given_calibration_stands_in():
    given = Given()
    given.inputs.use(bags.RIG, 'calib.txt')
    given.add(bags.pair_messages(0)[2:])
    assert given.inputs.read(given.found[0])[2].rig is bags.RIG


def test_a_given_calibration_fits_images_that_were_only_resized():
    given = Given()
    given.inputs.use(bags.RIG, 'calib.txt')
    half, wide = np.zeros((48, 64), np.uint8), np.zeros((48, 128), np.uint8)
    given.add(bags.pair_messages(0, (half, half))[2:])
    assert given.inputs.read(given.found[0])[2].rig.focal_px == pytest.approx(50.0)
    given.add(bags.pair_messages(1, (wide, wide))[2:])
    with pytest.raises(CalibrationError, match='calib.txt describes an image of 64x48'):
        given.inputs.read(given.found[1])


def test_raw_images_need_camera_info():
    given = Given(rectify=True)
    given.add(bags.pair_messages(0)[2:])
    with pytest.raises(CalibrationError, match='raw images need the camera_info of both cameras '
                       'to be rectified: /left/camera_info and /right/camera_info'):
        given.inputs.read(given.found[0])


def test_images_of_two_sizes_or_another_than_the_calibration():
    given = Given()
    small = np.zeros((48, 64), np.uint8)
    given.add(bags.pair_messages(0, (bags.pair()[0], small)))
    with pytest.raises(ImageError, match='must have one size, got 128x96 and 64x48'):
        given.inputs.read(given.found[0])
    given.add(bags.pair_messages(1, (small, small)))
    with pytest.raises(CalibrationError, match='/left/camera_info describes an image of 128x96'):
        given.inputs.read(given.found[1])


def test_one_camera():
    found = []
    inputs = SingleInputs('/camera', found.append)
    for index in (50, 50, 51, 0):
        inputs.add_image(0, image_message(header(bags.stamp_of(index), 'c'), bags.pair()[0]))
    assert [(each.run, each.number) for each in found] == [(0, 1), (0, 2), (1, 3)]
    assert (inputs.late, inputs.unpaired, inputs.received) == (1, 0, [4])
    np.testing.assert_array_equal(inputs.read(found[0]), bags.pair()[0])
