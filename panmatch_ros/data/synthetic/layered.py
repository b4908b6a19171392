"""Scenes of layers that move in the image plane: shifts, turns, zooms, shears, deformations."""
from dataclasses import dataclass

import numpy as np

from .recipe import SceneRecipe
from .scene import Scene, Skin, Surface
from .skins import Places, SkinPicker, log_uniform, random_field

SMALLEST_MOTION_PX = 0.25
LARGEST_SHIFT = 0.35    # of the width
THIN_SHARE = 0.35


@dataclass(frozen=True)
class _Motion:
    """Per view: a shift, and a turn, zoom and shear around a centre."""

    centre: tuple[float, float]
    shift: np.ndarray
    angle: float
    zoom: float
    shear: float
    bend: np.ndarray  # (2,) of the perspective

    def matrices(self, views: int) -> np.ndarray:
        return np.stack([self._matrix(view) for view in range(views)])

    def _matrix(self, view: int) -> np.ndarray:
        angle, zoom, shear = view * self.angle, self.zoom ** view, view * self.shear
        cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
        away, back = np.eye(3), np.eye(3)
        away[:2, 2] = -np.array(self.centre)
        back[:2, 2] = np.array(self.centre) + view * self.shift
        core = np.array([[cos, -sin + shear * cos, 0], [sin, cos + shear * sin, 0], [0, 0, 1.0]])
        core[2, :2] = view * self.bend
        return back @ core @ away


def layered_scene(random: np.random.Generator, recipe: SceneRecipe, picker: SkinPicker,
                  views: int = 2) -> Scene:
    """
    Draw a scene of two to seven layers, or of many small ones.

    :param random: source of all choices.
    :param recipe: sizes, strengths and shares.
    :param picker: looks.
    :param views: number of images; the motion goes on from one to the next.
    :returns: the scene.
    """
    height, width = recipe.size
    middle = ((width - 1) / 2, (height - 1) / 2)
    ground = _random_motion(random, recipe, middle, 0.7, views)
    surfaces = [_surface(random, recipe, picker.unbounded(middle), ground, views)]
    crowded = random.random() < 0.15
    count = int(random.integers(10, 21) if crowded else random.integers(1, 7))
    for rank in range(1, count + 1):
        thin = random.random() < THIN_SHARE
        place = random_place(random, recipe, thin, crowded)
        motion = _layer_motion(random, recipe, ground, place, views)
        look = picker.bounded(place, thin)
        surfaces.append(_surface(random, recipe, look, motion, views, rank))
    return Scene(recipe.size, surfaces, sorted=True)


def random_place(random: np.random.Generator, recipe: SceneRecipe, thin: bool,
                 small: bool) -> Places:
    """
    Draw where a bounded surface lies.

    :param random: source.
    :param recipe: size of the image.
    :param thin: whether its outline is thin; those are larger.
    :param small: whether it is one of many.
    :returns: a place whose centre is in the image or slightly outside.
    """
    height, width = recipe.size
    low, high = (0.35, 1.3) if thin else (0.12, 0.95)
    if small:
        low, high = (0.2, 0.6) if thin else (0.07, 0.3)
    size = height * log_uniform(random, low, high)
    stretch = np.exp(random.normal(0, 0.25))
    x, y = random.uniform(-0.05, 1.05, 2) * (width, height)
    return Places(x, y, size * stretch, size / stretch,
                  random.normal(0, 0.25) + (random.random() < 0.3) * random.uniform(0, 6.3))


def _random_motion(random: np.random.Generator, recipe: SceneRecipe,
                   centre: tuple[float, float], strength: float, views: int) -> _Motion:
    scale = recipe.motion_scale
    size = strength * scale * log_uniform(random, SMALLEST_MOTION_PX,
                                          LARGEST_SHIFT * recipe.width)
    heading = random.uniform(0, 2 * np.pi)
    shift = size * np.array([np.cos(heading), 0.7 * np.sin(heading)])
    if random.random() < 0.05:
        return _Motion(centre, np.zeros(2), 0.0, 1.0, 0.0, np.zeros(2))
    # Turns and zooms add up over the views of a sequence, so each is smaller there.
    wild = scale / max(1, views - 1) * (random.random() < 0.65) * log_uniform(random, 0.1, 2.5)
    angle, zoom, shear = random.normal(0, (0.06, 0.05, 0.03)) * wild
    bend = random.normal(0, 0.04, 2) * wild / recipe.width * (random.random() < 0.3)
    limit = 1 / max(1, views - 1)
    angle, zoom, shear = np.clip([angle, zoom, shear], *(limit * np.array(
        [[-0.6, -0.35, -0.2], [0.6, 0.35, 0.2]])))
    bend = np.clip(bend, -0.3 * limit / recipe.width, 0.3 * limit / recipe.width)
    return _Motion(centre, shift, float(angle), float(np.exp(zoom)), float(shear), bend)


def _layer_motion(random: np.random.Generator, recipe: SceneRecipe, ground: _Motion,
                  place: Places, views: int) -> _Motion:
    """Choose a motion of its own, or one relative to that of the ground."""
    centre = (place.x, place.y)
    own = _random_motion(random, recipe, centre, 1.0, views)
    if random.random() < 0.5:
        return own
    share = random.uniform(0.05, 0.5)
    return _Motion(centre, ground.shift + share * own.shift, ground.angle + share * own.angle,
                   ground.zoom * own.zoom ** share, share * own.shear, np.zeros(2))


def _surface(random: np.random.Generator, recipe: SceneRecipe, look: tuple[Skin, np.ndarray],
             motion: _Motion, views: int, rank: int = 0) -> Surface:
    skin, to_texture = look
    depths = np.tile([0, 0, rank + 1.0], (views, 1))
    if random.random() >= recipe.non_rigid_share or recipe.motion_scale == 0:
        return Surface(skin, to_texture, motion.matrices(views), depths, moves=rank > 0)
    amplitude = recipe.motion_scale * log_uniform(random, 0.4, 0.05 * recipe.width)
    field = random_field(random, amplitude, random.uniform(0.15, 0.6) * recipe.height, False)
    # A sine of the view: a deformation swings, it does not grow without end.
    gains = np.sin(np.arange(views) * random.uniform(0.7, 1.2))
    gains /= max(float(np.abs(gains).max()), 1.0)
    return Surface(skin, to_texture, motion.matrices(views), depths, field, gains, 0.0, rank > 0)
