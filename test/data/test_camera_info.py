import os

import numpy as np
import pytest

from panmatch_ros.core.camera import Camera
from panmatch_ros.core.errors import CalibrationError, FormatError
from panmatch_ros.data.calibration import (
    CameraInfo,
    RegionOfInterest,
    camera_info_from_camera,
    read_camera_info_yaml,
    write_camera_info_yaml,
)

# As camera_calibration writes it, and one number as yaml-cpp writes it (1e-05).
TEXT = """\
image_width: 640
image_height: 480
camera_name: narrow_stereo/left
camera_matrix:
  rows: 3
  cols: 3
  data: [  438.78,     0.  ,   305.59,
             0.  ,   437.35,   243.74,
             0.  ,     0.  ,     1.  ]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.361976, 0.110510, 0.001014, 1e-05, 0.000000]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1., 0., 0.,  0., 1., 0.,  0., 0., 1.]
projection_matrix:
  rows: 3
  cols: 4
  data: [393.65, 0., 322.80, 0., 0., 393.65, 241.09, 0., 0., 0., 1., 0.]
"""
PINHOLE = Camera(640, 480, 500.5, 501.25, 310.125, 1e-05, -60.06)


def read(tmp_path, text):
    (tmp_path / 'camera.yaml').write_text(text)
    return read_camera_info_yaml(tmp_path / 'camera.yaml')


def refused(tmp_path, text, error, message):
    with pytest.raises(error, match=message) as caught:
        read(tmp_path, text)
    assert str(tmp_path / 'camera.yaml') in str(caught.value)
    assert len(str(caught.value)) < 600


def test_values_by_hand(tmp_path):
    info = read(tmp_path, TEXT)
    assert (info.width, info.height) == (640, 480)
    assert info.distortion_model == 'plumb_bob'
    assert info.d == (-0.361976, 0.110510, 0.001014, 1e-05, 0.0)
    assert info.k == (438.78, 0, 305.59, 0, 437.35, 243.74, 0, 0, 1)
    assert info.r == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert info.p == (393.65, 0, 322.80, 0, 0, 393.65, 241.09, 0, 0, 0, 1, 0)
    assert (info.binning_x, info.binning_y) == (0, 0)
    assert info.roi == RegionOfInterest()


def test_it_makes_a_camera(tmp_path):
    text = TEXT + 'binning_x: 2\nbinning_y: 4\nroi: {x_offset: 100, width: 400, height: 480}\n'
    camera = Camera.from_camera_info(read(tmp_path, text))
    assert camera == Camera(200, 120, 393.65 / 2, 393.65 / 4, 222.80 / 2, 241.09 / 4)


@pytest.mark.parametrize('info', [
    CameraInfo(480, 640),
    CameraInfo(480, 640, 'rational_polynomial', tuple(range(8)), tuple(np.linspace(0, 1e-7, 9)),
               (0.1,) * 9, (1 / 3,) * 12, 2, 4, RegionOfInterest(1, 2, 30, 40, True)),
    camera_info_from_camera(PINHOLE),
])
@pytest.mark.parametrize('name', ['camera', 'a: [b', '12', 'stereo/left', 'Größe "x"\n'])
def test_round_trip(tmp_path, info, name):
    write_camera_info_yaml(tmp_path / 'a.yaml', info, name)
    assert read_camera_info_yaml(tmp_path / 'a.yaml') == info
    import yaml
    assert yaml.safe_load((tmp_path / 'a.yaml').read_bytes())['camera_name'] == name


def test_numbers_are_numbers_for_yaml(tmp_path):
    # YAML 1.1 takes 1e-05 for a text; 1.0e-05 is a number for every reader.
    write_camera_info_yaml(tmp_path / 'a.yaml', camera_info_from_camera(PINHOLE), 'a')
    import yaml
    fields = yaml.safe_load((tmp_path / 'a.yaml').read_text())
    assert fields['projection_matrix']['data'][6] == 1e-05


def test_a_camera_keeps_its_values():
    info = camera_info_from_camera(PINHOLE)
    assert Camera.from_camera_info(info) == PINHOLE
    assert np.reshape(info.k, (3, 3)).tolist() == PINHOLE.K.tolist()
    assert not any(info.d)
    assert info.distortion_model == 'plumb_bob'


@pytest.mark.parametrize(('old', 'new', 'message'), [
    ('image_width: 640\n', '', 'has no image_width'),
    ('640', '0', 'image_width must be an integer from 1 to .* found 0'),
    ('640', '-5', 'found -5'),
    ('640', '1.5', 'found 1.5'),
    ('640', 'true', 'found True'),
    ('640', '[640]', 'found a list'),
    ('640', '9' * 300, 'found an integer'),
    ('projection_matrix', 'projection', 'has no projection_matrix'),
    ('393.65', '.nan', r'projection_matrix\[0\] must be a finite number, found nan'),
    ('393.65', '-.inf', 'must be a finite number, found -inf'),
    ('393.65', '1e999', "found '1e999'"),
    ('393.65', 'hello', "found 'hello'"),
    ('393.65', '{a: 1}', 'found a dict'),
    ('393.65', 'true', 'found True'),
    ('393.65', '"%s"' % ('x' * 5000), "found 'xxx"),
    ('0., 0., 1., 0.]', '0., 0., 1.]', 'rows: 3, cols: 4 .* found rows: 3, cols: 4 and 11'),
    ('cols: 4', 'cols: 3', 'found rows: 3, cols: 3 and 12'),
    ('cols: 4', 'cols: [1, 2]', 'cols: a list'),
    ('0.000000]', '0.0%s]' % (', 1' * 20), 'at most 14 numbers, found 25'),
    ('plumb_bob', '[1]', 'distortion_model must be a text, found a list'),
    ('plumb_bob', 'plumb_bob\nroi: 5', 'roi must be a mapping, found 5'),
    ('plumb_bob', 'plumb_bob\nroi: {width: -1}', 'width must be an integer from 0'),
    ('plumb_bob', 'plumb_bob\nbinning_x: x', "binning_x must be an integer .* found 'x'"),
])
def test_bad_values(tmp_path, old, new, message):
    assert old in TEXT
    refused(tmp_path, TEXT.replace(old, new, 1), CalibrationError, message)


@pytest.mark.parametrize('entry', ['5', '[1, 2]', '{rows: 3, cols: 4}', '{data: 5}', 'null'])
def test_a_matrix_must_have_data(tmp_path, entry):
    text = TEXT[:TEXT.index('projection_matrix')] + f'projection_matrix: {entry}\n'
    refused(tmp_path, text, CalibrationError, 'projection_matrix must have rows, cols and data')


@pytest.mark.parametrize(('text', 'message'), [
    ('', 'the file is empty'),
    ('   \n', 'found None'),
    ('hello', "found 'hello'"),
    ('- 1\n- 2\n', 'found a list'),
    ('a: [1, 2', 'expected a calibration in YAML, found'),
    ('%YAML:1.0\n---\na: 1\n', 'expected a calibration in YAML'),
    ('a: !!python/object/apply:os.system ["true"]', 'could not determine a constructor'),
    ('? [1]\n: 2\n', 'unhashable key'),
    ('a: 2001-99-99', 'expected a calibration in YAML'),
    ('a: 1\n---\nb: 2\n', 'expected a calibration in YAML'),
    ('a: ' + '9' * 5000, 'expected a calibration in YAML'),
])
def test_what_is_no_calibration(tmp_path, text, message):
    refused(tmp_path, text, FormatError, message)


@pytest.mark.parametrize('text', ['[' * 200000, '{a: ' * 50000, '- ' * 100000,
                                  'a: [' + '1,' * 100000 + ']', 'a: 1\n' * 50000],
                         ids=['lists', 'mappings', 'blocks', 'long', 'keys'])
def test_large_files_are_refused_at_once(tmp_path, text):
    # Regression: PyYAML takes hours for these.
    refused(tmp_path, text, FormatError, 'more than 2000 values or 16 levels')


@pytest.mark.parametrize('line', ['{n}: [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]\n',
                                  '{n}: {{<<: [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]}}\n'])
def test_alias_bombs(tmp_path, line):
    # 8 ** 12 values in half a kilobyte.
    text = 'x0: &x0 {a: 1}\n' + ''.join(
        line.format(n=f'x{k}: &x{k}', p=f'x{k - 1}').replace(f'&x{k}:', f'&x{k}')
        for k in range(1, 13))
    refused(tmp_path, TEXT + text, FormatError, 'must not use YAML aliases')


def test_files_that_cannot_be_read(tmp_path):
    path = tmp_path / 'camera.yaml'
    with pytest.raises(FormatError, match='there is no such file'):
        read_camera_info_yaml(path)
    path.write_bytes(b'a: \xff\xfe\x00')
    with pytest.raises(FormatError, match='expected a calibration in YAML'):
        read_camera_info_yaml(path)
    with open(path, 'wb') as stream:
        os.truncate(stream.fileno(), 100 << 20)
    with pytest.raises(FormatError, match='expected at most 262144 bytes, found 104857600'):
        read_camera_info_yaml(path)
