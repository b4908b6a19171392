"""Sparse matches of pairs that need not be rectified, on textures that were moved exactly."""
import cv2
import numpy as np
import pytest
from shifted_pairs import pair

from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.core.row_matches import match_rows


@pytest.mark.parametrize(('disparity', 'v'), [(20, 0), (20.5, 2.3), (0, -4.75), (-6, 1.5),
                                              (60, 0.25)])
def test_the_displacement_is_found(disparity, v):
    left, right = pair(disparity, v)
    matches = match_rows(left, right, (-10, 70))
    assert len(matches) > 40
    error = matches.points1 - matches.points0 - (-disparity, v)
    assert np.abs(np.median(error, axis=0)).max() < 0.05
    assert np.percentile(np.abs(error), 95) < 0.25
    assert (matches.scores[:-1] >= matches.scores[1:]).all()
    assert matches.scores.min() >= 0.8


def test_the_matches_are_spread_and_inside():
    left, right = pair(10, 1)
    points = match_rows(left, right).points0
    assert (points >= 0).all()
    assert (points <= (319, 239)).all()
    assert np.ptp(points[:, 0]) > 200
    assert np.ptp(points[:, 1]) > 150


def test_exposure_does_not_matter():
    left, right = pair(20, 3)
    darker = np.clip(0.5 * right + 10, 0, 255).astype(np.uint8)
    matches = match_rows(left, darker)
    assert len(matches) > 40
    assert np.median((matches.points1 - matches.points0)[:, 1]) == pytest.approx(3, abs=0.05)


def test_large_images_are_reduced_and_points_scaled_back():
    left, right = (cv2.resize(view, (1500, 1125), interpolation=cv2.INTER_CUBIC)
                   for view in pair(40, 2, (480, 640)))
    matches = match_rows(left, right, (0, 300))
    assert len(matches) > 40
    scale = 1500 / 640
    assert np.median(matches.points1 - matches.points0, axis=0) == pytest.approx(
        [-40 * scale, 2 * scale], abs=0.1)
    assert matches.points0[:, 0].max() > 1000


@pytest.mark.parametrize('size', [(241, 319), (81, 80), (65, 200)])
def test_odd_and_small_sizes(size):
    left, right = pair(6, 1, size)
    matches = match_rows(left, right)
    assert len(matches) > 1
    assert np.median(matches.points1 - matches.points0, axis=0) == pytest.approx([-6, 1], abs=0.1)


def test_every_kind_of_image_is_taken():
    left, right = pair(20, 2)
    for convert in (lambda image: np.repeat(image[..., None], 3, axis=-1),
                    lambda image: image.astype(np.uint16) * 257,
                    lambda image: image.astype(np.float32) / 255):
        matches = match_rows(convert(left), convert(right))
        assert np.median((matches.points1 - matches.points0)[:, 1]) == pytest.approx(2, abs=0.05)


def test_what_is_out_of_reach_is_not_found():
    assert len(match_rows(*pair(40, 0), (0, 20))) < 3
    assert len(match_rows(*pair(20, 30))) < 3


def test_other_scenes_do_not_match():
    assert len(match_rows(pair(seed=0)[0], pair(seed=1)[1])) < 6


def test_a_pattern_that_repeats_itself_is_not_taken():
    y, x = np.mgrid[:240, :320]
    pattern = (128 + 60 * np.sin(x / 3) * np.sin(y / 3)).astype(np.uint8)
    assert len(match_rows(pattern, np.roll(pattern, 3, axis=1))) == 0


def test_without_texture_there_are_none():
    flat = np.full((240, 320), 90, np.uint8)
    assert len(match_rows(flat, flat)) == 0
    stripes = np.broadcast_to(np.where(np.arange(320) // 16 % 2, 200, 50).astype(np.uint8),
                              (240, 320))
    assert len(match_rows(stripes, stripes)) == 0  # they tell nothing about the rows
    noise = np.random.default_rng(0).integers(88, 92, (240, 320), np.uint8)
    assert len(match_rows(noise, noise)) == 0
    assert len(match_rows(flat[:63], flat[:63])) == 0


def test_errors():
    left, right = pair()
    with pytest.raises(ShapeError, match='left and right must have the same size'):
        match_rows(left, right[:100])
    for wrong in ((10, 5), (np.nan, 5), (0, np.inf)):
        with pytest.raises(ConfigError, match='disparity_range must be a smallest and a largest'):
            match_rows(left, right, wrong)
