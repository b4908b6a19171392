"""
Transforms between frames over time: tf2 where it is installed, the same answers without it.

tf2_ros is not on PyPI. Both buffers take the messages of /tf and /tf_static one by one and never
wait: a transform that is not known (yet) is an error, and the caller decides how long to try.
"""
from collections.abc import Iterator
import logging
from typing import Any, Protocol

import numpy as np

from ..core.errors import PoseError
from ..core.pose_track import Pose, PoseTrack, make_pose
from ..core.rigid_motion import relative_transform

CACHE_S = 10.0      # how long transforms are kept, as tf2 does by default
MOST_FRAMES = 50    # of a chain; longer ones go in a circle
MOST_NAMES = 12     # frames that an error lists

log = logging.getLogger(__name__)


class TransformError(PoseError):
    """A transform is not known: unknown frame, no connection, or no data at that time."""


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


class OwnBuffer:
    """
    The rules of tf2 in Python: a tree of frames, straight interpolation, no extrapolation.

    :param cache_s: how long transforms are kept, counted back from the newest of each frame.
    """

    def __init__(self, cache_s: float = CACHE_S) -> None:
        self._cache_s = cache_s
        self._parents: dict[str, str] = {}
        self._static: dict[str, Pose] = {}
        self._tracks: dict[str, PoseTrack] = {}

    def set(self, message: Any, static: bool) -> None:
        parent, child = _name(message.header.frame_id), _name(message.child_frame_id)
        what = f'{parent!r} -> {child!r}'
        if not parent or not child or parent == child:
            raise TransformError(f'the transform {what} has no two different frames')
        t, q = message.transform.translation, message.transform.rotation
        try:
            pose = make_pose((t.x, t.y, t.z), (q.x, q.y, q.z, q.w))
        except PoseError as error:
            raise TransformError(f'the transform {what}: {error}') from None
        if self._parents.get(child) != parent:
            self._static.pop(child, None)
            self._tracks.pop(child, None)
        self._parents[child] = parent
        if static:
            self._static[child] = pose
            self._tracks.pop(child, None)
            return
        self._static.pop(child, None)
        stamp = message.header.stamp
        self._tracks.setdefault(child, PoseTrack(self._cache_s)).add(
            stamp.sec * 1_000_000_000 + stamp.nanosec, pose)

    def lookup(self, target: str, source: str, stamp_ns: int) -> np.ndarray:
        target, source = _name(target), _name(source)
        known = {*self._parents, *self._parents.values()}
        for frame in (target, source):
            if frame not in known:
                raise TransformError(f'TF has no frame {frame!r}; {_listed(known)}')
        up_target, up_source = list(self._up(target)), list(self._up(source))
        common = next((frame for frame in up_source if frame in up_target), None)
        if common is None:
            raise TransformError(f'TF does not connect {source!r} with {target!r}: the one is in '
                                 f'the tree of {up_source[-1]!r}, the other in that of '
                                 f'{up_target[-1]!r}')
        return relative_transform(self._climb(up_source, common, stamp_ns),
                                  self._climb(up_target, common, stamp_ns))

    def clear(self) -> None:
        for child in list(self._tracks):
            del self._tracks[child], self._parents[child]

    def _up(self, frame: str | None) -> Iterator[str]:
        """Give a frame and those above it."""
        for _ in range(MOST_FRAMES):
            if frame is None:
                return
            yield frame
            frame = self._parents.get(frame)
        raise TransformError('the frames of TF go in a circle, or more than '
                             f'{MOST_FRAMES} follow each other')

    def _climb(self, chain: list[str], top: str, stamp_ns: int) -> np.ndarray:
        """Take points of the first frame of a chain into one above it."""
        T = np.eye(4)
        for child in chain[:chain.index(top)]:
            try:
                pose = self._static.get(child) or self._tracks[child].at(stamp_ns)
            except PoseError as error:
                raise TransformError(f'TF from {child!r} to {self._parents[child]!r}: '
                                     f'{error}') from None
            T = pose.matrix @ T
        return T


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
                _name(target), _name(source), Time(nanoseconds=stamp_ns)).transform
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


def _name(frame: str) -> str:
    return frame.removeprefix('/')  # of ROS 1


def _listed(known: set[str]) -> str:
    if not known:
        return 'nothing has come yet'
    names = sorted(known)
    return f'known are {", ".join(names[:MOST_NAMES])}{" ..." if names[MOST_NAMES:] else ""}'
