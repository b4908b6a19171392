"""Stereo and optical flow with OpenCV alone: no weights, no GPU."""
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import cv2
import numpy as np

from ..core.correspondence import confidence_from_error
from ..core.errors import ImageError
from ..core.hole_filling import fill_from_background
from ..core.image import check_pair, to_gray
from ..core.pixels import pixel_grid
from ..core.types import Disparity, Displacement
from .classical_config import FLOW_PRESETS, SGBM_MODES, ClassicalConfig
from .matcher import Matcher

__all__ = ['ClassicalConfig', 'ClassicalMatcher']

FILLED_CONFIDENCE = 0.1
ERROR_SCALE_PX = 1.0                 # consistency error at which the confidence is 0.61
PATCH_PX = 8                         # edge of the patches of DIS: less has no structure in y
SUPPORT_PX = 9                       # edge of the neighbourhood that supports a pixel
MAX_SIDE = 32766                     # cv2.remap addresses pixels with 16 bit
MAX_VOLUME_BYTES = 1 << 32           # cost volume of the modes that keep all of it
DISPARITY_STEPS = 16                 # SGBM counts in sixteenths of a pixel
OUTSIDE = np.iinfo(np.int16).min     # less than any disparity
NO_PARTNER = 255                     # largest consistency error, sixteenths: confidence 0


class ClassicalMatcher(Matcher):
    """
    Semi-global matching for stereo pairs, dense inverse search for optical flow.

    Both run in the two directions; how well these agree, at the pixel and around it, is the
    confidence. Flow is dense. Disparity is too with ``fill_holes``; a threshold of 0.2 on the
    confidence keeps filled pixels out.

    :param config: options; the defaults if not given.
    """

    name = 'classical'
    backend = 'opencv'
    disparity_step = 1 / DISPARITY_STEPS

    def __init__(self, config: ClassicalConfig | None = None) -> None:
        self.config = config or ClassicalConfig()
        self._sgbm: cv2.StereoSGBM | None = None
        preset = FLOW_PRESETS.index(self.config.flow_preset)
        self._flow_matcher = cv2.DISOpticalFlow.create(preset)
        self._small_flow_matcher = cv2.DISOpticalFlow.create(preset)
        self._small_flow_matcher.setFinestScale(0)
        errors_px = np.arange(NO_PARTNER + 1, dtype=np.float32) / DISPARITY_STEPS
        self._confidence_of_error = confidence_from_error(errors_px, ERROR_SCALE_PX)

    def match(self, image0: np.ndarray, image1: np.ndarray) -> Displacement:
        """
        Match every pixel of image 0 to image 1.

        :param image0: first (older) image.
        :param image1: second (newer) image, same size.
        :returns: displacement on the grid of image 0, valid everywhere; the confidence is 0
            where it leaves image 1.
        :raises ShapeError: if an image has a form that is not accepted or the sizes differ.
        :raises ImageError: if an image is empty, below 8 x 8 pixels or too large.
        """
        check_pair(image0, image1)
        height, width = image0.shape[:2]
        self._require_size(height, width)
        if min(height, width) < PATCH_PX:
            raise ImageError(f'optical flow needs images of at least {PATCH_PX} x {PATCH_PX} '
                             f'pixels, got {width} x {height}')
        with _opencv_errors('optical flow', height, width):
            padded0, padded1 = _pad_for_flow(to_gray(image0)), _pad_for_flow(to_gray(image1))
            matcher = self._flow_matcher_for(*padded0.shape)
            # The type stubs of OpenCV do not know that None means: no initial flow.
            forward, backward = (
                np.ascontiguousarray(matcher.calc(a, b, None)[:height, :width])  # type: ignore
                for a, b in ((padded0, padded1), (padded1, padded0)))
            return Displacement(forward, _flow_confidence(forward, backward))

    def match_stereo(self, left: np.ndarray, right: np.ndarray) -> Disparity:
        """
        Match a rectified pair along its rows.

        :param left: left image.
        :param right: right image, same size.
        :returns: disparity ``x_left - x_right`` on the grid of the left image; with
            ``fill_holes`` valid everywhere, or nowhere if no pixel has a match.
        :raises ShapeError: if an image has a form that is not accepted or the sizes differ.
        :raises ImageError: if an image is empty or too large.
        """
        check_pair(left, right, ('left', 'right'))
        height, width = left.shape[:2]
        self._require_size(height, width)
        self._require_volume(height, width)
        with _opencv_errors('disparity', height, width):
            gray_left, gray_right = to_gray(left), to_gray(right)
            from_left = self._semi_global(gray_left, gray_right)
            from_right = self._semi_global(cv2.flip(gray_right, 1), cv2.flip(gray_left, 1))
            return self._disparity(from_left, cv2.flip(from_right, 1))

    def search_range(self, width: int) -> tuple[float, float]:
        """
        Smallest and largest disparity that :meth:`match_stereo` can find.

        :param width: of the images, pixels.
        """
        lowest, count = self.config.search_range(width)
        return float(lowest), float(lowest + count - 1)

    def _semi_global(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """
        Disparity of one direction.

        SGBM leaves a band as wide as the largest disparity without result, and rows of images
        that are lower than its four stripes. Padded, the image proper lies in neither.

        :returns: (H, W) int16, sixteenths of a pixel; below the smallest where invalid.
        """
        height, width = left.shape
        window = self.config.correlation_window_size
        lowest, count = self.config.search_range(width)
        before, after = max(lowest + count, 0) + window // 2, max(-lowest, 0)
        below = max(4 * window - height, 0)
        padded = [cv2.copyMakeBorder(image, 0, below, before, after, cv2.BORDER_REPLICATE)
                  for image in (left, right)]
        disparity = self._stereo_matcher(lowest, count).compute(padded[0], padded[1])
        return disparity[:height, before:before + width]

    def _disparity(self, from_left: np.ndarray, from_right: np.ndarray) -> Disparity:
        """
        Compare the two directions, as ``left_right_error`` does, and fill what disagrees.

        :param from_left: (H, W) int16 on the left grid, sixteenths of a pixel.
        :param from_right: (H, W) int16 on the right grid, sixteenths of a pixel.
        """
        height, width = from_left.shape
        lowest = self.config.search_range(width)[0] * DISPARITY_STEPS
        disparity = from_left.astype(np.float32)
        disparity *= np.float32(1 / DISPARITY_STEPS)
        x_right = np.arange(width, dtype=np.float32) - disparity
        partner = cv2.remap(from_right, x_right, _row_numbers(height, width), cv2.INTER_NEAREST,
                            borderMode=cv2.BORDER_CONSTANT, borderValue=OUTSIDE)
        difference = cv2.absdiff(from_left, partner)
        error = cv2.convertScaleAbs(difference)  # saturates at 255
        known = from_left >= lowest
        alone = ~(known & (partner >= lowest))
        error[alone] = NO_PARTNER
        largest = (self.config.disp12_max_diff + 0.5) * DISPARITY_STEPS
        if self.config.disp12_max_diff < 0:
            hole = ~known | (partner == OUTSIDE)
        else:
            hole = error > largest if largest < NO_PARTNER else alone | (difference > largest)
        confidence = cv2.LUT(error, self._confidence_of_error)
        disparity[hole] = np.nan
        filling = self.config.fill_holes and not hole.all()
        confidence[hole] = FILLED_CONFIDENCE if filling else 0
        _weigh_with_support(confidence)
        return Disparity(fill_from_background(disparity) if filling else disparity, confidence)

    def _stereo_matcher(self, lowest: int, count: int) -> cv2.StereoSGBM:
        """Keep one matcher and its buffers between calls."""
        config = self.config
        if self._sgbm is None:
            P1, P2 = config.penalties()
            check = config.disp12_max_diff
            self._sgbm = cv2.StereoSGBM.create(
                blockSize=config.correlation_window_size, P1=P1, P2=P2,
                disp12MaxDiff=check if check >= 0 else 1 << 20,  # OpenCV takes -1 for 1
                preFilterCap=config.prefilter_cap,
                uniquenessRatio=round(config.uniqueness_ratio),
                speckleWindowSize=config.speckle_size, speckleRange=config.speckle_range,
                mode=config.sgbm_mode)
        self._sgbm.setMinDisparity(lowest)
        self._sgbm.setNumDisparities(count)
        return self._sgbm

    def _flow_matcher_for(self, height: int, width: int) -> cv2.DISOpticalFlow:
        """
        Choose the matcher for a size; both keep their buffers between calls.

        Below these sizes DIS changes its own scales and then, depending on the size, reads
        beyond its buffers or gives another result at the second call. Small images are matched
        at full resolution instead, which needs no change.
        """
        finest = self._flow_matcher.getFinestScale()
        small = min(height, width) < PATCH_PX << finest or max(height, width) < 24 << finest
        return self._small_flow_matcher if small else self._flow_matcher

    def _require_size(self, height: int, width: int) -> None:
        if height * width > self.config.max_pixels:
            raise ImageError(
                f'the images have {width} x {height} pixels, more than the limit of '
                f'{self.config.max_pixels}: resize them, or raise max_pixels')
        if max(height, width) > MAX_SIDE:
            raise ImageError(f'the images have {width} x {height} pixels, OpenCV matches up to '
                             f'{MAX_SIDE} per side: crop or resize them')

    def _require_volume(self, height: int, width: int) -> None:
        mode = SGBM_MODES[self.config.sgbm_mode]
        count = self.config.search_range(width)[1]
        if mode in ('HH', 'HH4') and 4 * height * width * count > MAX_VOLUME_BYTES:
            raise ImageError(
                f'sgbm_mode {self.config.sgbm_mode} ({mode}) needs '
                f'{4 * height * width * count / 2**30:.1f} GiB for {width} x {height} pixels and '
                f'{count} disparities, more than the limit of {MAX_VOLUME_BYTES >> 30} GiB: use '
                'sgbm_mode 2, a smaller max_disparity or smaller images')


def _pad_for_flow(image: np.ndarray) -> np.ndarray:
    """Pad right and below to what DIS halves without a rest, and to its smallest size."""
    height, width = image.shape
    below, after = max(-height % 4, 12 - height), max(-width % 4, 12 - width)
    if below == 0 and after == 0:
        return image
    return cv2.copyMakeBorder(image, 0, below, 0, after, cv2.BORDER_REPLICATE)


def _flow_confidence(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """
    Compare the two directions, as ``forward_backward_error`` does but sampled by OpenCV.

    A pixel ends half a pixel from its centre, so up to there a target is in the image.

    :param forward: (H, W, 2) float32, image 0 to image 1, pixels.
    :param backward: (H, W, 2) float32, image 1 to image 0, pixels.
    :returns: (H, W) float32 in [0, 1].
    """
    height, width = forward.shape[:2]
    target = forward + _pixel_centres(height, width)
    # The type stubs of OpenCV do not know a map of two channels.
    miss = forward + cv2.remap(  # type: ignore[call-overload]
        backward, target, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    miss *= miss
    # Not a product with a vector: the threads of BLAS would then compete with those of OpenCV.
    exponent = miss[..., 0] + miss[..., 1]
    exponent *= np.float32(-0.5 / ERROR_SCALE_PX ** 2)
    confidence = cv2.exp(exponent)
    inside = cv2.inRange(target, (-0.5, -0.5), (width - 0.5, height - 0.5))
    confidence[inside == 0] = 0
    _weigh_with_support(confidence)
    return confidence


@lru_cache(maxsize=1)
def _row_numbers(height: int, width: int) -> np.ndarray:
    """(H, W) float32: the y of every pixel."""
    return np.repeat(np.arange(height, dtype=np.float32)[:, None], width, axis=1)


@lru_cache(maxsize=1)
def _pixel_centres(height: int, width: int) -> np.ndarray:
    """(H, W, 2) float32: x and y of every pixel."""
    return np.dstack([np.broadcast_to(axis, (height, width))
                      for axis in pixel_grid(height, width)])


def _weigh_with_support(confidence: np.ndarray) -> None:
    """Multiply, in place, by the mean around: errors of matching come in patches."""
    confidence *= cv2.blur(confidence, (SUPPORT_PX, SUPPORT_PX), borderType=cv2.BORDER_REPLICATE)
    np.clip(confidence, 0, 1, out=confidence)  # a running mean rounds to below 0


@contextmanager
def _opencv_errors(what: str, height: int, width: int) -> Iterator[None]:
    try:
        yield
    except cv2.error as error:
        raise ImageError(f'OpenCV could not compute the {what} of images of {width} x {height} '
                         f'pixels: {error.err or error}') from error
