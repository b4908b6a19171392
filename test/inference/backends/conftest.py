"""A machine that seems to have a CUDA device; tensors stay on the CPU."""
import sys
import tempfile
from types import SimpleNamespace

import pytest

DEVICE, CAPABILITY = 'NVIDIA Test 1', (8, 7)


@pytest.fixture
def cuda(monkeypatch, tmp_path):
    """Name a device, and keep caches and temporary files in ``tmp_path``."""
    torch = pytest.importorskip('torch', reason='torch is not installed')
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda: DEVICE)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda: CAPABILITY)
    monkeypatch.setattr(torch.cuda, 'empty_cache', lambda: None)
    monkeypatch.setattr(torch.cuda, 'current_stream', lambda: SimpleNamespace(cuda_stream=7))
    monkeypatch.setattr(torch.cuda, 'Stream', no_stream)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    (tmp_path / 'temporary').mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path / 'temporary'))
    return torch.cuda


def no_stream():
    raise RuntimeError('streams are not to be had here')


@pytest.fixture
def install(monkeypatch, cuda):
    """Put stand-ins in the place of libraries, and make a back-end that uses them."""
    def make(kind, precision='auto', **libraries):
        for name, library in libraries.items():
            monkeypatch.setitem(sys.modules, name, library)
        with monkeypatch.context() as patch:  # others would believe it, too
            patch.setattr(cuda, 'is_available', lambda: True)
            backend = kind(precision)
        backend.device = 'cpu'
        return backend
    return make
