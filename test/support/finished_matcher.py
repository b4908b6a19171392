"""A matcher that gives results that were made before."""
import numpy as np

from panmatch_ros.core.types import Disparity, Displacement
from panmatch_ros.inference.matcher import Matcher


class FinishedMatcher(Matcher):
    """Gives one disparity for every pair, and no motion."""

    name = backend = 'finished'

    def __init__(self, disparity, confidence=None, lowest=0.0):
        confidence = np.ones_like(disparity) if confidence is None else confidence
        self.result, self.lowest = Disparity(disparity, confidence), lowest

    def match(self, image0, image1):
        return Displacement(np.zeros((*image0.shape[:2], 2), np.float32),
                            np.ones(image0.shape[:2], np.float32))

    def match_stereo(self, left, right):
        return self.result

    def search_range(self, width):
        return self.lowest, float(width)
