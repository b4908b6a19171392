"""Rotations as quaternions, and back."""
import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import PoseError
from panmatch_ros.core.quaternion import quaternion_from_rotation, rotation_from_quaternion

HALF = np.sqrt(0.5)


@pytest.mark.parametrize(('turn', 'expected'), [
    ((0, 0, 0), (0, 0, 0, 1)),
    ((np.pi / 2, 0, 0), (HALF, 0, 0, HALF)),
    ((0, -np.pi / 2, 0), (0, -HALF, 0, HALF)),
    ((0, 0, np.pi), (0, 0, 1, 0)),
])
def test_known_turns(turn, expected):
    quaternion = quaternion_from_rotation(cv2.Rodrigues(np.float64(turn))[0])
    if expected[3] == 0 and quaternion[2] < 0:
        quaternion = -quaternion  # of half a turn both signs are right
    assert quaternion == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize('seed', range(5))
def test_there_and_back(seed):
    turn = np.random.default_rng(seed).normal(size=3) * 2
    R = cv2.Rodrigues(turn)[0]
    quaternion = quaternion_from_rotation(R)
    assert np.linalg.norm(quaternion) == pytest.approx(1)
    assert quaternion[3] >= 0
    assert rotation_from_quaternion(quaternion) == pytest.approx(R, abs=1e-9)


@pytest.mark.parametrize('R', [np.eye(4), np.full((3, 3), np.nan)])
def test_what_is_no_rotation(R):
    with pytest.raises(PoseError, match='must be a finite'):
        quaternion_from_rotation(R)
