"""Inputs and results that arrive in any order become the frames that belong together."""
import numpy as np
import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
import bags

from panmatch_ros.data.bags.writer import flow_message, header, image_message
from panmatch_ros.evaluation.recordings.live_frames import MOST_PENDING, LiveFrames
from panmatch_ros.evaluation.recordings.recorded_inputs import SingleInputs, StereoInputs
from panmatch_ros.inference.classical import ClassicalMatcher

TOPICS, INFOS = (bags.LEFT, bags.RIGHT), (bags.LEFT_INFO, bags.RIGHT_INFO)


class Live:
    """Frames that were joined."""

    def __init__(self, *kinds, back=None, single=False):
        self.frames = []
        self.live = LiveFrames({kind: f'/{kind}' for kind in kinds}, self.frames.append, back)
        self.inputs = (SingleInputs('/image', self.live.add_input) if single else
                       StereoInputs(TOPICS, INFOS, self.live.add_input))
        self.live.inputs = self.inputs

    def pair(self, index, at_s=0.0, messages=None):
        self.live.now_s = at_s
        for topic, message in bags.pair_messages(index) if messages is None else messages:
            if topic in INFOS:
                self.inputs.add_info(INFOS.index(topic), message)
            else:
                self.inputs.add_image(TOPICS.index(topic), message)

    def image(self, index, at_s=0.0):
        self.live.now_s = at_s
        top = header(bags.stamp_of(index), 'camera')
        self.inputs.add_image(0, image_message(top, bags.pair(shift=index)[0]))

    def disparity(self, index, value=bags.DISPARITY, at_s=0.0):
        self.live.now_s = at_s
        self.live.add_result('disparity', bags.disparity_truth(index, value)[1])

    def flow(self, index, source, at_s=0.0):
        self.live.now_s = at_s
        field = np.zeros((*bags.SIZE, 2), np.float32)
        field[..., 0] = source - index
        self.live.add_result('optical_flow', flow_message(
            header(bags.stamp_of(index), 'camera'), bags.stamp_of(source), 0.1, field,
            field[..., 0]))

    @property
    def indices(self):
        return [(frame.stamp_ns - bags.START_NS) // bags.PERIOD_NS for frame in self.frames]


@pytest.mark.parametrize('result_first', [True, False])
def test_input_and_result_in_either_order(result_first):
    run = Live('disparity')
    steps = [lambda: run.disparity(0, at_s=2.5), lambda: run.pair(0, at_s=2.0)]
    for step in steps if result_first else steps[::-1]:
        step()
    (frame,) = run.frames
    np.testing.assert_array_equal(frame.stereo.disparity, np.full(bags.SIZE, 8.0))
    np.testing.assert_array_equal(frame.stereo.left, bags.pair()[0])
    assert frame.latency_ms == pytest.approx(500.0)
    assert frame.frame_id == bags.FRAME


def test_a_result_that_came_before_its_input_has_no_latency():
    run = Live('disparity')
    run.disparity(0, at_s=2.0)
    run.pair(0, at_s=2.5)
    assert np.isnan(run.frames[0].latency_ms)


def test_inputs_that_the_matcher_left_out_are_given_up():
    run = Live('disparity')
    for index in range(3):
        run.pair(index)
    run.disparity(2)
    assert run.indices == [2]
    assert (run.live.unpredicted, run.live.predicted, run.live.pending) == (2, 1, 0)
    assert run.frames[0].number == 3  # so it is not compared with the one before


def test_a_frame_with_both_results_waits_for_both():
    run = Live('disparity', 'optical_flow')
    run.pair(0)
    run.disparity(0)  # the first pair has no flow
    assert run.frames == []
    run.pair(1)
    run.disparity(1)
    assert run.frames == []
    run.flow(1, 0)
    assert run.indices == [0, 1]
    assert run.frames[0].flow is None
    assert run.frames[1].flow.source_ns == bags.stamp_of(0)
    np.testing.assert_array_equal(run.frames[1].flow.older, run.frames[0].stereo.left)


def test_flow_of_one_camera_from_an_image_that_had_no_result():
    run = Live('optical_flow', single=True)
    for index in range(4):
        run.image(index)
    run.flow(3, 1)
    assert run.indices == [3]
    np.testing.assert_array_equal(run.frames[0].flow.older, bags.pair(shift=1)[0])
    np.testing.assert_array_equal(run.frames[0].flow.newer, bags.pair(shift=3)[0])


def test_flow_from_an_image_that_did_not_come():
    run = Live('optical_flow', single=True)
    run.image(3)
    run.flow(3, 1)
    assert run.frames == []
    assert 'the older image, of 1700000000.100 s, did not come here' in next(
        iter(run.live.failed.counts()))


def test_depth_becomes_disparity():
    run = Live('depth')
    run.pair(0)
    run.live.add_result('depth', bags.depth_truth(0, 2.0)[1])
    np.testing.assert_allclose(run.frames[0].stereo.disparity, np.full(bags.SIZE, 10.0))


def test_without_camera_info_nothing_is_compared_and_it_is_said():
    run = Live('disparity')
    run.pair(0, messages=bags.pair_messages(0)[2:])
    run.disparity(0)
    assert run.frames == []
    assert 'no camera_info' in next(iter(run.live.failed.counts()))


def test_a_result_of_another_size_is_refused():
    run = Live('disparity')
    run.pair(0)
    run.live.add_result('disparity', bags.disparity_message(
        header(bags.stamp_of(0), ''), np.ones((4, 4), np.float32), bags.RIG, (0.0, 64.0), 0.1))
    assert 'the disparity has 4x4 pixels, the image 128x96' in next(
        iter(run.live.failed.counts()))


def test_the_direction_back_is_matched_here():
    run = Live('disparity', back=ClassicalMatcher())
    run.pair(0)
    run.disparity(0)
    assert np.nanmedian(run.frames[0].stereo.disparity_right[:, 4:100]) == pytest.approx(8, abs=.1)


def test_time_that_goes_back_keeps_the_runs_apart():
    run = Live('disparity')
    for index in (50, 51, 0, 1):
        run.pair(index)
        run.disparity(index)
    assert [(frame.run, index) for frame, index in zip(run.frames, run.indices, strict=True)] == [
        (0, 50), (0, 51), (1, 0), (1, 1)]


def test_memory_is_bounded_when_nobody_answers():
    run = Live('disparity')
    for index in range(MOST_PENDING + 5):
        run.pair(index)
    assert (run.live.pending, run.live.unpredicted) == (MOST_PENDING, 5)
    run.live.flush()
    assert (run.live.pending, run.live.unpredicted) == (0, MOST_PENDING + 5)
