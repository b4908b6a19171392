"""Velocities of points as colour over the image that they are of."""
import cv2
import numpy as np

from ..core.errors import ShapeError
from ..core.image import check_image, to_rgb
from .flow import flow_to_color

RESTING, UNKNOWN = 0.6, 0.25  # brightness of what rests, and of what has no velocity
COLOR_SHARE = 0.8             # the rest is the image
MIN_SCALE_MPS = 0.1


def scene_flow_to_color(image: np.ndarray, velocity: np.ndarray,
                        max_mps: float | None = None) -> np.ndarray:
    """
    Paint what moves over the image in grey; what has no velocity is darker.

    Hue is the direction seen from above, by the wheel of :func:`.flow.flow_to_color`: right is
    red, towards the camera yellow, left cyan, away from it violet. Saturation is the speed over
    the ground; what only rises or falls is white.

    :param image: as :func:`~panmatch_ros.core.image.check_image` accepts.
    :param velocity: (H, W, 3) float32, metres per second: x right, y down, z forward; 0 rests,
        NaN is unknown.
    :param max_mps: speed of full colour, > 0; the median of what moves if not given.
    :returns: (H, W, 3) uint8 RGB.
    :raises ShapeError: if the velocities are not of the size of the image.
    :raises ConfigError: if ``max_mps`` is not a positive number.
    """
    check_image(image, 'image')
    if velocity.shape != (*image.shape[:2], 3):
        raise ShapeError(f'velocity must be {(*image.shape[:2], 3)} as the image, got '
                         f'{velocity.shape}')
    speed = np.linalg.norm(velocity, axis=-1)
    moving = speed > 0
    if max_mps is None:
        max_mps = max(MIN_SCALE_MPS, float(np.median(speed[moving])) if moving.any() else 0.0)
    grey = cv2.cvtColor(to_rgb(image), cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    canvas = np.where(np.isnan(speed), UNKNOWN, RESTING)[..., None] * np.repeat(grey, 3, axis=2)
    from_above = np.stack([velocity[..., 0], -velocity[..., 2]], axis=-1)
    colors = flow_to_color(from_above, max_mps)
    canvas[moving] = COLOR_SHARE * colors[moving] + (1 - COLOR_SHARE) * grey[moving]
    return np.rint(canvas).astype(np.uint8)
