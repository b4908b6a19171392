"""Image sequences of textured shapes in affine motion, with their exact flow."""
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...core.errors import ConfigError
from .textures import Texture

CELL_PX = 4.0
BORDER_TOLERANCE_PX = 1e-6
SHAPES = 5
PERIOD = 24.0              # frames after which all shapes are back
BACKGROUND_TINT = (0.80, 0.84, 0.92)
TINTS = ((1.20, 0.75, 0.55), (0.60, 0.95, 1.20), (1.20, 1.05, 0.50), (0.75, 1.15, 0.70),
         (1.10, 0.70, 0.95))

Outline = Callable[[np.ndarray, np.ndarray], np.ndarray]


class FlowSequence(NamedTuple):
    """
    Frames and the truth about their motion.

    :param frames: N images (H, W, 3) uint8 RGB.
    :param flows: N - 1 fields (H, W, 2) float32, pixels, from each frame to the next; known
        everywhere.
    :param occlusions: N - 1 masks (H, W) bool, True where the point is hidden in the next
        frame or outside of it.
    """

    frames: list[np.ndarray]
    flows: list[np.ndarray]
    occlusions: list[np.ndarray]


@dataclass(frozen=True)
class _Pose:
    """Similarity from a layer to the image: ``p = matrix @ q + centre``, pixels."""

    matrix: np.ndarray
    centre: np.ndarray

    def to_image(self, q: np.ndarray) -> np.ndarray:
        return q @ self.matrix.T + self.centre

    def to_layer(self, p: np.ndarray) -> np.ndarray:
        return (p - self.centre) @ np.linalg.inv(self.matrix).T


@dataclass(frozen=True)
class _Layer:
    """
    A textured shape that swings around its place.

    :param covers: tells which positions of the layer belong to the shape.
    :param place: (2,) mean position, pixels.
    :param swing: (2,) amplitude of the position, pixels.
    :param turn: mean angle and its amplitude, radians.
    :param zoom: amplitude of the scale around one.
    :param phase: (3,) of position, angle and scale, radians.
    """

    texture: Texture
    covers: Outline
    place: np.ndarray
    swing: np.ndarray
    turn: tuple[float, float]
    zoom: float
    phase: np.ndarray

    def pose(self, frame: int) -> _Pose:
        wave = np.sin(2 * np.pi * frame / PERIOD + self.phase)
        angle, scale = self.turn[0] + self.turn[1] * wave[1], 1 + self.zoom * wave[2]
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return _Pose(scale * rotation, self.place + self.swing * wave[0])


def render_flow_sequence(size: tuple[int, int], frames: int, seed: int = 0) -> FlowSequence:
    """
    Render shapes that move, turn and grow over a moving ground.

    Nothing is interpolated: each pixel evaluates the texture of the uppermost shape, so the
    frames agree with the flow to the rounding of their colours. Speeds are up to about three
    percent of the image width per frame, and the motion repeats after 24 frames.

    :param size: (height, width), pixels.
    :param frames: number of frames, at least one.
    :param seed: what chooses shapes, textures and motion.
    :returns: frames, flows and occlusion masks; a named tuple.
    :raises ConfigError: if there is no frame or no pixel.
    """
    if frames < 1:
        raise ConfigError(f'a sequence has at least one frame, got {frames}')
    if min(size) < 1:
        raise ConfigError(f'size must be positive, got {size}')
    layers = _layers(size, np.random.default_rng(seed))
    y, x = np.mgrid[:size[0], :size[1]].astype(np.float64)
    pixels = np.stack([x.ravel(), y.ravel()], axis=-1)
    last = np.array([size[1] - 1, size[0] - 1])
    sequence = FlowSequence([], [], [])
    for frame in range(frames):
        poses = [layer.pose(frame) for layer in layers]
        top = _uppermost(layers, poses, pixels)
        sequence.frames.append(_paint(layers, poses, pixels, top).reshape(*size, 3))
        if frame + 1 == frames:
            break
        following = [layer.pose(frame + 1) for layer in layers]
        target = np.empty_like(pixels)
        for index in range(len(layers)):
            seen = top == index
            target[seen] = following[index].to_image(poses[index].to_layer(pixels[seen]))
        outside = ((target < -BORDER_TOLERANCE_PX)
                   | (target > last + BORDER_TOLERANCE_PX)).any(axis=1)
        hidden = _uppermost(layers, following, target) > top
        sequence.flows.append((target - pixels).astype(np.float32).reshape(*size, 2))
        sequence.occlusions.append((outside | hidden).reshape(size))
    return sequence


def _layers(size: tuple[int, int], random: np.random.Generator) -> list[_Layer]:
    """List the ground and the shapes, from the lowest to the uppermost."""
    height, width = size

    def texture(tint: tuple[float, float, float]) -> Texture:
        return Texture(int(random.integers(1 << 31)), CELL_PX, tint)

    def phase() -> np.ndarray:
        return random.uniform(0, 2 * np.pi, 3)

    centre = np.array([width / 2, height / 2])
    layers = [_Layer(texture(BACKGROUND_TINT), _everywhere, centre,
                     random.uniform(-0.03, 0.03, 2) * width, (0.0, 0.04), 0.04, phase())]
    around = random.permutation(SHAPES)
    for index in range(SHAPES):
        angle = 2 * np.pi * (around[index] + random.uniform(-0.2, 0.2)) / SHAPES
        place = centre * (1 + 0.58 * np.array([np.cos(angle), np.sin(angle)]))
        radius = random.uniform(0.14, 0.24) * min(height, width)
        heading = random.uniform(0, 2 * np.pi)
        swing = 0.09 * width * np.array([np.cos(heading), np.sin(heading)])
        layers.append(_Layer(texture(TINTS[index % len(TINTS)]),
                             _outline(random, index, radius), place, swing,
                             (random.uniform(0, np.pi), 0.3), 0.15, phase()))
    return layers


def _everywhere(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.ones(x.shape, bool)


def _outline(random: np.random.Generator, index: int, radius: float) -> Outline:
    """Take turns between rectangles, ellipses and flowers of about this radius."""
    stretch = random.uniform(0.7, 1.4)
    petals = int(random.integers(3, 7))
    if index % 3 == 0:
        return lambda x, y: (np.abs(x) < radius * stretch) & (np.abs(y) < radius / stretch)
    if index % 3 == 1:
        return lambda x, y: np.hypot(x / stretch, y * stretch) < radius
    return lambda x, y: np.hypot(x, y) < radius * (1 + 0.3 * np.cos(petals * np.arctan2(y, x)))


def _uppermost(layers: list[_Layer], poses: list[_Pose], positions: np.ndarray) -> np.ndarray:
    """(N,) index of the layer that is seen at each position of the image."""
    top = np.zeros(len(positions), np.int64)
    for index, (layer, pose) in enumerate(zip(layers, poses, strict=True)):
        top[layer.covers(*pose.to_layer(positions).T)] = index
    return top


def _paint(layers: list[_Layer], poses: list[_Pose], pixels: np.ndarray,
           top: np.ndarray) -> np.ndarray:
    colors = np.empty((len(pixels), 3), np.float32)
    for index, (layer, pose) in enumerate(zip(layers, poses, strict=True)):
        seen = top == index
        colors[seen] = layer.texture.colors(*pose.to_layer(pixels[seen]).T)
    return np.rint(colors).astype(np.uint8)
