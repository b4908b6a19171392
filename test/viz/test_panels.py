import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ImageError, ShapeError
from panmatch_ros.viz.panels import BACKGROUND, GAP_PX, TITLE_PX, tile_panels

WIDE = np.full((20, 40, 3), 200, np.uint8)
TALL = np.full((60, 20), 150, np.uint8)


def test_layout():
    # Two columns of (216 - 3 * 8) / 2 = 96 px: heights 48 and 288, then 48.
    picture = tile_panels([('a', WIDE), ('b', TALL), ('c', WIDE)], 2, 216)
    assert picture.shape == (2 * TITLE_PX + 288 + 48 + GAP_PX, 216, 3)
    assert picture.dtype == np.uint8
    x0, x1 = GAP_PX, 2 * GAP_PX + 96
    assert (picture[TITLE_PX:TITLE_PX + 48, x0:x0 + 96] == 200).all()
    assert (picture[TITLE_PX + 48:TITLE_PX + 288, x0:x0 + 96] == BACKGROUND).all()
    assert (picture[TITLE_PX:TITLE_PX + 288, x1:x1 + 96] == 150).all()
    second = 2 * TITLE_PX + 288
    assert (picture[second:second + 48, x0:x0 + 96] == 200).all()
    assert (picture[second - TITLE_PX:, x1:] == BACKGROUND).all()
    assert (picture[:, x0 + 96:x1] == BACKGROUND).all()


def test_titles():
    picture = tile_panels([('title', WIDE), ('', WIDE)], 2, 416)
    strip = picture[:TITLE_PX].max(axis=(0, 2))
    assert strip[GAP_PX:GAP_PX + 50].max() > 180
    assert (strip[208:] == BACKGROUND).all()


def test_a_long_title_stays_above_its_panel():
    picture = tile_panels([('a very long title ' * 9, WIDE), ('', WIDE)], 2, 416)
    strip = picture[:TITLE_PX].max(axis=(0, 2))
    assert strip[150:196].max() > 180
    assert (strip[GAP_PX + 196 + 2:] == BACKGROUND).all()


def test_titles_with_other_letters_and_tiny_panels_do_not_fail():
    assert tile_panels([('Größe 视差', WIDE)], 1, 216).shape[1] == 216
    assert tile_panels([('title', WIDE)] * 4, 4, 104).shape[1] == 104


def test_a_panel_is_not_cut_or_repeated():
    ramp = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (50, 1))
    picture = tile_panels([('', ramp)], 1, 100 + 2 * GAP_PX)
    assert (picture[TITLE_PX:TITLE_PX + 50, GAP_PX:-GAP_PX, 0] == ramp).all()


def test_bad_input():
    with pytest.raises(ConfigError, match='no panels'):
        tile_panels([], 1, 200)
    with pytest.raises(ConfigError, match='columns must be at least 1, got 0'):
        tile_panels([('a', WIDE)], 0, 200)
    with pytest.raises(ConfigError, match='100 px has no room for 9 columns'):
        tile_panels([('a', WIDE)], 9, 100)
    with pytest.raises(ShapeError, match="panel 'a'"):
        tile_panels([('a', np.zeros((4, 4, 2), np.uint8))], 1, 100)
    with pytest.raises(ImageError, match="panel 'a' is empty"):
        tile_panels([('a', np.zeros((0, 4, 3), np.uint8))], 1, 100)
