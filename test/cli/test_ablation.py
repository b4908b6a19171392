"""The ablation of the guided upsampling as a command, with the same weights."""
import json

import numpy as np
import pytest

from panmatch_ros.data.formats import write_pfm

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('safetensors', reason='safetensors is not installed')

HEIGHT, WIDTH, DISPARITY = 96, 160, 8


@pytest.fixture
def weights(tmp_path):
    from tiny_network import write_tiny
    return write_tiny(tmp_path / 'tiny.safetensors')


@pytest.fixture
def dataset(tmp_path, make_stereo):
    for name in ('a', 'b'):
        make_stereo(tmp_path / 'data' / name)
        write_pfm(tmp_path / 'data' / name / 'disp0.pfm',
                  np.full((HEIGHT, WIDTH), DISPARITY, np.float32))
    return tmp_path / 'data'


def test_evaluate_both(panmatch, dataset, weights, tmp_path):
    out = tmp_path / 'out'
    result = panmatch('evaluate', dataset, '--matcher', 'panmatch', '--weights', weights,
                      '--device', 'cpu', '--ablation', 'bilinear', '--out', out)
    assert result.status == 0
    results = json.loads((out / 'results.json').read_text())
    guided, bilinear = results['means']
    assert guided['matcher'] == 'panmatch (panmatch_tiny)'
    assert bilinear['matcher'] == 'panmatch-bilinear (panmatch_tiny)'
    assert guided['pairs'] == bilinear['pairs'] == 2
    assert guided['epe_px'] != bilinear['epe_px']
    difference, = results['differences']
    assert difference['epe_px'] == pytest.approx(guided['epe_px'] - bilinear['epe_px'])
    assert results['options']['ablation'] == ['bilinear']
    # Predictions of the two are kept apart: a second run takes both again.
    again = panmatch('evaluate', dataset, '--matcher', 'panmatch', '--weights', weights,
                     '--device', 'cpu', '--ablation', 'bilinear', '--out', out, '--overwrite')
    assert again.err.count('(kept)') == 4
    assert json.loads((out / 'results.json').read_text())['means'] == results['means']


def test_probe_takes_it_too(panmatch, dataset, weights):
    result = panmatch('probe', dataset / 'a', '--matcher', 'panmatch', '--weights', weights,
                      '--device', 'cpu', '--ablation', 'bilinear', '--corruption', 'fog',
                      '--strengths', '3')
    assert result.status == 0
    assert 'panmatch-bilinear (panmatch_tiny)' in result.out


def test_weights_without_guidance(panmatch, dataset, tmp_path):
    from tiny_network import write_tiny
    plain = write_tiny(tmp_path / 'plain.safetensors', guided_upsampling=False)
    result = panmatch('evaluate', dataset, '--matcher', 'panmatch', '--weights', plain,
                      '--device', 'cpu', '--ablation', 'bilinear')
    assert result.status == 1
    assert 'plain.safetensors holds a network without guided upsampling' in result.err


def test_needs_the_network(panmatch, dataset):
    result = panmatch('evaluate', dataset, '--matcher', 'nano', '--matcher', 'classical',
                      '--ablation', 'bilinear')
    assert result.status == 1
    assert ('--ablation bilinear is for the PanMatch network, and the matchers are nano, '
            'classical; add --matcher panmatch --weights FILE') in result.err
