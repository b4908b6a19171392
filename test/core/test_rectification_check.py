"""Checks of a stream of pairs, and what they remember."""
import cv2
import numpy as np
import pytest
from shifted_pairs import pair

from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.core.rectification_check import (
    REMEMBERED_CHECKS,
    RectificationWatch,
    check_rectification,
)


def part_of(images, top, left):
    """Texture in 50 x 50 px of the left image only; the right one shows it at its place."""
    masked = [np.full_like(image, 128) for image in images]
    for image, mine, x in zip(images, masked, (left, left - 10), strict=True):
        place = np.s_[top:top + 50, x:x + 50]
        mine[place] = image[place]
    return masked


def test_a_good_and_a_bad_pair():
    good = check_rectification(*pair(20, 0.1))
    assert good.verdict == ''
    assert good.residual_px == pytest.approx(0.1, abs=0.05)
    bad = check_rectification(*pair(20, 3.2))
    assert bad.verdict == 'the right image is 3.2 px lower: the pair is not rectified'
    assert check_rectification(*pair(20, 3.2), limit_px=5).verdict == ''


def test_a_turned_and_larger_image():
    left, right = pair(20, 0)
    M = cv2.getRotationMatrix2D((159.5, 119.5), -1.5, 1.03)  # counter-clockwise, factor
    report = check_rectification(left, cv2.warpAffine(right, M, (320, 240)))
    assert report.model.rotation_deg == pytest.approx(1.5, abs=0.1)
    assert report.model.scale_percent == pytest.approx(3, abs=0.2)
    assert 'turned 1.5' in report.verdict
    assert ' degrees clockwise' in report.verdict
    assert '% larger' in report.verdict


def test_nothing_to_see():
    report = check_rectification(*(np.zeros((240, 320), np.uint8),) * 2)
    assert (report.matches, report.enough, report.verdict) == (0, False, '')


def test_what_one_pair_does_not_show_several_do():
    whole = pair(10, 4)
    parts = [part_of(whole, top, left) for left in range(20, 270, 80) for top in (20, 150)]
    assert not check_rectification(*parts[0]).enough
    watch = RectificationWatch()
    reports = [watch.check(*each) for each in parts]
    assert not reports[0].enough
    assert reports[-1].enough
    assert reports[-1].offset_px == pytest.approx(4, abs=0.1)
    assert 'px lower: the pair is not rectified' in reports[-1].verdict


def test_a_scene_that_stands_still_counts_once():
    watch, images = RectificationWatch(), pair(10, 4)
    first = watch.check(*images)
    for _ in range(3):
        assert watch.check(*images).matches == first.matches
    assert first.matches <= check_rectification(*images).matches


def test_swapped_images_are_noticed():
    left, right = pair(20, 0)
    report = RectificationWatch().check(right, left)
    assert report.is_swapped
    assert report.verdict == (
        'left and right seem to be swapped: exchanged, the images match far better')


@pytest.mark.parametrize(('images', 'disparities'), [
    (pair(20, 0), None), (pair(0, 0), None), (pair(-20, 0), (-40.0, 0.0)),
    ((np.zeros((240, 320), np.uint8),) * 2, None)],
    ids=['near', 'infinity', 'converging', 'nothing to see'])
def test_images_that_are_not_swapped(images, disparities):
    report = RectificationWatch().check(*images, disparities)
    assert (report.is_swapped, report.verdict) == (False, '')


def test_old_checks_are_forgotten():
    watch, bad, good = RectificationWatch(), pair(10, 4), pair(10, 0, seed=1)
    assert watch.check(*bad).verdict
    for _ in range(REMEMBERED_CHECKS):
        report = watch.check(*good)
    assert report.verdict == ''
    assert report.residual_px < 0.1
    assert report.matches <= check_rectification(*good).matches


def test_the_newest_match_of_a_place_counts():
    watch = RectificationWatch()
    watch.check(*pair(10, 4))
    assert watch.check(*pair(10, 0)).residual_px < 0.1


def test_reset_and_another_size_are_a_new_start():
    watch = RectificationWatch(limit_px=2)
    assert watch.check(*pair(10, 4)).verdict
    watch.reset()
    empty = np.zeros((240, 320), np.uint8)
    assert watch.check(empty, empty).matches == 0
    watch.check(*pair(10, 4))
    small = np.zeros((200, 320), np.uint8)
    assert watch.check(small, small).matches == 0


def test_errors_leave_the_memory_as_it_is():
    watch, images = RectificationWatch(), pair(10, 4)
    before = watch.check(*images)
    with pytest.raises(ShapeError, match='same size'):
        watch.check(images[0], images[1][:100])
    with pytest.raises(ConfigError, match='disparity_range'):
        watch.check(*images, (5, 1))
    assert watch.check(*images) == before
    with pytest.raises(ConfigError, match='limit_px'):
        RectificationWatch(limit_px=0).check(*images)
