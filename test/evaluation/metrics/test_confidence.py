"""Quality of a confidence, against values worked out by hand."""
import math

import numpy as np
import pytest

from panmatch_ros.core.errors import ShapeError
from panmatch_ros.evaluation.metrics.confidence import (
    add_reliabilities,
    confidence_metrics,
    reliability,
)


def metrics(confidence, error):
    return confidence_metrics(np.array(confidence, np.float32), np.array(error, np.float32))


def test_perfect_order():
    assert metrics([0.9, 0.8, 0.2, 0.1], [0, 0.5, 2, 3]).auroc == 1
    assert metrics([0.1, 0.2, 0.8, 0.9], [0, 0.5, 2, 3]).auroc == 0


def test_three_of_four_pairs_are_in_order():
    assert metrics([0.9, 0.4, 0.6, 0.1], [0, 0, 5, 5]).auroc == pytest.approx(0.75)


def test_equal_values_count_half():
    assert metrics([0.5, 0.5, 0.5], [0, 0, 5]).auroc == pytest.approx(0.5)


def test_one_kind_has_no_order():
    assert math.isnan(metrics([0.5, 0.6], [0, 0]).auroc)


def test_calibration():
    assert metrics([1.0] * 4, [0, 0, 0, 9]).calibration_error == pytest.approx(0.25)
    assert metrics([0.5] * 4, [0, 0, 9, 9]).calibration_error == pytest.approx(0)
    # Two bins of two pixels: 0.9 where half is right, 0.1 where none is.
    assert metrics([0.9, 0.9, 0.1, 0.1], [0, 9, 9, 9]).calibration_error == pytest.approx(0.25)


def test_an_error_of_one_pixel_is_wrong():
    assert metrics([1.0], [1.0]).calibration_error == 1
    assert metrics([1.0], [0.999]).calibration_error == 0


def test_invalid_pixels_are_left_out():
    assert metrics([0.9, 0.3, 0.1], [0, np.nan, 5]).auroc == 1
    assert metrics([0.9, np.nan, 0.1], [0, 0, 5]).auroc == 1
    assert math.isnan(metrics([0.9], [np.nan]).calibration_error)


def test_shapes_are_checked():
    with pytest.raises(ShapeError, match='of one size'):
        metrics([0.5], [0, 1])


def test_reliability_counts_pixels_by_confidence():
    found = reliability(np.array([0.05, 0.95, 0.9, 1.0, 0.9, np.nan]),
                        np.array([5, 0, 2, 0.5, np.nan, 0]))
    assert (found.pixels[0], found.right[0], found.confidence[0]) == (1, 0, 0.05)
    assert (found.pixels[13], found.pixels[14]) == (1, 2)  # 0.9 is below 14/15
    assert found.right[14] == 2
    assert found.curve() == pytest.approx(np.array(
        [[0.05, 0, 0.25], [0.9, 0, 0.25], [0.975, 1, 0.5]]))
    assert found.calibration_error == pytest.approx((0.05 + 0.9 + 0.05) / 4)


def test_reliabilities_add_up():
    one = reliability(np.array([0.9, 0.9]), np.array([0, 5]))
    both = add_reliabilities([one, reliability(np.array([0.9, 0.1]), np.array([0, 5]))])
    assert both.curve() == pytest.approx(np.array([[0.1, 0, 0.25], [0.9, 2 / 3, 0.75]]))
    nothing = add_reliabilities([])
    assert nothing.curve().shape == (0, 3)
    assert math.isnan(nothing.calibration_error)
