"""Consistency checks and sparse matches, on values worked out by hand."""
import numpy as np
import pytest

from panmatch_ros.core.correspondence import (
    confidence_from_error,
    confident_share,
    correspondences_from_displacement,
    forward_backward_error,
    lands_inside,
    left_right_error,
    tanh_confidence_from_error,
)
from panmatch_ros.core.errors import ShapeError
from panmatch_ros.core.types import Displacement


def constant_flow(u, v, size=(6, 8)):
    return np.full((*size, 2), (u, v), np.float32)


def test_opposite_flows_agree():
    error = forward_backward_error(constant_flow(2, 1), constant_flow(-2, -1))
    assert error[:5, :6] == pytest.approx(np.zeros((5, 6)))
    assert np.isnan(error[5]).all()       # these leave the image
    assert np.isnan(error[:, 6:]).all()


def test_error_is_the_distance_from_the_start():
    error = forward_backward_error(constant_flow(2, 0), constant_flow(1, 4))
    assert error[0, 0] == pytest.approx(5.0)  # 2 + 1 right, 4 down


def test_invalid_flow_has_no_error():
    flow = constant_flow(0, 0)
    flow[2, 3] = np.nan
    error = forward_backward_error(flow, constant_flow(0, 0))
    assert np.isnan(error[2, 3])
    assert np.isfinite(error).sum() == 6 * 8 - 1


def test_left_right_error_looks_at_the_matched_pixel():
    left = np.full((2, 6), 2.0, np.float32)
    right = np.full((2, 6), 2.0, np.float32)
    right[0, 1] = 3.5  # matched by x = 3 of the left image
    error = left_right_error(left, right)
    assert error[0, 3] == 1.5
    assert error[1].tolist()[2:] == [0, 0, 0, 0]
    assert np.isnan(error[:, :2]).all()  # x - 2 is outside


def test_confidence_falls_with_the_error():
    confidence = confidence_from_error(np.float32([[0, 2, np.nan, 1e30]]), scale_px=2.0)
    assert confidence.dtype == np.float32
    assert confidence[0] == pytest.approx([1.0, np.exp(-0.5), 0.0, 0.0])


def test_confidence_as_panmatch_has_it():
    confidence = tanh_confidence_from_error(np.float32([[0, 2, np.nan, 1e30]]), 0.5)
    assert confidence.dtype == np.float32
    assert confidence[0] == pytest.approx([1.0, 1 - np.tanh(1.0), 0.0, 0.0])
    assert tanh_confidence_from_error(np.float32([[2]]), 0.1)[0, 0] == pytest.approx(
        1 - np.tanh(0.2))


def field(confidence, flow=None):
    confidence = np.asarray(confidence, np.float32)
    if flow is None:
        flow = np.zeros((*confidence.shape, 2), np.float32)
    return Displacement(flow, confidence)


def test_best_pixel_of_each_cell_is_taken():
    confidence = np.full((4, 4), 0.6, np.float32)
    confidence[1, 0], confidence[3, 3] = 0.9, 0.8
    matches = correspondences_from_displacement(field(confidence), cell_px=2)
    assert len(matches) == 4
    assert matches.points0[:2].tolist() == [[0, 1], [3, 3]]  # (x, y), best first
    assert matches.scores[:2].tolist() == pytest.approx([0.9, 0.8])


def test_matches_follow_the_flow():
    flow = np.zeros((3, 3, 2), np.float32)
    flow[1, 1] = (5, -2)
    confidence = np.zeros((3, 3), np.float32)
    confidence[1, 1] = 1
    matches = correspondences_from_displacement(field(confidence, flow), cell_px=3)
    assert matches.points0.tolist() == [[1, 1]]
    assert matches.points1.tolist() == [[6, -1]]


def test_ties_go_to_the_middle_of_the_cell():
    matches = correspondences_from_displacement(field(np.ones((5, 5))), cell_px=5)
    assert matches.points0.tolist() == [[2, 2]]


def test_invalid_and_unsure_pixels_are_left_out():
    flow = np.zeros((2, 4, 2), np.float32)
    flow[:, :2] = np.nan
    confidence = np.float32([[1, 1, 0.4, 0.4], [1, 1, 0.4, 0.7]])
    matches = correspondences_from_displacement(field(confidence, flow), cell_px=1)
    assert matches.points0.tolist() == [[3, 1]]


@pytest.mark.parametrize(('limit', 'count'), [(0, 0), (1, 1), (7, 7), (10**6, 12 * 20)])
def test_number_of_matches_is_limited(limit, count):
    matches = correspondences_from_displacement(field(np.ones((12, 20))), max_matches=limit,
                                                cell_px=1)
    assert len(matches) == count


def test_automatic_cells_spread_the_matches():
    matches = correspondences_from_displacement(field(np.ones((100, 150))), max_matches=150)
    assert 100 <= len(matches) <= 150
    for x0 in range(0, 150, 50):
        inside = (matches.points0[:, 0] >= x0) & (matches.points0[:, 0] < x0 + 50)
        assert 0.2 * len(matches) <= inside.sum() <= 0.5 * len(matches)


def test_wrong_shapes():
    with pytest.raises(ShapeError, match='flow10 must be'):
        forward_backward_error(constant_flow(0, 0), np.zeros((2, 2), np.float32))
    with pytest.raises(ShapeError, match='of one size'):
        left_right_error(np.zeros((2, 2), np.float32), np.zeros((2, 3), np.float32))


def test_matches_land_in_an_image_of_another_size():
    flow = constant_flow(0, 0, (4, 6))
    flow[0, 0] = np.nan
    flow[1, 0] = -0.5, 0  # the border of the image, half a pixel from the centre
    flow[1, 1] = -1.6, 0
    flow[3, 5] = -2, -1.4  # to (3, 1.6)
    expected = np.zeros((4, 6), bool)
    expected[:2, :4] = True
    expected[0, 0] = expected[1, 1] = False
    assert np.array_equal(lands_inside(flow, (2, 4)), expected)
    flow[3, 5] = -2, -1.6  # to (3, 1.4)
    expected[3, 5] = True
    assert np.array_equal(lands_inside(flow, (2, 4)), expected)


@pytest.mark.parametrize(('threshold', 'share'), [(0.0, 0.5), (0.5, 0.25), (0.9, 0.0)])
def test_share_of_confident_pixels(threshold, share):
    flow = constant_flow(0, 0, (2, 4))
    flow[1, 3] = np.nan
    confidence = np.float32([[0.5, 0.7, 0.4, 0.4], [0, 0, 0, 0.9]])
    assert confident_share(Displacement(flow, confidence), threshold) == share
