"""Transforms between frames over time: the rules of tf2 in Python."""
from collections.abc import Iterator
from typing import Any

import numpy as np

from .errors import PoseError
from .pose_track import Pose, PoseTrack, make_pose
from .rigid_motion import relative_transform

CACHE_S = 10.0      # how long transforms are kept, as tf2 does by default
MOST_FRAMES = 50    # of a chain; longer ones go in a circle
MOST_NAMES = 12     # frames that an error lists


class TransformError(PoseError):
    """A transform is not known: unknown frame, no connection, or no data at that time."""


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
        parent, child = frame_name(message.header.frame_id), frame_name(message.child_frame_id)
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
        target, source = frame_name(target), frame_name(source)
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


def frame_name(frame: str) -> str:
    """Give the name of a frame without a leading slash."""
    return frame.removeprefix('/')  # of ROS 1


def _listed(known: set[str]) -> str:
    if not known:
        return 'nothing has come yet'
    names = sorted(known)
    return f'known are {", ".join(names[:MOST_NAMES])}{" ..." if names[MOST_NAMES:] else ""}'
