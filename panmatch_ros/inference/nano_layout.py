"""From images to what the nano network sees, and back."""
from dataclasses import dataclass
from functools import lru_cache
import logging
import math

import cv2
import numpy as np

from ..core.errors import ImageError
from ..core.image import to_rgb
from ..models.nano_config import HEIGHT_MULTIPLE, WIDTH_MULTIPLE
from .nano_config import LARGEST_IMAGE, NanoOptions

SMALLEST_PX = 8       # an image has at least so many pixels in each direction
DETAIL = 1.5          # size at which details are matched, of that of the image
COARSE_CELL = 16      # pixels of the image that share a first estimate
STEREO_CELL = 4       # likewise in stereo

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NanoLayout:
    """
    How images of one size go through the network.

    :param size: (height, width) of the image, pixels.
    :param scaled: (height, width) that it is resized to, pixels.
    """

    size: tuple[int, int]
    scaled: tuple[int, int]

    @property
    def padded(self) -> tuple[int, int]:
        """(height, width) that the network sees: the right and lower edge are repeated."""
        height, width = self.scaled
        return (max(-(-height // HEIGHT_MULTIPLE) * HEIGHT_MULTIPLE, WIDTH_MULTIPLE),
                -(-width // WIDTH_MULTIPLE) * WIDTH_MULTIPLE)

    @property
    def factors(self) -> tuple[float, float]:
        """Size of what is matched by that of the image, along y and x."""
        return self.scaled[0] / self.size[0], self.scaled[1] / self.size[1]

    def halved(self) -> 'NanoLayout':
        """Give the layout of half the size, for large motion."""
        height, width = self.scaled
        return NanoLayout(self.size, (-(-height // 2), -(-width // 2)))

    def forward(self, image: np.ndarray) -> np.ndarray:
        """
        Bring an image to the form that the network takes.

        :param image: of ``size``, as :func:`~panmatch_ros.core.image.check_image` accepts.
        :returns: (1, 3, h, w) float32 RGB in [0, 1], of the size ``padded``.
        """
        pixels = to_rgb(image)
        height, width = self.scaled
        if self.scaled != self.size:
            method = cv2.INTER_AREA if height < self.size[0] else cv2.INTER_CUBIC
            pixels = cv2.resize(pixels, (width, height), interpolation=method)
        rows, columns = self.padded
        if self.padded != self.scaled:
            pixels = cv2.copyMakeBorder(pixels, 0, rows - height, 0, columns - width,
                                        cv2.BORDER_REPLICATE)
        tensor = np.empty((1, 3, rows, columns), np.float32)
        for channel, plane in enumerate(cv2.split(pixels)):
            np.multiply(plane, np.float32(1 / 255), out=tensor[0, channel])
        return tensor

    def inverse_flow(self, flow: np.ndarray) -> np.ndarray:
        """
        Bring a flow back to the image.

        :param flow: (1, 2, h, w) of the network.
        :returns: (H, W, 2) float32, pixels of the image.
        """
        height, width = self.scaled
        field = cv2.merge([np.ascontiguousarray(each[:height, :width]) for each in flow[0]])
        if self.scaled != self.size:
            field = cv2.resize(field, self.size[::-1], interpolation=cv2.INTER_LINEAR)
            scale_y, scale_x = self.factors
            return np.asarray(field * np.array([1 / scale_x, 1 / scale_y], np.float32))
        return field

    def inverse_map(self, values: np.ndarray) -> np.ndarray:
        """
        Bring a map back to the image.

        :param values: (1, 1, h, w) of the network.
        :returns: (H, W) float32.
        """
        field = np.ascontiguousarray(values[0, 0, :self.scaled[0], :self.scaled[1]])
        if self.scaled != self.size:
            field = cv2.resize(field, self.size[::-1], interpolation=cv2.INTER_LINEAR)
        return field


@lru_cache(maxsize=8)
def lay_out(size: tuple[int, int], options: NanoOptions) -> NanoLayout:
    """
    Choose how images of a size are matched; says once if they are made smaller.

    :param size: (height, width), pixels.
    :raises ImageError: if they are too small or too large.
    """
    height, width = size
    if min(size) < SMALLEST_PX:
        raise ImageError(f'the nano network needs images of at least {SMALLEST_PX} x '
                         f'{SMALLEST_PX} pixels, got {width} x {height}')
    if height * width > LARGEST_IMAGE:
        raise ImageError(f'the images have {width} x {height} pixels, more than the limit of '
                         f'{LARGEST_IMAGE}: resize them')
    wanted = DETAIL if options.detail else 1.0
    if options.max_side:
        wanted = min(wanted, options.max_side / max(size))
    scale = min(wanted, math.sqrt(options.max_pixels / (height * width)))
    if 1 < scale < wanted:
        scale = 1.0  # a little more detail is not worth another grid of pixels
    if scale < wanted:
        log.warning('images of %d x %d pixels are matched at %.2g of their size instead of '
                    '%.2g: the network takes about %d pixels at most (max_pixels)', width, height,
                    scale, wanted, options.max_pixels)
    scaled = size if scale == 1 else (max(round(height * scale), 1), max(round(width * scale), 1))
    layout = NanoLayout(size, scaled)
    return NanoLayout(size, layout.padded) if options.fit == 'stretch' else layout


def best_of_cells(values: np.ndarray, confidence: np.ndarray, cells: tuple[int, int],
                  length: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Take the most confident pixel of each cell.

    A mean would lie between two motions; this is one of them.

    :param values: (C, h, w).
    :param confidence: (h, w).
    :param cells: (rows, columns); what is missing for them repeats the last pixels.
    :param length: edge of a cell, pixels.
    :returns: values (C, rows, columns), and their confidence (rows, columns).
    """
    rows, columns = cells
    channels = len(values)
    stacked = np.concatenate([values, confidence[None]])[:, :rows * length, :columns * length]
    missing = rows * length - stacked.shape[1], columns * length - stacked.shape[2]
    stacked = np.pad(stacked, ((0, 0), (0, missing[0]), (0, missing[1])), mode='edge')
    blocks = stacked.reshape(channels + 1, rows, length, columns, length).swapaxes(2, 3)
    blocks = blocks.reshape(channels + 1, rows, columns, length * length)
    best = blocks[-1].argmax(-1)
    chosen = np.take_along_axis(blocks, best[None, ..., None], axis=-1)[..., 0]
    return chosen[:-1], chosen[-1]
