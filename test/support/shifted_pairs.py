"""Stereo pairs of a texture that was moved as a whole, not only along the rows."""
import cv2
import numpy as np

SIZE = (240, 320)


def texture(size=SIZE, seed=0):
    """(H, W) uint8 blobs a few pixels wide, 60 px larger than asked on every side."""
    noise = np.random.default_rng(seed).normal(size=(size[0] + 120, size[1] + 120))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2) + 2 * cv2.GaussianBlur(noise, (0, 0), 6)
    return np.clip(128 + 45 * smooth / smooth.std(), 0, 255).astype(np.float32)


def pair(disparity=20.0, v=0.0, size=SIZE, seed=0):
    """Left and right image; what is at (x, y) is at (x - disparity, y + v)."""
    big = texture(size, seed)
    views = []
    for dx, dy in ((0, 0), (-disparity, v)):
        M = np.float32([[1, 0, 60 - dx], [0, 1, 60 - dy]])
        views.append(cv2.warpAffine(big, M, size[::-1],
                                    flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP))
    return tuple(np.clip(np.rint(view), 0, 255).astype(np.uint8) for view in views)
