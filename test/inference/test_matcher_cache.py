"""When a matcher is made anew, and when it is not."""
import gc
import os
import weakref

import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('safetensors', reason='safetensors is not installed')
from tiny_network import write_tiny

from panmatch_ros.core.errors import ConfigError, PanMatchError
from panmatch_ros.inference import matcher_cache
from panmatch_ros.inference.classical import ClassicalConfig
from panmatch_ros.inference.factory import MatcherOptions, create_matcher
from panmatch_ros.inference.matcher_cache import MatcherCache
from panmatch_ros.inference.panmatch_config import PanMatchOptions


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp('weights') / 'tiny.safetensors')


@pytest.fixture
def made(monkeypatch):
    """Names of the matchers that were made, also of those that failed."""
    names = []

    def make(name, options):
        names.append(name)
        return create_matcher(name, options)
    monkeypatch.setattr(matcher_cache, 'create_matcher', make)
    return names


def options(classical=None, **panmatch):
    return MatcherOptions(ClassicalConfig(**(classical or {})),
                          PanMatchOptions(device='cpu', **panmatch))


def test_the_same_options_give_the_same_matcher(weights, made):
    cache = MatcherCache()
    assert cache.current is None
    first = cache.get('panmatch', options(weights=weights))
    assert cache.get('panmatch', options(weights=weights)) is first is cache.current
    assert made == ['panmatch']
    assert not cache.is_loading


def test_options_of_the_other_matcher_do_not_matter(weights, made):
    cache = MatcherCache()
    network = cache.get('panmatch', options(weights=weights))
    assert cache.get('panmatch', options({'P1': 7}, weights=weights)) is network
    classical = cache.get('classical', options(weights=weights))
    assert cache.get('classical', options(weights='other')) is classical
    assert cache.get('classical', options({'speckle_size': 7})) is not classical
    assert made == ['panmatch', 'classical', 'classical']


def test_weights_are_read_again_only_for_another_network(weights, made):
    cache = MatcherCache()
    first = cache.get('panmatch', options(weights=weights))
    second = cache.get('panmatch', options(weights=weights, max_disparity=64.0, tiles='always'))
    assert second is not first
    assert second.network is first.network
    assert second.search_range(640) == (0, 64)
    third = cache.get('panmatch', options(weights=weights, precision='bf16'))
    assert third.network is not first.network
    assert made == ['panmatch', 'panmatch']


def test_the_name_is_checked_even_if_the_network_is_there(weights):
    cache = MatcherCache()
    cache.get('panmatch', options(weights=weights))
    with pytest.raises(ConfigError, match='the matcher is panmatch_b'):
        cache.get('panmatch_b', options(weights=weights))
    assert cache.current is None


def test_a_failure_stays_until_the_options_change(weights, made, tmp_path):
    cache, missing = MatcherCache(), str(tmp_path / 'missing.safetensors')
    for _ in range(3):
        with pytest.raises(ConfigError, match='missing.safetensors does not exist'):
            cache.get('panmatch', options(weights=missing))
    assert made == ['panmatch']
    assert cache.current is None
    assert cache.get('panmatch', options(weights=weights)).name == 'panmatch_tiny'


def test_a_failure_ends_when_the_file_changes(made, tmp_path):
    cache, path = MatcherCache(), tmp_path / 'later.safetensors'
    path.write_bytes(b'not yet')
    os.utime(path, ns=(0, 0))
    for _ in range(3):
        with pytest.raises(PanMatchError, match='later.safetensors'):
            cache.get('panmatch', options(weights=str(path)))
    assert len(made) == 1
    write_tiny(path)
    assert cache.get('panmatch', options(weights=str(path))).name == 'panmatch_tiny'


def test_a_failure_is_tried_again_after_a_while(made, monkeypatch):
    cache = MatcherCache()
    monkeypatch.setattr(matcher_cache, 'RETRY_S', 0.0)
    for _ in range(2):
        with pytest.raises(ConfigError, match='needs weights'):
            cache.get('panmatch_g', options())
    assert len(made) == 2


class Big:
    """Something large that the frame of a failing load holds."""


@pytest.fixture
def no_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize('retry_s', [0.0, 10.0])
@pytest.mark.parametrize('error', [ConfigError('too bad'), MemoryError('too bad'),
                                   UnicodeDecodeError('ascii', b'x', 0, 1, 'too bad')])
def test_failures_do_not_keep_what_was_read(monkeypatch, no_gc, retry_s, error):
    kept, kind, arguments = [], type(error), error.args

    def fail(*_):
        big = Big()
        kept.append(weakref.ref(big))
        try:
            raise ValueError(repr(big))
        except ValueError as cause:
            raise kind(*arguments) from cause
    monkeypatch.setattr(matcher_cache, 'create_matcher', fail)
    monkeypatch.setattr(matcher_cache, 'RETRY_S', retry_s)
    cache = MatcherCache()
    for _ in range(3):
        with pytest.raises((kind, RuntimeError), match='too bad'):
            cache.get('panmatch', options(weights='any'))
    assert len(kept) == (1 if retry_s else 3)
    assert [big() for big in kept] == [None] * len(kept)


def test_a_failure_that_is_told_again_is_a_new_error(tmp_path):
    cache, errors = MatcherCache(), []
    for _ in range(3):
        with pytest.raises(ConfigError) as caught:
            cache.get('panmatch', options(weights=str(tmp_path / 'missing')))
        errors.append(caught.value)
    assert len({id(error) for error in errors}) == 3
    assert len({str(error) for error in errors}) == 1
    assert errors[2].__context__ is None


def test_the_old_network_is_gone_before_another_is_read(weights, monkeypatch, no_gc):
    users = []
    cache = MatcherCache(release=users.clear)
    users.append(cache.get('panmatch', options(weights=weights)))
    network = weakref.ref(users[0].network._model)
    users[0] = cache.get('panmatch', options(weights=weights, tiles='always'))
    assert users
    assert network() is not None

    def make(name, options):
        assert network() is None
        return create_matcher(name, options)
    monkeypatch.setattr(matcher_cache, 'create_matcher', make)
    cache.get('panmatch', options(weights=weights, precision='bf16'))
