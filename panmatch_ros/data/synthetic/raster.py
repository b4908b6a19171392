"""
Draw a scene: images from sub-pixels, and exact truth from the same homographies.

Each surface is warped once per view at the resolution of the sub-pixels, tested against what is
there by order or by inverse depth, and copied. The warp quantises positions in the texture to
1/32 of its pixels, which is 1/64 pixel of an image with two sub-pixels per edge.
"""
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from .patches import make_patch, mirrored
from .pools import INSIDE, OUTLINE_EDGE, Pools
from .scene import FULL_OUTLINE, Scene, Surface
from .subpixels import (
    Region,
    bounding_box,
    homogeneous,
    inverse_depth,
    margin_shift,
    over,
    scaling,
    sphere_cover,
    sphere_levels,
    texture_levels,
    warp_surface,
)

BEHIND = -1e-4   # inverse depth below which nothing is seen
FULL = np.full((OUTLINE_EDGE, OUTLINE_EDGE), 255, np.uint8)


@dataclass(frozen=True)
class View:
    """
    One rendered view.

    :param image: (H, W, 3) uint8 RGB.
    :param surfaces: (H, W) uint8, index of the surface at the centre of each pixel.
    """

    image: np.ndarray
    surfaces: np.ndarray


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
        self._patches: dict[tuple[int, int, int], tuple[np.ndarray, int]] = {}

    def render(self, view: int) -> View:
        """Draw one view."""
        height, width = (edge * self._factor for edge in self._scene.size)
        colors = np.zeros((height, width, 4), np.uint8)
        order = _Order(self._scene, self._factor, view)
        for index, roi in self._visible(view, self._factor):
            mine = order.claim(self._inside(index, roi, view), index, roi)
            for level, mask in self._texture_levels(index, roi, view, mine):
                self._paint(colors, mask, roi, (index, view, level))
        return View(_reduce(colors, self._factor), self._owners(view))

    def _owners(self, view: int) -> np.ndarray:
        """Surface at the centre of each pixel, (H, W) uint8."""
        owners = np.zeros(self._scene.size, np.uint8)
        order = _Order(self._scene, 1, view)
        for index, roi in self._visible(view, 1):
            mine = order.claim(self._inside(index, roi, view), index, roi)
            cv2.copyTo(np.full(mine.shape, index, np.uint8), mine, owners[roi.slices])
        return owners

    def _visible(self, view: int, factor: int) -> Iterator[tuple[int, Region]]:
        """Surfaces in the order of drawing, and the sub-pixels that each may cover."""
        count = len(self._scene.surfaces)
        # What is near comes first where depth decides: less is drawn that is hidden later.
        for index in range(count) if self._scene.sorted else reversed(range(count)):
            roi = self._roi(self._scene.surfaces[index], view, factor)
            if roi is not None:
                yield index, roi

    def _texture_levels(self, index: int, roi: Region, view: int,
                        cover: np.ndarray) -> list[tuple[int, np.ndarray]]:
        surface = self._scene.surfaces[index]
        available = len(self._pools.textures) - surface.skin.level
        if surface.sphere is not None:
            return sphere_levels(surface, (roi, view), cover, available)
        if surface.skin.outline >= 0 or surface.deforms(view):
            return [(0, cover)]
        matrix = surface.to_texture @ surface.inverse_motions[view] @ roi.to_pixels
        return texture_levels(matrix, cover, available)

    def _paint(self, colors: np.ndarray, mask: np.ndarray, roi: Region,
               what: tuple[int, int, int]) -> None:
        """Colour what a mask shows of a rectangle: a surface in a view, at a texture level."""
        left, top, width, height = cv2.boundingRect(mask)
        if width == 0:
            return
        part = Region(roi.left + left, roi.top + top, roi.left + left + width,
                      roi.top + top + height, roi.factor)
        cv2.copyTo(self._sample(part, *what), mask[top:top + height, left:left + width],
                   colors[part.slices])

    def _roi(self, surface: Surface, view: int, factor: int) -> Region | None:
        """Sub-pixels that a surface may cover, all if it has no border; None if out of view."""
        height, width = (edge * factor for edge in self._scene.size)
        left, top, right, bottom = 0.0, 0.0, float(width), float(height)
        box = bounding_box(surface, view) if surface.bounded else None
        if box is not None:
            left, top = max(left, factor * box[0] - 1), max(top, factor * box[1] - 1)
            right, bottom = min(right, factor * box[2] + 3), min(bottom, factor * box[3] + 3)
        if right - left < 1 or bottom - top < 1:
            return None
        return Region(int(left), int(top), int(np.ceil(right)), int(np.ceil(bottom)), factor)

    def _sample(self, roi: Region, index: int, view: int, level: int) -> np.ndarray:
        """Colours of a surface, (h, w, 4) uint8."""
        surface = self._scene.surfaces[index]
        border = cv2.BORDER_REPLICATE if surface.skin.outline >= 0 else cv2.BORDER_REFLECT
        to_patch = scaling(level) @ surface.to_texture
        patch, margin = self._patch(index, level, 0.0)
        if not surface.bounded and not surface.deforms(view):
            matrix = to_patch @ surface.inverse_motions[view] @ roi.to_pixels
            patch, margin = self._patch(index, level, self._beyond(matrix, index, level, roi))
        return warp_surface(patch, margin_shift(margin) @ to_patch, border, (surface, roi, view))

    def _inside(self, index: int, roi: Region, view: int) -> np.ndarray:
        """Whether sub-pixels are inside of the outline of a surface, (h, w) mask."""
        surface = self._scene.surfaces[index]
        if surface.sphere is not None:
            return sphere_cover(surface, roi, view)
        if surface.skin.outline < 0:
            return _everywhere(roi)
        _, _, width, height = surface.skin.crop
        x, y = OUTLINE_EDGE / width, OUTLINE_EDGE / height
        to_outline = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
        outline = (FULL if surface.skin.outline == FULL_OUTLINE
                   else np.asarray(self._pools.outlines[surface.skin.outline]))
        # At the resolution of the outlines: thin parts survive where the texture is coarse.
        return over(warp_surface(outline, to_outline @ surface.to_texture, cv2.BORDER_CONSTANT,
                                 (surface, roi, view)), INSIDE)

    def _beyond(self, matrix: np.ndarray, index: int, level: int, roi: Region) -> float:
        """How far outside of a texture without border a rectangle reaches, texture pixels."""
        width, height = roi.size
        edge = self._scene.surfaces[index].skin.crop[2] >> level
        corners = np.array([[0, width - 1, 0, width - 1], [0, 0, height - 1, height - 1]], float)
        x, y, w = matrix @ homogeneous(corners)
        if w.min() <= 0:
            return np.inf
        return max(-float(min((x / w).min(), (y / w).min())),
                   float(max((x / w).max(), (y / w).max())) - (edge - 1), 0.0)

    def _patch(self, index: int, level: int, beyond: float) -> tuple[np.ndarray, int]:
        """(h, w, 4) uint8 texture of a surface, and the width of its margin."""
        edge = self._scene.surfaces[index].skin.crop[2] >> level
        key = (index, level, 0 if beyond == 0 else 1 if beyond < edge // 2 - 1 else 2)
        if key not in self._patches:
            if beyond > 0:
                self._patches[key] = mirrored(self._patch(index, level, 0.0)[0], beyond)
            else:
                skin = self._scene.surfaces[index].skin
                self._patches[key] = make_patch(skin, self._pools, level), 0
        return self._patches[key]


class _Order:
    """Finds where a surface is in front of those before it, in one view."""

    def __init__(self, scene: Scene, factor: int, view: int) -> None:
        self.view = view
        self._scene = scene
        height, width = scene.size
        self._nearest = None if scene.sorted else np.full((factor * height, factor * width),
                                                          BEHIND, np.float32)

    def claim(self, inside: np.ndarray, index: int, roi: Region) -> np.ndarray:
        """Where a surface is seen so far, (h, w) mask; earlier ones are hidden there."""
        if self._nearest is None:
            return inside
        nearest = self._nearest[roi.slices]
        depth = inverse_depth(self._scene.surfaces[index], roi, self.view)
        mine = cv2.bitwise_and(inside, cv2.compare(depth, nearest, cv2.CMP_GT))
        cv2.copyTo(depth, mine, nearest)
        return mine


def _everywhere(roi: Region) -> np.ndarray:
    width, height = roi.size
    return np.full((height, width), 255, np.uint8)


def _reduce(colors: np.ndarray, factor: int) -> np.ndarray:
    if factor > 1:
        colors = cv2.resize(colors, None, fx=1 / factor, fy=1 / factor,
                            interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(colors, cv2.COLOR_RGBA2RGB)
