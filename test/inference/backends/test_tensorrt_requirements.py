"""What is missing for TensorRT is said all at once; errors of libraries become one line."""
from importlib.machinery import ModuleSpec
import sys
from types import ModuleType, SimpleNamespace

import pytest

from panmatch_ros.core.errors import (
    ConfigError,
    EngineError,
    FormatError,
    ImageError,
    MissingDependencyError,
)
from panmatch_ros.inference.backends import tensorrt_requirements
from panmatch_ros.inference.backends.onnx_tensorrt_backend import OnnxTensorRtBackend
from panmatch_ros.inference.backends.tensorrt_backend import TorchTensorRtBackend
from panmatch_ros.inference.backends.tensorrt_requirements import (
    choose_precision,
    driver_version,
    engine_errors,
)
from panmatch_ros.inference.engine_key import EngineKey

torch = pytest.importorskip('torch', reason='torch is not installed')


def library(name, version='10.3.0'):
    module = ModuleType(name)
    module.__spec__, module.__version__ = ModuleSpec(name, None), version
    return module


@pytest.fixture
def installed(monkeypatch):
    """Say which libraries are installed: their modules by name, None for one that is not."""
    def install(**modules):
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)
    return install


def message_of(kind):
    with pytest.raises(MissingDependencyError) as info:
        kind()
    assert '\n' not in str(info.value)
    return str(info.value)


def test_all_that_is_missing_is_named_with_what_to_install(installed):
    installed(torch=None, torch_tensorrt=None, tensorrt=None)
    text = message_of(TorchTensorRtBackend)
    assert text.startswith('the backend tensorrt cannot be used: PyTorch (torch) is not '
                           'installed; torch_tensorrt is not installed; tensorrt is not '
                           'installed. On a PC: `pip install torch torch-tensorrt`;')
    assert 'Jetson needs is in docs/deployment.md' in text


def test_tensorrt_alone_needs_pytorch_too(installed):
    installed(torch=None, tensorrt=None)
    text = message_of(OnnxTensorRtBackend)
    assert text.startswith('the backend onnx_tensorrt cannot be used: PyTorch (torch) is not '
                           'installed; tensorrt is not installed. On a PC: `pip install torch '
                           'tensorrt`;')
    assert 'torch_tensorrt' not in text


@pytest.mark.parametrize(('cuda', 'reason'), [(None, ', as it is built without CUDA'),
                                              ('12.6', '')])
def test_a_missing_device_is_said_before_anything_is_imported(installed, monkeypatch, cuda,
                                                              reason):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch.version, 'cuda', cuda)
    installed(tensorrt=library('tensorrt'))
    text = message_of(OnnxTensorRtBackend)
    assert f'cannot be used: PyTorch {torch.__version__} finds no CUDA device{reason}. ' in text


def test_a_library_that_does_not_load_is_an_error_with_its_reason(monkeypatch, tmp_path):
    (tmp_path / 'tensorrt.py').write_text('raise OSError("libnvinfer.so.10: no such file\\nx")')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'tensorrt', raising=False)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    assert 'tensorrt cannot be imported (libnvinfer.so.10: no such file). ' in message_of(
        OnnxTensorRtBackend)


def test_an_old_tensorrt_is_refused(installed, monkeypatch):
    installed(tensorrt=library('tensorrt', '8.6.1'))
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    assert 'TensorRT 8.6.1 is installed, and 10 or later is needed. ' in message_of(
        OnnxTensorRtBackend)


def test_a_module_without_specification_counts_as_installed(installed, monkeypatch):
    module = ModuleType('tensorrt')
    module.__version__ = '7.0'
    installed(tensorrt=module)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    assert 'TensorRT 7.0 is installed' in message_of(OnnxTensorRtBackend)


def test_precisions(cuda, monkeypatch):
    assert choose_precision('auto') == 'fp16'
    assert choose_precision('auto', 'fp32') == 'fp32'
    assert choose_precision('bf16') == 'bf16'
    with pytest.raises(ConfigError, match=r"auto or one of fp32, fp16, bf16, got 'int8'"):
        choose_precision('int8')
    monkeypatch.setattr(cuda, 'get_device_capability', lambda: (7, 5))
    assert choose_precision('fp16') == 'fp16'
    with pytest.raises(ConfigError, match='bf16: the device NVIDIA Test 1 has no bfloat16'):
        choose_precision('bf16')


@pytest.mark.parametrize(('text', 'version'), [
    ('570.86.10\n', '570.86.10'),
    ('NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 2024\nGCC version:  '
     'gcc version 12.3.0\n', '550.54.14'),
    ('NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build\n',
     '540.4.0')])
def test_driver_version_of_its_files(monkeypatch, tmp_path, text, version):
    path = tmp_path / 'version'
    path.write_text(text)
    monkeypatch.setattr(tensorrt_requirements, 'DRIVER_FILES', (str(tmp_path / 'x'), str(path)))
    assert driver_version() == version


class Cuda:
    """The library of the driver."""

    def __init__(self, version, status=0):
        self.version, self.status = version, status

    def cuDriverGetVersion(self, reference):
        reference._obj.value = self.version
        return self.status


@pytest.mark.parametrize(('cuda', 'version'), [
    (Cuda(12060), 'CUDA 12.6'), (Cuda(13020), 'CUDA 13.2'), (Cuda(0, 999), ''),
    (SimpleNamespace(), ''), (None, '')])
def test_driver_version_without_files(monkeypatch, tmp_path, cuda, version):
    def load(name):
        if cuda is None:
            raise OSError(f'{name}: cannot open shared object file')
        return cuda
    monkeypatch.setattr(tensorrt_requirements, 'DRIVER_FILES', (str(tmp_path),))
    monkeypatch.setattr(tensorrt_requirements.ctypes, 'CDLL', load)
    assert driver_version() == version


def test_the_description_makes_a_key(cuda, monkeypatch):
    monkeypatch.setattr(tensorrt_requirements, 'driver_version', lambda: '570.1')
    about = tensorrt_requirements.describe_device()
    assert about == {'device': 'NVIDIA Test 1', 'compute_capability': '8.7', 'driver': '570.1'}
    EngineKey('a' * 64, 'b' * 64, (16, 16), 'fp16', 'tensorrt', **about)


@pytest.mark.parametrize(('error', 'kind', 'text'), [
    (RuntimeError('no converter\nfor x'), EngineError, r'^A cannot: no converter$'),
    (AssertionError(), EngineError, '^A cannot: AssertionError$'),
    (RuntimeError('CUDA out of memory. Tried'), ImageError, 'not enough memory.*CUDA out of'),
    (RuntimeError('x: Error Code 2: OutOfMemory (no further information)'), ImageError,
     'not enough memory'),
    (MemoryError(), ImageError, 'not enough memory'),
    (FormatError('ours'), FormatError, '^ours$')])
def test_errors_of_libraries(error, kind, text):
    with pytest.raises(kind, match=text) as info, engine_errors('A cannot'):
        raise error
    assert type(info.value) is kind
