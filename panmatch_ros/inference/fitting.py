"""Images made smaller, or padded, and everything measured on them back."""
from dataclasses import dataclass

import cv2
import numpy as np

from ..core.errors import ShapeError
from ..core.image import check_image
from .transform import MEAN, SIZE_MULTIPLE, STD, unit_rgb


@dataclass(frozen=True)
class Shrink:
    """
    Make an image smaller, averaging what becomes one pixel, and results large again.

    The edges of the image stay where they are (pixel areas are scaled, not pixel centres).

    :param size: (height, width) of the images, pixels.
    :param shrunk: (height, width) that they get; the same to leave them as they are.
    """

    size: tuple[int, int]
    shrunk: tuple[int, int]

    @classmethod
    def to_side(cls, size: tuple[int, int], max_side: int) -> 'Shrink':
        """
        Shrink so that no side is longer than a limit.

        :param max_side: pixels; 0 is no limit.
        """
        longest = max(size)
        if not 0 < max_side < longest:
            return cls(size, size)
        height, width = (max(round(length * max_side / longest), 1) for length in size)
        return cls(size, (height, width))

    def forward(self, image: np.ndarray) -> np.ndarray:
        """
        Make an image smaller.

        :param image: as :func:`~panmatch_ros.core.image.check_image` accepts.
        :returns: ``image`` itself if the size stays, else (h, w, 3) float32 RGB in [0, 1].
        """
        if self.shrunk == self.size:
            return image
        return cv2.resize(unit_rgb(image), self.shrunk[::-1], interpolation=cv2.INTER_AREA)

    def inverse_flow(self, flow: np.ndarray) -> np.ndarray:
        """
        Bring a displacement field back.

        :param flow: (h, w, 2) float32, pixels of the smaller image.
        :returns: (H, W, 2) float32, pixels of the image.
        """
        if self.shrunk == self.size:
            return flow
        factors = [self.size[axis] / self.shrunk[axis] for axis in (1, 0)]
        return self.inverse_map(flow) * np.array(factors, np.float32)

    def inverse_map(self, values: np.ndarray) -> np.ndarray:
        """
        Bring values that are no displacements back.

        :param values: (h, w) or (h, w, C) float32.
        :returns: (H, W) or (H, W, C) float32.
        """
        if self.shrunk == self.size:
            return values
        return cv2.resize(values, self.size[::-1], interpolation=cv2.INTER_LINEAR)


class LetterboxTransform:
    """
    Repeat the right and lower edge of an image up to multiples of 112 pixels.

    As :class:`~.transform.StretchTransform`, without a change of aspect: displacements and
    intrinsics stay what they are, and results are cut.

    :param size: (height, width) of the images, pixels.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = (int(size[0]), int(size[1]))
        if min(self.size) < 1:
            raise ShapeError(f'a size must be at least 1 x 1 pixels, got {size}')
        height, width = (-(-length // SIZE_MULTIPLE) * SIZE_MULTIPLE for length in self.size)
        self.stretched = (height, width)
        self.scale = (1.0, 1.0)

    def forward(self, image: np.ndarray) -> np.ndarray:
        """
        Bring an image to the form that the network takes.

        :param image: as :func:`~panmatch_ros.core.image.check_image` accepts.
        :returns: (3, H, W) float32, RGB, normalised as ImageNet, of the padded size.
        :raises ShapeError: if it is no image or has another size.
        """
        check_image(image)
        self._require(image.shape[:2], self.size)
        padded = self.forward_map((unit_rgb(image) - MEAN) / STD)
        return np.ascontiguousarray(padded.transpose(2, 0, 1))

    def forward_flow(self, flow: np.ndarray) -> np.ndarray:
        """(H0, W0, 2) pixels to (H, W, 2) pixels of the padded frame."""
        return self.forward_map(flow)

    def forward_map(self, values: np.ndarray) -> np.ndarray:
        """(H0, W0) or (H0, W0, C) to (H, W) or (H, W, C)."""
        self._require(values.shape[:2], self.size)
        below, right = (wide - length for wide, length in zip(self.stretched, self.size,
                                                              strict=True))
        return np.pad(values, ((0, below), (0, right), *((0, 0),) * (values.ndim - 2)),
                      mode='edge')

    def inverse_flow(self, flow: np.ndarray) -> np.ndarray:
        """(H, W, 2) pixels of the padded frame to (H0, W0, 2) pixels."""
        return self.inverse_map(flow)

    def inverse_map(self, values: np.ndarray) -> np.ndarray:
        """(H, W) or (H, W, C) to (H0, W0) or (H0, W0, C)."""
        self._require(values.shape[:2], self.stretched)
        return np.ascontiguousarray(values[:self.size[0], :self.size[1]])

    def scale_intrinsics(self, K: np.ndarray) -> np.ndarray:
        """Intrinsics of the padded image: the same, as a copy in float64."""
        return np.array(K, np.float64)

    @staticmethod
    def _require(shape: tuple[int, ...], wanted: tuple[int, int]) -> None:
        if tuple(shape) != wanted:
            raise ShapeError(f'height and width must be {wanted}, got {tuple(shape)}')
