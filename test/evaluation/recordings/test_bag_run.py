"""A bag is matched and scored offline, with ground truth and without."""
import numpy as np
import pytest

pytest.importorskip('rosbags', reason='rosbags is not installed: pip install rosbags')
from bag_runs import MS, Ran, depth_of_wall
import bags
import cv2

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.data.bags.types import make
from panmatch_ros.data.bags.writer import flow_message, header, image_message
from panmatch_ros.data.ros_arrays import depth_of, disparity_of
from panmatch_ros.evaluation.recordings.bag_matching import MatchingOptions, match_back
from panmatch_ros.inference.classical import ClassicalMatcher

INNER = (slice(4, -4), slice(20, -4))


def test_every_pair_is_scored_with_and_without_truth(tmp_path):
    ran = Ran(bags.stereo_bag(tmp_path / 'bag', 4, [bags.disparity_truth, depth_of_wall]))
    assert ran.indices == [0, 1, 2, 3]
    assert ran.problems == []
    assert ran.run.counts == {'images': 8, 'inputs': 4, 'frames_matched': 4, 'frames_failed': 0,
                              'images_unpaired': 0, 'images_late': 0, 'time_jumps': 0,
                              'depth_messages': 4, 'disparity_messages': 4}
    for scores in (row.scores for row in ran.rows):
        assert scores['valid_percent'] > 90
        assert scores['left_right_percent'] > 99
        assert scores['disparity_epe_px'] < 0.05
        assert scores['disparity_density_percent'] > 90
        assert scores['depth_abs_rel'] < 0.01
        assert scores['photometric_grey'] < 1
        assert scores['row_residual_px'] < 0.1
    assert ran.values('temporal_px') == [None, 0.0, 0.0, 0.0]


def test_messages_are_those_of_the_node(tmp_path):
    ran = Ran(bags.stereo_bag(tmp_path / 'bag', 1))
    matched, log_ns = ran.matched[0]
    assert log_ns == bags.START_NS + 3 * MS  # of the right image
    message = matched.messages['disparity']
    assert message.header.frame_id == bags.FRAME
    assert (message.f, message.t) == (100.0, pytest.approx(0.2))
    disparity = disparity_of(message, '')
    assert np.median(disparity[INNER]) == pytest.approx(8.0, abs=0.05)
    depth = depth_of(matched.messages['depth'], '')
    np.testing.assert_allclose(depth[INNER], 20 / disparity[INNER], rtol=1e-5)
    unsure = matched.arrays['confidence'] < 0.2
    assert unsure.any()
    assert np.isnan(disparity[unsure]).all()
    assert matched.messages['depth/camera_info'].p[3] == 0.0


def test_scores_are_of_the_message_with_the_offset_of_the_principal_points(tmp_path):
    rig = StereoRig(bags.RIG.left, bags.RIG.right.__class__(
        128, 96, 100.0, 100.0, bags.RIG.left.cx + 3, bags.RIG.left.cy, -20.0))
    messages = [*bags.pair_messages(0, rig=rig), bags.disparity_truth(0, rig=rig)]
    ran = Ran(bags.write_bag(tmp_path / 'bag', messages))
    message = ran.matched[0][0].messages['disparity']
    assert np.nanmedian(np.array(message.image.data).view(np.float32)) == pytest.approx(11, abs=.1)
    assert ran.rows[0].scores['disparity_epe_px'] < 0.05


def test_flow_of_one_camera_with_truth(tmp_path):
    messages, truth = [], np.zeros((*bags.SIZE, 2), np.float32)
    truth[..., 0] = -2.0
    for index in range(4):
        top = header(bags.stamp_of(index), 'camera')
        messages += [('/camera/image', image_message(top, bags.pair(shift=2 * index)[0])),
                     ('/gt/flow', flow_message(top, 0, 0.1, truth, truth[..., 1]))]
    ran = Ran(bags.write_bag(tmp_path / 'bag', messages))
    assert ran.indices == [1, 2, 3]
    assert [row.previous_ns for row in ran.rows] == [bags.stamp_of(index) for index in range(3)]
    for scores in (row.scores for row in ran.rows):
        assert scores['flow_epe_px'] < 0.2
        assert scores['forward_backward_percent'] > 90
        assert scores['flow_valid_percent'] == 100
    assert [value is not None for value in ran.values('flow_temporal_px')] == [False, True, True]
    message = ran.matched[0][0].messages['optical_flow']
    assert message.dt == pytest.approx(0.1)


def test_perception_has_both_parts(tmp_path):
    ran = Ran(bags.stereo_bag(tmp_path / 'bag', 3), 'perception')
    assert ran.values('flow_valid_percent') == [None, 100, 100]
    assert [value is not None for value in ran.values('temporal_px')] == [False, True, True]


def test_both_parts_are_prepared_before_their_time_is_taken(tmp_path, monkeypatch):
    prepared = []
    monkeypatch.setattr(ClassicalMatcher, 'prepare', lambda self, task, size: prepared.append(
        (task, size)))
    Ran(bags.stereo_bag(tmp_path / 'bag', 3), 'perception')
    assert prepared == [('stereo', bags.SIZE), ('flow', bags.SIZE)]


def test_a_calibration_can_be_given(tmp_path):
    messages = [each for each in [*bags.pair_messages(0), depth_of_wall(0)]
                if 'camera_info' not in each[0]]
    ran = Ran(bags.write_bag(tmp_path / 'bag', messages), rig=bags.RIG)
    assert ran.rows[0].scores['depth_abs_rel'] < 0.01


def test_a_calibration_of_another_size_fits_compressed_images(tmp_path):
    """Their messages do not tell the size."""
    path = bags.write_bag(tmp_path / 'bag', [*compressed_pair(), depth_of_wall(0)])
    ran = Ran(path, rig=bags.RIG.resized(2 * bags.SIZE[0], 2 * bags.SIZE[1]))
    assert ran.rows[0].scores['depth_abs_rel'] < 0.01


def test_raw_images_are_rectified_as_by_the_node(tmp_path):
    pytest.importorskip('rclpy', reason='the scene is made with messages of ROS')
    import raw_stereo
    scene, rig = raw_stereo, StereoRig.from_camera_info(*raw_stereo.INFOS)
    messages = []
    for side, info, pixels in zip(('left', 'right'), scene.INFOS, scene.raw_images(),
                                  strict=True):
        top = header(bags.START_NS, side)
        message = bags.camera_info_message(top, rig.left)
        for name in 'dkrp':
            setattr(message, name, np.array(getattr(info, name), np.float64))
        message.distortion_model = info.distortion_model
        messages += [(f'/{side}/camera_info', message),
                     (f'/{side}/image_raw', image_message(top, pixels))]
    truth = scene.true_disparity().astype(np.float32) - rig.cx_offset_px
    messages.append(('/gt/disparity', bags.disparity_message(
        header(bags.START_NS, 'left'), truth, rig, (0.0, 64.0), 0.1)))
    ran = Ran(bags.write_bag(tmp_path / 'bag', messages))
    assert any('raw, so they are rectified here' in note for note in ran.notes)
    assert ran.rows[0].scores['disparity_epe_px'] < 0.3
    assert ran.rows[0].scores['row_residual_px'] < 0.2


def compressed_pair():
    """Left and right image of a pair as PNG."""
    for topic, message in bags.pair_messages(0)[2:]:
        pixels = np.array(message.data).reshape(bags.SIZE)
        yield f'{topic}/compressed', make(
            'sensor_msgs/msg/CompressedImage', header=message.header, format='png',
            data=cv2.imencode('.png', pixels)[1].ravel())


def test_compressed_images_give_the_same_scores(tmp_path):
    messages = bags.pair_messages(0)
    compressed = [*messages[:2], *compressed_pair()]
    raw, packed = (Ran(bags.write_bag(tmp_path / name, each)) for name, each in
                   (('raw', messages), ('packed', compressed)))
    assert packed.problems == []
    for name, value in raw.rows[0].scores.items():
        if name != 'latency_ms':
            assert packed.rows[0].scores[name] == value


def test_without_the_direction_back(tmp_path):
    ran = Ran(bags.stereo_bag(tmp_path / 'bag', 1), matching=MatchingOptions(back=False))
    assert 'left_right_percent' not in ran.rows[0].scores


def test_lidar_over_a_bag(tmp_path):
    depth = 100 * 0.2 / bags.DISPARITY
    x, y = np.meshgrid(np.linspace(-0.8, 0.8, 9), np.linspace(-0.5, 0.5, 7))
    points = np.stack([x.ravel(), y.ravel(), np.full(x.size, depth)], axis=-1)
    messages = [bags.tf([(bags.FRAME, 'lidar', np.eye(4), 0)])]
    for index in range(3):
        messages += [*bags.pair_messages(index), bags.cloud(points, bags.stamp_of(index))]
    ran = Ran(bags.write_bag(tmp_path / 'bag', messages))
    assert ran.values('lidar_points') == [63, 63, 63]
    assert max(ran.values('lidar_abs_rel')) < 0.01
    assert max(ran.values('lidar_epe_px')) < 0.1


def test_match_back_finds_what_is_further_right():
    left, right = bags.pair(disparity=11)
    back = match_back(ClassicalMatcher(), left, right)
    assert np.nanmedian(back[:, 4:100]) == pytest.approx(11, abs=0.05)
