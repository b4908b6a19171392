"""Exact flow and occlusion of scenes that were drawn on a torch device."""
import torch
from torch import Tensor

from .device_scenes import DeviceScenes, Field, transform
from .device_spheres import Balls, balls_at

BORDER_TOLERANCE_PX = 1e-4


def pixels(owners: Tensor) -> tuple[Tensor, Tensor]:
    """Give x as (1, 1, W) and y as (1, H, 1), float32."""
    _, height, width = owners.shape
    return (torch.arange(width, device=owners.device, dtype=torch.float32)[None, None],
            torch.arange(height, device=owners.device, dtype=torch.float32)[None, :, None])


def device_flow(scenes: DeviceScenes, owners: Tensor, view: int) -> Tensor:
    """
    Displacement of every pixel of one view to the other one.

    :param scenes: the surfaces.
    :param owners: (B, H, W) int64, surface at each pixel.
    :param view: 0 or 1.
    :returns: (B, 2, H, W) float32, pixels.
    """
    x, y = pixels(owners)
    row = torch.arange(scenes.count, device=owners.device)[:, None, None]
    a, b, c, d, e, f, g, h, _ = (
        entry.squeeze(-1) for entry in
        scenes.displacements[row, owners, view].flatten(-2).split(1, -1))
    bend = g * x + h * y
    u = (a * x + b * y + c - bend * x) / (1 + bend)
    v = (d * x + e * y + f - bend * y) / (1 + bend)
    if scenes.deforms.any():
        deforms = torch.from_numpy(scenes.deforms).to(owners.device)[row, owners]
        at = deforms.nonzero(as_tuple=True)
        u[at], v[at] = _deformed(scenes, (at[0], owners[at]), (at[2].float(), at[1].float()),
                                 view)
    balls = balls_at(scenes, owners)
    if balls is not None:
        u[balls], v[balls] = _rolled(scenes, owners, balls, view)[:2]
    flow = torch.stack([u, v], 1)
    toward = (2 * view - 1) * flow[:, 0].mul(2 * view - 1).clamp(min=0)
    straight = torch.stack([toward, torch.zeros_like(toward)], 1)
    return torch.where(scenes.stereo[:, None, None, None], straight, flow)


def _rolled(scenes: DeviceScenes, owners: Tensor, at: tuple[Tensor, Tensor, Tensor],
            view: int) -> tuple[Tensor, Tensor, Tensor]:
    """Displacements of n pixels on balls, and whether they face the other view."""
    scene, row, column = at
    x, y = column.double(), row.double()
    balls = Balls.of(scenes, (scene, owners[at]), torch.float64)
    u, v, facing = balls.transfer(x, y, view)
    return (u - x).float(), (v - y).float(), facing


def _deformed(scenes: DeviceScenes, which: tuple[Tensor, Tensor], at: tuple[Tensor, Tensor],
              view: int) -> tuple[Tensor, Tensor]:
    """Displacements of n pixels on surfaces that deform."""
    x, y = at
    field = Field(scenes.waves[which], scenes.phases[which], scenes.amplitudes[which])
    gains = scenes.gains[which]
    u, v = transform(scenes.inverse_motions[which][:, view], x, y)
    u, v = field.invert(u, v, gains[:, view])
    dx, dy = field(u, v)
    there = 1 - view
    u, v = u + gains[:, there] * dx, v + gains[:, there] * dy
    u, v = transform(scenes.motions[which][:, there], u, v)
    return u - x, v - y


def device_occlusion(scenes: DeviceScenes, view: int, seen: tuple[Tensor, Tensor],
                     other: tuple[Tensor, Tensor]) -> Tensor:
    """
    Find the pixels that are out of sight in another view.

    :param scenes: the surfaces.
    :param view: index of the other view.
    :param seen: (B, H, W) surface at each pixel of this view, and its flow to the other one.
    :param other: surface at each pixel of the other view, and its flow back.
    :returns: (B, 1, H, W) bool, by the rule of ``data.synthetic.truth.find_occlusion``.
    """
    owners, flow = seen
    _, height, width = owners.shape
    x, y = pixels(owners)
    u, v = x + flow[:, 0], y + flow[:, 1]
    eps = BORDER_TOLERANCE_PX
    outside = (u < -eps) | (u > width - 1 + eps) | (v < -eps) | (v > height - 1 + eps)
    balls = balls_at(scenes, owners)
    if balls is not None:
        outside[balls] |= ~_rolled(scenes, owners, balls, 1 - view)[2]
    closest = (v.round().clamp(0, height - 1) * width + u.round().clamp(0, width - 1)).long()
    found = torch.gather(other[0].flatten(1), 1, closest.flatten(1)).reshape(owners.shape)
    theirs = torch.gather(other[1][:, 0].abs().flatten(1), 1,
                          closest.flatten(1)).reshape(owners.shape)
    nearer = _nearness(scenes, found, (u, v), view) > _nearness(scenes, owners, (u, v), view)
    in_front = torch.where(scenes.stereo[:, None, None], theirs > flow[:, 0].abs(), nearer)
    in_front = torch.where(scenes.ordered[:, None, None], found > owners, in_front)
    return (outside | (in_front & (found != owners)))[:, None]


def _nearness(scenes: DeviceScenes, owners: Tensor, at: tuple[Tensor, Tensor],
              view: int) -> Tensor:
    row = torch.arange(scenes.count, device=owners.device)[:, None, None]
    w = scenes.inverse_depths[row, owners, view]
    inverse = w[..., 0] * at[0] + w[..., 1] * at[1] + w[..., 2]
    balls = balls_at(scenes, owners)
    if balls is not None:
        x, y = (each.expand_as(owners)[balls].double() for each in at)
        seen = Balls.of(scenes, (balls[0], owners[balls]), torch.float64)
        inverse[balls] = seen.inverse_depth(x, y, view).float()
    return inverse
