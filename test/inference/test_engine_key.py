"""What an engine depends on: names of files, and what is no key."""
from dataclasses import fields, replace

from engines import make_key
import pytest

from panmatch_ros.core.errors import ConfigError, FormatError
from panmatch_ros.inference.engine_key import EngineKey

OTHER = {
    'graph_sha256': 'c' * 64, 'weights_sha256': 'c' * 64, 'size': (640, 480),
    'precision': 'bf16', 'backend': 'onnx_tensorrt', 'device': 'Thor',
    'compute_capability': '11.0', 'batch': 2, 'iterations': 8, 'tensorrt': '10.14.1',
    'torch': '2.13.0', 'torch_tensorrt': '2.13.0', 'driver': '580.1', 'settings': 'gather'}


def test_the_file_name_is_the_same_in_every_process():
    assert make_key().file_name == (
        'eb276cf7e6a134d8098e8d3cb9ff531d'
        'ac47af9ecdc7b490eb53307c393c022c.engine')


def test_there_is_another_value_for_each_field():
    assert set(OTHER) == {field.name for field in fields(EngineKey)}


@pytest.mark.parametrize('name', sorted(OTHER))
def test_every_field_makes_another_file(name):
    other = replace(make_key(), **{name: OTHER[name]})
    assert other.file_name != make_key().file_name
    assert other.differences(make_key()).startswith(f'{name} ')
    assert make_key().differences(make_key()) == ''


def test_differences_name_both_values():
    other = make_key(device='Thor', graph_sha256='c' * 64, driver='')
    assert other.differences(make_key()) == (
        "graph_sha256 cccccccccccc... instead of aaaaaaaaaaaa..., device Thor instead of Orin, "
        "driver '' instead of 540.4.0")


def test_a_key_is_read_back():
    key = make_key(settings='größer')
    assert EngineKey.from_dict(key.to_dict()) == key


@pytest.mark.parametrize('changes', [
    {'graph_sha256': 'a' * 63}, {'graph_sha256': 'A' * 64}, {'weights_sha256': ''},
    {'weights_sha256': None}, {'size': (0, 1)}, {'size': (1, 2, 3)}, {'size': [1, 2]},
    {'size': (1.0, 2)}, {'size': (True, 2)}, {'size': 5}, {'size': (1, 1 << 40)},
    {'batch': 0}, {'batch': '1'}, {'iterations': -1}, {'iterations': 1.5},
    {'precision': 'int8'}, {'precision': None}, {'backend': ''}, {'device': ''},
    {'device': 'a\nb'}, {'driver': '\x1b[2J'}, {'torch': None}, {'settings': 'x' * 501},
])
def test_what_is_no_key(changes):
    with pytest.raises(ConfigError, match=f'{next(iter(changes))} must'):
        make_key(**changes)
    values = {**make_key().to_dict(), **changes}
    if changes != {'size': [1, 2]}:  # how JSON has it
        with pytest.raises(FormatError):
            EngineKey.from_dict(values)


@pytest.mark.parametrize('values', [
    None, [], 'key', {}, {**make_key().to_dict(), 'more': 1},
    {name: value for name, value in make_key().to_dict().items() if name != 'driver'}])
def test_other_fields_are_no_description(values):
    with pytest.raises(FormatError, match='has not the fields'):
        EngineKey.from_dict(values)
