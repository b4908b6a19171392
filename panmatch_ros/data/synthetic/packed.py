"""Scenes of two views as arrays of equal size, for renderers that draw many at once."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .scene import Scene, Surface

VIEWS = 2
WAVES = 3
NOWHERE = (0.0, 0.0, -1.0)  # inverse depth of surfaces that only fill the arrays


class PackedScenes(NamedTuple):
    """
    B scenes of up to L surfaces; where a scene has fewer, the rest is behind the camera.

    :param to_texture: (B, L, 3, 3) from rest coordinates to pixels of the crop.
    :param motions: (B, L, 2, 3, 3) from rest coordinates to pixels of each view.
    :param inverse_motions: (B, L, 2, 3, 3).
    :param inverse_depths: (B, L, 2, 3).
    :param waves: (B, L, 3, 2) of the deformation, radians per pixel; zeros for none.
    :param phases: (B, L, 3) radians.
    :param amplitudes: (B, L, 3, 2) pixels.
    :param gains: (B, L, 2).
    :param reliefs: (B, L).
    :param skins: (B, L, 10) int64: texture, level, crop (x, y, width, height), outline, -1 or
        ``FULL_OUTLINE``, and the order of the channels.
    :param blurs: (B, L) texture pixels.
    :param curves: (B, L, 256, 3) uint8.
    :param stereo: (B,) bool.
    :param ordered: (B,) bool, whether later surfaces always hide earlier ones.
    :param centres: (B, L, 2, 3) of balls in each view, metres.
    :param turns: (B, L, 2, 3, 3) from the frame of a ball into that of each view.
    :param radii: (B, L) metres; 0 for surfaces that are none.
    :param rays: (B, 3, 3) from pixels to directions; the identity without a camera.
    :param depth_scales: (B,) that multiply the inverse depth of balls.
    """

    to_texture: np.ndarray
    motions: np.ndarray
    inverse_motions: np.ndarray
    inverse_depths: np.ndarray
    waves: np.ndarray
    phases: np.ndarray
    amplitudes: np.ndarray
    gains: np.ndarray
    reliefs: np.ndarray
    skins: np.ndarray
    blurs: np.ndarray
    curves: np.ndarray
    stereo: np.ndarray
    ordered: np.ndarray
    centres: np.ndarray
    turns: np.ndarray
    radii: np.ndarray
    rays: np.ndarray
    depth_scales: np.ndarray


def pack(scenes: Sequence[Scene]) -> PackedScenes:
    """
    Copy scenes of two views into arrays.

    :param scenes: at least one.
    :returns: the arrays, float64 where nothing else is said.
    """
    shape = (len(scenes), max(len(scene.surfaces) for scene in scenes))
    identity = np.broadcast_to(np.eye(3), (*shape, VIEWS, 3, 3))
    packed = PackedScenes(
        identity[:, :, 0].copy(), identity.copy(), identity.copy(),
        np.tile(np.array(NOWHERE), (*shape, VIEWS, 1)), np.zeros((*shape, WAVES, 2)),
        np.zeros((*shape, WAVES)), np.zeros((*shape, WAVES, 2)), np.zeros((*shape, VIEWS)),
        np.zeros(shape), np.zeros((*shape, 10), np.int64), np.zeros(shape),
        np.zeros((*shape, 256, 3), np.uint8), np.array([scene.stereo for scene in scenes]),
        np.array([scene.sorted for scene in scenes]),
        np.zeros((*shape, VIEWS, 3)), identity.copy(), np.zeros(shape),
        np.stack([np.eye(3) if scene.K is None else np.linalg.inv(scene.K) for scene in scenes]),
        np.array([scene.depth_scale or 1.0 for scene in scenes]))
    packed.skins[..., 4:7] = 1  # of surfaces that are nowhere: a size, and some outline
    for b, scene in enumerate(scenes):
        for index, surface in enumerate(scene.surfaces):
            _fill(packed, (b, index), surface)
    return packed


def _fill(packed: PackedScenes, at: tuple[int, int], surface: Surface) -> None:
    packed.to_texture[at] = surface.to_texture
    packed.motions[at] = surface.motions[:VIEWS]
    packed.inverse_motions[at] = surface.inverse_motions[:VIEWS]
    packed.inverse_depths[at] = surface.inverse_depths[:VIEWS]
    if surface.deformation is not None:
        count = len(surface.deformation.waves)
        packed.waves[at][:count] = surface.deformation.waves
        packed.phases[at][:count] = surface.deformation.phases
        packed.amplitudes[at][:count] = surface.deformation.amplitudes
        packed.gains[at] = [surface.gain(view) for view in range(VIEWS)]
        packed.reliefs[at] = surface.relief
    if surface.sphere is not None:
        packed.centres[at] = surface.sphere.centres[:VIEWS]
        packed.turns[at] = surface.sphere.turns[:VIEWS]
        packed.radii[at] = surface.sphere.radius
    skin = surface.skin
    packed.skins[at] = (skin.texture, skin.level, *skin.crop, skin.outline, *skin.channels)
    packed.blurs[at] = skin.blur
    packed.curves[at] = skin.curves
