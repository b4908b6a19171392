"""Guesses for the next pair of a sequence: what moved goes on; what does not fit is dropped."""
import numpy as np
import pytest

from panmatch_ros.core.errors import ShapeError
from panmatch_ros.core.forward_projection import borne_out, project_forward

CELL = 16


def uniform(size, flow, confidence=1.0):
    return (np.broadcast_to(np.float32(flow), (*size, 2)).copy(),
            np.full(size, confidence, np.float32))


def test_a_guess_is_where_the_motion_leads():
    guess, weight = project_forward(*uniform((64, 96), (32, -16), 0.5), CELL)
    assert guess.shape == (4, 6, 2)
    assert weight.shape == (4, 6)
    # Everything moved two cells to the right and one up; nothing came from the left and below.
    there = np.zeros((4, 6), bool)
    there[:3, 2:] = True
    np.testing.assert_array_equal(weight, np.where(there, np.float32(0.5), 0))
    np.testing.assert_array_equal(guess[there], np.broadcast_to((32, -16), (12, 2)))
    assert not guess[~there].any()


def test_the_surest_point_of_a_cell_counts():
    flow, confidence = uniform((32, 32), (0, 0), 0.3)
    flow[16:, 16:] = (-16, -16)  # arrives where points are that do not move
    confidence[16:, 16:] = 0.9
    guess, weight = project_forward(flow, confidence, CELL)
    np.testing.assert_array_equal(guess[0, 0], (-16, -16))
    assert weight[0, 0] == np.float32(0.9)
    assert weight[1, 1] == 0
    np.testing.assert_array_equal(guess[0, 1], (0, 0))


def test_what_is_unknown_or_leaves_the_image_is_no_guess():
    flow, confidence = uniform((32, 48), (1000, 0))
    assert not project_forward(flow, confidence, CELL)[1].any()
    flow[:] = np.nan
    assert not project_forward(flow, confidence, CELL)[1].any()


def test_shapes_are_checked():
    flow, confidence = uniform((32, 32), (0, 0))
    with pytest.raises(ShapeError, match='flow and confidence must be'):
        project_forward(flow[..., :1], confidence, CELL)
    with pytest.raises(ShapeError, match='one height and width'):
        borne_out(np.zeros((2, 2, 2)), np.ones((2, 2)), np.zeros((2, 3)), np.zeros((2, 2)), CELL)


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    first = rng.uniform(0, 255, (12, 16)).astype(np.float32)
    guess = np.broadcast_to(np.float32((CELL, 0)), (12, 16, 2)).copy()  # one cell to the right
    return first, np.roll(first, 1, axis=1), guess, np.full((12, 16), 0.7, np.float32)


def test_guesses_that_fit_are_kept(scene):
    first, second, guess, weight = scene
    kept = borne_out(guess, weight, first, second, CELL)
    np.testing.assert_array_equal(kept[:, :-1], weight[:, :-1])
    guess[3, 4] = 0  # a wrong one, between cells of other brightness
    assert borne_out(guess, weight, first, second, CELL)[3, 4] == 0


@pytest.mark.parametrize('other', ['scene', 'light'])
def test_another_scene_or_other_light_keeps_nothing(scene, other):
    first, second, guess, weight = scene
    changed = np.random.default_rng(1).uniform(0, 255, (12, 16)) if other == 'scene' \
        else second + 60
    assert not borne_out(guess, weight, first, changed, CELL).any()


def test_a_picture_without_contrast_contradicts_nothing():
    plain = np.full((4, 4), 100, np.float32)
    weight = np.full((4, 4), 0.5, np.float32)
    np.testing.assert_array_equal(
        borne_out(np.zeros((4, 4, 2), np.float32), weight, plain, plain + 5, CELL), weight)
