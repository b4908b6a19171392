"""Textures in the colours of surfaces, ready to be warped."""
import cv2
import numpy as np

from .pools import Pools
from .scene import Skin


def make_patch(skin: Skin, pools: Pools, coarser: int) -> np.ndarray:
    """
    Cut a texture out of the pool, in the colours of a skin.

    :param skin: what to cut.
    :param pools: where to cut it from.
    :param coarser: levels above that of the skin.
    :returns: (h, w, 4) uint8, RGB and 255.
    """
    x, y, width, height = (value >> coarser for value in skin.crop)
    texture = pools.textures[skin.level + coarser][skin.texture]
    patch = np.ascontiguousarray(texture[y:y + height, x:x + width])
    if skin.channels != (0, 1, 2):
        order = [v for pair in zip(skin.channels, (0, 1, 2), strict=True) for v in pair]
        source, patch = patch, patch.copy()
        cv2.mixChannels([source], [patch], [*order, 3, 3])
    curves = np.full((1, 256, 4), 255, np.uint8)
    curves[0, :, :3] = skin.curves
    patch = cv2.LUT(patch, curves)
    if skin.blur > 0.3 and not coarser:
        patch = cv2.GaussianBlur(patch, (0, 0), skin.blur)
    return patch


def mirrored(patch: np.ndarray, beyond: float) -> tuple[np.ndarray, int]:
    """
    Continue a texture by its mirror images: warps are several times slower beyond the border.

    :param patch: (h, h, 4) uint8.
    :param beyond: how far outside of it positions are, pixels.
    :returns: the larger texture, and the width of the margin on each side, pixels. The mirror
        images of the larger texture are those of the first one where positions go that far.
    """
    edge = patch.shape[0]
    margin = edge // 2 if beyond < edge // 2 - 1 else edge
    return cv2.copyMakeBorder(patch, margin, margin, margin, margin, cv2.BORDER_REFLECT), margin
