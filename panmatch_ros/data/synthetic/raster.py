"""
Draw a scene: images from sub-pixels, and exact truth from the same homographies.

Each surface is warped once per view at the resolution of the sub-pixels, tested against what is
there by order or by inverse depth, and copied. The warp quantises positions in the texture to
1/32 of its pixels, which is 1/64 pixel of an image with two sub-pixels per edge.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from .patches import INSIDE, make_patch, mirrored
from .pools import Pools
from .scene import Scene, Surface, apply

CELL_SUBPIXELS = 4     # a deformation is evaluated once per cell and interpolated by cubics
FAR_COORDINATE = 1e5
BEHIND = -1e-4          # inverse depth below which nothing is seen
AFFINE = 1e-9           # of a homography, per sub-pixel
COARSE = 1.6           # sub-pixel steps in a texture above which a coarser level is used


@dataclass(frozen=True)
class View:
    """
    One rendered view.

    :param image: (H, W, 3) uint8 RGB.
    :param surfaces: (H, W) uint8, index of the surface at each pixel.
    """

    image: np.ndarray
    surfaces: np.ndarray


@dataclass(frozen=True)
class _Roi:
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


class Renderer:
    """
    Draws the views of one scene.

    :param scene: what to draw.
    :param pools: textures and outlines.
    :param supersample: sub-pixels along the edge of a pixel.
    """

    def __init__(self, scene: Scene, pools: Pools, supersample: int) -> None:
        self._scene = scene
        self._pools = pools
        self._factor = supersample
        self._patches: dict[tuple[int, int], tuple[np.ndarray, int]] = {}

    def render(self, view: int) -> View:
        """Draw one view."""
        scene = self._scene
        height, width = (edge * self._factor for edge in scene.size)
        canvas = _Canvas(np.zeros((height, width, 4), np.uint8),
                         np.zeros((height, width), np.uint8),
                         None if scene.sorted else np.full((height, width), BEHIND, np.float32))
        count = len(scene.surfaces)
        # What is near comes first where depth decides: less is drawn that is hidden later.
        for index in range(count) if scene.sorted else reversed(range(count)):
            surface = scene.surfaces[index]
            roi = self._roi(surface, view)
            if roi is None:
                continue
            if surface.skin.outline < 0:
                self._draw_endless(canvas, index, roi, view)
            else:
                sample = self._sample(index, roi, view)
                cover = _over(cv2.extractChannel(sample, 3), INSIDE)
                canvas.draw(sample, canvas.claim(cover, surface, index, roi, view), roi)
        return View(_reduce(canvas.colors, self._factor),
                    _owner_of_pixels(canvas.owners, self._factor))

    def _draw_endless(self, canvas: '_Canvas', index: int, roi: _Roi, view: int) -> None:
        surface = self._scene.surfaces[index]
        width, height = roi.size
        cover = canvas.claim(np.full((height, width), 255, np.uint8), surface, index, roi, view)
        if surface.deforms(view):
            canvas.draw(self._sample(index, roi, view), cover, roi)
            return
        matrix = surface.to_texture @ np.linalg.inv(surface.motions[view]) @ roi.to_pixels
        finest = surface.skin.level
        for level, mask in _levels(matrix, cover, len(self._pools.textures) - finest):
            left, top, w, h = cv2.boundingRect(mask)
            if w == 0:
                continue
            part = _Roi(roi.left + left, roi.top + top, roi.left + left + w,
                        roi.top + top + h, self._factor)
            canvas.draw(self._sample(index, part, view, level),
                        mask[top:top + h, left:left + w], part)

    def _roi(self, surface: Surface, view: int) -> _Roi | None:
        """Sub-pixels that a surface may cover; None if it is out of the view."""
        height, width = (edge * self._factor for edge in self._scene.size)
        left, top, right, bottom = 0.0, 0.0, float(width), float(height)
        if surface.skin.outline >= 0:
            box = _box(surface, view)
            if box is not None:
                factor = self._factor
                left, top = max(left, factor * box[0] - 1), max(top, factor * box[1] - 1)
                right, bottom = min(right, factor * box[2] + 3), min(bottom, factor * box[3] + 3)
        if right - left < 1 or bottom - top < 1:
            return None
        return _Roi(int(left), int(top), int(np.ceil(right)), int(np.ceil(bottom)), self._factor)

    def _sample(self, index: int, roi: _Roi, view: int, level: int = 0) -> np.ndarray:
        """Colours and coverage of a surface, (h, w, 4) uint8."""
        surface = self._scene.surfaces[index]
        patch, margin = self._patch(index, level)
        border = cv2.BORDER_CONSTANT if surface.skin.outline >= 0 else cv2.BORDER_REFLECT
        to_patch = _scaling(level, margin) @ surface.to_texture
        if surface.deforms(view):
            x, y = _deformed_map(surface, to_patch, roi, view)
            return cv2.remap(patch, x, y, cv2.INTER_LINEAR, borderMode=border)
        matrix = to_patch @ np.linalg.inv(surface.motions[view]) @ roi.to_pixels
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix = matrix / matrix[2, 2]
        if abs(matrix[2, 0]) + abs(matrix[2, 1]) < AFFINE:
            return cv2.warpAffine(patch, matrix[:2], roi.size, flags=flags, borderMode=border)
        return cv2.warpPerspective(patch, matrix, roi.size, flags=flags, borderMode=border)

    def _patch(self, index: int, coarser: int) -> tuple[np.ndarray, int]:
        """(h, w, 4) uint8 texture of a surface, and the width of its margin."""
        key = (index, coarser)
        if key not in self._patches:
            skin = self._scene.surfaces[index].skin
            patch = make_patch(skin, self._pools, coarser)
            self._patches[key] = mirrored(patch) if skin.outline < 0 else (patch, 0)
        return self._patches[key]


@dataclass
class _Canvas:
    """Sub-pixels: colours, owners, and inverse depth if that decides."""

    colors: np.ndarray
    owners: np.ndarray
    nearest: np.ndarray | None

    def claim(self, cover: np.ndarray, surface: Surface, index: int, roi: _Roi,
              view: int) -> np.ndarray:
        """Make a surface the owner of what it covers and nothing hides; (h, w) mask."""
        area = roi.slices
        if self.nearest is not None:
            depth = _inverse_depth(surface, roi, view)
            cover = cv2.bitwise_and(cover, cv2.compare(depth, self.nearest[area], cv2.CMP_GT))
            cv2.copyTo(depth, cover, self.nearest[area])
        cv2.copyTo(np.full(cover.shape, index, np.uint8), cover, self.owners[area])
        return cover

    def draw(self, sample: np.ndarray, mask: np.ndarray, roi: _Roi) -> None:
        cv2.copyTo(sample, mask, self.colors[roi.slices])


def _box(surface: Surface, view: int) -> tuple[float, float, float, float] | None:
    """Rectangle of pixels around a surface; None if it reaches behind the camera."""
    _, _, w, h = surface.skin.crop
    corners = np.array([[0, w - 1, w - 1, 0], [0, 0, h - 1, h - 1]], np.float64)
    matrix = surface.motions[view] @ np.linalg.inv(surface.to_texture)
    x, y, ahead = matrix @ _homogeneous(corners) * np.sign(matrix[2] @ (w / 2, h / 2, 1))
    if ahead.min() < 1e-3 * ahead.max():
        return None
    x, y = x / ahead, y / ahead
    # A deformation moves the outline between the corners, at most by its amplitude.
    spare = 0.0 if surface.deformation is None else 2 * float(
        np.abs(surface.deformation.amplitudes).sum()) * abs(surface.gain(view))
    return x.min() - spare, y.min() - spare, x.max() + spare, y.max() + spare


def _levels(matrix: np.ndarray, cover: np.ndarray,
            available: int) -> list[tuple[int, np.ndarray]]:
    """Levels of its texture that a receding plane needs, and where each is used."""
    height, width = cover.shape
    corners = np.array([[0, width - 1, 0, width - 1], [0, 0, height - 1, height - 1]], float)
    w = matrix[2] @ _homogeneous(corners)
    if w.min() > 0.99 * w.max():
        return [(0, cover)]
    determinant = abs(float(np.linalg.det(matrix)))
    # Steps in the texture grow with the inverse of w to the power 3 / 2.
    limits = [(determinant / (COARSE * 2.0 ** level) ** 2) ** (1 / 3)
              for level in range(available - 1)]
    a, b, c = matrix[2].tolist()
    grid = (a * np.arange(width, dtype=np.float32)[None]
            + (b * np.arange(height, dtype=np.float32) + c)[:, None]).astype(np.float32)
    bands: list[tuple[int, np.ndarray]] = []
    for level, limit in enumerate(limits):
        if w.min() >= limit:
            return [*bands, (level, cover)]
        if w.max() > limit:
            band = cv2.bitwise_and(cover, _over(grid, limit))
            bands.append((level, band))
            cover = cv2.bitwise_xor(cover, band)
    return [*bands, (available - 1, cover)]


def _over(values: np.ndarray, limit: float) -> np.ndarray:
    """(h, w) uint8, 255 where values are larger; many times faster than numpy and a cast."""
    return cv2.compare(values, limit, cv2.CMP_GT)  # type: ignore[call-overload]  # stubs lack it


def _scaling(level: int, margin: int) -> np.ndarray:
    """From pixels of the crop to those of a coarser level with a margin."""
    scale = 0.5 ** level
    shift = (scale - 1) / 2 + margin
    return np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]])


def _homogeneous(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points, np.ones((1, points.shape[1]))])


def _subpixels_to_pixels(left: int, top: int, factor: int) -> np.ndarray:
    offset = 0.5 / factor - 0.5
    return np.array([[1 / factor, 0, left / factor + offset],
                     [0, 1 / factor, top / factor + offset], [0, 0, 1]])


def _inverse_depth(surface: Surface, roi: _Roi, view: int) -> np.ndarray:
    a, b, c = (surface.inverse_depths[view] @ roi.to_pixels).tolist()
    width, height = roi.size
    depth = (a * np.arange(width, dtype=np.float32)[None]
             + (b * np.arange(height, dtype=np.float32) + c)[:, None]).astype(np.float32)
    if surface.deformation is None or not surface.relief:
        return depth
    x, y = _rest_map(surface, roi, view)
    a, b, c = surface.inverse_depths[0].tolist()
    return a * x + b * y + c + surface.relief * surface.deformation(x, y)[0]


def _rest_map(surface: Surface, roi: _Roi, view: int) -> tuple[np.ndarray, np.ndarray]:
    """Rest coordinates of all sub-pixels, (h, w) float32 each."""
    width, height = roi.size
    cells = [-(-edge // CELL_SUBPIXELS) + 4 for edge in (width, height)]
    centre = (CELL_SUBPIXELS - 1) / 2
    u = CELL_SUBPIXELS * (np.arange(cells[0], dtype=np.float32) - 2) + centre
    v = CELL_SUBPIXELS * (np.arange(cells[1], dtype=np.float32) - 2) + centre
    back = np.linalg.inv(surface.motions[view]) @ roi.to_pixels
    x, y = apply(back, *np.meshgrid(u, v))
    assert surface.deformation is not None
    coarse = np.stack(surface.deformation.invert(x, y, surface.gain(view)), -1)
    fine = cv2.resize(coarse, None, fx=CELL_SUBPIXELS, fy=CELL_SUBPIXELS,
                      interpolation=cv2.INTER_CUBIC)
    start = 2 * CELL_SUBPIXELS
    fine = fine[start:start + height, start:start + width]
    x, y = apply(back, np.arange(width, dtype=np.float32)[None],
                 np.arange(height, dtype=np.float32)[:, None])
    return x + fine[..., 0], y + fine[..., 1]


def _deformed_map(surface: Surface, to_patch: np.ndarray, roi: _Roi,
                  view: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = apply(to_patch, *_rest_map(surface, roi, view))
    return (np.clip(x, -FAR_COORDINATE, FAR_COORDINATE).astype(np.float32),
            np.clip(y, -FAR_COORDINATE, FAR_COORDINATE).astype(np.float32))


def _reduce(colors: np.ndarray, factor: int) -> np.ndarray:
    if factor > 1:
        colors = cv2.resize(colors, None, fx=1 / factor, fy=1 / factor,
                            interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(colors, cv2.COLOR_RGBA2RGB)


def _owner_of_pixels(owners: np.ndarray, factor: int) -> np.ndarray:
    """Surface at the centre of each pixel: of its four closest sub-pixels, a middle one."""
    low, high = (factor - 1) // 2, factor // 2
    if low == high:
        return np.ascontiguousarray(owners[low::factor, low::factor])
    falling = cv2.min(owners[low::factor, low::factor], owners[high::factor, high::factor])
    rising = cv2.min(owners[low::factor, high::factor], owners[high::factor, low::factor])
    return cv2.max(falling, rising)
