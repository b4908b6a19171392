"""Pairs whose truth is known, and a matcher whose results depend on the damage in a known way."""
import cv2
import numpy as np

from panmatch_ros.core.errors import ImageError
from panmatch_ros.core.types import Disparity
from panmatch_ros.data.sample import Annotation, Sample
from panmatch_ros.evaluation.contender import Contender
from panmatch_ros.inference.matcher import Matcher

SIZE = (8, 20)
TRUE_DISPARITY = 10.0


class ByBrightness(Matcher):
    """
    Is right as long as the images are as bright as they were.

    :param sensitivity: pixels of error for each grey level that the image is off.
    :param refuses_above: grey level from which it fails.
    """

    name = backend = 'by_brightness'

    def __init__(self, sensitivity=1.0, refuses_above=256.0):
        self.sensitivity, self.refuses_above = sensitivity, refuses_above
        self.calls = 0

    def match_stereo(self, left, right):
        self.calls += 1
        level = float(left.mean())
        if level > self.refuses_above:
            raise ImageError('too bright')
        error = self.sensitivity * abs(level - 100)
        values = np.full(left.shape[:2], TRUE_DISPARITY + error, np.float32)
        return Disparity(values, np.ones(left.shape[:2], np.float32))

    def match(self, image0, image1):
        raise ImageError('no flow')

    def prepare(self, task, size):
        pass


def contender(name='by_brightness', **changes):
    return Contender(name, ByBrightness(**changes), {'name': name, **changes})


def write_samples(folder, number=2):
    """Write pairs of plain grey 100; return samples."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = []
    for index in range(number):
        paths = [folder / f'{index}_{side}.png' for side in ('left', 'right')]
        for path in paths:
            cv2.imwrite(str(path), np.full((*SIZE, 3), 100, np.uint8))
        samples.append(Sample(f'pair {index}', 'stereo', *paths, annotate=annotate))
    return samples


def annotate():
    """Tell the truth: the same disparity everywhere, so all is at the median distance."""
    return Annotation(disparity=np.full(SIZE, TRUE_DISPARITY, np.float32))
