"""How far two opposite displacement fields can be trusted."""
import cv2
import numpy as np

from ..core.correspondence import confidence_from_error
from ..core.pixels import pixel_grid, sample

ERROR_SCALE_PX = 1.0  # consistency error at which the confidence is 0.61, as of ClassicalMatcher
MAX_REMAP_SIDE = 32766  # cv2.remap addresses pixels with 16 bit
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
    x, y = targets(forward)
    miss = forward + _sample_inside(backward, x, y)
    error = np.hypot(miss[..., 0], miss[..., 1])
    confidence = confidence_from_error(error, ERROR_SCALE_PX)
    confidence[~is_inside(x, y)] = 0
    return confidence


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


def _sample_inside(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sample at positions, those beyond the image at its border; of NaN anything comes."""
    height, width = field.shape[:2]
    x = np.clip(np.nan_to_num(x), 0, width - 1)
    y = np.clip(np.nan_to_num(y), 0, height - 1)
    if max(height, width) > MAX_REMAP_SIDE:
        return sample(field, x, y)
    # Several times faster; it rounds positions to 1/32 px, which changes no confidence visibly.
    return cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
