"""What is said of engines between calls, and having them before start."""
import threading

import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from cpu_engine import CpuEngineBackend, shifted  # noqa: E402
from tiny_nano import textured_pair  # noqa: E402
from tiny_network import write_tiny  # noqa: E402

from panmatch_ros.core.errors import ConfigError, EngineError  # noqa: E402
from panmatch_ros.inference import runtime  # noqa: E402
from panmatch_ros.inference.auto import AutoMatcher  # noqa: E402
from panmatch_ros.inference.backends.onnxruntime_backend import OnnxRuntimeBackend  # noqa: E402
from panmatch_ros.inference.classical import ClassicalMatcher  # noqa: E402
from panmatch_ros.inference.engine_programs import engines_at_work  # noqa: E402
from panmatch_ros.inference.engine_status import (  # noqa: E402
    EngineStatus,
    engine_status,
    engines_of,
    obtain_engines,
)
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions  # noqa: E402
from panmatch_ros.inference.panmatch import PanMatchMatcher, PanMatchOptions  # noqa: E402

IMAGES = textured_pair(60, 120)


@pytest.fixture
def in_place(monkeypatch):
    """Put a back-end in the place of TensorRT."""
    def in_place(backend, meanwhile='onnxruntime'):
        monkeypatch.setattr(runtime, 'choose_backend', lambda *_: backend)
        if meanwhile == 'onnxruntime':
            monkeypatch.setattr(runtime, 'meanwhile', lambda *_: OnnxRuntimeBackend(1))
        return backend
    return in_place


@pytest.fixture
def options(nano_folder, tmp_path):
    return {'weights': nano_folder, 'backend': 'tensorrt',
            'engine_cache_dir': str(tmp_path / 'engines')}


@pytest.mark.parametrize('make', [
    lambda options: None, lambda options: ClassicalMatcher(),
    lambda options: NanoMatcher(NanoOptions(weights=options['weights'], backend='onnxruntime')),
    lambda options: AutoMatcher()])
def test_without_engines_there_is_nothing_to_say(options, make):
    assert engine_status(make(options)) == EngineStatus('', False)


def test_the_status_changes_without_a_call(in_place, options):
    backend = in_place(CpuEngineBackend(wait=threading.Event()))
    matcher = NanoMatcher(NanoOptions(**options, background_build=True))
    assert engine_status(matcher) == EngineStatus('', False)
    matcher.match(*IMAGES)
    assert backend.building.wait(60)
    assert engines_at_work()
    status = engine_status(matcher)
    assert 'being made since' in status.text
    assert not status.has_failed
    backend.wait.set()
    while engines_at_work():
        pass
    assert engine_status(matcher) == EngineStatus('', False)
    assert 'being made since' in matcher.status  # that of the last call


def test_the_status_of_what_auto_uses(in_place, options):
    in_place(CpuEngineBackend(change=shifted))
    matcher = AutoMatcher(NanoOptions(**options))
    assert engine_status(matcher) == EngineStatus('', False)
    matcher.match(*IMAGES)
    status = engine_status(matcher)
    assert status.has_failed
    assert 'is refused: mean 1.414 px' in status.text


def test_the_status_of_a_panmatch_network(in_place, tmp_path):
    in_place(CpuEngineBackend(fails=EngineError('no such layer')), meanwhile='torch')
    matcher = PanMatchMatcher.from_weights(PanMatchOptions(
        weights=write_tiny(tmp_path / 'tiny.safetensors'), backend='tensorrt', device='cpu',
        engine_cache_dir=str(tmp_path / 'engines')))
    assert [programs.engine_backend.name for programs in engines_of(matcher)] == ['cpu_engine']
    with pytest.raises(EngineError, match='no such layer'):
        obtain_engines(matcher, 'flow', (96, 128))
    assert engine_status(matcher).has_failed
    assert 'match at 112x' in engine_status(matcher).text


def test_obtained_engines_are_told_line_by_line(in_place, options, tmp_path):
    in_place(CpuEngineBackend())
    folder = tmp_path / 'engines'
    numbers = 'parity: mean 0 px, p99 0 px, max 0 px, share off by more than 0.1 px 0, ' \
        'confidence 0'
    for done in ('built', 'found'):
        assert obtain_engines(NanoMatcher(NanoOptions(**options)), 'flow', (60, 120)) == [
            f'cpu_engine fp32 flow at 64x128: {done} in {folder}; {numbers}']
    large = NanoMatcher(NanoOptions(**options, large_motion=True))
    lines = obtain_engines(large, 'flow', (128, 256))
    assert [line.partition(' in ')[0] for line in lines] == [
        'cpu_engine fp32 flow at 128x256: built', 'cpu_engine fp32 flow at 64x128: found']


def test_engines_of_the_matcher_that_auto_chooses(in_place, options):
    in_place(CpuEngineBackend())
    matcher = AutoMatcher(NanoOptions(**options))
    assert len(obtain_engines(matcher, 'flow', (60, 120))) == 1
    with pytest.raises(ConfigError, match='the matcher classical computes stereo with opencv, '
                                          'which has no engines'):
        obtain_engines(matcher, 'stereo', (60, 120))
    with pytest.raises(ConfigError, match='there is no task'):
        obtain_engines(matcher, 'depth', (60, 120))


def test_engines_that_cannot_be_had(in_place, options, tmp_path):
    in_place(CpuEngineBackend(change=shifted))
    with pytest.raises(EngineError, match=r'refused: mean 1\.414 px'):
        obtain_engines(NanoMatcher(NanoOptions(**options)), 'flow', (60, 120))
    (tmp_path / 'engines').rmdir()
    (tmp_path / 'engines').write_text('a file where the folder should be')
    in_place(CpuEngineBackend())
    with pytest.raises(EngineError, match='the engine was built, but .* takes none'):
        obtain_engines(NanoMatcher(NanoOptions(**options)), 'flow', (60, 120))
