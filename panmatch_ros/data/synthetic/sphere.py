"""
Balls before pinhole cameras: where they are seen, how far, and which point of the texture.

A ray ``z * d`` with ``d = K^-1 (x, y, 1)`` meets a ball where a quadratic equation of its inverse
depth ``w = 1 / z`` holds. The larger root is ``w = (d @ c + sqrt(q)) / (c @ c - r^2)``; ``q`` is a
quadratic form of the pixel and negative beside the ball. Rest coordinates are those of Lambert's
equal-area map of the ball, whose middle is the point that faces the first view.
"""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

LEAST_LIFT = 1e-4       # of ``1 - n_z``: keeps the map finite at the point that faces away
EDGE_ON = 1e-4          # cosine up to which a point counts as one on the outline

Grid = tuple[np.ndarray, tuple[int, int]]


@dataclass(frozen=True)
class Sphere:
    """
    A ball, and how it moves.

    :param centres: (T, 3) in the frame of each view, metres; all of the ball is ahead.
    :param turns: (T, 3, 3) rotations from the frame of the ball into that of each view.
    :param radius: metres.
    :param K: (3, 3) intrinsics of all views.
    :param depth_scale: of the scene; multiplies inverse depths.
    """

    centres: np.ndarray
    turns: np.ndarray
    radius: float
    K: np.ndarray
    depth_scale: float = 1.0

    @cached_property
    def rays(self) -> np.ndarray:
        """(3, 3) from pixels to directions whose third component is one."""
        return np.linalg.inv(self.K)

    def inverse_depth(self, x: np.ndarray, y: np.ndarray, view: int) -> np.ndarray:
        """
        Inverse depth of the near side, times the depth scale.

        :param x: (N,) float64, pixels.
        :param y: (N,) float64, pixels.
        :param view: index of the view.
        :returns: (N,) float64; beside the ball, that of its outline.
        """
        return self.depth_scale * self._nearness(self._directions(x, y), view)

    def transfer(self, x: np.ndarray, y: np.ndarray, start: int,
                 end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """
        Follow points of the ball into another view.

        :param x: (N,) float64, pixels of the first view.
        :param y: (N,) float64.
        :param start: index of that view.
        :param end: index of the other view.
        :returns: x and y in the other view, pixels, and whether the points face it.
        """
        directions = self._directions(x, y)
        points = directions / self._nearness(directions, start)
        turn = self.turns[end] @ self.turns[start].T
        outward = turn @ (points - self.centres[start][:, None])
        moved = outward + self.centres[end][:, None]
        distance = np.linalg.norm(moved, axis=0)
        facing = (outward * moved).sum(axis=0) < EDGE_ON * self.radius * distance
        u, v, w = self.K @ moved
        return u / w, v / w, facing

    def box(self, view: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the outline in a view, pixels."""
        centre = self.centres[view]
        tangents = self.K @ (np.outer(centre, centre) - self.radius ** 2 * np.eye(3)) @ self.K.T
        edges = []
        for axis in (0, 1):
            a, b, c = tangents[2, 2], tangents[axis, 2], tangents[axis, axis]
            spread = np.sqrt(max(b * b - a * c, 0.0))
            edges += [(b - spread) / a, (b + spread) / a]
        left, right, top, bottom = (float(edge) for edge in edges)
        return left, top, right, bottom

    def discriminant(self, grid: Grid, view: int) -> np.ndarray:
        """
        Evaluate ``q`` on a grid of sub-pixels.

        :param grid: (3, 3) map from sub-pixels to pixels, and width and height.
        :param view: index of the view.
        :returns: (h, w) float32; positive on the ball, ``(radius * cosine)^2`` in the middle of
            the image.
        """
        to_pixels, (width, height) = grid
        centre = self.centres[view]
        to_rays = self.rays @ to_pixels
        form = to_rays.T @ (np.outer(centre, centre) - self._power(view) * np.eye(3)) @ to_rays
        x, y = np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)
        row = form[0, 0] * x * x + 2 * form[0, 2] * x + form[2, 2]
        column = form[1, 1] * y * y + 2 * form[1, 2] * y
        values = np.outer((2 * form[0, 1] * y).astype(np.float32), x.astype(np.float32))
        values += row.astype(np.float32)
        values += column.astype(np.float32)[:, None]
        return values

    def nearness_grid(self, grid: Grid, view: int) -> np.ndarray:
        """Inverse depth on a grid as of :meth:`discriminant`, times the depth scale."""
        return self._nearness_grid(grid, view) * np.float32(self.depth_scale)

    def rest_grid(self, grid: Grid, view: int) -> tuple[np.ndarray, np.ndarray]:
        """Rest coordinates on a grid as of :meth:`discriminant`, (h, w) float32 each."""
        to_pixels, size = grid
        depth = 1 / self._nearness_grid(grid, view)
        turn = self.turns[view].T / self.radius
        offsets = turn @ self.centres[view]
        x, y, z = (_affine(row, size) * depth - np.float32(offset) for row, offset in
                   zip(turn @ self.rays @ to_pixels, offsets, strict=True))
        lift = np.sqrt(2 / np.maximum(1 - z, np.float32(LEAST_LIFT)))
        return x * lift, y * lift

    def _nearness_grid(self, grid: Grid, view: int) -> np.ndarray:
        values = np.sqrt(np.maximum(self.discriminant(grid, view), 0))
        values += _affine(self.centres[view] @ self.rays @ grid[0], grid[1])
        values *= np.float32(1 / self._power(view))
        return values

    def _nearness(self, directions: np.ndarray, view: int) -> np.ndarray:
        """Inverse depth in 1 / metre where rays of (3, N) meet the ball."""
        centre, power = self.centres[view], self._power(view)
        towards = centre @ directions
        q = towards ** 2 - (directions ** 2).sum(axis=0) * power
        return (towards + np.sqrt(np.maximum(q, 0))) / power

    def _directions(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.rays @ np.stack([x, y, np.ones_like(x)])

    def _power(self, view: int) -> float:
        """Squared length of the tangents from a view, square metres."""
        return float(self.centres[view] @ self.centres[view]) - self.radius ** 2


def facing_turn(centre: np.ndarray, roll: float) -> np.ndarray:
    """
    Turn a ball so that the middle of its map faces the origin.

    :param centre: (3,) of the ball.
    :param roll: about that axis, radians.
    :returns: (3, 3) rotation from the frame of the ball.
    """
    away = centre / np.linalg.norm(centre)
    side = np.cross([0.0, 1.0, 0.0], away)
    side /= np.linalg.norm(side)
    down = np.cross(away, side)
    cos, sin = np.cos(roll), np.sin(roll)
    return np.stack([cos * side + sin * down, cos * down - sin * side, away], axis=1)


def _affine(row: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Evaluate ``row @ (x, y, 1)``, (h, w) float32, of a width and a height."""
    a, b, c = row.tolist()
    return ((a * np.arange(size[0])).astype(np.float32)[None]
            + (b * np.arange(size[1]) + c).astype(np.float32)[:, None])
