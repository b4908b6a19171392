"""The report that the demo ends in."""
from functools import partial
import shutil

from evaluation_cases import SIZE, contender
import numpy as np
import pytest

from panmatch_ros.cli import demo_comparison, demo_inputs
from panmatch_ros.cli.demo_checks import check_comparison
from panmatch_ros.cli.demo_comparison import available_matchers, compare_with
from panmatch_ros.cli.demo_inputs import DemoPair
from panmatch_ros.core.errors import ImageError, MissingDependencyError
from panmatch_ros.data.images import write_image
from panmatch_ros.data.sample import Annotation
from panmatch_ros.evaluation.example import Example
from panmatch_ros.evaluation.run_folder import RunFolder


def pair(name, task, known):
    shape = SIZE if task == 'stereo' else (*SIZE, 2)
    truth = np.full(shape, 3, np.float32)
    annotation = Annotation() if not known else (
        Annotation(disparity=truth) if task == 'stereo' else Annotation(flow=truth))
    image = np.zeros((*SIZE, 3), np.uint8)
    return DemoPair(name, task, partial(Example, name, task, image, image, annotation))


def missing_file():
    raise ImageError('basket<ball>.png: there is no such file')


def test_every_pair_and_matcher_is_in_the_report(tmp_path):
    said = []
    pairs = [pair('plant', 'stereo', True), pair('whale', 'flow', False),
             DemoPair('basket<ball>', 'flow', missing_file)]
    found = compare_with([contender('nano', 3), contender('classical', 5)], {}, pairs, tmp_path,
                         said.append)
    assert found.report == tmp_path / 'comparison' / 'report.html'
    page = found.report.read_text()
    sections = page.split('<section class="pair"')[1:]
    assert [section.count('<figure>') for section in sections] == [9, 6]
    assert '<b>0.000</b>' in sections[0]
    assert 'truth not known' in sections[1]
    assert 'href="comparison/report.html"' in found.html
    assert 'basket&lt;ball&gt;.png: there is no such file' in found.html
    assert '<ball>' not in found.html
    assert 'nano and classical on 3 pairs' in found.html
    assert [line.split(' ')[0:2] for line in said] == [
        [f'{name}:', matcher] for name in ('plant', 'whale', 'basket<ball>')
        for matcher in ('nano', 'classical')]
    assert 'mean error 2.00 px' in said[1]
    assert 'mean error' not in said[2]
    check = check_comparison(found.scores)
    assert not check.passed
    assert check.detail == 'failed: basket<ball> with nano, basket<ball> with classical'


def test_a_second_demo_replaces_the_first(tmp_path):
    for value in (3, 4):
        found = compare_with([contender('nano', value)], {}, [pair('plant', 'stereo', True)],
                             tmp_path, print)
        assert found.scores[0].numbers['epe_px'] == value - 3
    results = RunFolder(tmp_path / 'comparison').read('results.json')
    assert results['pairs'][0]['epe_px'] == 1


def test_check_of_a_comparison_without_failures(tmp_path):
    found = compare_with([contender('a', 3), contender('b', 5)], {},
                         [pair('plant', 'stereo', True)], tmp_path, print)
    assert check_comparison(found.scores).passed
    assert check_comparison(found.scores).detail == '1 pairs, a and b'
    assert not check_comparison([]).passed


def test_a_matcher_that_is_not_there_is_told(tmp_path, monkeypatch):
    def make(name):
        if name == 'nano':
            raise MissingDependencyError('nano needs <onnxruntime>')
        return contender(name, 3)

    monkeypatch.setattr(demo_comparison, 'make_contender', make)
    contenders, missing = available_matchers(demo_comparison.MATCHERS)
    assert [each.name for each in contenders] == ['classical']
    said = []
    found = demo_comparison.compare_matchers([pair('plant', 'stereo', True)], tmp_path,
                                             said.append)
    assert missing == {'nano': 'nano needs <onnxruntime>'}
    assert 'nano is not compared: nano needs &lt;onnxruntime&gt;' in found.html
    assert said[0].startswith('the matcher nano is left out of the comparison')
    assert check_comparison(found.scores).passed


def test_rendered_pairs_have_exact_truth(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_inputs, 'RENDERED_SIZE', (48, 64))
    monkeypatch.setattr(demo_inputs, 'RENDERED_FRAMES', 14)
    inputs = demo_inputs.prepare_inputs(tmp_path, True, print)
    assert [each.task for each in inputs.pairs] == ['stereo', 'flow', 'flow']
    for each in inputs.pairs:
        example = each.load()
        assert example.name == each.name
        truth = example.annotation.disparity if each.task == 'stereo' else example.annotation.flow
        assert np.isfinite(truth).all()
    assert np.array_equal(inputs.pairs[0].load().annotation.disparity, inputs.disparity_truth)


@pytest.fixture
def samples(tmp_path):
    folder = tmp_path / 'samples'
    folder.mkdir()
    random = np.random.default_rng(1)
    for name in ('aloeL.png', 'aloeR.png', 'rubberwhale1.png', 'rubberwhale2.png',
                 'basketball1.png'):
        write_image(folder / name, random.integers(0, 256, (48, 64, 3), np.uint8))
    for side in 'LR':
        shutil.move(folder / f'aloe{side}.png', folder / f'aloe{side}.jpg')
    write_image(folder / 'aloeGT.png', np.full((48, 64), 8, np.uint8))
    return folder


def test_sample_pairs(samples, tmp_path, monkeypatch):
    monkeypatch.setattr(demo_inputs, 'find_samples', lambda: samples)
    inputs = demo_inputs.prepare_inputs(tmp_path / 'input', False, print)
    aloe, whale, basketball, video = inputs.pairs
    example = aloe.load()
    assert example.size == (24, 32)
    assert (example.annotation.disparity == 4).all()
    assert whale.load().annotation == Annotation()
    assert whale.load().size == (48, 64)
    with pytest.raises(ImageError, match=r'basketball2\.png: there is no such file'):
        basketball.load()
    with pytest.raises(ImageError, match='frames 100 and 101 cannot be read'):
        video.load()
