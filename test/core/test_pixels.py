"""Pixel centres, resizing and warping, on values worked out by hand."""
import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import ShapeError
from panmatch_ros.core.pixels import (
    denormalize_points,
    normalize_points,
    resize_disparity,
    resize_flow,
    resize_intrinsics,
    resize_points,
    sample,
    warp,
)


def test_corners_of_the_image_stay_corners():
    corners = np.array([[-0.5, -0.5], [7.5, 3.5]])
    assert resize_points(corners, (4, 8), (8, 24)) == pytest.approx(
        np.array([[-0.5, -0.5], [23.5, 7.5]]))


def test_first_centre_of_a_doubled_image():
    assert resize_points(np.array([0.0, 0.0]), (4, 4), (8, 8)) == pytest.approx([0.5, 0.5])


def test_points_follow_cv2_resize():
    """A linear ramp tells its own coordinate; cv2.resize must agree with the rule."""
    ramp = np.tile(np.arange(16, dtype=np.float32), (4, 1))
    resized = cv2.resize(ramp, (8, 2), interpolation=cv2.INTER_LINEAR)
    x_old = resize_points(np.array([[3.0, 0.0]]), (2, 8), (4, 16))[0, 0]
    assert resized[0, 3] == pytest.approx(x_old)


def test_flow_is_scaled_per_axis():
    flow = np.full((4, 6, 2), (6.0, 4.0), np.float32)
    resized = resize_flow(flow, (2, 12))
    assert resized.shape == (2, 12, 2)
    assert np.all(resized == (12.0, 2.0))


def test_disparity_is_scaled_with_the_width_only():
    disparity = np.full((4, 6), 3.0, np.float32)
    assert np.all(resize_disparity(disparity, (8, 3)) == 1.5)


def test_invalid_pixels_stay_invalid():
    flow = np.zeros((4, 4, 2), np.float32)
    flow[0, 0] = np.nan
    resized = resize_flow(flow, (8, 8))
    assert np.isnan(resized[0, 0]).all()
    assert np.isfinite(resized[3:, 3:]).all()


def test_same_size_is_a_copy():
    disparity = np.zeros((4, 6), np.float32)
    assert resize_disparity(disparity, (4, 6)) is not disparity


def test_intrinsics_of_the_half_image():
    K = np.array([[500.0, 0, 319.5], [0, 500, 239.5], [0, 0, 1]])
    half = resize_intrinsics(K, (480, 640), (240, 320))
    assert half == pytest.approx(np.array([[250, 0, 159.5], [0, 250, 119.5], [0, 0, 1]]))


def test_projection_matrix_scales_its_fourth_column():
    P = np.array([[500.0, 0, 319.5, -60], [0, 500, 239.5, 0], [0, 0, 1, 0]])
    assert resize_intrinsics(P, (480, 640), (240, 320))[0, 3] == -30


def test_intrinsics_and_points_agree():
    K = np.array([[500.0, 0, 300], [0, 400, 200], [0, 0, 1]])
    point = np.array([0.3, -0.2, 1.0])
    before = (K @ point)[:2]
    after = (resize_intrinsics(K, (480, 640), (100, 333)) @ point)[:2]
    assert resize_points(before, (480, 640), (100, 333)) == pytest.approx(after)


def test_sampling_between_pixels():
    image = np.array([[0, 10], [20, 30]], np.float32)
    x, y = np.array([[0.25, 1.0]], np.float32), np.array([[0.5, 1.0]], np.float32)
    assert sample(image, x, y) == pytest.approx(np.array([[12.5, 30.0]]))


@pytest.mark.parametrize(('x', 'y'), [(-0.01, 0), (1.01, 0), (0, -0.5), (0, 1.5), (np.nan, 0)])
def test_sampling_outside_is_invalid(x, y):
    image = np.zeros((2, 2), np.float32)
    assert np.isnan(sample(image, np.float32([[x]]), np.float32([[y]]))).all()


def test_invalid_neighbour_without_weight_does_not_count():
    image = np.array([[1, np.nan], [2, np.nan]], np.float32)
    assert sample(image, np.float32([[0.0]]), np.float32([[0.5]])) == pytest.approx(1.5)
    assert np.isnan(sample(image, np.float32([[0.1]]), np.float32([[0.5]]))).all()


def test_warp_brings_image1_to_the_grid_of_image0():
    image1 = np.tile(np.arange(8, dtype=np.float32), (3, 1))
    flow = np.full((3, 8, 2), (2.5, 0), np.float32)
    warped = warp(image1, flow)
    assert warped[1, :5] == pytest.approx(np.arange(5) + 2.5)
    assert np.isnan(warped[:, 5:]).all()  # beyond the last pixel centre
    assert warp(np.dstack([image1, image1]), flow).shape == (3, 8, 2)


def test_one_row_can_be_warped():
    image1 = np.arange(4, dtype=np.float32)[None]
    assert warp(image1, np.full((1, 4, 2), (1, 0), np.float32))[0, :3] == pytest.approx([1, 2, 3])


@pytest.mark.parametrize(('function', 'shape'), [(resize_flow, (4, 4)), (resize_disparity, (4,))])
def test_wrong_shapes(function, shape):
    with pytest.raises(ShapeError, match='must be'):
        function(np.zeros(shape, np.float32), (2, 2))


def test_normalised_points_have_the_borders_at_one():
    points = np.float32([[-0.5, -0.5], [7.5, 3.5], [3.5, 1.5], [0, 0]])
    normalised = normalize_points(points, (4, 8))
    assert normalised.dtype == np.float32
    np.testing.assert_allclose(normalised, [[-1, -1], [1, 1], [0, 0], [-7 / 8, -3 / 4]])
    np.testing.assert_allclose(denormalize_points(normalised, (4, 8)), points, atol=1e-6)
