"""Drawing of surfaces: borders, thin parts, and what is in front."""
import dataclasses

import numpy as np
import pytest

from panmatch_ros.data.synthetic.pools import DISTANCE_STEPS, INSIDE, OUTLINE_EDGE, Pools
from panmatch_ros.data.synthetic.raster import Renderer
from panmatch_ros.data.synthetic.scene import Scene, Skin, Surface

SIZE = (64, 80)
IDENTITY = np.tile(np.eye(3), (2, 1, 1))
GREY, RED = (90, 90, 90), (200, 40, 10)


@pytest.fixture(scope='module')
def pools():
    """Textures of one colour, and a vertical bar of 8 / 256 of its width."""
    textures = np.full((2, 128, 128, 4), 255, np.uint8)
    textures[0, ..., :3], textures[1, ..., :3] = GREY, RED
    x = np.arange(OUTLINE_EDGE) - (OUTLINE_EDGE - 1) / 2
    y = np.abs(x)[:, None]
    distance = np.minimum(4 - np.abs(x), 120 - y)
    level = np.clip(INSIDE + 0.5 + DISTANCE_STEPS * distance, 0, 255).astype(np.uint8)
    return Pools((textures, textures[:, ::2, ::2]), 1, level[None], 1)


def surface(texture, outline=-1, depth=1.0, crop=(0, 0, 128, 128), to_texture=None):
    skin = Skin(texture, 0, crop, (0, 1, 2), np.tile(np.arange(256, dtype=np.uint8)[:, None], 3),
                0.0, outline)
    return Surface(skin, np.eye(3) if to_texture is None else to_texture, IDENTITY,
                   np.tile([0, 0, depth], (2, 1)))


def bar(depth=2.0):
    # 16 texture pixels over 60 pixels of the image.
    scale = np.diag([16 / 60, 16 / 60, 1.0])
    scale[:2, 2] = -0.5 - scale[0, 0] * np.array([9.2, 1.5])
    return surface(1, 0, depth, (0, 0, 16, 16), scale)


def test_thin_parts_survive_where_the_texture_is_coarse(pools):
    # Outlines were once resized with the texture: a thin bar fell between its pixels.
    view = Renderer(Scene(SIZE, [surface(0), bar()]), pools, 2).render(0)
    rows = (view.surfaces == 1).sum(axis=1)
    assert (rows[6:58] >= 1).all()
    assert rows.max() <= 3
    assert 1.6 < rows[6:58].mean() < 2.1
    assert (view.image[view.surfaces == 0][0] == GREY).all()


@pytest.mark.parametrize('ordered', [True, False])
def test_what_is_in_front(pools, ordered):
    seen = Renderer(Scene(SIZE, [surface(0), bar()], sorted=ordered), pools, 2).render(0)
    assert (seen.surfaces == 1).any()
    hidden = Renderer(Scene(SIZE, [surface(0), bar(0.5)], sorted=ordered), pools, 2).render(0)
    assert (hidden.surfaces == 1).any() == ordered  # depth decides only where order does not


def test_pixels_average_their_subpixels(pools):
    scene = Scene(SIZE, [surface(0), bar()])
    fine, coarse = (Renderer(scene, pools, factor).render(0).image.astype(float)
                    for factor in (4, 1))
    assert len(np.unique(coarse[..., 0])) == 2
    assert len(np.unique(fine[..., 0])) > 2
    share = (fine[..., 0].mean() - GREY[0]) / (RED[0] - GREY[0])
    assert share == pytest.approx(60 * 8 / 256 * 60 * 240 / 256 / (64 * 80), rel=0.15)


def test_curves_and_channels(pools):
    skin = surface(1).skin
    curves = np.tile(255 - np.arange(256, dtype=np.uint8)[:, None], 3)
    changed = dataclasses.replace(surface(1), skin=dataclasses.replace(
        skin, channels=(2, 0, 1), curves=curves))
    image = Renderer(Scene(SIZE, [changed]), pools, 2).render(0).image
    assert (image == [255 - RED[2], 255 - RED[0], 255 - RED[1]]).all()
