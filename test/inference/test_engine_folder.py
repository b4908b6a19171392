"""What is in the folder of a cache: lists, limits of size, cleaning."""
import logging
import os
import time

from engines import DATA, make_key, names
import pytest

from panmatch_ros.inference.engine_cache import EngineCache
from panmatch_ros.inference.engine_file import encode_header
from panmatch_ros.inference.engine_folder import folder_problem, others_may_write

KEYS = [make_key(batch=number) for number in range(1, 6)]
LENGTH = len(encode_header(KEYS[0], {}, DATA)) + len(DATA)  # of a file


@pytest.fixture
def cache(tmp_path, caplog):
    caplog.set_level(logging.INFO, 'panmatch_ros')
    return EngineCache(tmp_path / 'engines', max_bytes=3 * LENGTH + 10)


def use(cache, key, used_s):
    os.utime(cache.path(key), (used_s, used_s))


def kept(cache):
    return {key.batch for key in KEYS if cache.path(key).exists()}


def store_three(cache):
    for age, key in enumerate(KEYS[:3]):
        assert cache.store(key, DATA)
        use(cache, key, 1000 + age)


def test_those_not_used_for_longest_are_removed(cache, caplog):
    store_three(cache)
    assert kept(cache) == {1, 2, 3}
    assert cache.store(KEYS[3], DATA)
    assert kept(cache) == {2, 3, 4}
    assert f'{cache.path(KEYS[0])} is removed: the cache may have' in caplog.text
    use(cache, KEYS[3], 1003)
    assert cache.load(KEYS[1]) == DATA  # now the youngest
    assert cache.store(KEYS[4], DATA)
    assert kept(cache) == {2, 4, 5}


def test_loading_notes_the_use(cache):
    store_three(cache)
    before_s = time.time()
    cache.load(KEYS[0])
    assert before_s - 1 <= cache.entries()[0].used_s <= time.time() + 1
    assert [entry.key.batch for entry in cache.entries()] == [1, 3, 2]


def test_the_engine_just_stored_stays(cache):
    store_three(cache)
    future_s = time.time() + 1e6
    for key in KEYS[:3]:
        use(cache, key, future_s)  # a clock that was wrong
    assert cache.store(KEYS[3], DATA * 3)
    assert kept(cache) == {4}
    assert cache.load(KEYS[3]) == DATA * 3


def test_an_engine_larger_than_the_cache_is_not_kept(cache, caplog):
    store_three(cache)
    made = cache.get_or_build(KEYS[3], lambda: DATA * 9)
    assert (made.data, made.kept) == (DATA * 9, False)
    assert kept(cache) == {1, 2, 3}
    text, = [each.getMessage() for each in caplog.records if each.levelname == 'WARNING']
    assert 'is not kept, it is built anew at each start' in text
    assert f'may have {cache.max_bytes} bytes' in text


def test_damaged_engines_and_links_count_as_they_are(cache, tmp_path):
    store_three(cache)
    cache.path(KEYS[0]).write_bytes(b'\0' * LENGTH)
    use(cache, KEYS[0], 900)
    (tmp_path / 'large').write_bytes(b'\0' * 10 * LENGTH)
    cache.path(KEYS[4]).symlink_to(tmp_path / 'large')
    assert cache.store(KEYS[3], DATA)
    assert not cache.path(KEYS[0]).exists()
    assert (tmp_path / 'large').exists()
    assert cache.path(KEYS[4]).is_symlink()


def test_other_files_are_never_touched(cache):
    cache.folder.mkdir()
    strangers = ['notes.txt', 'my.engine', 'a' * 64 + '.onnx', '.hidden', 'x.lock', 'x.tmp']
    for name in strangers:
        (cache.folder / name).write_bytes(b'\0' * 9999)
    store_three(cache)
    cache.clean(everything=True)
    assert names(cache.folder) == sorted(strangers)


def test_old_engines_that_cannot_be_removed_are_said(cache, caplog, monkeypatch):
    store_three(cache)

    def fail(path, **_):
        raise PermissionError(13, 'Permission denied', str(path))
    monkeypatch.setattr(os, 'unlink', fail)
    monkeypatch.setattr('pathlib.Path.unlink', fail)
    assert cache.store(KEYS[3], DATA)
    assert 'old ones cannot be removed' in caplog.text
    assert cache.load(KEYS[3]) == DATA


# Lists.

def test_entries_say_what_an_engine_is(cache):
    before_s = int(time.time())
    cache.store(KEYS[1], DATA, {'matcher': 'nano'})
    entry, = cache.entries()
    assert (entry.key, entry.notes, entry.problem) == (KEYS[1], {'matcher': 'nano'}, '')
    assert entry.file_bytes == cache.path(KEYS[1]).stat().st_size
    assert before_s <= entry.created_s <= time.time()
    assert entry.path == cache.path(KEYS[1])


def test_no_folder_no_engines(cache):
    assert cache.entries() == cache.verify() == cache.clean() == []
    assert not cache.folder.exists()


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path):
    (tmp_path / 'file').touch()
    cache = EngineCache(tmp_path / 'file')
    for look in (cache.entries, cache.verify, cache.clean):
        with pytest.raises(NotADirectoryError):
            look()


def damage(cache):
    """Damage an engine in its bytes, which only verify sees, and another in its header."""
    store_three(cache)
    for key, place in ((KEYS[0], -1), (KEYS[1], 60)):
        whole = bytearray(cache.path(key).read_bytes())
        whole[place] ^= 1
        cache.path(key).write_bytes(whole)
        use(cache, key, 1)


def problems(entries):
    return {entry.path.name: entry.problem for entry in entries if entry.problem}


def test_verify_reads_everything(cache):
    damage(cache)
    header = {KEYS[1].file_name: 'the check sum of its header is wrong'}
    assert problems(cache.entries()) == header
    assert problems(cache.verify()) == {
        **header, KEYS[0].file_name: 'the check sum of the engine is wrong'}
    assert kept(cache) == {1, 2, 3}


def test_an_engine_under_the_name_of_another_is_a_problem(cache):
    store_three(cache)
    cache.path(KEYS[0]).rename(cache.path(KEYS[4]))
    assert problems(cache.entries()) == {
        KEYS[4].file_name: 'its name is that of another engine'}


def test_clean_removes_what_cannot_be_used(cache):
    damage(cache)
    lock = cache.folder / (KEYS[2].file_name + '.lock')
    temporary = cache.folder / f'.{KEYS[2].file_name}.123-0123abcd.tmp'
    lock.touch()
    temporary.write_bytes(b'part')
    expected = {lock: 'lock of a process that has ended',
                temporary: 'temporary file of a process that has ended',
                cache.path(KEYS[0]): 'the check sum of the engine is wrong',
                cache.path(KEYS[1]): 'the check sum of its header is wrong'}
    before = names(cache.folder)
    for dry_run in (True, False):
        assert names(cache.folder) == before
        removals = cache.clean(dry_run=dry_run)
        assert {removal.path: removal.reason for removal in removals} == expected
    assert {removal.path: removal.file_bytes for removal in removals}[temporary] == 4
    assert names(cache.folder) == [KEYS[2].file_name]
    assert cache.load(KEYS[2]) == DATA


def test_clean_everything(cache):
    damage(cache)
    assert len(cache.clean(everything=True, dry_run=True)) == 3
    assert kept(cache) == {1, 2, 3}
    assert {removal.path for removal in cache.clean(everything=True)} == {
        cache.path(key) for key in KEYS[:3]}
    assert names(cache.folder) == []


def test_what_cannot_be_removed_is_said_and_not_counted(cache, caplog):
    cache.folder.mkdir()
    cache.path(KEYS[0]).mkdir()
    assert cache.clean() == []
    assert 'cannot be removed: Is a directory' in caplog.text


# The folder itself.

def test_a_folder_that_takes_engines(tmp_path):
    for folder in (tmp_path, tmp_path / 'new' / 'engines'):
        assert folder_problem(folder) == ''
        assert not others_may_write(folder)
    assert not (tmp_path / 'new').exists()


def test_a_folder_that_takes_none(tmp_path, monkeypatch):
    file = tmp_path / 'file'
    file.touch()
    assert folder_problem(file) == folder_problem(file / 'engines') == f'{file} is not a folder'
    monkeypatch.setattr(os, 'access', lambda path, mode: path != tmp_path)
    assert folder_problem(tmp_path / 'new' / 'engines') == f'{tmp_path} cannot be written'


@pytest.mark.parametrize(('mode', 'expected'), [(0o700, False), (0o755, False), (0o770, True),
                                                (0o777, True)])
def test_a_folder_that_others_may_write(tmp_path, monkeypatch, mode, expected):
    tmp_path.chmod(mode)
    assert others_may_write(tmp_path) == expected
    user = os.geteuid()
    monkeypatch.setattr(os, 'geteuid', lambda: user + 1)
    assert others_may_write(tmp_path)
