"""Range of depths and speckles; patches against a labelling by brute force."""
import cv2
import numpy as np
import pytest

from panmatch_ros.core.camera import Camera, StereoRig
from panmatch_ros.core.disparity import depth_from_disparity
from panmatch_ros.core.disparity_filter import (
    DepthFilter,
    filter_depth,
    filter_disparity,
    speckles,
)
from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.core.types import Disparity

NAN = np.float32(np.nan)
RIG = StereoRig.ideal((2, 4), focal_px=100, baseline_m=0.2)  # f * B = 20
CONVERGING = StereoRig(Camera(4, 1, 100, 100, 1, 0.5), Camera(4, 1, 100, 100, 5, 0.5, -20))


def rows(*values):
    return np.array(values, np.float32)


def sure(disparity):
    return Disparity(disparity, np.ones_like(disparity))


def patch_sizes(disparity, range_px):
    """Size of the patch of every pixel, by walking from pixel to pixel; 0 where invalid."""
    height, width = disparity.shape
    sizes = np.zeros(disparity.shape, int)
    for start in zip(*np.nonzero(np.isfinite(disparity)), strict=True):
        if sizes[start]:
            continue  # it is of a patch that was walked already
        seen, ahead = {start}, [start]
        while ahead:
            y, x = ahead.pop()
            for other in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                inside = 0 <= other[0] < height and 0 <= other[1] < width
                if inside and other not in seen \
                        and abs(disparity[other] - disparity[y, x]) <= np.float32(range_px):
                    seen.add(other)
                    ahead.append(other)
        for pixel in seen:
            sizes[pixel] = len(seen)
    return sizes


@pytest.mark.parametrize(('option', 'text'), [
    ({'min_depth': -1.0}, 'min_depth must be a finite number and not negative, got -1.0'),
    ({'max_depth': np.inf}, 'max_depth must be a finite number and not negative, got inf'),
    ({'speckle_range_px': np.nan}, 'speckle_range_px must be a finite number'),
    ({'speckle_size': 2.5}, 'speckle_size must be a whole number and not negative, got 2.5'),
    ({'speckle_size': -1}, 'speckle_size must be a whole number and not negative, got -1'),
    ({'min_depth': 3.0, 'max_depth': 3.0},
     'max_depth must be larger than min_depth, or 0 for no limit, got 3 and 3'),
])
def test_values_that_cannot_work_are_refused(option, text):
    with pytest.raises(ConfigError, match=f'^{text}'):
        DepthFilter(**option)


def test_without_a_limit_nothing_is_copied():
    result = Disparity(rows([1, NAN]), rows([0.1, 0]))
    depth = rows([4, NAN])
    for each in (DepthFilter(), DepthFilter(speckle_size=1), DepthFilter(speckle_range_px=9.0)):
        assert each.keeps_all
        assert filter_disparity(result, RIG, each, 0.5) is result
        assert filter_depth(depth, result.confidence, 20.0, each, 0.5) is depth


def test_what_is_nearer_or_farther_is_left_out():
    disparity = rows([40, 20, 10, 5], [4, 0, -1, NAN])  # 0.5, 1, 2, 4; 5 m, infinity, beyond, -
    near = filter_disparity(sure(disparity), RIG, DepthFilter(min_depth=1.0)).disparity
    assert near == pytest.approx(rows([NAN, 20, 10, 5], [4, 0, -1, NAN]), nan_ok=True)
    both = filter_disparity(sure(disparity), RIG, DepthFilter(1.0, 4.0)).disparity
    assert both == pytest.approx(rows([NAN, 20, 10, 5], [NAN, NAN, NAN, NAN]), nan_ok=True)
    assert disparity[0, 0] == 40  # the input is not touched


def test_limits_hold_for_the_depths_that_follow():
    rng = np.random.default_rng(0)
    disparity = rng.uniform(5, 20, (50, 4)).astype(np.float32)
    rig = StereoRig.ideal((50, 4), focal_px=100, baseline_m=0.2)
    for limit in depth_from_disparity(disparity, rig).ravel()[:40]:
        kept = filter_disparity(sure(disparity), rig, DepthFilter(float(limit))).disparity
        assert np.nanmin(depth_from_disparity(kept, rig)) == limit
        kept = filter_disparity(sure(disparity), rig, DepthFilter(0.0, float(limit))).disparity
        assert np.nanmax(depth_from_disparity(kept, rig)) == limit


def test_offset_of_the_principal_points_is_part_of_the_depth():
    disparity = rows([6, 0, -2, -4])  # 2, 5, 10 m, infinity
    kept = filter_disparity(sure(disparity), CONVERGING, DepthFilter(3.0, 8.0)).disparity
    assert kept == pytest.approx(rows([NAN, 0, NAN, NAN]), nan_ok=True)


def test_confidences_stay_and_what_is_not_sure_joins_no_patches():
    disparity = rows([5, 5, 5, 5, 9], [5, 5, 5, 5, 9])
    confidence = rows([1, 1, 0.1, 1, 1], [1, 1, 0.1, 1, 1])
    rig = StereoRig.ideal((2, 5), focal_px=100, baseline_m=0.2)
    kept = filter_disparity(Disparity(disparity, confidence), rig, DepthFilter(speckle_size=4),
                            min_confidence=0.2)
    assert kept.confidence is confidence
    expected = rows([5, 5, NAN, NAN, NAN], [5, 5, NAN, NAN, NAN])
    assert kept.disparity == pytest.approx(expected, nan_ok=True)


def test_what_is_out_of_range_joins_no_patches():
    disparity = rows([10, 10, 11, 10], [10, 10, 11, 10])  # 11 px are 1.8 m
    kept = filter_disparity(sure(disparity), RIG, DepthFilter(1.9, 0.0, 4, 2.0)).disparity
    expected = rows([10, 10, NAN, NAN], [10, 10, NAN, NAN])
    assert kept == pytest.approx(expected, nan_ok=True)


def test_a_patch_may_be_steep_but_not_torn():
    disparity = rows([0, 1, 2, 3, 4.5, 5.5])
    assert speckles(disparity, 3, 1.0).tolist() == [[False] * 4 + [True] * 2]
    assert not speckles(disparity, 3, 1.5).any()
    assert speckles(disparity, 5, 1.0).all()


def test_pixels_that_touch_at_a_corner_are_two_patches():
    disparity = rows([7, NAN], [NAN, 7])
    assert speckles(disparity, 2, 1.0).tolist() == [[True, False], [False, True]]
    assert not speckles(disparity, 1, 1.0).any()


def test_a_step_of_less_than_a_sixteenth_of_a_pixel_counts():
    # What is rounded to 16 bits, as for cv2.filterSpeckles, cannot tell these two.
    disparity = rows([100.0, 100.03, 100.09])
    assert speckles(disparity, 2, 0.05).tolist() == [[False, False, True]]


@pytest.mark.parametrize('shape', [(1, 1), (1, 40), (40, 1), (2, 2), (37, 52)])
@pytest.mark.parametrize('seed', range(4))
def test_patches_are_those_that_brute_force_finds(shape, seed):
    rng = np.random.default_rng(seed)
    disparity = rng.choice([3.0, 3.4, 5.1, 8.0], shape).astype(np.float32)
    disparity += rng.normal(0, 0.1, shape).astype(np.float32)
    disparity[rng.random(shape) < 0.2] = NAN
    before = disparity.copy()
    for range_px in (0.0, 0.3, 0.5, 2.0, 3.0):
        sizes = patch_sizes(disparity, range_px)
        for size in (2, 3, 7, 30):
            found = speckles(disparity, size, range_px)
            np.testing.assert_array_equal(found, (sizes > 0) & (sizes < size))
    np.testing.assert_array_equal(disparity, before)


@pytest.mark.parametrize('size', [2, 12, 60])
def test_on_whole_steps_the_result_is_that_of_opencv(size):
    rng = np.random.default_rng(1)
    sixteenths = cv2.GaussianBlur(rng.normal(0, 900, (60, 80)), (0, 0), 2).astype(np.int16)
    disparity = sixteenths.astype(np.float32) / 16
    disparity[::7] = NAN
    sixteenths[::7] = -4096
    cv2.filterSpeckles(sixteenths, -4096, size - 1, 32)  # which keeps patches that are larger
    kept = np.where(speckles(disparity, size, 2.0), NAN, disparity)
    np.testing.assert_array_equal(np.isnan(kept), sixteenths == -4096)
    assert np.isnan(disparity).sum() < np.isnan(kept).sum() < kept.size


def test_depth_without_a_rig():
    depth = rows([1, 1, 1.2, 9, 40], [1, 1, 1.2, 9, 40])  # 20, 20, 16.7, 2.2 and 0.5 px
    confidence = rows([1, 1, 1, 1, 1], [1, 0.1, 1, 1, 1])
    kept = filter_depth(depth, confidence, 20.0, DepthFilter(0.0, 20.0, 5, 4.0), 0.2)
    expected = rows([1, 1, 1.2, NAN, NAN], [1, NAN, 1.2, NAN, NAN])
    assert kept == pytest.approx(expected, nan_ok=True)
    assert np.isfinite(depth).all()


def test_filtering_twice_is_filtering_once():
    rng = np.random.default_rng(2)
    result = sure(rng.uniform(2, 30, (40, 50)).astype(np.float32))
    rig = StereoRig.ideal((40, 50), focal_px=100, baseline_m=0.2)
    each = DepthFilter(1.0, 6.0, 10, 8.0)
    once = filter_disparity(result, rig, each)
    assert 0.1 < once.valid.mean() < 0.9
    np.testing.assert_array_equal(filter_disparity(once, rig, each).disparity, once.disparity)


def test_a_map_has_two_dimensions():
    with pytest.raises(ShapeError, match=r'disparity must be \(H, W\), got \(2, 3, 1\)'):
        speckles(np.zeros((2, 3, 1), np.float32), 5, 1.0)
