"""Scenes on a torch device: positions on surfaces, and the pools of textures and outlines."""
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.synthetic.packed import PackedScenes
from ..data.synthetic.pools import OUTLINE_EDGE, Pools

FIXED_POINT_STEPS = 10


@dataclass(frozen=True)
class DevicePools:
    """
    The pools as flat tensors.

    :param texels: (P, 4) uint8, all textures of all levels.
    :param starts: (levels,) int64, first texel of a level.
    :param edges: (levels,) int64, edge of its textures.
    :param outlines: (M * edge * edge,) uint8, signed distances.
    """

    texels: Tensor
    starts: Tensor
    edges: Tensor
    outlines: Tensor

    @classmethod
    def load(cls, pools: Pools, device: torch.device) -> 'DevicePools':
        """Copy the pools to a device."""
        flat = [torch.from_numpy(np.array(level)).reshape(-1, 4) for level in pools.textures]
        edges = [level.shape[1] for level in pools.textures]
        starts = np.cumsum([0, *(len(level) for level in flat[:-1])])
        return cls(torch.cat(flat).to(device), torch.tensor(starts, device=device),
                   torch.tensor(edges, device=device),
                   torch.from_numpy(np.array(pools.outlines)).reshape(-1).to(device))

    def distance(self, outline: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """
        Signed distance to an outline, as the pool has it: above 127.5 inside.

        :param outline: (n, 1, 1) int64; one that the pool does not have is any other.
        :param x: (n, h, w) float32, pixels of the outline.
        :param y: (n, h, w) float32.
        """
        last = OUTLINE_EDGE - 1
        x, y = x.clamp(0, last), y.clamp(0, last)
        left, top = x.floor().clamp(max=last - 1), y.floor().clamp(max=last - 1)
        outline = outline.clamp(0, len(self.outlines) // OUTLINE_EDGE ** 2 - 1)
        first = outline * OUTLINE_EDGE ** 2 + top.long() * OUTLINE_EDGE + left.long()
        fx, fy = x - left, y - top
        corners = [self.outlines[first + step].float()
                   for step in (0, 1, OUTLINE_EDGE, OUTLINE_EDGE + 1)]
        return torch.lerp(torch.lerp(corners[0], corners[1], fx),
                          torch.lerp(corners[2], corners[3], fx), fy)


class DeviceScenes:
    """
    Packed scenes on a device.

    :param packed: the arrays.
    :param device: where to copy them.
    """

    def __init__(self, packed: PackedScenes, device: torch.device) -> None:
        def put(array: np.ndarray, kind: torch.dtype = torch.float32) -> Tensor:
            return torch.from_numpy(array).to(device, kind, non_blocking=True)

        self.count, self.surfaces = packed.reliefs.shape
        # Products are made in double precision before they are rounded.
        self.textures_of = put(packed.to_texture[:, :, None] @ packed.inverse_motions)
        self.to_texture = put(packed.to_texture)
        self.motions = put(packed.motions)
        self.inverse_motions = put(packed.inverse_motions)
        relative = packed.motions[:, :, ::-1] @ packed.inverse_motions
        relative /= relative[..., 2:, 2:]
        self.displacements = put(relative - np.eye(3))  # homography to the other view, less one
        self.inverse_depths = put(packed.inverse_depths)
        self.waves, self.phases = put(packed.waves), put(packed.phases)
        self.amplitudes, self.gains = put(packed.amplitudes), put(packed.gains)
        self.reliefs = put(packed.reliefs)
        self.skins = put(packed.skins, torch.int64)
        self.blurs = put(packed.blurs)
        self.curves = put(packed.curves, torch.uint8)
        self.stereo = put(packed.stereo, torch.bool)
        self.ordered = put(packed.ordered, torch.bool)
        self.centres, self.turns = (put(each, torch.float64)
                                    for each in (packed.centres, packed.turns))
        self.radii, self.rays = (put(each, torch.float64) for each in (packed.radii, packed.rays))
        self.depth_scales = put(packed.depth_scales, torch.float64)
        self.curved = packed.radii > 0
        self.bounded = packed.skins[..., 6] >= 0
        self.deforms = (packed.gains != 0).any(axis=-1)


@dataclass(frozen=True)
class Field:
    """
    Deformations of n surfaces, or of the surfaces at n pixels.

    :param waves: (n, 3, 2); phases: (n, 3); amplitudes: (n, 3, 2).
    """

    waves: Tensor
    phases: Tensor
    amplitudes: Tensor

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Displacements at positions, (n, ...) each."""
        dx, dy = torch.zeros_like(x), torch.zeros_like(y)
        shape = (-1, *(1,) * (x.dim() - 1))
        for wave in range(self.phases.shape[1]):
            kx, ky = (self.waves[:, wave, axis].reshape(shape) for axis in (0, 1))
            value = torch.sin(kx * x + ky * y + self.phases[:, wave].reshape(shape))
            dx += self.amplitudes[:, wave, 0].reshape(shape) * value
            dy += self.amplitudes[:, wave, 1].reshape(shape) * value
        return dx, dy

    def invert(self, x: Tensor, y: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        """Positions r with ``r + gain * field(r)`` at (x, y)."""
        gain = gain.reshape(-1, *(1,) * (x.dim() - 1))
        u, v = x, y
        for _ in range(FIXED_POINT_STEPS):
            dx, dy = self(u, v)
            u, v = x - gain * dx, y - gain * dy
        return u, v


def transform(matrix: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """
    Apply homographies.

    :param matrix: (n, 3, 3).
    :param x: (n or 1, ...) float32.
    :param y: (n or 1, ...) float32.
    """
    shape = (-1, *(1,) * (x.dim() - 1))
    a, b, c, d, e, f, g, h, i = (entry.reshape(shape) for entry in
                                 matrix.reshape(-1, 9).unbind(-1))
    w = g * x + h * y + i
    return (a * x + b * y + c) / w, (d * x + e * y + f) / w
