"""
Scores of a displacement field by what is computed from it: poses, homographies, marked points.

Of the field the most confident pixel of each cell of a grid is a match, at most ``MAX_MATCHES``,
as a user of `panmatch match` gets them. A geometry that cannot be estimated is no failure of
the program but a result: its error is infinite, which is written as no number.
"""
import math

import cv2
import numpy as np

from ..core.correspondence import correspondences_from_displacement
from ..core.errors import PoseError
from ..core.two_view import relative_pose
from ..core.types import Correspondences, Displacement
from ..data.sample import Annotation
from .metrics.homography import MATCH_LIMITS_PX, corner_error, matching_accuracy
from .metrics.points import PIXEL_LIMITS, follow, point_metrics
from .metrics.pose import pose_errors
from .prediction import Prediction
from .score_metrics import pck_name

MAX_MATCHES = 2000
MIN_CONFIDENCE = 0.5
HOMOGRAPHY_THRESHOLD_PX = 3.0
FEWEST_FOR_HOMOGRAPHY = 4
ACCURACY_SHOWN_PX = (1.0, 3.0, 5.0)
SEED = 0


def matches_of(prediction: Prediction) -> Correspondences:
    """
    Choose the matches that a geometry is estimated from.

    :param prediction: flow.
    """
    displacement = Displacement(prediction.values, prediction.confidence)
    return correspondences_from_displacement(displacement, min_confidence=MIN_CONFIDENCE,
                                             max_matches=MAX_MATCHES)


def sparse_numbers(task: str, prediction: Prediction,
                   annotation: Annotation) -> dict[str, float]:
    """
    Give the numbers of what is computed from a flow field.

    :param task: of the pair.
    :param prediction: flow.
    :param annotation: of the pair.
    :returns: by the names that ``results.json`` has; none if the truth of the task is not known.
    :raises PanMatchError: if the truth cannot be used.
    """
    if task == 'pose' and annotation.T_1_0 is not None and annotation.K0 is not None \
            and annotation.K1 is not None:
        return score_pose(prediction, annotation.K0, annotation.K1, annotation.T_1_0)
    if task == 'homography' and annotation.homography is not None:
        return score_homography(prediction, annotation.homography)
    if task == 'points' and annotation.points0 is not None and annotation.points1 is not None:
        return score_points(prediction, annotation.points0, annotation.points1)
    return {}


def score_pose(prediction: Prediction, K0: np.ndarray, K1: np.ndarray,
               truth: np.ndarray) -> dict[str, float]:
    """
    Estimate the motion of the camera and compare it with the truth.

    :param prediction: flow.
    :param K0: (3, 3), intrinsics of image 0, pixels.
    :param K1: (3, 3), intrinsics of image 1.
    :param truth: (4, 4), takes points of camera 0 into camera 1.
    :raises CalibrationError: if an intrinsic matrix is none.
    """
    matches = matches_of(prediction)
    try:
        found = relative_pose(matches, K0, K1, seed=SEED)
    except PoseError:
        errors, inliers = pose_errors(None, truth), 0
    else:
        errors = pose_errors(found.T_1_0, truth)
        inliers = int(np.count_nonzero(found.inliers))
    return {'pose_error_deg': errors.pose_deg, 'rotation_error_deg': errors.rotation_deg,
            'translation_error_deg': errors.translation_deg, 'matches': len(matches),
            'inliers': inliers}


def score_homography(prediction: Prediction, truth: np.ndarray) -> dict[str, float]:
    """
    Estimate the homography and compare it with the truth.

    :param prediction: flow.
    :param truth: (3, 3), takes pixels of image 0 to image 1.
    """
    matches = matches_of(prediction)
    accuracy = matching_accuracy(matches.points0, matches.points1, truth)
    shares = dict(zip(MATCH_LIMITS_PX, accuracy.percent, strict=True))
    return {'corner_error_px': corner_error(estimate_homography(matches), truth, prediction.size),
            'matches': len(matches),
            **{f'matching_accuracy_{limit:g}_percent': shares[limit]
               for limit in ACCURACY_SHOWN_PX}}


def estimate_homography(matches: Correspondences) -> np.ndarray | None:
    """
    Estimate a homography (RANSAC of OpenCV, always with the same draws).

    :returns: (3, 3) float64; None if the matches tell none.
    """
    if len(matches) < FEWEST_FOR_HOMOGRAPHY:
        return None
    cv2.setRNGSeed(SEED)
    homography, _ = cv2.findHomography(matches.points0, matches.points1, cv2.RANSAC,
                                       HOMOGRAPHY_THRESHOLD_PX)
    return homography


def score_points(prediction: Prediction, points0: np.ndarray,
                 points1: np.ndarray) -> dict[str, float]:
    """
    Follow marked points and compare with where they are.

    :param prediction: flow.
    :param points0: (N, 2), marked in image 0, pixels.
    :param points1: (N, 2), the same in image 1.
    :raises ImageError: if there are no points.
    """
    metrics = point_metrics(follow(points0, prediction.values), points1, prediction.size1)
    shares = zip(PIXEL_LIMITS, metrics.pck_px_percent, strict=True)
    return {**{pck_name(limit): share for limit, share in shares},
            'mean_accuracy_percent': metrics.mean_accuracy_percent,
            'median_error_px': metrics.median_px if metrics.median_px < math.inf else math.nan,
            'points': metrics.points}
