"""
The chessboard pairs of opencv-doc: calibrated with some, rectified, and measured on the others.

The package ships no extrinsics, and its intrinsics.yml does not fit the left images (1.9 px),
so the calibration is made here.
"""
from calibrations import camera_info
import cv2
import numpy as np
import pytest

from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.image import to_gray
from panmatch_ros.core.rectification import Rectifier
from panmatch_ros.core.rectification_check import RectificationWatch, check_rectification
from panmatch_ros.data.formats import read_image
from panmatch_ros.data.samples import find_samples

pytestmark = pytest.mark.samples

BOARD = (9, 6)  # inner corners
SQUARE_M = 0.025
NUMBERS = [number for number in range(1, 15) if number != 10]
CALIBRATED, HELD_OUT = NUMBERS[::2], NUMBERS[1::2]
DISPARITIES = (0, 160)


def corners(image):
    found, places = cv2.findChessboardCorners(image, BOARD)
    assert found
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 0.01)
    return cv2.cornerSubPix(image, places, (5, 5), (-1, -1), criteria).reshape(-1, 2)


def row_error(left, right):
    return float(np.abs(corners(left)[:, 1] - corners(right)[:, 1]).mean())


@pytest.fixture(scope='module')
def raw():
    """Give the raw pairs by number."""
    folder = find_samples()
    names = {number: (f'left{number:02d}.jpg', f'right{number:02d}.jpg') for number in NUMBERS}
    if folder is None or not all((folder / name).is_file()
                                 for pair in names.values() for name in pair):
        pytest.skip('the chessboard pairs (left01.jpg ...) are missing: install opencv-doc, or '
                    'run the demo, which fetches them')
    return {number: tuple(to_gray(read_image(folder / name)) for name in pair)
            for number, pair in names.items()}


@pytest.fixture(scope='module')
def infos(raw):
    """Give the CameraInfo of both cameras, as camera_calibration would."""
    board = np.zeros((BOARD[0] * BOARD[1], 3), np.float32)
    board[:, :2] = np.mgrid[:BOARD[0], :BOARD[1]].T.reshape(-1, 2) * SQUARE_M
    boards, size = [board] * len(CALIBRATED), (640, 480)
    left, right = ([corners(raw[number][side]) for number in CALIBRATED] for side in (0, 1))
    _, K0, D0, _, _ = cv2.calibrateCamera(boards, left, size, None, None)
    _, K1, D1, _, _ = cv2.calibrateCamera(boards, right, size, None, None)
    rms, K0, D0, K1, D1, R, t, _, _ = cv2.stereoCalibrate(
        boards, left, right, K0, D0, K1, D1, size, flags=cv2.CALIB_FIX_INTRINSIC)
    assert rms < 0.5
    R0, R1, P0, P1, _, _, _ = cv2.stereoRectify(K0, D0, K1, D1, size, R, t, alpha=0)
    return tuple(camera_info(k=K.ravel(), d=D.ravel(), r=turned.ravel(), p=P.ravel())
                 for K, D, turned, P in ((K0, D0, R0, P0), (K1, D1, R1, P1)))


@pytest.fixture(scope='module')
def rectified(raw, infos):
    """Give the rectified pairs by number."""
    rectifiers = [Rectifier.from_camera_info(info) for info in infos]
    assert all(rectifier.missing.mean() < 0.01 for rectifier in rectifiers)  # as alpha=0 means
    return {number: tuple(rectifier.rectify(image)
                          for rectifier, image in zip(rectifiers, pair, strict=True))
            for number, pair in raw.items()}


def test_the_corners_come_to_one_row(raw, rectified):
    before = {number: row_error(*raw[number]) for number in HELD_OUT}
    after = {number: row_error(*rectified[number]) for number in HELD_OUT}
    assert min(before.values()) > 10
    assert max(after.values()) < 0.3


def test_points_of_the_raw_image_move_as_by_undistort_points(raw, infos, rectified):
    """The corners of the raw picture, moved by OpenCV, are the corners of the rectified one."""
    for number in HELD_OUT[:2]:
        for side in (0, 1):
            info = infos[side]
            moved = cv2.undistortPoints(
                corners(raw[number][side])[:, None], info.k.reshape(3, 3), info.d,
                R=info.r.reshape(3, 3), P=info.p.reshape(3, 4)).reshape(-1, 2)
            error = np.linalg.norm(corners(rectified[number][side]) - moved, axis=1)
            assert np.median(error) < 0.15


def test_the_rig_is_that_of_the_calibration(infos):
    rig = StereoRig.from_camera_info(*infos)
    assert rig.baseline_m == pytest.approx(0.0835, abs=0.003)
    assert not rig.baseline_sign_is_unusual


def test_the_watch_tells_the_two_apart(raw, rectified):
    good, bad = RectificationWatch(), RectificationWatch()
    for number in NUMBERS:
        report = good.check(*rectified[number], DISPARITIES)
        assert report.verdict == ''
        assert check_rectification(*rectified[number], DISPARITIES).verdict == ''
        raw_report = bad.check(*raw[number], DISPARITIES)
    assert report.enough
    assert report.residual_px < 0.4
    assert raw_report.residual_px > 8
    assert raw_report.offset_px > 8
    assert 'px lower' in raw_report.verdict
    assert raw_report.verdict.endswith('the pair is not rectified')
