"""
Transforms between frames over time: tf2 where it is installed, the same answers without it.

tf2_ros is not on PyPI. Both buffers take the messages of /tf and /tf_static one by one and never
wait: a transform that is not known (yet) is an error, and the caller decides how long to try.
"""
import logging
from typing import Any, Protocol

import numpy as np

from ..core.pose_track import make_pose
from ..core.transform_tree import CACHE_S, OwnBuffer, TransformError, frame_name

log = logging.getLogger(__name__)


class Buffer(Protocol):
    """Keeps transforms and gives those of a time."""

    def set(self, message: Any, static: bool) -> None:
        """
        Take a ``geometry_msgs/TransformStamped``.

        :raises TransformError: if it is none that can be used.
        """

    def lookup(self, target: str, source: str, stamp_ns: int) -> np.ndarray:
        """
        Give the transform that takes points of ``source`` into ``target``.

        :param stamp_ns: when, nanoseconds.
        :returns: (4, 4) float64.
        :raises TransformError: if it is not known; the text says why.
        """

    def clear(self) -> None:
        """Forget all but static transforms."""


class Tf2Buffer:
    """
    ``tf2_ros.Buffer``.

    :param cache_s: how long transforms are kept.
    """

    def __init__(self, cache_s: float = CACHE_S) -> None:
        from rclpy.duration import Duration
        import tf2_ros
        self._buffer = tf2_ros.Buffer(Duration(seconds=cache_s))
        self._error = tf2_ros.TransformException

    def set(self, message: Any, static: bool) -> None:
        put = self._buffer.set_transform_static if static else self._buffer.set_transform
        put(message, 'panmatch_ros')

    def lookup(self, target: str, source: str, stamp_ns: int) -> np.ndarray:
        from rclpy.time import Time
        try:
            transform = self._buffer.lookup_transform(
                frame_name(target), frame_name(source), Time(nanoseconds=stamp_ns)).transform
        except self._error as error:
            raise TransformError(f'TF: {error}') from None
        t, q = transform.translation, transform.rotation
        return make_pose((t.x, t.y, t.z), (q.x, q.y, q.z, q.w)).matrix

    def clear(self) -> None:
        self._buffer.clear()


def make_buffer() -> Buffer:
    """Give a buffer of tf2, or ours where tf2_ros is not installed."""
    try:
        return Tf2Buffer()
    except ImportError as error:
        if getattr(error, 'name', None) != 'tf2_ros':
            log.warning('tf2_ros is installed but cannot be imported (%r); using our own buffer '
                        'of transforms', error)
        return OwnBuffer()
