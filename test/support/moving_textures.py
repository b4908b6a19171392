"""Pairs of images with a known displacement."""
import cv2
import numpy as np

SIZE = (64, 160)
MARGIN = 80  # of the texture around the image, pixels: the largest displacement


def texture(size=SIZE, seed=0, sigma=1.2):
    """(H + 2 * MARGIN, W + 2 * MARGIN) uint8 of blurred noise that fills the grey scale."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((size[0] + 2 * MARGIN, size[1] + 2 * MARGIN))
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.clip(128 + 50 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def crop(image, x, y, size=SIZE):
    """Cut a window whose corner is at (x, y), by cubic interpolation if that is not whole."""
    shift = np.array([[1, 0, x], [0, 1, y]], np.float64)
    return cv2.warpAffine(image, shift, size[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


def moved_pair(u, v, size=SIZE, seed=0, sigma=1.2):
    """Two images with the flow (u, v) everywhere."""
    image = texture(size, seed, sigma)
    return crop(image, MARGIN, MARGIN, size), crop(image, MARGIN - u, MARGIN - v, size)


def stereo_pair(disparity, size=SIZE, seed=0):
    """A rectified pair of a wall that faces the cameras."""
    return moved_pair(-disparity, 0, size, seed)
