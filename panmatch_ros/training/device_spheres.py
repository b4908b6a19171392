"""Balls of scenes on a torch device: the equations of ``data.synthetic.sphere``."""
from dataclasses import dataclass

import torch
from torch import Tensor

from ..data.synthetic.sphere import EDGE_ON, LEAST_LIFT
from .device_scenes import DeviceScenes

LEAST_COSINE = 0.08  # to the ray, below which no coarser texture is read


@dataclass(frozen=True)
class Balls:
    """
    Balls of n surfaces, or of the surfaces at n pixels.

    :param centres: (n, 2, 3) in the frame of each view, metres.
    :param turns: (n, 2, 3, 3) from the frame of the ball into that of each view.
    :param radii: (n,) metres.
    :param rays: (n, 3, 3) from pixels to directions.
    :param scales: (n,) that multiply inverse depth.
    """

    centres: Tensor
    turns: Tensor
    radii: Tensor
    rays: Tensor
    scales: Tensor

    @classmethod
    def of(cls, scenes: DeviceScenes, which: tuple[Tensor, Tensor | int],
           kind: torch.dtype = torch.float32) -> 'Balls':
        """Choose by the numbers of scenes and surfaces."""
        row = which[0]
        return cls(scenes.centres[which].to(kind), scenes.turns[which].to(kind),
                   scenes.radii[which].to(kind), scenes.rays[row].to(kind),
                   scenes.depth_scales[row].to(kind))

    def look(self, x: Tensor, y: Tensor, view: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """
        See the near sides.

        :param x: (n or 1, h, w) pixels.
        :param y: (n or 1, h, w).
        :param view: index of the view.
        :returns: rest coordinates, inverse depth times the scale, and the cosine to the ray
            (negative beside the ball), (n, h, w) each.
        """
        dx, dy = self._directions(x, y)
        nearness, q = self._nearness(dx, dy, view)
        radius = self._wide(self.radii)
        cx, cy, cz = (self._wide(self.centres[:, view, axis]) for axis in range(3))
        outward = [d / nearness - c for d, c in ((dx, cx), (dy, cy), (1.0, cz))]
        turn = self.turns[:, view]
        own = [sum(self._wide(turn[:, axis, column]) * outward[axis] for axis in range(3)) / radius
               for column in range(3)]
        lift = (2 / (1 - own[2]).clamp(min=LEAST_LIFT)).sqrt()
        cosine = q.clamp(min=0).sqrt() / radius
        return (own[0] * lift, own[1] * lift, nearness * self._wide(self.scales),
                torch.where(q > 0, cosine, -torch.ones_like(q)))

    def transfer(self, x: Tensor, y: Tensor, view: int) -> tuple[Tensor, Tensor, Tensor]:
        """
        Follow points of one view, (n,) pixels, into the other one.

        :returns: x and y there, pixels, and whether the points face that view.
        """
        dx, dy = (each.flatten() for each in self._directions(x[:, None, None],
                                                              y[:, None, None]))
        nearness = self._nearness(dx[:, None, None], dy[:, None, None], view)[0].flatten()
        points = torch.stack([dx, dy, torch.ones_like(dx)], -1) / nearness[:, None]
        own = torch.einsum('nji,nj->ni', self.turns[:, view], points - self.centres[:, view])
        outward = torch.einsum('nij,nj->ni', self.turns[:, 1 - view], own)
        moved = outward + self.centres[:, 1 - view]
        facing = ((outward * moved).sum(-1)
                  < EDGE_ON * self.radii * torch.linalg.norm(moved, dim=-1))
        u = (moved[:, 0] / moved[:, 2] - self.rays[:, 0, 2]) / self.rays[:, 0, 0]
        v = (moved[:, 1] / moved[:, 2] - self.rays[:, 1, 2]) / self.rays[:, 1, 1]
        return u, v, facing

    def inverse_depth(self, x: Tensor, y: Tensor, view: int) -> Tensor:
        """Inverse depth times the scale at n pixels of a view, beside a ball of its outline."""
        directions = self._directions(x[:, None, None], y[:, None, None])
        return self._nearness(*directions, view)[0].flatten() * self.scales

    def _directions(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        rays = self.rays
        return (self._wide(rays[:, 0, 0]) * x + self._wide(rays[:, 0, 2]),
                self._wide(rays[:, 1, 1]) * y + self._wide(rays[:, 1, 2]))

    def _nearness(self, dx: Tensor, dy: Tensor, view: int) -> tuple[Tensor, Tensor]:
        """Inverse depth in 1 / metre, and the discriminant."""
        cx, cy, cz = (self._wide(self.centres[:, view, axis]) for axis in range(3))
        square = self._wide(self.radii) ** 2
        # From the direction of the centre, so that single precision is enough.
        ex, ey = dx - cx / cz, dy - cy / cz
        off = (ey * cz) ** 2 + (ex * cz) ** 2 + (ex * cy - ey * cx) ** 2
        q = square * (dx * dx + dy * dy + 1) - off
        power = cx * cx + cy * cy + cz * cz - square
        return (dx * cx + dy * cy + cz + q.clamp(min=0).sqrt()) / power, q

    @staticmethod
    def _wide(values: Tensor) -> Tensor:
        return values[:, None, None]


def balls_at(scenes: DeviceScenes, owners: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
    """
    Find the pixels that show a ball.

    :param scenes: the surfaces.
    :param owners: (B, H, W) int64, surface at each pixel.
    :returns: their scenes, rows and columns; None if no scene has a ball.
    """
    if not scenes.curved.any():
        return None
    row = torch.arange(scenes.count, device=owners.device)[:, None, None]
    curved = torch.from_numpy(scenes.curved).to(owners.device)[row, owners]
    scene, y, x = curved.nonzero(as_tuple=True)
    return scene, y, x
