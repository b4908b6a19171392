"""Geometry against the reference: that it agrees, and that the check sees what does not."""
from pathlib import Path

import numpy as np
import pytest

from panmatch_ros.core.errors import FormatError
from panmatch_ros.inference.parity.geometry import (
    check_geometry,
    reference_error,
    reference_tile_offsets,
    reference_tile_weight,
    sample_shrunk,
)
from panmatch_ros.inference.parity.vectors import load_vectors

FILE = Path(__file__).parents[2] / 'data' / 'parity' / 'geometry_tiling.npz'
INPUTS = {'flow12', 'flow21', 'im1', 'im2', 'K1', 'K2', 'R2', 't2', 'rigid_depth_gt'}


@pytest.fixture
def reference():
    return load_vectors(FILE)


def check(reference):
    return {error.name: error for error in check_geometry(*reference)}


def test_every_array_and_grid_agrees(reference):
    vectors, meta = reference
    errors = check(reference)
    grids = {name for name in errors if name.startswith('tile_grid ')}
    assert set(errors) - grids == set(vectors) - INPUTS
    assert len(grids) == len(meta['tile_grids']) == 7
    failed = [error for error in errors.values() if not error.passed]
    assert failed == []
    # Well inside of the tolerances, on values up to 79 px (fb_error) and 12 px (rigid_flow).
    assert errors['fb_error'].error < 1e-4
    assert errors['rigid_flow'].error < 5e-6
    assert errors['triangulated_filtered'].error < 2e-5
    assert errors['dense_warp_im1'].error < 2e-6
    assert errors['flow2match_certainty'].error == 0


@pytest.mark.parametrize(('name', 'change'), [
    ('fb_error', 0.01), ('conf1', 1e-3), ('conf2', 1e-3), ('dense_warp_im1', 1e-3),
    ('dense_warp_im2', 1e-3), ('flow2match_warp', 1e-3), ('flow2match_certainty', 1e-3),
    ('rigid_flow', 0.01), ('triangulated_vis', 1e-3), ('triangulated_filtered', 1e-3),
    ('tile_weight_280x336', 1e-3), ('tile_weight_280x336_corner', 1e-43)])
def test_a_changed_value_is_seen(reference, name, change):
    vectors, meta = reference
    vectors[name] = vectors[name].copy()
    index = tuple(length // 3 for length in vectors[name].shape)
    vectors[name][index] += change
    assert not check((vectors, meta))[name].passed
    vectors[name][index] = np.nan
    error = check((vectors, meta))[name]
    assert error.error == np.inf


def test_a_changed_grid_is_seen(reference):
    vectors, meta = reference
    meta['tile_grids'][2]['offsets'][3][1] += 1
    meta['tile_grids'][4]['offsets'].pop()
    failed = [error for error in check((vectors, meta)).values() if not error.passed]
    assert [(error.error, error.name) for error in failed] == [
        (1.0, 'tile_grid 720x1280 by 448x448'), (np.inf, 'tile_grid 300x430 by 280x336')]


def test_another_shape_is_an_infinite_error(reference):
    vectors, meta = reference
    vectors['fb_error'] = vectors['fb_error'][..., :-1]
    error = check((vectors, meta))['fb_error']
    assert error.error == np.inf
    assert 'shape' in error.where


def test_files_of_another_size(reference):
    """A part of the arrays cannot agree at the border, but what is local does."""
    vectors, _ = reference
    rows = {name: array[..., :40, :50] for name, array in vectors.items()
            if name in ('rigid_depth_gt', 'rigid_flow', 'triangulated_vis',
                        'triangulated_filtered')}
    small = {**{name: vectors[name] for name in ('K1', 'K2', 'R2', 't2')}, **rows}
    small['tile_weight_30x20'] = reference_tile_weight(30, 20)
    errors = check((small, {'tile_grids': [
        {'image': [500, 500], 'tile': [448, 600], 'offsets': [[0, 0], [52, 0]]}]}))
    assert set(errors) == {'rigid_flow', 'triangulated_vis', 'triangulated_filtered',
                           'tile_weight_30x20', 'tile_grid 500x500 by 448x600'}
    assert all(error.passed for error in errors.values())


def test_two_flows_of_zero_do_not_agree_in_the_reference():
    zero = np.zeros((48, 64, 2), np.float32)
    error = reference_error(zero, zero)
    assert error[0, 0] == 0
    assert error[-1, -1] == pytest.approx(2 * np.sqrt(2), rel=0.03)  # its positions shrink


def test_sampling_shrinks_and_is_zero_outside():
    image = np.full((4, 8, 1), 5, np.float32)
    flow = np.zeros((4, 8, 2), np.float32)
    np.testing.assert_allclose(sample_shrunk(image, flow), 5, rtol=1e-6)
    assert not sample_shrunk(image, flow + np.float32(20)).any()
    ramp = np.tile(np.arange(8, dtype=np.float32)[:, None], (4, 1, 1))
    np.testing.assert_allclose(sample_shrunk(ramp, flow)[0, :, 0], np.arange(8) * 7 / 8, rtol=1e-6)


@pytest.mark.parametrize(('image', 'tile', 'offsets'), [
    ((448, 448), (448, 448), [(0, 0)]),
    ((300, 672), (300, 448), [(0, 0), (0, 224)]),
    ((300, 673), (300, 448), [(0, 0), (0, 224), (0, 225)]),
    ((224, 900), (448, 448), [(0, 0)]),      # the rest is NaN in the reference
    ((900, 900), (448, 224), [(0, 0)])])
def test_tile_offsets(image, tile, offsets):
    assert reference_tile_offsets(image, tile) == offsets


def test_missing_inputs_are_named(reference):
    vectors, meta = reference
    del vectors['flow21']
    with pytest.raises(FormatError, match='fb_error but not flow21'):
        check((vectors, meta))


def test_a_file_with_nothing_to_check_is_refused():
    with pytest.raises(FormatError, match='no array'):
        check(({'other': np.zeros(3)}, {}))


@pytest.mark.parametrize(('name', 'value', 'text'), [
    ('flow12', np.zeros((2, 48, 64), np.float32), 'flow12 must be'),
    ('im1', np.zeros((1, 4, 48, 64), np.float32), 'im1 must be'),
    ('R2', np.full((3, 3), 2.0), 'orthonormal'), ('K1', np.zeros((3, 3)), 'positive focal')])
def test_inputs_of_another_form_are_refused(reference, name, value, text):
    vectors, meta = reference
    vectors[name] = value
    with pytest.raises(FormatError, match=text):
        check((vectors, meta))


@pytest.mark.parametrize('grids', [
    5, [5], [{}], [{'image': [1], 'tile': [2, 2], 'offsets': []}],
    [{'image': [10**9, 5], 'tile': [300, 300], 'offsets': [[0, 0]]}],
    [{'image': [-4, 5], 'tile': [300, 300], 'offsets': [[0, 0]]}],
    [{'image': [400, 500], 'tile': [300, 300], 'offsets': 'abc'}]])
def test_grids_of_another_form_are_refused(grids):
    with pytest.raises(FormatError, match='tile_grids'):
        check(({}, {'tile_grids': grids}))
