"""
Draw many scenes at once on a torch device: images, flow and occlusion.

The rules are those of ``data.synthetic.raster`` and ``truth``: surfaces are tested in turn at all
sub-pixels, the nearest one owns a sub-pixel, and its texture is read once at the end. Two things
are simpler: blurred skins read a coarser level instead, and colours are interpolated before the
curves are applied.
"""
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..data.synthetic.pools import INSIDE, OUTLINE_EDGE
from ..data.synthetic.scene import FULL_OUTLINE
from .device_scenes import DevicePools, DeviceScenes, Field, transform
from .device_spheres import LEAST_COSINE, Balls

BEHIND = -1e-4
COARSE = 1.6


class DeviceView(NamedTuple):
    """
    One view of all scenes.

    :param image: (B, 3, H, W) float32, 0 to 255.
    :param owners: (B, H, W) int64, surface at each pixel.
    """

    image: Tensor
    owners: Tensor


@dataclass(frozen=True)
class _Grid:
    """Pixels at which surfaces are tested: x as (1, 1, w) and y as (1, h, 1)."""

    x: Tensor
    y: Tensor

    @classmethod
    def of(cls, size: tuple[int, int], factor: int, device: torch.device) -> '_Grid':
        place = (torch.arange(max(size) * factor, device=device) + 0.5) / factor - 0.5
        return cls(place[:size[1] * factor].reshape(1, 1, -1),
                   place[:size[0] * factor].reshape(1, -1, 1))


@dataclass
class _Canvas:
    """Nearest inverse depth at each place, its surface, and where that is read."""

    grid: _Grid
    nearest: Tensor
    owners: Tensor
    u: Tensor
    v: Tensor
    ratio: Tensor  # steps in the texture, per sub-pixel; of receding planes


class DeviceRenderer:
    """
    Draws packed scenes.

    :param pools: textures and outlines.
    :param size: height and width, pixels.
    :param supersample: sub-pixels along the edge of a pixel.
    """

    def __init__(self, pools: DevicePools, size: tuple[int, int], supersample: int) -> None:
        self._pools = pools
        self._factor = supersample
        self._device = pools.texels.device
        self._fine = _Grid.of(size, supersample, self._device)
        self._centres = _Grid.of(size, 1, self._device)

    def render(self, scenes: DeviceScenes, view: int) -> DeviceView:
        """Draw one view of each scene."""
        colors = self._colors(self._canvas(scenes, view, self._fine), scenes)
        return DeviceView(F.avg_pool2d(colors.permute(0, 3, 1, 2), self._factor),
                          self._canvas(scenes, view, self._centres).owners)

    def _canvas(self, scenes: DeviceScenes, view: int, grid: _Grid) -> _Canvas:
        """Find the nearest surface at each place of a grid."""
        zeros = torch.zeros((scenes.count, grid.y.shape[1], grid.x.shape[2]),
                            device=self._device)
        canvas = _Canvas(grid, torch.full_like(zeros, BEHIND), zeros.long(), zeros,
                         zeros.clone(), zeros.clone())
        for index in range(scenes.surfaces):
            self._claim(canvas, scenes, index, view)
        return canvas

    def _claim(self, canvas: _Canvas, scenes: DeviceScenes, index: int, view: int) -> None:
        """Let a surface of each scene own where it is the nearest so far."""
        grid = canvas.grid
        u, v = transform(scenes.textures_of[:, index, view], grid.x, grid.y)
        depth = _affine(scenes.inverse_depths[:, index, view], grid)
        some = scenes.deforms[:, index].nonzero()[0]
        if len(some):
            chosen = torch.from_numpy(some).to(self._device)
            u[chosen], v[chosen], depth[chosen] = _deformed(
                scenes, (chosen, index), view, grid)
        skins = scenes.skins[:, index, :, None, None]
        ratio = torch.ones_like(skins[:, 6], dtype=torch.float32)
        if not scenes.bounded[:, index].all():
            receding = self._ratio(scenes.textures_of[:, index, view], grid)
            ratio = torch.where(skins[:, 6] < 0, receding, ratio)
        some = scenes.curved[:, index].nonzero()[0]
        if len(some):
            chosen = torch.from_numpy(some).to(self._device)
            ratio = ratio.expand_as(u).clone()
            u[chosen], v[chosen], depth[chosen], ratio[chosen] = self._ball(
                scenes, (chosen, index), view, grid)
        mine = depth >= canvas.nearest
        if scenes.bounded[:, index].any():
            mine = mine & self._inside(skins, u, v)
        canvas.nearest = torch.where(mine, depth, canvas.nearest)
        canvas.owners = torch.where(mine, index, canvas.owners)
        canvas.u, canvas.v = torch.where(mine, u, canvas.u), torch.where(mine, v, canvas.v)
        canvas.ratio = torch.where(mine, ratio, canvas.ratio)

    def _inside(self, skins: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """Whether positions in the crops of surfaces are inside of their outlines."""
        width, height, outline = skins[:, 4], skins[:, 5], skins[:, 6]
        full = outline == FULL_OUTLINE
        spare = 0.5 * full
        inside = ((u >= -spare) & (v >= -spare) & (u <= width - 1 + spare)
                  & (v <= height - 1 + spare))
        distance = self._pools.distance(outline, (u + 0.5) * (OUTLINE_EDGE / width) - 0.5,
                                        (v + 0.5) * (OUTLINE_EDGE / height) - 0.5)
        return (outline < 0) | (inside & (full | (distance > INSIDE + 0.5)))

    def _ball(self, scenes: DeviceScenes, which: tuple[Tensor, int], view: int,
              grid: _Grid) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Texture position, inverse depth, and steps in the texture per sub-pixel, of balls."""
        balls = Balls.of(scenes, which)
        x, y, depth, cosine = balls.look(grid.x, grid.y, view)
        to_texture = scenes.to_texture[which]
        u, v = transform(to_texture, x, y)
        texels = torch.linalg.det(to_texture[:, :2, :2].double()).abs().sqrt().float()
        step = (texels * balls.centres[:, view, 2] * balls.rays[:, 0, 0]
                / (self._factor * balls.radii))[:, None, None]
        depth = torch.where(cosine >= 0, depth, 2 * BEHIND)
        return u, v, depth, step / cosine.clamp(min=LEAST_COSINE).sqrt()

    def _ratio(self, matrix: Tensor, grid: _Grid) -> Tensor:
        """Measure steps in the texture per sub-pixel; they grow as w ** (-3 / 2)."""
        w = _affine(matrix[:, 2], grid)
        area = torch.linalg.det(matrix.double()).abs().float()[:, None, None]
        varies = (matrix[:, 2, :2].abs().sum(-1) > 1e-9)[:, None, None]
        ratio = (area / w.abs().clamp(min=1e-9) ** 3).sqrt() / self._factor
        return torch.where(varies, ratio, torch.ones_like(ratio))

    def _colors(self, canvas: _Canvas, scenes: DeviceScenes) -> Tensor:
        """(B, h, w, 3) float32 colours at all sub-pixels."""
        row = torch.arange(scenes.count, device=self._device)[:, None, None]
        skins = scenes.skins[row, canvas.owners]
        texture, finest, left, top, _, _, outline = skins[..., :7].unbind(-1)
        blur = scenes.blurs[row, canvas.owners]
        coarser = torch.maximum(canvas.ratio / COARSE, blur).clamp(min=1).log2().ceil().long()
        level = torch.minimum(finest + coarser, torch.full_like(finest,
                                                                len(self._pools.edges) - 1))
        scale = 0.5 ** (level - finest).float()
        u, v = (canvas.u + 0.5) * scale, (canvas.v + 0.5) * scale
        edge = self._pools.edges[level]
        endless = outline < 0
        u = torch.where(endless, _fold(u, edge), u + (left * scale).floor())
        v = torch.where(endless, _fold(v, edge), v + (top * scale).floor())
        start = self._pools.starts[level] + texture * edge * edge
        value = self._texels(start, edge, u - 0.5, v - 0.5)
        value = torch.gather(value, -1, skins[..., 7:])
        flat = scenes.curves.reshape(-1, 3)
        base = (row * scenes.surfaces + canvas.owners)[..., None] * 256
        low = value.floor().clamp(0, 254)
        at = base + low.long()
        channel = torch.arange(3, device=self._device)
        return torch.lerp(flat[at, channel].float(), flat[at + 1, channel].float(), value - low)

    def _texels(self, start: Tensor, edge: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Bilinear colours, (..., 3) float32."""
        last = (edge - 1).float()
        x, y = torch.minimum(x.clamp(min=0), last), torch.minimum(y.clamp(min=0), last)
        left, top = (torch.minimum(p.floor(), last - 1) for p in (x, y))
        first = start + top.long() * edge + left.long()
        fx, fy = (x - left)[..., None], (y - top)[..., None]
        corners = [self._pools.texels[first + step][..., :3].float()
                   for step in (0, 1, edge, edge + 1)]
        return torch.lerp(torch.lerp(corners[0], corners[1], fx),
                          torch.lerp(corners[2], corners[3], fx), fy)


def _fold(position: Tensor, edge: Tensor) -> Tensor:
    """Mirror positions at the borders, 0 and the edge."""
    period = 2.0 * edge
    position = torch.remainder(position, period)
    return torch.minimum(position, period - position)


def _affine(w: Tensor, grid: _Grid) -> Tensor:
    """Evaluate ``w @ (x, y, 1)`` at each place, (n, h, w), of (n, 3)."""
    return w[:, 0, None, None] * grid.x + w[:, 1, None, None] * grid.y + w[:, 2, None, None]


def _deformed(scenes: DeviceScenes, which: tuple[Tensor, int], view: int,
              grid: _Grid) -> tuple[Tensor, Tensor, Tensor]:
    """Texture position and inverse depth of some surfaces that deform."""
    field = Field(scenes.waves[which], scenes.phases[which], scenes.amplitudes[which])
    x, y = transform(scenes.inverse_motions[which][:, view], grid.x, grid.y)
    x, y = field.invert(x, y, scenes.gains[which][:, view])
    u, v = transform(scenes.to_texture[which], x, y)
    relief = scenes.reliefs[which][:, None, None]
    at_rest = scenes.inverse_depths[which][:, 0, :, None, None]
    lifted = (at_rest[:, 0] * x + at_rest[:, 1] * y + at_rest[:, 2] + relief * field(x, y)[0])
    plain = _affine(scenes.inverse_depths[which][:, view], grid)
    return u, v, torch.where(relief != 0, lifted, plain)
