"""Images whole or in tiles: the same results, no holes, and sizes that are refused."""
import dataclasses
import logging

import numpy as np
import pytest

pytest.importorskip('torch', reason='torch is not installed')
pytest.importorskip('safetensors', reason='safetensors is not installed')
from tiny_network import brightness_matcher, picture, plain, tiny_matcher

from panmatch_ros.core.errors import ImageError
from panmatch_ros.inference.layout import DEFAULT_TILE, default_tile, lay_out
from panmatch_ros.inference.panmatch_config import PanMatchOptions


def pair(size):
    return plain(size), plain(size, 0.4, -0.3)


def test_tiles_are_put_together():
    size = (300, 520)
    matcher = brightness_matcher(gain=10, tiles='always', tile_size=(224, 336))
    assert len(matcher.layout(np.zeros(size)).offsets) == 6
    result = matcher.match(*pair(size))
    np.testing.assert_allclose(result.flow[..., 0], 4, rtol=1e-4)
    np.testing.assert_allclose(result.flow[..., 1], -3, rtol=1e-4)
    assert result.confidence[150, 260] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize('size', [(113, 130), (230, 112), (16, 240), (250, 250)])
def test_tiles_of_any_size_have_no_hole_and_no_nan(size):
    matcher = tiny_matcher(tiles='always', tile_size=(112, 112))
    result = matcher.match(picture(size, 1), picture(size, 2))
    assert result.valid.all()
    assert np.isfinite(result.confidence).all()


def test_one_tile_equals_the_whole_image():
    images = picture((112, 150), 1), picture((112, 150), 2)
    whole = tiny_matcher(tiles='never').match(*images)
    tile = tiny_matcher(tiles='always').match(*images)
    np.testing.assert_array_equal(whole.flow, tile.flow)


def test_auto_tiles_only_large_images():
    matcher = brightness_matcher()
    assert matcher.layout(np.zeros((720, 1280))).part == (720, 1280)
    assert matcher.layout(np.zeros((1080, 1920))).part == (448, 448)
    trained = dataclasses.replace(matcher.options, tile_size=(336, 560))
    assert lay_out((1080, 1920), trained, (448, 448)).part == (336, 560)
    assert lay_out((1080, 1920), matcher.options, (384, 512)).part == (384, 512)
    whole = dataclasses.replace(matcher.options, tiles='never')
    assert lay_out((1080, 1920), whole).part == (1080, 1920)


def test_too_large_images_are_refused_before_any_work():
    matcher = brightness_matcher(max_pixels=10_000)
    with pytest.raises(ImageError, match='150 x 120 pixels, more than the limit of 10000'):
        matcher.match(*pair((120, 150)))
    with pytest.raises(ImageError, match=r'cost volume of .* GiB, more than the limit of 8 GiB'):
        brightness_matcher(tiles='never').layout(np.zeros((3000, 4000)))
    assert matcher.network._model.encoded == 0


@pytest.mark.parametrize('crop_size', [(1, 1), (111, 448), (448, 1), (65536, 65536), (448, 65536)])
def test_crop_sizes_that_make_no_tiles_are_ignored_and_that_is_said_once(crop_size, caplog):
    default_tile.cache_clear()
    lay_out.cache_clear()
    with caplog.at_level(logging.WARNING):
        for size in ((1080, 1920), (1200, 1600)):
            layout = lay_out(size, PanMatchOptions(), crop_size)
            assert layout.part == DEFAULT_TILE
            assert layout.offsets == lay_out(size, PanMatchOptions()).offsets
    assert len(caplog.records) == 1
    assert f'{crop_size[0]} x {crop_size[1]} (height x width)' in caplog.text


@pytest.mark.parametrize('crop_size', [(112, 112), (384, 512), (1120, 1568)])
def test_other_crop_sizes_are_tiles(crop_size):
    assert lay_out((2000, 3000), PanMatchOptions(), crop_size).part == crop_size


@pytest.mark.parametrize(('options', 'advice'), [
    ({'tiles': 'never'}, r'or match them in tiles \(--tiles always on the command line, the '),
    ({'tiles': 'never', 'tile_size': (448, 448)}, r'or match them in tiles \(--tiles always'),
    ({'tile_size': (3000, 4000)}, 'images of 4000 x 3000 .*, or a smaller tile_size$'),
    ({'tile_size': (2900, 3000)}, 'tiles of 3000 x 2900 .*, or a smaller tile_size$'),
    ({'max_pixels': 1000}, ': use smaller ones$'),
])
def test_errors_advise_what_helps(options, advice):
    with pytest.raises(ImageError, match=advice):
        lay_out((3000, 4000), PanMatchOptions(**options))
