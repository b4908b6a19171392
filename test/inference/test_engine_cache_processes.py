"""Processes that share a cache: killed while they write, building the same, a full disk."""
import hashlib
import logging
import os
import random
import sys
import threading
import time

from engines import DATA, make_key, names, start_process
import pytest

from panmatch_ros.inference.engine_cache import EngineCache
from panmatch_ros.inference.file_lock import hold_lock, remove_unlocked

KEY = make_key()
KILLED = -9

# A process that kills itself before, in or after a call of the write.
STORE_AND_DIE = """
name, number, when = sys.argv[2], int(sys.argv[3]), sys.argv[4]
function, calls = getattr(os, name), []

def die(*args, **kwargs):
    calls.append(name)
    if len(calls) == number:
        if when == 'half':
            function(args[0], args[1][:len(args[1]) // 2])
        elif when == 'after':
            function(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*args, **kwargs)

setattr(os, name, die)
cache.store(make_key(), DATA)
"""
POINTS = [
    ('open', 1, 'before'),   # of the temporary file
    ('open', 1, 'after'),
    ('write', 1, 'half'),    # header
    ('write', 1, 'after'),
    ('write', 2, 'half'),    # engine
    ('write', 2, 'after'),
    ('fsync', 1, 'before'),
    ('fsync', 1, 'after'),
    ('replace', 1, 'before'),
    ('replace', 1, 'after'),
    ('fsync', 2, 'before'),  # of the folder
    ('fsync', 2, 'after'),
]
STORED = POINTS.index(('replace', 1, 'after'))


@pytest.fixture
def cache(tmp_path, caplog):
    caplog.set_level(logging.DEBUG, 'panmatch_ros')
    return EngineCache(tmp_path / 'engines')


def warnings(caplog):
    return [each.getMessage() for each in caplog.records if each.levelname == 'WARNING']


@pytest.mark.parametrize('before', [None, b'old'], ids=['empty', 'replacing'])
@pytest.mark.parametrize('point', POINTS, ids=lambda point: '-'.join(map(str, point)))
def test_killed_at_any_point_of_a_write(cache, caplog, point, before):
    if before:
        cache.store(KEY, before)
    process = start_process(STORE_AND_DIE, cache.folder, *point)
    process.communicate(timeout=20)
    assert process.returncode == KILLED
    assert cache.load(KEY) == (DATA if POINTS.index(point) >= STORED else before)
    assert [entry.problem for entry in cache.verify()] in ([], [''])
    assert cache.store(KEY, b'new')  # cleans what was left
    assert names(cache.folder) == [KEY.file_name]
    assert cache.load(KEY) == b'new'
    assert warnings(caplog) == []


def test_killed_at_random(cache, caplog):
    engines = [bytes([number]) * 300_000 for number in (1, 2)]
    cache.store(KEY, engines[0])
    rng = random.Random(7)
    for _ in range(3):
        process = start_process("""
            print('ready', flush=True)
            while True:
                for number in (1, 2):
                    cache.store(make_key(), bytes([number]) * 300_000)
            """, cache.folder)
        process.stdout.readline()
        end_s = time.monotonic() + rng.uniform(0.02, 0.1)
        while time.monotonic() < end_s:
            assert cache.load(KEY) in engines
        process.kill()
        process.communicate()
        assert cache.load(KEY) in engines
    cache.clean()
    assert names(cache.folder) == [KEY.file_name]
    assert warnings(caplog) == []


def test_two_processes_build_an_engine_once(cache, tmp_path):
    built = tmp_path / 'built'
    code = """
        import hashlib
        def build():
            with open(sys.argv[2], 'a') as file:
                file.write('built ')
            time.sleep(0.3)
            return os.urandom(1000)
        engine = cache.get_or_build(make_key(), build)
        print(engine.built, hashlib.sha256(engine.data).hexdigest())
        """
    processes = [start_process(code, cache.folder, built) for _ in range(2)]
    results = [process.communicate(timeout=20) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    assert built.read_text() == 'built '
    answers = sorted(out.split() for out, _ in results)
    assert [answer[0] for answer in answers] == ['False', 'True']
    digest = hashlib.sha256(cache.load(KEY)).hexdigest()
    assert [answer[1] for answer in answers] == [digest, digest]
    assert names(cache.folder) == [KEY.file_name]


def test_a_process_that_is_killed_while_it_builds_blocks_nobody(cache, caplog):
    process = start_process("""
        def build():
            print('building', flush=True)
            time.sleep(60)
        cache.get_or_build(make_key(), build)
        """, cache.folder)
    assert process.stdout.readline() == 'building\n'
    lock = cache.folder / (KEY.file_name + '.lock')
    assert lock.read_text() == str(process.pid)
    assert cache.clean(everything=True) == []  # it is not left, it is held
    process.kill()
    process.communicate()
    assert lock.exists()
    assert [removal.path for removal in cache.clean(dry_run=True)] == [lock]
    start_s = time.monotonic()
    assert cache.get_or_build(KEY, lambda: DATA).data == DATA
    assert time.monotonic() - start_s < 1
    assert names(cache.folder) == [KEY.file_name]
    assert warnings(caplog) == []


def test_a_disk_that_is_full(cache):
    process = start_process("""
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # less than header and engine
        engine = cache.get_or_build(make_key(), lambda: DATA)
        print(engine.data == DATA, engine.built, engine.kept, os.listdir(cache.folder))
        """, cache.folder)
    out, err = process.communicate(timeout=20)
    assert out == 'True True False []\n'
    assert err.count('\n') == 1
    assert 'takes no engine, it is built anew at the next start: File too large' in err


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root, to become another user')
@pytest.mark.parametrize('mode', [0o555, 0o000], ids=oct)
def test_a_folder_of_others(cache, mode):
    cache.store(KEY, DATA)
    cache.folder.parent.chmod(0o755)
    cache.folder.chmod(mode)
    process = start_process("""
        import fcntl  # not found after the next line
        os.chroot(Path(sys.argv[1]).parent)  # the folders above are closed to others
        os.seteuid(65534)
        cache = EngineCache('/engines')
        for number in range(2):
            engine = cache.get_or_build(make_key(), lambda: b'own')
            print(engine.data, engine.built, engine.kept)
        """, cache.folder)
    out, err = process.communicate(timeout=20)
    if 'os.chroot' in err:
        pytest.skip('needs the right to chroot')
    assert out == "b'own' True False\n" * 2, err
    assert err.count('\n') == 1
    assert 'Permission denied' in err
    assert names(cache.folder) == [KEY.file_name]


def test_a_temporary_file_that_is_being_written_is_left_alone(cache):
    process = start_process("""
        write = os.write
        def wait(*args):
            written = write(*args)
            print('written', flush=True)
            sys.stdin.readline()
            time.sleep(60)
        os.write = wait
        cache.store(make_key(), DATA)
        """, cache.folder)
    assert process.stdout.readline() == 'written\n'
    temporary, = names(cache.folder)
    assert cache.clean(everything=True) == []
    assert cache.store(make_key(batch=2), DATA)
    assert temporary in names(cache.folder)
    process.kill()
    process.communicate()
    assert cache.store(make_key(batch=2), DATA)
    assert temporary not in names(cache.folder)


# The lock itself.

def test_a_lock_is_of_one_holder(tmp_path):
    path = tmp_path / 'x.lock'
    with hold_lock(path, 0, 'works') as first, hold_lock(path, 0, 'works') as second:
        assert (first, second) == (True, False)
        assert not remove_unlocked(path)
    assert not path.exists()
    with hold_lock(path, 0, 'works') as third:
        assert third


def test_who_waited_holds_the_lock_that_others_see(tmp_path):
    path, seen = tmp_path / 'x.lock', []

    def wait():
        with hold_lock(path, 5, 'works') as held:
            seen.extend([held, path.exists(), remove_unlocked(path)])
    thread = threading.Thread(target=wait)
    with hold_lock(path, 0, 'works'):
        thread.start()
        time.sleep(0.05)
    thread.join()
    assert seen == [True, True, False]
    assert not path.exists()


def test_threads_of_a_process_build_an_engine_once(cache):
    built, found = [], []

    def build():
        built.append(1)
        time.sleep(0.1)
        return os.urandom(100)
    threads = [threading.Thread(target=lambda: found.append(cache.get_or_build(KEY, build).data))
               for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [1]
    assert found == [cache.load(KEY)] * 3


def test_a_lock_ends_with_an_error(tmp_path):
    path = tmp_path / 'x.lock'
    with pytest.raises(KeyError), hold_lock(path, 0, 'works'):
        raise KeyError
    assert not path.exists()


@pytest.mark.parametrize('make', [lambda path: path.mkdir(), lambda path: path.symlink_to('x')])
def test_what_cannot_be_locked_is_gone_on_without(tmp_path, make):
    make(tmp_path / 'x.lock')
    with hold_lock(tmp_path / 'x.lock', 5, 'works') as held:
        assert not held
    with hold_lock(tmp_path / 'no' / 'folder', 5, 'works') as held:
        assert not held


def test_an_operating_system_without_locks(tmp_path, monkeypatch, cache):
    monkeypatch.setitem(sys.modules, 'fcntl', None)
    with hold_lock(tmp_path / 'x.lock', 5, 'works') as held:
        assert not held
    made = cache.get_or_build(KEY, lambda: DATA)
    assert made.kept
    assert cache.load(KEY) == DATA
    assert cache.store(KEY, b'new')
