"""Cameras from CameraInfo, on values worked out by hand."""
from types import SimpleNamespace

import numpy as np
import pytest

from panmatch_ros.core.camera import Camera, StereoRig
from panmatch_ros.core.errors import CalibrationError


def camera_info(**changes):
    """Make the CameraInfo of a 640x480 camera with f = 500 px and the centre at (320, 240)."""
    roi = SimpleNamespace(x_offset=0, y_offset=0, height=0, width=0)
    fields = {'width': 640, 'height': 480, 'binning_x': 0, 'binning_y': 0, 'roi': roi,
              'p': [500, 0, 320, 0, 0, 500, 240, 0, 0, 0, 1, 0]}
    return SimpleNamespace(**{**fields, **changes})


def right_info(tx, **changes):
    return camera_info(p=[500, 0, 320, tx, 0, 500, 240, 0, 0, 0, 1, 0], **changes)


def test_reads_P_not_K():
    info = camera_info()
    info.k = [999] * 9
    camera = Camera.from_camera_info(info)
    assert camera == Camera(640, 480, 500, 500, 320, 240, 0)
    assert np.array_equal(camera.K, [[500, 0, 320], [0, 500, 240], [0, 0, 1]])
    assert np.array_equal(camera.P[:, 3], [0, 0, 0])


def test_binning_divides_everything_and_tx_too():
    camera = Camera.from_camera_info(right_info(-60, binning_x=2, binning_y=4))
    assert camera == Camera(320, 120, 250, 125, 160, 60, -30)


def test_binning_of_zero_and_one_mean_none():
    assert Camera.from_camera_info(camera_info(binning_x=1, binning_y=1)) == \
        Camera.from_camera_info(camera_info())


def test_region_of_interest_is_subtracted_before_binning():
    roi = SimpleNamespace(x_offset=100, y_offset=40, width=200, height=160)
    camera = Camera.from_camera_info(camera_info(roi=roi, binning_x=2, binning_y=2))
    assert camera == Camera(100, 80, 250, 250, (320 - 100) / 2, (240 - 40) / 2)


def test_region_of_interest_that_is_the_whole_image_changes_nothing():
    roi = SimpleNamespace(x_offset=0, y_offset=0, width=640, height=480)
    assert Camera.from_camera_info(camera_info(roi=roi)) == Camera.from_camera_info(camera_info())


@pytest.mark.parametrize(('changes', 'match'), [
    ({'p': [0.0] * 12}, 'cam: P is all zero, so the camera is not calibrated'),
    ({'p': [float('nan')] + [0.0] * 11}, 'cam: P has a value that is not finite'),
    ({'p': [500, 0, 320, float('inf'), 0, 500, 240, 0, 0, 0, 1, 0]}, 'is not finite'),
    ({'p': [1.0] * 11}, 'cam: P must have 12 numbers, got 11'),
    ({'p': [-500, 0, 320, 0, 0, 500, 240, 0, 0, 0, 1, 0]}, 'must be positive, got -500 and 500'),
    ({'p': [500, 0, 320, -1e300, 0, 500, 240, 0, 0, 0, 1, 0]}, 'cam: P has a value that no cam'),
    ({'p': [500, 0, 320, 0, 0, 1e-30, 240, 0, 0, 0, 1, 0]}, 'cam: P has a value that no camera'),
    ({'p': [500, 0, 320, 0, 0, 500, 240, 0, 0, 0, 0, 1]}, 'last row of P must be 0 0 1 0'),
    ({'width': 0}, 'width and height must be positive, got 0x480'),
    ({'binning_x': 1000}, 'binning 1000x1 leaves nothing of 640x480'),
    ({'roi': SimpleNamespace(x_offset=600, y_offset=0, width=100, height=100)},
     r'region of interest 100x100 at \(600, 0\) does not lie in the full image 640x480'),
])
def test_invalid_camera_info_says_what_is_wrong(changes, match):
    with pytest.raises(CalibrationError, match=match):
        Camera.from_camera_info(camera_info(**changes), 'cam')


@pytest.mark.parametrize(('left_tx', 'right_tx'), [(0, -60), (60, 0), (30, -30)])
def test_baseline_of_both_conventions(left_tx, right_tx):
    rig = StereoRig.from_camera_info(right_info(left_tx), right_info(right_tx))
    assert rig.baseline_m == pytest.approx(0.12)
    assert not rig.baseline_sign_is_unusual
    assert rig.focal_px == 500


def test_baseline_with_the_opposite_sign_is_positive_and_marked():
    rig = StereoRig.from_camera_info(camera_info(), right_info(60))
    assert rig.baseline_m == pytest.approx(0.12)
    assert rig.baseline_sign_is_unusual


def test_baseline_does_not_depend_on_binning():
    rig = StereoRig.from_camera_info(camera_info(binning_x=2, binning_y=2),
                                     right_info(-60, binning_x=2, binning_y=2))
    assert rig.baseline_m == pytest.approx(0.12)
    assert rig.focal_px == 250


def test_size_of_the_image_is_compared():
    camera = Camera.from_camera_info(camera_info(binning_x=2, binning_y=2))
    camera.require_size((240, 320, 3), 'cam', 'image')
    with pytest.raises(CalibrationError) as raised:
        camera.require_size((480, 640), 'cam', 'image')
    assert str(raised.value) == ('cam describes an image of 320x240 pixels (after region of '
                                 'interest and binning), but image has 640x480')


def test_zero_baseline():
    with pytest.raises(CalibrationError, match='the baseline is zero'):
        StereoRig.from_camera_info(camera_info(), camera_info())


def test_pair_that_is_not_rectified():
    other = camera_info(p=[550, 0, 320, -60, 0, 500, 240, 0, 0, 0, 1, 0])
    with pytest.raises(CalibrationError, match=r'got fx 500.00 \(left\) and 550'):
        StereoRig.from_camera_info(camera_info(), other)
    other = camera_info(p=[500, 0, 320, -60, 0, 500, 250, 0, 0, 0, 1, 0])
    with pytest.raises(CalibrationError, match='one cy, got 240.00'):
        StereoRig.from_camera_info(camera_info(), other)


def test_pair_of_two_sizes():
    with pytest.raises(CalibrationError, match='one size, got 640x480 and 320x480'):
        StereoRig.from_camera_info(camera_info(), right_info(-60, width=320))


def test_Q_gives_the_point_of_a_pixel_and_its_disparity():
    right = camera_info(p=[500, 0, 330, -50, 0, 500, 240, 0, 0, 0, 1, 0])
    rig = StereoRig.from_camera_info(camera_info(), right)
    assert rig.cx_offset_px == -10
    # 2 m: parallax 500 * 0.1 / 2 = 25 px, images show 25 - 10 = 15 px.
    point = rig.Q @ [420, 190, 15, 1]
    assert point[:3] / point[3] == pytest.approx([(420 - 320) * 2 / 500, -50 * 2 / 500, 2.0])


def test_resizing_keeps_rays_of_pixel_centres():
    camera = Camera(640, 480, 500, 510, 300, 250, -60)
    half = camera.resized(240, 320)
    # The corner of the image, half a pixel off the first centre, stays the same ray.
    assert (-0.5 - half.cx) / half.fx == pytest.approx((-0.5 - camera.cx) / camera.fx)
    assert (239.5 - half.cy) / half.fy == pytest.approx((479.5 - camera.cy) / camera.fy)
    assert half.tx / half.fx == pytest.approx(camera.tx / camera.fx)


def test_ideal_rig_has_its_centre_between_the_pixels():
    rig = StereoRig.ideal((480, 640), 500, 0.12)
    assert (rig.left.cx, rig.left.cy) == (319.5, 239.5)
    assert rig.baseline_m == pytest.approx(0.12)
    assert rig.cx_offset_px == 0
