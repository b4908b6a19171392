"""
What is left out of a disparity or depth map after matching: a range of depths, and speckles.

Whatever found the map, the result is the same map with more NaN in it; confidences stay.
"""
from dataclasses import dataclass
from numbers import Integral

import cv2
import numpy as np

from .camera import StereoRig
from .disparity import depth_from_disparity
from .errors import ConfigError, ShapeError
from .types import Disparity

NAN = np.float32(np.nan)


@dataclass(frozen=True)
class DepthFilter:
    """
    What stays of a disparity or depth map.

    :param min_depth: what is nearer becomes invalid, metres.
    :param max_depth: what is farther becomes invalid, metres, also what is at infinity; 0 is no
        limit.
    :param speckle_size: patches of fewer pixels become invalid; 0 keeps all.
    :param speckle_range_px: largest difference of the disparities of two neighbours in one patch,
        pixels.
    :raises ConfigError: if a value cannot work.
    """

    min_depth: float = 0.0
    max_depth: float = 0.0
    speckle_size: int = 0
    speckle_range_px: float = 1.0

    def __post_init__(self) -> None:
        for name in ('min_depth', 'max_depth', 'speckle_range_px'):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise ConfigError(f'{name} must be a finite number and not negative, got {value}')
        if not isinstance(self.speckle_size, Integral) or self.speckle_size < 0:
            raise ConfigError('speckle_size must be a whole number and not negative, got '
                              f'{self.speckle_size!r}')
        if self.max_depth and self.max_depth <= self.min_depth:
            raise ConfigError('max_depth must be larger than min_depth, or 0 for no limit, got '
                              f'{self.max_depth:g} and {self.min_depth:g}')

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is ever left out."""
        return not (self.min_depth or self.max_depth or self.finds_speckles)

    @property
    def finds_speckles(self) -> bool:
        """Whether patches are looked at; one pixel is the smallest there is."""
        return self.speckle_size > 1

    def out_of_range(self, depth: np.ndarray) -> np.ndarray:
        """
        Find what is too near or too far.

        :param depth: (H, W) float32, metres; NaN is invalid, and beyond any ``max_depth``.
        :returns: (H, W) bool.
        """
        outside = depth < np.float32(self.min_depth)  # False for NaN
        if self.max_depth:
            outside |= ~(depth <= np.float32(self.max_depth))
        return outside


def filter_disparity(result: Disparity, rig: StereoRig, depth_filter: DepthFilter,
                     min_confidence: float = 0.0) -> Disparity:
    """
    Leave out what is not sure, too near, too far or in a small patch, in this order.

    :param result: of a matcher; it is not changed.
    :param rig: that took the pair.
    :param depth_filter: what stays.
    :param min_confidence: what is less sure becomes invalid; 0 keeps all.
    :returns: the disparities that are left, with all confidences; ``result`` itself if the filter
        keeps all.
    """
    if depth_filter.keeps_all:
        return result
    disparity = result.disparity.copy()
    np.copyto(disparity, NAN, where=result.confidence < np.float32(min_confidence))
    if depth_filter.min_depth or depth_filter.max_depth:
        outside = depth_filter.out_of_range(depth_from_disparity(disparity, rig))
        np.copyto(disparity, NAN, where=outside)
    if depth_filter.finds_speckles:
        np.copyto(disparity, NAN, where=speckles(disparity, depth_filter.speckle_size,
                                                 depth_filter.speckle_range_px))
    return Disparity(disparity, result.confidence)


def filter_depth(depth: np.ndarray, confidence: np.ndarray, focal_baseline: float,
                 depth_filter: DepthFilter, min_confidence: float = 0.0) -> np.ndarray:
    """
    Do the same to a depth map that comes from no rectified pair.

    :param depth: (H, W) float32, metres; NaN is invalid. It is not changed.
    :param confidence: (H, W) float32 in [0, 1].
    :param focal_baseline: focal length times distance of the two views, pixels times metres:
        divided by a depth, it is the disparity that a stereo camera as wide would see, which
        speckles are told by.
    :param depth_filter: what stays.
    :param min_confidence: what is less sure becomes invalid; 0 keeps all.
    :returns: (H, W) float32, metres; ``depth`` itself if the filter keeps all.
    """
    if depth_filter.keeps_all:
        return depth
    kept = depth.copy()
    np.copyto(kept, NAN, where=confidence < np.float32(min_confidence))
    np.copyto(kept, NAN, where=depth_filter.out_of_range(kept))
    if depth_filter.finds_speckles:
        disparity = np.float32(focal_baseline) / kept
        np.copyto(kept, NAN, where=speckles(disparity, depth_filter.speckle_size,
                                            depth_filter.speckle_range_px))
    return kept


def speckles(disparity: np.ndarray, size: int, range_px: float) -> np.ndarray:
    """
    Find patches of few pixels.

    Two pixels that are neighbours in a row or column are of one patch if their disparities differ
    by at most ``range_px``; so a patch may be steep, but not torn. As ``cv2.filterSpeckles``, but
    with disparities as they are instead of 16-bit fixed point.

    :param disparity: (H, W) float32, pixels; NaN is of no patch.
    :param size: patches of fewer pixels are found.
    :param range_px: largest difference of two neighbours in one patch, pixels.
    :returns: (H, W) bool, True for pixels of small patches; False where invalid.
    :raises ShapeError: if ``disparity`` is not two-dimensional.
    """
    if disparity.ndim != 2:
        raise ShapeError(f'disparity must be (H, W), got {disparity.shape}')
    # OpenCV labels areas of equal pixels, not a graph. So the graph is drawn: its pixels at even
    # places, and between two of them a bridge where they belong together.
    height, width = disparity.shape
    drawing = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    drawing[::2, ::2] = np.isfinite(disparity)
    for axis, bridges in ((1, drawing[::2, 1::2]), (0, drawing[1::2, ::2])):
        bridges[...] = np.abs(np.diff(disparity, axis=axis)) <= np.float32(range_px)
    count, labels = cv2.connectedComponents(drawing, connectivity=4)
    patches = np.ascontiguousarray(labels[::2, ::2])
    is_small = np.bincount(patches.ravel(), minlength=count) < size
    is_small[0] = False  # the background
    return is_small[patches]
