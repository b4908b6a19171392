"""The matcher that chooses by the task."""
from dataclasses import replace
import logging

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from tiny_nano import textured_pair

from panmatch_ros.core.errors import ConfigError, MissingDependencyError
from panmatch_ros.inference import auto
from panmatch_ros.inference.auto import AutoMatcher
from panmatch_ros.inference.backends import choose
from panmatch_ros.inference.classical import ClassicalConfig, ClassicalMatcher
from panmatch_ros.inference.factory import MatcherOptions, create_matcher
from panmatch_ros.inference.matcher_cache import MatcherCache
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions


@pytest.fixture
def nano(nano_folder):
    return NanoOptions(weights=nano_folder, threads=1)


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr(auto, 'AUTO', {'flow': 'nano', 'stereo': 'classical'})


def test_each_task_has_its_matcher(nano, table):
    matcher, images = AutoMatcher(nano), textured_pair(64, 64)
    assert matcher.name == 'auto'
    np.testing.assert_array_equal(matcher.match(*images).flow,
                                  NanoMatcher(nano).match(*images).flow)
    assert (matcher.name, matcher.backend) == ('nano', 'onnxruntime')
    np.testing.assert_array_equal(matcher.match_stereo(*images).disparity,
                                  ClassicalMatcher().match_stereo(*images).disparity)
    assert (matcher.name, matcher.backend) == ('classical', 'opencv')
    assert matcher.disparity_step == ClassicalMatcher.disparity_step
    assert matcher.for_task('flow') is matcher.for_task('flow')


def test_a_matcher_that_does_not_choose_is_that_of_every_task():
    matcher = ClassicalMatcher()
    assert [matcher.for_task(task) for task in ('flow', 'stereo')] == [matcher, matcher]
    for ask in (matcher.for_task, lambda task: matcher.prepare(task, (64, 64)),
                AutoMatcher().for_task):
        with pytest.raises(ConfigError) as raised:
            ask('depth')
        assert str(raised.value) == "there is no task 'depth'; choose one of flow, stereo"


def test_only_what_is_used_is_made(nano, table, monkeypatch):
    monkeypatch.setattr(auto, 'NanoMatcher', None)
    matcher = AutoMatcher(nano, ClassicalConfig(max_disparity=32))
    assert matcher.search_range(640) == (0, 31)
    matcher.prepare('stereo', (64, 64))


def test_options_reach_both(nano, nano_folder, monkeypatch):
    monkeypatch.setattr(auto, 'AUTO', {'flow': 'classical', 'stereo': 'nano'})
    options = NanoOptions(weights=nano_folder, max_disparity=20)
    matcher = create_matcher('auto', MatcherOptions(nano=options))
    assert matcher.search_range(640) == (0, 20)
    assert matcher.for_task('flow').name == 'classical'


@pytest.mark.parametrize('task', ['flow', 'stereo'])
def test_without_weights_it_is_classical_and_says_so(tmp_path, monkeypatch, caplog, task):
    monkeypatch.setattr(auto, 'AUTO', dict.fromkeys(('flow', 'stereo'), 'nano'))
    matcher = AutoMatcher(NanoOptions(weights=str(tmp_path)))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert matcher.for_task(task).name == 'classical'
    assert caplog.text.count('auto uses classical instead of nano') == 1
    assert 'holds no nano network' in caplog.text


def test_a_backend_that_was_asked_for_is_not_replaced_unasked(nano, table, monkeypatch, caplog):
    """It was: TensorRT was asked for, and OpenCV computed."""
    def missing(*_, **__):
        raise MissingDependencyError('there is no such thing here')
    monkeypatch.setattr(choose, 'make_backend', missing)
    for backend, allowed in (('auto', False), ('openvino', True)):
        options = replace(nano, backend=backend, allow_fallback=allowed)
        assert AutoMatcher(options).for_task('flow').name == 'classical'
    matcher = AutoMatcher(replace(nano, backend='openvino'))
    for _ in range(2):
        with pytest.raises(MissingDependencyError, match='no such thing'):
            matcher.for_task('flow')
    assert matcher.for_task('stereo').name == 'classical'


def test_a_stream_belongs_to_the_matcher(nano, table):
    matcher, images = AutoMatcher(nano), textured_pair(64, 64)
    stream = matcher.stream()
    assert stream.matcher is matcher
    assert stream.next(images[0]) is None
    np.testing.assert_array_equal(stream.next(images[1]).flow, matcher.match(*images).flow)


def test_an_unknown_task():
    with pytest.raises(ConfigError, match="no task 'depth'; choose one of flow, stereo"):
        AutoMatcher().for_task('depth')


def test_new_options_keep_the_network(nano_folder, table):
    cache = MatcherCache()

    def get(**values):
        return cache.get('auto', MatcherOptions(
            ClassicalConfig(**values), nano=NanoOptions(weights=nano_folder, **values)))
    first = get()
    programs = first.for_task('flow').programs
    assert get() is first
    second = get(max_disparity=32.0)
    assert second is not first
    assert second.for_task('flow').programs is programs
    assert second.search_range(640) == (0, 31)


def test_the_cache_keeps_the_network_of_nano(nano_folder):
    cache = MatcherCache()
    first = cache.get('nano', MatcherOptions(nano=NanoOptions(weights=nano_folder)))
    second = cache.get('nano', MatcherOptions(nano=NanoOptions(weights=nano_folder, detail=True)))
    assert second is not first
    assert second.programs is first.programs
    third = cache.get('nano', MatcherOptions(nano=NanoOptions(weights=nano_folder, threads=1)))
    assert third.programs is not first.programs


def test_the_table_names_matchers_there_are():
    assert set(auto.AUTO) == {'flow', 'stereo'}
    assert set(auto.AUTO.values()) <= {'nano', 'classical'}
