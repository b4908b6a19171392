"""Sequences of training images: every step is as exact as a pair."""
import dataclasses

import cv2
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.data.synthetic.generator import SceneRecipe, generate_sequence

PLAIN = SceneRecipe(height=96, width=128, photometric_share=0, pool_size=20)
RECIPES = pytest.mark.parametrize('recipe', [
    dataclasses.replace(PLAIN, layered_share=1, non_rigid_share=0.8),
    dataclasses.replace(PLAIN, layered_share=0),
    dataclasses.replace(PLAIN, layered_share=0, sphere_share=0.5, box_share=0.5)],
    ids=['layers', 'ego', 'solids'])
FRAMES = 4


def warp(values, flow):
    x, y = np.meshgrid(*(np.arange(edge, dtype=np.float32) for edge in flow.shape[1::-1]))
    return cv2.remap(values.astype(np.float32), x + flow[..., 0], y + flow[..., 1],
                     cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@RECIPES
def test_form(recipe):
    sequence = generate_sequence(recipe, 0, 0, FRAMES)
    assert len(sequence.frames) == FRAMES
    for steps in sequence[1:5]:
        assert len(steps) == FRAMES - 1
    assert all(np.isfinite(flow).all() for flow in sequence.flows + sequence.flows_back)
    assert (sequence.poses is None) == (sequence.K is None) == (recipe.layered_share == 1)
    assert (sequence.depths is None) == (sequence.poses is None)


def test_depths_and_poses_explain_the_flow_of_each_step():
    recipe = dataclasses.replace(PLAIN, layered_share=0)
    explained = []
    for index in range(4):
        sequence = generate_sequence(recipe, 2, index, FRAMES)
        for step in range(FRAMES - 1):
            pair = sequence.step(step)
            assert_array_equal(pair.depth1, sequence.depths[step + 1])
            x, y = np.meshgrid(np.arange(128.0), np.arange(96.0))
            rays = np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
            points = np.linalg.inv(pair.K) @ rays * pair.depth0.ravel()
            seen = pair.K @ (pair.T_1_0[:3, :3] @ points + pair.T_1_0[:3, 3:])
            flow = (seen[:2] / seen[2]).T.reshape(96, 128, 2) - np.stack([x, y], -1)
            explained.append((np.linalg.norm(flow - pair.flow, axis=-1) < 0.02).mean())
    assert np.median(explained) > 0.9  # objects may move besides


def test_steps_are_frames_and_what_is_between_them():
    sequence = generate_sequence(PLAIN, 0, 0, FRAMES)
    pair = sequence.step(1)
    assert pair.image0 is sequence.frames[1]
    assert pair.image1 is sequence.frames[2]
    assert pair.flow is sequence.flows[1]
    assert pair.flow_back is sequence.flows_back[1]
    assert pair.occlusion is sequence.occlusions[1]
    assert pair.occlusion_back is sequence.occlusions_back[1]
    assert not pair.rectified


@RECIPES
def test_each_frame_warped_by_the_flow_is_the_one_before(recipe):
    errors = []
    for index in range(4):
        sequence = generate_sequence(recipe, 0, index, FRAMES)
        for step in range(FRAMES - 1):
            frame, following = sequence.frames[step:step + 2]
            for image, other, flow, hidden in (
                    (frame, following, sequence.flows[step], sequence.occlusions[step]),
                    (following, frame, sequence.flows_back[step],
                     sequence.occlusions_back[step])):
                difference = np.abs(warp(other, flow) - image).mean(axis=-1)
                errors.append(np.median(difference[~hidden]) if (~hidden).any() else 0)
    assert np.median(errors) < 1.5
    assert np.percentile(errors, 90) < 4


@RECIPES
def test_flow_and_flow_back_agree(recipe):
    for index in range(3):
        sequence = generate_sequence(recipe, 1, index, FRAMES)
        for step, (flow, back) in enumerate(zip(sequence.flows, sequence.flows_back,
                                                strict=True)):
            distance = np.linalg.norm(warp(back, flow) + flow, axis=-1)
            seen = ~sequence.occlusions[step]
            if seen.mean() > 0.2:
                assert np.median(distance[seen]) < 0.01


def test_poses_start_at_the_first_camera_and_go_on():
    sequence = generate_sequence(dataclasses.replace(PLAIN, layered_share=0), 0, 1, FRAMES)
    assert_allclose(sequence.poses[0], np.eye(4), atol=1e-12)
    assert_allclose(sequence.poses[2, :3, 3], 2 * sequence.poses[1, :3, 3], atol=1e-9)


@RECIPES
def test_the_same_arguments_make_the_same_bits(recipe):
    recipe = dataclasses.replace(recipe, photometric_share=1)
    first, second = (generate_sequence(recipe, 2, 3, 3) for _ in range(2))
    for name in ('frames', 'flows', 'occlusions'):
        assert_array_equal(getattr(first, name), getattr(second, name))


def test_one_frame_is_no_sequence():
    with pytest.raises(ConfigError, match='at least two'):
        generate_sequence(PLAIN, 0, 0, 1)
