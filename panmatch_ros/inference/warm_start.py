"""A first guess for each pair of a sequence, from the flow of the pair before it."""
import cv2
import numpy as np

from ..core.forward_projection import borne_out, project_forward
from ..core.image import to_rgb

CELL = 16  # pixels that share a guess


class WarmStart:
    """
    Carries the flow of one pair to the next one, as far as the images bear it out.

    What is carried is forgotten where a guess does not fit the images, everywhere if that is so
    in most places (another scene, other light), and by :meth:`forget` (a gap, another size).
    """

    def __init__(self) -> None:
        self._guess: tuple[np.ndarray, np.ndarray] | None = None

    def keep(self, flow: np.ndarray, confidence: np.ndarray) -> None:
        """
        Remember the flow of a pair.

        :param flow: (H, W, 2), pixels.
        :param confidence: (H, W) in [0, 1].
        """
        self._guess = project_forward(flow, confidence, CELL)

    def guess(self, small0: np.ndarray,
              small1: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """
        Guess the flow of the pair that follows.

        :param small0: (h, w) of :func:`small_image`, of the image that was the second one.
        :param small1: likewise, of the new one.
        :returns: (h, w, 2) in pixels, and its weight (h, w) in [0, 1]; None if there is none.
        """
        if self._guess is None or self._guess[1].shape != small0.shape:
            return None
        flow, confidence = self._guess
        weight = borne_out(flow, confidence, small0, small1, CELL)
        return (flow, weight) if weight.any() else None

    def forget(self) -> None:
        """Start anew."""
        self._guess = None


def small_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """
    Make the image that guesses are compared in.

    :param image: as :func:`~panmatch_ros.core.image.check_image` accepts.
    :param size: (height, width) of the flow, pixels; multiples of 16.
    :returns: (height / 16, width / 16) float32, grey from 0 to 255.
    """
    grey = cv2.cvtColor(to_rgb(image), cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (size[1] // CELL, size[0] // CELL),
                      interpolation=cv2.INTER_AREA).astype(np.float32)
