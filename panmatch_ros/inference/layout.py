"""How an image goes through the network: whole, or in tiles."""
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
import logging

import numpy as np

from ..core.errors import ImageError
from .fitting import LetterboxTransform, Shrink
from .panmatch_config import SMALLEST_TILE_PX, PanMatchOptions
from .tiling import Offsets, blend, clip_tile, tile_offsets
from .transform import StretchTransform

DEFAULT_TILE = (448, 448)
WHOLE_PIXELS = 1_100_000   # of the stretched image; 1280 x 720 becomes 1344 x 784
MAX_VOLUME_BYTES = 1 << 33  # of the cost volume: all pairs of pixels at 1/8 of the size
BYTES_PER_COST = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Layout:
    """
    The parts of an image that go through the network, all of one size.

    :param shrink: what comes first; the rest is measured on the smaller image.
    :param part: (height, width) of a part; the whole image if there is one part.
    :param offsets: (y, x) of the top-left pixel of each part.
    :param transform: of a part.
    """

    shrink: Shrink
    part: tuple[int, int]
    offsets: Offsets
    transform: StretchTransform | LetterboxTransform

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image, pixels."""
        return self.shrink.size

    def parts(self, image: np.ndarray) -> Iterator[np.ndarray]:
        """
        Cut an image and bring each part to the form that the network takes.

        :param image: (H, W) or (H, W, C) of the size of this layout.
        :returns: (3, h, w) float32 for each part.
        """
        height, width = self.part
        image = self.shrink.forward(image)
        for y, x in self.offsets:
            yield self.transform.forward(image[y:y + height, x:x + width])

    def join(self, fields: Iterable[np.ndarray]) -> np.ndarray:
        """
        Put the fields of all parts together.

        :param fields: (h, w, C) float32 of each part, in its pixels.
        :returns: (H, W, C) float32, of the smaller image if there is one.
        """
        if len(self.offsets) == 1:
            return next(iter(fields))
        return blend(fields, self.offsets, self.shrink.shrunk)


@lru_cache(maxsize=8)  # not of a matcher: that would be a cycle that keeps its network alive
def lay_out(size: tuple[int, int], options: PanMatchOptions,
            crop_size: tuple[int, int] | None = None) -> Layout:
    """
    Choose the parts of images of one size.

    :param size: (height, width), pixels.
    :param options: ``max_side``, ``fit``, ``tiles``, ``tile_size``, ``max_pixels`` and
        ``reference_quirks`` of them.
    :param crop_size: (height, width) that the network was trained on, if known;
        one that makes no tile is ignored.
    :raises ImageError: if the images are too large.
    """
    height, width = size = int(size[0]), int(size[1])
    if height * width > options.max_pixels:
        raise ImageError(f'the images have {width} x {height} pixels, more than the limit of '
                         f'{options.max_pixels}: use smaller ones')
    shrink = Shrink.to_side(size, options.max_side)
    size = shrink.shrunk
    whole = _transform(size, options, is_tile=False)
    is_large = whole.stretched[0] * whole.stretched[1] > WHOLE_PIXELS
    part = size
    if options.tiles == 'always' or (options.tiles == 'auto' and is_large):
        part = clip_tile(size, options.tile_size or default_tile(crop_size))
    if part == size and options.tiles != 'always':
        layout = Layout(shrink, size, [(0, 0)], whole)
    else:
        tile = _transform(part, options, is_tile=True)
        layout = Layout(shrink, part, tile_offsets(size, part), tile)
    needed = _volume_bytes(layout.transform)
    if needed > MAX_VOLUME_BYTES:
        chosen = options.tile_size and options.tiles != 'never'
        raise ImageError(
            f'{"images" if part == size else "tiles"} of {part[1]} x {part[0]} pixels need a cost '
            f'volume of {needed / 2**30:.0f} GiB, more than the limit of '
            f'{MAX_VOLUME_BYTES >> 30} GiB: use smaller images, or '
            + ('a smaller tile_size' if chosen else 'match them in tiles (--tiles always on the '
               'command line, the parameter tiles of a node)'))
    return layout


@lru_cache(maxsize=8)  # says once what it ignores
def default_tile(crop_size: tuple[int, int] | None) -> tuple[int, int]:
    """
    Choose the size of tiles if the user does not.

    :param crop_size: (height, width) that a checkpoint tells, which may be anything; None if it
        tells nothing.
    :returns: (height, width); ``crop_size`` if tiles of that size are neither so small that there
        are very many, nor too large for the cost volume.
    """
    if crop_size is None:
        return DEFAULT_TILE
    if min(crop_size) >= SMALLEST_TILE_PX \
            and _volume_bytes(StretchTransform(crop_size, is_tile=True)) <= MAX_VOLUME_BYTES:
        return crop_size
    log.warning('the crop size of the checkpoint, %d x %d (height x width), makes no tiles; they '
                'have %d x %d', *crop_size, *DEFAULT_TILE)
    return DEFAULT_TILE


def _transform(size: tuple[int, int], options: PanMatchOptions,
               is_tile: bool) -> StretchTransform | LetterboxTransform:
    if options.fit == 'letterbox':
        return LetterboxTransform(size)
    return StretchTransform(size, reference_quirks=options.reference_quirks, is_tile=is_tile)


def _volume_bytes(transform: StretchTransform | LetterboxTransform) -> int:
    height, width = transform.stretched
    return BYTES_PER_COST * (height // 8 * (width // 8)) ** 2
