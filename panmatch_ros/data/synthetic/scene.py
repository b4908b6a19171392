"""
Scenes of textured surfaces, as descriptions that any renderer can draw.

A surface lives in rest coordinates, pixels: those of view 0 unless it deforms there too. Each
view moves them by a homography; the homography of rest coordinates to texture pixels is the
same for all views. Inverse depth is affine in the pixels of a view, for any plane. A ball has
rest coordinates of its own, see :mod:`.sphere`.
"""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .sphere import Sphere

FULL_OUTLINE = 1 << 16    # of a skin that covers the whole of its crop
FIXED_POINT_STEPS = 10


@dataclass(frozen=True)
class WaveField:
    """
    A smooth field of displacements: a few sines.

    :param waves: (N, 2) radians per pixel.
    :param phases: (N,) radians.
    :param amplitudes: (N, 2) pixels. The sum of ``|amplitude| * |wave|`` is below one half, so
        that ``r + field(r)`` has an inverse, which the fixed point finds.
    """

    waves: np.ndarray
    phases: np.ndarray
    amplitudes: np.ndarray

    def __call__(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dx, dy = np.zeros_like(x), np.zeros_like(x)
        for wave, phase, amplitude in zip(self.waves.tolist(), self.phases.tolist(),
                                          self.amplitudes.tolist(), strict=True):
            value = np.sin(wave[0] * x + wave[1] * y + phase)
            if amplitude[0]:
                dx += amplitude[0] * value
            if amplitude[1]:
                dy += amplitude[1] * value
        return dx, dy

    def invert(self, x: np.ndarray, y: np.ndarray,
               gain: float) -> tuple[np.ndarray, np.ndarray]:
        """Offsets ``r - (x, y)`` of the positions r that ``r + gain * field(r)`` takes there."""
        dx, dy = np.zeros_like(x), np.zeros_like(x)
        if gain == 0:
            return dx, dy
        for _ in range(FIXED_POINT_STEPS):
            fx, fy = self(x + dx, y + dy)
            dx, dy = -gain * fx, -gain * fy
        return dx, dy


@dataclass(frozen=True)
class Skin:
    """
    What a surface looks like.

    :param texture: index into the pool.
    :param level: level of the pool that is closest to the resolution of the image.
    :param crop: x, y, width and height in pixels of that level.
    :param channels: order of the colour channels.
    :param curves: (256, 3) uint8, what becomes of each level of each channel.
    :param blur: standard deviation, texture pixels; 0 for none.
    :param outline: index into the pool; -1 for a surface without a border of its own, and
        ``FULL_OUTLINE`` for the rectangle of the crop.
    """

    texture: int
    level: int
    crop: tuple[int, int, int, int]
    channels: tuple[int, int, int]
    curves: np.ndarray
    blur: float
    outline: int


@dataclass(frozen=True)
class Surface:
    """
    A textured piece of a plane, or of a plane that deforms, or a ball.

    :param to_texture: (3, 3) homography from rest coordinates to pixels of the crop.
    :param motions: (T, 3, 3) homographies from rest coordinates to the pixels of each view.
    :param inverse_depths: (T, 3) inverse depth in each view as ``w @ (x, y, 1)``, any unit.
    :param deformation: what is added to the rest coordinates before the motion, times gains.
    :param gains: (T,) of the deformation.
    :param relief: inverse depth per pixel of the deformation's x; not zero in stereo pairs.
    :param moves: whether it moves besides the camera.
    :param sphere: of a ball; motions and inverse depths have no meaning then.
    """

    skin: Skin
    to_texture: np.ndarray
    motions: np.ndarray
    inverse_depths: np.ndarray
    deformation: WaveField | None = None
    gains: np.ndarray | None = None
    relief: float = 0.0
    moves: bool = False
    sphere: Sphere | None = None

    @property
    def bounded(self) -> bool:
        """Whether it has a border in its own plane, or is a ball."""
        return self.skin.outline >= 0 or self.sphere is not None

    @cached_property
    def inverse_motions(self) -> np.ndarray:
        """(T, 3, 3) homographies from the pixels of each view to rest coordinates."""
        return np.linalg.inv(self.motions)

    def gain(self, view: int) -> float:
        return 0.0 if self.gains is None else float(self.gains[view])

    def deforms(self, view: int) -> bool:
        return self.deformation is not None and self.gain(view) != 0

    def rest(self, x: np.ndarray, y: np.ndarray, view: int) -> tuple[np.ndarray, np.ndarray]:
        """Rest coordinates of the pixels of a view."""
        x, y = apply(self.inverse_motions[view], x, y)
        if self.deformation is None or not self.deforms(view):
            return x, y
        dx, dy = self.deformation.invert(x, y, self.gain(view))
        return x + dx, y + dy

    def place(self, x: np.ndarray, y: np.ndarray, view: int) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of a view where rest coordinates are seen."""
        if self.deformation is not None and self.deforms(view):
            dx, dy = self.deformation(x, y)
            x, y = x + self.gain(view) * dx, y + self.gain(view) * dy
        return apply(self.motions[view], x, y)


@dataclass(frozen=True)
class Scene:
    """
    Surfaces and the views of them.

    :param size: height and width, pixels.
    :param surfaces: from the farthest to the nearest, where that is clear.
    :param sorted: whether later surfaces always hide earlier ones; otherwise inverse depth
        decides at every pixel.
    :param stereo: whether the views are a rectified pair.
    :param depth_scale: depth in metres times inverse depth; None if there is no depth.
    :param K: (3, 3) intrinsics; None if there is no camera.
    :param poses: (T, 4, 4) from the frame of view 0 into that of each view; None likewise.
    """

    size: tuple[int, int]
    surfaces: list[Surface]
    sorted: bool = False
    stereo: bool = False
    depth_scale: float | None = None
    K: np.ndarray | None = None
    poses: np.ndarray | None = None


def ball(skin: Skin, to_texture: np.ndarray, sphere: Sphere, moves: bool) -> Surface:
    """
    Make the surface of a ball.

    :param skin: what it looks like.
    :param to_texture: (3, 3) affine map from the coordinates of Lambert's map to the texture.
    :param sphere: where it is.
    :param moves: whether it moves besides the camera.
    """
    views = len(sphere.centres)
    return Surface(skin, to_texture, np.tile(np.eye(3), (views, 1, 1)), np.zeros((views, 3)),
                   moves=moves, sphere=sphere)


def apply(homography: np.ndarray, x: np.ndarray,
          y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transform positions by a homography."""
    (a, b, c), (d, e, f), (g, h, i) = homography.tolist()
    u, v = a * x + b * y + c, d * x + e * y + f
    if g == 0 and h == 0:
        return (u, v) if i == 1 else (u / i, v / i)
    w = g * x + h * y + i
    return u / w, v / w
