"""``panmatch engine build``, with engines on the CPU in the place of TensorRT."""
import functools
from importlib.util import find_spec
import re

import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from cpu_engine import CpuEngineBackend, shifted, use_instead_of_tensorrt  # noqa: E402
from tiny_nano import write_graphs  # noqa: E402
from tiny_network import write_tiny  # noqa: E402

from panmatch_ros.cli.options import file_size  # noqa: E402
from panmatch_ros.core.errors import EngineError  # noqa: E402
from panmatch_ros.inference import runtime  # noqa: E402
from panmatch_ros.inference.backends.torch_backend import TorchProgram  # noqa: E402
from panmatch_ros.inference.engine_cache import EngineCache  # noqa: E402

EXACT = ('parity: mean 0 px, p99 0 px, max 0 px, share off by more than 0.1 px 0, confidence 0')
WRONG = ('the engine that was built is refused: mean 1.414 px (at most 0.01), p99 1.414 px (at '
         'most 0.05), max 1.414 px, share off by more than 0.1 px 1 (at most 0.002), confidence '
         '0; use another back-end or precision')


@pytest.fixture(scope='module')
def graphs(tmp_path_factory):
    return write_graphs(tmp_path_factory.mktemp('nano'))


@pytest.fixture
def backend(monkeypatch):
    return use_instead_of_tensorrt(monkeypatch, CpuEngineBackend())


@pytest.fixture
def cache(tmp_path):
    return tmp_path / 'cache'


@pytest.fixture
def build(panmatch, graphs, cache):
    def build(*arguments):
        return panmatch('engine', 'build', '--weights', graphs, '--cache', cache, *arguments)
    return build


def entry_of(cache, part='flow', size=(64, 128)):
    (entry,) = [each for each in EngineCache(cache).entries()
                if each.key.settings.startswith(f'encoder+{part}+') and each.key.size == size]
    return entry


def file_of(entry):
    return f'{entry.path.name} {file_size(entry.file_bytes)}'


def test_both_tasks_are_built_and_found_again(build, backend, cache):
    result = build('--size', '64x128')
    assert result.status == 0, result.err
    stereo, flow, last = result.out.splitlines()
    built = [re.sub(r'built in \d+\.\d s', 'built in # s', line) for line in (stereo, flow)]
    files = [file_of(entry_of(cache, part)) for part in ('stereo', 'flow')]
    assert built == [f'stereo 64x128: built in # s; {EXACT}; {files[0]}',
                     f'flow 64x128: built in # s; {EXACT}; {files[1]}']
    assert last == f'2 engines for nano: {cache}'
    assert result.err.splitlines() == [
        'panmatch engine: nano with cpu_engine, fp32, on a CPU',
        'panmatch engine: stereo 64x128: building takes minutes if there is no engine',
        'panmatch engine: flow 64x128: building takes minutes if there is no engine']
    assert [entry.notes['matcher'] for entry in EngineCache(cache).entries()] == ['nano'] * 2

    backend.built.clear()
    result = build('--size', '64x128', '--task', 'flow')
    assert result.status == 0
    assert result.out.splitlines() == [
        f'flow 64x128: found; {EXACT}; {files[1]}', f'1 engine for nano: {cache}']
    assert backend.built == []


def test_sizes_that_are_one_for_the_network(build, backend, cache):
    result = build('--task', 'flow', '--size', '60x120', '--size', '64x128', '--size', '80x64',
                   '--size', '60x120')
    assert result.status == 0, result.err
    first, second, third, last = result.out.splitlines()
    assert re.match(r'flow 60x120: built in \d+\.\d s; the network sees 64x128; parity: ', first)
    assert second.startswith('flow 64x128: found; parity: mean 0 px')
    assert re.match(r'flow 80x64: built in \d+\.\d s; parity: ', third)
    assert first.split('; ')[-1] == second.split('; ')[-1] == file_of(entry_of(cache))
    assert third.split('; ')[-1] == file_of(entry_of(cache, size=(80, 64)))
    assert last == f'2 engines for nano: {cache}'
    assert len(backend.built) == 6


def test_modes_of_nano_have_other_sizes(build, backend):
    assert build('--task', 'stereo', '--size', '128x256', '--large-motion').out.splitlines()[
        1].startswith('stereo 128x256: built in ')
    assert {size for _, size in backend.built} == {(128, 256), (64, 128)}
    backend.built.clear()
    result = build('--task', 'stereo', '--size', '64x128', '--detail')
    assert 'the network sees 96x192' in result.out
    assert {size for _, size in backend.built} == {(96, 192)}
    result = build('--task', 'stereo', '--size', '256x512', '--max-side', '256')
    assert 'stereo 256x512: ' in result.out
    assert 'the network sees 128x256' in result.out


def test_an_engine_that_computes_wrongly_is_refused(build, backend, cache, caplog):
    backend.change = shifted
    result = build('--size', '64x128', '--task', 'flow')
    assert result.status == 1
    assert result.out.splitlines() == [f'flow 64x128: failed: {WRONG}',
                                       f'0 engines for nano: {cache}']
    assert result.err.splitlines()[-1] == 'panmatch engine: error: 1 of 1 failed, see above'
    assert not EngineCache(cache).entries()
    assert 'computes instead' not in caplog.text  # nothing does


def test_the_others_are_built_if_one_fails(build, backend, cache):
    build_graph = backend.build

    def fail_at_one_size(graph):
        if graph.size == (80, 64):
            raise EngineError('no converter for aten::what\nand more')
        return build_graph(graph)
    backend.build = fail_at_one_size
    result = build('--size', '80x64', '--size', '64x128', '--task', 'flow')
    assert result.status == 1
    failed, built, last = result.out.splitlines()
    assert failed == 'flow 80x64: failed: no converter for aten::what'
    assert built.endswith(f'; {file_of(entry_of(cache))}')
    assert last == f'1 engine for nano: {cache}'
    assert result.err.splitlines()[-1] == 'panmatch engine: error: 1 of 2 failed, see above'


def test_an_error_of_the_library_is_a_line_and_a_traceback(build, backend, caplog):
    backend.fails = RuntimeError('CUDA error\nwith many lines')
    result = build('--size', '64x128', '--task', 'flow')
    assert result.status == 1
    assert result.out.splitlines()[0] == 'flow 64x128: failed: CUDA error'
    assert 'Traceback' in caplog.text


def test_images_that_the_network_does_not_take(build, backend):
    result = build('--size', '4x128', '--task', 'flow')
    assert result.status == 1
    assert result.out.startswith('flow 4x128: failed: the nano network needs images of at least')
    assert backend.built == []


def test_engines_that_are_not_kept(build, backend, cache, monkeypatch, caplog):
    monkeypatch.setattr(runtime, 'EngineCache', functools.partial(EngineCache, max_bytes=1000))
    result = build('--size', '64x128', '--task', 'flow')
    assert result.status == 1
    assert result.out.splitlines()[0].endswith('; NOT KEPT')
    assert result.out.splitlines()[1] == f'0 engines for nano: {cache}'
    assert result.err.splitlines()[-1] == (
        'panmatch engine: error: 1 not kept, or removed again for others: engines may have 1.0 '
        'kB together; see also the warnings above')
    assert 'is not kept, it is built anew' in caplog.text


def test_engines_that_were_removed_for_later_ones(build, backend, cache, monkeypatch):
    build('--size', '64x128', '--task', 'flow')
    enough = entry_of(cache).file_bytes * 3 // 2
    monkeypatch.setattr(runtime, 'EngineCache', functools.partial(EngineCache, max_bytes=enough))
    result = build('--size', '64x128', '--size', '80x64', '--task', 'flow')
    assert result.status == 1
    assert 'error: 1 not kept, or removed again' in result.err
    assert result.out.splitlines()[-1] == f'1 engine for nano: {cache}'
    assert [entry.key.size for entry in EngineCache(cache).entries()] == [(80, 64)]


def test_a_folder_that_takes_no_engines_is_found_before_any_work(build, backend, cache):
    cache.write_text('a file')
    result = build('--size', '64x128')
    assert (result.status, result.out) == (1, '')
    assert f'{cache} takes no engines: {cache} is not a folder; name another' in result.err
    assert backend.built == []


class ModuleBackend(CpuEngineBackend):
    """The same with modules of PyTorch, as exporting the PanMatch network takes long."""

    def build(self, graph):
        self.built.append((graph.part, graph.size))
        return b'module'

    def open(self, engine, graph):
        assert engine == b'module'
        return TorchProgram(graph.module(), graph, torch.device('cpu'), 'fp32')


def test_the_panmatch_network_has_one_engine_for_both_tasks(panmatch, monkeypatch, cache,
                                                            tmp_path):
    from panmatch_ros.inference.backends.torch_backend import TorchBackend
    backend = use_instead_of_tensorrt(monkeypatch, ModuleBackend())
    monkeypatch.setattr(runtime, 'meanwhile', lambda _: TorchBackend('cpu', 'fp32'))
    weights = write_tiny(tmp_path / 'tiny.safetensors')
    command = ('engine', 'build', '--matcher', 'panmatch', '--weights', weights, '--cache', cache)
    result = panmatch(*command, '--size', '100x110')
    assert result.status == 0, result.err
    stereo, flow, last = result.out.splitlines()
    (entry,) = EngineCache(cache).entries()
    assert re.match(r'stereo 100x110: built in \d+\.\d s; the network sees 112x112; parity: mean '
                    '0 px', stereo)
    assert flow.startswith('flow 100x110: found; the network sees 112x112; parity: mean 0 px')
    assert stereo.endswith(file_of(entry))
    assert flow.endswith(file_of(entry))
    assert last == f'1 engine for panmatch_tiny: {cache}'
    assert entry.key.settings == 'encoder+match none'
    assert backend.built == [('encoder', (112, 112)), ('match', (112, 112))]

    result = panmatch(*command, '--size', '500x800', '--tiles', 'always', '--task', 'flow')
    assert result.status == 0, result.err
    assert 'the network sees 448x448' in result.out


# Without engines.

@pytest.mark.parametrize('arguments', [
    (), ('--size', '64'), ('--size', '64x80', '--task', 'depth'),
    ('--size', '64x80', '--matcher', 'classical'), ('--size', '64x80', '--matcher', 'auto'),
    ('--size', '64x80', '--precision', 'int8'), ('--size', '64x80', '--backend', 'x'),
    ('--size', '64x80', '--all'), ('--size', '64x80', '--allow-fallback')])
def test_wrong_command_line(panmatch, arguments):
    result = panmatch('engine', 'build', *arguments)
    assert result.status == 2
    assert 'usage: panmatch' in result.err


@pytest.mark.parametrize(('arguments', 'text'), [
    *[(['--backend', name],
       f'the back-end {name} has no engines; choose tensorrt or onnx_tensorrt\n')
      for name in ('auto', 'onnxruntime', 'openvino', 'torch')],
    (['--tiles', 'always'], '--tiles is for the PanMatch network, and the matcher is nano'),
    (['--matcher', 'panmatch', '--detail'], '--detail is for the nano network'),
    (['--matcher', 'panmatch_s'], 'matcher panmatch_s needs weights, none are given'),
    (['--weights', '/no/such/folder'], '/no/such/folder'),
])
def test_what_cannot_be_built_is_one_line(panmatch, tmp_path, arguments, text):
    result = panmatch('engine', 'build', '--size', '64x80', '--cache', tmp_path / 'c', *arguments)
    assert (result.status, result.out) == (1, '')
    assert result.err.startswith('panmatch engine: error: ')
    assert text in result.err
    assert len(result.err.splitlines()) == 1
    assert not (tmp_path / 'c').exists()


@pytest.mark.parametrize(('backend', 'packages'), [
    ('tensorrt', ['torch_tensorrt', 'tensorrt']), ('onnx_tensorrt', ['tensorrt'])])
def test_without_tensorrt_the_error_names_what_is_missing(build, backend, packages, cache):
    absent = [name for name in packages if find_spec(name) is None]
    if not absent:
        pytest.skip('needs a machine without ' + ' and '.join(packages))
    result = build('--size', '64x128', '--backend', backend)
    assert (result.status, result.out) == (1, '')
    assert result.err.startswith(f'panmatch engine: error: the backend {backend} cannot be used: ')
    for name in absent:
        assert f'{name} is not installed' in result.err
    if not torch.cuda.is_available():
        assert f'PyTorch {torch.__version__} finds no CUDA device' in result.err
    assert 'pip install' in result.err
    assert len(result.err.splitlines()) == 1
    assert not cache.exists()
