"""From images to what the nano network sees, and back."""
import logging

import numpy as np
import pytest

from panmatch_ros.core.errors import ImageError
from panmatch_ros.inference.nano_config import NanoOptions
from panmatch_ros.inference.nano_layout import NanoLayout, best_of_cells, lay_out


@pytest.mark.parametrize(('size', 'padded'), [
    ((64, 64), (64, 64)), ((480, 640), (480, 640)), ((8, 8), (64, 64)), ((65, 65), (80, 128)),
    ((375, 450), (384, 512)), ((1080, 1920), (1088, 1920))])
def test_sizes_are_padded_to_what_the_network_takes(size, padded):
    layout = lay_out(size, NanoOptions())
    assert layout.scaled == size
    assert layout.padded == padded


def test_the_right_and_lower_edge_are_repeated():
    image = np.random.default_rng(0).integers(0, 256, (70, 60, 3), dtype=np.uint8)
    tensor = lay_out((70, 60), NanoOptions()).forward(image)
    assert tensor.shape == (1, 3, 80, 64)
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor[0, :, :70, :60], image.transpose(2, 0, 1) / 255, atol=1e-6)
    np.testing.assert_array_equal(tensor[0, :, :70, 63], tensor[0, :, :70, 59])
    np.testing.assert_array_equal(tensor[0, :, 79], tensor[0, :, 69])


@pytest.mark.parametrize('make', [
    lambda x: x[..., 0], lambda x: x[..., :1], lambda x: np.dstack([x, x[..., 0]]),
    lambda x: (x.astype(np.uint16) << 8), lambda x: x.astype(np.float32) / 255,
    lambda x: x.astype(np.float64) / 255])
def test_all_kinds_of_images_are_the_same_image(make):
    image = np.repeat(np.random.default_rng(0).integers(0, 256, (64, 64, 1), dtype=np.uint8), 3, 2)
    layout = lay_out((64, 64), NanoOptions())
    np.testing.assert_allclose(layout.forward(make(image)), layout.forward(image), atol=1e-6)


def test_results_are_cut_to_the_image():
    layout = lay_out((70, 60), NanoOptions())
    flow = np.random.default_rng(0).normal(size=(1, 2, 80, 64)).astype(np.float32)
    back = layout.inverse_flow(flow)
    np.testing.assert_array_equal(back, flow[0, :, :70, :60].transpose(1, 2, 0))
    np.testing.assert_array_equal(layout.inverse_map(flow[:, :1]), flow[0, 0, :70, :60])
    assert back.flags.c_contiguous


def test_details_are_matched_at_more_pixels_and_flow_comes_back_smaller():
    layout = lay_out((100, 120), NanoOptions(detail=True))
    assert layout.scaled == (150, 180)
    assert layout.padded == (160, 192)
    flow = np.full((1, 2, 160, 192), 3, np.float32)
    flow[:, 1] = -6
    np.testing.assert_allclose(layout.inverse_flow(flow)[..., 0], 2, rtol=1e-6)
    np.testing.assert_allclose(layout.inverse_flow(flow)[..., 1], -4, rtol=1e-6)
    assert layout.inverse_map(flow[:, :1]).shape == (100, 120)


def test_pixels_stay_where_they_are_when_the_size_changes():
    # The centre of a pixel is at (x + 0.5) of its edge: a bright spot does not move.
    image = np.zeros((64, 96, 3), np.uint8)
    image[31:33, 47:49] = 255
    for options in (NanoOptions(detail=True), NanoOptions(max_pixels=4096)):
        layout = lay_out((64, 96), options)
        back = layout.inverse_map(layout.forward(image)[:, :1])
        rows, columns = np.indices(back.shape)
        assert abs((back * rows).sum() / back.sum() - 31.5) < 0.1
        assert abs((back * columns).sum() / back.sum() - 47.5) < 0.1


def test_large_images_are_made_smaller_and_that_is_said(caplog):
    with caplog.at_level(logging.WARNING):
        layout = lay_out((400, 901), NanoOptions(max_pixels=90_000))
    assert layout.scaled == (200, 450)
    assert 'matched at 0.5 of their size instead of 1: the network takes about 90000' in (
        caplog.text)
    assert lay_out((1080, 1920), NanoOptions(detail=True)).scaled == (1080, 1920)


@pytest.mark.parametrize(('size', 'text'), [
    ((7, 100), 'at least 8 x 8 pixels, got 100 x 7'), ((5000, 7000), 'resize them')])
def test_sizes_that_are_refused(size, text):
    with pytest.raises(ImageError, match=text):
        lay_out(size, NanoOptions())


def test_half_the_size():
    half = NanoLayout((101, 99), (101, 99)).halved()
    assert half.scaled == (51, 50)
    assert half.size == (101, 99)


def test_the_best_pixel_of_each_cell():
    values = np.arange(24, dtype=np.float32).reshape(1, 4, 6)
    confidence = np.zeros((4, 6), np.float32)
    confidence[1, 0], confidence[2, 5] = 0.5, 0.75
    found, sure = best_of_cells(values, confidence, (2, 3), 2)
    assert found.shape == (1, 2, 3)
    assert found[0, 0, 0] == 6
    assert found[0, 1, 2] == 17
    assert sure.tolist() == [[0.5, 0, 0], [0, 0, 0.75]]


def test_cells_beyond_the_image_repeat_it():
    values = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    found, _ = best_of_cells(values, values[0], (2, 2), 2)
    assert found.tolist() == [[[4, 5], [4, 5]]]
    found, _ = best_of_cells(values, values[0], (1, 1), 2)
    assert found.tolist() == [[[4]]]
