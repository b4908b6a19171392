"""What of the left image of a stereo pair is hidden in the right one, and what it may be."""
import numpy as np

from .errors import ShapeError
from .hole_filling import fill_from_background

SAME_PLACE_PX = 0.5  # pixels of the right image that are nearer show the same


def hidden_in_right(disparity: np.ndarray) -> np.ndarray:
    """
    Tell which pixels of the left image cannot be seen in the right one, by the disparities.

    A pixel is hidden if one further to the right in its row is at the same place in the right
    image or left of it, and so in front of it; or if its place is outside the right image.

    :param disparity: (H, W) float32, pixels, ``x_left - x_right``; NaN hides nothing.
    :returns: (H, W) bool; False where the disparity is invalid.
    :raises ShapeError: if ``disparity`` is not two-dimensional.
    """
    if disparity.ndim != 2:
        raise ShapeError(f'disparity must be (H, W), got {disparity.shape}')
    place = np.arange(disparity.shape[1], dtype=np.float32) - disparity
    leftmost = np.fmin.accumulate(place[:, ::-1], axis=1)[:, ::-1]
    hidden = place < -0.5
    hidden[:, :-1] |= place[:, :-1] > leftmost[:, 1:] - SAME_PLACE_PX
    return hidden


def fill_hidden(disparity: np.ndarray, confidence: np.ndarray, least: float) -> np.ndarray:
    """
    Give hidden pixels that nobody is sure of the disparity of the background beside them.

    :param disparity: (H, W) float32, pixels.
    :param confidence: (H, W) float32 in [0, 1].
    :param least: pixels below this confidence are not sure: they may be filled, and nothing is
        filled from them.
    :returns: (H, W) float32, a new array; the same where a pixel is seen or sure.
    :raises ShapeError: if ``disparity`` is not two-dimensional or the sizes differ.
    """
    if confidence.shape != disparity.shape:
        raise ShapeError(f'confidence must have the size of disparity, {disparity.shape}, got '
                         f'{confidence.shape}')
    unsure = confidence < least
    background = fill_from_background(np.where(unsure, np.nan, disparity))
    return np.where(hidden_in_right(disparity) & unsure & np.isfinite(background), background,
                    disparity)
