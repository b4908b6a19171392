"""The pose of a match, or why there is none: found, reported, and made a message."""
from collections.abc import Mapping
from dataclasses import dataclass
import time
from types import SimpleNamespace
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped
import numpy as np
from std_msgs.msg import Header

from ..core.errors import CalibrationError, PoseError
from ..core.quaternion import quaternion_from_rotation
from ..core.two_view import RelativePose, relative_pose
from ..core.types import Correspondences
from .diagnostics import ThrottledLog
from .match_references import View

PATIENCE_S = 1.0  # a camera_info may come after the first images


@dataclass(frozen=True)
class PoseResult:
    """
    What the matches of two views tell of the cameras.

    :param matches: how many there were.
    :param pose: None if they do not tell it.
    :param inliers: how many agree with one motion, if that much is known.
    :param problem: why there is no pose; empty if there is one.
    :param is_uncalibrated: whether that is for the lack of a calibration.
    """

    matches: int
    pose: RelativePose | None = None
    inliers: int | None = None
    problem: str = ''
    is_uncalibrated: bool = False

    def values(self) -> dict[str, str]:
        """Numbers for diagnostics; those that are not known are empty."""
        pose, inliers = self.pose, self.inliers
        return {
            'matches': f'{self.matches}',
            'inliers': '' if inliers is None else f'{inliers}',
            'inlier_ratio': '' if inliers is None else f'{inliers / self.matches:.3f}',
            'epipolar_error_px': f'{pose.error_px:.3f}' if pose else '',
            'parallax_deg': f'{pose.parallax_deg:.3f}' if pose else '',
            'direction_std_deg': f'{pose.direction_std_deg:.3f}' if pose else '',
        }


def find_pose(found: Correspondences, first: View, second: View,
              settings: SimpleNamespace) -> PoseResult:
    """
    Estimate the motion between two views, or say why that cannot be.

    :param settings: parameters of the node.
    """
    try:
        K0, K1 = first.camera().K, second.camera().K
    except CalibrationError as error:
        return PoseResult(len(found), problem=str(error), is_uncalibrated=True)
    try:
        pose = relative_pose(found, K0, K1, threshold_px=settings.ransac_threshold_px)
    except PoseError as error:
        return PoseResult(len(found), problem=str(error))
    inliers = int(np.count_nonzero(pose.inliers))
    for name, value in (('min_inliers', inliers), ('min_inlier_ratio', inliers / len(found))):
        if value < getattr(settings, name):
            return PoseResult(len(found), inliers=inliers, problem=(
                f'only {inliers} of {len(found)} matches agree with a pose, and {name} is '
                f'{getattr(settings, name):g}'))
    return PoseResult(len(found), pose, inliers)


def pose_message(header: Header, pose: RelativePose) -> PoseStamped:
    """
    Describe camera 1 in the frame of camera 0.

    :param header: names the frame of camera 0.
    :param pose: its translation has length one.
    """
    R = pose.T_1_0[:3, :3]
    message = PoseStamped(header=header)
    position, orientation = message.pose.position, message.pose.orientation
    position.x, position.y, position.z = (float(value) for value in -R.T @ pose.T_1_0[:3, 3])
    orientation.x, orientation.y, orientation.z, orientation.w = (
        float(value) for value in quaternion_from_rotation(R.T))
    return message


def status_message(header: Header, name: str, result: PoseResult,
                   details: Mapping[str, str]) -> DiagnosticArray:
    """
    Say how good a pose is, or why there is none.

    :param header: of the image that it belongs to.
    :param name: of the status.
    :param details: further values.
    """
    status = DiagnosticStatus(name=name, level=DiagnosticStatus.OK)
    status.message = f'{result.inliers} of {result.matches} matches agree'
    if result.pose is None:
        status.level, status.message = DiagnosticStatus.WARN, result.problem
    status.values = [KeyValue(key=key, value=value)
                     for key, value in {**result.values(), **details}.items()]
    return DiagnosticArray(header=header, status=[status])


class PoseReport:
    """
    Says why there is no pose, in the log and for /diagnostics.

    That something is missing or wrong with a calibration is said once, after a moment in which it
    may still come; all other reasons with the first frame, and again every few seconds.

    :param log: of the node.
    """

    def __init__(self, log: ThrottledLog) -> None:
        self._log = log
        self._result: PoseResult | None = None
        self._uncalibrated_s: float | None = None  # since when, monotonic clock
        self._said = ''

    def note(self, result: PoseResult | None) -> None:
        """
        Take the result of a frame; called in the worker thread.

        :param result: None if nobody wants the pose.
        """
        self._result = result
        if result is None or not result.is_uncalibrated:
            self._uncalibrated_s = None
        elif self._uncalibrated_s is None:
            self._uncalibrated_s = time.monotonic()
        if result is not None and result.problem and not result.is_uncalibrated:
            self._log.warning(f'no pose: {result.problem}')

    def check(self) -> None:
        """Say what is wrong with the calibration, once; called a few times a second."""
        since, result = self._uncalibrated_s, self._result
        if (since is not None and result is not None and result.problem != self._said
                and time.monotonic() - since > PATIENCE_S):
            self._said = result.problem
            self._log.warning(f'no pose: {result.problem}')

    @property
    def problem(self) -> str:
        """Why the last frame has no pose; empty if it has one."""
        result = self._result
        return f'no pose: {result.problem}' if result is not None and result.problem else ''

    def values(self) -> dict[str, Any]:
        """Numbers of the last pose, for /diagnostics."""
        result = self._result
        return PoseResult(0).values() | {'matches': ''} if result is None else result.values()
