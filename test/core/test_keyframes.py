"""Which earlier image is chosen, and when none is."""
import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import MotionError
from panmatch_ros.core.keyframes import KeyframeLimits, Keyframes, View, motion_between
from panmatch_ros.core.rigid_motion import make_transform

LIMITS = KeyframeLimits(min_baseline_m=0.1, max_rotation_deg=20.0, max_age_s=2.0,
                        target_parallax_px=16.0)
IMAGE = np.zeros((2, 2), np.uint8)


def view(seconds, x=0.0, turn_deg=0.0):
    R = cv2.Rodrigues(np.radians([0.0, turn_deg, 0.0]))[0]
    return View(round(seconds * 1e9), IMAGE, np.eye(3), make_transform(R, (x, 0.0, 0.0)))


def kept(*views, limits=LIMITS):
    keyframes = Keyframes()
    for each in views:
        keyframes.add(each, limits)
    return keyframes


def test_motion_takes_points_of_the_new_camera_into_the_old_one():
    motion = motion_between(view(1, x=2.0), view(0, x=0.5, turn_deg=90))
    assert motion.baseline_m == pytest.approx(1.5)
    assert motion.rotation_deg == pytest.approx(90)
    # A point 3 m before the new camera is at (2, 0, 3) in the world, whose x is -z of the old one.
    assert np.allclose(motion.T_key_new @ (0, 0, 3, 1), (-3, 0, 1.5, 1))


@pytest.mark.parametrize('degrees', [1e-5, 30.0, 179.9])
def test_turn_is_exact_for_all_angles(degrees):
    assert motion_between(view(1), view(0, turn_deg=degrees)).rotation_deg == \
        pytest.approx(degrees, rel=1e-6)


def test_shortest_sufficient_baseline():
    keyframes = kept(view(0.0, 0.0), view(0.2, 0.2), view(0.4, 0.4))
    assert keyframes.choose(view(0.6, 0.55), LIMITS).keyframe.stamp_ns == 4e8
    assert keyframes.choose(view(0.6, 0.45), LIMITS).keyframe.stamp_ns == 2e8


def test_baseline_follows_the_parallax_of_the_last_match():
    keyframes = kept(view(0.0, 0.0), view(0.2, 0.2), view(0.4, 0.4))
    keyframes.learn(baseline_m=0.15, parallax_px=6.0)  # 16 px need 0.4 m
    assert keyframes.choose(view(0.6, 0.65), LIMITS).baseline_m == pytest.approx(0.45)
    keyframes.learn(0.15, 60.0)
    assert keyframes.choose(view(0.6, 0.55), LIMITS).baseline_m == pytest.approx(0.15)
    keyframes.learn(0.15, 6.0)
    keyframes.learn(0.45, np.nan)  # it failed
    assert keyframes.choose(view(0.6, 0.55), LIMITS).baseline_m == pytest.approx(0.15)
    keyframes.learn(0.15, 0.0)  # all is far: the longest there is
    assert keyframes.choose(view(0.6, 0.55), LIMITS).baseline_m == pytest.approx(0.55)


@pytest.mark.parametrize(('newer', 'reason'), [
    (view(0.5, 0.02), 'the camera stands still: it moved by 0.020 m in the last 2 s'),
    (view(0.5, 0.02, turn_deg=5), 'the camera only turned, by 5.0 degrees, and moved by 0.020 m'),
    (view(0.5, 0.5, turn_deg=25), 'the camera turned by 25.0 degrees or more since all places'),
    (view(2.5, 0.5), 'no other image of the last 2 s'),
])
def test_why_there_is_none(newer, reason):
    with pytest.raises(MotionError, match=reason):
        kept(view(0.0)).choose(newer, LIMITS)


def test_too_much_turn_rules_out_single_keyframes():
    keyframes = kept(view(0.0, 0.0), view(0.2, 0.2, turn_deg=15))
    assert keyframes.choose(view(0.4, 0.35, turn_deg=30), LIMITS).keyframe.stamp_ns == 2e8


def test_what_is_like_the_last_one_is_not_kept():
    keyframes = kept(view(0.0), view(0.1, 0.02), view(0.2, 0.0, 4.0))
    assert len(keyframes) == 1
    others = view(0.3, 0.025), view(0.4, 0.025, 5.0), view(0.9, 0.025, 5.0)
    for index, other in enumerate(others):
        keyframes.add(other, LIMITS)
        assert len(keyframes) == 2 + index


def test_standing_still_keeps_few_images():
    keyframes = Keyframes()
    for index in range(200):
        keyframes.add(view(index / 10), LIMITS)
    assert 1 <= len(keyframes) <= 6


def test_after_a_stop_the_first_metre_counts():
    keyframes = Keyframes()
    for index in range(100):
        keyframes.add(view(index / 10), LIMITS)
    assert keyframes.choose(view(10.0, 0.11), LIMITS).baseline_m == pytest.approx(0.11)


def test_fast_camera_keeps_what_reaches_far_enough():
    keyframes = Keyframes()
    keyframes.learn(1.0, 32.0)  # 0.5 m are wanted
    for index in range(60):
        newer = view(index / 30, index / 30)
        if index > 20:
            assert 0.5 <= keyframes.choose(newer, LIMITS).baseline_m < 0.7
        keyframes.add(newer, LIMITS)
    assert len(keyframes) == 8


def test_clear_forgets_parallax_too():
    keyframes = kept(view(0.0, 0.0), view(0.2, 0.2))
    keyframes.learn(0.1, 1.0)
    keyframes.clear()
    for each in (view(1.0, 0.0), view(1.2, 0.2)):
        keyframes.add(each, LIMITS)
    assert keyframes.choose(view(1.4, 0.35), LIMITS).baseline_m == pytest.approx(0.15)
