"""Scenes of one ball or box before a wall: depth, flow and occlusion against rays."""
import cv2
import numpy as np
from numpy.testing import assert_allclose
import pytest

from panmatch_ros.data.synthetic.generator import SceneRecipe, generate_pair, render_pair
from panmatch_ros.data.synthetic.pools import load_pools
from panmatch_ros.data.synthetic.scene import Scene
from panmatch_ros.data.synthetic.skins import Places, SkinPicker
from panmatch_ros.data.synthetic.solids import (
    Ball,
    Box,
    Plane,
    pose_of,
    random_ball,
    random_box,
)

SIZE = (96, 128)
K = np.array([[120.0, 0, 63.5], [0, 120.0, 47.5], [0, 0, 1]])
RECIPE = SceneRecipe(height=96, width=128, photometric_share=0, pool_size=20)
TWIST = np.array([0.02, -0.03, 0.03, 0.15, -0.05, 0.1])
STILL = np.zeros(6)
PLACE = Places(60.0, 45.0, 56.0, 48.0, 0.2)


@pytest.fixture(scope='module')
def pools():
    return load_pools(RECIPE.pool_size)


def picker(pools):
    return SkinPicker(np.random.default_rng(0), RECIPE, pools)


def render(pools, solid, own=STILL):
    wall = Plane(np.array([0, 0, 1 / 8]), np.array([0, 0, 8.0]),
                 picker(pools).unbounded((63.5, 47.5), False))
    poses = np.stack([np.eye(4), pose_of(TWIST)])
    surfaces = [surface for each, moved in ((wall, STILL), (solid, own))
                for surface in each.surfaces(K, poses, moved)]
    return render_pair(Scene(SIZE, surfaces, depth_scale=1.0, K=K, poses=poses), pools)


def rays():
    y, x = np.mgrid[:96, :128].astype(float)
    return np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(K).T


def ball_depth(directions, centre, radius):
    """Depth of the near side; infinity beside it."""
    a, b = (directions ** 2).sum(-1), directions @ centre
    root = b * b - a * (centre @ centre - radius ** 2)
    return np.where(root >= 0, (b - np.sqrt(np.maximum(root, 0))) / a, np.inf)


def box_depth(directions, centre, axes, turn=None):
    """Depth where rays enter a box, by slabs in its own frame; infinity beside it."""
    frame = axes / np.square(axes).sum(axis=1, keepdims=True)
    frame = frame if turn is None else frame @ turn.T
    with np.errstate(divide='ignore'):
        ends = np.stack([(side + frame @ centre) / (directions @ frame.T) for side in (-1, 1)])
    enter, leave = ends.min(axis=0).max(axis=-1), ends.max(axis=0).min(axis=-1)
    return np.where(enter <= leave, enter, np.inf)


def near_borders(depth):
    return cv2.morphologyEx(depth, cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0.3


def there(flow):
    y, x = np.mgrid[:flow.shape[0], :flow.shape[1]].astype(np.float32)
    return x + flow[..., 0], y + flow[..., 1]


def warp(values, flow):
    return cv2.remap(values.astype(np.float32), *there(flow), cv2.INTER_LINEAR,
                     borderMode=cv2.BORDER_REPLICATE)


def check_views_agree(pair):
    """Images and both flows, away from borders."""
    inside = ~cv2.dilate((pair.occlusion | near_borders(pair.depth0)).astype(np.uint8),
                         np.ones((7, 7))).astype(bool)
    assert inside.mean() > 0.4
    difference = np.abs(warp(pair.image1, pair.flow) - pair.image0).mean(axis=-1)
    assert np.median(difference[inside]) < 1.5
    moved = np.linalg.norm(warp(pair.flow_back, pair.flow) + pair.flow, axis=-1)
    assert np.percentile(moved[inside], 95) < 0.05


def test_depth_of_a_ball_in_both_views(pools):
    ball = random_ball(np.random.default_rng(1), picker(pools), PLACE, (K, 3.0))
    pair = render(pools, ball)
    pose = pose_of(TWIST)
    for depth, centre in ((pair.depth0, ball.centre),
                          (pair.depth1, pose[:3, :3] @ ball.centre + pose[:3, 3])):
        expected = ball_depth(rays(), centre, ball.radius)
        covered = np.isfinite(expected)
        assert 800 < covered.sum() < 3000
        shown = depth < 6
        assert (shown != covered).sum() < 4  # single precision, at the outline only
        assert_allclose(depth[covered & shown], expected[covered & shown], rtol=1e-4)
    check_views_agree(pair)


def test_flow_of_a_ball_that_rolls(pools):
    ball = random_ball(np.random.default_rng(2), picker(pools), PLACE, (K, 3.0))
    own = np.array([0.3, -0.4, 0.5, 0.2, 0.1, -0.2])
    pair = render(pools, ball, own)
    pose, turned = pose_of(TWIST), pose_of(own)
    shown = pair.depth0 < 6
    points = rays()[shown] * ball_depth(rays()[shown], ball.centre, ball.radius)[:, None]
    outward = (points - ball.centre) @ turned[:3, :3].T
    moved = (outward + ball.centre + own[3:]) @ pose[:3, :3].T + pose[:3, 3]
    seen = moved @ K.T
    expected = seen[:, :2] / seen[:, 2:]
    assert_allclose(np.stack(there(pair.flow), -1)[shown], expected, atol=2e-3)
    away = (outward @ pose[:3, :3].T * moved).sum(-1) > 1e-3
    assert away.sum() > 30
    assert pair.occlusion[shown][away].all()
    check_views_agree(pair)


def test_what_a_ball_hides(pools):
    ball = random_ball(np.random.default_rng(1), picker(pools), PLACE, (K, 3.0))
    pair = render(pools, ball)
    pose = pose_of(TWIST)
    x, y = there(pair.flow)
    directions = np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(K).T
    before = ball_depth(directions, pose[:3, :3] @ ball.centre + pose[:3, 3], ball.radius)
    wall = pair.depth0 > 6
    inside = (x > 1) & (x < 126) & (y > 1) & (y < 94)
    hidden = np.isfinite(before)
    sure = cv2.erode(hidden.astype(np.uint8), np.ones((3, 3))).astype(bool)
    clear = ~cv2.dilate(hidden.astype(np.uint8), np.ones((3, 3))).astype(bool)
    assert (wall & sure).sum() > 50
    assert pair.occlusion[wall & sure].all()
    assert not pair.occlusion[wall & clear & inside].any()


@pytest.mark.parametrize('seed', range(4))
def test_depth_of_a_box_has_no_gaps(pools, seed):
    box = random_box(np.random.default_rng(seed), picker(pools), PLACE, (K, 3.0))
    own = np.array([0.05, 0.1, -0.1, 0.1, 0, 0]) * (seed % 2)
    pair = render(pools, box, own)
    turn, pose = pose_of(own), pose_of(TWIST)
    R = pose[:3, :3] @ turn[:3, :3]
    centre = pose[:3, :3] @ (box.centre + turn[:3, 3]) + pose[:3, 3]
    for depth, expected in ((pair.depth0, box_depth(rays(), box.centre, box.axes)),
                            (pair.depth1, box_depth(rays(), centre, box.axes, R))):
        covered = np.isfinite(expected)
        border = cv2.morphologyEx(covered.astype(np.uint8), cv2.MORPH_GRADIENT,
                                  np.ones((3, 3))).astype(bool)
        assert covered.sum() > 100
        assert ((depth < 7) == covered)[~border].all()
        both = covered & ~border
        close = np.abs(depth[both] / expected[both] - 1) < 1e-4
        assert close.mean() > 0.97  # at an edge either face may be taken
        assert_allclose(depth[both], expected[both], rtol=0.05)
    check_views_agree(pair)


def test_a_solid_that_a_camera_would_enter_is_left_out(pools):
    ball = random_ball(np.random.default_rng(0), picker(pools), PLACE, (K, 3.0))
    box = random_box(np.random.default_rng(0), picker(pools), PLACE, (K, 3.0))
    ahead = np.stack([np.eye(4), pose_of(np.array([0, 0, 0, 0, 0, -2.5]))])
    assert ball.surfaces(K, ahead, STILL) == box.surfaces(K, ahead, STILL) == []


def test_a_ball_stays_behind_the_nearest_depth_and_is_no_speck(pools):
    random = np.random.default_rng(0)
    large = Places(60.0, 45.0, 400.0, 400.0)
    assert random_ball(random, picker(pools), large, (K, 3.0), 2.9).nearest == pytest.approx(2.9)
    assert random_ball(random, picker(pools), large, (K, 3.0)).nearest > 1.6
    small = Places(60.0, 45.0, 3.0, 3.0)
    assert random_ball(random, picker(pools), small, (K, 3.0)) is None


def test_shares_choose_what_is_drawn(monkeypatch):
    from panmatch_ros.data.synthetic import ego
    drawn = {Ball: 0, Box: 0}

    def count(kind, make):
        def counted(*args):
            drawn[kind] += 1
            return make(*args)
        return counted

    monkeypatch.setattr(ego, 'random_ball', count(Ball, random_ball))
    monkeypatch.setattr(ego, 'random_box', count(Box, random_box))

    def run(**shares):
        drawn.update({Ball: 0, Box: 0})
        recipe = SceneRecipe(height=64, width=80, pool_size=20, stereo_share=0, layered_share=0,
                             **shares)
        for index in range(6):
            generate_pair(recipe, 0, index)
        return drawn[Ball] > 3, drawn[Box] > 3

    assert run(sphere_share=0, box_share=0) == (False, False)
    assert run(sphere_share=1, box_share=0) == (True, False)
    assert run(sphere_share=0, box_share=1) == (False, True)
