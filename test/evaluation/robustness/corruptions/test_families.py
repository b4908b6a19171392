"""What the single corruptions do, in values."""
import numpy as np
import pytest

from panmatch_ros.core.errors import ImageError
from panmatch_ros.data.sample import Annotation
from panmatch_ros.evaluation.robustness.corruptions.damage import Damage
from panmatch_ros.evaluation.robustness.corruptions.distance import relative_distances

NAN = np.nan


def plain(level, size=(120, 160)):
    return np.full((*size, 3), level, np.uint8)


def point(size=(101, 201)):
    image = plain(0, size)
    image[size[0] // 2, size[1] // 2] = 255
    return image


def damaged(name, strength, image, annotation=None):
    return Damage(name, strength).apply('a', image, image, annotation)


def test_uniform_fog_follows_the_law_of_koschmieder():
    black, _ = damaged('fog', 3, plain(0))      # optical thickness 0.9
    white, _ = damaged('fog', 3, plain(255))
    # The air adds the same to both; what is left of their contrast is exp(-1.4).
    assert white.astype(int) - black == pytest.approx(255 * np.exp(-1.4), abs=1)


def test_fog_is_thicker_where_it_is_farther():
    disparity = np.full((120, 160), 8, np.float32)
    disparity[:, :40] = 16          # twice as near as the median
    disparity[:40] = NAN            # filled up from the row below: the smaller of its neighbours
    black, black1 = damaged('fog', 3, plain(0), Annotation(disparity=disparity))
    white, white1 = damaged('fog', 3, plain(255), Annotation(disparity=disparity))
    contrast = white[80, :, 0].astype(int) - black[80, :, 0]
    assert contrast[100] == pytest.approx(255 * np.exp(-1.4), abs=1)
    assert contrast[20] == pytest.approx(255 * np.exp(-0.7), abs=1)
    # Image 1 sees the near part 16 px further left.
    contrast1 = white1[80, :, 0].astype(int) - black1[80, :, 0]
    assert contrast1[22] == pytest.approx(255 * np.exp(-0.7), abs=1)
    assert contrast1[28] == pytest.approx(255 * np.exp(-1.4), abs=1)


def test_distances_by_hand():
    disparity = np.full((2, 8), 2, np.float32)
    disparity[:, 4:6] = 4
    disparity[:, 7] = NAN
    first, second = relative_distances(Annotation(disparity=disparity), (2, 8), (2, 8))
    # The median is 2. The near part at 4 and 5 is seen at 0 and 1, in front of what is there;
    # the part at 2 and 3, which would be seen there as well, is hidden.
    np.testing.assert_allclose(first[0], [1, 1, 1, 1, 0.5, 0.5, 1, 1])
    np.testing.assert_allclose(second[0], [0.5, 0.5, 1, 1, 1, 1, 1, 1])


def test_distances_of_depth():
    depth = np.array([[2, 4, 4, NAN]], np.float32)
    first, second = relative_distances(Annotation(depth0=depth, depth1=2 * depth), (1, 4), (1, 4))
    np.testing.assert_allclose(first[0], [0.5, 1, 1, 1])
    np.testing.assert_allclose(second[0], [1, 2, 2, 2])


@pytest.mark.parametrize('annotation', [
    Annotation(), Annotation(flow=np.zeros((4, 6, 2), np.float32)),
    Annotation(depth0=np.ones((4, 6), np.float32)),             # of one image only
    Annotation(disparity=np.full((4, 6), NAN, np.float32)),
    Annotation(disparity=np.zeros((4, 6), np.float32)),         # all at infinity
    Annotation(disparity=np.ones((8, 12), np.float32))])        # another size
def test_unknown_distances(annotation):
    assert relative_distances(annotation, (4, 6), (4, 6)) == (None, None)


def test_rain_is_light_and_different_in_both():
    found0, found1 = damaged('rain', 5, plain(60))
    veil = 60 + 0.35 * (215 - 60)
    for found in (found0, found1):
        assert found.min() == round(veil)             # the veil is everywhere
        assert np.mean(found > veil + 20) > 0.005      # streaks
        assert np.median(found) == round(veil)         # not everywhere
    streaks0, streaks1 = (found[..., 0] > veil + 20 for found in (found0, found1))
    both = np.count_nonzero(streaks0 & streaks1) / np.count_nonzero(streaks0)
    assert both < 0.5


def test_rain_falls_more_down_than_sideways():
    found, _ = damaged('rain', 5, plain(0, (400, 400)))
    values = found[..., 0].astype(float)
    down, across = np.abs(np.diff(values, axis=0)).mean(), np.abs(np.diff(values, axis=1)).mean()
    assert across > 2 * down


def test_night_is_dark_coloured_and_noisy():
    found, _ = damaged('night', 5, plain(128))
    means = found.reshape(-1, 3).mean(axis=0)
    # Half of 5 stops are regained: 128 * 2^(-2.5 / 2.2) = 58 before the colour of the light.
    assert 40 < means.mean() < 70
    assert means.max() - means.min() > 10
    assert found[..., 1].std() > 3
    mild, _ = damaged('night', 1, plain(128))
    assert mild[..., 1].std() < found[..., 1].std()


def test_blur_spreads_a_point_and_moves_nothing():
    for name in ('motion-blur', 'defocus'):
        found, _ = damaged(name, 5, point())
        values = found[..., 0].astype(float)
        y, x = np.indices(values.shape)
        assert (values * x).sum() / values.sum() == pytest.approx(100, abs=0.1)
        assert (values * y).sum() / values.sum() == pytest.approx(50, abs=0.1)
        assert found.max() < 128


def test_size_of_defocus():
    bright = plain(0, (101, 1001))
    bright[:, :500] = 255
    edge = damaged('defocus', 5, bright)[0][50, :, 0].astype(int)
    changed = np.flatnonzero(np.diff(edge))
    assert changed[-1] - changed[0] == pytest.approx(24, abs=3)  # a radius of 1.2 % of 1001


def test_noise_has_the_deviation_of_the_table():
    grey = damaged('noise', 2, plain(128, (300, 300)))[0]
    assert grey.std() == pytest.approx(10 * np.sqrt(0.5 + 0.5 * 128 / 255), rel=0.03)
    assert grey.mean() == pytest.approx(128, abs=0.2)


def test_low_resolution_of_stripes():
    stripes = plain(0)
    stripes[:, ::2] = 200
    found, _ = damaged('low-resolution', 2, stripes)  # half the size: the stripes are gone
    assert found == pytest.approx(100, abs=1)


def test_jpeg_keeps_plain_areas_and_refuses_what_it_cannot_hold():
    assert damaged('jpeg', 5, plain(128))[0] == pytest.approx(128, abs=3)
    with pytest.raises(ImageError, match='JPEG cannot hold an image of 70000x1'):
        damaged('jpeg', 1, plain(0, (1, 70000)))


def test_tones_of_a_poster():
    ramp = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (4, 1, 3))
    found, _ = damaged('posterise', 5, ramp)  # 3 tones
    assert set(np.unique(found)) == {0, 128, 255}
    assert found[0, 63, 0] == 0
    assert found[0, 64, 0] == 128


def test_painting_keeps_areas_and_outlines_edges():
    image = plain(200)
    image[:, 80:] = 60
    found, _ = damaged('painting', 5, image)
    assert (found[:, :60] == 200).all()
    assert (found[:, 100:] == 60).all()
    assert found[60, 75:85].min() < 40  # ink


def test_false_colours_are_by_brightness():
    image = plain(0)
    image[:, :80] = (90, 120, 30)
    image[:, 80:] = 101            # another colour of nearly the same brightness
    found, _ = damaged('recolour', 5, image)
    assert found[60, 20].astype(int) == pytest.approx(found[60, 140].astype(int), abs=12)
    assert np.abs(found[60, 20].astype(int) - (90, 120, 30)).max() > 40
