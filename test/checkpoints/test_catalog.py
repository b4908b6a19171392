"""The catalog: facts that the network confirms, nothing that it cannot."""
import re
import sys

import pytest

from panmatch_ros.checkpoints.catalog import CATALOG, describe_checksum, known_file
from panmatch_ros.checkpoints.dependencies import import_safetensors, import_torch
from panmatch_ros.checkpoints.official import DINOV2, PANMATCH
from panmatch_ros.core.errors import MissingDependencyError
from panmatch_ros.models.presets import preset


@pytest.mark.parametrize('entry', CATALOG, ids=lambda entry: entry.file)
def test_counts_are_those_of_the_network(entry):
    pytest.importorskip('torch', reason='torch is not installed')
    from panmatch_ros.checkpoints.manifest import count_parameters, official_tensors
    tensors = official_tensors(preset(entry.preset))[entry.kind == DINOV2]
    assert entry.tensors == len(tensors)
    assert entry.parameters == count_parameters(tensors)


@pytest.mark.parametrize('entry', CATALOG, ids=lambda entry: entry.file)
def test_entries_are_plausible(entry):
    assert entry.url.startswith('https://')
    assert entry.page.startswith('https://github.com/')
    if entry.kind == DINOV2:
        assert entry.url.endswith(f'/{entry.file}')
        assert re.fullmatch('[0-9a-f]{64}', entry.sha256)
        assert 0 <= entry.size_bytes - 4 * entry.parameters < 1 << 18
        assert known_file(entry.sha256) is entry


def test_check_sums():
    entry = CATALOG[1]
    assert entry.file in describe_checksum(DINOV2, entry.sha256)
    assert 'none of those known' in describe_checksum(DINOV2, '0' * 64)
    assert 'no published check sum' in describe_checksum(PANMATCH, '0' * 64)


@pytest.mark.parametrize(('module', 'function'), [
    ('torch', import_torch), ('torch', import_safetensors), ('safetensors', import_safetensors)])
def test_what_to_install(monkeypatch, module, function):
    pytest.importorskip('torch', reason='torch is not installed')
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, 'safetensors.torch', raising=False)
    with pytest.raises(MissingDependencyError, match='pip install torch safetensors'):
        function()
