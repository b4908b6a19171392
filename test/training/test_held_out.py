"""Scenes that measure what was learned: other textures than those of the training."""
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.data.synthetic import pools  # noqa: E402
from panmatch_ros.data.synthetic.generator import SceneRecipe, generate_pair  # noqa: E402
from panmatch_ros.training import validation  # noqa: E402
from panmatch_ros.training.config import Phase, TrainingConfig  # noqa: E402

SCENES = SceneRecipe(height=64, width=128, pool_size=20, photometric_share=0)
CONFIG = TrainingConfig(minutes=1, phases=(Phase(scenes=SCENES),), validation_pairs=3)


def test_held_out_pairs_are_of_another_pool(monkeypatch):
    used = []

    def remember(scenes, seed, index):
        used.append((scenes, seed))
        return generate_pair(scenes, seed, index)

    monkeypatch.setattr(validation, 'generate_pair', remember)
    held_out = validation.held_out_pairs(CONFIG)
    assert len(held_out) == 3
    for scenes, seed in used:
        assert scenes.pool_seed == pools.HELD_OUT_POOL_SEED != SCENES.pool_seed
        assert seed != CONFIG.seed
        assert (scenes.height, scenes.width, scenes.pool_size) == (64, 128, 20)
    same_scene = generate_pair(SCENES, CONFIG.seed + validation.SEED_OFFSET, 0)
    assert (same_scene.image0 != held_out[0].image0).mean() > 0.3


def test_held_out_pairs_repeat():
    first, second = (validation.held_out_pairs(CONFIG) for _ in range(2))
    assert all(np.array_equal(a.image0, b.image0) for a, b in zip(first, second, strict=True))
