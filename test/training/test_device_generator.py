"""Batches made on a device against the same pairs made one by one with OpenCV."""
import dataclasses

import cv2
import numpy as np
from numpy.testing import assert_allclose
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.data.synthetic.generator import SceneRecipe, generate_pair  # noqa: E402
from panmatch_ros.training.device_generator import DeviceGenerator  # noqa: E402

PLAIN = SceneRecipe(height=64, width=96, max_disparity=24.0, photometric_share=0,
                    misrectified_share=0, pool_size=20, bumpy_share=0.6, non_rigid_share=0.6)
RECIPES = pytest.mark.parametrize('recipe', [
    dataclasses.replace(PLAIN, stereo_share=1),
    dataclasses.replace(PLAIN, stereo_share=0, layered_share=1),
    dataclasses.replace(PLAIN, stereo_share=0, layered_share=0),
    dataclasses.replace(PLAIN, stereo_share=1, sphere_share=0.7),
    dataclasses.replace(PLAIN, stereo_share=0, layered_share=0, sphere_share=0.5,
                        box_share=0.5)], ids=['stereo', 'layers', 'ego', 'balls', 'solids'])
INDICES = range(6)


def channels_last(values):
    return values.permute(0, 2, 3, 1).numpy()


def near_borders(flow):
    jumps = np.abs(cv2.Laplacian(np.ascontiguousarray(flow), cv2.CV_32F)).max(axis=-1) > 0.02
    return cv2.dilate(jumps.astype(np.uint8), np.ones((3, 3))) > 0


@RECIPES
def test_flow_and_images_are_those_of_the_pairs(recipe):
    batch = DeviceGenerator(recipe, 'cpu').generate(3, INDICES)
    for index in INDICES:
        pair = generate_pair(recipe, 3, index)
        for flow, expected in ((batch.flow, pair.flow), (batch.flow_back, pair.flow_back)):
            found = channels_last(flow)[index]
            differs = np.abs(found - expected).max(axis=-1) > 1e-2
            assert differs.mean() < 0.06  # borders may fall to the other side of a pixel
            assert (differs & ~near_borders(found) & ~near_borders(expected)).mean() < 1e-3
        for image, wanted in ((batch.image0, pair.image0), (batch.image1, pair.image1)):
            difference = np.abs(255 * channels_last(image)[index] - wanted)
            assert difference.mean() < 6  # borders, and blur that is made another way
            assert np.median(difference) < 2
        for hidden, wanted in ((batch.occlusion, pair.occlusion),
                               (batch.occlusion_back, pair.occlusion_back)):
            assert (hidden[index, 0].numpy() == wanted).mean() > 0.97
        assert bool(batch.rectified[index]) == pair.rectified


def test_form():
    batch = DeviceGenerator(PLAIN, 'cpu').generate(0, [4, 5])
    assert batch.image0.shape == batch.image1.shape == (2, 3, 64, 96)
    assert batch.flow.shape == batch.flow_back.shape == (2, 2, 64, 96)
    assert batch.occlusion.shape == batch.occlusion_back.shape == (2, 1, 64, 96)
    assert batch.occlusion.dtype == batch.rectified.dtype == torch.bool
    assert 0 <= batch.image0.min() <= batch.image0.max() <= 1
    for value in batch[:4]:
        assert value.dtype == torch.float32
        assert torch.isfinite(value).all()


def test_photometrics_change_images_and_nothing_else():
    plain = DeviceGenerator(PLAIN, 'cpu').generate(1, INDICES)
    recipe = dataclasses.replace(PLAIN, photometric_share=1, misrectified_share=1)
    changed = DeviceGenerator(recipe, 'cpu').generate(1, INDICES)
    for name in ('flow', 'flow_back', 'occlusion', 'occlusion_back', 'rectified'):
        assert torch.equal(getattr(plain, name), getattr(changed, name))
    difference = (plain.image0 - changed.image0).abs().mean((1, 2, 3))
    assert (difference > 0).all()
    assert difference.max() < 0.5
    assert torch.isfinite(changed.image1).all()


def test_the_same_arguments_make_the_same_batch():
    recipe = dataclasses.replace(PLAIN, photometric_share=1)
    first, second = (DeviceGenerator(recipe, 'cpu').generate(2, [7, 8]) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert_allclose(one, other)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
@RECIPES
def test_a_gpu_makes_the_same_truth(recipe):
    here = DeviceGenerator(recipe, 'cpu').generate(3, INDICES)
    there = DeviceGenerator(recipe, 'cuda').generate(3, INDICES)
    assert ((here.flow - there.flow.cpu()).abs() < 1e-2).float().mean() > 0.995
    assert ((here.image0 - there.image0.cpu()).abs() < 0.02).float().mean() > 0.97
