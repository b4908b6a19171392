"""
Scenes that a moving pinhole camera sees: walls, floor, and objects that may move on their own.

Objects are slanted pieces with any outline, thin ones among them, boxes, bars and balls.
"""
import numpy as np

from .layered import random_place
from .recipe import SceneRecipe
from .scene import Scene, Surface
from .skins import Places, SkinPicker, log_uniform, with_perspective
from .solids import Ball, Box, Plane, Solid, pose_of, random_ball, random_box

LARGEST_FLOW = 0.3        # of the width
SMALLEST_FLOW_PX = 0.4
NEAREST_SHARE = 0.4       # of the distance to the nearest surface that the camera may move
THIN_SHARE = 0.4
MOVING_SHARE = 0.25
MOST_BOXES = 3           # each has about three surfaces, and every surface takes time
TURN, BALL_TURN = 0.08, 0.25  # radians; balls roll
FAR_M = 10.0


def ego_scene(random: np.random.Generator, recipe: SceneRecipe, picker: SkinPicker,
              views: int = 2) -> Scene:
    """
    Draw a scene and a camera that turns and moves, forward in many samples.

    :param random: source of all choices.
    :param recipe: sizes, strengths and shares.
    :param picker: looks.
    :param views: number of images; the camera goes on from one to the next.
    :returns: the scene.
    """
    height, width = recipe.size
    focal = width * random.uniform(0.7, 1.4)
    K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1.0]])
    walls = _room(random, recipe, picker, K)
    objects = _objects(random, recipe, picker, K)
    nearest = min([_nearest(wall, K, recipe) for wall in walls]
                  + [each.nearest for each in objects])
    solids: list[Solid] = [*walls, *objects]
    twist = _camera_twist(random, recipe, K, solids, nearest / max(1, views - 1))
    poses = np.stack([pose_of(view * twist) for view in range(views)])
    surfaces: list[Surface] = []
    for index, solid in enumerate(solids):
        own: np.ndarray = np.zeros(6)
        if index >= len(walls) and random.random() < MOVING_SHARE and recipe.motion_scale > 0:
            own = _own_twist(random, recipe, solid, focal) / max(1, views - 1)
        surfaces += solid.surfaces(K, poses, own)
    return Scene(recipe.size, surfaces, depth_scale=1.0, K=K, poses=poses)


def _room(random: np.random.Generator, recipe: SceneRecipe, picker: SkinPicker,
          K: np.ndarray) -> list[Plane]:
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
        planes.append(Plane(normal, centre / (normal @ centre),
                            (skin, with_perspective(to_texture, inverse, at))))
    return planes


def _objects(random: np.random.Generator, recipe: SceneRecipe, picker: SkinPicker,
             K: np.ndarray) -> list[Solid]:
    crowded = random.random() < 0.25
    count = int(random.integers(8, 18) if crowded else random.integers(1, 8))
    objects: list[Solid] = []
    for depth in sorted(np.exp(random.uniform(np.log(1.2), np.log(8.0), count)), reverse=True):
        thin = random.random() < THIN_SHARE
        place = random_place(random, recipe, thin, crowded)
        boxes = sum(isinstance(each, Box) for each in objects)
        solid = _solid(random, recipe, picker, place, (K, depth), boxes < MOST_BOXES)
        objects.append(solid or _piece(random, picker, place, (K, depth), thin))
    return objects


def _solid(random: np.random.Generator, recipe: SceneRecipe, picker: SkinPicker, place: Places,
           view: tuple[np.ndarray, float], box: bool) -> Solid | None:
    """Draw a ball or a box, if it is the turn of one."""
    if recipe.sphere_share + recipe.box_share == 0:
        return None
    kind = random.random()
    if kind < recipe.sphere_share:
        return random_ball(random, picker, place, view)
    if box and kind < recipe.sphere_share + recipe.box_share:
        return random_box(random, picker, place, view)
    return None


def _piece(random: np.random.Generator, picker: SkinPicker, place: Places,
           view: tuple[np.ndarray, float], thin: bool) -> Plane:
    """Draw a slanted piece with an outline."""
    K, depth = view
    centre = depth * (np.linalg.inv(K) @ (place.x, place.y, 1.0))
    tilt = random.normal(0, 0.4, 2) * (random.random() < 0.7)
    normal = np.array([*np.clip(tilt, -1, 1), 1.0])
    normal /= normal @ centre
    skin, to_texture = picker.bounded(place, thin)
    inverse = normal @ np.linalg.inv(K)
    return Plane(normal, centre, (skin, with_perspective(to_texture, inverse,
                                                         (place.x, place.y))))


def _nearest(plane: Plane, K: np.ndarray, recipe: SceneRecipe) -> float:
    height, width = recipe.size
    corners = np.array([[0, width - 1, 0, width - 1], [0, 0, height - 1, height - 1],
                        [1, 1, 1, 1]], float)
    return 1 / max(float((plane.normal @ np.linalg.inv(K) @ corners).max()), 1e-6)


def _camera_twist(random: np.random.Generator, recipe: SceneRecipe, K: np.ndarray,
                  solids: list[Solid], nearest: float) -> np.ndarray:
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
    depths = [float(solid.centre[2]) for solid in solids]
    typical = 1 / float(np.mean(1 / np.array(depths)))
    focal = float(K[0, 0])
    lever = 0.35 if kind < 0.4 else 1.0  # moving ahead shifts the image less
    length = (1 - share) * wanted * typical / (focal * lever)
    return np.concatenate([turn / np.linalg.norm(turn) * share * wanted / focal,
                           heading * min(length, NEAREST_SHARE * nearest)])


def _own_twist(random: np.random.Generator, recipe: SceneRecipe, solid: Solid,
               focal: float) -> np.ndarray:
    size = recipe.motion_scale * log_uniform(random, 0.5, 0.25 * recipe.width)
    heading = random.normal(0, 1, 3) * (1, 0.6, 0.5)
    length = min(size * solid.centre[2] / focal, 0.3 * solid.centre[2])
    turn = BALL_TURN if isinstance(solid, Ball) else TURN
    return np.concatenate([random.normal(0, turn, 3) * min(1.0, recipe.motion_scale),
                           length * heading / np.linalg.norm(heading)])
