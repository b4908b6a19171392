"""How far two opposite displacement fields can be trusted."""
import numpy as np

from ..core.correspondence import confidence_from_error
from ..core.pixels import pixel_grid, sample

ERROR_SCALE_PX = 1.0  # consistency error at which the confidence is 0.61, as of ClassicalMatcher
HALF_PIXEL = 0.5      # a pixel ends half a pixel from its centre: so far a target is inside


def consistency_confidence(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """
    Confidence from going forth and back.

    As ``confidence_from_error(forward_backward_error(...))``, but a target up to half a pixel
    beyond the centres of the border pixels is still in the image: there the border counts.
    Otherwise a still camera would have no confidence along its borders.

    :param forward: (H, W, 2) float32, image 0 to image 1, pixels.
    :param backward: (H, W, 2) float32, image 1 to image 0, pixels.
    :returns: (H, W) float32 in [0, 1]; 0 where a flow is invalid or leaves the image.
    """
    height, width = forward.shape[:2]
    x, y = targets(forward)
    returned = sample(backward, np.clip(x, 0, width - 1), np.clip(y, 0, height - 1))
    miss = forward + returned
    error = np.hypot(miss[..., 0], miss[..., 1])
    return np.where(is_inside(x, y), confidence_from_error(error, ERROR_SCALE_PX),
                    np.float32(0))


def inside_confidence(forward: np.ndarray) -> np.ndarray:
    """
    Say for each pixel whether its target is in image 1; all that one direction tells.

    :param forward: (H, W, 2) float32, pixels.
    :returns: (H, W) float32: 1 or 0; 0 where the flow is invalid.
    """
    return is_inside(*targets(forward)).astype(np.float32)


def targets(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels end: x and y, each (H, W)."""
    grid_x, grid_y = pixel_grid(*flow.shape[:2])
    return grid_x + flow[..., 0], grid_y + flow[..., 1]


def is_inside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(H, W) bool: whether positions are in an image of the size of these arrays."""
    height, width = x.shape
    return ((x >= -HALF_PIXEL) & (x <= width - 1 + HALF_PIXEL)
            & (y >= -HALF_PIXEL) & (y <= height - 1 + HALF_PIXEL))  # False for NaN
