"""Engines that are found, built, refused, removed, and folders that take none."""
import errno
import logging
import os
from pathlib import Path
import time

from engines import DATA, make_key, names
import pytest

from panmatch_ros.core.errors import ConfigError, EngineError
from panmatch_ros.inference.engine_cache import EngineCache
from panmatch_ros.inference.file_lock import hold_lock
from panmatch_ros.inference.parity_gate import ParityVerdict

KEY = make_key()


@pytest.fixture
def cache(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    return EngineCache(tmp_path / 'engines')


def warnings(caplog):
    return [each.getMessage() for each in caplog.records if each.levelname == 'WARNING']


def never():
    raise AssertionError('nothing was to be built')


class Builder:
    """Build engines and count them."""

    def __init__(self, *engines):
        self.engines, self.built = list(engines), 0

    def __call__(self):
        self.built += 1
        return self.engines.pop(0)


def accept_only(*engines):
    def accept(data):
        return ParityVerdict(data in engines, f'mean {len(data)} px')
    return accept


def test_an_engine_is_found_again(cache):
    assert cache.load(KEY) is None
    assert not cache.folder.exists()  # looking makes nothing
    assert cache.store(KEY, DATA, {'matcher': 'nano'})
    assert cache.load(KEY) == DATA
    assert cache.load(make_key(device='Thor')) is None
    assert EngineCache(cache.folder).load(KEY) == DATA
    assert cache.store(KEY, b'new')
    assert cache.load(KEY) == b'new'
    assert names(cache.folder) == [KEY.file_name]


def test_files_are_those_of_the_owner_only(cache):
    before = os.umask(0)
    try:
        cache.store(KEY, DATA)
    finally:
        os.umask(before)
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert cache.path(KEY).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(('xdg', 'expected'), [
    ('/x/cache', '/x/cache/panmatch_ros/engines'),
    ('', '/x/home/.cache/panmatch_ros/engines'),
    ('relative', '/x/home/.cache/panmatch_ros/engines')])
def test_the_folder_is_that_of_the_user(monkeypatch, xdg, expected):
    monkeypatch.setenv('HOME', '/x/home')
    monkeypatch.setenv('XDG_CACHE_HOME', xdg)
    assert EngineCache().folder == Path(expected)
    assert EngineCache('~/engines').folder == Path('/x/home/engines')


@pytest.mark.parametrize(('options', 'text'), [
    ({'max_bytes': 0}, 'max_bytes'), ({'lock_timeout_s': -1.0}, 'lock_timeout_s'),
    ({'lock_timeout_s': float('nan')}, 'lock_timeout_s'),
    ({'folder': '~no_such_user_here/x'}, 'no home folder')])
def test_options_that_cannot_work(options, text):
    with pytest.raises(ConfigError, match=text):
        EngineCache(**options)


def test_an_empty_engine_is_none(cache):
    with pytest.raises(ConfigError, match='empty'):
        cache.store(KEY, b'')


# Found or built.

def test_an_engine_is_built_once(cache):
    builder = Builder(DATA)
    made = cache.get_or_build(KEY, builder, accept_only(DATA), {'matcher': 'nano'})
    assert (made.data, made.built, made.kept) == (DATA, True, True)
    assert made.verdict.text == f'mean {len(DATA)} px'
    found = cache.get_or_build(KEY, never, accept_only(DATA))
    assert (found.data, found.built, found.kept) == (DATA, False, True)
    assert cache.entries()[0].notes == {'matcher': 'nano'}
    assert names(cache.folder) == [KEY.file_name]  # no lock is left


def test_no_verdict_is_needed(cache):
    assert cache.get_or_build(KEY, Builder(DATA)).data == DATA
    assert cache.get_or_build(KEY, never).verdict is None


def test_a_refused_engine_is_built_anew_once(cache, caplog):
    cache.store(KEY, b'old')
    builder = Builder(DATA)
    assert cache.get_or_build(KEY, builder, accept_only(DATA)).data == DATA
    assert builder.built == 1
    assert warnings(caplog) == [f'{cache.path(KEY)} is refused and built anew: mean 3 px']
    assert cache.load(KEY) == DATA


def test_a_new_engine_that_is_refused_is_an_error_and_not_kept(cache):
    cache.store(KEY, b'old')
    builder = Builder(b'newer', DATA)
    with pytest.raises(EngineError, match=r'refused: mean 5 px; use another back-end'):
        cache.get_or_build(KEY, builder, accept_only(DATA))
    assert builder.built == 1
    assert names(cache.folder) == []


def test_an_engine_that_cannot_be_tried_is_refused(cache, caplog):
    def accept(data):
        if data == b'old':
            raise RuntimeError('deserialize: version tag does not match')
        return ParityVerdict(True, '')
    cache.store(KEY, b'old')
    assert cache.get_or_build(KEY, Builder(DATA), accept).data == DATA
    assert 'cannot be tried: RuntimeError: deserialize' in warnings(caplog)[0]


class OutOfMemoryError(RuntimeError):
    """As that of PyTorch."""


@pytest.mark.parametrize('error', [MemoryError(), OutOfMemoryError()])
def test_lack_of_memory_is_no_fault_of_the_engine(cache, error):
    def accept(data):
        raise error
    cache.store(KEY, DATA)
    with pytest.raises(type(error)):
        cache.get_or_build(KEY, never, accept)
    assert cache.load(KEY) == DATA


def test_an_engine_that_another_process_replaced_is_tried_anew(cache, caplog):
    def accept(data):
        if data == b'old':  # while this takes its time
            EngineCache(cache.folder).store(KEY, DATA)
        return ParityVerdict(data == DATA, '')
    cache.store(KEY, b'old')
    found = cache.get_or_build(KEY, never, accept)
    assert (found.data, found.built) == (DATA, False)
    assert warnings(caplog) == []


@pytest.mark.parametrize('error', [RuntimeError('no kernel'), KeyboardInterrupt()])
def test_a_failing_builder_leaves_nothing(cache, error):
    def build():
        raise error
    with pytest.raises(type(error)):
        cache.get_or_build(KEY, build)
    assert names(cache.folder) == []
    assert cache.get_or_build(KEY, Builder(DATA)).built


@pytest.mark.parametrize('result', [None, b'', 'text', 5])
def test_a_builder_gives_bytes(cache, result):
    with pytest.raises(EngineError, match='must give bytes'):
        cache.get_or_build(KEY, lambda: result)
    assert names(cache.folder) == []


def test_bad_notes_are_an_error_before_anything_is_built(cache):
    with pytest.raises(ConfigError):
        cache.get_or_build(KEY, never, notes={'matcher': 'a\nb'})


def test_a_damaged_engine_is_one_warning_and_built_anew(cache, caplog):
    cache.store(KEY, DATA)
    cache.path(KEY).write_bytes(cache.path(KEY).read_bytes()[:-1])
    assert cache.get_or_build(KEY, Builder(b'new')).data == b'new'
    assert len(warnings(caplog)) == 1
    assert cache.load(KEY) == b'new'


def test_a_lock_that_cannot_be_had_is_said_and_not_waited_for(cache, caplog):
    cache.folder.mkdir()
    hasty = EngineCache(cache.folder, lock_timeout_s=0.05)
    with hold_lock(cache.folder / (KEY.file_name + '.lock'), 0, 'holds') as held:
        assert held
        start_s = time.monotonic()
        made = hasty.get_or_build(KEY, Builder(DATA))
        assert 0.05 <= time.monotonic() - start_s < 1
    assert (made.data, made.built, made.kept) == (DATA, True, True)
    text, = warnings(caplog)
    assert text.startswith(f'process {os.getpid()} still builds the same engine after 0.05 s')


# Folders that take no engine.

def fail_at(monkeypatch, name, number, after=0):
    """Let a function of os fail, after so many calls."""
    function, calls = getattr(os, name), []

    def fail(*args, **kwargs):
        calls.append(args)
        reads = name == 'open' and number == errno.EROFS and not args[1] & os.O_CREAT
        if len(calls) > after and not reads:
            raise OSError(number, os.strerror(number), None)
        return function(*args, **kwargs)
    monkeypatch.setattr(os, name, fail)


@pytest.mark.parametrize(('name', 'number', 'after'), [
    ('write', errno.ENOSPC, 0), ('write', errno.ENOSPC, 1), ('write', errno.EDQUOT, 1),
    ('fsync', errno.EIO, 0), ('fsync', errno.ENOSPC, 0), ('replace', errno.EACCES, 0),
    ('mkdir', errno.EROFS, 0), ('mkdir', errno.EACCES, 0), ('mkdir', errno.ENOSPC, 0),
    ('open', errno.EROFS, 0), ('open', errno.EACCES, 0)])
def test_a_disk_that_takes_nothing_is_one_warning(cache, caplog, monkeypatch, name, number,
                                                  after):
    if name != 'mkdir':
        cache.folder.mkdir()
    with monkeypatch.context() as patch:
        fail_at(patch, name, number, after)
        made = cache.get_or_build(KEY, Builder(DATA))
        again = cache.get_or_build(KEY, Builder(b'again'))
    assert (made.data, made.built, made.kept) == (DATA, True, False)
    assert again.data == b'again'
    text, = warnings(caplog)
    assert os.strerror(number) in text
    left = names(cache.folder) if cache.folder.exists() else []
    assert [each for each in left if not each.endswith('.lock')] == []
    assert cache.get_or_build(KEY, Builder(DATA)).kept
    assert names(cache.folder) == [KEY.file_name]


def test_a_failed_write_keeps_the_engine_before(cache, monkeypatch):
    cache.store(KEY, DATA)
    with monkeypatch.context() as patch:
        fail_at(patch, 'write', errno.ENOSPC, 1)
        assert not cache.store(KEY, b'new')
    assert cache.load(KEY) == DATA
    assert names(cache.folder) == [KEY.file_name]


@pytest.mark.parametrize('below', ['', 'engines'])
def test_a_folder_that_is_a_file(tmp_path, caplog, below):
    (tmp_path / 'file').write_text('kept')
    cache = EngineCache(tmp_path / 'file' / below)
    made = cache.get_or_build(KEY, Builder(DATA))
    assert (made.data, made.kept) == (DATA, False)
    assert len(warnings(caplog)) == 1
    assert (tmp_path / 'file').read_text() == 'kept'


def test_a_folder_that_cannot_be_synchronised_is_no_reason(cache, monkeypatch, caplog):
    fail_at(monkeypatch, 'fsync', errno.EINVAL, 1)
    assert cache.store(KEY, DATA)
    assert warnings(caplog) == []


def test_a_read_only_folder_gives_its_engines(cache, caplog, monkeypatch):
    cache.store(KEY, DATA)
    for name in ('utime', 'mkdir', 'unlink', 'replace'):
        fail_at(monkeypatch, name, errno.EROFS)
    assert cache.get_or_build(KEY, never, accept_only(DATA)).data == DATA
    assert warnings(caplog) == []
