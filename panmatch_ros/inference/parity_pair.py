"""Two images of known displacement, drawn for any size, to try an engine on."""
from dataclasses import dataclass
import math

import cv2
import numpy as np

from ..core.errors import ConfigError
from .matcher import TASKS

SMALLEST, LARGEST = 16, 32000  # sides, pixels; OpenCV cannot remap larger images
_FLOW_SHARE, _STEREO_SHARE = 0.03, 0.06  # of the side
_LARGEST_PX = 48.0
_CONTRAST, _COLOUR = 45.0, 0.4


@dataclass(frozen=True)
class ParityPair:
    """
    Two images and the displacement between them.

    :param image0: (H, W, 3) uint8 RGB; the left image for stereo.
    :param image1: (H, W, 3) uint8 RGB; the right image for stereo.
    :param flow: (H, W, 2) float32, pixels, from image 0 to image 1; ``(-disparity, 0)`` for
        stereo.
    """

    image0: np.ndarray
    image1: np.ndarray
    flow: np.ndarray


def make_parity_pair(size: tuple[int, int], task: str = 'flow') -> ParityPair:
    """
    Draw a pair: a texture with detail of every scale, moved smoothly, by at most 48 pixels.

    Every point of image 0 is in the texture that image 1 is cut out of, so that nothing is
    hidden. The same size and task give the same pair.

    :param size: (height, width) of the images, pixels, from 16 to 32000.
    :param task: 'flow', or 'stereo' for a disparity that is positive everywhere.
    :raises ConfigError: if there is no such task, or the size cannot be drawn.
    """
    if task not in TASKS:
        raise ConfigError(f'there is no task {task!r}; choose one of {", ".join(TASKS)}')
    height, width = size
    if not SMALLEST <= min(size) <= max(size) <= LARGEST:
        raise ConfigError(f'images of {height}x{width} (height x width) cannot be drawn; give '
                          f'{SMALLEST} to {LARGEST} pixels')
    flow = _stereo_flow(height, width) if task == 'stereo' else _smooth_flow(height, width)
    margin = math.ceil(float(np.abs(flow).max())) + 4
    texture = _texture(height + 2 * margin, width + 2 * margin)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    image0 = cv2.remap(texture, columns + flow[..., 0] + margin, rows + flow[..., 1] + margin,
                       cv2.INTER_CUBIC)
    image1 = texture[margin:margin + height, margin:margin + width]
    return ParityPair(image0, np.ascontiguousarray(image1), flow)


def _smooth_flow(height: int, width: int) -> np.ndarray:
    x, y = _angles(height, width)
    along_x = _reach(_FLOW_SHARE, width) * (0.6 * np.sin(y + 0.4) + 0.4 * np.cos(x))
    along_y = _reach(_FLOW_SHARE, height) * (0.6 * np.cos(x + 0.9) + 0.4 * np.sin(y))
    return np.stack([along_x, along_y], axis=-1).astype(np.float32)


def _stereo_flow(height: int, width: int) -> np.ndarray:
    x, y = _angles(height, width)
    disparity = _reach(_STEREO_SHARE, width) * (0.55 + 0.3 * np.sin(x + 0.4) + 0.15 * np.cos(y))
    return np.stack([-disparity, np.zeros_like(disparity)], axis=-1).astype(np.float32)


def _angles(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    # One period over the image.
    y, x = np.mgrid[:height, :width]
    return 2 * np.pi * x / width, 2 * np.pi * y / height


def _reach(share: float, side: int) -> float:
    return min(max(share * side, 1.0), _LARGEST_PX)


def _texture(height: int, width: int) -> np.ndarray:
    # One octave of noise after the other, grey, and a little colour.
    rng = np.random.default_rng(20)
    total = np.zeros((height, width, 3), np.float32)
    cell = 2
    while cell < max(height, width):
        shape = (math.ceil(height / cell) + 1, math.ceil(width / cell) + 1, 3)
        colour = rng.integers(-1000, 1001, shape).astype(np.float32)
        noise = colour.mean(axis=2, keepdims=True) * 1.7 + _COLOUR * colour
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
        cell *= 2
    total *= _CONTRAST / total.std()
    return np.clip(total - total.mean() + 127.5, 0, 255).astype(np.uint8)
