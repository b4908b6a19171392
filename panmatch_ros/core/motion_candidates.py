"""Candidates for the motion between two cameras, and what tells them apart."""
import cv2
import numpy as np

from .rigid_motion import cross_matrix, sampson

RANSAC_PROBABILITY = 0.99999
RANSAC_ITERATIONS = 5000
PLANE_THRESHOLDS = 3.0       # a plane may be rough, in thresholds of the epipolar lines
SMALLEST_TRANSLATION = 1e-6  # of a plane at distance one
ROTATION_TRIALS = 300
ROTATION_POINTS = 1000       # at most so many test a rotation
REFINEMENTS = 3              # times that inliers of a rotation are chosen anew


def motions_by_points(rays0: np.ndarray, rays1: np.ndarray, focal_px: float,
                    threshold: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """
    Find a motion by RANSAC with the five-point method.

    :param rays0: (N, 3) float64, ``K0^-1 p``, third component one.
    :param rays1: (N, 3) float64.
    :param focal_px: what makes pixels of both cameras.
    :param threshold: distance of inliers from the epipolar geometry, in focal lengths.
    :returns: the best rotation and unit translation, or nothing.
    """
    camera = np.diag([focal_px, focal_px, 1.0])
    try:
        # RANSAC in cv2 starts from the same random state in every call.
        matrices, _ = cv2.findEssentialMat(
            rays0[:, :2] * focal_px, rays1[:, :2] * focal_px, camera, method=cv2.RANSAC,
            prob=RANSAC_PROBABILITY, threshold=threshold * focal_px,
            maxIters=RANSAC_ITERATIONS)
    except cv2.error:
        return []
    motions: list[tuple[np.ndarray, np.ndarray]] = []
    for E in [] if matrices is None else matrices.reshape(-1, 3, 3):  # several are stacked
        if np.isfinite(E).all():
            R0, R1, t = cv2.decomposeEssentialMat(E)
            motions += [(R, sign * t.ravel()) for R in (R0, R1) for sign in (1, -1)]
    return sorted(motions, key=lambda each: score(each[0], each[1], rays0, rays1,
                                                  threshold))[-1:]


def motions_by_plane(rays0: np.ndarray, rays1: np.ndarray, focal_px: float,
                      threshold: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """
    Find the motions that the plane with most points allows.

    A plane, or a small motion, has two essential matrices that explain all matches; only with
    the right one all points are before both cameras, and RANSAC by points may find the other.

    :returns: rotations and unit translations; parameters as :func:`motions_by_points`.
    """
    try:
        H, _ = cv2.findHomography(rays0[:, :2] * focal_px, rays1[:, :2] * focal_px, cv2.RANSAC,
                                  PLANE_THRESHOLDS * threshold * focal_px)
        if H is None or not np.isfinite(H).all():
            return []
        _, rotations, translations, _ = cv2.decomposeHomographyMat(
            H, np.diag([focal_px, focal_px, 1.0]))
    except cv2.error:
        return []
    lengths = [np.linalg.norm(t) for t in translations]
    return [(R, sign * t.ravel() / length)
            for R, t, length in zip(rotations, translations, lengths, strict=True)
            for sign in (1, -1) if length > SMALLEST_TRANSLATION]


def agreeing(R: np.ndarray, t: np.ndarray, rays0: np.ndarray, rays1: np.ndarray,
             threshold: float) -> np.ndarray:
    """(N,) bool, whether a match lies on its epipolar lines and before both cameras."""
    near = np.abs(sampson(rays0, rays1, cross_matrix(t) @ R)) <= threshold
    return near & in_front(R, t, rays0, rays1)


def score(R: np.ndarray, t: np.ndarray, rays0: np.ndarray, rays1: np.ndarray,
          threshold: float) -> float:
    """Count the matches that agree, each the more the closer it is."""
    error = sampson(rays0, rays1, cross_matrix(t) @ R) / threshold
    return float(np.sum((1 - error ** 2)[agreeing(R, t, rays0, rays1, threshold)]))


def in_front(R: np.ndarray, t: np.ndarray, rays0: np.ndarray,
             rays1: np.ndarray) -> np.ndarray:
    """(N,) bool, whether the rays meet before both cameras (or are parallel)."""
    turned = rays0 @ R.T
    normal = np.cross(rays1, turned)
    depth0 = -np.sum(np.cross(rays1, t) * normal, axis=1)    # times |normal|^2
    depth1 = -np.sum(np.cross(turned, t) * normal, axis=1)
    return (depth0 >= 0) & (depth1 >= 0)


def rotation_error(rays0: np.ndarray, rays1: np.ndarray, limit: float,
                   random: np.random.Generator) -> np.ndarray:
    """(N,) distance in image 1 from the rotation that explains most, in focal lengths."""
    unit0 = rays0 / np.linalg.norm(rays0, axis=1, keepdims=True)
    unit1 = rays1 / np.linalg.norm(rays1, axis=1, keepdims=True)
    tested = random.permutation(len(rays0))[:ROTATION_POINTS]

    def errors(R: np.ndarray, chosen: np.ndarray | slice) -> np.ndarray:
        turned = rays0[chosen] @ R.T
        depth = np.where(turned[:, 2:] > 1e-9, turned[:, 2:], np.nan)
        error = np.linalg.norm(turned[:, :2] / depth - rays1[chosen, :2], axis=1)
        return np.nan_to_num(error, nan=np.inf)

    best_count, best = -1, np.eye(3)
    for _ in range(ROTATION_TRIALS):
        pair = random.choice(len(rays0), 2, replace=False)
        R = _rotation_between(unit0[pair], unit1[pair])
        count = int(np.count_nonzero(errors(R, tested) <= limit))
        if count > best_count:
            best_count, best = count, R
    for _ in range(REFINEMENTS):
        explained = errors(best, slice(None)) <= limit
        if np.count_nonzero(explained) < 2:
            break
        best = _rotation_between(unit0[explained], unit1[explained])
    return errors(best, slice(None))


def _rotation_between(unit0: np.ndarray, unit1: np.ndarray) -> np.ndarray:
    """Rotation that takes unit vectors to others best, in the sense of least squares."""
    U, _, Vt = np.linalg.svd(unit1.T @ unit0)
    return U @ np.diag([1, 1, np.linalg.det(U @ Vt)]) @ Vt
