"""``panmatch doctor``: each check on a healthy and on a broken machine."""
import importlib.metadata
import json

import pytest

from panmatch_ros.checkpoints import nano_graphs
from panmatch_ros.cli import (
    doctor,
    doctor_engines,
    doctor_optional,
    doctor_probe,
    doctor_ros,
    doctor_system,
)
from panmatch_ros.cli.doctor_probe import MISSING, OK, WARNING
from panmatch_ros.models.nano_parts import PARTS, graph_path


def test_doctor_on_this_machine(panmatch):
    result = panmatch('doctor')
    assert result.status == 0
    lines = result.out.splitlines()
    assert lines[-1] == 'everything essential works'
    for name in doctor.ESSENTIAL:
        assert any(line.startswith(f'[ok]      {name} ') for line in lines)
    assert 'disparity' not in result.out  # that is what a wrong matcher would print


def test_json(panmatch, monkeypatch):
    monkeypatch.setattr(doctor_ros, 'CHECKS', ())
    monkeypatch.setattr(doctor_optional, 'CHECKS', ())
    monkeypatch.setattr(doctor_engines, 'CHECKS', ())
    result = panmatch('doctor', '--json')
    assert result.status == 0
    report = json.loads(result.out)
    assert report['ok'] is True
    assert {check['name'] for check in report['checks']} >= doctor.ESSENTIAL
    assert all(set(check) == {'name', 'status', 'detail', 'advice'}
               and check['status'] in (OK, WARNING, MISSING) for check in report['checks'])


def test_a_broken_essential_gives_status_1(panmatch, monkeypatch):
    broken = doctor_probe.Check('NumPy', MISSING, 'not installed', 'install it')
    monkeypatch.setattr(doctor_system, 'CHECKS', (lambda: broken,))
    monkeypatch.setattr(doctor_ros, 'CHECKS', ())
    monkeypatch.setattr(doctor_optional, 'CHECKS', ())
    monkeypatch.setattr(doctor_engines, 'CHECKS', ())
    result = panmatch('doctor')
    assert result.status == 1
    assert result.out.splitlines() == [
        '[missing] NumPy  not installed', '                 -> install it', '',
        'essential and not working: NumPy']
    assert json.loads(panmatch('doctor', '--json').out)['ok'] is False


def test_missing_options_do_not_matter(panmatch, monkeypatch):
    monkeypatch.setattr(doctor_ros, 'CHECKS', (doctor_ros.check_rclpy,))
    monkeypatch.setattr(doctor_system, 'CHECKS', ())
    monkeypatch.setattr(doctor_optional, 'CHECKS', ())
    monkeypatch.setattr(doctor_engines, 'CHECKS', ())
    monkeypatch.setattr(doctor_probe, 'is_installed', lambda module: False)
    result = panmatch('doctor')
    assert result.status == 0
    assert 'source /opt/ros/DISTRO/setup.bash' in result.out


def test_a_check_that_fails_is_reported_like_the_others():
    def check_the_moon():
        raise ZeroDivisionError('no cheese')
    check, other = doctor.run_checks([check_the_moon, doctor_system.check_python])
    assert (check.name, check.status) == ('the moon', MISSING)
    assert 'ZeroDivisionError: no cheese' in check.detail
    assert other.name == 'Python'


# The probe.

def test_probe_gives_the_last_line():
    assert doctor_probe.probe('print("first"); print("second")') == (True, 'second')


def test_probe_reports_failures():
    assert doctor_probe.probe('raise ValueError("broken")') == (False, 'ValueError: broken')
    assert doctor_probe.probe('import os; os.abort()')[1].startswith('crashed with signal 6')
    assert doctor_probe.probe('import sys; sys.exit(3)') == (False, 'ended with status 3')
    assert doctor_probe.probe('import time; time.sleep(9)', 0.2) == (
        False, 'no answer within 0.2 s')


def test_probe_does_not_see_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / 'numpy.py').write_text('raise RuntimeError("the wrong numpy")')
    monkeypatch.chdir(tmp_path)
    assert doctor_probe.probe('import numpy; print("fine")') == (True, 'fine')


@pytest.mark.parametrize(('module', 'found'), [('json', True), ('no_such_module', False),
                                               ('no_such.module', False), ('json.no', False)])
def test_is_installed(module, found):
    assert doctor_probe.is_installed(module) is found


def test_check_module():
    def check(module, code):
        return doctor_probe.check_module('it', module, code, 'do this')
    assert check('no_such_module', '') == doctor_probe.Check('it', MISSING, 'not installed',
                                                             'do this')
    broken = check('json', 'import json; raise ImportError("no symbol")')
    assert broken.status == MISSING
    assert broken.detail == 'installed, but it does not work: ImportError: no symbol'
    assert broken.advice == 'do this'
    assert check('json', 'print("1.2")') == doctor_probe.Check('it', OK, '1.2')


# Single checks.

@pytest.mark.parametrize(('version', 'status'), [('4.6.0', OK), ('4.14.0', OK),
                                                 ('5.0.0', WARNING), ('5.1.0-dev', WARNING)])
def test_opencv_5_is_warned_of(answers, version, status):
    answers(True, version)
    check = doctor_system.check_opencv()
    assert (check.status, '<5' in check.advice) == (status, status == WARNING)


def test_matcher_failures(monkeypatch):
    from panmatch_ros.inference import factory
    assert doctor_system.check_matcher().status == OK
    monkeypatch.setattr(doctor_system, 'SHIFT_PX', 6)

    def fail(name):
        raise OSError('no library')
    monkeypatch.setattr(factory, 'create_matcher', fail)
    check = doctor_system.check_matcher()
    assert check.status == MISSING
    assert 'no library' in check.detail


@pytest.mark.parametrize(('check', 'name'), [(doctor_optional.check_torch, 'PyTorch'),
                                             (doctor_optional.check_safetensors, 'safetensors')])
def test_what_the_network_needs(answers, check, name):
    answers(True, '1.2.3')
    assert check() == doctor_probe.Check(name, OK, '1.2.3')
    answers(False, 'no symbol')
    assert (check().status, 'no symbol' in check().detail) == (MISSING, True)
    answers(True, '', installed=False)
    assert check().detail == 'not installed'
    assert 'pip install torch safetensors' in check().advice


@pytest.mark.parametrize(('check', 'name', 'advice'), [
    (doctor_optional.check_rosbags, 'rosbags',
     'only for recordings, `panmatch bag` and bag_player: `pip install rosbags`'),
    (doctor_optional.check_h5py, 'h5py',
     'only for the dataset Spring, whose truth is HDF5: `pip install h5py`')])
def test_what_recordings_and_spring_need(answers, check, name, advice):
    answers(True, '1.2.3')
    assert check() == doctor_probe.Check(name, OK, '1.2.3')
    answers(False, 'no symbol')
    assert check() == doctor_probe.Check(
        name, MISSING, 'installed, but it does not work: no symbol', advice)
    answers(True, '', installed=False)
    assert check() == doctor_probe.Check(name, MISSING, 'not installed', advice)
    assert check in doctor_optional.CHECKS


@pytest.mark.parametrize(('check', 'name'), [(doctor_optional.check_rosbags, 'rosbags'),
                                             (doctor_optional.check_h5py, 'h5py')])
def test_their_probes_give_the_version(check, name):
    pytest.importorskip(name, reason=f'{name} is not installed: pip install {name}')
    assert check() == doctor_probe.Check(name, OK, importlib.metadata.version(name))


def test_the_probe_of_safetensors_gives_its_version():
    safetensors = pytest.importorskip('safetensors', reason='safetensors is not installed')
    check = doctor_optional.check_safetensors()
    assert check == doctor_probe.Check('safetensors', OK, safetensors.__version__)


def test_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(nano_graphs, 'shipped_folder', lambda: tmp_path)
    check = doctor_optional.check_weights()
    assert (check.status, 'classical' in check.advice) == (MISSING, True)
    assert 'nano.json' in check.detail
    paths = [graph_path(tmp_path, part) for part in PARTS]
    for path in paths:
        path.write_bytes(b'x' * 100_000)
    nano_graphs.write_manifest(tmp_path, {'disparity_levels': 32}, paths, {})
    assert doctor_optional.check_weights() == doctor_probe.Check(
        'weights', OK, f'nano, 0.4 MB in {tmp_path}, whole')
    paths[0].write_bytes(b'y')
    check = doctor_optional.check_weights()
    assert (check.status, 'SHA-256' in check.detail) == (MISSING, True)


def test_samples(monkeypatch, tmp_path):
    from panmatch_ros.data import samples
    monkeypatch.setattr(samples, 'find_samples', lambda: tmp_path)
    assert doctor_optional.check_samples().detail == str(tmp_path)
    monkeypatch.setattr(samples, 'find_samples', lambda: None)
    check = doctor_optional.check_samples()
    assert (check.status, 'opencv-doc' in check.advice) == (MISSING, True)
