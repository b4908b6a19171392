"""Training pairs: what the images show is what the truth says."""
import dataclasses

import cv2
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.data.synthetic.generator import SceneRecipe, TrainingPair, generate_pair

PLAIN = SceneRecipe(height=96, width=128, max_disparity=32.0, photometric_share=0,
                    misrectified_share=0, pool_size=20)
STEREO = dataclasses.replace(PLAIN, stereo_share=1)
LAYERS = dataclasses.replace(PLAIN, stereo_share=0, layered_share=1)
EGO = dataclasses.replace(PLAIN, stereo_share=0, layered_share=0)
BALLS = dataclasses.replace(STEREO, sphere_share=0.7)
SOLIDS = dataclasses.replace(EGO, sphere_share=0.5, box_share=0.5)
KINDS = pytest.mark.parametrize('recipe', [STEREO, LAYERS, EGO, BALLS, SOLIDS],
                                ids=['stereo', 'layers', 'ego', 'balls', 'solids'])
COUNT = 8


def warp(values: np.ndarray, flow: np.ndarray) -> np.ndarray:
    x, y = np.meshgrid(*(np.arange(edge, dtype=np.float32) for edge in flow.shape[1::-1]))
    return cv2.remap(values.astype(np.float32), x + flow[..., 0], y + flow[..., 1],
                     cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def inner(pair: TrainingPair) -> np.ndarray:
    """Pixels in sight, away from borders of surfaces, where the flow jumps."""
    jump = np.abs(cv2.Laplacian(pair.flow, cv2.CV_32F)).max(axis=-1) > 0.05
    return ~cv2.dilate((pair.occlusion | jump).astype(np.uint8), np.ones((11, 11))).astype(bool)


def smooth(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.8)


def pairs(recipe: SceneRecipe, count: int = COUNT) -> list[TrainingPair]:
    return [generate_pair(recipe, 3, index) for index in range(count)]


@KINDS
def test_shapes_and_types(recipe):
    pair = generate_pair(recipe, 0, 0)
    for image in (pair.image0, pair.image1):
        assert (image.shape, image.dtype) == ((96, 128, 3), np.uint8)
    for flow in (pair.flow, pair.flow_back):
        assert (flow.shape, flow.dtype) == ((96, 128, 2), np.float32)
        assert np.isfinite(flow).all()
    for mask in (pair.occlusion, pair.occlusion_back):
        assert (mask.shape, mask.dtype) == ((96, 128), bool)
    assert pair.rectified == (recipe.stereo_share == 1)
    if recipe is LAYERS:
        assert pair.depth0 is pair.depth1 is pair.K is pair.T_1_0 is None
    else:
        assert pair.depth0.shape == pair.depth1.shape == (96, 128)
        assert (pair.K.shape, pair.T_1_0.shape) == ((3, 3), (4, 4))


@KINDS
def test_the_other_image_warped_by_the_flow_is_the_same(recipe):
    everywhere, inside = [], []
    for pair in pairs(recipe):
        difference = np.abs(warp(pair.image1, pair.flow) - pair.image0).mean(axis=-1)
        back = np.abs(warp(pair.image0, pair.flow_back) - pair.image1).mean(axis=-1)
        everywhere += [difference[~pair.occlusion].mean(), back[~pair.occlusion_back].mean()]
        inside += [np.median(difference[inner(pair)])] if inner(pair).any() else []
    assert np.median(everywhere) < 3.5  # borders of surfaces mix with what is below
    assert len(inside) > COUNT // 2
    assert np.median(inside) < 1.5
    assert max(inside) < 5              # fine texture that the warp smooths


@KINDS
def test_the_flow_is_right_to_a_small_part_of_a_pixel(recipe):
    # Away from other surfaces, whose motion differs, a shifted flow explains the images worse.
    better = []
    for pair in pairs(recipe):
        image0, image1 = smooth(pair.image0), smooth(pair.image1)

        def error(shift, pair=pair, image0=image0, image1=image1):
            difference = warp(image1, pair.flow + np.float32(shift)) - image0
            return np.square(difference)[inner(pair)].sum()

        right = error((0, 0))
        better += [right <= error(shift) for shift in ((0.2, 0), (-0.2, 0), (0, 0.2), (0, -0.2))]
    assert np.mean(better) > 0.9


@KINDS
def test_flow_and_flow_back_agree_where_nothing_is_hidden(recipe):
    for pair in pairs(recipe):
        there_and_back = pair.flow + warp(pair.flow_back, pair.flow)
        if inner(pair).any():
            distance = np.linalg.norm(there_and_back, axis=-1)[inner(pair)]
            assert np.percentile(distance, 95) < 0.05


@KINDS
def test_what_is_out_of_the_other_image_is_occluded(recipe):
    for pair in pairs(recipe, 4):
        x, y = np.meshgrid(np.arange(128), np.arange(96))
        u, v = x + pair.flow[..., 0], y + pair.flow[..., 1]
        assert pair.occlusion[(u < -0.01) | (u > 127.01) | (v < -0.01) | (v > 95.01)].all()


@KINDS
def test_pixels_in_sight_are_hit_once(recipe):
    # Two visible points of different surfaces cannot land on one pixel.
    for pair in pairs(recipe, 4):
        landed = warp(pair.flow_back, pair.flow) + pair.flow
        wrong = np.linalg.norm(landed, axis=-1) > 2
        assert (wrong & ~pair.occlusion).mean() < 0.06


def test_stereo_is_horizontal_and_within_the_range():
    for pair in pairs(STEREO, 20) + pairs(BALLS, 20):
        assert (pair.flow[..., 1] == 0).all()
        assert (pair.flow_back[..., 1] == 0).all()
        assert -pair.flow[..., 0].max() >= 0
        assert -pair.flow[..., 0].min() < 32.01
        assert pair.flow_back[..., 0].min() >= 0


def test_bumps_stay_within_the_range():
    # Bumps were once added to a plane that reached the largest disparity already.
    recipe = dataclasses.replace(STEREO, bumpy_share=1, height=64, width=80)
    for pair in pairs(recipe, 60):
        assert 0 <= -pair.flow[..., 0].max() <= -pair.flow[..., 0].min() < 32.05


def test_stereo_has_large_disparities_and_depth_that_fits():
    largest = []
    for pair in pairs(STEREO, 20):
        disparity = -pair.flow[..., 0]
        largest.append(disparity.max())
        depth = pair.K[0, 0] * -pair.T_1_0[0, 3] / np.maximum(disparity, 1e-6)
        known = np.isfinite(pair.depth0)
        assert_allclose(pair.depth0[known], depth[known], rtol=1e-4)
    assert max(largest) > 24
    assert min(largest) < 12


def test_depth_and_pose_of_a_moving_camera_explain_the_flow():
    explained = []
    for pair in pairs(EGO):
        x, y = np.meshgrid(np.arange(128.0), np.arange(96.0))
        rays = np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
        points = np.linalg.inv(pair.K) @ rays * pair.depth0.ravel()
        seen = pair.K @ (pair.T_1_0[:3, :3] @ points + pair.T_1_0[:3, 3:])
        flow = (seen[:2] / seen[2]).T.reshape(96, 128, 2) - np.stack([x, y], -1)
        explained.append((np.linalg.norm(flow - pair.flow, axis=-1) < 0.01).mean())
    assert np.median(explained) > 0.9  # objects may move besides


@KINDS
def test_the_same_arguments_make_the_same_bits(recipe):
    recipe = dataclasses.replace(recipe, photometric_share=1, misrectified_share=0.5)
    for first, second in zip(generate_pair(recipe, 1, 5), generate_pair(recipe, 1, 5),
                             strict=True):
        assert_array_equal(first, second)


def test_indices_and_seeds_make_different_samples():
    images = [generate_pair(PLAIN, *key).image0 for key in ((0, 0), (0, 1), (1, 0))]
    assert all((images[i] != images[j]).mean() > 0.5 for i, j in ((0, 1), (0, 2), (1, 2)))


@KINDS
def test_photometrics_do_not_touch_the_truth(recipe):
    plain = generate_pair(recipe, 2, 1)
    changed = generate_pair(dataclasses.replace(recipe, photometric_share=1,
                                                misrectified_share=1), 2, 1)
    for name in ('flow', 'flow_back', 'occlusion', 'occlusion_back'):
        assert_array_equal(getattr(plain, name), getattr(changed, name))
    assert (plain.image1 != changed.image1).any()


def test_motion_scale_zero_is_a_still_image():
    for recipe in (LAYERS, EGO, SOLIDS):
        pair = generate_pair(dataclasses.replace(recipe, motion_scale=0), 0, 0)
        assert_allclose(pair.flow, 0, atol=1e-4)
        assert_array_equal(pair.image0, pair.image1)
        assert not pair.occlusion.any()


def test_the_pool_in_a_folder_is_the_pool_in_memory(tmp_path):
    cached = dataclasses.replace(PLAIN, cache=str(tmp_path))
    assert_array_equal(generate_pair(cached, 0, 0).image0, generate_pair(PLAIN, 0, 0).image0)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ['.npy'] * 6


@pytest.mark.parametrize(('key', 'value'), [
    ('stereo_share', 1.1), ('photometric_share', -0.1), ('height', 16), ('motion_scale', -1.0),
    ('max_disparity', 0.0), ('supersample', 0), ('pool_size', 3),
    ('photometric_strength', float('nan')), ('clutter_share', 0.9), ('sphere_share', 0.95),
    ('box_share', -1), ('pool_seed', -1), ('pool_seed', 1.5)])
def test_bad_settings_are_refused(key, value):
    with pytest.raises(ConfigError, match=key):
        SceneRecipe(**{key: value})
