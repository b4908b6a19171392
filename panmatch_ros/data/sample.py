"""One annotated image pair, the common form of every dataset, folder and bag."""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import ConfigError, ShapeError

TASKS = ('stereo', 'flow', 'pose', 'homography', 'points')


@dataclass(frozen=True)
class Annotation:
    """
    What is known about a pair; what is not known is None.

    :param disparity: (H, W) float32, pixels, ``x_left - x_right`` of image 0; NaN is unknown.
    :param flow: (H, W, 2) float32, pixels, image 0 to image 1; NaN is unknown.
    :param depth0: (H, W) float32, metres along the optical axis of image 0; NaN is unknown.
    :param depth1: the same of image 1.
    :param non_occluded: (H, W) bool, pixels of image 0 that are visible in image 1.
    :param foreground: (H, W) bool, pixels of moving objects (KITTI 2015).
    :param K0: (3, 3) float64, intrinsics of image 0 at its size, pixels.
    :param K1: (3, 3) float64, intrinsics of image 1.
    :param T_1_0: (4, 4) float64, maps points of camera 0 into camera 1, metres.
    :param homography: (3, 3) float64, maps pixels of image 0 to image 1.
    :param points0: (N, 2) float64, (x, y) in image 0 of marked matches, pixels.
    :param points1: (N, 2) float64, (x, y) in image 1 of marked matches, pixels.
    :param candidates: (4, H, W) disparity or (4, H, W, 2) flow, float32, pixels: the truth of the
        four quarters of every pixel, where it was made at twice the size (Spring). The benchmark
        counts the one that is nearest to the result, see :func:`nearest_truth`.
    :param note: how the truth was read, where that was guessed; for the user.
    :param scale: levels per pixel that an 8-bit disparity image was read with; None elsewhere.
    :param scale_origin: where that scale comes from.
    """

    disparity: np.ndarray | None = None
    flow: np.ndarray | None = None
    depth0: np.ndarray | None = None
    depth1: np.ndarray | None = None
    non_occluded: np.ndarray | None = None
    foreground: np.ndarray | None = None
    K0: np.ndarray | None = None
    K1: np.ndarray | None = None
    T_1_0: np.ndarray | None = None
    homography: np.ndarray | None = None
    points0: np.ndarray | None = None
    points1: np.ndarray | None = None
    candidates: np.ndarray | None = None
    note: str = ''
    scale: float | None = None
    scale_origin: str = ''


def unknown() -> Annotation:
    """Give the annotation of a pair that has none (test splits of benchmarks)."""
    return Annotation()


def nearest_truth(annotation: Annotation, values: np.ndarray) -> np.ndarray:
    """
    Give the truth that a dense result is to be compared with.

    That is the disparity or flow of the annotation; where it has candidates, the one of each
    pixel that is nearest to the result.

    :param annotation: has the disparity or flow of that result.
    :param values: (H, W) disparity or (H, W, 2) flow, float32, pixels; NaN is invalid.
    :returns: same shape, float32; NaN is unknown.
    :raises ShapeError: if the annotation has nothing of that shape.
    """
    truth = annotation.disparity if values.ndim == 2 else annotation.flow
    if truth is None or truth.shape != values.shape:
        known = 'nothing' if truth is None else str(truth.shape)
        raise ShapeError(f'the result has the shape {values.shape}, the truth of it has {known}')
    if annotation.candidates is None:
        return truth
    distance = np.abs(annotation.candidates - values)
    if values.ndim == 3:
        distance = np.hypot(distance[..., 0], distance[..., 1])
    nearest = np.argmin(np.where(np.isnan(distance), np.inf, distance), axis=0)[None]
    index = nearest if values.ndim == 2 else nearest[..., None]
    chosen = np.take_along_axis(annotation.candidates, index, axis=0)[0]
    return np.where(np.isnan(truth), np.nan, chosen).astype(np.float32)


@dataclass(frozen=True)
class Sample:
    """
    Two images and how to read what is known about them; nothing is read before it is needed.

    :param name: unique in its dataset; parts are separated by ``/``.
    :param task: one of ``TASKS``.
    :param image0: left or first image.
    :param image1: right or second image.
    :param annotate: reads the annotation; raises a PanMatchError if a file cannot be used.
    :param dataset: name of the dataset, as ``panmatch evaluate --dataset`` takes it.
    :param submission: path in the submission of the benchmark, without suffix; empty if it
        takes none of this pair.
    :raises ConfigError: if there is no such task.
    """

    name: str
    task: str
    image0: Path
    image1: Path
    annotate: Callable[[], Annotation] = unknown
    dataset: str = 'folder'
    submission: str = ''

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ConfigError(f'task must be one of {", ".join(TASKS)}, got {self.task!r}')
