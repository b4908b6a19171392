"""One annotated image pair, the common form of every dataset, folder and bag."""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.errors import ConfigError

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
    :param note: how the truth was read, where that was guessed; for the user.
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
    note: str = ''


def unknown() -> Annotation:
    """Give the annotation of a pair that has none (test splits of benchmarks)."""
    return Annotation()


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
