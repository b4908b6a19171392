"""The comparison of matchers on the page of the demo."""
from functools import partial
import shutil

import numpy as np
import pytest

from panmatch_ros.cli import demo_comparison, demo_inputs
from panmatch_ros.cli.demo_checks import check_comparison
from panmatch_ros.cli.demo_comparison import available_matchers, compare_with
from panmatch_ros.cli.demo_inputs import DemoPair
from panmatch_ros.core.errors import ImageError, MissingDependencyError
from panmatch_ros.core.types import Disparity, Displacement
from panmatch_ros.data.images import write_image
from panmatch_ros.evaluation.evaluate import Example
from panmatch_ros.evaluation.truth import Truth
from panmatch_ros.inference.classical import ClassicalMatcher
from panmatch_ros.inference.matcher import Matcher

SIZE = (24, 32)


class Says(Matcher):
    """Says one value everywhere."""

    def __init__(self, value):
        self.value = value

    def match(self, image0, image1):
        return Displacement(np.full((*image0.shape[:2], 2), self.value, np.float32),
                            np.ones(image0.shape[:2], np.float32))

    def match_stereo(self, left, right):
        return Disparity(np.full(left.shape[:2], self.value, np.float32),
                         np.ones(left.shape[:2], np.float32))


def pair(name, task, known):
    shape = SIZE if task == 'stereo' else (*SIZE, 2)
    truth = Truth(np.full(shape, 3, np.float32)) if known else None
    image = np.zeros((*SIZE, 3), np.uint8)
    return DemoPair(name, task, partial(Example, name, task, image, image, truth))


def missing_file():
    raise ImageError('basket<ball>.png: there is no such file')


def test_every_pair_and_matcher_is_on_the_page():
    said = []
    pairs = [pair('plant', 'stereo', True), pair('whale', 'flow', False),
             DemoPair('basket<ball>', 'flow', missing_file)]
    found = compare_with({'nano': Says(3), 'classical': Says(5)}, {}, pairs, said.append)
    sections = found.html.split('<section class="pair"')[1:]
    assert [section.count('<figure>') for section in sections] == [9, 6, 0]
    assert '<b>0.000</b>' in sections[0]
    assert 'truth not known' in sections[1]
    assert 'basket&lt;ball&gt;.png: there is no such file' in sections[2]
    assert '<ball>' not in found.html
    assert [line.split(' ')[0:2] for line in said] == [
        [f'{name}:', matcher] for name in ('plant', 'whale', 'basket<ball>')
        for matcher in ('nano', 'classical')]
    assert 'mean error 2.00 px' in said[1]
    assert 'mean error' not in said[2]
    check = check_comparison(found.scores)
    assert not check.passed
    assert check.detail == 'failed: basket<ball> with nano, basket<ball> with classical'


def test_check_of_a_comparison_without_failures():
    found = compare_with({'a': Says(3), 'b': Says(5)}, {}, [pair('plant', 'stereo', True)], print)
    assert check_comparison(found.scores).passed
    assert check_comparison(found.scores).detail == '1 pairs, a and b'
    assert not check_comparison([]).passed


def test_a_matcher_that_is_not_there_is_told(monkeypatch):
    def create(name):
        if name == 'nano':
            raise MissingDependencyError('nano needs <onnxruntime>')
        return ClassicalMatcher()

    monkeypatch.setattr(demo_comparison, 'create_matcher', create)
    matchers, missing = available_matchers(demo_comparison.MATCHERS)
    assert list(matchers) == ['classical']
    said = []
    found = demo_comparison.compare_matchers([pair('plant', 'stereo', True)], said.append)
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
        assert np.isfinite(example.truth.values).all()
    assert np.array_equal(inputs.pairs[0].load().truth.values, inputs.disparity_truth)


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
    assert (example.truth.values == 4).all()
    assert whale.load().truth is None
    assert whale.load().size == (48, 64)
    with pytest.raises(ImageError, match=r'basketball2\.png: there is no such file'):
        basketball.load()
    with pytest.raises(ImageError, match='frames 100 and 101 cannot be read'):
        video.load()
