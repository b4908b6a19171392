"""Comparison of two arrays."""
import numpy as np
import pytest

from panmatch_ros.inference.parity.report import ArrayError, compare


def test_the_largest_difference_and_its_place():
    theirs = np.zeros((2, 3), np.float32)
    ours = theirs.copy()
    ours[1, 2], ours[0, 0] = -0.5, 0.25
    error = compare('a', ours, theirs, 0.4)
    assert error == ArrayError('a', 0.5, 0.4, '[1, 2]')
    assert not error.passed
    assert compare('a', ours, theirs, 0.5).passed


@pytest.mark.parametrize(('ours', 'theirs', 'error'), [
    ([np.nan, 1], [np.nan, 1], 0), ([np.inf, 1], [np.inf, 1], 0), ([np.nan], [1], np.inf),
    ([1], [np.nan], np.inf), ([np.inf], [-np.inf], np.inf), ([1, 2], [1], np.inf), ([], [], 0)])
def test_what_is_not_finite_or_of_another_shape(ours, theirs, error):
    assert compare('a', np.array(ours), np.array(theirs), 0.1).error == error


def test_integers_do_not_wrap_around():
    assert compare('a', np.array([0], np.uint8), np.array([255], np.uint8), 1).error == 255


def test_a_nan_error_does_not_pass():
    assert not ArrayError('a', np.nan, 1.0).passed
