"""Balls against rays and quadratic equations that are solved one by one."""
import cv2
import numpy as np
from numpy.testing import assert_allclose
import pytest

from panmatch_ros.data.synthetic.sphere import Sphere, facing_turn

K = np.array([[100.0, 0, 39.5], [0, 100.0, 31.5], [0, 0, 1]])
SIZE = (64, 80)
ALL = (np.eye(3), (80, 64))


def rotation(*vector):
    return cv2.Rodrigues(np.array(vector, float))[0]


@pytest.fixture
def sphere():
    """A ball off the axis that rolls, passes by and comes nearer."""
    first = np.array([0.3, -0.2, 4.0])
    turn = facing_turn(first, 0.4)
    return Sphere(np.stack([first, [-0.1, 0.1, 3.5]]),
                  np.stack([turn, rotation(0.3, -0.5, 0.2) @ turn]), 0.6, K)


def hit(sphere, x, y, view):
    """Nearest point of a ray on the ball, by the roots of its quadratic; None beside it."""
    direction = np.linalg.inv(K) @ (x, y, 1.0)
    centre = sphere.centres[view]
    roots = np.roots([direction @ direction, -2 * direction @ centre,
                      centre @ centre - sphere.radius ** 2])
    return roots.min() * direction if np.isreal(roots).all() else None


def on_the_ball(sphere, view):
    """Pixels of the ball, and the points that they show."""
    found = {(x, y): hit(sphere, x, y, view) for x in range(80) for y in range(64)}
    pixels = [place for place, point in found.items() if point is not None]
    return np.array(pixels, float).T, np.array([found[place] for place in pixels]).T


def test_a_ball_straight_ahead():
    sphere = Sphere(np.array([[0.0, 0, 5]]), np.eye(3)[None], 1.0, K)
    near = sphere.inverse_depth(np.array([39.5]), np.array([31.5]), 0)
    assert near == pytest.approx(1 / 4)
    # The tangent of the angle to the outline is r / sqrt(d^2 - r^2) = 1 / sqrt(24).
    half = 100 / np.sqrt(24)
    assert_allclose(sphere.box(0), (39.5 - half, 31.5 - half, 39.5 + half, 31.5 + half))


@pytest.mark.parametrize('view', [0, 1])
def test_depth_is_that_of_the_nearest_intersection(sphere, view):
    (x, y), points = on_the_ball(sphere, view)
    assert len(x) > 300
    assert_allclose(1 / sphere.inverse_depth(x, y, view), points[2], rtol=1e-9)
    grid = sphere.nearness_grid(ALL, view)[y.astype(int), x.astype(int)]
    inner = sphere.discriminant(ALL, view)[y.astype(int), x.astype(int)] > 0.01
    assert_allclose(1 / grid[inner], points[2][inner], rtol=1e-5)


@pytest.mark.parametrize('view', [0, 1])
def test_the_outline_is_where_rays_touch(sphere, view):
    covered = sphere.discriminant(ALL, view) > 0
    (x, y), _ = on_the_ball(sphere, view)
    expected = np.zeros(SIZE, bool)
    expected[y.astype(int), x.astype(int)] = True
    assert (covered == expected).all()
    left, top, right, bottom = sphere.box(view)
    assert left <= x.min() < left + 1
    assert right - 1 < x.max() <= right
    assert top <= y.min() < top + 1
    assert bottom - 1 < y.max() <= bottom


def test_points_are_where_the_ball_takes_them(sphere):
    (x, y), points = on_the_ball(sphere, 0)
    own = sphere.turns[0].T @ (points - sphere.centres[0][:, None])
    moved = sphere.turns[1] @ own + sphere.centres[1][:, None]
    expected = K @ moved
    u, v, facing = sphere.transfer(x, y, 0, 1)
    assert_allclose(np.stack([u, v]), expected[:2] / expected[2], atol=1e-8)
    # A point faces the view if the ray through its pixel meets the ball there and not before.
    met = np.array([hit(sphere, *place, 1) for place in zip(u, v, strict=True)])
    distance = np.linalg.norm(met.T - moved, axis=0)
    assert 0.02 < (~facing).mean() < 0.5
    assert distance[facing].max() < 1e-3  # the outline itself counts as seen
    assert np.median(distance[~facing]) > 0.05


def test_there_and_back(sphere):
    (x, y), _ = on_the_ball(sphere, 0)
    u, v, facing = sphere.transfer(x, y, 0, 1)
    back = sphere.transfer(u[facing], v[facing], 1, 0)
    assert_allclose(back[0], x[facing], atol=1e-2)
    assert_allclose(back[1], y[facing], atol=1e-2)
    assert np.median(np.abs(back[0] - x[facing])) < 1e-10


def test_the_texture_sticks(sphere):
    # A point has the same rest coordinates in both views, also between the pixels of the second.
    (x, y), _ = on_the_ball(sphere, 0)
    u, v, facing = sphere.transfer(x, y, 0, 1)
    rest = np.stack(sphere.rest_grid(ALL, 0))[:, y.astype(int), x.astype(int)]
    for index in np.flatnonzero(facing)[::40]:
        step = np.array([[1, 0, u[index]], [0, 1, v[index]], [0, 0, 1.0]])
        there = np.array(sphere.rest_grid((step, (1, 1)), 1)).ravel()
        assert_allclose(there, rest[:, index], atol=2e-3)


def test_the_map_is_lamberts_and_its_middle_faces_the_first_view(sphere):
    # At an angle a from its middle the radius of the map is 2 sin(a / 2).
    x, y = sphere.rest_grid(ALL, 0)
    covered = sphere.discriminant(ALL, 0) > 0.01
    (px, py), points = on_the_ball(sphere, 0)
    outward = (points - sphere.centres[0][:, None]) / sphere.radius
    angle = np.arccos(-outward.T @ sphere.centres[0] / np.linalg.norm(sphere.centres[0]))
    expected = np.zeros(SIZE)
    expected[py.astype(int), px.astype(int)] = 2 * np.sin(angle / 2)
    assert expected.max() > 1.25
    assert_allclose(np.hypot(x, y)[covered], expected[covered], atol=1e-4)
    u, v, _ = K @ (sphere.centres[0] / sphere.centres[0][2])
    assert np.hypot(x, y)[round(v), round(u)] < 0.06


def test_the_depth_scale_multiplies_inverse_depth(sphere):
    scaled = Sphere(sphere.centres, sphere.turns, sphere.radius, K, 12.0)
    at = np.array([44.0]), np.array([27.0])
    assert scaled.inverse_depth(*at, 0) == pytest.approx(12 * sphere.inverse_depth(*at, 0))
    assert_allclose(scaled.nearness_grid(ALL, 0), 12 * sphere.nearness_grid(ALL, 0), rtol=1e-6)
    assert_allclose(scaled.transfer(*at, 0, 1), sphere.transfer(*at, 0, 1))
