"""Files that are damaged, cut off, foreign, or not only ours: a miss and one warning each."""
import hashlib
import json
import os
import struct

from engines import DATA, make_key
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.inference import engine_file, private_files
from panmatch_ros.inference.engine_cache import EngineCache

KEY = make_key()
NOTES = {'matcher': 'nano', 'note': 'größer'}


@pytest.fixture
def stored(tmp_path):
    """Return the file of an engine."""
    cache = EngineCache(tmp_path / 'engines')
    assert cache.store(KEY, DATA, NOTES)
    return cache.path(KEY)


@pytest.fixture
def load(stored, caplog):
    """Load with a new cache; return the engine and the warnings of two attempts."""
    def run():
        caplog.clear()
        cache = EngineCache(stored.parent)
        result = cache.load(KEY)
        assert cache.load(KEY) == result
        return result, [each.getMessage() for each in caplog.records
                        if each.levelname == 'WARNING']
    return run


def with_header(text, data=DATA, **changes):
    values = {'magic': engine_file.MAGIC, 'version': 1, 'length': len(text),
              'digest': hashlib.sha256(text).digest(), **changes}
    return struct.pack('<8sII32s', *values.values()) + text + data


def header(**changes):
    return json.dumps({
        'key': KEY.to_dict(), 'notes': NOTES, 'created_s': 1, 'bytes': len(DATA),
        'sha256': hashlib.sha256(DATA).hexdigest(), **changes}).encode()


def test_the_file_is_as_documented(stored, load):
    assert load() == (DATA, [])
    stored.write_bytes(with_header(header()))
    assert load() == (DATA, [])


def test_every_byte_counts(stored, load):
    whole = stored.read_bytes()
    start = len(whole) - len(DATA)
    for place in [*range(start + 16), *range(start + 16, len(whole), 97), len(whole) - 1]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        stored.write_bytes(damaged)
        stored.chmod(0o600)
        result, warnings = load()
        assert result is None, place
        assert len(warnings) == 1, place
        assert not stored.exists(), place


def test_no_length_but_the_whole_is_an_engine(stored, load):
    whole = stored.read_bytes()
    for length in [*range(0, len(whole), 13), len(whole) - 1]:
        stored.write_bytes(whole[:length])
        stored.chmod(0o600)
        result, warnings = load()
        assert result is None, length
        assert len(warnings) == 1, length
    stored.write_bytes(whole + b'\0')
    stored.chmod(0o600)
    assert load()[0] is None


@pytest.mark.parametrize(('content', 'text'), [
    (b'', 'it is empty'),
    (b'\0' * 5000, 'it is not an engine of panmatch_ros'),
    (b'PK\x03\x04' * 500, 'it is not an engine of panmatch_ros'),
    (with_header(header(), version=2), 'version 2 of the format, and 1 is needed'),
    (with_header(header(), length=0xffffffff), 'says to have 4294967295 bytes'),
    (with_header(header(), length=len(header()) - 1), 'the check sum of its header is wrong'),
    (with_header(header(), length=4000), 'it is cut off in its header'),
    (with_header(b'{'), 'its header is not that of an engine'),
    (with_header(b'[' * 100_000), 'its header is not that of an engine'),
    (with_header(b'\xff\xfe'), 'its header is not that of an engine'),
    (with_header(b'9' * 9999), 'its header is not that of an engine'),
    (with_header(header(more=1)), 'its header is not that of an engine'),
    (with_header(header(bytes=True)), 'values of a wrong kind'),
    (with_header(header(bytes=0), b''), 'values of a wrong kind'),
    (with_header(header(bytes=-5)), 'values of a wrong kind'),
    (with_header(header(bytes=1 << 70)), 'bytes, and 1180591620717411304'),
    (with_header(header(created_s='now')), 'values of a wrong kind'),
    (with_header(header(sha256=None)), 'values of a wrong kind'),
    (with_header(header(sha256='')), 'the check sum of the engine is wrong'),
    (with_header(header(notes=[])), 'values of a wrong kind'),
    (with_header(header(notes={'a': '\x1b[31m'})), 'its header is wrong: the note a must be'),
    (with_header(header(notes={str(i): '' for i in range(99)})), 'at most 32 notes'),
    (with_header(header(key=None)), 'has not the fields of this version'),
    (with_header(header(key={**KEY.to_dict(), 'size': [0, 0]})), 'size must be'),
    (with_header(header(key={**KEY.to_dict(), 'device': 'Thor', 'compute_capability': '11.0'})),
     'it was built for another key: device Thor instead of Orin, compute_capability 11.0 instead '
     'of 8.7'),
], ids=lambda value: 'file' if isinstance(value, bytes) else None)
def test_foreign_files_are_one_warning_and_removed(stored, load, content, text):
    stored.write_bytes(content)
    result, warnings = load()
    assert result is None
    assert len(warnings) == 1
    assert text in warnings[0]
    assert str(stored) in warnings[0]
    assert not stored.exists()


def test_the_engine_of_another_device_under_this_name(stored, load):
    other = make_key(device='Thor')
    cache = EngineCache(stored.parent)
    cache.store(other, b'other')
    os.replace(cache.path(other), stored)
    result, warnings = load()
    assert result is None
    assert 'device Thor instead of Orin' in warnings[0]


def make_link(path):
    os.rename(path, path.with_suffix('.moved'))
    path.symlink_to(path.with_suffix('.moved'))


def make_pipe(path):
    path.unlink()
    os.mkfifo(path, 0o600)


def make_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(('change', 'text'), [
    (lambda path: path.chmod(0o620), 'others may write it (mode 0620)'),
    (lambda path: path.chmod(0o602), 'others may write it (mode 0602)'),
    (make_link, 'it is a link'), (make_pipe, 'not a regular file'),
    (make_folder, 'not a regular file')])
def test_files_that_others_may_have_written_are_left_and_not_used(stored, load, change, text):
    change(stored)
    result, warnings = load()
    assert result is None
    assert len(warnings) == 1
    assert text in warnings[0]
    assert os.path.lexists(stored)
    cache = EngineCache(stored.parent)
    assert text in cache.entries()[0].problem
    replaced = change is not make_folder  # which cannot be replaced by a file
    assert cache.store(KEY, b'new') == replaced
    assert cache.load(KEY) == (b'new' if replaced else None)


def test_a_file_of_another_user_is_not_used(stored, load, monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: os.getuid() + 1)
    result, warnings = load()
    assert result is None
    assert len(warnings) == 1
    assert f'it belongs to the user {os.getuid()}' in warnings[0]


def test_a_file_system_that_keeps_nothing_private_takes_no_engine(tmp_path, monkeypatch, caplog):
    def refuse(status):
        raise private_files.NotPrivateError('others may write it (mode 0777)')
    monkeypatch.setattr(private_files, '_check_private', refuse)
    cache = EngineCache(tmp_path)
    assert not cache.store(KEY, DATA)
    assert 'files on this file system are not private' in caplog.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('notes', [
    {'matcher': 5}, {'matcher': 'a\nb'}, {1: 'a'}, {str(i): '' for i in range(33)},
    {'matcher': 'x' * 501}])
def test_notes_are_short_lines(tmp_path, notes):
    with pytest.raises(ConfigError):
        EngineCache(tmp_path).store(KEY, DATA, notes)


def test_the_longest_notes_fit_the_header(tmp_path):
    notes = {f'{i:02}' + 'ü' * 498: 'ü' * 500 for i in range(32)}
    cache = EngineCache(tmp_path)
    assert cache.store(make_key(settings='ü' * 500), DATA, notes)
    assert cache.entries()[0].notes == notes


def test_the_payload_is_checked_without_being_held(stored):
    with stored.open('rb') as file:
        found = engine_file.read_header(file, stored.stat().st_size)
        engine_file.check_engine(file, found)
        file.seek(-1, os.SEEK_END)
        with pytest.raises(FormatError, match='check sum of the engine'):
            engine_file.check_engine(file, found)
    assert (found.key, found.notes, found.engine_bytes) == (KEY, NOTES, len(DATA))
