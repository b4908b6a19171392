"""Which back-end computes: what is asked for, or the best that can, and what is said of it."""
import logging
import sys

import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

from panmatch_ros.core.errors import ConfigError, MissingDependencyError
from panmatch_ros.inference.backends import choose, torch_backend
from panmatch_ros.inference.backends.choose import choose_backend, default_threads
from panmatch_ros.inference.runtime_options import RuntimeOptions


class Device:
    def __init__(self, kind):
        self.type = kind


@pytest.fixture
def machine(monkeypatch):
    """Say whether there is a driver of NVIDIA, and what PyTorch finds."""
    def machine(driver, torch_device):
        monkeypatch.setattr(choose, 'has_nvidia_device', lambda: driver)

        def find(name):
            if name == 'cuda' and torch_device != 'cuda':
                raise ConfigError('device cuda: PyTorch finds no CUDA device')
            return Device('cpu' if name == 'cpu' else torch_device)
        monkeypatch.setattr(torch_backend, 'find_device', find)
    return machine


@pytest.mark.parametrize(('driver', 'torch_device', 'options', 'expected'), [
    (False, 'cpu', {}, ('onnxruntime', 'cpu', 'fp32')),
    (True, 'cuda', {}, ('torch', 'cuda', 'fp32')),
    (True, 'cpu', {}, ('onnxruntime', 'cpu', 'fp32')),  # PyTorch without CUDA
    (True, 'cuda', {'device': 'cpu'}, ('onnxruntime', 'cpu', 'fp32')),
    (True, 'cuda', {'precision': 'fp16'}, ('torch', 'cuda', 'fp16')),
    (False, 'cpu', {'precision': 'bf16'}, ('torch', 'cpu', 'bf16')),
    (False, 'cuda', {'device': 'cuda'}, ('torch', 'cuda', 'fp32')),
    (True, 'cuda', {'backend': 'onnxruntime'}, ('onnxruntime', 'cpu', 'fp32')),
    (True, 'cuda', {'backend': 'torch', 'device': 'cpu'}, ('torch', 'cpu', 'fp32')),
])
def test_choices(machine, driver, torch_device, options, expected):
    machine(driver, torch_device)
    backend = choose_backend(RuntimeOptions(**options))
    assert (backend.name, backend.device, backend.precision) == expected


def test_a_device_that_is_not_there(machine):
    machine(False, 'cpu')
    with pytest.raises(ConfigError, match='finds no CUDA device'):
        choose_backend(RuntimeOptions(device='cuda'))


@pytest.mark.parametrize('name', ['tensorrt', 'onnx_tensorrt'])
def test_what_is_missing_for_tensorrt_is_said(name, caplog):
    if sys.modules.get('torch').cuda.is_available():
        pytest.skip('there is a CUDA device')
    with pytest.raises(MissingDependencyError) as caught:
        choose_backend(RuntimeOptions(backend=name))
    text = str(caught.value)
    assert f'the backend {name} cannot be used: PyTorch ' in text
    assert 'finds no CUDA device' in text
    assert 'tensorrt is not installed' in text
    assert 'docs/deployment.md' in text
    assert 'pip install' in text
    with caplog.at_level(logging.WARNING):
        backend = choose_backend(RuntimeOptions(backend=name, precision='fp16',
                                                allow_fallback=True))
    assert (backend.name, backend.precision) == ('onnxruntime', 'fp32')
    assert f'onnxruntime on the cpu computes instead of {name}: the backend' in caplog.text


def test_a_library_that_is_missing(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    with pytest.raises(MissingDependencyError, match='pip install openvino'):
        choose_backend(RuntimeOptions(backend='openvino'))
    backend = choose_backend(RuntimeOptions(backend='openvino', allow_fallback=True, threads=3))
    assert (backend.name, backend.threads) == ('onnxruntime', 3)
    assert 'onnxruntime on the cpu computes instead of openvino' in caplog.text


@pytest.mark.parametrize(('options', 'text'), [
    ({'backend': 'onnxruntime', 'device': 'cuda'}, 'computes on the CPU; for device cuda use'),
    ({'backend': 'openvino', 'precision': 'bf16'}, 'computes in fp32; for precision bf16 use'),
    ({'backend': 'tensorrt', 'device': 'cpu'}, 'needs a CUDA device, and the device is cpu')])
def test_contradictions_are_errors_even_with_a_fallback(options, text):
    with pytest.raises(ConfigError, match=text):
        choose_backend(RuntimeOptions(allow_fallback=True, **options))


def test_threads_of_this_process(monkeypatch):
    monkeypatch.setattr(choose.os, 'sched_getaffinity', lambda _: set(range(9)), raising=False)
    assert default_threads() == choose.MOST_THREADS
    monkeypatch.setattr(choose.os, 'sched_getaffinity', lambda _: {2}, raising=False)
    assert default_threads() == 1
