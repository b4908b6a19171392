"""Options of networks: which matcher takes which, what contradicts what, what reaches it."""
import argparse

import cv2
import numpy as np
import pytest

from panmatch_ros.cli import network_options
from panmatch_ros.cli.main import build_parser
from panmatch_ros.cli.network_options import (
    check_matchers,
    for_one_of,
    is_panmatch,
    matcher_options,
)
from panmatch_ros.core.errors import ConfigError
from panmatch_ros.inference.backends import choose
from panmatch_ros.inference.backends.base import Backend
from panmatch_ros.inference.factory import uses_weights

RUNTIME = (('--weights', 'w'), ('--backend', 'torch'), ('--device', 'cpu'),
           ('--precision', 'fp32'), ('--allow-fallback',), ('--engine-cache', 'cache'),
           ('--fit', 'stretch'), ('--max-side', '640'))
THREADS = ('--threads', '2')
NANO = (('--detail',), ('--large-motion',))
PANMATCH = (('--tiles', 'never'),)


def parsed(*arguments):
    return build_parser().parse_args(['match', 'a', 'b', '--out', 'c', *map(str, arguments)])


@pytest.mark.parametrize('weights', ['', 'w'])
@pytest.mark.parametrize('name', network_options.MATCHERS)
def test_which_matcher_is_the_panmatch_network(name, weights):
    args = parsed('--weights', weights)
    assert is_panmatch(name, args) == (
        name.startswith('panmatch') or (name == 'auto' and bool(weights)))
    assert is_panmatch(name, args) == uses_weights(name, matcher_options(name, args).panmatch)


def test_defaults_suit_every_matcher():
    for name in network_options.MATCHERS:
        check_matchers([name], parsed())
    assert network_options.network_options(argparse.Namespace()) == \
        network_options.network_options(parsed())


@pytest.mark.parametrize(('names', 'options'), [
    (['nano'], [*RUNTIME, *NANO]),
    (['nano'], [THREADS]),
    (['auto'], [*RUNTIME[1:], *NANO]),
    (['auto'], [THREADS]),
    (['panmatch_s'], [*RUNTIME, *PANMATCH]),
    (['panmatch'], [(*THREADS, '--backend', 'openvino')]),
    (['classical', 'nano'], [*RUNTIME, *NANO]),
    (['nano', 'panmatch'], [*RUNTIME, *NANO, *PANMATCH]),
])
def test_options_that_a_matcher_uses(names, options):
    for option in options:
        check_matchers(names, parsed(*option))
    check_matchers(names, parsed(*sum(options, ())))


@pytest.mark.parametrize(('names', 'options', 'whose'), [
    (['classical'], [*RUNTIME, THREADS], 'the networks'),
    (['classical'], NANO, 'the nano network'),
    (['panmatch_g'], NANO, 'the nano network'),
    (['classical', 'panmatch'], NANO, 'the nano network'),
    (['classical'], PANMATCH, 'the PanMatch network'),
    (['nano'], PANMATCH, 'the PanMatch network'),
    (['auto'], PANMATCH, 'the PanMatch network'),
])
def test_options_that_no_matcher_uses_are_refused(names, options, whose):
    verb = 'matchers are' if len(names) > 1 else 'matcher is'
    for option in options:
        with pytest.raises(ConfigError) as caught:
            check_matchers(names, parsed(*option))
        assert str(caught.value) == (
            f'{option[0]} is for {whose}, and the {verb} {", ".join(names)}')


def test_with_weights_auto_takes_the_options_of_panmatch():
    check_matchers(['auto'], parsed('--weights', 'w', '--tiles', 'always'))
    with pytest.raises(ConfigError, match='--detail is for the nano network'):
        check_matchers(['auto'], parsed('--weights', 'w', '--detail'))


@pytest.mark.parametrize(('name', 'backend', 'found'), [
    ('nano', 'torch', 'torch'), ('nano', 'tensorrt', 'tensorrt'), ('panmatch', 'auto', 'torch'),
    ('nano', 'onnx_tensorrt', 'onnx_tensorrt')])
def test_threads_are_of_two_backends(name, backend, found):
    with pytest.raises(ConfigError, match='--threads is for the back-ends onnxruntime and '
                                          f'openvino, and the back-end is {found}$'):
        check_matchers([name], parsed('--threads', 2, '--backend', backend))


@pytest.mark.parametrize('name', ['nano', 'panmatch'])
def test_options_reach_both_networks(name):
    args = parsed('--weights', 'w', '--backend', 'tensorrt', '--device', 'cuda', '--precision',
                  'bf16', '--allow-fallback', '--engine-cache', '~/engines', '--tiles', 'never',
                  '--large-motion', '--max-disparity', 40, '--min-disparity', 2, '--fit',
                  'stretch', '--max-side', 640)
    options = matcher_options(name, args)
    for network in (options.nano, options.panmatch):
        assert (network.backend, network.device, network.precision) == ('tensorrt', 'cuda', 'bf16')
        assert (network.threads, network.allow_fallback) == (0, True)
        assert network.engine_cache_dir == '~/engines'
        assert (network.fit, network.max_side) == ('stretch', 640)
        assert not network.background_build
        assert (network.min_disparity, network.max_disparity) == (2, 40)
    assert options.panmatch.weights == 'w'
    assert options.nano.weights == ('w' if name == 'nano' else '')
    assert (options.panmatch.tiles, options.nano.large_motion) == ('never', True)
    assert matcher_options(name, parsed('--threads', 3)).nano.threads == 3


def test_weights_are_those_of_panmatch_if_there_is_one():
    args = parsed('--weights', 'w')
    both = ['nano', 'classical', 'panmatch']
    assert [for_one_of(both, name, args).weights for name in both] == ['', '', 'w']
    assert for_one_of(['classical', 'nano'], 'nano', args).weights == 'w'
    assert args.weights == 'w'


@pytest.fixture
def pair(tmp_path):
    paths = [tmp_path / 'a.png', tmp_path / 'b.png']
    for path in paths:
        assert cv2.imwrite(str(path), np.zeros((64, 64), np.uint8))
    return paths


@pytest.mark.parametrize('name', ['nano', 'auto'])
@pytest.mark.parametrize(('options', 'text'), [
    (['--backend', 'onnxruntime', '--device', 'cuda'],
     'the backend onnxruntime computes on the CPU; for device cuda use'),
    (['--backend', 'openvino', '--precision', 'fp16'],
     'the backend openvino computes in fp32; for precision fp16 use'),
    (['--backend', 'tensorrt', '--device', 'cpu', '--allow-fallback'],
     'the backend tensorrt needs a CUDA device, and the device is cpu'),
])
def test_contradictions_are_one_line_before_anything_is_written(panmatch, pair, tmp_path, name,
                                                                options, text):
    out = tmp_path / 'out'
    result = panmatch('match', *pair, '--matcher', name, *options, '--out', out)
    assert result.status == 1
    assert result.err.startswith(f'panmatch match: error: {text}')
    assert len(result.err.splitlines()) == 1
    assert not out.exists()


class Fails(Backend):
    """A back-end of this name that cannot be used."""

    def __init__(self, *_):
        from panmatch_ros.core.errors import MissingDependencyError
        raise MissingDependencyError('there is no such thing here')

    def load(self, graph):
        raise NotImplementedError


def test_a_backend_that_cannot_be_used_is_an_error_or_a_fallback(panmatch, pair, tmp_path,
                                                                 monkeypatch, caplog):
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    from panmatch_ros.inference.backends import openvino_backend
    monkeypatch.setattr(openvino_backend, 'OpenVinoBackend', Fails)
    monkeypatch.setattr(choose, 'NVIDIA_FILES', ())
    command = ['match', *pair, '--matcher', 'nano', '--backend', 'openvino', '--out',
               tmp_path / 'out']
    result = panmatch(*command)
    assert result == (1, '', 'panmatch match: error: there is no such thing here\n')
    assert not (tmp_path / 'out').exists()
    result = panmatch(*command, '--allow-fallback')
    assert result.status == 0, result.err
    assert 'flow with nano (onnxruntime)' in result.out
    assert 'onnxruntime on the cpu computes instead of openvino: there is no such thing here' \
        in caplog.text


def test_evaluate_gives_each_matcher_its_weights(panmatch, tmp_path):
    """The checkpoint of PanMatch was taken for the folder of nano."""
    pytest.importorskip('torch', reason='torch is not installed')
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    from tiny_network import write_tiny
    folder = tmp_path / 'pair'
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    for name in ('left.png', 'right.png'):
        assert cv2.imwrite(str(folder / name), noise)
    np.save(folder / 'disp.npy', np.zeros((64, 64), np.float32))
    result = panmatch('evaluate', folder, '--matcher', 'nano', '--matcher', 'panmatch',
                      '--weights', write_tiny(tmp_path / 'tiny.safetensors'), '--device', 'cpu')
    assert result.status == 0, result.err
    assert 'panmatch (panmatch_tiny)' in result.out
