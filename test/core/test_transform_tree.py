"""Transforms over time; test/nodes/test_transforms.py compares with tf2."""
import numpy as np
from plain_messages import transform
import pytest

from panmatch_ros.core.transform_tree import OwnBuffer, TransformError

S = 1_000_000_000
QUARTER = (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5))  # about z


def test_chain_of_static_and_moving_frames_interpolated():
    buffer = OwnBuffer()
    buffer.set(transform('base', 'camera', (1.0, 0.0, 0.0)), static=True)
    for seconds, x in ((1, 0.0), (2, 2.0)):
        buffer.set(transform('odom', 'base', (x, 0.0, 0.0), seconds * S, QUARTER), static=False)
    T = buffer.lookup('odom', '/camera', int(1.5 * S))
    # The base is at x = 1 and looks along y, so the camera is one metre along y.
    np.testing.assert_allclose(T @ [0, 0, 0, 1], [1, 1, 0, 1], atol=1e-12)
    back = buffer.lookup('camera', 'odom', int(1.5 * S))
    np.testing.assert_allclose(T @ back, np.eye(4), atol=1e-12)


def test_no_extrapolation_and_nothing_after_clear():
    buffer = OwnBuffer()
    buffer.set(transform('a', 'b', (0.0, 0.0, 0.0), S), static=False)
    with pytest.raises(TransformError, match="TF from 'b' to 'a': the newest pose is 1.000 s"):
        buffer.lookup('a', 'b', 2 * S)
    buffer.clear()
    with pytest.raises(TransformError, match="TF has no frame 'a'; nothing has come yet"):
        buffer.lookup('a', 'b', S)


def test_what_does_not_connect():
    buffer = OwnBuffer()
    buffer.set(transform('a', 'b', (0.0, 0.0, 0.0)), static=True)
    buffer.set(transform('c', 'd', (0.0, 0.0, 0.0)), static=True)
    with pytest.raises(TransformError, match="TF does not connect 'd' with 'b'"):
        buffer.lookup('b', 'd', 0)
    with pytest.raises(TransformError, match=r"TF has no frame 'e'; known are a, b, c, d"):
        buffer.lookup('e', 'a', 0)


def test_transforms_that_are_none():
    buffer = OwnBuffer()
    with pytest.raises(TransformError, match='no two different frames'):
        buffer.set(transform('a', 'a', (0.0, 0.0, 0.0)), static=True)
    with pytest.raises(TransformError, match='must have length 1, has 2'):
        buffer.set(transform('a', 'b', (0.0, 0.0, 0.0), 0, (0.0, 0.0, 0.0, 2.0)), static=True)
