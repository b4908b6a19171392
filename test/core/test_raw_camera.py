"""Cameras with distortion from CameraInfo: what is read, and every error."""
from array import array
import math

from calibrations import PLUMB_BOB, RATIONAL, camera_info, perfect_info, region, rotation
import numpy as np
import pytest

from panmatch_ros.core.camera import Camera
from panmatch_ros.core.errors import CalibrationError
from panmatch_ros.core.raw_camera import RawCamera

NAN = float('nan')


def changed(values, index, value):
    return (*values[:index], value, *values[index + 1:])


def test_reads_all_matrices():
    raw = RawCamera.from_camera_info(camera_info())
    assert raw.rectified == Camera(640, 480, 500, 500, 322, 238, -60)
    assert np.array_equal(raw.K, [[530, 0, 318], [0, 525, 242], [0, 0, 1]])
    assert np.array_equal(raw.D, PLUMB_BOB)
    assert np.allclose(raw.R @ raw.R.T, np.eye(3))
    assert not raw.fisheye


def test_binning_and_region_change_K_as_P():
    raw = RawCamera.from_camera_info(camera_info(
        binning_x=2, binning_y=4, roi=region(100, 40, 400, 320)))
    assert raw.rectified == Camera(200, 80, 250, 125, (322 - 100) / 2, (238 - 40) / 4, -30)
    assert np.array_equal(raw.K, [[265, 0, (318 - 100) / 2], [0, 131.25, (242 - 40) / 4],
                                  [0, 0, 1]])


def test_arrays_of_messages_are_read_and_not_changed():
    info = camera_info(d=array('d', PLUMB_BOB), k=np.array(camera_info().k), binning_x=2)
    before = info.k.copy()
    assert np.array_equal(RawCamera.from_camera_info(info).D, PLUMB_BOB)
    assert np.array_equal(info.k, before)


@pytest.mark.parametrize(('model', 'd'), [('', ()), ('', (0.0,) * 5), ('plumb_bob', ()),
                                          ('rational_polynomial', ()), ('equidistant', ())])
def test_no_coefficients_are_no_distortion(model, d):
    raw = RawCamera.from_camera_info(camera_info(distortion_model=model, d=d))
    assert not raw.D.any()
    assert raw.D.size in (4, 5)
    assert raw.fisheye == (model == 'equidistant')
    assert raw.radial_limit == math.inf


@pytest.mark.parametrize('length', [4, 5, 8, 12, 14])
@pytest.mark.parametrize('model', ['plumb_bob', 'rational_polynomial'])
def test_lengths_of_the_pinhole_models(model, length):
    raw = RawCamera.from_camera_info(camera_info(distortion_model=model, d=(0.001,) * length))
    assert raw.D.size == length


def test_where_the_image_folds_back():
    # r (1 - 0.3 r^2) stops growing at r^2 = 1 / 0.9.
    raw = RawCamera.from_camera_info(camera_info(d=(-0.3, 0, 0, 0)))
    assert raw.radial_limit == pytest.approx(math.sqrt(1 / 0.9))
    # r / (1 + r^2): at 1.
    raw = RawCamera.from_camera_info(camera_info(
        distortion_model='rational_polynomial', d=(0, 0, 0, 0, 0, 1, 0, 0)))
    assert raw.radial_limit == pytest.approx(1)
    # r / (1 - 0.25 r^2) has a pole at 2.
    raw = RawCamera.from_camera_info(camera_info(
        distortion_model='rational_polynomial', d=(0, 0, 0, 0, 0, -0.25, 0, 0)))
    assert raw.radial_limit == pytest.approx(2)
    # The angle a (1 - a^2 / 3) stops growing at 1.
    raw = RawCamera.from_camera_info(camera_info(distortion_model='equidistant',
                                                 d=(-1 / 3, 0, 0, 0)))
    assert raw.radial_limit == pytest.approx(1)


@pytest.mark.parametrize('d', [(0.2, 0.1, 0.001, 0.001, 0.3), (0, 0, 0.01, 0.01), RATIONAL])
def test_where_no_image_folds_back(d):
    assert RawCamera.from_camera_info(camera_info(d=d)).radial_limit == math.inf


K, R, P = camera_info().k, rotation(), camera_info().p


@pytest.mark.parametrize(('changes', 'match'), [
    ({'k': (0.0,) * 9}, r'cam: K\[0, 0\] is 0, so the camera is not calibrated; run camera_cal'),
    ({'k': K[:8]}, 'cam: K must have 9 numbers, got 8'),
    ({'k': changed(K, 2, NAN)}, 'cam: K has a value that is not finite'),
    ({'k': changed(K, 0, -530.0)}, 'cam: K must be fx 0 cx, 0 fy cy, 0 0 1 with positive'),
    ({'k': changed(K, 4, 0.0)}, 'with positive fx and fy'),
    ({'k': changed(K, 1, 0.5)}, 'cam: K must be fx 0 cx'),
    ({'k': changed(K, 8, 0.0)}, 'cam: K must be fx 0 cx'),
    ({'r': (0.0,) * 9}, 'cam: R is all zero, expected a rotation: the identity'),
    ({'r': R[:8]}, 'cam: R must have 9 numbers, got 8'),
    ({'r': changed(R, 0, math.inf)}, 'cam: R has a value that is not finite'),
    ({'r': changed(R, 0, 0.9)}, 'cam: R must be a rotation, got'),
    ({'r': (-1.0, 0, 0, 0, 1, 0, 0, 0, 1)}, 'cam: R must be a rotation, got'),
    ({'p': (0.0,) * 12}, 'cam: P is all zero, so the camera is not calibrated'),
    ({'p': changed(P, 0, NAN)}, 'cam: P has a value that is not finite'),
    ({'p': P[:9]}, 'cam: P must have 12 numbers, got 9'),
    ({'p': changed(P, 1, 0.1)}, r'cam: P must have no skew, got P\[0, 1\] = 0.1'),
    ({'d': (*PLUMB_BOB[:4], NAN)}, 'cam: D has a value that is not finite'),
    ({'d': PLUMB_BOB[:3]}, 'plumb_bob, D must have 4 or 5 or 8 or 12 or 14 numbers .* got 3'),
    ({'distortion_model': 'equidistant'}, 'equidistant, D must have 4 numbers .*, got 5'),
    ({'distortion_model': 'fov'}, "model 'fov' is not known; expected plumb_bob, rational_poly"),
    ({'distortion_model': ''}, "cam: the distortion model '' is not known"),
    ({'width': 0}, 'width and height must be positive'),
    ({'roi': region(600, 0, 100, 100)}, 'region of interest .* does not lie in the full image'),
    ({'binning_y': 1000}, 'binning 1x1000 leaves nothing'),
])
def test_what_cannot_be_used_says_what_is_wrong(changes, match):
    with pytest.raises(CalibrationError, match=match):
        RawCamera.from_camera_info(camera_info(**changes), 'cam')


def test_few_digits_of_R_are_no_error():
    few = tuple(round(value, 4) for value in R)
    assert RawCamera.from_camera_info(perfect_info(r=few)).R.shape == (3, 3)
