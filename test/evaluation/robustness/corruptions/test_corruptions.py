"""Every corruption: nothing at strength 0, more damage with more strength, the same each time."""
import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import ConfigError, ImageError, ShapeError
from panmatch_ros.evaluation.robustness.corruptions.base import MAX_STRENGTH, Corruption
from panmatch_ros.evaluation.robustness.corruptions.damage import Damage
from panmatch_ros.evaluation.robustness.corruptions.registry import CORRUPTIONS, find_corruption

STRENGTHS = (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5)
NAMES = tuple(CORRUPTIONS)
NOTHING_DRAWN = ('jpeg', 'low-resolution', 'posterise', 'painting', 'defocus')
SAME_IN_BOTH = (*NOTHING_DRAWN, 'recolour', 'fog')


def scene(height=160, width=240, seed=0):
    """Smooth colours with edges and a little texture, as photographs have."""
    random = np.random.default_rng(seed)
    image = np.zeros((height, width, 3))
    for cells, weight in ((4, 120), (16, 60), (64, 30)):
        grid = random.random((cells, cells, 3)).astype(np.float32)
        image += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    image[40:90, 60:120] = (200, 40, 40)
    image[100:130, 20:200] *= 0.4
    return np.clip(image, 0, 255).astype(np.uint8)


def psnr(image, reference):
    error = np.mean((image.astype(float) - reference) ** 2)
    return 10 * np.log10(255 ** 2 / error) if error else np.inf


@pytest.mark.parametrize('name', NAMES)
def test_strength_0_changes_nothing(name):
    image0, image1 = scene(), scene(seed=1)
    for images in ('both', 'second'):
        found0, found1 = Damage(name, 0, images).apply('a', image0, image1)
        np.testing.assert_array_equal(found0, image0)
        np.testing.assert_array_equal(found1, image1)


@pytest.mark.parametrize('name', NAMES)
def test_more_strength_is_more_damage(name):
    image0, image1 = scene(), scene(seed=1)
    before0, before1 = image0.copy(), image1.copy()
    quality = []
    whole = [Damage(name, strength).apply('a', image0, image1) for strength in range(1, 6)]
    for found0, found1 in whole:
        assert found0.dtype == found1.dtype == np.uint8
        assert found0.shape == found1.shape == image0.shape
        quality.append((psnr(found0, image0), psnr(found1, image1)))
    falls = np.diff(np.array(quality), axis=0)
    assert (falls < -0.2).all(), quality
    assert quality[0][0] < 50
    assert quality[-1][0] > 3
    np.testing.assert_array_equal(image0, before0)  # the input is left alone
    np.testing.assert_array_equal(image1, before1)


@pytest.mark.parametrize('name', NAMES)
def test_the_same_each_time_and_other_for_another_pair(name):
    image0, image1 = scene(), scene(seed=1)
    damage = Damage(name, 3, seed=7)
    first, again = (Damage(name, 3, seed=7).apply('a', image0, image1) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other_pairs = [damage.apply(f'pair {index}', image0, image1)[0] for index in range(4)]
    assert any((other != first[0]).any() for other in other_pairs) == (name not in NOTHING_DRAWN)
    other_seeds = [Damage(name, 3, seed=seed).apply('a', image0, image1)[0] for seed in range(4)]
    assert any((other != first[0]).any() for other in other_seeds) == (name not in NOTHING_DRAWN)


@pytest.mark.parametrize('name', NAMES)
def test_what_both_images_share(name):
    image = scene()
    found0, found1 = Damage(name, 4).apply('a', image, image)
    assert (found0 == found1).all() == (name in SAME_IN_BOTH)


@pytest.mark.parametrize('name', NAMES)
def test_only_the_second_image(name):
    image0, image1 = scene(), scene(seed=1)
    both = Damage(name, 4).apply('a', image0, image1)
    second = Damage(name, 4, images='second').apply('a', image0, image1)
    np.testing.assert_array_equal(second[0], image0)
    np.testing.assert_array_equal(second[1], both[1])


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('shape', [(37, 51, 3), (1, 9, 3), (16, 1, 3), (40, 60), (40, 60, 4)])
def test_any_image_that_the_matchers_take(name, shape):
    random = np.random.default_rng(0)
    image0 = random.integers(0, 256, shape, np.uint8)
    image1 = random.integers(0, 65536, (48, 30, 3), np.uint16)  # 16 bits, and of another size
    found0, found1 = Damage(name, 5).apply('a', image0, image1)
    assert (found0.shape, found1.shape) == ((*shape[:2], 3), (48, 30, 3))
    assert found0.dtype == found1.dtype == np.uint8


@pytest.mark.parametrize('name', NAMES)
def test_grades(name):
    kind = find_corruption(name)
    assert kind.name == name
    assert len(kind.grades) == MAX_STRENGTH + 1
    steps = np.diff(kind.grades)
    assert (steps > 0).all() or (steps < 0).all()
    assert kind.grade(2.5) == pytest.approx((kind.grades[2] + kind.grades[3]) / 2)
    assert kind.describe(5) == f'{kind.grades[5]:.3g} {kind.measure}'
    # Between whole strengths the damage lies between, but for what whole pixels do.
    image = scene()
    values = [psnr(Damage(name, strength).apply('a', image, image)[0], image)
              for strength in STRENGTHS]
    assert (np.diff(values) <= 0.6).all(), values


def test_key_tells_one_damage_from_another():
    keys = [Damage('fog', 1), Damage('fog', 2), Damage('rain', 1), Damage('fog', 1, 'second'),
            Damage('fog', 1, seed=1)]
    assert len({str(damage.key()) for damage in keys}) == 5
    assert Damage('fog', 0).key() == Damage('rain', 0, 'second', 3).key() == {
        'corruption': 'none'}


def test_a_corruption_must_keep_the_form(monkeypatch):
    bad = Corruption('bad', '', '', (0, 1, 2, 3, 4, 5), lambda view, *_: view.image[1:])
    monkeypatch.setitem(CORRUPTIONS, 'bad', bad)
    with pytest.raises(ShapeError, match=r'bad made uint8 \(3, 5, 3\) of an image uint8 \(4, 5'):
        Damage('bad', 1).apply('a', np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))


def test_bad_input():
    with pytest.raises(ConfigError, match="no corruption 'snow'; choose of rain, fog, night"):
        Damage('snow', 1)
    for strength in (-1, 5.1, float('nan')):
        with pytest.raises(ConfigError, match='strength must be from 0 to 5, got'):
            Damage('fog', strength)
    with pytest.raises(ConfigError, match="images must be both or second, got 'first'"):
        Damage('fog', 1, 'first')
    with pytest.raises(ConfigError, match='seed must not be negative, got -1'):
        Damage('fog', 1, seed=-1)
    image = np.zeros((4, 5, 3), np.uint8)
    with pytest.raises(ShapeError, match='image1 must be uint8'):
        Damage('fog', 1).apply('a', image, image.astype(np.int32))
    with pytest.raises(ImageError, match='image0 is empty'):
        Damage('fog', 0).apply('a', image[:0], image)
