"""
Training pairs for flow and stereo: random scenes with exact truth.

A sample is a function of recipe, seed and index alone, so any process may make any part of a
training set, in any order.
"""
from typing import NamedTuple

import cv2
import numpy as np

from ...core.errors import ConfigError
from .ego import ego_scene
from .layered import layered_scene
from .photometrics import Geometry, disturb
from .pools import Pools, load_pools
from .raster import Renderer, View
from .recipe import SceneRecipe
from .scene import Scene
from .skins import SkinPicker
from .stereo import stereo_scene
from .truth import depth_map, exact_depth, exact_flow, find_occlusion

__all__ = ['SceneRecipe', 'TrainingPair', 'TrainingSequence', 'generate_pair',
           'generate_sequence']

MISRECTIFIED_PX = 0.7     # largest vertical error of a disturbed second image


class TrainingPair(NamedTuple):
    """
    Two images and the truth about them.

    :param image0: (H, W, 3) uint8 RGB.
    :param image1: (H, W, 3) uint8 RGB.
    :param flow: (H, W, 2) float32, pixels, from image0 to image1; exact, also where occluded.
    :param flow_back: (H, W, 2) float32, pixels, from image1 to image0.
    :param occlusion: (H, W) bool, True where a pixel of image0 is hidden in image1 or outside.
    :param occlusion_back: (H, W) bool, the same for the pixels of image1.
    :param rectified: whether this is a stereo pair: ``flow`` is ``(-disparity, 0)`` and
        ``disparity >= 0``. In a small share of them image1 is rotated and shifted by up to
        0.7 px off its rows, as in badly calibrated rigs; the truth ignores that.
    :param depth0: (H, W) float32, metres; NaN at infinity, None without a camera.
    :param depth1: (H, W) float32, likewise for image1.
    :param K: (3, 3) intrinsics of both images; None without a camera.
    :param T_1_0: (4, 4) motion of the camera; objects may move besides. None without a camera.
    """

    image0: np.ndarray
    image1: np.ndarray
    flow: np.ndarray
    flow_back: np.ndarray
    occlusion: np.ndarray
    occlusion_back: np.ndarray
    rectified: bool
    depth0: np.ndarray | None
    depth1: np.ndarray | None
    K: np.ndarray | None
    T_1_0: np.ndarray | None


class TrainingSequence(NamedTuple):
    """
    Images of a scene in motion and the truth about each step.

    :param frames: T images (H, W, 3) uint8 RGB.
    :param flows: T - 1 fields (H, W, 2) float32, pixels, from each frame to the next.
    :param flows_back: T - 1 fields from each frame but the first to the one before.
    :param occlusions: T - 1 masks (H, W) bool, True where hidden in the next frame or outside.
    :param occlusions_back: T - 1 masks, the same towards the frame before.
    :param K: (3, 3) intrinsics; None without a camera.
    :param poses: (T, 4, 4) from the camera of the first frame into that of each frame; None
        without a camera.
    :param depths: T maps (H, W) float32, metres, NaN at infinity; None without a camera.
    """

    frames: list[np.ndarray]
    flows: list[np.ndarray]
    flows_back: list[np.ndarray]
    occlusions: list[np.ndarray]
    occlusions_back: list[np.ndarray]
    K: np.ndarray | None
    poses: np.ndarray | None
    depths: list[np.ndarray] | None

    def step(self, index: int) -> TrainingPair:
        """
        Give a frame and the next one as a pair.

        :param index: of the first of them, from 0 to T - 2.
        """
        depths, poses = self.depths, self.poses
        return TrainingPair(
            self.frames[index], self.frames[index + 1], self.flows[index],
            self.flows_back[index], self.occlusions[index], self.occlusions_back[index], False,
            None if depths is None else depths[index],
            None if depths is None else depths[index + 1], self.K,
            None if poses is None else poses[index + 1] @ np.linalg.inv(poses[index]))


def generate_pair(recipe: SceneRecipe, seed: int, index: int) -> TrainingPair:
    """
    Make one training pair.

    :param recipe: what to make.
    :param seed: of the set; not negative.
    :param index: of the sample in the set; not negative.
    :returns: the pair; the same bits for the same arguments.
    """
    random = np.random.default_rng((seed, index))
    pools = load_pools(recipe.pool_size, recipe.cache, recipe.pool_seed)
    scene = random_scene(random, recipe, pools)
    pair = render_pair(scene, pools, recipe.supersample)
    return _disturbed(random, recipe, pair)


def generate_sequence(recipe: SceneRecipe, seed: int, index: int,
                      frames: int) -> TrainingSequence:
    """
    Make a short sequence of layers in motion, or of a moving camera; never stereo.

    :param recipe: what to make; ``stereo_share`` has no meaning here.
    :param seed: of the set; not negative.
    :param index: of the sequence in the set; not negative.
    :param frames: number of images, at least two; shifts go on, turns and zooms are slower in
        longer sequences.
    :returns: the sequence; the same bits for the same arguments.
    :raises ConfigError: if there are fewer than two frames.
    """
    if frames < 2:
        raise ConfigError(f'a sequence has at least two frames, got {frames}')
    random = np.random.default_rng((seed, index, frames))
    pools = load_pools(recipe.pool_size, recipe.cache, recipe.pool_seed)
    build = layered_scene if random.random() < recipe.layered_share else ego_scene
    scene = build(random, recipe, SkinPicker(random, recipe, pools), frames)
    renderer = Renderer(scene, pools, recipe.supersample)
    views = [renderer.render(view) for view in range(frames)]
    images = [view.image for view in views]
    steps = [_step(scene, views, view, view + 1) for view in range(frames - 1)]
    back = [_step(scene, views, view + 1, view) for view in range(frames - 1)]
    if random.random() < recipe.photometric_share and recipe.photometric_strength > 0:
        flows = [step[0] for step in steps]
        geometry = [Geometry(flow, None) for flow in (*flows, flows[-1])]
        images = disturb(random, images, geometry, recipe.photometric_strength)
    return TrainingSequence(images, [flow for flow, _ in steps], [flow for flow, _ in back],
                            [hidden for _, hidden in steps], [hidden for _, hidden in back],
                            scene.K, scene.poses, _depths(scene, views))


def _step(scene: Scene, views: list[View], start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Flow and occlusion from one view to another."""
    owners, other = views[start].surfaces, views[end].surfaces
    flow = exact_flow(scene, owners, start, end)
    back = exact_flow(scene, other, end, start)
    return flow, find_occlusion(scene, (start, end), (owners, flow), (other, back))


def _depths(scene: Scene, views: list[View]) -> list[np.ndarray] | None:
    if scene.depth_scale is None:
        return None
    return [depth_map(scene, view.surfaces, index) for index, view in enumerate(views)]


def random_scene(random: np.random.Generator, recipe: SceneRecipe, pools: Pools) -> Scene:
    """
    Draw the description of a scene.

    :param random: source of all choices.
    :param recipe: what to make.
    :param pools: textures and outlines.
    :returns: a scene of two views.
    """
    picker = SkinPicker(random, recipe, pools)
    if random.random() < recipe.stereo_share:
        return stereo_scene(random, recipe, picker)
    if random.random() < recipe.layered_share:
        return layered_scene(random, recipe, picker)
    return ego_scene(random, recipe, picker)


def render_pair(scene: Scene, pools: Pools, supersample: int = 2) -> TrainingPair:
    """
    Draw two views of a scene and compute their truth, without photometric differences.

    :param scene: what to draw.
    :param pools: textures and outlines.
    :param supersample: sub-pixels along the edge of a pixel.
    :returns: the pair.
    """
    renderer = Renderer(scene, pools, supersample)
    first, second = renderer.render(0), renderer.render(1)
    flow = exact_flow(scene, first.surfaces, 0, 1)
    flow_back = exact_flow(scene, second.surfaces, 1, 0)
    return TrainingPair(
        first.image, second.image, flow, flow_back,
        find_occlusion(scene, (0, 1), (first.surfaces, flow), (second.surfaces, flow_back)),
        find_occlusion(scene, (1, 0), (second.surfaces, flow_back), (first.surfaces, flow)),
        scene.stereo,
        exact_depth(scene, first.surfaces, flow, 0),
        exact_depth(scene, second.surfaces, flow_back, 1), scene.K,
        None if scene.poses is None else scene.poses[1])


def _disturbed(random: np.random.Generator, recipe: SceneRecipe,
               pair: TrainingPair) -> TrainingPair:
    image0, image1 = pair.image0, pair.image1
    if pair.rectified and random.random() < recipe.misrectified_share:
        image1 = _misrectified(random, image1)
    if random.random() < recipe.photometric_share and recipe.photometric_strength > 0:
        geometry = (Geometry(pair.flow, _nearness(pair.depth0)),
                    Geometry(pair.flow_back, _nearness(pair.depth1)))
        image0, image1 = disturb(random, (image0, image1), geometry,
                                 recipe.photometric_strength)
    return pair._replace(image0=image0, image1=image1)


def _nearness(depth: np.ndarray | None) -> np.ndarray | None:
    """Inverse depth in units of its largest value."""
    if depth is None:
        return None
    inverse = np.nan_to_num(1 / depth, nan=0.0)
    return inverse / max(float(inverse.max()), 1e-9)


def _misrectified(random: np.random.Generator, image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    centre = ((width - 1) / 2, (height - 1) / 2)
    angle = np.degrees(random.uniform(-0.5, 0.5) * MISRECTIFIED_PX / (width / 2))
    matrix = cv2.getRotationMatrix2D(centre, angle, 1.0)
    matrix[1, 2] += random.uniform(-0.5, 0.5) * MISRECTIFIED_PX
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)
