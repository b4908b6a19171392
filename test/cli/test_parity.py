"""``panmatch parity``: a line for each array, and exit code 1 for whatever does not agree."""
import json
import re
import shutil

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
from parity_files import SMALL, network_of, whole_arrays, write
import tiny_network  # noqa: F401 - one thread

from panmatch_ros.inference.parity import run
from panmatch_ros.models.presets import preset

TINY = preset('panmatch_tiny')
LINE = re.compile(r'  (ok  |FAIL)  (\S.*?) +(\d\.\d\de[+-]\d\d|inf)  \(at most \de[+-]\d\d\)(.*)')


@pytest.fixture(scope='module')
def arrays():
    return whole_arrays(network_of(TINY))


@pytest.fixture
def folder(tmp_path, monkeypatch, arrays):
    """Two files of the tiny network."""
    monkeypatch.setattr(run, 'network_config', lambda meta, stem: TINY)
    for name in ('a', 'b'):
        write(tmp_path / f'{name}.npz', {'salt': ''}, arrays)
    return tmp_path


def test_geometry(panmatch):
    """The file that needs no network."""
    result = panmatch('parity', SMALL / 'geometry_tiling.npz')
    assert (result.status, result.err) == (0, '')
    lines = result.out.splitlines()
    assert lines[0] == 'geometry_tiling.npz'
    assert all(LINE.fullmatch(line) for line in lines[1:-2])
    assert re.fullmatch(r'  \d+\.\d s', lines[-2])
    assert lines[-1] == f'{len(lines) - 3} arrays of 1 file: all passed'


def test_every_array_of_every_file(panmatch, folder, arrays):
    result = panmatch('parity', folder)
    assert (result.status, result.err) == (0, '')
    lines = [LINE.fullmatch(line) for line in result.out.splitlines()]
    found = [match[2] for match in lines if match]
    assert sorted(found) == sorted(2 * [name for name in arrays if not name.startswith('im')])
    assert {match[1] for match in lines if match} == {'ok  '}
    assert result.out.splitlines()[-1] == f'{len(found)} arrays of 2 files: all passed'


def test_one_wrong_value_fails(panmatch, folder, arrays):
    wrong = arrays['cost_memory'].copy()
    wrong[5, 2, 1] += 0.25
    write(folder / 'b.npz', {}, {**arrays, 'cost_memory': wrong})
    result = panmatch('parity', folder)
    assert result.status == 1
    failed = [match for match in map(LINE.fullmatch, result.out.splitlines())
              if match and match[1] == 'FAIL']
    assert [(match[2], match[3]) for match in failed] == [('cost_memory', '2.50e-01')]
    assert failed[0][4] == '  [5, 2, 1]'
    assert result.out.splitlines()[-1].endswith('arrays of 2 files: 1 FAILED')


def test_failures_only(panmatch, folder, arrays):
    write(folder / 'b.npz', {}, {**arrays, 'unheard_of': np.zeros(3)})
    result = panmatch('parity', folder, '--failures')
    assert result.status == 1
    assert 'ok' not in result.out
    assert '  FAIL  unheard_of                             inf' in result.out
    assert 'unknown array' in result.out
    assert panmatch('parity', folder / 'a.npz', '--failures').status == 0


def test_another_salt_fails(panmatch, folder, arrays):
    write(folder / 'a.npz', {'salt': 'y'}, arrays)
    result = panmatch('parity', folder / 'a.npz')
    assert result.status == 1
    assert 'FAILED' in result.out


@pytest.mark.parametrize(('meta', 'text'), [
    ({'backbone': ['resnet50', [1, 2, 3, 4], 256]}, 'expected a DINOv2 backbone'),
    ({'backbone': ['dinov2_vits14_reg', [2, 5, 8, 12], 256]}, '0 to 11'),
    ({}, 'neither the meta data nor the name')])
def test_a_backbone_that_cannot_be(panmatch, tmp_path, arrays, meta, text):
    write(tmp_path / 'a.npz', meta, arrays)
    result = panmatch('parity', tmp_path)
    assert (result.status, result.err) == (1, '')
    assert re.search(f'  FAIL  .*{text}', result.out)
    assert '0 arrays of 1 file: 1 FAILED' in result.out


@pytest.mark.parametrize(('name', 'content', 'text'), [
    ('empty', b'', 'expected an .npz file'), ('junk', b'junk' * 99, 'expected an .npz file'),
    ('cut', None, 'expected an .npz file')])
def test_a_damaged_file_fails_and_the_others_go_on(panmatch, folder, name, content, text):
    if content is None:
        content = (folder / 'a.npz').read_bytes()[:5000]
    (folder / f'{name}.npz').write_bytes(content)
    result = panmatch('parity', folder)
    assert result.status == 1
    assert re.search(f'  FAIL  .*{name}.npz: {text}', result.out)
    assert 'of 3 files: 1 FAILED' in result.out
    assert 'Traceback' not in result.out + result.err


def test_meta_data_of_no_known_kind(panmatch, tmp_path):
    np.savez(tmp_path / 'a.npz', meta_json=np.array(json.dumps({'salt': ''})), a=np.zeros(3))
    result = panmatch('parity', tmp_path)
    assert result.status == 1
    assert 'the meta data fits none' in result.out


def test_a_folder_without_files(panmatch, tmp_path):
    result = panmatch('parity', tmp_path)
    assert (result.status, result.out) == (1, '')
    assert 'no .npz file in it' in result.err
    assert len(result.err.splitlines()) == 1
    result = panmatch('parity', tmp_path / 'none')
    assert (result.status, result.out) == (1, '')
    assert 'no such folder' in result.err


def test_a_file_that_cannot_be_read(panmatch, tmp_path):
    (tmp_path / 'a.npz').mkdir()
    result = panmatch('parity', tmp_path)
    assert result.status == 1
    assert 'cannot be read' in result.out


def test_without_torch(panmatch, tmp_path, monkeypatch):
    """Geometry is compared; the network's file says what to install."""
    monkeypatch.setitem(__import__('sys').modules, 'torch', None)
    shutil.copy(SMALL / 'geometry_tiling.npz', tmp_path)
    shutil.copy(SMALL / 'whole_s_reg_112x112.npz', tmp_path)
    result = panmatch('parity', tmp_path)
    assert result.status == 1
    assert 'pip install torch' in result.out
    assert 'of 2 files: 1 FAILED' in result.out
