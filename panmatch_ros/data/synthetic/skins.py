"""Random looks, places and deformations of surfaces."""
from dataclasses import dataclass

import numpy as np

from .pools import EDGE, OUTLINES, Pools
from .recipe import SceneRecipe
from .scene import FULL_OUTLINE, Skin, WaveField

PERMUTATIONS = ((0, 1, 2), (0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0), (0, 2, 1), (2, 0, 1))
BOUNDED_LEVELS = (0.5, 0.35, 0.15)
UNBOUNDED_LEVELS = (0.7, 0.25, 0.05)
PLAIN_SHARE = 0.15
BLUR_SHARE = 0.12


@dataclass(frozen=True)
class Places:
    """
    Where a bounded surface lies in the first view, before any perspective.

    :param x: centre, pixels.
    :param y: centre, pixels.
    :param width: pixels along its own axis.
    :param height: pixels.
    :param angle: of its axes, radians.
    """

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0


class SkinPicker:
    """
    Draws skins at random.

    :param random: source of all choices.
    :param recipe: resolution of the sub-pixels.
    :param pools: what there is to choose from.
    """

    def __init__(self, random: np.random.Generator, recipe: SceneRecipe, pools: Pools) -> None:
        self._random = random
        self._factor = recipe.supersample
        self._pools = pools

    def bounded(self, place: Places, thin: bool) -> tuple[Skin, np.ndarray]:
        """Choose a skin with an outline, and the affine map from pixels to its texture."""
        random = self._random
        outline = int(random.integers(self._pools.thin, OUTLINES) if thin
                      else random.integers(0, self._pools.thin))
        level = int(random.choice(len(BOUNDED_LEVELS), p=BOUNDED_LEVELS))
        edge = EDGE >> level
        density = self._factor * random.uniform(0.5, 0.9)
        density = min(density, (edge - 1) / max(place.width, place.height))
        size = [max(8, int(density * place.width)), max(8, int(density * place.height))]
        size = [min(value, edge) for value in size]
        crop = tuple(int(random.integers(0, edge - value + 1)) for value in size)
        skin = self._skin(level, (crop[0], crop[1], size[0], size[1]), outline,
                          random.random() < PLAIN_SHARE)
        cos, sin = np.cos(place.angle), np.sin(place.angle)
        turn = np.array([[cos, sin], [-sin, cos]])
        scale = np.array([size[0] / place.width, size[1] / place.height])
        matrix = np.eye(3)
        matrix[:2, :2] = scale[:, None] * turn
        matrix[:2, 2] = (np.array(size) - 1) / 2 - matrix[:2, :2] @ (place.x, place.y)
        return skin, matrix

    def unbounded(self, centre: tuple[float, float],
                  plain: bool | None = None) -> tuple[Skin, np.ndarray]:
        """Choose a skin that goes on for ever, and the map from pixels to its texture."""
        random = self._random
        level = int(random.choice(len(UNBOUNDED_LEVELS), p=UNBOUNDED_LEVELS))
        edge = EDGE >> level
        if plain is None:
            plain = random.random() < PLAIN_SHARE
        skin = self._skin(level, (0, 0, edge, edge), -1, plain)
        scale = self._factor * random.uniform(0.45, 0.9)
        angle = random.normal(0, 0.15) + (random.random() < 0.3) * random.uniform(0, 6.3)
        matrix = np.eye(3)
        matrix[:2, :2] = scale * np.array([[np.cos(angle), -np.sin(angle)],
                                           [np.sin(angle), np.cos(angle)]])
        matrix[:2, 2] = random.uniform(0.3, 0.7, 2) * edge - matrix[:2, :2] @ centre
        return skin, matrix

    def wrapped(self, radius_px: float) -> tuple[Skin, np.ndarray]:
        """Choose a skin for a ball, and the map from Lambert's coordinates to its texture."""
        random = self._random
        level = int(random.choice(len(BOUNDED_LEVELS), p=BOUNDED_LEVELS))
        edge = EDGE >> level
        skin = self._skin(level, (0, 0, edge, edge), -1, random.random() < PLAIN_SHARE)
        matrix = np.eye(3)
        matrix[:2, :2] *= self._factor * random.uniform(0.5, 0.9) * radius_px
        matrix[:2, 2] = random.uniform(0.3, 0.7, 2) * edge
        return skin, matrix

    def face(self, size_px: tuple[float, float]) -> Skin:
        """Choose a skin for a rectangle that is seen about so wide and high."""
        random = self._random
        level = int(random.choice(len(BOUNDED_LEVELS), p=BOUNDED_LEVELS))
        edge = EDGE >> level
        density = self._factor * random.uniform(0.5, 0.9)
        width, height = (min(max(8, int(density * length)), edge) for length in size_px)
        x, y = (int(random.integers(0, edge - length + 1)) for length in (width, height))
        return self._skin(level, (x, y, width, height), FULL_OUTLINE,
                          random.random() < PLAIN_SHARE)

    def _skin(self, level: int, crop: tuple[int, int, int, int], outline: int,
              plain: bool) -> Skin:
        random, pools = self._random, self._pools
        count = len(pools.textures[0])
        texture = int(random.integers(pools.plain, count) if plain
                      else random.integers(0, pools.plain))
        channels = PERMUTATIONS[int(random.integers(len(PERMUTATIONS)))]
        blur = float(random.uniform(0.5, 3.0)) if random.random() < BLUR_SHARE else 0.0
        return Skin(texture, level, crop, channels, random_curves(random), blur, outline)


def random_curves(random: np.random.Generator) -> np.ndarray:
    """(256, 3) uint8 curves of contrast, brightness and tint; some turn light into dark."""
    contrast = float(np.clip(np.exp(random.normal(-0.1, 0.35)), 0.25, 1.6))
    if random.random() < 0.12:
        contrast *= -1
    middle = 128 + random.normal(0, 28) + random.normal(0, 9, 3)
    tint = np.exp(random.normal(0, 0.1, 3))
    levels = np.arange(256)[:, None]
    return np.clip(middle + contrast * tint * (levels - 122), 0, 255).astype(np.uint8)


def with_perspective(to_texture: np.ndarray, inverse_depth: np.ndarray,
                     centre: tuple[float, float]) -> np.ndarray:
    """
    Let a texture recede with its plane.

    :param to_texture: (3, 3) affine map from pixels to texture.
    :param inverse_depth: (3,) of the plane; positive at the centre.
    :param centre: x and y of the pixel around which the map stays as it is.
    :returns: (3, 3) homography that is a scaled map of coordinates on the plane.
    """
    w = inverse_depth / float(inverse_depth @ (*centre, 1.0))
    shift = np.eye(3)
    shift[:2, 2] = -np.asarray(centre)
    around = shift.copy()
    around[2] = w
    back = np.eye(3)
    back[:2, 2] = centre
    return to_texture @ back @ around


def random_field(random: np.random.Generator, amplitude: float, shortest: float,
                 horizontal: bool) -> WaveField:
    """
    Draw a smooth field.

    :param random: source.
    :param amplitude: largest sum of the waves, pixels.
    :param shortest: shortest wavelength, pixels.
    :param horizontal: whether y stays as it is.
    :returns: the field, weakened where its inverse would not exist.
    """
    count = int(random.integers(1, 4))
    lengths = shortest * np.exp(random.uniform(0, 1.3, count))
    angles = random.uniform(0, 2 * np.pi, count)
    waves = 2 * np.pi / lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    heading = random.uniform(0, 2 * np.pi, count)
    amplitudes = np.stack([np.cos(heading), np.sin(heading)], -1)
    if horizontal:
        amplitudes = np.stack([np.sign(amplitudes[:, 0]), np.zeros(count)], -1)
    amplitudes *= (amplitude * random.dirichlet(np.ones(count)))[:, None]
    steepness = float((np.linalg.norm(waves, axis=1)
                       * np.linalg.norm(amplitudes, axis=1)).sum())
    amplitudes *= min(1.0, 0.4 / max(steepness, 1e-9))
    return WaveField(waves, random.uniform(0, 2 * np.pi, count), amplitudes)


def log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(max(high, low * 1.0001)))))
