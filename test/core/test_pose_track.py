"""Poses over time."""
import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from panmatch_ros.core.errors import PoseError
from panmatch_ros.core.pose_track import Pose, PoseTrack, interpolate, make_pose
from panmatch_ros.core.quaternion import quaternion_from_rotation, rotation_from_quaternion

SECOND = 1_000_000_000
STILL = (0.0, 0.0, 0.0, 1.0)


def turned(degrees, axis=(0, 0, 1), place=(0.0, 0.0, 0.0)):
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    half = np.radians(degrees) / 2
    return Pose(place, (*(np.sin(half) * axis).tolist(), float(np.cos(half))))


def rotation(degrees, axis):
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    return cv2.Rodrigues(np.radians(degrees) * axis)[0]


@settings(max_examples=50, deadline=None)
@given(st.floats(-180, 180), st.tuples(*[st.floats(-1, 1)] * 3).filter(
    lambda axis: np.linalg.norm(axis) > 0.1))
def test_quaternion_and_matrix_are_the_same_turn(degrees, axis):
    R = rotation(degrees, axis)
    assert np.allclose(turned(degrees, axis).matrix[:3, :3], R, atol=1e-9)
    assert np.allclose(rotation_from_quaternion(quaternion_from_rotation(R)), R, atol=1e-9)


def test_matrix_takes_points_into_the_other_frame():
    T = turned(90, place=(1.0, 2.0, 3.0)).matrix
    assert np.allclose(T @ (1, 0, 0, 1), (1, 3, 3, 1))


@pytest.mark.parametrize(('quaternion', 'reason'), [
    ((0.0, 0.0, 0.0, 0.0), 'length 1, has 0'),
    ((0.0, 0.0, 0.0, 1.1), 'length 1, has 1.1'),
    ((0.0, 0.0, 0.0, float('nan')), 'not finite'),
])
def test_what_is_no_pose_is_refused(quaternion, reason):
    with pytest.raises(PoseError, match=reason):
        make_pose((0.0, 0.0, 0.0), quaternion)


def test_rounded_quaternion_is_made_exact():
    assert np.linalg.norm(make_pose((0.0, 0.0, 0.0), (0.0, 0.0, 0.7, 0.714)).quaternion) == \
        pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize('share', [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize('degrees', [0.001, 1.0, 90.0, 179.0])
def test_turn_is_even(share, degrees):
    axis = (1, 2, -1)
    middle = interpolate(turned(20, axis), turned(20 + degrees, axis), share)
    assert np.allclose(middle.matrix[:3, :3], rotation(20 + share * degrees, axis), atol=1e-7)


def test_turn_takes_the_shorter_way():
    start, end = turned(10), turned(30)
    opposite = Pose(end.translation, tuple(-value for value in end.quaternion))
    assert np.allclose(interpolate(start, opposite, 0.5).matrix, turned(20).matrix)


def test_samples_in_any_order():
    track = PoseTrack()
    for seconds in (3, 1, 2):
        track.add(seconds * SECOND, Pose((seconds ** 2.0, 0.0, 0.0), STILL))
    assert track.at(1 * SECOND + SECOND // 2).translation[0] == pytest.approx(2.5)
    assert track.at(2 * SECOND + SECOND // 2).translation[0] == pytest.approx(6.5)
    track.add(2 * SECOND, Pose((0.0, 0.0, 0.0), STILL))  # replaces
    assert track.at(2 * SECOND).translation[0] == 0
    assert len(track) == 3


@pytest.mark.parametrize(('seconds', 'reason'), [
    (2.25, 'newest pose is 0.250 s older than what is asked for .2.250 s'),
    (0.5, 'oldest pose is 0.500 s newer'),
    (1.5, 'the poses around 1.500 s are 1.000 s apart, which is more than 0.8 s'),
])
def test_nothing_is_guessed(seconds, reason):
    track = PoseTrack()
    for stamp in (1, 2):
        track.add(stamp * SECOND, Pose((0.0, 0.0, 0.0), STILL))
    with pytest.raises(PoseError, match=reason):
        track.at(round(seconds * SECOND), max_gap_s=0.8)
    assert track.at(SECOND, max_gap_s=0.8) == track.at(2 * SECOND)  # samples themselves


def test_empty_track():
    with pytest.raises(PoseError, match='no pose yet'):
        PoseTrack().at(0)


def test_only_the_newest_span_is_kept():
    track = PoseTrack(span_s=1.0)
    for tenth in range(100):
        track.add(tenth * SECOND // 10, Pose((float(tenth), 0.0, 0.0), STILL))
    assert len(track) == 11
    track.clear()
    assert len(track) == 0
