"""Stereo pairs that get the pose of the camera before they are matched."""
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..core.errors import PanMatchError, PoseError
from ..core.image_message import stamp_ns
from .diagnostics import ThrottledLog
from .inputs import InputTopic
from .pending_frames import PendingFrames
from .pose_sources import make_pose_source

WITH_POSES = ('odometry', 'tf')  # values of ego_motion


@dataclass(frozen=True, eq=False)
class Pair:
    """
    A pair as it came.

    :param messages: both images and both camera_info, left first.
    :param sequence: number of the run of increasing stamps that it is of.
    :param T_fixed_camera: (4, 4), place of the left camera in a frame that does not move; None
        if it was not asked for or is not known.
    """

    messages: tuple[Any, ...]
    sequence: int
    T_fixed_camera: np.ndarray | None = None

    @property
    def stamp_ns(self) -> int:
        """Stamp of the left image."""
        return stamp_ns(self.messages[0])


class PoseQueue:
    """
    Holds pairs until their pose is known, or for long enough; they leave in order.

    :param values: gives the parameters of the node as they are now.
    :param log: of the node.
    :param emit: called with each pair.
    :param drop: called with how many pairs will never be emitted.
    :param missing: called with why a pair that is emitted has no pose.
    """

    def __init__(self, values: Callable[[], SimpleNamespace], log: ThrottledLog,
                 emit: Callable[[Pair], None], drop: Callable[[int], None],
                 missing: Callable[[str], None]) -> None:
        self._values, self._emit, self._drop, self._missing = values, emit, drop, missing
        self._pending = PendingFrames(self._with_pose, self._in_order, self._without_pose,
                                      values().queue_size)
        self._emitted_ns = -1  # stamp of the last pair
        self._source = (make_pose_source(values(), log, self._pending.retry, 'ego_motion')
                        if values().ego_motion in WITH_POSES else None)

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def topics(self) -> list[InputTopic]:
        """Inputs that the poses need."""
        return self._source.topics if self._source is not None else []

    def add(self, pair: Pair, needs_pose: bool) -> None:
        """Take a pair, and emit it at once if it needs no pose or that is known."""
        if self._source is None or not needs_pose:
            self._in_order(pair)
        elif self._pending.add(pair):
            self._drop(1)

    def expire(self) -> None:
        """Emit what waited for too long, without its pose."""
        self._pending.expire(self._values().transform_timeout_seconds)

    def start_anew(self) -> None:
        """Forget what waits: stamps went back."""
        self._drop(self._pending.clear())
        self._emitted_ns = -1

    def forget(self) -> None:
        """Forget what waits, and poses, since there will be a gap."""
        self._drop(self._pending.clear())
        if self._source is not None:
            self._source.forget()

    def _with_pose(self, pair: Pair) -> Pair:
        """Add the pose; a PanMatchError says what is missing."""
        assert self._source is not None
        frame = self._values().camera_frame or pair.messages[0].header.frame_id
        if not frame:
            raise PoseError('the left images have no frame_id, so their pose cannot be looked '
                            'up: set camera_frame')
        return replace(pair, T_fixed_camera=self._source.pose(frame, pair.stamp_ns))

    def _without_pose(self, pair: Pair, reason: PanMatchError) -> None:
        waited_s = self._values().transform_timeout_seconds
        self._missing(f'a pair waited {waited_s:g} s in vain: {reason}')
        self._in_order(pair)

    def _in_order(self, pair: Pair) -> None:
        if pair.stamp_ns <= self._emitted_ns:  # a later one had its pose before
            self._drop(1)
            return
        self._emitted_ns = pair.stamp_ns
        self._emit(pair)
