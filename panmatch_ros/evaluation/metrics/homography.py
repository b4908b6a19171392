"""Errors of homographies (HPatches): corners, and the accuracy of the matches."""
from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np

from ...core.errors import ConfigError, ShapeError
from .recall_curve import recall_auc, share_within

AUC_LIMITS_PX = (3.0, 5.0, 10.0)
CORRECT_LIMITS_PX = (1.0, 3.0, 5.0)
MATCH_LIMITS_PX = tuple(float(limit) for limit in range(1, 11))


@dataclass(frozen=True)
class HomographyMetrics:
    """
    Errors over many pairs; NaN without pairs.

    :param pairs: how many there are.
    :param failed: how many have no homography.
    :param auc_percent: area under the recall curve of the mean corner error up to each of
        ``AUC_LIMITS_PX``, percent: AUC@3, AUC@5, AUC@10.
    :param correct_percent: share of pairs whose mean corner error is not above each of
        ``CORRECT_LIMITS_PX``, percent.
    """

    pairs: int
    failed: int
    auc_percent: tuple[float, ...]
    correct_percent: tuple[float, ...]


@dataclass(frozen=True)
class MatchingAccuracy:
    """
    How many matches agree with a known homography.

    :param matches: how many there are; of several pairs their sum.
    :param percent: for each of ``MATCH_LIMITS_PX`` the share of matches that are not further
        off, percent; 0 without any match. Over several pairs: the mean, "MMA".
    """

    matches: int
    percent: tuple[float, ...]


def corner_error(homography: np.ndarray | None, truth: np.ndarray, size: tuple[int, int],
                 shorter_side_px: float | None = None) -> float:
    """
    Mean distance of the four corners of image 0 under a homography from the true places.

    As in SuperPoint (DeTone et al., 2018) and LoFTR (Sun et al., CVPR 2021), the corners are the
    centres of the corner pixels.

    :param homography: (3, 3), takes pixels of image 0 to image 1; None: there is none.
    :param truth: (3, 3), the true one.
    :param size: (height, width) of image 0, pixels.
    :param shorter_side_px: count pixels of images whose shorter side has this length; LoFTR has
        480. Not given, they are pixels of image 1.
    :returns: pixels; infinite if there is no homography or it takes a corner to infinity.
    :raises ShapeError: if a homography is not (3, 3).
    :raises ConfigError: if the truth takes a corner to infinity, or ``shorter_side_px`` is not
        positive.
    """
    height, width = size
    corners = np.array([(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)], float)
    true = transfer(corners, truth)
    if not np.isfinite(true).all():
        raise ConfigError('the true homography takes a corner of the image to infinity')
    if shorter_side_px is not None and not shorter_side_px > 0:
        raise ConfigError(f'shorter_side_px must be positive, got {shorter_side_px}')
    if homography is None:
        return math.inf
    found = transfer(corners, homography)
    if not np.isfinite(found).all():
        return math.inf
    scale = 1.0 if shorter_side_px is None else shorter_side_px / min(size)
    return float(np.linalg.norm(found - true, axis=1).mean()) * scale


def homography_metrics(corner_errors_px: Sequence[float]) -> HomographyMetrics:
    """
    Sum up the corner errors of many pairs.

    :param corner_errors_px: of :func:`corner_error`, failures (infinite) among them.
    :returns: the areas under the exact recall curve (:func:`~.recall_curve.recall_auc`), and
        the shares of SuperPoint.
    """
    errors = np.asarray(corner_errors_px, np.float64)
    return HomographyMetrics(
        pairs=errors.size, failed=int(np.count_nonzero(~np.isfinite(errors))),
        auc_percent=tuple(100 * recall_auc(errors, limit) for limit in AUC_LIMITS_PX),
        correct_percent=tuple(100 * share_within(errors, limit) for limit in CORRECT_LIMITS_PX))


def matching_accuracy(points0: np.ndarray, points1: np.ndarray,
                      homography: np.ndarray) -> MatchingAccuracy:
    """
    Compare matches with a known homography.

    The accuracy of D2-Net (Dusmanu et al., CVPR 2019) on HPatches.

    :param points0: (N, 2), (x, y) in image 0, pixels.
    :param points1: (N, 2), their matches in image 1; not finite is wrong.
    :param homography: (3, 3), the true one.
    :returns: shares of right matches.
    :raises ShapeError: if the points are not (N, 2) of one length.
    """
    if points0.ndim != 2 or points0.shape[1:] != (2,) or points0.shape != points1.shape:
        raise ShapeError(f'points0 and points1 must be (N, 2) of one length, got {points0.shape} '
                         f'and {points1.shape}')
    if not len(points0):
        return MatchingAccuracy(0, (0.0,) * len(MATCH_LIMITS_PX))
    errors = np.linalg.norm(transfer(points0, homography) - points1, axis=1)
    return MatchingAccuracy(len(errors), tuple(100 * float(np.mean(errors <= limit))
                                               for limit in MATCH_LIMITS_PX))


def mean_matching_accuracy(parts: Sequence[MatchingAccuracy]) -> MatchingAccuracy:
    """
    Average over pairs, each with the same weight: "MMA".

    :param parts: at least one.
    """
    shares = np.mean([part.percent for part in parts], axis=0)
    return MatchingAccuracy(sum(part.matches for part in parts),
                            tuple(float(share) for share in shares))


def transfer(points: np.ndarray, homography: np.ndarray) -> np.ndarray:
    """
    Take points to the other image.

    :param points: (N, 2), (x, y), pixels.
    :param homography: (3, 3), of any scale.
    :returns: (N, 2) float64; not finite at infinity.
    :raises ShapeError: if the homography is not (3, 3).
    """
    H = np.asarray(homography, np.float64)
    if H.shape != (3, 3):
        raise ShapeError(f'a homography must be (3, 3), got {H.shape}')
    moved = np.column_stack([points, np.ones(len(points))]) @ H.T
    with np.errstate(divide='ignore', invalid='ignore'):
        return moved[:, :2] / moved[:, 2:]
