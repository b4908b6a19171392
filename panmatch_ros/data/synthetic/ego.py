"""Scenes of planes that a moving pinhole camera sees, with objects that move on their own."""
from dataclasses import dataclass

import cv2
import numpy as np

from .layered import random_place
from .recipe import SceneRecipe
from .scene import Scene, Skin, Surface
from .skins import SkinPicker, log_uniform, with_perspective

LARGEST_FLOW = 0.3        # of the width
SMALLEST_FLOW_PX = 0.4
NEAREST_SHARE = 0.4       # of the distance to the nearest surface that the camera may move
THIN_SHARE = 0.4
MOVING_SHARE = 0.25
FAR_M = 10.0


@dataclass(frozen=True)
class _Plane:
    """
    A plane in the frame of the first view, before it gets its motion.

    :param normal: (3,) scaled: ``normal @ X == 1`` on the plane.
    :param centre: (3,) a point of it, metres.
    :param skin: what it looks like, and the map from pixels to texture.
    """

    normal: np.ndarray
    centre: np.ndarray
    skin: tuple[Skin, np.ndarray]


def ego_scene(random: np.random.Generator, recipe: SceneRecipe, picker: SkinPicker,
              views: int = 2) -> Scene:
    """
    Draw a scene of planes and a camera that turns and moves, forward in many samples.

    :param random: source of all choices.
    :param recipe: sizes, strengths and shares.
    :param picker: looks.
    :param views: number of images; the camera goes on from one to the next.
    :returns: the scene.
    """
    height, width = recipe.size
    focal = width * random.uniform(0.7, 1.4)
    K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1.0]])
    planes = _room(random, recipe, picker, K)
    walls = len(planes)
    planes += _objects(random, recipe, picker, K)
    nearest = min(_nearest(plane, K, recipe) for plane in planes[:walls])
    nearest = min([nearest] + [float(plane.centre[2]) for plane in planes[walls:]])
    twist = _camera_twist(random, recipe, K, planes, nearest / max(1, views - 1))
    poses = np.stack([_pose(view * twist) for view in range(views)])
    surfaces = []
    for index, plane in enumerate(planes):
        own: np.ndarray = np.zeros(6)
        if index >= walls and random.random() < MOVING_SHARE and recipe.motion_scale > 0:
            own = _own_twist(random, recipe, plane, focal) / max(1, views - 1)
        surface = _surface(plane, K, poses, own)
        if surface is not None:
            surfaces.append(surface)
    return Scene(recipe.size, surfaces, depth_scale=1.0, K=K, poses=poses)


def _room(random: np.random.Generator, recipe: SceneRecipe, picker: SkinPicker,
          K: np.ndarray) -> list[_Plane]:
    """List the back wall, and some of floor, ceiling and side walls."""
    height, width = recipe.size
    far = FAR_M * random.uniform(0.5, 1.5)
    tilt = random.normal(0, (0.25, 0.1))
    walls = [np.array([*tilt, 1.0]) / far]
    if random.random() < 0.65:
        walls.append(np.array([random.normal(0, 0.03), 1, random.normal(0, 0.05)])
                     / random.uniform(0.5, 2.0))
    if random.random() < 0.15:
        walls.append(np.array([0, -1, 0.0]) / random.uniform(1, 3))
    for side in (-1.0, 1.0):
        if random.random() < 0.3:
            walls.append(np.array([side, 0, 0.05]) / random.uniform(1, 3))
    rays = np.linalg.inv(K)
    corners = [(0.0, 0.0), (width - 1.0, 0.0), (0.0, height - 1.0), (width - 1.0, height - 1.0)]
    planes = []
    for normal in walls:
        inverse = normal @ rays
        at = max(corners, key=lambda corner, w=inverse: w @ (*corner, 1))  # type: ignore[misc]
        skin, to_texture = picker.unbounded(at)
        centre = rays @ (*at, 1.0)
        planes.append(_Plane(normal, centre / (normal @ centre),
                             (skin, with_perspective(to_texture, inverse, at))))
    return planes


def _objects(random: np.random.Generator, recipe: SceneRecipe, picker: SkinPicker,
             K: np.ndarray) -> list[_Plane]:
    crowded = random.random() < 0.25
    count = int(random.integers(8, 18) if crowded else random.integers(1, 8))
    planes = []
    for depth in sorted(np.exp(random.uniform(np.log(1.2), np.log(8.0), count)), reverse=True):
        thin = random.random() < THIN_SHARE
        place = random_place(random, recipe, thin, crowded)
        centre = depth * (np.linalg.inv(K) @ (place.x, place.y, 1.0))
        tilt = random.normal(0, 0.4, 2) * (random.random() < 0.7)
        normal = np.array([*np.clip(tilt, -1, 1), 1.0])
        normal /= normal @ centre
        skin, to_texture = picker.bounded(place, thin)
        inverse = normal @ np.linalg.inv(K)
        planes.append(_Plane(normal, centre, (skin, with_perspective(
            to_texture, inverse, (place.x, place.y)))))
    return planes


def _nearest(plane: _Plane, K: np.ndarray, recipe: SceneRecipe) -> float:
    height, width = recipe.size
    corners = np.array([[0, width - 1, 0, width - 1], [0, 0, height - 1, height - 1],
                        [1, 1, 1, 1]], float)
    return 1 / max(float((plane.normal @ np.linalg.inv(K) @ corners).max()), 1e-6)


def _camera_twist(random: np.random.Generator, recipe: SceneRecipe, K: np.ndarray,
                  planes: list[_Plane], nearest: float) -> np.ndarray:
    """
    Draw a rotation and a translation per view that reach a random mean flow.

    :param nearest: distance that the camera may go a share of, metres.
    :returns: (6,) rotation vector and translation.
    """
    kind = random.random()
    heading: np.ndarray = random.normal(0, 1, 3) * (1, 0.5, 0.7)
    if kind < 0.4:
        heading = np.array([*random.normal(0, 0.15, 2), -1.0])
    elif kind < 0.7:
        heading[2] *= 0.1
    heading /= np.linalg.norm(heading)
    turn = random.normal(0, 1, 3) * (1, 1, 0.8)
    share = random.choice([0.0, random.uniform(0, 0.6), random.uniform(0, 0.6), 1.0],
                          p=[0.2, 0.35, 0.35, 0.1])
    wanted = recipe.motion_scale * log_uniform(random, SMALLEST_FLOW_PX,
                                               LARGEST_FLOW * recipe.width)
    depths = [float(plane.centre[2]) for plane in planes]
    typical = 1 / float(np.mean(1 / np.array(depths)))
    focal = float(K[0, 0])
    lever = 0.35 if kind < 0.4 else 1.0  # moving ahead shifts the image less
    length = (1 - share) * wanted * typical / (focal * lever)
    return np.concatenate([turn / np.linalg.norm(turn) * share * wanted / focal,
                           heading * min(length, NEAREST_SHARE * nearest)])


def _own_twist(random: np.random.Generator, recipe: SceneRecipe, plane: _Plane,
               focal: float) -> np.ndarray:
    size = recipe.motion_scale * log_uniform(random, 0.5, 0.25 * recipe.width)
    heading = random.normal(0, 1, 3) * (1, 0.6, 0.5)
    length = min(size * plane.centre[2] / focal, 0.3 * plane.centre[2])
    return np.concatenate([random.normal(0, 0.08, 3) * min(1.0, recipe.motion_scale),
                           length * heading / np.linalg.norm(heading)])


def _pose(twist: np.ndarray) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(twist[:3])[0]
    pose[:3, 3] = twist[3:]
    return pose


def _surface(plane: _Plane, K: np.ndarray, poses: np.ndarray, own: np.ndarray) -> Surface | None:
    """Motions that a plane induces; None if a camera comes to its other side."""
    rays = np.linalg.inv(K)
    motions, depths = [], []
    for view, pose in enumerate(poses):
        R, t = pose[:3, :3], pose[:3, 3]
        if own.any():
            turned = _pose(view * own)
            shift = plane.centre - turned[:3, :3] @ plane.centre + turned[:3, 3]
            R, t = R @ turned[:3, :3], R @ shift + t
        ahead = 1 + plane.normal @ R.T @ t
        if ahead < 0.25:
            return None
        motions.append(K @ (R + np.outer(t, plane.normal)) @ rays)
        depths.append((R @ plane.normal / ahead) @ rays)
    skin, to_texture = plane.skin
    return Surface(skin, to_texture, np.stack(motions), np.stack(depths), moves=bool(own.any()))
