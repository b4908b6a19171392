"""
The results of matching.

Conventions of the whole package: the centre of the top-left pixel is (0, 0); ``flow[..., 0]``
is +x (right) and ``flow[..., 1]`` is +y (down); a pixel ``p`` of image 0 is found at
``p + flow(p)`` in image 1; invalid is NaN.
"""
from dataclasses import dataclass

import numpy as np

from .errors import ShapeError


@dataclass(frozen=True)
class Displacement:
    """
    Dense 2-D displacement from image 0 to image 1, on the pixel grid of image 0.

    :param flow: (H, W, 2) float32, pixels; NaN is invalid.
    :param confidence: (H, W) float32 in [0, 1]; 0 where the flow is invalid.
    :raises ShapeError: if shapes or dtypes differ from that.
    """

    flow: np.ndarray
    confidence: np.ndarray

    def __post_init__(self) -> None:
        require(self.flow, 'flow', np.float32, (None, None, 2))
        require(self.confidence, 'confidence', np.float32, self.flow.shape[:2])

    @property
    def valid(self) -> np.ndarray:
        """(H, W) bool, where the flow is known."""
        return np.isfinite(self.flow[..., 0]) & np.isfinite(self.flow[..., 1])


@dataclass(frozen=True)
class Disparity:
    """
    Dense disparity of a rectified pair, on the pixel grid of the left image.

    :param disparity: (H, W) float32, pixels, ``x_left - x_right``; NaN is invalid.
    :param confidence: (H, W) float32 in [0, 1]; 0 where the disparity is invalid.
    :raises ShapeError: if shapes or dtypes differ from that.
    """

    disparity: np.ndarray
    confidence: np.ndarray

    def __post_init__(self) -> None:
        require(self.disparity, 'disparity', np.float32, (None, None))
        require(self.confidence, 'confidence', np.float32, self.disparity.shape)

    @property
    def valid(self) -> np.ndarray:
        """(H, W) bool, where the disparity is known."""
        return np.isfinite(self.disparity)


@dataclass(frozen=True)
class Correspondences:
    """
    Sparse matches between two images.

    :param points0: (N, 2) float32, (x, y) in image 0, pixels.
    :param points1: (N, 2) float32, (x, y) in image 1, pixels.
    :param scores: (N,) float32 in [0, 1], best first.
    :raises ShapeError: if shapes or dtypes differ from that.
    """

    points0: np.ndarray
    points1: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        require(self.points0, 'points0', np.float32, (None, 2))
        require(self.points1, 'points1', np.float32, self.points0.shape)
        require(self.scores, 'scores', np.float32, self.points0.shape[:1])

    def __len__(self) -> int:
        return len(self.scores)


def require(array: np.ndarray, name: str, dtype: type,
            shape: tuple[int | None, ...]) -> None:
    """
    Check dtype and shape of an array; ``None`` in ``shape`` takes any length.

    :raises ShapeError: with the expected and the given form.
    """
    fits = (isinstance(array, np.ndarray) and array.dtype == dtype and array.ndim == len(shape)
            and all(want is None or want == have
                    for want, have in zip(shape, array.shape, strict=True)))
    if fits:
        return
    wanted = ', '.join('any' if length is None else str(length) for length in shape)
    given = (f'{array.dtype} {array.shape}' if isinstance(array, np.ndarray)
             else type(array).__name__)
    raise ShapeError(f'{name} must be {np.dtype(dtype).name} ({wanted}), got {given}')
