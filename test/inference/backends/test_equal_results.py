"""All back-ends compute the same, whatever the others have computed before them."""
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from tiny_nano import textured_pair  # noqa: E402
from tiny_network import tiny_model, write_tiny  # noqa: E402

from panmatch_ros.checkpoints.nano_graphs import find_nano  # noqa: E402
from panmatch_ros.core.errors import ConfigError, FormatError  # noqa: E402
from panmatch_ros.inference.backends.base import to_numpy  # noqa: E402
from panmatch_ros.inference.backends.onnxruntime_backend import OnnxRuntimeBackend  # noqa: E402
from panmatch_ros.inference.backends.torch_backend import TorchBackend  # noqa: E402
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions  # noqa: E402
from panmatch_ros.inference.nano_source import NanoSource  # noqa: E402
from panmatch_ros.inference.panmatch import PanMatchMatcher, PanMatchOptions  # noqa: E402
from panmatch_ros.inference.programs import Programs  # noqa: E402
from panmatch_ros.models.nano_parts import INPUTS, OUTPUTS, PARTS  # noqa: E402

SIZE = (64, 128)


@pytest.fixture(scope='module')
def source(nano_folder):
    return NanoSource(find_nano(nano_folder))


def assert_mostly_near(found, expected, tolerance=1e-3):
    """Rounding may choose between two candidates that are equally good, at a few pixels."""
    difference = np.abs(found - expected)
    assert (difference < tolerance).mean() > 0.99
    assert np.median(difference) < 0.05 * tolerance


@pytest.mark.parametrize('part', PARTS)
def test_each_part_of_nano(source, part):
    graph = source.graph(part, SIZE)
    inputs = dict(zip(INPUTS[part], graph.examples(), strict=True))
    assert tuple(inputs) == graph.inputs
    for name, shape in graph.spatial.items():
        assert inputs[name].shape[2:] == shape
    expected = OnnxRuntimeBackend(1).load(graph).run(inputs)
    found = TorchBackend('cpu').load(graph).run(inputs)
    assert set(found) == set(expected) == set(OUTPUTS[part])
    for name in OUTPUTS[part]:
        assert_mostly_near(to_numpy(found[name]), to_numpy(expected[name]))


@pytest.mark.parametrize('task', ['flow', 'stereo'])
def test_the_built_in_pair(source, task):
    expected = source.try_out(Programs(source, OnnxRuntimeBackend(1)), task, SIZE)
    found = source.try_out(Programs(source, TorchBackend('cpu')), task, SIZE)
    assert found[0].shape == (*SIZE, 2)
    assert found[1].shape == SIZE
    for one, other in zip(found, expected, strict=True):
        assert_mostly_near(one, other)


@pytest.mark.parametrize('backend', ['torch', 'openvino'])
def test_the_shipped_network(backend):
    pytest.importorskip(backend, reason=f'{backend} is not installed')
    images = textured_pair(120, 190, (0, -7))
    expected, found = (NanoMatcher(NanoOptions(backend=each, device='cpu', threads=1))
                       for each in ('onnxruntime', backend))
    assert (found.backend, found.precision) == (backend, 'fp32')
    np.testing.assert_allclose(found.match(*images).flow, expected.match(*images).flow, atol=1e-3)
    disparity = found.match_stereo(*images).disparity
    assert np.nanmedian(disparity) == pytest.approx(7, abs=0.1)
    difference = np.abs(disparity - expected.match_stereo(*images).disparity)
    assert (difference < 1e-3).mean() > 0.999  # the filling of hidden pixels has a threshold


def test_a_signal_after_openvino_was_used_is_a_signal(nano_folder):
    """With the last core OpenVINO unloads code that its threads wait in."""
    pytest.importorskip('openvino', reason='openvino is not installed')
    program = f"""
import gc, os, signal, time
import numpy as np
from panmatch_ros.inference.nano import NanoMatcher, NanoOptions
matcher = NanoMatcher(NanoOptions(weights={nano_folder!r}, backend='openvino', threads=1))
matcher.match(*[np.zeros((64, 64), np.uint8)] * 2)
del matcher
gc.collect()
heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append(1))
for _ in range(20):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.02)
print(len(heard))
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                          timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, '20\n'), done.stderr


def test_results_of_one_backend_go_into_another(source):
    """A stream keeps features while an engine takes the place of another back-end."""
    image = np.random.default_rng(0).random((1, 3, *SIZE), np.float32)
    first, second = OnnxRuntimeBackend(1), TorchBackend('cpu')
    features = {backend.name: backend.load(source.graph('encoder', SIZE)).run({'image': image})
                for backend in (first, second)}

    def stereo(backend, left, right):
        inputs = {f'{name}{digit}': value for digit, each in enumerate((left, right))
                  for name, value in features[each.name].items()}
        return to_numpy(backend.load(source.graph('stereo', SIZE)).run(inputs)['flow4'])
    expected = stereo(first, first, first)
    for backend in (first, second):
        assert_mostly_near(stereo(backend, first, second), expected)
        assert_mostly_near(stereo(backend, second, first), expected)


def test_results_stay_when_a_program_runs_again(source):
    rng = np.random.default_rng(0)
    images = [rng.random((1, 3, *SIZE), np.float32) for _ in range(2)]
    for backend in (OnnxRuntimeBackend(1), TorchBackend('cpu')):
        program = backend.load(source.graph('encoder', SIZE))
        first = program.run({'image': images[0]})
        before = to_numpy(first['half']).copy()
        program.run({'image': images[1]})
        np.testing.assert_array_equal(to_numpy(first['half']), before)


def test_iterations_are_those_of_the_graphs(source):
    assert source.network.iterations == tuple(source.graphs.manifest['network']['iterations'])


def test_graphs_without_weights_are_for_onnx_runtime_only(tmp_path, nano_folder):
    for path in Path(nano_folder).iterdir():
        if path.suffix != '.safetensors':
            (tmp_path / path.name).write_bytes(path.read_bytes())
    matcher = NanoMatcher(NanoOptions(weights=str(tmp_path), backend='torch', device='cpu'))
    with pytest.raises(FormatError, match='nano.safetensors is missing: .*onnxruntime'):
        matcher.match(*textured_pair(64, 64))


@pytest.mark.parametrize(('precision', 'most_px'), [('fp16', 0.02), ('bf16', 0.1)])
def test_half_precision_is_near(precision, most_px):
    images = textured_pair(120, 190)
    matchers = [NanoMatcher(NanoOptions(backend='torch', device='cpu', precision=each))
                for each in ('fp32', precision)]
    flows = [matcher.match(*images).flow for matcher in matchers]
    assert matchers[1].precision == precision
    assert 0 < np.abs(flows[0] - flows[1]).mean() < most_px


@pytest.fixture(scope='module')
def tiny_weights(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp('weights') / 'tiny.safetensors',
                      confidence_head=True)


@pytest.mark.slow
def test_panmatch_in_onnx_runtime(tiny_weights, tmp_path):
    pytest.importorskip('onnxscript', reason='onnxscript is not installed')
    images = textured_pair(100, 150)
    cache = tmp_path / 'engines'
    expected = PanMatchMatcher.from_weights(PanMatchOptions(weights=tiny_weights, device='cpu'))
    options = PanMatchOptions(weights=tiny_weights, device='cpu', backend='onnxruntime',
                              engine_cache_dir=str(cache))
    found = PanMatchMatcher.from_weights(options)
    assert (expected.backend, found.backend) == ('torch', 'onnxruntime')
    one, other = found.match(*images), expected.match(*images)
    assert np.abs(other.flow).max() > 0.5
    np.testing.assert_allclose(one.flow, other.flow, atol=1e-3)
    np.testing.assert_allclose(one.confidence, other.confidence, atol=1e-3)
    stream = found.stream()
    assert stream.next(images[0]) is None
    np.testing.assert_allclose(stream.next(images[1]).flow, other.flow, atol=1e-3)
    # The exported graphs are kept.
    before = {path.name: path.stat().st_mtime_ns for path in cache.glob('*.engine')}
    assert len(before) == 2
    again = PanMatchMatcher.from_weights(options)
    again.network.source.model = tiny_model(confidence_head=True)
    again.network.source.model.encode = None  # exporting again would fail
    np.testing.assert_array_equal(again.match(*images).flow, one.flow)
    assert {path.name for path in cache.glob('*.engine')} == set(before)


def test_device_and_precision_that_a_backend_does_not_have(nano_folder):
    for values, text in (({'backend': 'onnxruntime', 'device': 'cuda'}, 'computes on the CPU'),
                         ({'backend': 'openvino', 'precision': 'fp16'}, 'computes in fp32'),
                         ({'backend': 'tensorrt', 'device': 'cpu'}, 'needs a CUDA device')):
        with pytest.raises(ConfigError, match=text):
            NanoMatcher(NanoOptions(weights=nano_folder, **values))
