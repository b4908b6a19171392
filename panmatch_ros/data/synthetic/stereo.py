"""Rectified stereo scenes: planes, balls, and bumpy surfaces whose disparity is smooth."""
from dataclasses import dataclass

import numpy as np

from .layered import random_place
from .recipe import SceneRecipe
from .scene import Scene, Skin, Surface, WaveField
from .skins import Places, SkinPicker, log_uniform, random_field, with_perspective
from .solids import random_ball

FOCAL_WIDTHS = 1.0       # focal length in widths of the image
BASELINE_M = 0.12
LARGEST_SLOPE = 0.45     # disparity per pixel
LARGEST_RISE = 1.8       # of the disparity of an object, from its middle to its near end
THIN_SHARE = 0.45
NEAR_SHARE = 0.4         # scenes whose nearest disparity is not spread over its logarithm


@dataclass(frozen=True)
class _Range:
    """Disparities of a scene, pixels: of its background and of its nearest object."""

    far: float
    near: float


def stereo_scene(random: np.random.Generator, recipe: SceneRecipe,
                 picker: SkinPicker) -> Scene:
    """
    Draw a rectified pair: a room, clutter, a near wall, or slanted pieces.

    :param random: source of all choices.
    :param recipe: sizes, strengths and shares.
    :param picker: looks.
    :returns: a scene of two views; view 1 is the right one.
    """
    largest = recipe.max_disparity
    near = log_uniform(random, min(5.0, largest / 2), largest)
    if random.random() < NEAR_SHARE:
        near = max(near, random.uniform(0.2, 1.0) * largest)
    far = near * random.uniform(0, 0.6) if random.random() < 0.8 else 0.0
    span = _Range(far, near)
    focal = FOCAL_WIDTHS * recipe.width
    K = np.array([[focal, 0, (recipe.width - 1) / 2], [0, focal, (recipe.height - 1) / 2],
                  [0, 0, 1.0]])
    pose = np.eye(4)
    pose[0, 3] = -BASELINE_M
    poses = np.stack([np.eye(4), pose])
    builder = _Builder(random, recipe, picker, span, (K, poses))
    kind = random.random()
    if kind < recipe.clutter_share:
        builder.background()
        builder.objects(int(random.integers(10, 26)), True)
    elif kind < recipe.clutter_share + recipe.near_wall_share:
        builder.near_wall()
        builder.objects(int(random.integers(0, 5)), False)
    elif kind < recipe.clutter_share + recipe.near_wall_share + recipe.room_share:
        builder.background()
        builder.room()
        builder.objects(int(random.integers(2, 9)), False)
    else:
        builder.background()
        builder.objects(int(random.integers(3, 10)), random.random() < 0.2)
    return Scene(recipe.size, builder.surfaces, stereo=True, depth_scale=focal * BASELINE_M,
                 K=K, poses=poses)


class _Builder:
    def __init__(self, random: np.random.Generator, recipe: SceneRecipe, picker: SkinPicker,
                 span: _Range, rig: tuple[np.ndarray, np.ndarray]) -> None:
        self.surfaces: list[Surface] = []
        self._random = random
        self._recipe = recipe
        self._picker = picker
        self._span = span
        self._rig = rig

    def background(self) -> None:
        """Add a far wall, straight or slanted."""
        random, recipe = self._random, self._recipe
        plane = self._fit(random.normal(0, 0.03, 2) * (random.random() < 0.6), self._span.far)
        far = self._span.far
        bumps = self._bumps(0.5 * min(far, recipe.max_disparity - far), 0.5 * recipe.height)
        self._endless(plane, None, bumps)

    def near_wall(self) -> None:
        """Add a wall of little texture and large disparity that covers the view, or a part."""
        random = self._random
        slope = random.normal(0, (0.15, 0.06))
        plain = random.random() < 0.6
        if random.random() < 0.5:
            self._endless(self._fit(slope, random.uniform(0.4, 0.9) * self._span.near), plain)
            return
        self.background()
        normal = random.uniform(0, 2 * np.pi)
        steep = random.uniform(0.05, LARGEST_SLOPE) * np.array([np.cos(normal),
                                                                0.5 * np.sin(normal)])
        self._endless(self._fit(steep, random.uniform(0.3, 0.8) * self._span.near, False), plain)

    def room(self) -> None:
        """Add a floor, and some side walls and a ceiling: each is in front where it is near."""
        random, recipe = self._random, self._recipe
        height, width = recipe.size
        horizon = height * random.uniform(0.15, 0.6)
        bottom = random.uniform(0.4, 1.0) * self._span.near
        slope = bottom / (height - 1 - horizon)
        self._endless(np.array([0, slope, -slope * horizon]), None)
        if random.random() < 0.25:
            top = slope * random.uniform(0.3, 1.2)
            self._endless(np.array([0, -top, top * horizon]), None)
        for side in (-1, 1):
            if random.random() < 0.35:
                steep = random.uniform(0.3, 0.9) * self._span.near / width
                largest = self._recipe.max_disparity
                slope = side * min(steep, largest / (0.6 * width + largest))
                self._endless(np.array([slope, 0, -slope * width * random.uniform(0.4, 0.6)]),
                              None)

    def objects(self, count: int, small: bool) -> None:
        """Add pieces, thin ones among them, from the background to the nearest disparity."""
        random = self._random
        near = self._span.near
        pieces = np.sort(random.beta(1.0, 1.2 if small else 1.6, count))
        for share in pieces.tolist():
            disparity = self._span.far + share * (near - self._span.far)
            thin = random.random() < THIN_SHARE
            place = random_place(random, self._recipe, thin, small)
            place = Places(place.x + 0.5 * disparity * random.random(), place.y, place.width,
                           place.height, place.angle)
            if not self._ball(place, max(disparity, 0.2)):
                self._piece(place, max(disparity, 0.2), thin)

    def _ball(self, place: Places, disparity: float) -> bool:
        """Add a ball, if it is the turn of one and there is room for it."""
        recipe, (K, poses) = self._recipe, self._rig
        if recipe.sphere_share == 0 or self._random.random() >= recipe.sphere_share:
            return False
        scale = float(K[0, 0]) * BASELINE_M
        made = random_ball(self._random, self._picker, place, (K, scale / disparity),
                           scale / recipe.max_disparity)
        if made is None:
            return False
        surfaces = made.surfaces(K, poses, np.zeros(6), scale)
        self.surfaces += surfaces
        return bool(surfaces)

    def _piece(self, place: Places, disparity: float, thin: bool) -> None:
        random = self._random
        slope = random.normal(0, (0.12, 0.08)) * (random.random() < 0.6)
        radius = 0.5 * float(np.hypot(place.width, place.height))
        # In perspective the near end reaches d / (1 - s), with s the slope times radius / d.
        largest = self._recipe.max_disparity
        most = max(1 - disparity / min(largest, LARGEST_RISE * disparity), 0.0)
        steep = float(np.linalg.norm(slope))
        slope *= min(1.0, LARGEST_SLOPE / max(steep, 1e-9),
                     most * disparity / max(steep * radius, 1e-9))
        share = float(np.linalg.norm(slope)) * radius / disparity
        left = min(0.9 * disparity / (1 + share), largest - disparity / (1 - share))
        plane = np.array([*slope, disparity - slope @ (place.x, place.y)])
        skin, to_texture = self._picker.bounded(place, thin)
        if share > 0:
            to_texture = with_perspective(to_texture, plane, (place.x, place.y))
        bumps = self._bumps(left, 0.7 * max(place.width, 24.0))
        self.surfaces.append(_surface(skin, to_texture, plane, bumps))

    def _endless(self, plane: np.ndarray, plain: bool | None,
                 bumps: WaveField | None = None) -> None:
        height, width = self._recipe.size
        corners = np.array([(0, 0, 1), (width - 1, 0, 1), (0, height - 1, 1),
                            (width - 1, height - 1, 1)], float)
        nearest = corners[int((corners @ plane).argmax())]
        centre = (float(nearest[0]), float(nearest[1]))
        skin, to_texture = self._picker.unbounded(centre, plain)
        if abs(plane[0]) + abs(plane[1]) > 1e-6 and bumps is None:
            to_texture = with_perspective(to_texture, plane, centre)
        self.surfaces.append(_surface(skin, to_texture, plane, bumps))

    def _fit(self, slope: np.ndarray, disparity: float, everywhere: bool = True) -> np.ndarray:
        """
        Plane through a disparity in the middle of the image.

        Less steep where it would leave the range of the recipe in sight of either camera, or
        only above that range if it need not be in front of the cameras everywhere.
        """
        height, width = self._recipe.size
        largest = self._recipe.max_disparity
        x = np.array([0, width - 1 + largest]) - (width - 1) / 2
        y = np.array([0, height - 1]) - (height - 1) / 2
        offsets = np.array([slope[0] * u + slope[1] * v for u in x for v in y])
        share = 0.5 if everywhere else 1.0  # the other half is for bumps
        factor = min(1.0, share * (largest - disparity) / max(float(offsets.max()), 1e-9))
        if everywhere:
            factor = min(factor, share * disparity / max(-float(offsets.min()), 1e-9))
        slope = np.asarray(slope) * max(factor, 0.0)
        return np.array([*slope, disparity - slope @ ((width - 1) / 2, (height - 1) / 2)])

    def _bumps(self, most: float, shortest: float) -> WaveField | None:
        random = self._random
        if random.random() >= self._recipe.bumpy_share or most < 0.5:
            return None
        most = min(most, 0.12 * shortest)
        amplitude = log_uniform(random, 0.3, max(0.4, 0.8 * most))
        return random_field(random, min(amplitude, most), shortest, True)


def _surface(skin: Skin, to_texture: np.ndarray, plane: np.ndarray,
             bumps: WaveField | None) -> Surface:
    a, b, c = plane.tolist()
    motion = np.array([[1 - a, -b, -c], [0, 1, 0], [0, 0, 1]])
    motions = np.stack([np.eye(3), motion])
    depths = np.stack([plane, plane / (1 - a)])
    if bumps is None:
        return Surface(skin, to_texture, motions, depths)
    return Surface(skin, to_texture, motions, depths, bumps, np.array([0.0, 1.0]), -(1 - a))
