"""The cameras of a pair: rig, rectification, and what the left camera does not see."""
from calibrations import camera_info, perfect_info
import numpy as np
import pytest

from panmatch_ros.core.errors import CalibrationError
from panmatch_ros.core.stereo_cameras import calibration_content, stereo_cameras
from panmatch_ros.core.types import Disparity, Displacement

NAMES = ('left/camera_info', 'right/camera_info')


def infos(make=perfect_info):
    left = make()
    return left, make(p=(*left.p[:3], left.p[3] - left.p[0] * 0.1, *left.p[4:]))


def test_rectified_pairs_are_left_as_they_are():
    cameras = stereo_cameras(infos(), NAMES, rectify=False)
    assert cameras.rig.baseline_m == pytest.approx(0.1)
    image = np.zeros((cameras.rig.left.height, cameras.rig.left.width), np.uint8)
    assert cameras.rectify(image, image) == (image, image)
    ones = np.ones(image.shape, np.float32)
    result = Disparity(ones, ones)
    assert cameras.without_missing(result) is result


def test_raw_pairs_lose_what_the_left_camera_does_not_see():
    cameras = stereo_cameras(infos(camera_info), NAMES, rectify=True)
    shape = (cameras.rig.left.height, cameras.rig.left.width)
    missing = cameras.rectifiers[0].missing
    assert missing.any()
    ones = np.ones(shape, np.float32)
    result = cameras.without_missing(Disparity(ones, ones))
    np.testing.assert_array_equal(np.isnan(result.disparity), missing)
    np.testing.assert_array_equal(result.confidence == 0, missing)
    flow = cameras.flow_without_missing(Displacement(np.ones((*shape, 2), np.float32), ones))
    np.testing.assert_array_equal(np.isnan(flow.flow[..., 0]), missing)


def test_errors_name_the_topic():
    left = infos()[0]
    with pytest.raises(CalibrationError, match='^right/camera_info: P is all zero'):
        stereo_cameras((left, perfect_info(p=(0.0,) * 12)), NAMES, rectify=False)


def test_content_changes_with_every_number():
    def arrays(**changes):
        info = camera_info()
        for name in 'dkrp':
            setattr(info, name, np.array(getattr(info, name), np.float64) + changes.get(name, 0))
        return calibration_content(info)

    assert arrays() == arrays()
    assert all(arrays() != arrays(**{name: 1e-9}) for name in 'dkrp')
