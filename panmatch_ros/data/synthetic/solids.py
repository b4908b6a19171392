"""Planes, boxes and balls before a pinhole camera: random ones, and the surfaces they make."""
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from .scene import Skin, Surface, ball
from .skins import Places, SkinPicker, log_uniform
from .sphere import Sphere, facing_turn

LARGEST_SHARE = 0.45     # of its distance that a solid reaches towards the camera
NEAREST_PLANE = 0.25     # of its distance that a plane must keep,
NEAREST_SOLID = 0.45     # and a solid
BAR_SHARE = 0.35         # boxes that are long and thin
UPRIGHT_SHARE = 0.6
OVERLAP = 2e-3           # of a face, so that no gap is left between two of them
EDGE_ON = 1e-3
SMALLEST_BALL_PX = 3.0

Motion = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Plane:
    """
    A plane in the frame of the first view, before it gets its motion.

    :param normal: (3,) scaled: ``normal @ X == 1`` on the plane.
    :param centre: (3,) the point that it turns around, metres.
    :param skin: what it looks like, and the map from pixels to texture.
    """

    normal: np.ndarray
    centre: np.ndarray
    skin: tuple[Skin, np.ndarray]

    @property
    def nearest(self) -> float:
        """Distance along the optical axis that a camera should not come near, metres."""
        return float(self.centre[2])

    def surfaces(self, K: np.ndarray, poses: np.ndarray, own: np.ndarray) -> list[Surface]:
        """
        Induce the motion between views; nothing if a camera comes to the other side.

        :param K: (3, 3) intrinsics.
        :param poses: (T, 4, 4) from the frame of the first view into that of each view.
        :param own: (6,) rotation vector and translation per view, besides the camera.
        """
        moved = list(_motions(poses, self.centre, own))
        if min(1 + self.normal @ R.T @ t for R, t in moved) < NEAREST_PLANE:
            return []
        return [_flat(self.normal, self.skin, (K, moved), bool(own.any()))]


@dataclass(frozen=True)
class Box:
    """
    A box in the frame of the first view.

    :param centre: (3,) metres.
    :param axes: (3, 3) half edges, one per row, metres.
    :param skins: of its six faces, in the order of the axes, first towards them, then away.
    """

    centre: np.ndarray
    axes: np.ndarray
    skins: tuple[Skin, ...]

    @property
    def nearest(self) -> float:
        """Distance of its nearest corner along the optical axis, metres."""
        return float(self.centre[2] - np.abs(self.axes[:, 2]).sum())

    def surfaces(self, K: np.ndarray, poses: np.ndarray, own: np.ndarray) -> list[Surface]:
        """
        Give the faces that a view looks at; parameters as of :meth:`Plane.surfaces`.

        :returns: nothing if a camera comes too near, or a face cannot be told from its edge.
        """
        moved = list(_motions(poses, self.centre, own))
        faces = []
        for (first, second, outward), skin in zip(_sides(self.axes), self.skins, strict=True):
            middle = self.centre + outward
            if not any(R @ outward @ (R @ middle + t) < 0 for R, t in moved):
                continue
            distance = float(outward @ middle)
            if abs(distance) < EDGE_ON * float(np.linalg.norm(outward) * self.centre[2]):
                return []
            look = skin, _face_map(skin, K, middle, (first, second))
            faces.append(_flat(outward / distance, look, (K, moved), bool(own.any())))
        if _too_near(self.centre, self.centre[2] - self.nearest, self.nearest, moved):
            return []
        return faces


@dataclass(frozen=True)
class Ball:
    """
    A ball in the frame of the first view.

    :param centre: (3,) metres.
    :param radius: metres.
    :param turn: (3, 3) rotation from its own frame.
    :param skin: what it looks like, and the map from Lambert's coordinates to texture.
    """

    centre: np.ndarray
    radius: float
    turn: np.ndarray
    skin: tuple[Skin, np.ndarray]

    @property
    def nearest(self) -> float:
        """Distance of its nearest point along the optical axis, metres."""
        return float(self.centre[2]) - self.radius

    def surfaces(self, K: np.ndarray, poses: np.ndarray, own: np.ndarray,
                 depth_scale: float = 1.0) -> list[Surface]:
        """
        Give its surface; parameters as of :meth:`Plane.surfaces`.

        :param depth_scale: of the scene.
        :returns: nothing if a camera comes too near.
        """
        moved = list(_motions(poses, self.centre, own))
        if _too_near(self.centre, self.radius, self.nearest, moved):
            return []
        sphere = Sphere(np.stack([R @ self.centre + t for R, t in moved]),
                        np.stack([R @ self.turn for R, _ in moved]), self.radius, K,
                        depth_scale)
        return [ball(*self.skin, sphere, bool(own.any()))]


Solid = Plane | Box | Ball


def random_ball(random: np.random.Generator, picker: SkinPicker, place: Places,
                view: tuple[np.ndarray, float], nearest: float = 0.0) -> Ball | None:
    """
    Draw a ball.

    :param random: source of all choices.
    :param picker: looks.
    :param place: where; its size is that of the shorter edge.
    :param view: (3, 3) intrinsics, and the depth of the centre, metres.
    :param nearest: depth that the ball reaches at most, metres.
    :returns: the ball; None if it would be hardly larger than a pixel.
    """
    K, depth = view
    focal = float(K[0, 0])
    radius = min(0.5 * min(place.width, place.height) * depth / focal, LARGEST_SHARE * depth,
                 depth - nearest)
    if radius * focal < SMALLEST_BALL_PX * depth:
        return None
    centre = depth * (np.linalg.inv(K) @ (place.x, place.y, 1.0))
    turn = facing_turn(centre, random.uniform(0, 2 * np.pi))
    return Ball(centre, radius, turn, picker.wrapped(radius * focal / depth))


def random_box(random: np.random.Generator, picker: SkinPicker, place: Places,
               view: tuple[np.ndarray, float]) -> Box:
    """
    Draw a box, or a bar: a long and thin one. Parameters as of :func:`random_ball`.

    :returns: the box; it reaches no nearer than about half of the depth.
    """
    K, depth = view
    halves = 0.5 * np.array([place.width, place.height]) * depth / float(K[0, 0])
    third = float(halves.mean()) * log_uniform(random, 0.3, 1.2)
    if random.random() < BAR_SHARE:
        thickness = float(halves.max()) * random.uniform(0.04, 0.15)
        halves, third = np.where(halves == halves.max(), halves, thickness), thickness
    tilt = random.normal(0, (0.25, 0.0, 0.15))
    if random.random() > UPRIGHT_SHARE:
        tilt = random.normal(0, 0.6, 3)
    turn = (_rotation(np.array([0, random.uniform(0, np.pi), 0]))
            @ _rotation(tilt + np.array([0, 0, place.angle])))
    axes = np.array([*halves, third])[:, None] * turn.T
    axes *= min(1.0, LARGEST_SHARE * depth / float(np.abs(axes[:, 2]).sum()))
    centre = depth * (np.linalg.inv(K) @ (place.x, place.y, 1.0))
    skins = tuple(picker.face(_lengths(K, centre + outward, (first, second)))
                  for first, second, outward in _sides(axes))
    return Box(centre, axes, skins)


def pose_of(twist: np.ndarray) -> np.ndarray:
    """Make the (4, 4) motion of a rotation vector and a translation, (6,)."""
    pose = np.eye(4)
    pose[:3, :3] = _rotation(twist[:3])
    pose[:3, 3] = twist[3:]
    return pose


def _rotation(vector: np.ndarray) -> np.ndarray:
    return cv2.Rodrigues(np.asarray(vector, np.float64))[0]


def _motions(poses: np.ndarray, centre: np.ndarray, own: np.ndarray) -> Iterator[Motion]:
    """Rotation and translation of an object into the frame of each view."""
    for view, pose in enumerate(poses):
        R, t = pose[:3, :3], pose[:3, 3]
        if own.any():
            turned = pose_of(view * own)
            shift = centre - turned[:3, :3] @ centre + turned[:3, 3]
            R, t = R @ turned[:3, :3], R @ shift + t
        yield R, t


def _flat(normal: np.ndarray, look: tuple[Skin, np.ndarray],
          seen: tuple[np.ndarray, list[Motion]], moves: bool) -> Surface:
    K, moved = seen
    rays = np.linalg.inv(K)
    motions = [K @ (R + np.outer(t, normal)) @ rays for R, t in moved]
    depths = [(R @ normal / (1 + normal @ R.T @ t)) @ rays for R, t in moved]
    return Surface(*look, np.stack(motions), np.stack(depths), moves=moves)


def _too_near(centre: np.ndarray, reach: float, nearest: float, moved: list[Motion]) -> bool:
    return min(float((R @ centre + t)[2]) for R, t in moved) - reach < NEAREST_SOLID * nearest


def _sides(axes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Half edges of the six faces of a box, and the way from its centre to theirs."""
    for index in range(3):
        for sign in (1.0, -1.0):
            yield axes[(index + 1) % 3], axes[(index + 2) % 3], sign * axes[index]


def _lengths(K: np.ndarray, middle: np.ndarray,
             edges: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Distances between the middles of opposite edges of a face in the first view, pixels."""
    def seen(point: np.ndarray) -> np.ndarray:
        x, y, z = K @ point
        return np.array([x, y]) / z

    first, second = (float(np.linalg.norm(seen(middle + edge) - seen(middle - edge)))
                     for edge in edges)
    return first, second


def _face_map(skin: Skin, K: np.ndarray, middle: np.ndarray,
              edges: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Homography from the pixels of the first view to the crop of a face."""
    _, _, width, height = skin.crop
    to_face = np.linalg.inv(K @ np.stack([*edges, middle], axis=1))  # -1 to 1 on the face
    share = 0.5 * (1 - OVERLAP)
    return np.array([[share * width, 0, 0.5 * (width - 1)],
                     [0, share * height, 0.5 * (height - 1)], [0, 0, 1]]) @ to_face
