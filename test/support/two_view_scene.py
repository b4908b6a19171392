"""Two views of random points, and of textured planes with their exact depth."""
from dataclasses import dataclass

import cv2
import numpy as np

from panmatch_ros.core.rigid_motion import make_transform
from panmatch_ros.core.types import Correspondences
from panmatch_ros.data.synthetic.textures import Texture

K0 = np.array([[500.0, 0, 319.5], [0, 510, 239.5], [0, 0, 1]])
K1 = np.array([[450.0, 0, 310], [0, 455, 250], [0, 0, 1]])
SIZE = (480, 640)


def motion(rotation_deg, t, axis=(0.3, 1.0, 0.2)):
    """T_1_0 of a turn about an axis, and a translation."""
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    return make_transform(cv2.Rodrigues(np.radians(rotation_deg) * axis)[0], np.array(t, float))


def project(points, K):
    q = points @ K.T
    return q[..., :2] / q[..., 2:]


def random_matches(count, T_1_0, *, seed=0, noise_px=0.0, outliers=0.0, plane=False):
    """Matches of random points 2 to 8 m away, or of a slanted plane; the first are outliers."""
    random = np.random.default_rng(seed)
    points0 = random.uniform((0, 0), (639, 479), (count, 2))
    rays = np.column_stack([(points0 - K0[:2, 2]) / K0[[0, 1], [0, 1]], np.ones(count)])
    depth = 4 / (rays @ [0.2, 0.1, 1]) if plane else random.uniform(2, 8, count)
    points1 = project((rays * depth[:, None]) @ T_1_0[:3, :3].T + T_1_0[:3, 3], K1)
    points0 = points0 + noise_px * random.normal(size=points0.shape)
    points1 = points1 + noise_px * random.normal(size=points1.shape)
    wrong = int(outliers * count)
    points1[:wrong] = random.uniform((0, 0), (639, 479), (wrong, 2))
    return Correspondences(points0.astype(np.float32), points1.astype(np.float32),
                           np.ones(count, np.float32))


def rotation_error_deg(T, truth):
    cosine = (np.trace(T[:3, :3].T @ truth[:3, :3]) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def direction_error_deg(T, truth):
    a, b = T[:3, 3], truth[:3, 3]
    return np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)))


@dataclass(frozen=True)
class Views:
    image0: np.ndarray  # (H, W, 3) uint8
    image1: np.ndarray
    depth: np.ndarray   # (H, W) float32 of image 0, metres


def render_views(K, size, T_1_0, seed=0):
    """Render the scene of ``scene_planes`` from the origin and from another camera."""
    R, t = T_1_0[:3, :3], T_1_0[:3, 3]
    image0, depth = render_view(K, size, np.eye(4), seed)
    image1, _ = render_view(K, size, make_transform(R.T, -R.T @ t), seed)
    return Views(image0, image1, depth)


def render_view(K, size, T_0_camera, seed=0):
    """Image and exact depth of the scene from a camera whose pose is given."""
    return _cast(scene_planes(K, seed), K, size, T_0_camera[:3, :3], T_0_camera[:3, 3])


def scene_planes(K, seed=0):
    """A slanted wall 6 m away, a floor 1 m below and two boards before them."""
    facing = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    slanted = np.array([0.9, 0, 0.436]), np.array([0, 1.0, 0])
    floor = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    pixel = 4 / K[0, 0]
    planes = [((0, 0, 6), slanted, (np.inf, np.inf), pixel * 6),
              ((0, 1, 0), floor, (np.inf, np.inf), pixel * 4),
              ((-0.6, 0.0, 2.6), facing, (0.5, 0.6), pixel * 2.6),
              ((0.9, -0.3, 3.4), slanted, (0.6, 0.5), pixel * 3.4)]
    return [(np.array(centre, float), axes, half, Texture(seed + index, cell))
            for index, (centre, axes, half, cell) in enumerate(planes)]


def _cast(planes, K, size, R_0_camera, origin):
    y, x = np.mgrid[:size[0], :size[1]].astype(float)
    rays = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3) @ np.linalg.inv(K).T
    rays = rays @ R_0_camera.T
    depths, places = [], []
    for centre, axes, half, _ in planes:
        normal = np.cross(*axes)
        with np.errstate(divide='ignore', invalid='ignore'):
            depth = normal @ (centre - origin) / (rays @ normal)
            points = origin + depth[:, None] * rays - centre
            s, t = points @ axes[0], points @ axes[1]
            hit = (depth > 0) & (np.abs(s) <= half[0]) & (np.abs(t) <= half[1])
        depths.append(np.where(hit, depth, np.inf))
        places.append((s, t))
    nearest = np.argmin(depths, axis=0)
    colors = np.empty((len(rays), 3), np.float32)
    for index, (*_, texture) in enumerate(planes):
        seen = nearest == index
        s, t = places[index]
        colors[seen] = texture.colors(s[seen], t[seen])
    depth = np.min(depths, axis=0)
    return (np.rint(colors).astype(np.uint8).reshape(*size, 3),
            depth.reshape(size).astype(np.float32))
