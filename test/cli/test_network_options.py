"""The PanMatch network on the command line."""
import json

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('safetensors', reason='safetensors is not installed')
from tiny_network import tiny_matcher, write_tiny

from panmatch_ros.data.formats import read_image


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp('weights') / 'tiny.safetensors')


def test_flow(panmatch, flow_pair, weights, tmp_path):
    out = tmp_path / 'out'
    result = panmatch('match', *flow_pair, '--weights', weights, '--device', 'cpu', '--out', out)
    assert result.status == 0, result.err
    assert 'flow with panmatch_tiny (torch), 160x96' in result.out
    expected = tiny_matcher().match(*map(read_image, flow_pair))
    np.testing.assert_allclose(np.load(out / 'flow.npy'), expected.flow, atol=1e-3)
    np.testing.assert_allclose(np.load(out / 'confidence.npy'), expected.confidence, atol=1e-2)
    options = json.loads((out / 'summary.json').read_text())['options']
    assert options['panmatch']['weights'] == weights
    assert options['panmatch']['device'] == 'cpu'
    assert options['panmatch']['precision'] == 'fp32'
    assert options['panmatch']['iterations'] == 3


def test_stereo(panmatch, stereo_pair, weights, tmp_path):
    out = tmp_path / 'out'
    result = panmatch('match', *stereo_pair, '--task', 'stereo', '--matcher', 'panmatch',
                      '--weights', weights, '--device', 'cpu', '--max-disparity', 40, '--out', out)
    assert result.status == 0, result.err
    expected = tiny_matcher(max_disparity=40.0).match_stereo(*map(read_image, stereo_pair))
    np.testing.assert_allclose(np.load(out / 'confidence.npy'), expected.confidence, atol=1e-2)
    found = np.load(out / 'disparity.npy')
    both = np.isfinite(found) & expected.valid
    np.testing.assert_allclose(found[both], expected.disparity[both], atol=1e-3)


def test_matches_in_tiles(panmatch, flow_pair, weights, tmp_path):
    out = tmp_path / 'out'
    result = panmatch('match', *flow_pair, '--task', 'match', '--weights', weights, '--tiles',
                      'always', '--precision', 'bf16', '--min-confidence', 0, '--out', out)
    assert result.status == 0, result.err
    assert len(np.load(out / 'matches.npz')['points0']) > 0
    summary = json.loads((out / 'summary.json').read_text())
    assert (summary['matcher'], summary['precision']) == ('panmatch_tiny', 'bf16')
    assert summary['options']['panmatch']['tiles'] == 'always'


def test_evaluate_two_matchers(panmatch, make_flow, weights, tmp_path):
    folder = tmp_path / 'pair'
    make_flow(folder)
    np.save(folder / 'flow.npy', np.full((96, 160, 2), (3, -2), np.float32))
    result = panmatch('evaluate', folder, '--matcher', 'classical', '--matcher', 'panmatch',
                      '--weights', weights, '--device', 'cpu', '--out', tmp_path / 'out')
    assert result.status == 0, result.err
    assert 'panmatch (panmatch_tiny)' in result.out
    options = json.loads((tmp_path / 'out' / 'results.json').read_text())['options']
    assert (options['weights'], options['device']) == (weights, 'cpu')


@pytest.mark.parametrize(('arguments', 'text'), [
    (['--matcher', 'panmatch_g'], 'matcher panmatch_g needs weights, none are given'),
    (['--matcher', 'panmatch', '--weights', 'none.safetensors'],
     'weights: none.safetensors does not exist'),
    (['--matcher', 'classical', '--weights', 'c.safetensors'],
     '--weights is for the networks, and the matcher is classical'),
])
def test_errors_are_one_line(panmatch, flow_pair, tmp_path, arguments, text):
    result = panmatch('match', *flow_pair, *arguments, '--out', tmp_path / 'out')
    assert result.status == 1
    assert text in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert not (tmp_path / 'out').exists()


def test_weights_of_another_network(panmatch, flow_pair, weights, tmp_path):
    result = panmatch('match', *flow_pair, '--matcher', 'panmatch_s', '--weights', weights,
                      '--out', tmp_path / 'out')
    assert result.status == 1
    assert 'holds the network panmatch_tiny, and the matcher is panmatch_s' in result.err
