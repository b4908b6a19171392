"""``panmatch engine``: list, verify, clean."""
import os
import time

from engines import DATA, make_key, names
import pytest

from panmatch_ros.cli.engine import HEADINGS, age
from panmatch_ros.cli.options import file_size
from panmatch_ros.inference.engine_cache import EngineCache

KEYS = [make_key(), make_key(batch=2, iterations=0, compute_capability='', device='x86 CPU',
                             tensorrt='', torch_tensorrt='', torch='', driver='',
                             precision='fp32', backend='openvino')]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    made = EngineCache()
    made.store(KEYS[0], DATA, {'matcher': 'panmatch_s'})
    made.store(KEYS[1], DATA * 2000)
    now_s = time.time()
    os.utime(made.path(KEYS[0]), (now_s, now_s - 3 * 3600))
    return made


def damage(cache, key):
    whole = bytearray(cache.path(key).read_bytes())
    whole[-1] ^= 1
    cache.path(key).write_bytes(whole)


def test_list(panmatch, cache):
    result = panmatch('engine', 'list')
    assert result.status == 0
    headings, first, second, last = result.out.splitlines()
    assert headings.split() == list(HEADINGS)
    columns = [headings.index(name) for name in HEADINGS]

    def cells(line):
        return [line[start:end].strip()
                for start, end in zip(columns, [*columns[1:], None], strict=True)]
    assert cells(first) == [
        KEYS[1].file_name[:12], '1.54 MB', '-', 'openvino', 'fp32', '480x640 x 2', 'x86 CPU', '-',
        'just now', 'just now']
    assert cells(second)[1:] == [
        '1.4 kB', 'panmatch_s', 'tensorrt', 'fp16', '480x640, 12 iterations', 'Orin (8.7)',
        'TensorRT 10.3.0, torch 2.8.0, torch_tensorrt 2.8.0, driver 540.4.0', 'just now',
        '3 h ago']
    assert last == f'2 engines, 1.54 MB in {cache.folder}'


def test_list_says_what_cannot_be_used(panmatch, cache):
    cache.path(KEYS[0]).write_bytes(b'garbage')
    result = panmatch('engine', 'list')
    assert result.status == 0
    assert (f'{KEYS[0].file_name[:12]}  cannot be used: it is cut off after 7 bytes'
            in result.out.splitlines())


def test_an_empty_cache(panmatch, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'new'))
    folder = tmp_path / 'new' / 'panmatch_ros' / 'engines'
    assert panmatch('engine', 'list') == (0, f'no engines in {folder}\n', '')
    assert panmatch('engine', 'verify') == (
        0, f'0 engines in {folder}, 0 cannot be used\n', '')
    assert panmatch('engine', 'clean') == (0, f'0 files, 0.0 kB, removed from {folder}\n', '')
    assert not folder.exists()


def test_verify(panmatch, cache):
    assert panmatch('engine', 'verify') == (
        0, f'2 engines in {cache.folder}, 0 cannot be used\n', '')
    damage(cache, KEYS[1])
    result = panmatch('engine', 'verify')
    assert result.status == 1
    assert result.out == (
        f'{cache.path(KEYS[1])}: the check sum of the engine is wrong\n'
        f'2 engines in {cache.folder}, 1 cannot be used; `panmatch engine clean` removes them\n')


def test_clean_removes_the_damaged(panmatch, cache):
    damage(cache, KEYS[1])
    line = f'{KEYS[1].file_name}: the check sum of the engine is wrong\n'
    result = panmatch('engine', 'clean', '--dry-run')
    assert result.out == line + f'1 file, 1.54 MB, would be removed from {cache.folder}\n'
    assert len(names(cache.folder)) == 2
    result = panmatch('engine', 'clean')
    assert (result.status, result.out) == (
        0, line + f'1 file, 1.54 MB, removed from {cache.folder}\n')
    assert names(cache.folder) == [KEYS[0].file_name]


def test_clean_all(panmatch, cache):
    result = panmatch('engine', 'clean', '--all', '--dry-run')
    assert result.out.endswith(f'2 files, 1.54 MB, would be removed from {cache.folder}\n')
    assert len(names(cache.folder)) == 2
    assert panmatch('engine', 'clean', '--all').status == 0
    assert names(cache.folder) == []


def test_another_folder(panmatch, cache, tmp_path):
    other = EngineCache(tmp_path / 'other')
    other.store(KEYS[0], DATA)
    result = panmatch('engine', 'list', '--cache', other.folder)
    assert result.out.endswith(f'1 engine, 1.4 kB in {other.folder}\n')
    panmatch('engine', 'clean', '--all', '--cache', other.folder)
    assert names(other.folder) == []
    assert len(names(cache.folder)) == 2


def test_a_folder_that_is_none_is_an_error(panmatch, tmp_path):
    result = panmatch('engine', 'clean', '--all', '--cache', tmp_path / 'absent')
    assert result.status == 1
    assert result.err == (f'panmatch engine: error: {tmp_path / "absent"} is not a folder; give '
                          'the one of the engines, or leave --cache away\n')


@pytest.mark.parametrize('arguments', [
    (), ('make',), ('list', '--all'), ('verify', '--dry-run'), ('clean', '--dry')])
def test_wrong_command_line(panmatch, arguments):
    result = panmatch('engine', *arguments)
    assert result.status == 2
    assert 'usage: panmatch' in result.err


@pytest.mark.parametrize('action', ['build', 'list', 'verify', 'clean'])
def test_help_of_each_action_starts_with_examples(panmatch, action):
    result = panmatch('engine', action, '--help')
    assert result.status == 0
    assert result.out.startswith(f'examples:\n  panmatch engine {action} ')
    assert f'usage: panmatch engine {action}' in result.out
    assert '--cache DIR' in result.out
    assert f'  panmatch engine {action} ' in panmatch('engine', '--help').out


def test_ages_and_sizes():
    assert [age(seconds) for seconds in (-5, 59, 60, 7200, 2.6 * 86400)] == [
        'just now', 'just now', '1 min ago', '2 h ago', '3 d ago']
    assert [file_size(length) for length in (0, 1500, 2_340_000, 5_000_000_000)] == [
        '0.0 kB', '1.5 kB', '2.34 MB', '5.00 GB']
