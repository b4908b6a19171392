"""Stretching to multiples of 112 and back: as torch does, and exact for flow and intrinsics."""
import numpy as np
import pytest

from panmatch_ros.core.errors import ShapeError
from panmatch_ros.inference.transform import MEAN, STD, StretchTransform, resize_corners, unit_rgb

SIZES = [(100, 150), (112, 168), (120, 112), (1, 1), (1, 300), (227, 113), (448, 449)]


def image(size, seed=0, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, (*size, 3), dtype,
                                                endpoint=True)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('new_size', [(112, 112), (224, 336), (97, 61), (1, 5)])
def test_resizing_equals_torch(size, new_size):
    torch = pytest.importorskip('torch', reason='torch is not installed')
    values = np.random.default_rng(1).standard_normal((*size, 3)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values).permute(2, 0, 1)[None], new_size, mode='bilinear',
        align_corners=True)[0].permute(1, 2, 0).numpy()
    resized = resize_corners(values, new_size)
    assert resized.dtype == np.float32
    assert np.abs(resized - expected).max() <= 1e-6
    assert np.abs(resize_corners(values[..., 0], new_size) - expected[..., 0]).max() <= 1e-6


@pytest.mark.parametrize('size', SIZES)
def test_the_stretched_size_is_the_next_multiple(size):
    height, width = StretchTransform(size).stretched
    assert height % 112 == width % 112 == 0
    assert 0 <= height - size[0] < 112
    assert 0 <= width - size[1] < 112


def test_images_of_a_multiple_are_only_normalised():
    pixels = image((112, 224))
    for quirks in (False, True):
        tensor = StretchTransform((112, 224), reference_quirks=quirks).forward(pixels)
        expected = (pixels.astype(np.float32) / 255 - MEAN) / STD
        assert tensor.shape == (3, 112, 224)
        assert tensor.flags.c_contiguous
        np.testing.assert_array_equal(tensor, expected.transpose(2, 0, 1))


def test_values_of_known_pixels():
    black, white = np.zeros((50, 60, 3), np.uint8), np.full((50, 60, 3), 255, np.uint8)
    transform = StretchTransform((50, 60))
    for pixels, value in ((black, 0.0), (white, 1.0)):
        tensor = transform.forward(pixels)
        for channel in range(3):
            np.testing.assert_allclose(
                tensor[channel], (value - MEAN[channel]) / STD[channel], rtol=1e-6)


def test_quirks_multiply_red_and_green_of_whole_images_only():
    pixels = image((100, 150))
    plain = StretchTransform((100, 150)).forward(pixels)
    quirky = StretchTransform((100, 150), reference_quirks=True).forward(pixels)
    tile = StretchTransform((100, 150), reference_quirks=True, is_tile=True).forward(pixels)
    np.testing.assert_allclose(quirky[0], plain[0] * np.float32(224 / 150), rtol=1e-6)
    np.testing.assert_allclose(quirky[1], plain[1] * np.float32(112 / 100), rtol=1e-6)
    np.testing.assert_array_equal(quirky[2], plain[2])
    np.testing.assert_array_equal(tile, plain)


def test_quirks_scale_flow_and_intrinsics_by_the_size():
    for is_tile in (False, True):
        transform = StretchTransform((100, 150), reference_quirks=True, is_tile=is_tile)
        flow = np.ones((112, 224, 2), np.float32)
        restored = transform.inverse_flow(flow)
        np.testing.assert_allclose(restored[..., 0], 150 / 224, rtol=1e-6)
        np.testing.assert_allclose(restored[..., 1], 100 / 112, rtol=1e-6)
        K = transform.scale_intrinsics(np.array([[500, 0, 75], [0, 500, 50], [0, 0, 1.0]]))
        np.testing.assert_allclose(K[0], [500 * 224 / 150, 0, 75 * 224 / 150])


@pytest.mark.parametrize('size', SIZES)
def test_an_affine_flow_survives_the_round_trip(size):
    """Bilinear interpolation reproduces affine fields exactly, so nothing may be lost."""
    y, x = np.mgrid[:size[0], :size[1]].astype(np.float32)
    flow = np.dstack([3 + 0.01 * x - 0.02 * y, -2 + 0.005 * y])
    transform = StretchTransform(size)
    stretched = transform.forward_flow(flow)
    assert stretched.shape == (*transform.stretched, 2)
    np.testing.assert_allclose(transform.inverse_flow(stretched), flow, atol=2e-4)


def test_targets_of_flow_are_where_the_stretch_puts_them():
    """A pixel and its target, both stretched, differ by the stretched flow."""
    size = (100, 150)
    transform = StretchTransform(size)
    flow = np.full((*size, 2), (7.0, -4.0), np.float32)
    ratio = np.array([223 / 149, 111 / 99])
    start = np.array([20.0, 30.0])
    moved = (start + flow[30, 20]) * ratio - start * ratio
    np.testing.assert_allclose(transform.forward_flow(flow)[50, 50], moved, rtol=1e-6)


def test_intrinsics_project_to_the_stretched_pixel():
    """What K projects to a pixel of the image, the scaled K projects to where it was moved."""
    size = (100, 150)
    transform = StretchTransform(size)
    K = np.array([[180.0, 0, 70], [0, 175, 52], [0, 0, 1]])
    point = np.array([0.3, -0.2, 2.0])
    scaled = transform.scale_intrinsics(K)
    before, after = K @ point / 2, scaled @ point / 2
    # Where a ramp along x or y has the value of the pixel.
    y, x = np.mgrid[:100, :150].astype(np.float32)
    ramps = resize_corners(np.dstack([x, y]), transform.stretched)
    column, row = after[:2]
    assert np.interp(column, np.arange(224), ramps[0, :, 0]) == pytest.approx(before[0], abs=1e-3)
    assert np.interp(row, np.arange(112), ramps[:, 0, 1]) == pytest.approx(before[1], abs=1e-3)
    np.testing.assert_array_equal(scaled[2], [0, 0, 1])
    assert transform.scale_intrinsics(np.eye(3, 4)).shape == (3, 4)


def test_maps_come_back_without_scale():
    transform = StretchTransform((100, 150))
    confidence = np.full(transform.stretched, 0.75, np.float32)
    np.testing.assert_array_equal(transform.inverse_map(confidence),
                                  np.full((100, 150), 0.75, np.float32))
    with pytest.raises(ShapeError, match=r'the map must have the shape \(112, 224\)'):
        transform.inverse_map(confidence[:50])


def test_all_accepted_images_give_the_same_tensor():
    size = (30, 40)
    gray = image(size)[..., 0]
    transform = StretchTransform(size)
    expected = transform.forward(np.dstack([gray] * 3))
    for same in (gray, gray[..., None], np.dstack([gray] * 3 + [gray // 2]),
                 gray.astype(np.uint16) * 257, (gray / 255).astype(np.float64)):
        np.testing.assert_allclose(transform.forward(same), expected, atol=1e-6)


def test_sixteen_bits_are_not_cut_to_eight():
    fine = np.full((4, 4), 257 * 100 + 128, np.uint16)
    assert unit_rgb(fine)[0, 0, 0] == np.float32(fine[0, 0]) / np.float32(65535)


def test_floats_beyond_the_range_are_clipped():
    values = np.array([[np.nan, -1.0, 0.5, np.inf]], np.float32)
    np.testing.assert_array_equal(unit_rgb(values)[0, :, 1], [0, 0, 0.5, 1])


@pytest.mark.parametrize(('call', 'match'), [
    (lambda t: t.forward(np.zeros((99, 150, 3), np.uint8)), r'\(100, 150\), got \(99, 150\)'),
    (lambda t: t.forward(np.zeros((100, 150, 2), np.uint8)), r'\(H, W, 3\)'),
    (lambda t: t.inverse_flow(np.zeros((100, 150, 2), np.float32)), r'\(112, 224, 2\), got'),
    (lambda t: t.forward_flow(np.zeros((100, 150), np.float32)), r'\(100, 150, 2\), got'),
])
def test_wrong_shapes_are_errors(call, match):
    with pytest.raises(ShapeError, match=match):
        call(StretchTransform((100, 150)))


def test_an_empty_size_is_an_error():
    with pytest.raises(ShapeError, match='at least 1 x 1'):
        StretchTransform((0, 10))
