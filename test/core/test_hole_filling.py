import numpy as np
import pytest

from panmatch_ros.core.errors import ShapeError
from panmatch_ros.core.hole_filling import fill_from_background, fill_from_nearest

NAN = np.nan


@pytest.mark.parametrize(('row', 'expected'), [
    ([5, NAN, NAN, 3, 8], [5, 3, 3, 3, 8]),          # the smaller is on the right
    ([2, NAN, 7, NAN, 9], [2, 2, 7, 7, 9]),          # the smaller is on the left, twice
    ([NAN, NAN, 4, 6], [4, 4, 4, 6]),                # at the left border there is one end
    ([4, 6, NAN], [4, 6, 6]),                        # at the right border too
    ([NAN, 5, NAN], [5, 5, 5]),
    ([-3, NAN, -1], [-3, -3, -1]),                   # negative disparities of converging rigs
    ([0, NAN, 2], [0, 0, 2]),                        # zero is a disparity
    ([1, 2, 3], [1, 2, 3]),
])
def test_a_hole_in_a_row_takes_the_smaller_neighbour(row, expected):
    filled = fill_from_background(np.array([row], np.float32))
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled, np.array([expected], np.float32))


def test_holes_at_the_end_of_one_row_and_the_start_of_the_next_are_two():
    disparity = np.array([[9, NAN], [NAN, 1], [NAN, 4]], np.float32)
    np.testing.assert_array_equal(fill_from_background(disparity), [[9, 9], [1, 1], [4, 4]])


def test_empty_rows_take_the_smaller_of_the_next_rows():
    disparity = np.array([[NAN, NAN], [5, 2], [NAN, NAN], [NAN, NAN], [3, NAN], [NAN, NAN]],
                         np.float32)
    np.testing.assert_array_equal(
        fill_from_background(disparity), [[5, 2], [5, 2], [3, 2], [3, 2], [3, 3], [3, 3]])


def test_nothing_to_fill_from_stays_invalid():
    assert np.isnan(fill_from_background(np.full((3, 4), NAN, np.float32))).all()


@pytest.mark.parametrize('shape', [(1, 1), (1, 7), (7, 1), (33, 47)])
def test_known_values_stay_and_every_pixel_gets_one(shape):
    rng = np.random.default_rng(0)
    disparity = rng.uniform(0, 50, shape).astype(np.float32)
    disparity[rng.random(shape) < 0.4] = NAN
    disparity[0, 0] = 1
    before = disparity.copy()
    filled = fill_from_background(disparity)
    np.testing.assert_array_equal(disparity, before)  # the input is not touched
    known = np.isfinite(disparity)
    np.testing.assert_array_equal(filled[known], disparity[known])
    assert np.isfinite(filled).all()


def test_a_view_is_filled_like_its_copy():
    disparity = np.arange(24, dtype=np.float32).reshape(4, 6)
    disparity[1:3, 2:4] = NAN
    view = disparity[:, ::-1]
    np.testing.assert_array_equal(fill_from_background(view), fill_from_background(view.copy()))
    np.testing.assert_array_equal(fill_from_background(view)[1], [11, 10, 7, 7, 7, 6])


def test_wrong_shape():
    with pytest.raises(ShapeError, match=r'disparity must be \(H, W\), got \(2, 3, 1\)'):
        fill_from_background(np.zeros((2, 3, 1), np.float32))


# Flow.

def test_flow_is_taken_from_the_nearest_pixel():
    flow = np.full((3, 5, 2), NAN, np.float32)
    flow[0, 0], flow[2, 4] = (1, 2), (3, 4)
    filled = fill_from_nearest(flow)
    np.testing.assert_array_equal(filled[..., 0], [[1, 1, 1, 3, 3], [1, 1, 1, 3, 3],
                                                   [1, 1, 3, 3, 3]])
    np.testing.assert_array_equal(filled[..., 1], filled[..., 0] + 1)
    assert filled.dtype == np.float32


def test_half_a_vector_is_a_hole():
    flow = np.array([[[1, 2], [NAN, 7], [8, 9]]], np.float32)
    np.testing.assert_array_equal(fill_from_nearest(flow)[0, 1], [1, 2])
    assert np.isnan(flow[0, 1, 0])  # the input is not touched


def test_known_flow_stays():
    rng = np.random.default_rng(0)
    flow = rng.normal(0, 9, (33, 47, 2)).astype(np.float32)
    np.testing.assert_array_equal(fill_from_nearest(flow), flow)
    holes = rng.random((33, 47)) < 0.7
    sparse = np.where(holes[..., None], NAN, flow).astype(np.float32)
    filled = fill_from_nearest(sparse)
    np.testing.assert_array_equal(filled[~holes], flow[~holes])
    known = {tuple(vector) for vector in flow[~holes].tolist()}
    assert {tuple(vector) for vector in filled[holes].tolist()} <= known


def test_no_flow_at_all():
    assert np.isnan(fill_from_nearest(np.full((3, 4, 2), NAN, np.float32))).all()
    with pytest.raises(ShapeError, match=r'flow must be \(H, W, 2\), got \(2, 3\)'):
        fill_from_nearest(np.zeros((2, 3), np.float32))
