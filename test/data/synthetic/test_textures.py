import numpy as np
import pytest

from panmatch_ros.data.synthetic.textures import GRID, Texture

RNG = np.random.default_rng(0)
S, T = RNG.uniform(-50, 50, (2, 4000))


def test_colors():
    colors = Texture(0, 1.0).colors(S, T)
    assert colors.shape == (4000, 3)
    assert colors.dtype == np.float32
    assert colors.min() >= 0
    assert colors.max() <= 255
    assert colors.mean() == pytest.approx(128, abs=25)
    assert 30 < colors.std() < 65


def test_the_seed_chooses_the_texture():
    assert np.array_equal(Texture(5, 1.0).colors(S, T), Texture(5, 1.0).colors(S, T))
    assert np.abs(Texture(5, 1.0).colors(S, T) - Texture(6, 1.0).colors(S, T)).mean() > 20


def test_the_cell_scales_the_texture():
    assert np.allclose(Texture(5, 1.0).colors(S, T), Texture(5, 0.01).colors(S / 100, T / 100),
                       atol=1e-2)


def test_the_function_is_smooth():
    # A step of 1/1000 of the finest detail changes little, at the borders of cells too.
    s = np.concatenate([S, np.arange(-2000, 2000, dtype=float) - 5e-4])
    t = np.concatenate([T, np.arange(4000, dtype=float)])
    texture = Texture(1, 1.0)
    assert np.abs(texture.colors(s + 1e-3, t) - texture.colors(s, t)).max() < 0.25


def test_it_repeats_after_a_period():
    texture = Texture(1, 2.0)
    assert np.allclose(texture.colors(S, T), texture.colors(S + 2.0 * GRID, T - 4.0 * GRID),
                       atol=1e-2)


def test_large_footprints_leave_out_detail_gradually():
    texture = Texture(1, 4.0)
    sharp = texture.colors(S, T)
    assert np.array_equal(texture.colors(S, T, np.full(4000, 1.0)), sharp)
    spread = [texture.colors(S, T, np.full(4000, footprint)).std()
              for footprint in (1.0, 2.0, 4.0, 8.0, 1e9)]
    assert spread == sorted(spread, reverse=True)
    assert np.abs(texture.colors(S, T, np.full(4000, 2.001))
                  - texture.colors(S, T, np.full(4000, 1.999))).max() < 0.5


def test_a_tint_scales_the_mean():
    colors = Texture(1, 1.0, (1.2, 1.0, 0.5)).colors(S, T).mean(axis=0)
    plain = Texture(1, 1.0).colors(S, T).mean(axis=0)
    assert colors - plain == pytest.approx([0.2 * 128, 0, -0.5 * 128], abs=8)  # some are clipped
