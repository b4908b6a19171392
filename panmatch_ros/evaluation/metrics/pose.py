"""Errors of relative camera poses, as SuperGlue and LoFTR report them."""
from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np

from ...core.rigid_motion import require_rigid
from .recall_curve import recall_auc

AUC_LIMITS_DEG = (5.0, 10.0, 20.0)
NO_DIRECTION_DEG = 90.0  # the largest angle between two lines


@dataclass(frozen=True)
class PoseErrors:
    """
    Errors of one relative pose.

    :param rotation_deg: angle of the rotation between the estimate and the truth, degrees;
        infinite if there is no estimate.
    :param translation_deg: angle between the directions of the two translations, degrees, 0 to
        90 as the sign is left open; infinite if there is no estimate.
    """

    rotation_deg: float
    translation_deg: float

    @property
    def pose_deg(self) -> float:
        """The larger of the two, degrees."""
        return max(self.rotation_deg, self.translation_deg)


@dataclass(frozen=True)
class PoseMetrics:
    """
    Errors over many pairs.

    :param pairs: how many there are.
    :param failed: how many have no estimate.
    :param auc_percent: area under the recall curve of the pose error up to each of
        ``AUC_LIMITS_DEG``, percent: AUC@5, AUC@10, AUC@20; NaN without pairs.
    :param median_rotation_deg: median error, degrees; NaN without pairs.
    :param median_translation_deg: the same of the direction of the translation.
    """

    pairs: int
    failed: int
    auc_percent: tuple[float, ...]
    median_rotation_deg: float
    median_translation_deg: float


def pose_errors(T_1_0: np.ndarray | None, truth: np.ndarray) -> PoseErrors:
    """
    Compare a relative pose with the truth.

    As SuperGlue (Sarlin et al., CVPR 2020) and LoFTR do, the sign of the translation is left
    open: an essential matrix does not tell it.

    :param T_1_0: (4, 4) or (3, 4), takes points of camera 0 into camera 1; its translation has
        any length. None: the matcher found no pose.
    :param truth: the true one. If the camera did not move, there is no direction to miss.
    :returns: both errors.
    :raises PoseError: if one is not rigid.
    """
    true = require_rigid(truth, 'truth')
    if T_1_0 is None:
        return PoseErrors(math.inf, math.inf)
    found = require_rigid(T_1_0)
    # |R - R'| is 2 sqrt(2) sin(angle / 2); the arc cosine of the trace loses small angles.
    chord = float(np.linalg.norm(found[:3, :3] - true[:3, :3])) / math.sqrt(8)
    rotation = 2 * math.asin(min(chord, 1.0))
    return PoseErrors(math.degrees(rotation), _angle_of_lines_deg(found[:3, 3], true[:3, 3]))


def pose_metrics(errors: Sequence[PoseErrors]) -> PoseMetrics:
    """
    Sum up the errors of many pairs.

    :param errors: of each pair, failures among them.
    :returns: the areas under the exact recall curve (:func:`~.recall_curve.recall_auc`).
    """
    both = np.array([(each.rotation_deg, each.translation_deg) for each in errors]).reshape(-1, 2)
    poses = both.max(axis=1)
    medians = np.median(both, axis=0) if len(both) else np.full(2, np.nan)
    return PoseMetrics(
        pairs=len(both), failed=int(np.count_nonzero(~np.isfinite(poses))),
        auc_percent=tuple(100 * recall_auc(poses, limit) for limit in AUC_LIMITS_DEG),
        median_rotation_deg=float(medians[0]), median_translation_deg=float(medians[1]))


def _angle_of_lines_deg(found: np.ndarray, true: np.ndarray) -> float:
    if not true.any():
        return 0.0
    if not found.any():
        return NO_DIRECTION_DEG
    across = float(np.linalg.norm(np.cross(found, true)))
    return math.degrees(math.atan2(across, abs(float(found @ true))))
