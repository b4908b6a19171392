"""
A ball that moves before a slanted wall and above a floor, seen by a stereo camera that may move.

Everything is cast ray by ray, so disparity, flow and what is hidden are exact. The world is the
frame of the older left camera.
"""
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.types import Disparity, Displacement
from panmatch_ros.data.synthetic.textures import Texture

WALL, FLOOR, BALL = 0, 1, 2
DT_S = 0.1


def sure(disparity):
    return Disparity(disparity, np.isfinite(disparity).astype(np.float32))


@dataclass(frozen=True)
class MovingBall:
    """Two frames, DT_S apart."""

    rig: StereoRig
    T_1_0: np.ndarray = field(default_factory=lambda: np.eye(4))
    centre: tuple = (0.1, 0.0, 3.5)          # m, at the older frame
    velocity: tuple = (1.2, 0.0, 0.5)        # m/s, in the world
    radius: float = 0.6
    wall: tuple = (0.15, 0.05, 1.0, 5.0)     # plane n X = d
    floor: tuple = (0.0, 1.0, 0.0, 1.2)

    @cached_property
    def frames(self):
        return tuple(_Frame(self, index) for index in (0, 1))

    @property
    def disparities(self):
        return tuple(sure(self.disparity_of(frame.depth)) for frame in self.frames)

    def disparity_of(self, depth):
        return (self.rig.focal_px * self.rig.baseline_m / depth).astype(np.float32)

    def moved(self, owners):
        """(..., 3) m, how far the points of these owners move in the world until frame 1."""
        return np.where((owners == BALL)[..., None], DT_S * np.array(self.velocity), 0)

    def flow(self, start):
        """Exact flow to the other frame, also where hidden, and (H, W) bool where it is not."""
        here, there = self.frames[start], self.frames[1 - start]
        points = here.points + (1 - 2 * start) * self.moved(here.owners)
        x, y, z = np.moveaxis(there.into_camera(points), -1, 0)
        camera = self.rig.left
        u, v = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
        seen = there.cast(u, v, 0.0)[0]
        visible = ((np.abs(seen / z - 1) < 1e-6) & (np.abs(u - (camera.width - 1) / 2)
                                                    < camera.width / 2)
                   & (np.abs(v - (camera.height - 1) / 2) < camera.height / 2))
        grid_y, grid_x = np.mgrid[:camera.height, :camera.width]
        flow = np.stack([u - grid_x, v - grid_y], axis=-1).astype(np.float32)
        return Displacement(flow, np.ones(flow.shape[:2], np.float32)), visible

    def velocities(self, owners):
        """(..., 3) m/s in the world, along the axes of the newer camera."""
        return self.moved(owners) / DT_S @ self.T_1_0[:3, :3].T


class _Frame:
    def __init__(self, scene, index):
        self.scene, self.index = scene, index
        T = np.eye(4) if index == 0 else scene.T_1_0
        self.R, self.t = T[:3, :3], T[:3, 3]
        self.centre = np.array(scene.centre) + index * DT_S * np.array(scene.velocity)
        camera = scene.rig.left
        y, x = np.mgrid[:camera.height, :camera.width].astype(float)
        self.depth, self.owners, self.points = self.cast(x, y, 0.0)

    def into_camera(self, points):
        return points @ self.R.T + self.t

    def cast(self, x, y, right_m):
        """Depth, owner and place in the world of what pixels of a camera see."""
        camera, scene = self.scene.rig.left, self.scene
        rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy,
                         np.ones_like(x)], axis=-1) @ self.R
        origin = self.R.T @ (np.array([right_m, 0, 0]) - self.t)
        with np.errstate(divide='ignore', invalid='ignore'):
            depths = [(plane[3] - origin @ plane[:3]) / (rays @ plane[:3])
                      for plane in (np.array(scene.wall), np.array(scene.floor))]
            offset = origin - self.centre
            a, b = np.sum(rays * rays, axis=-1), rays @ offset
            depths.append((-b - np.sqrt(b * b - a * (offset @ offset - scene.radius ** 2))) / a)
        depths = [np.where(depth > 0, depth, np.inf) for depth in depths]
        owners, depth = np.argmin(depths, axis=0), np.min(depths, axis=0)
        return depth, owners, origin + depth[..., None] * rays

    def images(self, seed=0):
        """Left and right image, (H, W, 3) uint8."""
        camera = self.scene.rig.left
        y, x = np.mgrid[:camera.height, :camera.width].astype(float)
        pair = []
        for right_m in (0.0, self.scene.rig.baseline_m):
            _, owners, points = self.cast(x, y, right_m)
            colors = np.empty((*owners.shape, 3), np.float32)
            for owner in (WALL, FLOOR, BALL):
                colors[owners == owner] = self._colors(owner, points[owners == owner], seed)
            pair.append(np.rint(colors).astype(np.uint8))
        return pair

    def _colors(self, owner, points, seed):
        """Of points of the world; a point keeps its colour from all places."""
        scene = self.scene
        if owner == BALL:
            local = points - self.centre
            s = scene.radius * np.arctan2(local[:, 0], -local[:, 2])
            t = scene.radius * np.arcsin(np.clip(local[:, 1] / scene.radius, -1, 1))
            points = local + scene.centre
            normal, depth = local / scene.radius, scene.centre[2]
        else:
            plane = np.array(scene.wall if owner == WALL else scene.floor)
            normal = plane[:3] / np.linalg.norm(plane[:3])
            across = np.cross(normal, [0, 1, 0] if owner == WALL else [1, 0, 0])
            across /= np.linalg.norm(across)
            s, t = points @ across, points @ np.cross(normal, across)
            depth = plane[3] / plane[2] if owner == WALL else 2.5
        focal = scene.rig.focal_px
        distance = np.linalg.norm(points, axis=1)
        facing = np.maximum(np.abs(np.sum(points * normal, axis=1)) / distance, 1e-2)
        footprint = distance / (focal * facing)
        return Texture(seed + owner, 4 * depth / focal).colors(s, t, footprint)
