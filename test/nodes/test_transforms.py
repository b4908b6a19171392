"""Transforms over time: the rules of tf2, kept by tf2 and by our own buffer."""
import sys
from types import ModuleType

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed: run make setup or source ROS 2')
pytest.importorskip('nav_msgs', reason='nav_msgs is not installed (ros-$ROS_DISTRO-nav-msgs)')
from moving_camera import transform

from panmatch_ros.core.rigid_motion import make_transform
from panmatch_ros.core.transform_tree import OwnBuffer, TransformError
from panmatch_ros.nodes import transforms
from panmatch_ros.nodes.transforms import Tf2Buffer, make_buffer

pytestmark = pytest.mark.ros

SECOND = 1_000_000_000


def pose(turn_deg, *place):
    return make_transform(cv2.Rodrigues(np.radians([0.0, 0.0, turn_deg]))[0], place)


@pytest.fixture(params=['own', 'tf2'])
def buffer(request):
    if request.param == 'own':
        return OwnBuffer()
    pytest.importorskip('tf2_ros', reason='tf2_ros is not installed; it comes with a ROS 2 '
                        'distribution (ros-$ROS_DISTRO-tf2-ros-py), not with the wheels')
    return Tf2Buffer()


def fill(buffer):
    """odom -> base moves from 10 s to 11 s, base -> camera is fixed; map -> odom as well."""
    buffer.set(transform('map', 'odom', pose(90, 5, 0, 0)), static=True)
    buffer.set(transform('base', 'camera', pose(0, 0, 0, 2)), static=True)
    buffer.set(transform('odom', 'base', pose(0, 0, 0, 0), 10.0), static=False)
    buffer.set(transform('odom', 'base', pose(90, 4, 0, 0), 11.0), static=False)


def test_interpolation_between_two_samples(buffer):
    fill(buffer)
    T = buffer.lookup('odom', 'camera', 10 * SECOND + SECOND // 4)
    assert np.allclose(T, pose(22.5, 1, 0, 2))
    assert np.allclose(buffer.lookup('odom', 'base', 11 * SECOND), pose(90, 4, 0, 0))


def test_both_directions_and_over_the_root(buffer):
    fill(buffer)
    time = 11 * SECOND
    assert np.allclose(buffer.lookup('map', 'base', time), pose(90, 5, 0, 0) @ pose(90, 4, 0, 0))
    assert np.allclose(buffer.lookup('camera', 'odom', time),
                       np.linalg.inv(buffer.lookup('odom', 'camera', time)))
    buffer.set(transform('odom', 'other', pose(0, 0, 3, 0)), static=True)
    assert np.allclose(buffer.lookup('other', 'base', time), pose(90, 4, -3, 0))
    assert np.allclose(buffer.lookup('base', 'base', time), np.eye(4))


def test_static_transforms_hold_at_any_time(buffer):
    fill(buffer)
    assert np.allclose(buffer.lookup('base', 'camera', 12345 * SECOND), pose(0, 0, 0, 2))


def test_leading_slash_of_ros_1_is_ignored(buffer):
    fill(buffer)
    assert np.allclose(buffer.lookup('/odom', 'camera', 11 * SECOND), pose(90, 4, 0, 2))


@pytest.mark.parametrize(('target', 'source', 'seconds', 'reason'), [
    ('odom', 'camera', 11.5, 'newest pose is 0.500 s older|into the future'),
    ('odom', 'camera', 9.75, 'oldest pose is 0.250 s newer|into the past'),
    ('odom', 'lidar', 10.5, "has no frame 'lidar'; known are base, camera, map, odom|lidar"),
    ('world', 'camera', 10.5, "has no frame 'world'|world"),
    ('odom', 'rock', 10.5, "does not connect 'rock' with 'odom'|not part of the same tree"),
])
def test_errors_say_what_is_missing(buffer, target, source, seconds, reason):
    fill(buffer)
    buffer.set(transform('moon', 'rock', pose(0, 0, 0, 0)), static=True)
    with pytest.raises(TransformError, match=reason):
        buffer.lookup(target, source, round(seconds * SECOND))


def test_an_empty_buffer_says_so():
    with pytest.raises(TransformError, match="no frame 'odom'; nothing has come yet"):
        OwnBuffer().lookup('odom', 'camera', SECOND)


def test_clear_keeps_static_transforms(buffer):
    fill(buffer)
    buffer.clear()
    assert np.allclose(buffer.lookup('base', 'camera', 5 * SECOND), pose(0, 0, 0, 2))
    with pytest.raises(TransformError):
        buffer.lookup('odom', 'base', 10 * SECOND)
    buffer.set(transform('odom', 'base', pose(0, 1, 0, 0), 3.0), static=False)  # time went back
    assert np.allclose(buffer.lookup('odom', 'camera', 3 * SECOND), pose(0, 1, 0, 2))


def test_old_samples_are_forgotten():
    buffer = OwnBuffer(cache_s=2.0)
    for seconds in range(10):
        buffer.set(transform('odom', 'base', pose(0, seconds, 0, 0), seconds), static=False)
    assert buffer.lookup('odom', 'base', 7 * SECOND)[0, 3] == 7
    with pytest.raises(TransformError, match='oldest pose is'):
        buffer.lookup('odom', 'base', 6 * SECOND)


def test_frame_may_get_another_parent():
    buffer = OwnBuffer()
    fill(buffer)
    buffer.set(transform('arm', 'camera', pose(0, 1, 1, 1)), static=True)
    assert np.allclose(buffer.lookup('arm', 'camera', SECOND), pose(0, 1, 1, 1))
    with pytest.raises(TransformError, match='does not connect'):
        buffer.lookup('base', 'camera', 11 * SECOND)


def test_circle_is_an_error_not_a_loop_without_end():
    buffer = OwnBuffer()
    buffer.set(transform('a', 'b', pose(0, 0, 0, 0)), static=True)
    buffer.set(transform('b', 'a', pose(0, 0, 0, 0)), static=True)
    with pytest.raises(TransformError, match='in a circle'):
        buffer.lookup('a', 'b', SECOND)


@pytest.mark.parametrize(('change', 'reason'), [
    (lambda message: setattr(message, 'child_frame_id', 'odom'), 'no two different frames'),
    (lambda message: setattr(message, 'child_frame_id', ''), 'no two different frames'),
    (lambda message: setattr(message.transform.rotation, 'w', 0.0), 'length 1, has 0'),
    (lambda message: setattr(message.transform.translation, 'x', float('nan')), 'not finite'),
])
def test_senseless_transforms_are_refused(change, reason):
    message = transform('odom', 'base', pose(0, 0, 0, 0))
    change(message)
    with pytest.raises(TransformError, match=reason):
        OwnBuffer().set(message, static=False)


# Which buffer is taken.

class StandIn(OwnBuffer):
    """What Tf2Buffer calls of tf2_ros.Buffer."""

    def __init__(self, cache_time):
        super().__init__(cache_time.nanoseconds / 1e9)

    def set_transform(self, message, authority):
        self.set(message, static=False)

    def set_transform_static(self, message, authority):
        self.set(message, static=True)

    def lookup_transform(self, target, source, time):
        try:
            T = self.lookup(target, source, time.nanoseconds)
        except TransformError as error:
            raise LookupError(str(error)) from None
        return transform(target, source, T)


@pytest.fixture
def tf2_ros(monkeypatch):
    module = ModuleType('tf2_ros')
    module.Buffer, module.TransformException = StandIn, LookupError
    monkeypatch.setitem(sys.modules, 'tf2_ros', module)


def test_tf2_is_preferred_and_gives_the_same(tf2_ros):
    buffer, own = make_buffer(), OwnBuffer()
    assert isinstance(buffer, Tf2Buffer)
    fill(buffer)
    fill(own)
    time = 10 * SECOND + SECOND // 3
    assert np.allclose(buffer.lookup('map', 'camera', time), own.lookup('map', 'camera', time))
    with pytest.raises(TransformError, match=r"TF: .*no frame 'lidar'"):
        buffer.lookup('map', 'lidar', time)
    buffer.clear()
    with pytest.raises(TransformError):
        buffer.lookup('odom', 'base', time)


def test_own_buffer_where_tf2_is_not_installed(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, 'tf2_ros', None)
    assert isinstance(make_buffer(), OwnBuffer)
    assert caplog.text == ''


def test_broken_tf2_is_mentioned(monkeypatch, caplog):
    def fail(*args):
        raise ImportError('libtf2.so: cannot open shared object file', name='tf2_py._tf2_py')
    monkeypatch.setattr(transforms, 'Tf2Buffer', fail)
    assert isinstance(make_buffer(), OwnBuffer)
    assert 'tf2_ros is installed but cannot be imported' in caplog.text
