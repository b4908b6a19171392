"""Errors of poses and their recall curve against values worked out by hand."""
import math

import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, PoseError, ShapeError
from panmatch_ros.core.rigid_motion import make_transform
from panmatch_ros.evaluation.metrics.pose import PoseErrors, pose_errors, pose_metrics
from panmatch_ros.evaluation.metrics.recall_curve import recall_auc, share_within


def turn(degrees, axis=(0, 1, 0)):
    return cv2.Rodrigues(np.radians(degrees) * np.asarray(axis, float))[0]


@pytest.mark.parametrize('degrees', [0, 1e-5, 0.3, 5, 90, 179])
def test_rotation_by_hand(degrees):
    truth = make_transform(turn(20, (1, 0, 0)), (1, 0, 0))
    found = make_transform(turn(20, (1, 0, 0)) @ turn(degrees), (1, 0, 0))
    errors = pose_errors(found, truth)
    assert errors.rotation_deg == pytest.approx(degrees, rel=1e-6, abs=1e-9)
    assert errors.translation_deg == 0


@pytest.mark.parametrize(('found', 'expected'), [
    ((2, 0, 0), 0),          # length does not matter
    ((1, 1, 0), 45),
    ((0, 0, 3), 90),
    ((-1, 0, 0), 0),         # nor does the sign, which an essential matrix does not tell
    ((-1, 0, 1), 45),
    ((0, 0, 0), 90)])        # no direction at all is as wrong as it gets
def test_translation_by_hand(found, expected):
    errors = pose_errors(make_transform(np.eye(3), found),
                         make_transform(np.eye(3), (0.5, 0, 0)))
    assert errors.translation_deg == pytest.approx(expected)
    assert errors.pose_deg == pytest.approx(expected)


def test_still_camera_has_no_direction_to_miss():
    errors = pose_errors(make_transform(turn(3), (0, 0, 1)), np.eye(4))
    assert errors.translation_deg == 0
    assert errors.pose_deg == pytest.approx(3)


def test_no_pose_is_infinitely_wrong():
    errors = pose_errors(None, np.eye(4))
    assert errors == PoseErrors(math.inf, math.inf)
    assert errors.pose_deg == math.inf


def test_area_by_hand():
    # One pair, error 2: straight to (2, 1), level to 5. Area 1 + 3 of 5.
    assert recall_auc([2], 5) == pytest.approx(4 / 5)
    # Two pairs, errors 2 and 4: (2, 1/2), (4, 1), level. 0.5 + 1.5 + 1 of 5.
    assert recall_auc([4, 2], 5) == pytest.approx(3 / 5)
    # The second is at the bound or beyond: level at 1/2 from 2 on. 0.5 + 1.5 of 5.
    for far in (5, 6, math.inf, math.nan):
        assert recall_auc([2, far], 5) == pytest.approx(2 / 5)
    assert recall_auc([0, 0], 5) == 1
    assert recall_auc([7, 9], 5) == 0
    # Equal errors: straight up. (1, 1/2), (1, 1): 0.25 + 4 of 5.
    assert recall_auc([1, 1], 5) == pytest.approx(4.25 / 5)
    assert math.isnan(recall_auc([], 5))


def test_shares():
    assert share_within([1, 3, math.inf, math.nan], 3) == 0.5
    assert math.isnan(share_within([], 3))


def test_many_pairs():
    metrics = pose_metrics([PoseErrors(2, 1), PoseErrors(1, 8), PoseErrors(math.inf, math.inf)])
    # pose errors 2, 8, inf. @5: (2, 1/3), level: (1/3 + 1) of 5.
    # @10: (2, 1/3), (8, 2/3), level: 1/3 + 3 + 4/3 of 10. @20: 1/3 + 3 + 8 of 20.
    assert metrics.auc_percent == pytest.approx((100 * (4 / 3) / 5, 100 * (14 / 3) / 10,
                                                 100 * (34 / 3) / 20))
    assert (metrics.pairs, metrics.failed) == (3, 1)
    assert metrics.median_rotation_deg == 2
    assert metrics.median_translation_deg == 8
    nothing = pose_metrics([])
    assert (nothing.pairs, nothing.failed) == (0, 0)
    assert all(math.isnan(value) for value in nothing.auc_percent)
    assert math.isnan(nothing.median_rotation_deg)


def test_bad_input():
    with pytest.raises(PoseError, match='truth must be'):
        pose_errors(None, np.zeros((3, 3)))
    with pytest.raises(PoseError, match='T_1_0'):
        pose_errors(2 * np.eye(4), np.eye(4))
    with pytest.raises(ShapeError, match=r'errors must be \(N,\)'):
        recall_auc(np.zeros((2, 2)), 5)
    with pytest.raises(ConfigError, match='must not be negative, got -1'):
        recall_auc([2, -1], 5)
    with pytest.raises(ConfigError, match='the bound of errors must be a positive number, got 0'):
        share_within([2], 0)
