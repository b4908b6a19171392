"""
Optical flow as colour: hue is the direction, saturation the length.

The colour wheel is that of Baker et al., "A Database and Evaluation Methodology for Optical
Flow" (IJCV 2011), as the Middlebury pages use it: right is red, down is yellow, left is cyan,
up is violet. Two points differ from the original program: the wheel closes without a step at
red, and colours are rounded to 512 directions and 128 lengths, which the eye does not see.
"""
from functools import lru_cache

import cv2
import numpy as np

from ..core.errors import ConfigError, ShapeError

DIRECTIONS = 512  # a power of two: the direction wraps by a mask
LENGTHS = 128
MIN_SCALE_PX = 1.0
# Steps from red over yellow, green, cyan, blue and magenta back to red; people tell more
# shades apart between red and yellow than between green and cyan.
WHEEL_STEPS = (15, 6, 4, 11, 13, 6)
WHEEL_COLORS = ((255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255),
                (255, 0, 255), (255, 0, 0))


def flow_to_color(flow: np.ndarray, max_px: float | None = None) -> np.ndarray:
    """
    Paint a flow field with the Middlebury colour wheel.

    White is no motion, full colour is ``max_px``, and darker colours are longer than a
    ``max_px`` that was given.

    :param flow: (H, W, 2) float32, pixels, +x right and +y down; NaN is invalid.
    :param max_px: length of full colour, pixels, > 0; :func:`robust_max_px` if not given.
    :returns: (H, W, 3) uint8 RGB; black where the flow is invalid.
    :raises ShapeError: if ``flow`` is not (H, W, 2).
    :raises ConfigError: if ``max_px`` is not a positive number.
    """
    beyond = LENGTHS  # the last, dark column of the table
    if max_px is None:
        max_px, beyond = robust_max_px(flow), LENGTHS - 1
    elif not 0 < max_px < np.inf:
        raise ConfigError(f'max_px must be a positive number of pixels, got {max_px}')
    _check_flow(flow)
    if flow.size == 0:
        return np.zeros((*flow.shape[:2], 3), np.uint8)
    u, v = cv2.split(np.ascontiguousarray(flow, np.float32))
    length, angle = cv2.cartToPolar(u, v)
    invalid = ~(length < np.inf)  # True for NaN
    length *= np.float32((LENGTHS - 1) / max_px)
    np.copyto(length, beyond, where=length > LENGTHS - 1)
    length[invalid] = 0
    angle[invalid] = 0
    angle *= np.float32(DIRECTIONS / (2 * np.pi))
    angle += np.float32(0.5)
    index = angle.astype(np.int32)
    index &= DIRECTIONS - 1
    index *= LENGTHS + 1
    length += np.float32(0.5)
    index += length.astype(np.int32)
    index[invalid] = DIRECTIONS * (LENGTHS + 1)
    colors = np.take(_packed_colors(), index).view(np.uint8).reshape(*index.shape, 4)
    return cv2.cvtColor(colors, cv2.COLOR_RGBA2RGB)


def robust_max_px(flow: np.ndarray) -> float:
    """
    Length that only one percent of the valid vectors exceed, at least one pixel.

    The lower limit keeps the noise of a still camera from being painted in full colour.

    :param flow: (H, W, 2) float32, pixels; NaN is invalid.
    :returns: pixels.
    :raises ShapeError: if ``flow`` is not (H, W, 2).
    """
    _check_flow(flow)
    # Some ten thousand vectors are enough, and per frame there is no time for all.
    step = max(1, int(np.sqrt(flow.shape[0] * flow.shape[1] / 40000)))
    part = flow[::step, ::step].astype(np.float64)
    length = np.hypot(part[..., 0], part[..., 1])
    length = length[np.isfinite(length)]
    if length.size == 0:
        return MIN_SCALE_PX
    return max(float(np.percentile(length, 99)), MIN_SCALE_PX)


def flow_legend(size: int) -> np.ndarray:
    """
    Draw the colour wheel: the colour of each direction and length up to the scale.

    :param size: edge of the square picture, pixels.
    :returns: (size, size, 3) uint8 RGB; the outside of the disc is black.
    :raises ConfigError: if ``size`` is not positive.
    """
    if size < 1:
        raise ConfigError(f'the legend needs a positive size, got {size}')
    fine = 4 * size  # drawn larger and shrunk, for a smooth edge
    axis = (np.arange(fine, dtype=np.float32) + 0.5) / (fine / 2) - 1
    flow = np.empty((fine, fine, 2), np.float32)
    flow[..., 0], flow[..., 1] = axis[None, :], axis[:, None]
    flow[np.hypot(flow[..., 0], flow[..., 1]) > 1] = np.nan
    return cv2.resize(flow_to_color(flow, 1.0), (size, size), interpolation=cv2.INTER_AREA)


def _check_flow(flow: np.ndarray) -> None:
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise ShapeError(f'flow must be (H, W, 2), got {flow.shape}')


@lru_cache(maxsize=1)
def _packed_colors() -> np.ndarray:
    """Colours by ``direction * (LENGTHS + 1) + length``, then black; RGBA packed in uint32."""
    positions = np.concatenate([[0], np.cumsum(WHEEL_STEPS)]) / sum(WHEEL_STEPS)
    directions = np.arange(DIRECTIONS) / DIRECTIONS
    hue = np.stack([np.interp(directions, positions, channel)
                    for channel in np.transpose(WHEEL_COLORS)], axis=-1)[:, None, :]
    saturation = (np.arange(LENGTHS) / (LENGTHS - 1))[None, :, None]
    inside = 255 - saturation * (255 - hue)
    table = np.concatenate([inside, 0.75 * hue], axis=1)
    packed = np.zeros((DIRECTIONS * (LENGTHS + 1) + 1, 4), np.uint8)
    packed[:-1, :3] = np.rint(table).reshape(-1, 3)
    packed[:, 3] = 255
    packed.flags.writeable = False
    return packed.view(np.uint32).ravel()
