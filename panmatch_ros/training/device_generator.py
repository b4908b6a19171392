"""Training pairs made on a torch device, whole batches at once."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data.synthetic.generator import SceneRecipe, random_scene
from ..data.synthetic.packed import PackedScenes, pack
from ..data.synthetic.pools import load_pools
from .device_photometrics import Photometrics
from .device_render import DeviceRenderer
from .device_scenes import DevicePools, DeviceScenes
from .device_truth import device_flow, device_occlusion


class DeviceBatch(NamedTuple):
    """
    Pairs and their truth.

    :param image0: (B, 3, H, W) float32 in [0, 1].
    :param image1: (B, 3, H, W).
    :param flow: (B, 2, H, W) float32, pixels, from image0 to image1.
    :param flow_back: (B, 2, H, W), from image1 to image0.
    :param occlusion: (B, 1, H, W) bool, hidden in image1 or outside of it.
    :param occlusion_back: (B, 1, H, W) bool, the same for the pixels of image1.
    :param rectified: (B,) bool, whether a pair is stereo: ``flow`` is ``(-disparity, 0)``.
    """

    image0: Tensor
    image1: Tensor
    flow: Tensor
    flow_back: Tensor
    occlusion: Tensor
    occlusion_back: Tensor
    rectified: Tensor


class DeviceGenerator:
    """
    Makes batches on a device, of the same scenes as ``generate_pair``.

    Scenes are drawn at random on the CPU, about 1.5 ms each; ``packed_scenes`` does that part and
    may run in other processes. All pixels are made on the device.

    :param recipe: what to make.
    :param device: where.
    """

    def __init__(self, recipe: SceneRecipe, device: torch.device | str) -> None:
        self._recipe = recipe
        self._device = torch.device(device)
        pools = load_pools(recipe.pool_size, recipe.cache, recipe.pool_seed)
        self._renderer = DeviceRenderer(DevicePools.load(pools, self._device), recipe.size,
                                        recipe.supersample)
        self._photometrics = Photometrics(recipe.photometric_share, recipe.photometric_strength,
                                          recipe.misrectified_share)

    def generate(self, seed: int, indices: Sequence[int]) -> DeviceBatch:
        """
        Make pairs.

        :param seed: of the set.
        :param indices: of the samples, one each.
        :returns: the batch; the same for the same arguments, device and version of torch.
        """
        random = torch.Generator(self._device)
        random.manual_seed(int(np.random.SeedSequence((seed, *indices)).generate_state(1)[0]))
        return self.render(packed_scenes(self._recipe, seed, indices), random)

    @torch.no_grad()
    def render(self, packed: PackedScenes, random: torch.Generator) -> DeviceBatch:
        """
        Make pairs of given scenes.

        :param packed: what :func:`packed_scenes` returned.
        :param random: of the photometric differences, on the same device.
        :returns: the batch.
        """
        scenes = DeviceScenes(packed, self._device)
        first, second = (self._renderer.render(scenes, view) for view in (0, 1))
        flow = device_flow(scenes, first.owners, 0)
        back = device_flow(scenes, second.owners, 1)
        image0, image1 = self._photometrics.apply((first.image, second.image), scenes.stereo,
                                                  random)
        return DeviceBatch(
            image0 / 255, image1 / 255, flow, back,
            device_occlusion(scenes, 1, (first.owners, flow), (second.owners, back)),
            device_occlusion(scenes, 0, (second.owners, back), (first.owners, flow)),
            scenes.stereo)


def packed_scenes(recipe: SceneRecipe, seed: int, indices: Sequence[int]) -> PackedScenes:
    """
    Draw the scenes of a batch; numpy only.

    :param recipe: what to make.
    :param seed: of the set.
    :param indices: of the samples.
    :returns: arrays to render.
    """
    pools = load_pools(recipe.pool_size, recipe.cache, recipe.pool_seed)
    return pack([random_scene(np.random.default_rng((seed, index)), recipe, pools)
                 for index in indices])
