"""Poses over time: interpolated between two samples, never guessed beyond them."""
from bisect import bisect_left
import math
from typing import NamedTuple

import numpy as np

from .errors import PoseError
from .quaternion import rotation_from_quaternion
from .rigid_motion import make_transform

QUATERNION_TOLERANCE = 1e-2  # of its length; senders round it
NEARLY_PARALLEL = 0.9995     # cosine above which slerp is replaced by its limit


class Pose(NamedTuple):
    """
    Place and direction of a frame in another.

    :param translation: x, y, z, metres.
    :param quaternion: x, y, z, w; of length one.
    """

    translation: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]

    @property
    def matrix(self) -> np.ndarray:
        """(4, 4) float64, takes points of the frame into the other one."""
        return make_transform(rotation_from_quaternion(self.quaternion),
                              np.array(self.translation))


def make_pose(translation: tuple[float, float, float],
              quaternion: tuple[float, float, float, float]) -> Pose:
    """
    Check a pose and make its quaternion exactly one long.

    :raises PoseError: if a number is not finite or the length is not one.
    """
    if not all(map(math.isfinite, (*translation, *quaternion))):
        raise PoseError(f'the pose has a value that is not finite: {translation}, {quaternion}')
    length = math.hypot(*quaternion)
    if abs(length - 1) > QUATERNION_TOLERANCE:
        raise PoseError(f'the quaternion (x, y, z, w) must have length 1, has {length:.4g}')
    x, y, z, w = quaternion
    return Pose(translation, (x / length, y / length, z / length, w / length))


def interpolate(pose0: Pose, pose1: Pose, share: float) -> Pose:
    """
    Give the pose on the way between two: straight on, turning evenly by the shorter way (slerp).

    :param share: 0 is the first pose, 1 the second.
    """
    a, b = np.array(pose0.quaternion), np.array(pose1.quaternion)
    cosine = float(a @ b)
    if cosine < 0:  # q and -q are the same turn
        b, cosine = -b, -cosine
    if cosine > NEARLY_PARALLEL:
        mixed = (1 - share) * a + share * b
    else:
        angle = math.acos(cosine)
        mixed = math.sin((1 - share) * angle) * a + math.sin(share * angle) * b
    x, y, z, w = (mixed / np.linalg.norm(mixed)).tolist()
    tx, ty, tz = ((1 - share) * np.array(pose0.translation)
                  + share * np.array(pose1.translation)).tolist()
    return Pose((tx, ty, tz), (x, y, z, w))


class PoseTrack:
    """
    Samples of the pose of one frame, in any order.

    :param span_s: how long they are kept, counted back from the newest.
    """

    def __init__(self, span_s: float = 10.0) -> None:
        self._span_ns = round(span_s * 1e9)
        self._stamps: list[int] = []  # increasing
        self._poses: list[Pose] = []

    def __len__(self) -> int:
        return len(self._stamps)

    def clear(self) -> None:
        """Forget all samples."""
        self._stamps.clear()
        self._poses.clear()

    def add(self, stamp_ns: int, pose: Pose) -> None:
        """Take a sample; one of the same stamp is replaced."""
        index = bisect_left(self._stamps, stamp_ns)
        if index < len(self._stamps) and self._stamps[index] == stamp_ns:
            self._poses[index] = pose
            return
        self._stamps.insert(index, stamp_ns)
        self._poses.insert(index, pose)
        old = bisect_left(self._stamps, self._stamps[-1] - self._span_ns)
        if old:
            del self._stamps[:old], self._poses[:old]

    def at(self, stamp_ns: int, max_gap_s: float = math.inf) -> Pose:
        """
        Give the pose at a time.

        :param stamp_ns: nanoseconds.
        :param max_gap_s: samples farther apart are not interpolated.
        :raises PoseError: if there are no samples on both sides, or they are too far apart.
        """
        if not self._stamps:
            raise PoseError('there is no pose yet')
        index = bisect_left(self._stamps, stamp_ns)
        if index == len(self._stamps):
            behind_s = (stamp_ns - self._stamps[-1]) / 1e9
            raise PoseError(f'the newest pose is {behind_s:.3f} s older than what is asked for '
                            f'({stamp_ns / 1e9:.3f} s)')
        after = self._stamps[index]
        if after == stamp_ns:
            return self._poses[index]
        if index == 0:
            raise PoseError(f'the oldest pose is {(after - stamp_ns) / 1e9:.3f} s newer than what '
                            f'is asked for ({stamp_ns / 1e9:.3f} s)')
        before = self._stamps[index - 1]
        if after - before > max_gap_s * 1e9:
            raise PoseError(f'the poses around {stamp_ns / 1e9:.3f} s are '
                            f'{(after - before) / 1e9:.3f} s apart, which is more than '
                            f'{max_gap_s:g} s')
        share = (stamp_ns - before) / (after - before)
        return interpolate(self._poses[index - 1], self._poses[index], share)
