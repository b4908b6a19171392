"""Pairs of a stereo camera one after the other: disparity of each, flow from each to the next."""
from dataclasses import dataclass
from typing import Any

import numpy as np
from std_msgs.msg import Header

from ..core.stereo_cameras import StereoCameras
from ..core.types import Disparity, Displacement
from ..inference.matcher import Matcher
from ..inference.streaming import FlowStream, RigStream


@dataclass(frozen=True, eq=False)
class RigFrame:
    """
    A rectified pair and what belongs to it.

    :param header: of the left image.
    :param stamp_ns: its stamp.
    :param left: (H, W) or (H, W, 3).
    :param right: of the same size.
    :param cameras: that took it.
    :param sequence: number of the run of pairs that it is of.
    :param T_fixed_camera: (4, 4), place of the left camera in a frame that does not move; None
        if it is not known.
    """

    header: Header
    stamp_ns: int
    left: np.ndarray
    right: np.ndarray
    cameras: StereoCameras
    sequence: int = 0
    T_fixed_camera: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class RigMatch:
    """
    What was found of a pair, and before.

    :param frame: the pair.
    :param disparity: of it; None if it was not asked for.
    :param older: the pair before; None at the start of a sequence, or without flow.
    :param older_disparity: of that; None if it was not asked for then.
    :param flow: of the left images, older to newer, on the grid of the older one; None if there
        is no older pair or it was not asked for.
    """

    frame: RigFrame
    disparity: Disparity | None
    older: RigFrame | None = None
    older_disparity: Disparity | None = None
    flow: Displacement | None = None

    @property
    def dt_s(self) -> float:
        """Time between the two pairs, seconds; 0 without an older one."""
        return (self.frame.stamp_ns - self.older.stamp_ns) * 1e-9 if self.older else 0.0


class RigTracker:
    """Matches what is asked for and nothing else; one thread calls."""

    def __init__(self) -> None:
        self._last: RigMatch | None = None  # only while flow is asked for
        self._stream: Any = None

    def forget(self) -> None:
        """Let go of the matcher and of what it keeps of images."""
        self._last = self._stream = None

    def next(self, frame: RigFrame, matcher: Matcher, *, stereo: bool, flow: bool,
             max_gap_s: float) -> RigMatch:
        """
        Match a pair.

        :param frame: newer than the last one in its sequence.
        :param matcher: what matches.
        :param stereo: whether the disparity is asked for.
        :param flow: whether the flow is; it begins with the second pair in a row for which it is.
        :param max_gap_s: pairs further apart are not matched, seconds.
        :raises PanMatchError: as the matching; the next pair then starts a new sequence.
        """
        last, self._last = self._last, None  # in case of an error
        if not flow:
            self._stream = None
            return RigMatch(frame, self._disparity(matcher, frame) if stereo else None)
        stream = self._stream_of(matcher, stereo)
        continues = (last is not None and last.frame.left is stream.last
                     and _belong_together(last.frame, frame, max_gap_s))
        if not continues:
            stream.forget()
            last = None
        if stereo:
            disparity, displacement = stream.next(frame.left, frame.right)
            disparity = frame.cameras.without_missing(disparity)
        else:
            disparity, displacement = None, stream.next(frame.left)
        older = last.frame if last is not None and displacement is not None else None
        if displacement is not None:
            displacement = frame.cameras.flow_without_missing(displacement)
        self._last = RigMatch(frame, disparity, older, last.disparity if last else None,
                              displacement)
        return self._last

    @staticmethod
    def _disparity(matcher: Matcher, frame: RigFrame) -> Disparity:
        return frame.cameras.without_missing(matcher.match_stereo(frame.left, frame.right))

    def _stream_of(self, matcher: Matcher, stereo: bool) -> Any:
        """Give a stream of the matcher: of pairs, or of left images."""
        kind = RigStream if stereo else FlowStream
        if not isinstance(self._stream, kind) or self._stream.matcher is not matcher:
            self._stream = matcher.rig_stream() if stereo else matcher.stream()
        return self._stream


def _belong_together(older: RigFrame, newer: RigFrame, max_gap_s: float) -> bool:
    """Whether one camera took both, soon after each other; another size is another camera."""
    return (older.sequence == newer.sequence and older.cameras is newer.cameras
            and 0 < newer.stamp_ns - older.stamp_ns <= max_gap_s * 1e9)
