"""Frames wait for their truth and are scored in order, whatever came first."""
import numpy as np
import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
import bags

from panmatch_ros.data.bags.writer import header, image_message
from panmatch_ros.evaluation.recordings.frame_evaluator import (
    MOST_WAITING,
    EvaluationOptions,
    Frame,
    FrameEvaluator,
    Remarks,
)
from panmatch_ros.evaluation.recordings.frame_scores import FlowPart, StereoPart

IMAGES = bags.pair()
DEPTH_M = 100.0 * 0.2 / bags.DISPARITY


def frame(index, run=0, number=None, disparity=bags.DISPARITY, flow=None, **changes):
    values = np.full(bags.SIZE, disparity, np.float32)
    return Frame(bags.stamp_of(index), run, index if number is None else number, 'camera',
                 StereoPart(*IMAGES, values, changes.pop('rig', bags.RIG)), flow, 5.0)


def flow_part(source, u=1.0):
    field = np.zeros((*bags.SIZE, 2), np.float32)
    field[..., 0] = u
    return FlowPart(IMAGES[0], IMAGES[0], field, bags.stamp_of(source))


class Evaluated:
    """An evaluator whose scores are kept."""

    def __init__(self, *truths, **options):
        self.rows = []
        topics = {kind: f'/gt/{kind}' for kind in truths}
        self.evaluator = FrameEvaluator(topics, lambda row, _: self.rows.append(row),
                                        EvaluationOptions(**options))

    @property
    def stamps(self):
        return [(row.stamp_ns - bags.START_NS) // bags.PERIOD_NS for row in self.rows]

    def frames(self, *indices, **changes):
        for index in indices:
            self.evaluator.add(frame(index, **changes))

    def truth(self, kind, message):
        self.evaluator.add_truth(kind, message[1])

    @property
    def remarks(self):
        return self.evaluator.remarks.counts()


def test_without_truth_frames_are_scored_at_once():
    run = Evaluated()
    run.frames(0, 1)
    assert run.stamps == [0, 1]
    assert run.rows[0].scores['valid_percent'] == 100.0
    assert run.rows[0].scores['latency_ms'] == 5.0
    assert (run.rows[0].previous_ns, run.rows[1].previous_ns) == (None, bags.stamp_of(0))
    assert run.rows[1].scores['temporal_px'] == 0.0


@pytest.mark.parametrize('truth_first', [True, False])
def test_truth_before_or_after_the_frame_gives_the_same(truth_first):
    run = Evaluated('disparity')
    steps = [lambda: run.truth('disparity', bags.disparity_truth(0, 9.0)),
             lambda: run.frames(0)]
    for step in steps if truth_first else steps[::-1]:
        step()
    assert run.rows[0].scores['disparity_epe_px'] == pytest.approx(1.0)


def test_a_frame_waits_until_no_nearer_truth_can_come():
    run = Evaluated('depth', tolerance_s=0.05)
    run.truth('depth', bags.depth_truth(0, DEPTH_M, stamp=bags.stamp_of(1) - 40_000_000))
    run.frames(1)
    assert run.rows == []
    run.truth('depth', bags.depth_truth(0, 2 * DEPTH_M, stamp=bags.stamp_of(1) + 30_000_000))
    assert run.rows[0].scores['depth_abs_rel'] == pytest.approx(0.5)


def test_frames_that_wait_in_vain_are_scored_without_truth():
    run = Evaluated('depth')
    run.frames(*range(MOST_WAITING + 2))
    assert run.stamps == [0, 1]
    run.evaluator.flush()
    assert len(run.rows) == MOST_WAITING + 2
    assert 'depth_abs_rel' not in run.rows[0].scores
    assert run.remarks == {'/gt/depth: no message within 20 ms of the frame': MOST_WAITING + 2}


def test_truth_that_cannot_be_used_is_a_remark_and_the_rest_is_scored():
    run = Evaluated('depth')
    top = header(bags.stamp_of(0), 'camera')
    run.truth('depth', ('', image_message(top, np.ones((2, 2), np.float32))))
    run.frames(0)
    assert run.rows[0].scores['valid_percent'] == 100.0
    assert 'depth and truth must be (H, W) of one size' in next(iter(run.remarks))


def test_without_calibration_there_is_no_depth():
    run = Evaluated('depth')
    run.truth('depth', bags.depth_truth(0, DEPTH_M))
    run.frames(0, rig=None)
    assert run.remarks == {'/gt/depth: depth needs the calibration of both cameras': 1}


def test_depth_in_millimetres_and_its_limit():
    run = Evaluated('depth', max_depth_m=2.0)
    run.truth('depth', bags.depth_truth(0, 1250, dtype=np.uint16))
    run.frames(0)
    # The depth of 2.5 m is cut to 2.
    assert run.rows[0].scores['depth_abs_rel'] == pytest.approx(0.6)


def test_frames_of_another_run_or_not_next_to_each_other_are_not_compared():
    run = Evaluated()
    run.evaluator.add(frame(5, number=1))
    run.evaluator.add(frame(0, run=1, number=2))
    run.evaluator.add(frame(2, run=1, number=4))
    assert [row.previous_ns for row in run.rows] == [None, None, None]
    assert all('temporal_px' not in row.scores for row in run.rows)


def test_flow_from_the_frame_before_is_followed():
    run = Evaluated()
    run.evaluator.add(frame(0))
    run.evaluator.add(frame(1, flow=flow_part(0)))
    run.evaluator.add(frame(2, flow=flow_part(1, u=1.5)))
    assert run.rows[1].scores['temporal_px'] == 0.0
    assert 'flow_temporal_px' not in run.rows[1].scores
    assert run.rows[2].scores['flow_temporal_px'] == pytest.approx(0.5)


def test_flow_from_an_older_frame_is_scored_but_not_compared():
    run = Evaluated()
    run.evaluator.add(frame(0, number=0))
    run.evaluator.add(frame(2, number=1, flow=flow_part(1)))  # that of frame 1 was not seen
    assert run.rows[1].previous_ns == bags.stamp_of(1)
    assert 'temporal_px' not in run.rows[1].scores
    assert run.rows[1].scores['flow_valid_percent'] == 100.0


def lidar_points(depth):
    """Points in front of the camera, in the frame of a lidar that looks along its own x axis."""
    y, z = np.meshgrid(np.linspace(-0.2, 0.2, 5), np.linspace(-0.1, 0.1, 4))
    return np.stack([np.full(y.size, depth), y.ravel(), z.ravel()], axis=-1)


T_BASE_LIDAR = np.array([[1, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float)
T_BASE_CAMERA = np.array([[0, 0, 1, 0.2], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]], float)


def test_lidar_is_projected_with_static_and_moving_transforms():
    run = Evaluated('lidar')
    # 2 m before the lidar is 2.3 m before the camera; where the base is does not matter.
    run.truth('lidar', bags.cloud(lidar_points(2.0), bags.stamp_of(1)))
    run.frames(1)
    assert run.rows == []  # TF says nothing yet
    run.evaluator.add_transforms(bags.tf([('base', 'lidar', T_BASE_LIDAR, 0)])[1], static=True)
    assert run.rows == []
    for index in (0, 2):  # around the stamp of the cloud
        run.evaluator.add_transforms(
            bags.tf([('base', 'camera', T_BASE_CAMERA, bags.stamp_of(index))])[1], static=False)
    scores = run.rows[0].scores
    assert scores['lidar_points'] == 20
    assert scores['lidar_abs_rel'] == pytest.approx(abs(DEPTH_M - 2.3) / 2.3, rel=1e-5)
    assert scores['lidar_epe_px'] == pytest.approx(abs(8.0 - 100 * 0.2 / 2.3), rel=1e-5)
    assert run.remarks == {}


def test_points_in_the_frame_of_the_camera_need_no_transform():
    run = Evaluated('lidar')
    points = lidar_points(2.0) @ T_BASE_CAMERA[:3, :3]
    run.truth('lidar', bags.cloud(points, bags.stamp_of(0), 'camera'))
    run.frames(0)
    assert run.remarks == {}
    assert run.rows[0].scores['lidar_abs_rel'] == pytest.approx(abs(DEPTH_M - 2.0) / 2.0)


def test_lidar_whose_frame_nobody_knows_is_a_remark():
    run = Evaluated('lidar')
    run.truth('lidar', bags.cloud(lidar_points(2.0), bags.stamp_of(0), 'nowhere'))
    run.frames(0)
    run.evaluator.flush()
    assert run.remarks == {"/gt/lidar: TF has no frame 'camera'; nothing has come yet": 1}


def test_transforms_start_anew_when_time_goes_back():
    run = Evaluated('lidar')
    moved = T_BASE_CAMERA.copy()
    moved[0, 3] = 0.0
    for index, T in ((100, T_BASE_CAMERA), (101, T_BASE_CAMERA), (0, moved), (1, moved)):
        run.evaluator.add_transforms(
            bags.tf([('lidar', 'camera', T, bags.stamp_of(index))])[1], static=False)
    run.truth('lidar', bags.cloud(lidar_points(2.5), bags.stamp_of(1)))
    run.frames(1)
    assert run.rows[0].scores['lidar_abs_rel'] == pytest.approx(0.0, abs=1e-6)


def test_wrong_transforms_are_left_out_and_said():
    run = Evaluated()
    run.evaluator.add_transforms(bags.tf([('a', 'a', np.eye(4), 0)])[1], static=True)
    assert run.remarks == {"TF: the transform 'a' -> 'a' has no two different frames; it is left "
                           'out': 1}


def test_remarks_that_differ_in_numbers_are_one():
    remarks = Remarks()
    for text in ('late by 3 ms', 'late by 4.5 ms', 'other'):
        remarks.add(text)
    assert remarks.counts() == {'late by 3 ms': 2, 'other': 1}
