"""Matchers that say one value, and pairs of known truth, for tests of the evaluation."""
import numpy as np

from panmatch_ros.core.errors import ImageError
from panmatch_ros.core.types import Disparity, Displacement
from panmatch_ros.data.images import write_image
from panmatch_ros.data.sample import Annotation, Sample
from panmatch_ros.evaluation.contender import Contender
from panmatch_ros.inference.matcher import Matcher

SIZE = (24, 32)


class Says(Matcher):
    """
    Says one value everywhere, or fails if that is None; counts its calls.

    The confidence rises from left to right.
    """

    def __init__(self, value):
        self.value, self.calls = value, 0

    def _confidence(self, size):
        self.calls += 1
        if self.value is None:
            raise ImageError('too <dark>')
        return np.broadcast_to(np.linspace(0, 1, size[1], dtype=np.float32), size).copy()

    def match(self, image0, image1):
        size = image0.shape[:2]
        confidence = self._confidence(size)
        return Displacement(np.full((*size, 2), self.value, np.float32), confidence)

    def match_stereo(self, left, right):
        size = left.shape[:2]
        confidence = self._confidence(size)
        return Disparity(np.full(size, self.value, np.float32), confidence)


def contender(name, value):
    return Contender(name, Says(value), {'says': value})


def make_sample(folder, name, task='stereo', annotation=None, size=SIZE):
    """Write two images and give a sample; its truth is 4 everywhere unless told otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(len(name))
    paths = [folder / f'{name.replace("/", "_")}-{number}.png' for number in (0, 1)]
    for path in paths:
        write_image(path, random.integers(0, 256, (*size, 3), np.uint8))
    if annotation is None:
        shape = size if task == 'stereo' else (*size, 2)
        truth = np.full(shape, 4, np.float32)
        annotation = Annotation(**{'disparity' if task == 'stereo' else 'flow': truth})
    return Sample(name, task, *paths, lambda: annotation)
