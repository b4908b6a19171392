"""Matching of two images that do not have one size."""
from dataclasses import dataclass

import cv2
import numpy as np

from ..core.correspondence import lands_inside
from ..core.errors import ShapeError
from ..core.image import check_image
from ..core.pixels import pixel_grid, resize_points
from ..core.types import Displacement
from .matcher import Matcher


@dataclass(frozen=True)
class FrameFit:
    """
    Bring an image into a frame of another size, and what was matched to it back.

    The image keeps its aspect (but for the rounding to whole pixels), takes the largest size
    that fits and stands at the top left; its right or lower edge is repeated up to the frame.

    :param size: (height, width) of the image, pixels.
    :param frame: (height, width) that it gets, pixels.
    :raises ShapeError: if a side is not positive.
    """

    size: tuple[int, int]
    frame: tuple[int, int]

    def __post_init__(self) -> None:
        if min(*self.size, *self.frame) < 1:
            raise ShapeError(f'sizes must be at least 1 x 1 pixels, got {self.size} and '
                             f'{self.frame}')

    @property
    def resized(self) -> tuple[int, int]:
        """(height, width) of the image in the frame, pixels."""
        scale = min(wide / length for wide, length in zip(self.frame, self.size, strict=True))
        height, width = (min(max(round(length * scale), 1), wide)
                         for wide, length in zip(self.frame, self.size, strict=True))
        return height, width

    def forward(self, image: np.ndarray) -> np.ndarray:
        """
        Bring an image into the frame.

        :param image: as :func:`~panmatch_ros.core.image.check_image` accepts.
        :returns: of the size of the frame; ``image`` itself if it has that.
        :raises ShapeError: if it is no image or has another size.
        """
        check_image(image)
        if image.shape[:2] != self.size:
            raise ShapeError(f'the image must be {self.size}, got {image.shape[:2]}')
        if self.size == self.frame:
            return image
        if image.dtype == np.float16:  # which cv2 does not resize
            image = image.astype(np.float32)
        height, width = self.resized
        is_smaller = height < self.size[0] or width < self.size[1]
        resized = cv2.resize(image, (width, height),
                             interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR)
        return cv2.copyMakeBorder(resized, 0, self.frame[0] - height, 0, self.frame[1] - width,
                                  cv2.BORDER_REPLICATE)

    def inverse_flow(self, flow: np.ndarray) -> np.ndarray:
        """
        Let a displacement field end in the image instead of in the frame.

        :param flow: (H, W, 2) float32 on any grid; ``p + flow(p)`` in pixels of the frame.
        :returns: (H, W, 2) float32; ``p + flow(p)`` in pixels of the image.
        :raises ShapeError: if ``flow`` is not (H, W, 2).
        """
        if flow.ndim != 3 or flow.shape[2] != 2:
            raise ShapeError(f'flow must be (H, W, 2), got {flow.shape}')
        grid = np.stack(np.broadcast_arrays(*pixel_grid(*flow.shape[:2])), axis=-1)
        return resize_points(grid + flow, self.resized, self.size) - grid


def match_any_sizes(matcher: Matcher, image0: np.ndarray, image1: np.ndarray) -> Displacement:
    """
    Match every pixel of image 0 to image 1, whatever their sizes.

    :param matcher: what computes.
    :param image0: first image.
    :param image1: second image. If it has another size it is brought into the frame of image 0
        as :class:`FrameFit` says.
    :returns: displacement on the grid of image 0; ``p + flow(p)`` is in pixels of image 1 as it
        was given. Of unequal images the confidence is 0 where that is outside.
    :raises ShapeError: if an image has a form that is not accepted.
    :raises ImageError: as :meth:`Matcher.match`.
    """
    check_image(image0, 'image0')
    check_image(image1, 'image1')
    (height0, width0), (height1, width1) = image0.shape[:2], image1.shape[:2]
    if (height0, width0) == (height1, width1):
        return matcher.match(image0, image1)
    fit = FrameFit((height1, width1), (height0, width0))
    found = matcher.match(image0, fit.forward(image1))
    flow = fit.inverse_flow(found.flow)
    confidence = found.confidence * lands_inside(flow, fit.size)
    return Displacement(flow, confidence)
