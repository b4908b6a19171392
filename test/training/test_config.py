"""Recipes: what is read, what is refused."""
from pathlib import Path

import pytest

pytest.importorskip('torch', reason='torch is not installed')

from panmatch_ros.core.errors import ConfigError
from panmatch_ros.training.config import TrainingConfig, read_recipe
from panmatch_ros.training.schedule import LAST_FACTOR, learning_rate, phase_at

RECIPES = sorted((Path(__file__).parents[2] / 'config' / 'train').glob('*.yaml'))


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_the_recipes_of_the_package_are_read(path):
    config = read_recipe(path)
    assert config.minutes > 0
    assert TrainingConfig.from_dict(config.to_dict()) == config


def test_there_are_recipes():
    assert {'nano', 'nano_gpu', 'smoke'} <= {path.stem for path in RECIPES}


@pytest.mark.parametrize(('text', 'error'), [
    ('minutes: 0', 'minutes must be a number from 0.001'),
    ('minutes: 1\nsteps: 5', 'has no option steps'),
    ('minutes: 1\nprecision: fp8', "precision must be one of fp32, bf16, got 'fp8'"),
    ('minutes: 1\nphases: []', 'shares of the phases must add up to 1'),
    ('minutes: 1\nphases: [{share: 0.4}]', 'shares of the phases must add up to 1'),
    ('minutes: 1\nphases: 3', 'phases must be a list'),
    ('minutes: 1\nphases: [{batch: 2.5}]', 'batch must be a whole number'),
    ('minutes: 1\nphases: [{scenes: {height: 100}}]', 'multiple of 16 pixels high'),
    ('minutes: 1\nphases: [{scenes: {hight: 96}}]', 'scenes has no option hight'),
    ('minutes: 1\nphases: [{batch: 8, pool: 4}]', 'pool must be a whole number from 8'),
    ('minutes: 1\nnetwork: {radius: [3, 9, 3]}', 'radius at 1/8'),
    ('minutes: "long"', "minutes must be a number from 0.001 to 1e\\+06, got 'long'"),
    ('seed: 1', 'the recipe needs minutes'),
    ('minutes: 1\ndevice: gpu', "device must be one of auto, cpu, cuda, got 'gpu'"),
    ('minutes: 1\ndevice: 3', 'device must be one of'),
    ('minutes: 1\nprocesses: 2.0', 'processes must be a whole number'),
    ('minutes: 1\nlearning_rate: 1e-3', 'write 1.0e-3'),
    ('minutes: 1\nphases: [{scenes: {height: 160000, width: 160000}}]', 'at most 4194304 pixels'),
    ('minutes: 1\nphases: [{scenes: {height: "96"}}]', 'scenes'),
    ('minutes: 2020-99-99', 'is not YAML'),
    ('minutes: ' + '[' * 5000, 'is not YAML'),
    ('- 1', 'must be names with values, got list'),
    ('minutes: [', 'is not YAML'),
])
def test_bad_recipes_are_refused(tmp_path, text, error):
    path = tmp_path / 'recipe.yaml'
    path.write_text(text)
    with pytest.raises(ConfigError, match=error):
        read_recipe(path)


def test_recipes_cannot_run_code(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text('minutes: !!python/object/apply:os.system ["touch ran"]')
    with pytest.raises(ConfigError, match='is not YAML'):
        read_recipe(path)


def test_learning_rate_rises_then_falls():
    config = TrainingConfig.from_dict({'minutes': 1, 'learning_rate': 1.0, 'warmup': 0.1})
    assert learning_rate(config, 0.05) == pytest.approx(0.5)
    assert learning_rate(config, 0.1) == pytest.approx(1.0)
    assert learning_rate(config, 0.55) == pytest.approx((1 + LAST_FACTOR) / 2)
    assert learning_rate(config, 1.0) == pytest.approx(LAST_FACTOR)


def test_phases_follow_another():
    config = TrainingConfig.from_dict({'minutes': 1, 'phases': [{'share': 0.25}, {'share': 0.75}]})
    assert [phase_at(config.phases, x) for x in (0, 0.24, 0.25, 1.0)] == [0, 0, 1, 1]
