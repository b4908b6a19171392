"""Scores of one frame against values worked out by hand."""
import numpy as np
import pytest
from shifted_pairs import pair

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.errors import CalibrationError, ImageError, ShapeError
from panmatch_ros.evaluation.recordings import frame_scores
from panmatch_ros.evaluation.recordings.frame_scores import FlowPart, StereoPart

NAN = np.nan
SIZE = (4, 8)
RIG = StereoRig.ideal(SIZE, focal_px=10.0, baseline_m=0.2)
RAMP = np.tile(np.arange(0, 80, 10, dtype=np.uint8), (4, 1))  # 10 grey levels a pixel


def disparity(value, size=SIZE):
    return np.full(size, value, np.float32)


def flow(u, v, size=SIZE):
    field = np.empty((*size, 2), np.float32)
    field[...] = u, v
    return field


def stereo(values, left=RAMP, right=RAMP, **changes):
    return StereoPart(left, right, values, changes.pop('rig', RIG), **changes)


def test_valid_share_and_photometric_error():
    values = disparity(2)
    values[0] = NAN
    scores = frame_scores.stereo_scores(stereo(values))
    assert scores['valid_percent'] == 75.0
    # The right image is the left one, so two pixels further left it is 20 levels darker.
    assert scores['photometric_grey'] == pytest.approx(20.0)
    assert 'left_right_percent' not in scores


def test_hidden_pixels_do_not_count_for_the_photometric_error():
    values = disparity(0)
    values[:, 4:] = 3  # near: hides what lies three columns to its left
    right = RAMP.copy()
    right[:, 1:5] = RAMP[:, 4:]
    part = stereo(values, right=right)
    assert frame_scores.stereo_scores(part)['photometric_grey'] == pytest.approx(0.0)


def test_left_right_share_counts_what_lands_inside():
    back = disparity(2)
    back[:, :3] = 3.5  # columns 2, 3, 4 of the left image meet it: off by 1.5
    scores = frame_scores.stereo_scores(stereo(disparity(2), disparity_right=back))
    # Columns 0 and 1 leave the right image; of the six others three agree.
    assert scores['left_right_percent'] == pytest.approx(50.0)


def test_left_right_counts_a_missing_partner_as_wrong():
    back = disparity(2)
    back[:, 0] = NAN
    scores = frame_scores.stereo_scores(stereo(disparity(2), disparity_right=back))
    assert scores['left_right_percent'] == pytest.approx(100 * 5 / 6)


def test_row_residual_of_a_pair_that_is_shifted():
    left, right = pair(v=1.5)
    values = np.zeros(left.shape[:2], np.float32)
    scores = frame_scores.stereo_scores(StereoPart(left, right, values))
    assert scores['row_residual_px'] == pytest.approx(1.5, abs=0.1)


def test_nothing_valid_has_no_photometric_error():
    scores = frame_scores.stereo_scores(stereo(disparity(NAN), disparity_right=disparity(1)))
    assert scores['valid_percent'] == 0.0
    assert np.isnan(scores['photometric_grey'])
    assert np.isnan(scores['left_right_percent'])


def test_change_without_flow_is_that_at_the_pixel():
    assert frame_scores.stereo_change(stereo(disparity(2.5)), stereo(disparity(2)), None) == {
        'temporal_px': 0.5}


def test_change_along_the_flow():
    now = np.tile(np.arange(8, dtype=np.float32), (4, 1))
    before = now + 2  # the same things, two pixels further right now
    part = FlowPart(RAMP, RAMP, flow(2, 0), 0)
    assert frame_scores.stereo_change(stereo(now), stereo(before), part)['temporal_px'] == 0.0
    assert frame_scores.stereo_change(stereo(now), stereo(before), None)['temporal_px'] == 2.0


def test_change_between_other_sizes_is_not_known():
    small = StereoPart(RAMP[:2], RAMP[:2], disparity(1, (2, 8)))
    assert frame_scores.stereo_change(stereo(disparity(1)), small, None) == {}


def test_flow_scores():
    field = flow(1, 0)
    field[0, 0] = NAN
    back = flow(-1, 0)
    back[2] = (-1, 2)  # one row comes back two pixels too low
    scores = frame_scores.flow_scores(FlowPart(RAMP, RAMP, field, 0, back))
    assert scores['flow_valid_percent'] == pytest.approx(100 * 31 / 32)
    assert scores['flow_photometric_grey'] == pytest.approx(10.0)
    # The last column leaves the image: 28 pixels, one of them invalid; 7 of the row are wrong.
    assert scores['forward_backward_percent'] == pytest.approx(100 * 20 / 27)


def test_flow_change_follows_the_point():
    before = FlowPart(RAMP, RAMP, flow(1, 0), 0)
    now = flow(1, 0)
    now[:, 4:] = (4, 4)  # by (3, 4) more
    scores = frame_scores.flow_change(FlowPart(RAMP, RAMP, now, 1), before)
    # Points of columns 3 to 6 are there now, those of 0 to 2 are not: the median is 5.
    assert scores['flow_temporal_px'] == pytest.approx(5.0)


def test_disparity_truth():
    values = disparity(2)
    values[:, 4:6] = NAN
    truth = disparity(2)
    truth[:, :4] = 3.5
    truth[:, 7] = NAN
    scores = frame_scores.disparity_truth_scores(stereo(values), truth)
    assert scores['disparity_epe_px'] == pytest.approx((4 * 1.5 + 0) / 5)
    assert scores['disparity_bad_1_percent'] == pytest.approx(100 * 6 / 7)
    assert scores['disparity_bad_2_percent'] == pytest.approx(100 * 2 / 7)
    assert scores['disparity_d1_percent'] == pytest.approx(100 * 2 / 7)
    assert scores['disparity_density_percent'] == pytest.approx(100 * 5 / 7)


def test_depth_truth():
    # Depth is 10 * 0.2 / 2 = 1 m.
    truth = np.full(SIZE, 1.25, np.float32)
    truth[0] = 100.0
    scores = frame_scores.depth_truth_scores(stereo(disparity(2)), truth, 80.0)
    assert scores['depth_abs_rel'] == pytest.approx(0.2)
    assert scores['depth_rmse_m'] == pytest.approx(0.25)
    assert scores['depth_delta_1_percent'] == 0.0  # not below 1.25
    assert scores['depth_density_percent'] == 100.0


def test_lidar():
    sparse = np.full(SIZE, NAN, np.float32)
    sparse[1, 1], sparse[2, 2], sparse[3, 3] = 1.0, 2.0, 500.0
    scores = frame_scores.lidar_scores(stereo(disparity(2)), sparse, 80.0)
    assert scores['lidar_points'] == 2
    assert scores['lidar_abs_rel'] == pytest.approx(0.25)
    assert scores['lidar_rmse_m'] == pytest.approx(np.sqrt(0.5))
    assert scores['lidar_delta_1_percent'] == pytest.approx(50.0)
    assert scores['lidar_epe_px'] == pytest.approx(0.5)  # disparities 2 and 1
    assert scores['lidar_density_percent'] == 100.0


def test_flow_truth():
    truth = flow(1, 0)
    truth[:, 4:] = (1, 4)
    truth[0] = NAN
    scores = frame_scores.flow_truth_scores(FlowPart(RAMP, RAMP, flow(1, 0), 0), truth)
    assert scores['flow_epe_px'] == pytest.approx(2.0)
    assert scores['flow_bad_1_percent'] == scores['flow_bad_3_percent'] == 50.0
    assert scores['flow_fl_percent'] == 50.0


def test_depth_needs_a_calibration():
    with pytest.raises(CalibrationError, match='depth needs the calibration of both cameras'):
        frame_scores.depth_truth_scores(stereo(disparity(1), rig=None), disparity(1), 80.0)


def test_truth_of_another_size_or_without_a_value():
    with pytest.raises(ShapeError, match='disparity and truth must be'):
        frame_scores.disparity_truth_scores(stereo(disparity(1)), disparity(1, (4, 4)))
    with pytest.raises(ImageError, match='no known pixel'):
        frame_scores.disparity_truth_scores(stereo(disparity(1)), disparity(NAN))


def test_result_of_another_size_than_its_image():
    with pytest.raises(ShapeError, match='the disparity has 8x4 pixels, the image 8x2'):
        StereoPart(RAMP[:2], RAMP[:2], disparity(1))
    with pytest.raises(ShapeError, match='the flow has 8x4 pixels, the image 8x2'):
        FlowPart(RAMP[:2], RAMP[:2], flow(1, 0), 0)
