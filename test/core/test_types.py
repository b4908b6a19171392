"""Results check their own form."""
import numpy as np
import pytest

from panmatch_ros.core.errors import PanMatchError, ShapeError
from panmatch_ros.core.types import Correspondences, Disparity, Displacement


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


def test_valid_follows_nan():
    flow = zeros(2, 2, 2)
    flow[0, 1, 1] = np.nan
    assert Displacement(flow, zeros(2, 2)).valid.tolist() == [[True, False], [True, True]]
    assert Disparity(flow[..., 1].copy(), zeros(2, 2)).valid.tolist() == [
        [True, False], [True, True]]


@pytest.mark.parametrize(('make', 'match'), [
    (lambda: Displacement(zeros(2, 2), zeros(2, 2)), r'flow must be float32 \(any, any, 2\)'),
    (lambda: Displacement(zeros(2, 2, 2, dtype=np.float64), zeros(2, 2)), 'got float64'),
    (lambda: Displacement(zeros(2, 2, 2), zeros(3, 2)), r'confidence must be float32 \(2, 2\)'),
    (lambda: Disparity(zeros(2, 2, 1), zeros(2, 2)), r'disparity must be'),
    (lambda: Disparity([[1.0]], zeros(1, 1)), 'got list'),
    (lambda: Correspondences(zeros(3, 2), zeros(2, 2), zeros(3)), r'points1 must be'),
    (lambda: Correspondences(zeros(3, 2), zeros(3, 2), zeros(2)), r'scores must be'),
])
def test_wrong_forms(make, match):
    with pytest.raises(ShapeError, match=match):
        make()


def test_errors_can_be_caught_together():
    with pytest.raises(PanMatchError):
        Disparity(zeros(1), zeros(1))
    assert len(Correspondences(zeros(3, 2), zeros(3, 2), zeros(3))) == 3
