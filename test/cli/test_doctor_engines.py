"""``panmatch doctor``: what engines need, on a healthy and on a broken machine."""
import os

from engines import DATA, make_key
import pytest

from panmatch_ros.cli import doctor_engines, doctor_probe
from panmatch_ros.cli.doctor_probe import MISSING, OK, WARNING, Check
from panmatch_ros.inference.engine_cache import EngineCache


@pytest.fixture
def machine(monkeypatch):
    """Pretend that there is a GPU or not, what is installed, and what probes answer."""
    def pretend(gpu, works=True, answer='', installed=True):
        monkeypatch.setattr(doctor_engines, 'has_nvidia_device', lambda: gpu)
        for module in (doctor_probe, doctor_engines):
            monkeypatch.setattr(module, 'probe', lambda *_: (works, answer))
            monkeypatch.setattr(module, 'is_installed', lambda _: installed)
    return pretend


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path / 'panmatch_ros' / 'engines'


# The device.

def test_a_gpu_that_pytorch_uses(machine):
    machine(True, answer='NVIDIA X, compute capability 8.7, 64.0 GB, CUDA 12.6')
    assert doctor_engines.check_cuda() == Check(
        'CUDA device', OK, 'NVIDIA X, compute capability 8.7, 64.0 GB, CUDA 12.6')


@pytest.mark.parametrize(('gpu', 'installed', 'status', 'detail'), [
    (False, False, MISSING, 'no NVIDIA GPU'),
    (False, True, MISSING, 'no NVIDIA GPU; PyTorch: built without CUDA'),
    (True, False, WARNING, 'an NVIDIA GPU, but PyTorch is not installed'),
    (True, True, WARNING, 'an NVIDIA GPU that PyTorch cannot use: built without CUDA'),
])
def test_a_gpu_that_is_not_there_or_not_used(machine, gpu, installed, status, detail):
    machine(gpu, False, 'AssertionError: built without CUDA', installed)
    check = doctor_engines.check_cuda()
    assert (check.status, check.detail) == (status, detail)
    assert check.advice.startswith('the GPU is not used' if gpu else 'optional: ')


def test_the_probe_on_this_machine():
    torch = pytest.importorskip('torch', reason='torch is not installed')
    works, answer = doctor_probe.probe(doctor_engines.CUDA, 60)
    assert works == torch.cuda.is_available()
    expected = torch.cuda.get_device_name() if works else 'AssertionError: ' + (
        'no CUDA device' if torch.version.cuda else 'built without CUDA')
    assert answer.startswith(expected)


# TensorRT.

@pytest.mark.parametrize(('check', 'name', 'backend'), [
    (doctor_engines.check_tensorrt, 'TensorRT', 'onnx_tensorrt'),
    (doctor_engines.check_torch_tensorrt, 'Torch-TensorRT', 'tensorrt')])
def test_libraries(machine, check, name, backend):
    machine(True, answer='10.3.0')
    assert check() == Check(name, OK, '10.3.0')
    machine(True, installed=False)
    assert (check().status, check().detail) == (MISSING, 'not installed')
    assert check().advice.startswith(f'for --backend {backend}, on a PC `pip install ')
    machine(False, installed=False)
    assert check().advice == 'optional: only for engines on an NVIDIA GPU'
    machine(True, False, 'libnvinfer.so.10: cannot open')
    assert check().status == MISSING
    assert 'it does not work: libnvinfer.so.10: cannot open' in check().detail


def test_a_tensorrt_that_is_too_old(machine):
    machine(True, answer='8.6.2')
    check = doctor_engines.check_tensorrt()
    assert (check.status, check.detail) == (WARNING, '8.6.2; 10 or later is needed')


# The folder of the engines.

def test_a_folder_that_is_not_there_yet(folder):
    assert doctor_engines.check_engine_cache() == Check(
        'engine cache', OK, f'{folder}, made when it is needed')
    assert not folder.exists()


def test_number_and_size_of_the_engines(folder):
    cache = EngineCache()
    cache.store(make_key(), DATA * 2000)
    check = doctor_engines.check_engine_cache()
    assert (check.status, check.detail) == (OK, f'{folder}, 1 engine, 1.54 MB')
    cache.store(make_key(batch=2), DATA)
    cache.path(make_key(batch=2)).write_bytes(b'garbage')
    check = doctor_engines.check_engine_cache()
    assert (check.status, check.detail) == (
        WARNING, f'{folder}, 2 engines, 1.54 MB, 1 cannot be used')
    assert '`panmatch engine clean`' in check.advice


def test_a_folder_that_others_may_write(folder):
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    check = doctor_engines.check_engine_cache()
    assert (check.status, check.detail) == (
        WARNING, f'{folder}, 0 engines, 0.0 kB; others may write there')
    assert f'`chmod 700 {folder}`' in check.advice
    folder.chmod(0o700)
    assert doctor_engines.check_engine_cache().status == OK


def test_a_folder_of_somebody_else(folder, monkeypatch):
    folder.mkdir(parents=True, mode=0o700)
    user = os.geteuid()
    monkeypatch.setattr(os, 'geteuid', lambda: user + 1)
    assert 'others may write there' in doctor_engines.check_engine_cache().detail


def test_a_folder_that_takes_nothing(folder, monkeypatch):
    folder.parent.write_text('a file')
    check = doctor_engines.check_engine_cache()
    assert (check.status, check.detail) == (
        WARNING, f'{folder} takes no engines: {folder.parent} is not a folder')
    assert 'set XDG_CACHE_HOME' in check.advice
    folder.parent.unlink()
    monkeypatch.setattr(os, 'access', lambda *_: False)
    assert doctor_engines.check_engine_cache().detail == (
        f'{folder} takes no engines: {folder.parent.parent} cannot be written')


def test_a_user_without_a_home(monkeypatch):
    from pathlib import Path
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)

    def no_home():
        raise RuntimeError
    monkeypatch.setattr(Path, 'home', no_home)
    check = doctor_engines.check_engine_cache()
    assert (check.status, 'no home folder to keep engines in' in check.detail) == (WARNING, True)
