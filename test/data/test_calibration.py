import numpy as np
import pytest

from panmatch_ros.core.camera import Camera, StereoRig
from panmatch_ros.core.disparity import depth_from_disparity
from panmatch_ros.core.errors import CalibrationError, FormatError
from panmatch_ros.data.calibration import (
    camera_info_from_camera,
    load_rig,
    read_middlebury_calib,
    write_camera_info_yaml,
    write_middlebury_calib,
)

# Motorcycle of the Middlebury 2014 data set.
TEXT = """\
cam0=[3979.911 0 1244.772; 0 3979.911 1019.507; 0 0 1]
cam1=[3979.911 0 1369.115; 0 3979.911 1019.507; 0 0 1]
doffs=124.343
baseline=193.001
width=2964
height=1988
ndisp=280
isint=0
vmin=31
vmax=257
dyavg=0.918
dymax=1.516
"""


def read(tmp_path, text):
    (tmp_path / 'calib.txt').write_text(text)
    return read_middlebury_calib(tmp_path / 'calib.txt')


def test_values_by_hand(tmp_path):
    rig = read(tmp_path, TEXT)
    assert rig.left == Camera(2964, 1988, 3979.911, 3979.911, 1244.772, 1019.507)
    assert rig.right.cx == 1369.115
    assert rig.baseline_m == pytest.approx(0.193001)
    assert rig.cx_offset_px == pytest.approx(-124.343)
    # The page of the data set: Z = baseline * f / (d + doffs).
    depth = depth_from_disparity(np.full((1988, 2964), 100, np.float32)[:2, :2], rig)
    assert depth[0, 0] == pytest.approx(0.193001 * 3979.911 / (100 + 124.343), rel=1e-6)


def test_doffs_may_be_missing_and_lines_may_be_windows(tmp_path):
    text = TEXT.replace('doffs=124.343\n', '').replace('\n', '\r\n')
    assert read(tmp_path, text) == read(tmp_path, TEXT)


@pytest.mark.parametrize('rig', [
    StereoRig.ideal((480, 640), 500.123456789, 0.12),
    StereoRig(Camera(640, 480, 500, 501, 310.5, 240.25), Camera(640, 480, 502, 501, 333, 240.5,
                                                                -60.24)),
])
def test_round_trip(tmp_path, rig):
    write_middlebury_calib(tmp_path / 'a.txt', rig)
    read = read_middlebury_calib(tmp_path / 'a.txt')
    assert read.left == rig.left
    assert read.baseline_m == pytest.approx(rig.baseline_m)
    assert np.allclose(read.right.P[:, :3], rig.right.P[:, :3])
    assert np.allclose(read.Q, rig.Q)


@pytest.mark.parametrize(('old', 'new', 'message'), [
    ('cam0', 'camera0', 'has no cam0= line'),
    ('baseline', 'base', 'has no baseline= line'),
    ('baseline=193.001', 'baseline=0', 'baseline must be positive'),
    ('baseline=193.001', 'baseline=-3', 'baseline must be positive'),
    ('baseline=193.001', 'baseline=nan', "baseline must be a finite number, found 'nan'"),
    ('baseline=193.001', 'baseline=', "found ''"),
    ('doffs=124.343', 'doffs=10', r'doffs is 10, but .* cx1 - cx0 = 124\.343'),
    ('doffs=124.343', 'doffs=inf', 'doffs must be a finite number'),
    ('width=2964', 'width=2964.5', "width must be an integer .* found '2964.5'"),
    ('width=2964', 'width=-1', 'width must be an integer'),
    ('width=2964', 'width=0', 'width must be an integer'),
    ('width=2964', 'width=' + '9' * 5000, 'width must be an integer'),
    ('width=2964', 'width=٣', 'width must be an integer'),
    ('[3979.911', '3979.911', r'cam0 must be \[f 0 cx'),
    ('[3979.911', '[-3979.911', 'with f > 0'),
    ('[3979.911', '[hello', r'cam0 must be \[f 0 cx'),
    ('[3979.911', '[inf', r'cam0 must be \[f 0 cx'),
    ('3979.911 0 1244', '3979.911 1 1244', 'cam0 must be'),
    ('0 0 1]', '0 0 2]', 'cam0 must be'),
    ('cam1=[3979.911', 'cam1=[2000.0', 'one focal length'),
])
def test_bad_values(tmp_path, old, new, message):
    assert old in TEXT
    with pytest.raises(CalibrationError, match=message) as caught:
        read(tmp_path, TEXT.replace(old, new, 1))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(('content', 'error', 'message'), [
    (b'', FormatError, 'the file is empty'),
    (b'\xff\xfe\x00' * 50, CalibrationError, 'has no width= line; expected a Middlebury calib'),
    (b'x' * 70000, FormatError, 'expected at most 65536 bytes, found 70000'),
])
def test_what_is_no_calibration(tmp_path, content, error, message):
    path = tmp_path / 'calib.txt'
    path.write_bytes(content)
    with pytest.raises(error, match=message):
        read_middlebury_calib(path)


# --- load_rig


RIG = StereoRig.ideal((48, 64), 50.0, 0.1)


def write_pair(folder, suffix='.yaml'):
    for name, camera in (('left', RIG.left), ('right', RIG.right)):
        write_camera_info_yaml(folder / f'{name}{suffix}', camera_info_from_camera(camera), name)


def test_load_a_pair_of_files(tmp_path):
    write_pair(tmp_path)
    assert load_rig(tmp_path / 'left.yaml', str(tmp_path / 'right.yaml')) == RIG


@pytest.mark.parametrize('suffix', ['.yaml', '.yml'])
def test_load_a_folder_with_a_pair(tmp_path, suffix):
    write_pair(tmp_path, suffix)
    assert load_rig(tmp_path) == RIG


def test_load_calib_txt_or_its_folder(tmp_path):
    write_middlebury_calib(tmp_path / 'calib.txt', RIG)
    write_middlebury_calib(tmp_path / 'other.txt', RIG)
    for path in (tmp_path, tmp_path / 'calib.txt', str(tmp_path / 'other.txt')):
        assert load_rig(path).baseline_m == pytest.approx(0.1)


def test_what_cannot_be_loaded(tmp_path):
    with pytest.raises(CalibrationError, match='there is no such file or folder'):
        load_rig(tmp_path / 'missing')
    with pytest.raises(CalibrationError, match=r'expected calib\.txt, or left\.yaml and right'):
        load_rig(tmp_path)
    write_pair(tmp_path)
    with pytest.raises(CalibrationError, match='needs two of these files; give the right'):
        load_rig(tmp_path / 'left.yaml')
    with pytest.raises(CalibrationError, match='the baseline is zero'):
        load_rig(tmp_path / 'left.yaml', tmp_path / 'left.yaml')
    (tmp_path / 'right.yaml').unlink()
    with pytest.raises(CalibrationError, match='found neither'):
        load_rig(tmp_path)
    with pytest.raises(FormatError, match='right.yaml: there is no such file'):
        load_rig(tmp_path / 'left.yaml', tmp_path / 'right.yaml')


def test_an_uncalibrated_camera_is_named(tmp_path):
    write_pair(tmp_path)
    text = (tmp_path / 'right.yaml').read_text()
    start = text.index('projection_matrix')
    (tmp_path / 'right.yaml').write_text(
        text[:start] + 'projection_matrix: {rows: 3, cols: 4, data: [0,0,0,0,0,0,0,0,0,0,0,0]}')
    with pytest.raises(CalibrationError, match=r'right\.yaml: P is all zero'):
        load_rig(tmp_path)
