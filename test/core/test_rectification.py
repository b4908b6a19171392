"""Rectifying, against cv2.projectPoints and cv2.undistortPoints."""
from calibrations import (
    EQUIDISTANT,
    PLUMB_BOB,
    RATIONAL,
    THIN_PRISM,
    TILTED,
    K,
    P,
    camera_info,
    perfect_info,
    ramps,
    rectified_of,
    region,
    rotation,
    source_of,
)
import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import CalibrationError, ConfigError, ImageError, ShapeError
from panmatch_ros.core.rectification import Rectifier

HALF_STEP = 1 / 64 + 1e-3  # of the tables, and float32
MODELS = [('plumb_bob', PLUMB_BOB[:4]), ('plumb_bob', PLUMB_BOB),
          ('rational_polynomial', RATIONAL), ('rational_polynomial', THIN_PRISM),
          ('rational_polynomial', TILTED), ('equidistant', EQUIDISTANT)]


def sources(info, name='camera_info'):
    """Rectified points (N, 2) that have a source, and those sources, from the image itself."""
    rectifier = Rectifier.from_camera_info(info, name)
    size = rectifier.camera.height, rectifier.camera.width
    x, y = (rectifier.rectify(ramp) for ramp in ramps(size))
    seen = ~rectifier.missing
    return (np.stack([each[seen] for each in ramps(size)], axis=-1).astype(np.float64),
            np.stack([x[seen], y[seen]], axis=-1).astype(np.float64))


@pytest.mark.parametrize(('model', 'd'), MODELS)
def test_every_pixel_comes_from_where_its_ray_meets_the_raw_image(model, d):
    info = camera_info(distortion_model=model, d=d)
    points, found = sources(info)
    assert len(points) > 0.9 * 480 * 640
    assert np.abs(found - source_of(points, info)).max() < HALF_STEP


@pytest.mark.parametrize(('model', 'd'), MODELS)
def test_points_of_the_raw_image_are_rectified_as_by_undistort_points(model, d):
    info = camera_info(distortion_model=model, d=d)
    points, found = sources(info)
    chosen = np.random.default_rng(0).choice(len(points), 3000, replace=False)
    error = np.abs(rectified_of(found[chosen], info) - points[chosen])
    assert np.percentile(error, 98) < 0.02
    assert error.max() < 0.03  # half a step of 1/32 px, as much larger as the picture grows here


def test_corners_of_a_chessboard():
    info = camera_info()
    raw = chessboard(rectified_of(np.stack(ramps((480, 640)), axis=-1).reshape(-1, 2), info))
    rectified = Rectifier.from_camera_info(info).rectify(raw)
    expected = np.stack(np.meshgrid(np.arange(100, 541, 40), np.arange(100, 381, 40)),
                        axis=-1).reshape(-1, 2)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-4)
    found = cv2.cornerSubPix(rectified, expected[:, None].astype(np.float32), (8, 8), (-1, -1),
                             criteria).reshape(-1, 2)
    assert np.abs((found - expected).mean(axis=0)).max() < 0.02
    assert np.abs(found - expected).max() < 0.06
    before = cv2.cornerSubPix(raw, expected[:, None].astype(np.float32), (8, 8), (-1, -1),
                              criteria).reshape(-1, 2)
    assert np.abs(before - expected).mean() > 1


def chessboard(points, edge=40.0):
    """(480, 640) uint8: squares whose corners are at multiples of 40 + 20 px, soft edges."""
    waves = np.sin(np.pi * (points - 20) / edge)
    value = np.tanh(6 * waves).prod(axis=1)
    return np.rint(128 + 100 * value).reshape(480, 640).astype(np.uint8)


def test_the_camera_is_that_of_P():
    camera = Rectifier.from_camera_info(camera_info()).camera
    assert np.array_equal(camera.P.ravel(), P)
    assert (camera.height, camera.width) == (480, 640)


def test_binning_is_that_of_a_smaller_camera():
    binned = camera_info(binning_x=2, binning_y=2)
    half = camera_info(width=320, height=240, k=(*np.divide(K[:6], 2), 0, 0, 1),
                       p=(*np.divide(P[:8], 2), 0, 0, 1, 0))
    for mine, other in zip(sources(binned), sources(half), strict=True):
        assert np.array_equal(mine, other)


def test_a_region_is_cut_from_the_rectified_image():
    whole = Rectifier.from_camera_info(camera_info())
    part = Rectifier.from_camera_info(camera_info(roi=region(200, 120, 240, 200)))
    for ramp in ramps((480, 640)):
        mine = part.rectify(ramp[120:320, 200:440])
        other = whole.rectify(ramp)[120:320, 200:440]
        assert mine.shape == (200, 240)
        seen = ~part.missing
        assert 0.8 < seen.mean() < 1  # the distortion takes from outside the region
        difference = np.abs(mine[seen] - other[seen])
        assert difference.max() <= 1 / 32  # one step, where float32 rounds the other way
        assert np.mean(difference > 0) < 0.001


def test_region_and_binning_together():
    info = camera_info(roi=region(200, 120, 240, 200), binning_x=2, binning_y=2)
    points, found = sources(info)
    expected = source_of(points * 2 + (200, 120), info)
    assert np.abs(found - (expected - (200, 120)) / 2).max() < HALF_STEP


# Pixels without a source.

def test_missing_is_what_comes_from_outside():
    info = camera_info(p=(350.0, 0, 322, 0, 0, 350, 238, 0, 0, 0, 1, 0))
    missing = Rectifier.from_camera_info(info).missing
    points = np.stack(ramps((480, 640)), axis=-1).reshape(-1, 2)
    place = source_of(points, info)
    margin = np.minimum(place, (639, 479) - place).min(axis=1).reshape(480, 640)
    assert 0.2 < missing.mean() < 0.6
    assert missing[margin < -0.02].all()
    assert not missing[margin > 0.02].any()
    assert not missing.flags.writeable


@pytest.mark.parametrize('interpolation', [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC,
                                           cv2.INTER_LANCZOS4])
def test_missing_is_zero_and_the_border_does_not_bleed(interpolation):
    info = camera_info(p=(350.0, 0, 322, 0, 0, 350, 238, 0, 0, 0, 1, 0))
    rectifier = Rectifier.from_camera_info(info)
    rectified = rectifier.rectify(np.full((480, 640, 3), 200, np.uint8), interpolation)
    assert (rectified[rectifier.missing] == 0).all()
    assert (rectified[~rectifier.missing] == 200).all()


def test_the_image_does_not_fold_back():
    # Beyond r = 0.91 plumb_bob shows the same again; P looks as far as r = 2.
    info = camera_info(d=(-0.4, 0, 0, 0), r=rotation(0, 0, 0),
                       p=(160.0, 0, 320, 0, 0, 160, 240, 0, 0, 0, 1, 0))
    beyond = np.array([[320 + 160 * 1.5, 240]])
    assert np.all(source_of(beyond, info) > 0)
    assert np.all(source_of(beyond, info) < (639, 479))
    missing = Rectifier.from_camera_info(info).missing
    assert missing[240, 560]
    x, y = ramps((480, 640))
    assert missing[np.hypot((x - 320) / 160, (y - 240) / 160) > 0.92].all()
    assert not missing[240, 320:400].any()


def test_what_is_behind_the_camera_is_missing():
    info = camera_info(d=(), r=rotation(0, np.radians(70), 0),
                       p=(100.0, 0, 320, 0, 0, 100, 240, 0, 0, 0, 1, 0))
    missing = Rectifier.from_camera_info(info).missing
    # In the rectified frame the optical axis of the raw image is 70 degrees to the right.
    x = 320 + 100 * np.tan(np.radians(70))
    assert not missing[240, int(x)]
    assert missing[:, :320].all()


def test_a_calibration_that_shows_nothing():
    info = camera_info(r=rotation(0, np.pi, 0))
    rectifier = Rectifier.from_camera_info(info, 'cam')
    for use in (lambda: rectifier.missing, lambda: rectifier.is_identity,
                lambda: rectifier.rectify(np.zeros((480, 640), np.uint8))):
        with pytest.raises(CalibrationError, match='cam: by K, D, R and P the rectified image '
                                                   'shows nothing'):
            use()


# Images.

@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize('channels', [(), (1,), (3,), (4,)])
def test_types_and_channels_are_kept(dtype, channels):
    rectifier = Rectifier.from_camera_info(camera_info())
    scale = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    x, _ = ramps((480, 640))
    plain = x / 640 * scale
    plain = (np.rint(plain) if scale > 1 else plain).astype(dtype)
    image = np.broadcast_to(plain[(..., *(None for _ in channels))], (480, 640, *channels))
    rectified = rectifier.rectify(image)
    assert rectified.dtype == dtype
    assert rectified.shape == image.shape
    expected = np.where(rectifier.missing, 0, rectifier.rectify(x) / 640 * scale)
    tolerance = {np.uint8: 1.0, np.uint16: 1.0, np.float16: 1e-3}.get(dtype, 1e-5)
    for channel in np.moveaxis(rectified.reshape(480, 640, -1), -1, 0):
        assert np.abs(channel.astype(np.float64) - expected).max() <= tolerance


def test_the_nearest_pixel_is_the_nearest():
    """Regression: with these tables cv2.remap takes the pixel to the upper left."""
    rectifier = Rectifier.from_camera_info(camera_info())
    x, y = ramps((480, 640))
    for ramp in (x, y):
        exact = rectifier.rectify(ramp)
        nearest = rectifier.rectify(ramp, cv2.INTER_NEAREST)
        assert np.abs(nearest - exact).max() <= 0.5
        assert np.array_equal(nearest, np.rint(nearest))


def test_nan_spreads_to_its_neighbours_only():
    depth = np.full((480, 640), 2.0, np.float32)
    depth[240, 320] = np.nan
    rectified = Rectifier.from_camera_info(camera_info()).rectify(depth)
    assert 1 <= np.isnan(rectified).sum() <= 9


def test_the_input_is_not_changed():
    image = np.random.default_rng(0).integers(0, 255, (480, 640), np.uint8)
    before = image.copy()
    image.flags.writeable = False
    Rectifier.from_camera_info(camera_info()).rectify(image)
    assert np.array_equal(image, before)


def test_a_rectified_image_is_given_back():
    rectifier = Rectifier.from_camera_info(perfect_info())
    image = np.zeros((480, 640), np.uint8)
    assert rectifier.is_identity
    assert rectifier.rectify(image) is image
    assert not rectifier.missing.any()


def test_without_distortion_R_and_P_still_count():
    """Regression: image_geometry copies an image without distortion as it is."""
    for info in (perfect_info(r=rotation()), perfect_info(k=K)):
        rectifier = Rectifier.from_camera_info(info)
        assert not rectifier.is_identity
        points, found = sources(info)
        assert np.abs(found - points).max() > 1
        assert np.abs(found - source_of(points, camera_info(**{**vars(info), 'd': (0.0,) * 5}
                                                            ))).max() < HALF_STEP


def test_errors_of_images():
    rectifier = Rectifier.from_camera_info(camera_info(binning_x=2, binning_y=2), 'cam')
    with pytest.raises(CalibrationError, match='cam describes an image of 320x240 pixels .after '
                                               'region of interest and binning., but the image '
                                               'has 640x480'):
        rectifier.rectify(np.zeros((480, 640), np.uint8))
    with pytest.raises(ShapeError, match=r'got \(240, 320, 2\)'):
        rectifier.rectify(np.zeros((240, 320, 2), np.uint8))
    with pytest.raises(ShapeError, match='int32'):
        rectifier.rectify(np.zeros((240, 320), np.int32))
    with pytest.raises(ImageError, match='empty'):
        rectifier.rectify(np.zeros((0, 320), np.uint8))
    with pytest.raises(ConfigError, match=r'one of \(0, 1, 2, 4\) .nearest, linear.*got 3'):
        rectifier.rectify(np.zeros((240, 320), np.uint8), cv2.INTER_AREA)


@pytest.mark.parametrize('size', [{'width': 40000, 'height': 8},
                                  {'width': 30000, 'height': 30000}])
def test_a_size_that_no_memory_holds(size):
    rectifier = Rectifier.from_camera_info(camera_info(**size), 'cam')
    with pytest.raises(CalibrationError, match='cam: images of .* pixels are too large'):
        rectifier.missing  # noqa: B018  the access computes


def test_a_wrong_size_is_told_before_tables_are_made(monkeypatch):
    monkeypatch.setattr(cv2, 'initUndistortRectifyMap', lambda *args: pytest.fail('made'))
    rectifier = Rectifier.from_camera_info(camera_info(width=1280, height=960))
    with pytest.raises(CalibrationError, match='describes an image of 1280x960'):
        rectifier.rectify(np.zeros((480, 640), np.uint8))
