"""Two images that differ in size: into one frame, and every point back to its place."""
import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import ShapeError
from panmatch_ros.core.pixels import resize_points
from panmatch_ros.core.types import Displacement
from panmatch_ros.inference.classical import ClassicalMatcher
from panmatch_ros.inference.matcher import Matcher
from panmatch_ros.inference.unequal_sizes import FrameFit, match_any_sizes


class Still(Matcher):
    """Finds every pixel where it is, and keeps what it was given."""

    def match(self, image0, image1):
        self.given = image0, image1
        return Displacement(np.zeros((*image0.shape[:2], 2), np.float32),
                            np.ones(image0.shape[:2], np.float32))

    def match_stereo(self, left, right):
        raise NotImplementedError


@pytest.mark.parametrize(('size', 'frame', 'resized'), [
    ((240, 320), (240, 320), (240, 320)),
    ((480, 640), (240, 320), (240, 320)),
    ((480, 640), (240, 400), (240, 320)),   # as high as the frame
    ((480, 640), (300, 320), (240, 320)),   # as wide as the frame
    ((100, 100), (240, 320), (240, 240)),   # larger
    ((3, 1000), (10, 100), (1, 100)),       # never nothing
    ((37, 53), (41, 71), (41, 59)),
])
def test_the_largest_size_that_fits(size, frame, resized):
    fit = FrameFit(size, frame)
    assert fit.resized == resized
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    framed = fit.forward(image)
    assert framed.shape == (*frame, 3)
    height, width = resized
    assert np.array_equal(framed[height:, :width], np.broadcast_to(
        framed[height - 1, :width], (frame[0] - height, width, 3)))
    assert np.array_equal(framed[:, width:], np.broadcast_to(
        framed[:, width - 1:width], (frame[0], frame[1] - width, 3)))
    assert (framed is image) == (size == frame)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize('channels', [(), (1,), (3,), (4,)])
def test_every_accepted_form_fits(dtype, channels):
    image = np.ones((6, 8, *channels), dtype)
    framed = FrameFit((6, 8), (9, 9)).forward(image)
    assert framed.shape[:2] == (9, 9)
    assert framed.shape[2:] in ((), channels)
    assert np.all(framed == 1)


def test_points_come_back_exactly():
    fit = FrameFit((37, 53), (41, 71))
    rows, columns = np.mgrid[:41, :71].astype(np.float32)
    points1 = np.random.default_rng(0).uniform((0, 0), (52, 36), (41, 71, 2)).astype(np.float32)
    framed = resize_points(points1, (37, 53), (41, 59))
    back = fit.inverse_flow(framed - np.dstack([columns, rows]))
    assert back.dtype == np.float32
    assert back + np.dstack([columns, rows]) == pytest.approx(points1, abs=1e-4)


def test_invalid_stays_invalid():
    flow = np.full((4, 5, 2), np.nan, np.float32)
    assert np.isnan(FrameFit((8, 9), (4, 5)).inverse_flow(flow)).all()


def test_what_ends_in_the_repeated_edge_is_not_found():
    image0, image1 = np.zeros((40, 60), np.uint8), np.zeros((20, 20), np.uint8)
    matcher = Still()
    found = match_any_sizes(matcher, image0, image1)
    assert matcher.given[1].shape == (40, 60)
    assert np.all(found.confidence[:, :40] == 1)
    assert np.all(found.confidence[:, 40:] == 0)
    # The pixel (0, 0) is the upper left quarter of the pixel (0, 0) of image 1.
    assert found.flow[0, 0].tolist() == [-0.25, -0.25]
    assert found.flow[39, 39] == pytest.approx((19.25 - 39, 19.25 - 39))


def test_images_of_one_size_are_passed_on():
    image0, image1 = np.zeros((40, 60), np.uint8), np.zeros((40, 60, 3), np.uint8)
    matcher = Still()
    match_any_sizes(matcher, image0, image1)
    assert matcher.given[0] is image0
    assert matcher.given[1] is image1


@pytest.mark.parametrize(('resized', 'cut'), [
    ((60, 80), (60, 80)), ((180, 240), (180, 240)), ((90, 120), (60, 120)), ((90, 120), (90, 80))])
def test_a_real_matcher_finds_the_places(resized, cut):
    texture = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    image0 = cv2.resize(texture, (160, 120), interpolation=cv2.INTER_CUBIC)
    image1 = cv2.resize(image0, resized[::-1], interpolation=cv2.INTER_AREA)[:cut[0], :cut[1]]
    found = match_any_sizes(ClassicalMatcher(), image0, image1)
    rows, columns = np.mgrid[:120, :160].astype(np.float32)
    grid = np.dstack([columns, rows])
    error = np.linalg.norm(grid + found.flow - resize_points(grid, (120, 160), resized), axis=-1)
    sure = found.confidence > 0.5
    assert np.median(error[sure]) < 0.2
    assert sure.mean() > 0.7 * cut[0] * cut[1] / (resized[0] * resized[1])


def test_wrong_shapes():
    with pytest.raises(ShapeError, match='at least 1 x 1'):
        FrameFit((0, 4), (4, 4))
    with pytest.raises(ShapeError, match=r'must be \(4, 4\), got \(4, 5\)'):
        FrameFit((4, 4), (8, 8)).forward(np.zeros((4, 5), np.uint8))
    with pytest.raises(ShapeError, match='flow must be'):
        FrameFit((4, 4), (8, 8)).inverse_flow(np.zeros((8, 8), np.float32))
    with pytest.raises(ShapeError, match='image1 must be'):
        match_any_sizes(Still(), np.zeros((4, 4), np.uint8), np.zeros(4, np.uint8))
