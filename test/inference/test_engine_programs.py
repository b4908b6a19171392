"""Engines in the life of a matcher: built, kept, tried, refused, swapped in; on the CPU."""
import logging
import threading
import time

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from cpu_engine import CpuEngineBackend, shifted  # noqa: E402
from tiny_nano import textured_pair  # noqa: E402

from panmatch_ros.checkpoints.nano_graphs import find_nano  # noqa: E402
from panmatch_ros.core.errors import EngineError  # noqa: E402
from panmatch_ros.inference.backends.onnxruntime_backend import OnnxRuntimeBackend  # noqa: E402
from panmatch_ros.inference.engine_cache import EngineCache  # noqa: E402
from panmatch_ros.inference.engine_programs import EnginePrograms  # noqa: E402
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions  # noqa: E402
from panmatch_ros.inference.nano_source import NanoSource  # noqa: E402
from panmatch_ros.inference.programs import Programs  # noqa: E402

IMAGES = textured_pair(60, 120)
SIZE = (64, 128)  # of what the network sees
PARTS = ['encoder', 'flow', 'refine']


@pytest.fixture
def source(nano_folder):
    return NanoSource(find_nano(nano_folder))


@pytest.fixture
def make(nano_folder, source, tmp_path):
    """Make a matcher whose engines are of a back-end."""
    def make(backend, **options):
        meanwhile = Programs(source, OnnxRuntimeBackend(1))
        programs = EnginePrograms(source, backend, meanwhile, EngineCache(tmp_path / 'engines'),
                                  notes={'matcher': 'nano'}, **options)
        return NanoMatcher(NanoOptions(weights=nano_folder), programs)
    return make


@pytest.fixture(scope='module')
def expected(nano_folder):
    return NanoMatcher(NanoOptions(weights=nano_folder, threads=1)).match(*IMAGES).flow


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_engine_is_built_tried_kept_and_found_again(make, expected, tmp_path, caplog):
    backend = CpuEngineBackend()
    matcher = make(backend)
    with caplog.at_level(logging.INFO):
        np.testing.assert_array_equal(matcher.match(*IMAGES).flow, expected)
    assert backend.built == [(part, SIZE) for part in PARTS]
    assert (matcher.backend, matcher.status) == ('cpu_engine', '')
    assert 'the engine for flow at 64x128 is built' in caplog.text
    assert 'parity: mean 0 px' in caplog.text
    (entry,) = EngineCache(tmp_path / 'engines').entries()
    assert (entry.key.size, entry.key.backend) == (SIZE, 'cpu_engine')
    assert entry.key.settings == 'encoder+flow+refine none'
    assert entry.notes['matcher'] == 'nano'
    second = CpuEngineBackend()
    np.testing.assert_array_equal(make(second).match(*IMAGES).flow, expected)
    assert (second.built, second.opened) == ([], backend.opened)


def test_what_became_of_the_engines_is_known(make):
    """Before the first image the matcher said that the other back-end computes."""
    matcher = make(CpuEngineBackend())
    matcher.prepare('flow', (60, 120))
    matcher.prepare('flow', (64, 128))
    programs = matcher.programs
    assert programs.prepared == [('flow', SIZE)] * 2
    (engine,) = programs.engines.values()
    assert (engine.built, engine.kept, engine.verdict.accepted) == (True, True, True)
    assert engine.verdict.mean_px == 0
    assert engine.seconds > 0
    assert (matcher.backend, matcher.status) == ('cpu_engine', '')
    again = make(CpuEngineBackend())
    again.prepare('flow', (60, 120))
    (found,) = again.programs.engines.values()
    assert (found.built, found.kept) == (False, True)


@pytest.mark.parametrize(('error', 'is_logged'), [
    (EngineError('no converter'), False), (RuntimeError('CUDA error'), True)])
def test_who_prepares_is_told_by_an_error(make, caplog, error, is_logged):
    matcher = make(CpuEngineBackend(fails=error))
    with pytest.raises(EngineError, match=str(error)):
        matcher.prepare('flow', (60, 120))
    assert ('no engine for flow at 64x128' in caplog.text) == is_logged
    assert ('Traceback' in caplog.text) == is_logged
    assert matcher.programs.prepared == []
    assert matcher.backend == 'onnxruntime'


def test_each_task_and_size_has_its_engine(make, tmp_path):
    backend = CpuEngineBackend()
    matcher = make(backend)
    matcher.prepare('stereo', (60, 120))
    matcher.prepare('stereo', (64, 128))  # the same for the network
    matcher.prepare('flow', (60, 120))
    matcher.prepare('flow', (100, 120))
    assert len(backend.built) == 9
    assert {entry.key.settings.split()[0] for entry in EngineCache(tmp_path / 'engines').entries()
            } == {'encoder+stereo+refine', 'encoder+flow+refine'}


@pytest.mark.parametrize('change', [{'version': '2'}, {'precision': 'fp16'}])
def test_an_engine_of_another_library_or_precision_is_not_used(make, change):
    make(CpuEngineBackend()).prepare('flow', (60, 120))
    other = CpuEngineBackend(**change)
    make(other).prepare('flow', (60, 120))
    assert len(other.built) == 3


def test_while_an_engine_is_built_the_other_backend_computes(make, expected):
    wait = threading.Event()
    backend = CpuEngineBackend(wait=wait)
    matcher = make(backend, background=True)
    stream = matcher.stream()
    assert stream.next(IMAGES[0]) is None
    np.testing.assert_array_equal(stream.next(IMAGES[1]).flow, expected)
    assert backend.building.wait(60)
    assert matcher.backend == 'onnxruntime'
    assert 'cpu_engine flow at 64x128: the engine is being made' in matcher.status
    assert 'onnxruntime computes meanwhile' in matcher.status
    wait.set()
    wait_for(lambda: not matcher.programs.status)
    # The features that the stream kept are of the other back-end.
    assert stream.next(IMAGES[0]).flow.shape == (60, 120, 2)
    np.testing.assert_array_equal(matcher.match(*IMAGES).flow, expected)
    assert (matcher.backend, matcher.status) == ('cpu_engine', '')
    assert len(backend.built) == 3


def test_prepare_does_not_wait_for_what_is_built_in_the_background(make):
    wait = threading.Event()
    matcher = make(CpuEngineBackend(wait=wait), background=True)
    matcher.prepare('flow', (60, 120))
    assert 'being made' in matcher.status
    wait.set()
    wait_for(lambda: not matcher.programs.status)


@pytest.mark.parametrize('background', [False, True])
def test_an_engine_that_computes_wrongly_is_refused(make, expected, tmp_path, caplog, background):
    backend = CpuEngineBackend(change=shifted)
    matcher = make(backend, background=background)
    np.testing.assert_array_equal(matcher.match(*IMAGES).flow, expected)
    wait_for(lambda: 'refused' in matcher.programs.status)
    np.testing.assert_array_equal(matcher.match(*IMAGES).flow, expected)
    assert matcher.backend == 'onnxruntime'
    assert 'onnxruntime computes instead: the engine that was built is refused: mean 1.414 px ' \
        '(at most' in matcher.status
    assert len(backend.built) == 3  # it is not tried again with every image
    assert not EngineCache(tmp_path / 'engines').entries()
    assert caplog.text.count('no engine for flow at 64x128') == 1


def test_an_engine_that_went_wrong_since_is_built_anew(make, expected, caplog):
    make(CpuEngineBackend()).prepare('flow', (60, 120))
    backend = CpuEngineBackend()
    calls = []

    def wrong_at_first(found):
        calls.append(1)
        return shifted(found) if len(calls) <= 4 else found  # encoder twice, flow, refine
    backend.change = wrong_at_first
    matcher = make(backend)
    np.testing.assert_array_equal(matcher.match(*IMAGES).flow, expected)
    assert 'is refused and built anew: mean 1.414 px' in caplog.text
    assert len(backend.built) == 3
    assert matcher.backend == 'cpu_engine'


@pytest.mark.parametrize('error', [EngineError('no converter for aten::what'),
                                   RuntimeError('CUDA error\nwith many lines')])
def test_an_engine_that_cannot_be_built(make, expected, error):
    matcher = make(CpuEngineBackend(fails=error))
    np.testing.assert_array_equal(matcher.match(*IMAGES).flow, expected)
    first_line = str(error).partition('\n')[0]
    assert matcher.status == (f'cpu_engine flow at 64x128: onnxruntime computes instead: '
                              f'{first_line}')
    with pytest.raises(EngineError, match=first_line):
        matcher.prepare('flow', (60, 120))


def test_nothing_is_built_where_that_is_not_allowed(make, expected):
    backend = CpuEngineBackend()
    matcher = make(backend, allow_build=False)
    np.testing.assert_array_equal(matcher.match(*IMAGES).flow, expected)
    assert 'allow_engine_build is off; make it with `panmatch engine build`' in matcher.status
    assert backend.built == []
    make(backend).prepare('flow', (60, 120))
    again = make(CpuEngineBackend(), allow_build=False)
    np.testing.assert_array_equal(again.match(*IMAGES).flow, expected)
    assert again.backend == 'cpu_engine'
    wrong = make(CpuEngineBackend(change=shifted), allow_build=False)
    np.testing.assert_array_equal(wrong.match(*IMAGES).flow, expected)
    assert 'the engine that was found is refused: mean 1.414 px' in wrong.status


def test_a_damaged_engine_is_built_anew(make, expected, tmp_path, caplog):
    make(CpuEngineBackend()).prepare('flow', (60, 120))
    (path,) = (tmp_path / 'engines').glob('*.engine')
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    backend = CpuEngineBackend()
    np.testing.assert_array_equal(make(backend).match(*IMAGES).flow, expected)
    assert len(backend.built) == 3
    assert 'is not used and removed' in caplog.text


def test_a_cache_that_takes_nothing_is_no_obstacle(make, expected, tmp_path, caplog):
    (tmp_path / 'engines').write_text('a file where the folder should be')
    backend = CpuEngineBackend()
    np.testing.assert_array_equal(make(backend).match(*IMAGES).flow, expected)
    assert 'takes no engine' in caplog.text


def test_what_is_kept_must_be_whole(make, source, tmp_path, expected, caplog):
    """A file of the right key and check sum with something else in it."""
    backend = CpuEngineBackend()
    matcher = make(backend)
    matcher.programs.cache.store(matcher.programs.key('flow', SIZE), b'no zip file')
    np.testing.assert_array_equal(matcher.match(*IMAGES).flow, expected)
    assert 'does not hold what it should' in caplog.text
    assert len(backend.built) == 3


def test_large_motion_uses_an_engine_for_each_size(make, nano_folder):
    matcher = make(CpuEngineBackend())
    large = matcher.with_options(NanoOptions(weights=nano_folder, large_motion=True))
    large.match(*textured_pair(128, 256))
    built = matcher.programs.engine_backend.built
    assert {size for _, size in built} == {(128, 256), (64, 128)}


def test_a_bad_stereo_pair_asks_for_no_engine_of_flow(make):
    """The look at the order of the images is one at flow."""
    matcher = make(CpuEngineBackend())
    black = np.zeros((60, 120, 3), np.uint8)
    assert matcher.match_stereo(black, black).confidence.max() == 0
    assert {part for part, _ in matcher.programs.engine_backend.built} == {
        'encoder', 'stereo', 'refine'}
