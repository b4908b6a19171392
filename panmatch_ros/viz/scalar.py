"""Maps of one number per pixel as colour: disparity, depth, confidence, error."""
from functools import lru_cache

import cv2
import numpy as np

from ..core.errors import ConfigError, ShapeError

COLORMAPS = ('turbo', 'viridis', 'plasma', 'inferno', 'magma', 'cividis', 'jet', 'gray', 'error')
# Blue is good, pale yellow is half way, red is bad; black is left to what is invalid.
ERROR_COLORS = ((49, 54, 149), (69, 117, 180), (116, 173, 209), (171, 217, 233),
                (224, 243, 248), (254, 224, 144), (253, 174, 97), (244, 109, 67),
                (215, 48, 39), (165, 0, 38))


def scalar_to_color(values: np.ndarray, low: float | None = None, high: float | None = None,
                    colormap: str = 'turbo') -> np.ndarray:
    """
    Paint one number per pixel.

    :param values: (H, W), any real type; NaN and infinity are invalid.
    :param low: value of the first colour; the 2nd percentile if not given.
    :param high: value of the last colour; the 98th percentile if not given.
    :param colormap: one of ``COLORMAPS``.
    :returns: (H, W, 3) uint8 RGB; black where the value is invalid.
    :raises ShapeError: if ``values`` is not (H, W).
    :raises ConfigError: if the colour map is unknown or ``low`` and ``high`` are no range.
    """
    low, high = _limits(values, low, high)
    table = _table(colormap)
    if values.size == 0:
        return np.zeros((*values.shape, 3), np.uint8)
    invalid = ~np.isfinite(values)
    scaled = np.clip(values, low, high).astype(np.float32)
    scaled[invalid] = low
    scaled -= np.float32(low)
    scaled *= np.float32(255 / (high - low)) if high > low else np.float32(0)
    colors = cv2.LUT(cv2.cvtColor(cv2.convertScaleAbs(scaled), cv2.COLOR_GRAY2RGB), table)
    colors[invalid] = 0
    return colors


def disparity_to_color(disparity: np.ndarray, low: float | None = None,
                       high: float | None = None) -> np.ndarray:
    """
    Paint a disparity map: near (large disparity) is red, far is blue.

    :param disparity: (H, W) float32, pixels; NaN is invalid.
    :param low: disparity of the far end, pixels; the 2nd percentile if not given.
    :param high: disparity of the near end, pixels; the 98th percentile if not given.
    :returns: (H, W, 3) uint8 RGB; black where invalid.
    :raises ShapeError: if ``disparity`` is not (H, W).
    :raises ConfigError: if ``low`` and ``high`` are no range.
    """
    return scalar_to_color(disparity, low, high, 'turbo')


def depth_to_color(depth: np.ndarray, low: float | None = None,
                   high: float | None = None) -> np.ndarray:
    """
    Paint a depth image: near is red, far is blue, in steps of equal inverse depth.

    Inverse depth gives the near range the most colours and makes the picture equal to that of
    the disparity map of the same scene.

    :param depth: (H, W) float32, metres, > 0; NaN is invalid.
    :param low: depth of the near end, metres, > 0; the 2nd percentile if not given.
    :param high: depth of the far end, metres, > 0; the 98th percentile if not given.
    :returns: (H, W, 3) uint8 RGB; black where invalid or not positive.
    :raises ShapeError: if ``depth`` is not (H, W).
    :raises ConfigError: if ``low`` and ``high`` are no range of positive numbers.
    """
    for name, bound in (('low', low), ('high', high)):
        if bound is not None and not 0 < bound < np.inf:
            raise ConfigError(f'{name} must be a positive depth in metres, got {bound}')
    known = (depth > 0) & (depth < np.inf)  # False for NaN
    inverse = np.where(known, 1 / np.where(known, depth, 1), np.nan)
    return scalar_to_color(inverse, None if high is None else 1 / high,
                           None if low is None else 1 / low, 'turbo')


def confidence_to_color(confidence: np.ndarray) -> np.ndarray:
    """
    Paint a confidence map: 0 is dark violet, 1 is yellow.

    :param confidence: (H, W) float32 in [0, 1]; NaN is invalid.
    :returns: (H, W, 3) uint8 RGB; black where invalid.
    :raises ShapeError: if ``confidence`` is not (H, W).
    """
    return scalar_to_color(confidence, 0.0, 1.0, 'viridis')


def error_to_color(error: np.ndarray, high: float) -> np.ndarray:
    """
    Paint an error map: 0 is blue, half of ``high`` is pale, ``high`` and more is red.

    :param error: (H, W) float32, >= 0, any unit; NaN is invalid.
    :param high: error of the last colour, the same unit, > 0.
    :returns: (H, W, 3) uint8 RGB; black where invalid.
    :raises ShapeError: if ``error`` is not (H, W).
    :raises ConfigError: if ``high`` is not positive.
    """
    return scalar_to_color(error, 0.0, high, 'error')


def robust_range(values: np.ndarray) -> tuple[float, float]:
    """
    2nd and 98th percentile of the finite values; (0, 1) if there are none.

    :param values: (H, W), any real type.
    """
    # Some ten thousand values are enough, and per frame there is no time for all.
    step = max(1, int(np.sqrt(values.size / 40000)))
    part = values[::step, ::step]
    part = part[np.isfinite(part)]
    if part.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(part.astype(np.float64), (2, 98))
    return float(low), float(high)


def _limits(values: np.ndarray, low: float | None,
            high: float | None) -> tuple[float, float]:
    """Fill in the limits that were not given, and check those that were."""
    if values.ndim != 2:
        raise ShapeError(f'the map must be (H, W), got {values.shape}')
    if low is not None and high is not None:
        if not low < high:
            raise ConfigError(f'low must be less than high, got {low} and {high}')
        first, last = low, high
    else:
        # A robust limit gives way to one that was given.
        robust_low, robust_high = robust_range(values)
        first = low if low is not None else min(robust_low, robust_low if high is None else high)
        last = high if high is not None else max(robust_high, first)
    if not (np.isfinite(first) and np.isfinite(last)):
        raise ConfigError(f'low and high must be finite, got {low} and {high}')
    return float(first), float(last)


@lru_cache(maxsize=len(COLORMAPS))
def _table(colormap: str) -> np.ndarray:
    """(256, 1, 3) uint8 RGB."""
    if colormap not in COLORMAPS:
        raise ConfigError(
            f'there is no colour map {colormap!r}; choose one of {", ".join(COLORMAPS)}')
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    if colormap == 'gray':
        table = cv2.cvtColor(ramp, cv2.COLOR_GRAY2RGB)
    elif colormap == 'error':
        anchors = np.linspace(0, 255, len(ERROR_COLORS))
        table = np.stack([np.rint(np.interp(ramp, anchors, channel)).astype(np.uint8)
                          for channel in np.transpose(ERROR_COLORS)], axis=-1)
    else:
        bgr = cv2.applyColorMap(ramp, getattr(cv2, f'COLORMAP_{colormap.upper()}'))
        table = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    table.flags.writeable = False
    return table
