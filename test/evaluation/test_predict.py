"""Step 1: what is matched again, and what is not."""
import os

from evaluation_cases import SIZE, contender, make_sample
import numpy as np
import pytest

from panmatch_ros.data.images import write_image
from panmatch_ros.evaluation.contender import Contender, make_contender
from panmatch_ros.evaluation.predict import labels_of, predict, predict_pairs
from panmatch_ros.evaluation.prediction import read_prediction
from panmatch_ros.evaluation.run_folder import LONGEST_NAME, RunFolder, file_name
from panmatch_ros.inference.auto import AutoMatcher
from panmatch_ros.inference.classical import ClassicalConfig
from panmatch_ros.inference.factory import MatcherOptions


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / 'run')


def outcomes(samples, contenders, folder, **options):
    found = []
    predict_pairs(samples, contenders, folder, report=found.extend, **options)
    return found


def test_all_pairs_and_matchers_are_kept(tmp_path, folder):
    samples = [make_sample(tmp_path, 'a/1'), make_sample(tmp_path, 'b', 'flow')]
    found = outcomes(samples, [contender('x', 3), contender('y', 5)], folder)
    assert [(each.pair, each.task, each.matcher, each.is_reused) for each in found] == [
        ('a/1', 'stereo', 'x', False), ('a/1', 'stereo', 'y', False),
        ('b', 'flow', 'x', False), ('b', 'flow', 'y', False)]
    stereo = read_prediction(folder.prediction('y', 'stereo', 'a/1'))
    assert (stereo.values == 5).all()
    assert stereo.values.shape == SIZE
    flow = read_prediction(folder.prediction('x', 'flow', 'b'))
    assert (flow.values == 3).all()
    assert flow.values.shape == (*SIZE, 2)


def test_a_second_run_matches_nothing(tmp_path, folder):
    samples, mine = [make_sample(tmp_path, 'a'), make_sample(tmp_path, 'b')], contender('x', 3)
    first = outcomes(samples, [mine], folder)
    second = outcomes(samples, [mine], folder)
    assert mine.matcher.calls == 2
    assert [each.is_reused for each in second] == [True, True]
    assert [each.milliseconds for each in second] == [each.milliseconds for each in first]


def test_fresh_matches_again(tmp_path, folder):
    samples, mine = [make_sample(tmp_path, 'a')], contender('x', 3)
    outcomes(samples, [mine], folder)
    assert not outcomes(samples, [mine], folder, fresh=True)[0].is_reused
    assert mine.matcher.calls == 2


def test_other_options_match_again(tmp_path, folder):
    sample = make_sample(tmp_path, 'a')
    outcomes([sample], [contender('x', 3)], folder)
    assert not outcomes([sample], [contender('x', 5)], folder)[0].is_reused
    assert (read_prediction(folder.prediction('x', 'stereo', 'a')).values == 5).all()


def test_another_image_matches_again(tmp_path, folder):
    sample, mine = make_sample(tmp_path, 'a'), contender('x', 3)
    outcomes([sample], [mine], folder)
    write_image(sample.image1, np.zeros((*SIZE, 3), np.uint8))
    assert not outcomes([sample], [mine], folder)[0].is_reused
    stamp = sample.image0.stat().st_mtime_ns
    os.utime(sample.image0, ns=(stamp, stamp + 1))
    assert not outcomes([sample], [mine], folder)[0].is_reused
    assert outcomes([sample], [mine], folder)[0].is_reused


def test_a_damaged_file_is_told_and_made_again(tmp_path, folder):
    sample, mine = make_sample(tmp_path, 'a'), contender('x', 3)
    outcomes([sample], [mine], folder)
    path = folder.prediction('x', 'stereo', 'a')
    path.write_bytes(path.read_bytes()[:100])
    found, = outcomes([sample], [mine], folder)
    assert not found.is_reused
    assert not found.error
    assert 'the prediction is damaged' in found.note
    assert found.note.endswith('it is computed again')
    assert read_prediction(path) is not None


def test_failures_are_told_and_do_not_stop_the_others(tmp_path, folder):
    samples = [make_sample(tmp_path, 'a'), make_sample(tmp_path, 'b')]
    samples[0].image1.write_text('no image')
    failed = predict_pairs(samples, [contender('bad', None), contender('x', 3)], folder)
    assert [(each.pair, each.matcher) for each in failed] == [
        ('a', 'bad'), ('a', 'x'), ('b', 'bad')]
    assert 'a-1.png: expected an image' in failed[1].error
    assert failed[2].error == 'too <dark>'
    samples[0].image0.unlink()
    failed = predict_pairs(samples[:1], [contender('x', 3)], folder)
    assert 'a-0.png' in failed[0].error


def test_a_failure_leaves_no_older_prediction(tmp_path, folder):
    sample = make_sample(tmp_path, 'a')
    outcomes([sample], [contender('x', 3)], folder)
    outcomes([sample], [contender('x', None)], folder)
    assert read_prediction(folder.prediction('x', 'stereo', 'a')) is None


def test_images_of_two_sizes(tmp_path):
    image0, image1 = np.zeros((24, 32, 3), np.uint8), np.zeros((48, 64, 3), np.uint8)
    found = predict(contender('x', 0).matcher, 'homography', image0, image1)
    assert found.size1 == (48, 64)
    # Nothing moves in the frame of image 0: twice as far in the pixels of image 1.
    np.testing.assert_allclose(found.values[10, 20], [20.5, 10.5])
    assert found.milliseconds > 0


def test_labels_say_what_auto_is():
    names = [Contender('auto', AutoMatcher()), Contender('nano', contender('', 1).matcher)]
    assert labels_of(names, 'stereo') == ['auto (classical)', 'nano']
    assert labels_of(names, 'pose') == labels_of(names, 'flow')


def test_identity_has_what_results_depend_on():
    first, same = make_contender('classical'), make_contender('classical')
    assert first.identity == same.identity
    options = MatcherOptions(classical=ClassicalConfig(max_disparity=32))
    assert make_contender('classical', options).identity != first.identity
    assert len(first.identity['code']) == 64


def test_weights_are_part_of_the_identity(tmp_path, monkeypatch):
    from panmatch_ros.inference import identity
    folder = tmp_path / 'weights'
    folder.mkdir()
    (folder / 'nano.json').write_text('one')
    found = type('Found', (), {'folder': folder})
    monkeypatch.setattr(identity, 'find_nano', lambda weights: found)
    matcher = contender('x', 1).matcher
    before = identity.matcher_identity('nano', MatcherOptions(), matcher)
    (folder / 'nano.json').write_text('two')
    after = identity.matcher_identity('nano', MatcherOptions(), matcher)
    assert before['weights'] != after['weights']
    checkpoint = tmp_path / 'c.safetensors'
    checkpoint.write_bytes(b'abc')
    from panmatch_ros.inference.panmatch_config import PanMatchOptions
    options = MatcherOptions(panmatch=PanMatchOptions(weights=str(checkpoint)))
    sha256_of_abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    assert identity.matcher_identity('panmatch', options, matcher)['weights'] == sha256_of_abc


def test_names_of_files_differ_and_stay_inside():
    names = ['a/b', 'a_b', 'a%2Fb', '..', 'a b', 'ä' * 200, 'ä' * 201, 'x' * 400]
    made = [file_name(name) for name in names]
    assert len(set(made)) == len(names)
    assert all(len(name) <= LONGEST_NAME and '/' not in name for name in made)
