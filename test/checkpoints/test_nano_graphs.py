"""The files of the nano network: found, checked, and refused with what to do."""
import json

import pytest

from panmatch_ros.checkpoints.nano_graphs import FORMAT, find_nano, shipped_folder, write_manifest
from panmatch_ros.core.errors import FormatError
from panmatch_ros.models.nano_parts import PARTS, graph_path, scale_of


@pytest.fixture
def folder(tmp_path):
    paths = [graph_path(tmp_path, part) for part in PARTS]
    for path in paths:
        path.write_bytes(path.name.encode())
    write_manifest(tmp_path, {'disparity_levels': 32}, paths, {'notes': {'seed': 1}})
    return tmp_path


def change(folder, **values):
    path = folder / 'nano.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_folder_is_read(folder):
    graphs = find_nano(str(folder))
    assert graphs.folder == folder
    assert graphs.disparity_levels == 32
    assert graphs.manifest['notes'] == {'seed': 1}
    assert graphs.manifest['format'] == FORMAT
    assert graphs.manifest['files']['nano_flow.onnx']['bytes'] == 14
    assert graphs.read('flow') == b'nano_flow.onnx'


def test_the_home_folder(folder, monkeypatch):
    monkeypatch.setenv('HOME', str(folder.parent))
    assert find_nano(f'~/{folder.name}').folder == folder


def test_nothing_there(tmp_path):
    with pytest.raises(FormatError, match='holds no nano network.*panmatch export'):
        find_nano(str(tmp_path / 'no'))
    (tmp_path / 'file').touch()
    with pytest.raises(FormatError, match='holds no nano network'):
        find_nano(str(tmp_path / 'file'))


def test_the_shipped_network_is_beside_this_package():
    assert shipped_folder().parent.name == 'checkpoints'
    assert shipped_folder().name == 'weights'


def test_a_missing_graph(folder):
    graph_path(folder, 'refine').unlink()
    with pytest.raises(FormatError, match=r'nano_refine.onnx is missing: install panmatch_ros'):
        find_nano(str(folder)).read('refine')


def test_a_graph_of_another_network(folder):
    graph_path(folder, 'stereo').write_bytes(b'other')
    with pytest.raises(FormatError, match=r'nano_stereo.onnx is damaged or of another network'):
        find_nano(str(folder)).read('stereo')


@pytest.mark.parametrize('text', ['', '{', '[]', '{"format": "other"}'])
def test_a_manifest_that_is_none(folder, text):
    (folder / 'nano.json').write_text(text)
    with pytest.raises(FormatError, match=r'nano.json'):
        find_nano(str(folder))


@pytest.mark.parametrize('values', [
    {'files': {}}, {'files': None}, {'network': {}}, {'network': {'disparity_levels': 'many'}},
    {'network': {'disparity_levels': 0}}])
def test_an_incomplete_manifest(folder, values):
    change(folder, **values)
    with pytest.raises(FormatError, match='incomplete: it must list 4 graphs'):
        find_nano(str(folder))


@pytest.mark.parametrize(('name', 'scale'), [
    ('image', 1), ('half0', 2), ('quarter1', 4), ('eighth0', 8), ('tokens1', 16), ('flow4', 4),
    ('flow_init', 16), ('init_weight', 16), ('horizontal', 0)])
def test_the_scale_of_an_input(name, scale):
    assert scale_of(name) == scale
