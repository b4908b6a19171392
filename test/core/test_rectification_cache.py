"""One rectifier for one calibration, and another one as soon as a number changes."""
from calibrations import PLUMB_BOB, K, P, camera_info, ramps, region, rotation
import numpy as np
import pytest

from panmatch_ros.core.errors import CalibrationError
from panmatch_ros.core.rectification import CACHED_CALIBRATIONS, Rectifier


def test_one_calibration_has_one_rectifier():
    first = Rectifier.from_camera_info(camera_info(), 'left/camera_info')
    again = camera_info(d=np.array(PLUMB_BOB), k=list(K))
    assert Rectifier.from_camera_info(again, 'another name') is first
    assert first.missing is Rectifier.from_camera_info(again).missing


@pytest.mark.parametrize('changes', [
    {'d': (*PLUMB_BOB[:4], -0.011)}, {'k': (530.001, *K[1:])}, {'r': rotation(0.0101)},
    {'p': (500.01, *P[1:])}, {'binning_x': 2}, {'roi': region(0, 0, 640, 478)},
    {'distortion_model': 'rational_polynomial'}, {'width': 641}, {'height': 481},
])
def test_one_number_makes_another_rectifier(changes):
    first = Rectifier.from_camera_info(camera_info())
    assert Rectifier.from_camera_info(camera_info(**changes)) is not first
    assert Rectifier.from_camera_info(camera_info()) is first


def test_a_message_that_was_changed_is_seen():
    info = camera_info(k=np.array(K))
    first = Rectifier.from_camera_info(info)
    info.k[0] += 5
    second = Rectifier.from_camera_info(info)
    assert second.raw.K[0, 0] == first.raw.K[0, 0] + 5
    assert not np.array_equal(second.rectify(ramps((480, 640))[0]),
                              first.rectify(ramps((480, 640))[0]))


def test_the_cache_is_small():
    first = Rectifier.from_camera_info(camera_info())
    for number in range(CACHED_CALIBRATIONS):
        Rectifier.from_camera_info(camera_info(k=(600.0 + number, *K[1:])))
    assert Rectifier.from_camera_info(camera_info()) is not first


def test_errors_are_not_kept():
    for name in ('one', 'two'):
        with pytest.raises(CalibrationError, match=f'{name}: K'):
            Rectifier.from_camera_info(camera_info(k=(0.0,) * 9), name)
