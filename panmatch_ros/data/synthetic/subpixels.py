"""Rectangles of sub-pixels: what a surface covers there, how deep, and where in its texture."""
from dataclasses import dataclass

import cv2
import numpy as np

from .scene import FULL_OUTLINE, Surface, apply

CELL_PX = 2            # a deformation is evaluated once per cell and interpolated by cubics
FAR_COORDINATE = 1e5
AFFINE = 1e-9          # of a homography, per sub-pixel
COARSE = 1.6           # sub-pixel steps in a texture above which a coarser level is used


@dataclass(frozen=True)
class Region:
    """A rectangle of sub-pixels, and how many of them are along the edge of a pixel."""

    left: int
    top: int
    right: int
    bottom: int
    factor: int

    @property
    def to_pixels(self) -> np.ndarray:
        return _subpixels_to_pixels(self.left, self.top, self.factor)

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top


def bounding_box(surface: Surface, view: int) -> tuple[float, float, float, float] | None:
    """Rectangle of pixels around a surface; None if it reaches behind the camera."""
    if surface.sphere is not None:
        return surface.sphere.box(view)
    _, _, w, h = surface.skin.crop
    corners = np.array([[0, w - 1, w - 1, 0], [0, 0, h - 1, h - 1]], np.float64)
    if surface.skin.outline == FULL_OUTLINE:
        corners += 0.5 * np.array([[-1, 1, 1, -1], [-1, -1, 1, 1]])
    matrix = surface.motions[view] @ np.linalg.inv(surface.to_texture)
    x, y, ahead = matrix @ homogeneous(corners) * np.sign(matrix[2] @ (w / 2, h / 2, 1))
    if ahead.min() < 1e-3 * ahead.max():
        return None
    x, y = x / ahead, y / ahead
    # A deformation moves the outline between the corners, at most by its amplitude.
    spare = 0.0 if surface.deformation is None else 2 * float(
        np.abs(surface.deformation.amplitudes).sum()) * abs(surface.gain(view))
    return x.min() - spare, y.min() - spare, x.max() + spare, y.max() + spare


def texture_levels(matrix: np.ndarray, cover: np.ndarray,
                   available: int) -> list[tuple[int, np.ndarray]]:
    """Levels of its texture that a receding plane needs, and where each is used."""
    height, width = cover.shape
    corners = np.array([[0, width - 1, 0, width - 1], [0, 0, height - 1, height - 1]], float)
    w = matrix[2] @ homogeneous(corners)
    if w.min() > 0.99 * w.max():
        return [(0, cover)]
    determinant = abs(float(np.linalg.det(matrix)))
    # Steps in the texture grow with the inverse of w to the power 3 / 2.
    limits = [(determinant / (COARSE * 2.0 ** level) ** 2) ** (1 / 3)
              for level in range(available - 1)]
    a, b, c = matrix[2].tolist()
    grid = _affine(a, b, c, (height, width))
    bands: list[tuple[int, np.ndarray]] = []
    for level, limit in enumerate(limits):
        if w.min() >= limit:
            return [*bands, (level, cover)]
        if w.max() > limit:
            band = cv2.bitwise_and(cover, over(grid, limit))
            bands.append((level, band))
            cover = cv2.bitwise_xor(cover, band)
    return [*bands, (available - 1, cover)]


def sphere_levels(surface: Surface, place: tuple[Region, int], cover: np.ndarray,
                  available: int) -> list[tuple[int, np.ndarray]]:
    """
    Levels of its texture that a ball needs: a coarser one near its outline.

    :param surface: the ball.
    :param place: rectangle of sub-pixels, and view.
    :param cover: (h, w) mask of what is seen of it.
    :param available: number of levels.
    :returns: levels, and where each is used.
    """
    roi, view = place
    sphere = surface.sphere
    assert sphere is not None
    texels = np.sqrt(abs(float(np.linalg.det(surface.to_texture[:2, :2]))))
    step = texels * float(sphere.centres[view, 2]) / (sphere.K[0, 0] * roi.factor * sphere.radius)
    finest = min(max(int(np.ceil(np.log2(step / COARSE))), 0), available - 1)
    if finest == available - 1:
        return [(finest, cover)]
    # Steps grow with the inverse root of the cosine to the ray, which is the root of q / radius^2.
    limit = sphere.radius ** 2 * (step / (COARSE * 2.0 ** finest)) ** 4
    middle = cv2.bitwise_and(cover, over(sphere.discriminant((roi.to_pixels, roi.size), view),
                                         limit))
    return [(finest, middle), (finest + 1, cv2.bitwise_xor(cover, middle))]


def sphere_cover(surface: Surface, roi: Region, view: int) -> np.ndarray:
    """Sub-pixels of a ball, (h, w) mask."""
    assert surface.sphere is not None
    return over(surface.sphere.discriminant((roi.to_pixels, roi.size), view), 0.0)


def _affine(a: float, b: float, c: float, size: tuple[int, int]) -> np.ndarray:
    """Evaluate ``a * x + b * y + c``, (h, w) float32."""
    return (a * np.arange(size[1], dtype=np.float32)[None]
            + (b * np.arange(size[0], dtype=np.float32) + c)[:, None])


def over(values: np.ndarray, limit: float) -> np.ndarray:
    """(h, w) uint8, 255 where values are larger; many times faster than numpy and a cast."""
    return cv2.compare(values, limit, cv2.CMP_GT)  # type: ignore[call-overload]  # stubs lack it


def scaling(level: int) -> np.ndarray:
    """From pixels of the crop to those of a coarser level."""
    scale = 0.5 ** level
    shift = (scale - 1) / 2
    return np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]])


def margin_shift(margin: int) -> np.ndarray:
    """From pixels of a texture to those of the same one with a margin."""
    return np.array([[1.0, 0, margin], [0, 1, margin], [0, 0, 1]])


def homogeneous(points: np.ndarray) -> np.ndarray:
    """Append a row of ones."""
    return np.concatenate([points, np.ones((1, points.shape[1]))])


def _subpixels_to_pixels(left: int, top: int, factor: int) -> np.ndarray:
    offset = 0.5 / factor - 0.5
    return np.array([[1 / factor, 0, left / factor + offset],
                     [0, 1 / factor, top / factor + offset], [0, 0, 1]])


def inverse_depth(surface: Surface, roi: Region, view: int) -> np.ndarray:
    """Inverse depth of a surface at all sub-pixels, (h, w) float32."""
    if surface.sphere is not None:
        return surface.sphere.nearness_grid((roi.to_pixels, roi.size), view)
    a, b, c = (surface.inverse_depths[view] @ roi.to_pixels).tolist()
    width, height = roi.size
    depth = _affine(a, b, c, (height, width))
    if surface.deformation is None or not surface.relief:
        return depth
    x, y = _rest_map(surface, roi, view)
    a, b, c = surface.inverse_depths[0].tolist()
    return a * x + b * y + c + surface.relief * surface.deformation(x, y)[0]


def _rest_map(surface: Surface, roi: Region, view: int) -> tuple[np.ndarray, np.ndarray]:
    """Rest coordinates of all sub-pixels, (h, w) float32 each."""
    width, height = roi.size
    cell = CELL_PX * roi.factor
    cells = [-(-edge // cell) + 4 for edge in (width, height)]
    u = cell * (np.arange(cells[0], dtype=np.float32) - 2) + (cell - 1) / 2
    v = cell * (np.arange(cells[1], dtype=np.float32) - 2) + (cell - 1) / 2
    back = surface.inverse_motions[view] @ roi.to_pixels
    x, y = apply(back, *np.meshgrid(u, v))
    assert surface.deformation is not None
    coarse = np.stack(surface.deformation.invert(x, y, surface.gain(view)), -1)
    fine = cv2.resize(coarse, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
    fine = fine[2 * cell:2 * cell + height, 2 * cell:2 * cell + width]
    x, y = apply(back, np.arange(width, dtype=np.float32)[None],
                 np.arange(height, dtype=np.float32)[:, None])
    return x + fine[..., 0], y + fine[..., 1]


def warp_surface(source: np.ndarray, to_source: np.ndarray, border: int,
                 place: tuple[Surface, Region, int]) -> np.ndarray:
    """
    Draw a picture that is attached to a surface.

    :param source: (H, W) or (H, W, 4) uint8.
    :param to_source: (3, 3) from rest coordinates of the surface to pixels of the picture.
    :param border: what is beyond the picture, a border type of OpenCV.
    :param place: surface, rectangle of sub-pixels, and view.
    :returns: (h, w) or (h, w, 4) uint8.
    """
    surface, roi, view = place
    if surface.sphere is not None or surface.deforms(view):
        x, y = _curved_map(surface, to_source, roi, view)
        return cv2.remap(source, x, y, cv2.INTER_LINEAR, borderMode=border)
    matrix = to_source @ surface.inverse_motions[view] @ roi.to_pixels
    matrix = matrix / matrix[2, 2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if abs(matrix[2, 0]) + abs(matrix[2, 1]) < AFFINE:
        return cv2.warpAffine(source, matrix[:2], roi.size, flags=flags, borderMode=border)
    return cv2.warpPerspective(source, matrix, roi.size, flags=flags, borderMode=border)


def _curved_map(surface: Surface, to_patch: np.ndarray, roi: Region,
                view: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the texture of a ball or a surface that deforms, (h, w) float32 each."""
    rest = (_rest_map(surface, roi, view) if surface.sphere is None
            else surface.sphere.rest_grid((roi.to_pixels, roi.size), view))
    x, y = apply(to_patch, *rest)
    return (np.clip(x, -FAR_COORDINATE, FAR_COORDINATE).astype(np.float32, copy=False),
            np.clip(y, -FAR_COORDINATE, FAR_COORDINATE).astype(np.float32, copy=False))
