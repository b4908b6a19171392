"""Matchers by name, and what is said when one cannot be made."""
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError, MissingDependencyError
from panmatch_ros.inference import panmatch_loading
from panmatch_ros.inference.backends.torch_backend import require_torch
from panmatch_ros.inference.classical import ClassicalConfig, ClassicalMatcher
from panmatch_ros.inference.factory import (
    MATCHER_NAMES,
    PANMATCH_NAMES,
    MatcherOptions,
    create_matcher,
)
from panmatch_ros.inference.matcher import Matcher
from panmatch_ros.inference.panmatch_config import PanMatchOptions


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    pytest.importorskip('torch', reason='torch is not installed')
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    from tiny_network import write_tiny
    return write_tiny(tmp_path_factory.mktemp('weights') / 'tiny.safetensors', (112, 224))


def options(**values):
    return MatcherOptions(panmatch=PanMatchOptions(**values))


@pytest.mark.parametrize('name', ['auto', 'classical'])
def test_names_that_need_no_weights(name):
    matcher = create_matcher(name)
    assert isinstance(matcher, Matcher)
    assert matcher.name in MATCHER_NAMES
    assert matcher.backend


def test_the_classical_matcher_gets_its_options():
    classical = ClassicalConfig(max_disparity=32, sgbm_mode=0)
    matcher = create_matcher('classical', MatcherOptions(classical))
    assert isinstance(matcher, ClassicalMatcher)
    assert (matcher.name, matcher.backend, matcher.precision) == ('classical', 'opencv', 'fp32')
    assert matcher.config is classical


def test_without_options_the_defaults_are_used():
    assert create_matcher('classical').config == ClassicalConfig()


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ConfigError, match=r"no matcher 'sgm'; choose one of .*classical"):
        create_matcher('sgm')


@pytest.mark.parametrize('name', PANMATCH_NAMES)
def test_networks_say_how_to_get_weights(name):
    with pytest.raises(ConfigError, match=f'{name} needs weights.*--weights FILE.*convert'):
        create_matcher(name)


@pytest.mark.parametrize('name', ['auto', 'panmatch'])
def test_weights_make_a_network(name, weights):
    matcher = create_matcher(name, options(weights=weights, device='cpu'))
    assert (matcher.name, matcher.backend, matcher.precision) == ('panmatch_tiny', 'torch', 'fp32')
    assert matcher.layout(np.zeros((2000, 2000))).part == (112, 224)  # as it was trained
    assert isinstance(create_matcher('classical', options(weights=weights)), ClassicalMatcher)


def test_weights_of_another_network_are_refused(weights):
    with pytest.raises(ConfigError, match=r'tiny.safetensors holds the network panmatch_tiny, '
                                          'and the matcher is panmatch_g'):
        create_matcher('panmatch_g', options(weights=weights))


def test_the_loaded_network_is_the_one_that_was_saved(weights):
    from tiny_network import picture, tiny_matcher
    images = picture((112, 130), 1), picture((112, 130), 2)
    expected = tiny_matcher().match(*images)
    loaded = create_matcher('panmatch', options(weights=weights, device='cpu')).match(*images)
    np.testing.assert_allclose(loaded.flow, expected.flow, atol=1e-3)
    assert np.abs(expected.flow).max() > 0.1


def test_fewer_iterations(weights):
    from tiny_network import picture, tiny_matcher
    images = picture((112, 112), 1), picture((112, 112), 2)
    loaded = create_matcher('panmatch', options(weights=weights, device='cpu', iterations=1))
    assert loaded.network.config.iterations == 1
    np.testing.assert_allclose(loaded.match(*images).flow,
                               tiny_matcher({'iterations': 1}).match(*images).flow, atol=1e-3)


def test_the_home_folder_may_be_written_as_a_tilde(weights, monkeypatch):
    folder, _, name = weights.rpartition('/')
    monkeypatch.setenv('HOME', folder)
    assert create_matcher('panmatch', options(weights=f'~/{name}')).name == 'panmatch_tiny'


def test_files_that_cannot_be_weights(tmp_path, weights):
    with pytest.raises(ConfigError, match=r'none.safetensors does not exist; name a checkpoint'):
        create_matcher('panmatch', options(weights=str(tmp_path / 'none.safetensors')))
    with pytest.raises(ConfigError, match='is a folder; name a checkpoint'):
        create_matcher('panmatch', options(weights=str(tmp_path)))
    broken = tmp_path / 'broken.safetensors'
    broken.write_bytes(b'no weights at all, but long enough to be looked at')
    with pytest.raises(FormatError, match='broken.safetensors'):
        create_matcher('panmatch', options(weights=str(broken)))


def test_without_torch_the_error_says_what_to_install(weights, monkeypatch):
    def fail():
        raise MissingDependencyError('the PanMatch network needs PyTorch: pip install torch')
    monkeypatch.setattr(panmatch_loading, 'require_torch', fail)
    with pytest.raises(MissingDependencyError, match='pip install torch'):
        create_matcher('panmatch', options(weights=weights))


def test_torch_that_is_missing_is_found_out(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'torch', None)
    with pytest.raises(MissingDependencyError, match='needs PyTorch, .*: pip install torch'):
        require_torch()


@pytest.mark.parametrize(('values', 'match'), [
    ({'weights': None}, 'weights must be the name of a file'),
    ({'device': 'tpu'}, "device must be one of auto, cpu, cuda, got 'tpu'"),
    ({'precision': 'int8'}, 'precision must be one of auto, fp32, fp16, bf16'),
    ({'tiles': True}, 'tiles must be one of auto, always, never, got True'),
    ({'tile_size': (64, 448)}, r'tile_size must be \(height, width\) of at least 112'),
    ({'tile_size': (448,)}, 'tile_size must be'),
    ({'max_pixels': 0}, 'max_pixels must be a whole number from 1'),
    ({'iterations': -1}, 'iterations must be a whole number from 0 to 100, got -1'),
    ({'iterations': 2.5}, 'iterations must be a whole number'),
    ({'bidirectional': 1}, 'bidirectional must be True or False, got 1'),
    ({'min_disparity': float('nan')}, 'min_disparity must be a finite number'),
    ({'min_disparity': 4.0, 'max_disparity': 2.0}, 'max_disparity must be larger than'),
])
def test_options_that_cannot_work(values, match):
    with pytest.raises(ConfigError, match=match):
        PanMatchOptions(**values)


def test_options_are_comparable_and_without_torch():
    assert options(weights='a') == options(weights='a') != options(weights='b')
    assert PanMatchOptions(tile_size=[448, 560]).tile_size == (448, 560)
