"""Pools of textures: those of training stay as they are, others have nothing in common."""
import dataclasses
import hashlib

import numpy as np
import pytest

from panmatch_ros.data.synthetic.generator import SceneRecipe, generate_pair
from panmatch_ros.data.synthetic.pools import HELD_OUT_POOL_SEED, POOL_SEED, load_pools

COUNT = 20
PLAIN = SceneRecipe(height=64, width=80, photometric_share=0, pool_size=COUNT)


@pytest.fixture(scope='module')
def pools():
    return load_pools(COUNT), load_pools(COUNT, None, HELD_OUT_POOL_SEED)


def digests(arrays):
    return {hashlib.sha256(array.tobytes()).digest() for array in arrays}


def test_no_texture_is_in_both_pools(pools):
    training, held_out = (digests(pool.textures[2]) for pool in pools)
    assert len(training) == len(held_out) == COUNT
    assert not training & held_out


def test_outlines_differ_but_for_letters(pools):
    training, held_out = (digests(pool.outlines) for pool in pools)
    assert len(training & held_out) < 0.05 * len(training)  # there are few letters and fonts


def test_textures_of_the_pools_are_not_alike(pools):
    training, held_out = (pool.textures[3][..., :3].astype(float) for pool in pools)
    # Textures of one family at the same place: correlated no more than others are.
    alike = [abs(np.corrcoef(first.ravel(), second.ravel())[0, 1])
             for first, second in zip(training, held_out, strict=True)
             if first.std() > 1 and second.std() > 1]
    assert np.median(alike) < 0.3


def test_the_default_is_the_pool_of_training():
    assert SceneRecipe().pool_seed == POOL_SEED
    # Changed if the textures of an earlier training can no longer be made.
    texture = load_pools(COUNT).textures[4]
    assert texture.astype(np.uint64).sum() == 12679652
    assert load_pools(COUNT).outlines.astype(np.uint64).sum() == 1246921285


def test_the_seed_of_the_pool_changes_looks_and_nothing_else():
    recipe = dataclasses.replace(PLAIN, stereo_share=1, layered_share=0, sphere_share=0.5)
    other = dataclasses.replace(recipe, pool_seed=HELD_OUT_POOL_SEED)
    for index in range(3):
        first, second = (generate_pair(each, 0, index) for each in (recipe, other))
        assert (first.image0 != second.image0).mean() > 0.5
        assert first.depth0.shape == second.depth0.shape


def test_pools_of_two_seeds_share_a_folder(tmp_path):
    default = load_pools(COUNT, str(tmp_path))
    other = load_pools(COUNT, str(tmp_path), 7)
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == 12
    assert 'textures_20_0_v3.npy' in names       # the name that earlier versions gave it
    assert 'textures_20_0_seed7_v3.npy' in names
    assert (np.asarray(default.textures[0]) != np.asarray(other.textures[0])).mean() > 0.4
