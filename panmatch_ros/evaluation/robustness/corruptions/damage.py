"""A corruption at a strength, ready to be applied to pairs."""
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
import zlib

import numpy as np

from ....core.errors import ConfigError, ShapeError
from ....core.image import check_image, to_rgb
from ....data.sample import Annotation
from .base import MAX_STRENGTH, Corruption, View
from .distance import relative_distances
from .registry import find_corruption

IMAGES = ('both', 'second')
BOTH_VIEWS, FIRST_VIEW, SECOND_VIEW = range(3)


@dataclass(frozen=True)
class Damage:
    """
    A corruption at a strength.

    The same damage of the same pair is the same to the last bit. Pairs differ from each other,
    strengths do not: more of it is more of the same rain, noise or blur.

    :param corruption: its name.
    :param strength: 0 to 5; 0 leaves the images as they are.
    :param images: 'both', or 'second': image 0 stays as it is.
    :param seed: of all choices.
    :raises ConfigError: if a value cannot work.
    """

    corruption: str
    strength: float
    images: str = 'both'
    seed: int = 0

    def __post_init__(self) -> None:
        find_corruption(self.corruption)
        if not 0 <= self.strength <= MAX_STRENGTH:
            raise ConfigError(f'strength must be from 0 to {MAX_STRENGTH}, got {self.strength}')
        if self.images not in IMAGES:
            raise ConfigError(f'images must be {" or ".join(IMAGES)}, got {self.images!r}')
        if self.seed < 0:
            raise ConfigError(f'seed must not be negative, got {self.seed}')

    @cached_property
    def kind(self) -> Corruption:
        """The corruption of the name."""
        return find_corruption(self.corruption)

    def key(self) -> Mapping[str, object]:
        """Plain values that tell this damage from any other."""
        if self.strength == 0:
            return {'corruption': 'none'}
        return {'corruption': self.corruption, 'strength': self.strength,
                'images': self.images, 'seed': self.seed}

    def apply(self, name: str, image0: np.ndarray, image1: np.ndarray,
              annotation: Annotation | None = None) -> tuple[np.ndarray, np.ndarray]:
        """
        Damage a pair.

        :param name: of the pair; chooses where the drops fall.
        :param image0: as :func:`~....core.image.check_image` accepts; turned into 8-bit RGB.
        :param image1: likewise, of any size.
        :param annotation: what is known about the pair; fog is thicker far away if that tells
            how far.
        :returns: both images, (H, W, 3) uint8 RGB.
        :raises ShapeError: if an image has a form that is not accepted.
        :raises ImageError: if an image is empty or too large.
        """
        for label, image in (('image0', image0), ('image1', image1)):
            check_image(image, label)
        views = [to_rgb(image0), to_rgb(image1)]
        if self.strength == 0:
            return views[0], views[1]
        distances = relative_distances(annotation or Annotation(), _size(views[0]),
                                       _size(views[1]))
        grade, digest = self.kind.grade(self.strength), zlib.crc32(name.encode())
        for index in range(len(views)) if self.images == 'both' else (1,):
            random = [np.random.default_rng([self.seed, digest, which])
                      for which in (BOTH_VIEWS, FIRST_VIEW + index)]
            size = views[index].shape
            views[index] = self.kind.change(View(views[index], distances[index]), grade, *random)
            if views[index].shape != size or views[index].dtype != np.uint8:
                raise ShapeError(f'the corruption {self.corruption} made {views[index].dtype} '
                                 f'{views[index].shape} of an image uint8 {size}')
        return views[0], views[1]


def _size(image: np.ndarray) -> tuple[int, int]:
    return image.shape[0], image.shape[1]
