"""Which earlier image of a moving camera tells the depth of a new one."""
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .errors import MotionError
from .rigid_motion import relative_transform

CAPACITY = 8         # images that are kept
PARTS = 4            # of each limit, after which the next one is kept
CLEAR_TURN_DEG = 1.0  # from here on a camera that did not move is said to have turned


@dataclass(frozen=True, eq=False)
class View:
    """
    An image and where it was taken.

    :param stamp_ns: when, nanoseconds.
    :param image: (H, W) or (H, W, 3).
    :param K: (3, 3) intrinsics, pixels.
    :param T_world_camera: (4, 4), takes points of the camera into a frame that does not move.
    """

    stamp_ns: int
    image: np.ndarray
    K: np.ndarray
    T_world_camera: np.ndarray


@dataclass(frozen=True)
class KeyframeLimits:
    """
    What makes an earlier image useful.

    :param min_baseline_m: shortest distance of the two places, metres.
    :param max_rotation_deg: largest turn between them, degrees.
    :param max_age_s: longest time between them, seconds.
    :param target_parallax_px: parallax that is aimed at, pixels.
    """

    min_baseline_m: float
    max_rotation_deg: float
    max_age_s: float
    target_parallax_px: float


class Motion(NamedTuple):
    """
    Motion from a new view to a keyframe.

    :param keyframe: the earlier view.
    :param T_key_new: (4, 4), takes points of the new camera into that of the keyframe.
    :param baseline_m: distance of the two places, metres.
    :param rotation_deg: turn between them, degrees.
    """

    keyframe: View
    T_key_new: np.ndarray
    baseline_m: float
    rotation_deg: float


class Keyframes:
    """
    Some of the last views; for each new one it chooses that with the best baseline.

    A longer baseline gives more parallax, so a more exact depth, but images that have less in
    common. The shortest is taken that promises ``target_parallax_px``, going by what the last
    match had for a metre.

    :param capacity: views that are kept; the newest, at distances of a quarter of what is
        useful, so that they reach twice as far as is aimed at.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._kept: deque[View] = deque(maxlen=capacity)
        self._px_per_m: float | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        """Forget all: the next view starts a new sequence."""
        self._kept.clear()
        self._px_per_m = None

    def choose(self, view: View, limits: KeyframeLimits) -> Motion:
        """
        Choose the keyframe of a view, which must be newer than those that were added.

        :raises MotionError: if there is none; the text says how the camera moved.
        """
        self._forget_old(view, limits)
        if not self._kept:
            raise MotionError(
                f'there is no other image of the last {limits.max_age_s:g} s (max_keyframe_age_s);'
                ' depth comes once the camera has moved')
        motions = [motion_between(view, kept) for kept in self._kept]
        far = [motion for motion in motions if motion.baseline_m >= limits.min_baseline_m]
        if not far:
            raise MotionError(_did_not_move(motions, limits))
        usable = [motion for motion in far if motion.rotation_deg <= limits.max_rotation_deg]
        if not usable:
            least = min(motion.rotation_deg for motion in far)
            raise MotionError(
                f'the camera turned by {least:.1f} degrees or more since all places that are far '
                f'enough away; max_rotation_deg is {limits.max_rotation_deg:g}')
        wanted = self._wanted_m(limits)
        enough = [motion for motion in usable if motion.baseline_m >= wanted]
        if enough:
            return min(enough, key=lambda motion: motion.baseline_m)
        return max(usable, key=lambda motion: motion.baseline_m)

    def learn(self, baseline_m: float, parallax_px: float) -> None:
        """
        Tell what the last match was like.

        :param baseline_m: of its keyframe, metres.
        :param parallax_px: that it had, pixels; NaN if it failed. The next one then starts from
            the shortest baseline: the scene may have come nearer than it was.
        """
        self._px_per_m = max(parallax_px, 0.0) / baseline_m if np.isfinite(parallax_px) else None

    def add(self, view: View, limits: KeyframeLimits) -> None:
        """Keep a view for those to come, unless it is too much like the last one kept."""
        self._forget_old(view, limits)
        if self._kept:
            motion = motion_between(view, self._kept[-1])
            age_s = (view.stamp_ns - self._kept[-1].stamp_ns) / 1e9
            if (PARTS * motion.baseline_m < self._wanted_m(limits)
                    and PARTS * motion.rotation_deg < limits.max_rotation_deg
                    and PARTS * age_s < limits.max_age_s):
                return
        self._kept.append(view)

    def _wanted_m(self, limits: KeyframeLimits) -> float:
        """Baseline to aim at, metres; infinite if there was no parallax at all."""
        if self._px_per_m is None:
            return limits.min_baseline_m
        if self._px_per_m == 0:
            return np.inf
        return max(limits.min_baseline_m, limits.target_parallax_px / self._px_per_m)

    def _forget_old(self, view: View, limits: KeyframeLimits) -> None:
        oldest_ns = view.stamp_ns - limits.max_age_s * 1e9
        while self._kept and self._kept[0].stamp_ns < oldest_ns:
            self._kept.popleft()


def motion_between(view: View, keyframe: View) -> Motion:
    """
    Motion from a view to an earlier one.

    :raises PoseError: if one of the poses is not rigid.
    """
    T = relative_transform(view.T_world_camera, keyframe.T_world_camera)
    # By sine and cosine, since the arc cosine is blind near zero.
    turn = np.array([T[2, 1] - T[1, 2], T[0, 2] - T[2, 0], T[1, 0] - T[0, 1]])
    angle = np.arctan2(np.linalg.norm(turn), np.trace(T[:3, :3]) - 1)
    return Motion(keyframe, T, float(np.linalg.norm(T[:3, 3])), float(np.degrees(angle)))


def _did_not_move(motions: list[Motion], limits: KeyframeLimits) -> str:
    moved = max(motion.baseline_m for motion in motions)
    turned = max(motion.rotation_deg for motion in motions)
    how = (f'the camera only turned, by {turned:.1f} degrees, and moved by {moved:.3f} m'
           if turned >= CLEAR_TURN_DEG else f'the camera stands still: it moved by {moved:.3f} m')
    return (f'{how} in the last {limits.max_age_s:g} s; two views tell depth from '
            f'{limits.min_baseline_m:g} m on (min_baseline_m)')
