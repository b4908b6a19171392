import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ImageError, ShapeError
from panmatch_ros.core.types import Correspondences
from panmatch_ros.viz.matches import BACKGROUND, GAP_PX, draw_matches

GREY0 = np.full((60, 80, 3), 100, np.uint8)
GREY1 = np.full((40, 50), 100, np.uint8)


def matches(points0, points1):
    points0, points1 = (np.array(p, np.float32).reshape(-1, 2) for p in (points0, points1))
    return Correspondences(points0, points1, np.linspace(1, 0, len(points0), dtype=np.float32))


def colored(picture):
    """Where something was drawn: the images are grey."""
    return np.ptp(picture.astype(int), axis=-1) > 20


def test_two_sizes_side_by_side():
    picture = draw_matches(GREY0, GREY1, matches([], []))
    assert picture.shape == (60, 80 + GAP_PX + 50, 3)
    assert picture.dtype == np.uint8
    assert (picture[:, :80] == 70).all()
    assert (picture[:40, 80 + GAP_PX:] == 70).all()
    assert (picture[40:, 80 + GAP_PX:] == BACKGROUND).all()
    assert (picture[:, 80:80 + GAP_PX] == BACKGROUND).all()


def test_a_line_joins_the_points():
    drawn = colored(draw_matches(GREY0, GREY1, matches([[20, 30]], [[10, 30]])))
    start, end = 20, 80 + GAP_PX + 10
    assert drawn[30, start:end + 1].all()
    assert not drawn[:, :start - 5].any()
    assert not drawn[:, end + 6:].any()
    assert not drawn[:25].any()
    assert not drawn[36:].any()


def test_the_color_follows_the_height():
    picture = draw_matches(GREY0, GREY0, matches([[20, 5], [20, 55]], [[20, 5], [20, 55]]))
    top, bottom = picture[5, 70].astype(int), picture[55, 70].astype(int)
    assert top[0] > top[2]
    assert bottom[2] > bottom[0]


@pytest.mark.parametrize(('point0', 'point1'), [
    ((20, 30), (np.nan, 3)), ((20, 30), (50, 3)), ((20, 30), (3, 39.6)), ((-1, 30), (3, 3)),
    ((20, 30), (np.inf, 3)),
])
def test_what_is_outside_is_left_out(point0, point1):
    assert not colored(draw_matches(GREY0, GREY1, matches([point0], [point1]))).any()


def test_at_most_max_drawn_lines_spread_over_all():
    rows = np.arange(8, 592, 8)
    image = np.full((600, 80, 3), 100, np.uint8)
    points = np.stack([np.full(len(rows), 40), rows], axis=-1)
    between = colored(draw_matches(image, image, matches(points, points), 10))[:, 75]
    assert np.count_nonzero(between[rows]) == 10
    assert between[rows[0]]
    assert between[rows[-1]]
    assert not colored(draw_matches(image, image, matches(points, points), 0)).any()


def test_inputs_are_not_changed():
    image = GREY0.copy()
    draw_matches(image, image, matches([[20, 30]], [[10, 30]]))
    assert (image == GREY0).all()


def test_bad_input():
    with pytest.raises(ConfigError, match='max_drawn must not be negative'):
        draw_matches(GREY0, GREY1, matches([], []), -1)
    with pytest.raises(ShapeError, match='image1'):
        draw_matches(GREY0, np.zeros((4, 4, 2), np.uint8), matches([], []))
    with pytest.raises(ImageError, match='image0 is empty'):
        draw_matches(np.zeros((0, 4), np.uint8), GREY1, matches([], []))


def test_the_color_may_follow_the_confidence():
    both = Correspondences(*(np.float32([[20, 5], [20, 55]]),) * 2, np.float32([1.0, 0.0]))
    picture = draw_matches(GREY0, GREY0, both, color_by='confidence').astype(int)
    best, worst = picture[5, 70], picture[55, 70]
    assert min(best[:2]) > 200  # yellow
    assert best[2] < 100
    assert worst[2] > worst[0] > worst[1]  # dark violet
    assert worst.max() < 100


def test_unknown_color():
    with pytest.raises(ConfigError, match='color_by must be one of height, confidence'):
        draw_matches(GREY0, GREY0, matches([], []), color_by='age')
