"""A pair of official-style files, made once; tests change copies of their content."""
from collections import namedtuple

from official_files import checkpoint, official_weights
import pytest

Pair = namedtuple('Pair', 'panmatch dinov2')


@pytest.fixture(scope='session')
def tiny():
    """Config of the tiny network."""
    from panmatch_ros.models.presets import preset
    return preset('panmatch_tiny')


@pytest.fixture(scope='session')
def weights(tiny):
    """Tensors of the two files; do not change them."""
    pytest.importorskip('torch', reason='torch is not installed')
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    return Pair(*official_weights(tiny))


@pytest.fixture
def save(tmp_path):
    """Write an object with torch.save."""
    def write(name, content, **options):
        import torch
        torch.save(content, tmp_path / name, **options)
        return tmp_path / name
    return write


@pytest.fixture
def pair(save, weights):
    """Paths of the two files."""
    return Pair(save('panmatch.pth', checkpoint(weights.panmatch)),
                save('dinov2.pth', weights.dinov2))
