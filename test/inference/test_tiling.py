"""Tiles: every pixel covered, the grids of the reference where it has one, no NaN."""
import numpy as np
import pytest

from panmatch_ros.inference.tiling import blend, clip_tile, log_weights, tile_offsets


def coverage(size, tile, offsets):
    height, width = clip_tile(size, tile)
    counts = np.zeros(size, int)
    for y, x in offsets:
        assert y >= 0
        assert x >= 0
        assert y + height <= size[0]
        assert x + width <= size[1]
        counts[y:y + height, x:x + width] += 1
    return counts


@pytest.mark.parametrize(('size', 'tile', 'rows', 'columns'), [
    ((436, 1024), (448, 448), [0], [0, 224, 448, 576]),
    ((375, 1242), (448, 448), [0], [0, 224, 448, 672, 794]),
    ((720, 1280), (448, 448), [0, 224, 272], [0, 224, 448, 672, 832]),
    ((300, 430), (280, 336), [0, 20], [0, 94]),
    ((480, 640), (448, 448), [0, 32], [0, 192]),
    ((448, 448), (448, 448), [0], [0]),
    ((672, 448), (448, 448), [0, 224], [0]),
])
def test_grids_of_the_reference(size, tile, rows, columns):
    assert tile_offsets(size, tile) == [(y, x) for y in rows for x in columns]


def test_a_low_image_has_no_hole():
    """The reference has one tile here, and NaN right of it."""
    offsets = tile_offsets((200, 600), (384, 384))
    assert offsets == [(0, 0), (0, 160), (0, 216)]
    assert coverage((200, 600), (384, 384), offsets).min() >= 1


@pytest.mark.parametrize('seed', range(60))
def test_any_size_is_covered(seed):
    rng = np.random.default_rng(seed)
    size = tuple(int(n) for n in rng.integers(1, 700, 2))
    tile = tuple(int(n) for n in rng.integers(1, 500, 2))
    overlap = int(rng.integers(0, 300))
    offsets = tile_offsets(size, tile, overlap)
    assert len(set(offsets)) == len(offsets)
    assert coverage(size, tile, offsets).min() >= 1


def test_tiles_just_larger_than_the_overlap_do_not_explode():
    assert len(tile_offsets((225, 1280), (225, 225))) < 50


def test_arguments_stay_as_they_were():
    size, tile = [200, 300], [448, 448]
    tile_offsets(size, tile)
    assert (size, tile) == ([200, 300], [448, 448])


def test_one_tile_is_passed_on():
    field = np.random.default_rng(0).standard_normal((30, 40, 2)).astype(np.float32)
    np.testing.assert_allclose(blend([field], [(0, 0)], (30, 40)), field, rtol=1e-6)


@pytest.mark.parametrize('seed', range(20))
def test_blending_one_field_cut_into_tiles_gives_the_field(seed):
    rng = np.random.default_rng(seed)
    size = tuple(int(n) for n in rng.integers(16, 400, 2))
    tile = tuple(int(n) for n in rng.integers(8, 300, 2))
    height, width = clip_tile(size, tile)
    field = rng.standard_normal((*size, 3)).astype(np.float32)
    offsets = tile_offsets(size, tile, int(rng.integers(0, 100)))
    tiles = (field[y:y + height, x:x + width] for y, x in offsets)
    blended = blend(tiles, offsets, size)
    assert blended.dtype == np.float32
    assert np.isfinite(blended).all()
    np.testing.assert_allclose(blended, field, atol=1e-5)


def test_the_nearer_centre_wins():
    fields = [np.full((20, 20, 1), value, np.float32) for value in (1.0, 5.0)]
    blended = blend(fields, [(0, 0), (0, 10)], (20, 30))[..., 0]
    assert blended[10, 10] == pytest.approx(1, abs=1e-6)
    assert blended[10, 20] == pytest.approx(5, abs=1e-6)
    assert blended[10, 15] == pytest.approx(3, abs=1e-6)  # as far from both centres
    assert (np.diff(blended[10]) >= 0).all()


def test_weights_equal_the_direct_formula_where_it_works():
    tile, offsets, size = (40, 60), [(0, 0), (0, 30), (15, 0), (15, 30)], (55, 90)
    rng = np.random.default_rng(3)
    fields = rng.standard_normal((4, *tile, 2)).astype(np.float32)
    total, weights = np.zeros((*size, 2)), np.zeros((*size, 1))
    y, x = np.mgrid[:40, :60]
    radius = np.hypot(y / 40 - 0.5, x / 60 - 0.5)
    weight = np.exp(-0.5 * (radius / 0.05) ** 2)[..., None] / (0.05 * np.sqrt(2 * np.pi))
    for (top, left), field in zip(offsets, fields, strict=True):
        total[top:top + 40, left:left + 60] += weight * field
        weights[top:top + 40, left:left + 60] += weight
    np.testing.assert_allclose(blend(fields, offsets, size), total / weights, atol=1e-6)


def test_corner_weights_are_below_what_float32_holds_well():
    """Why logarithms: plain float32 weights of the corners are denormal or zero."""
    corner = log_weights((448, 448))[0, 0]
    assert corner == pytest.approx(-100)
    assert np.exp(corner) < np.finfo(np.float32).tiny


def test_one_offset_for_each_field():
    with pytest.raises(ValueError, match='zip'):
        blend([np.zeros((4, 4, 1), np.float32)], [(0, 0), (0, 1)], (4, 5))
