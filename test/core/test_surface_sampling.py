"""Sampling between pixels stays on one surface."""
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.core.surface_sampling import Surfaces, nearest_pixels, sample_surface

NAN = np.float32(np.nan)


def plane(a, b, c, size=(12, 16)):
    y, x = np.mgrid[:size[0], :size[1]].astype(np.float32)
    return (a * x + b * y + c).astype(np.float32)


def at(values, *points):
    x, y = np.array(points, np.float32).T
    return sample_surface(values, x, y)


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9), st.integers(0, 1000))
def test_planes_are_exact_between_pixels_and_at_the_border(a, b, seed):
    x, y = np.random.default_rng(seed).uniform((-0.49, -0.49), (15.49, 11.49), (50, 2)).T
    sampled = sample_surface(plane(a, b, 20), x.astype(np.float32), y.astype(np.float32))
    assert sampled.dtype == np.float32
    np.testing.assert_allclose(sampled, a * x + b * y + 20, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(1.8, 9), st.integers(2, 13))
def test_two_planes_do_not_mix(a, b, step, column):
    near, far = plane(a, b, 30 + step), plane(-b, a, 30 - step)
    both = np.where(np.arange(16) < column, near + 8, far).astype(np.float32)
    for x in np.linspace(column - 1.49, column + 0.49, 9, dtype=np.float32):
        is_near = np.rint(x) < column
        expected = a * x + b * 5.3 + 38 + step if is_near else -b * x + a * 5.3 + 30 - step
        assert at(both, (x, 5.3))[0] == pytest.approx(expected, abs=1e-4)


def test_by_hand():
    values = np.array([[10, 10.5, 20, 20.2, NAN, 5]], np.float32)
    sampled = at(values, (0.4, 0), (1.4, 0), (1.6, 0), (2.6, 0), (4, 0), (4.6, 0), (-0.4, 0.4))
    # The slope of a pixel beside an edge or a hole is that of the other side.
    np.testing.assert_allclose(sampled, [10.2, 10.7, 19.92, 20.12, NAN, 5, 9.8], rtol=1e-6)


def test_outside_and_unknown_positions_are_invalid():
    values = plane(0, 0, 7, (3, 4))
    inside = [(0, 0), (3.4, 2.4), (-0.4, -0.4)]
    outside = [(3.6, 1), (1, 2.6), (-0.6, 1), (1, -0.6), (NAN, 1), (1, NAN), (1e9, 1),
               (-np.inf, 1)]
    assert at(values, *inside).tolist() == [7, 7, 7]
    assert np.isnan(at(values, *outside)).all()


def test_nearest_pixels():
    x = np.array([[0.4, 2.6], [-0.6, 1]], np.float32)
    y = np.array([[0.6, 1], [0, 5]], np.float32)
    index, inside = nearest_pixels(x, y, (2, 4))
    assert index.tolist() == [[4, 7], [0, 0]]
    assert inside.tolist() == [[True, True], [False, False]]


def test_all_channels_have_to_agree():
    surfaces = Surfaces.of(np.array([[0, 0.5, 1, 1]], np.float32),
                           np.array([[0, 0.2, 3, NAN]], np.float32))
    assert surfaces.joined_x.tolist() == [[True, False, False]]
    assert surfaces.joined_y.shape == (0, 4)


def test_torn_pixels_are_joined_here_and_apart_there():
    here = np.array([[5, 5, 5, 9, 9]], np.float32)
    there = np.array([[7, 7, 12, 7, NAN]], np.float32)
    assert Surfaces.of(here).torn(there).tolist() == [[False, True, True, False, False]]
    assert Surfaces.of(here.T).torn(there.T).T.tolist() == [[False, True, True, False, False]]


def test_wrong_input():
    line = np.zeros(3, np.float32)
    with pytest.raises(ShapeError, match=r'must be \(H, W\)'):
        sample_surface(line, line, line)
    with pytest.raises(ShapeError, match='one size'):
        Surfaces.of(plane(0, 0, 0), plane(0, 0, 0, (3, 3)))
    with pytest.raises(ConfigError, match='edge_px'):
        Surfaces.of(plane(0, 0, 0), edge_px=0)
