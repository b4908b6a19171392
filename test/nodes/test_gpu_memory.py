"""Memory of the GPU: read of PyTorch where that is imported already, and never imported for it."""
import subprocess
import sys
from types import SimpleNamespace

import pytest

from panmatch_ros.nodes.gpu_memory import gpu_memory_mb

MIB = 2 ** 20


def standin(reserved, is_initialized=True):
    """Make a torch of devices with so many bytes each."""
    def memory_reserved(index):
        assert is_initialized, 'this would make a CUDA context'
        return reserved[index]
    return SimpleNamespace(cuda=SimpleNamespace(
        is_initialized=lambda: is_initialized, device_count=lambda: len(reserved),
        memory_reserved=memory_reserved))


@pytest.mark.parametrize(('torch', 'expected'), [
    (standin([300 * MIB]), 300.0),
    (standin([MIB, 3 * MIB // 2]), 2.5),
    (standin([MIB], is_initialized=False), 0.0),
    (standin([]), 0.0),
    (SimpleNamespace(), 0.0),                       # as while another thread imports it
    (SimpleNamespace(cuda=SimpleNamespace()), 0.0),
    (None, 0.0),                                    # as after an import that failed
])
def test_memory_of_all_devices(monkeypatch, torch, expected):
    monkeypatch.setitem(sys.modules, 'torch', torch)
    assert gpu_memory_mb() == expected


def test_torch_is_not_imported_for_it():
    code = ('import sys\nfrom panmatch_ros.nodes.gpu_memory import gpu_memory_mb\n'
            'assert gpu_memory_mb() == 0.0\nassert "torch" not in sys.modules')
    subprocess.run([sys.executable, '-c', code], check=True)


@pytest.mark.gpu
def test_memory_of_a_real_device():
    torch = pytest.importorskip('torch', reason='torch is not installed')
    if not torch.cuda.is_available():
        pytest.skip('there is no CUDA device')
    before = gpu_memory_mb()
    kept = torch.zeros(64 * MIB, dtype=torch.uint8, device='cuda')
    assert gpu_memory_mb() >= before + 64 - 2
    del kept
