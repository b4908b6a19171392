"""Hidden pixels of a stereo pair: which they are, and what fills them."""
import numpy as np
import pytest

from panmatch_ros.core.errors import ShapeError
from panmatch_ros.core.occlusion import fill_hidden, hidden_in_right


def scene():
    """A wall of disparity 2 behind a bar of disparity 6 in the columns 10 to 13."""
    disparity = np.full((3, 20), 2.0, np.float32)
    disparity[:, 10:14] = 6
    return disparity


def test_the_columns_left_of_a_bar_are_hidden():
    # The bar covers the columns 4 to 7 of the right image: those are 6 to 9 of the wall.
    expected = np.zeros((3, 20), bool)
    expected[:, 6:10] = True
    expected[:, :2] = True  # outside the right image
    assert (hidden_in_right(scene()) == expected).all()


def test_a_plane_hides_nothing_of_itself():
    disparity = np.tile(np.linspace(9, 1, 20, dtype=np.float32), (2, 1))
    assert not hidden_in_right(disparity)[:, 9:].any()


def test_invalid_pixels_hide_nothing():
    disparity = scene()
    disparity[:, 10:14] = np.nan
    hidden = hidden_in_right(disparity)
    assert not hidden[:, 2:].any()


def test_hidden_unsure_pixels_take_the_background():
    truth = scene()
    wrong, confidence = truth.copy(), np.ones_like(truth)
    wrong[:, 8:10], confidence[:, 8:10] = 3.0, 0.1     # between bar and wall
    confidence[:, 16:] = 0.1                           # unsure, but seen
    wrong[:, 17] = 2.5
    filled = fill_hidden(wrong, confidence, 0.5)
    expected = truth.copy()
    expected[:, 17] = 2.5
    np.testing.assert_array_equal(filled, expected)
    assert wrong[0, 8] == 3.0


def test_sure_pixels_stay():
    disparity = scene()
    disparity[:, 8] = 4.0
    np.testing.assert_array_equal(fill_hidden(disparity, np.ones_like(disparity), 0.5), disparity)


def test_nothing_sure_changes_nothing():
    disparity = scene()
    np.testing.assert_array_equal(fill_hidden(disparity, np.zeros_like(disparity), 0.5), disparity)


def test_bad_shapes_are_refused():
    with pytest.raises(ShapeError, match=r'must be \(H, W\)'):
        hidden_in_right(np.zeros((2, 3, 1), np.float32))
    with pytest.raises(ShapeError, match='size of disparity'):
        fill_hidden(np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32), 0.5)
