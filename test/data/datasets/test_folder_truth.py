"""Ground truth, and the scale of 8-bit disparity images."""
from pathlib import Path

import cv2
import numpy as np
import pytest

from panmatch_ros.core.errors import FormatError
from panmatch_ros.data.datasets.folder_truth import TruthPair, read_truth

LEVELS = np.array([[0, 16, 32], [64, 128, 255]], np.uint8)


def write(path, values, task='stereo'):
    if path.suffix == '.npy':
        np.save(path, values)
    else:
        cv2.imwrite(str(path), values)
    return TruthPair('pair', task, Path('left.png'), Path('right.png'), path)


@pytest.mark.parametrize(('name', 'scale'), [
    ('disp16.png', 16), ('disp_left.png', 4), ('disp2.png', 4), ('aloeGT.png', 1)])
def test_scale_is_guessed_from_known_names(tmp_path, name, scale):
    truth = read_truth(write(tmp_path / name, LEVELS))
    expected = np.where(LEVELS > 0, LEVELS / scale, np.nan)
    np.testing.assert_array_equal(truth.values, expected.astype(np.float32))
    assert (truth.scale, truth.is_guess) == (scale, True)
    assert name in truth.scale_origin


def test_scale_file_goes_before_the_name(tmp_path):
    (tmp_path / 'scale.txt').write_text('8\n')
    truth = read_truth(write(tmp_path / 'disp16.png', LEVELS))
    assert truth.values[0, 1] == 2
    assert (truth.scale, truth.scale_origin, truth.is_guess) == (8, 'scale.txt', False)


def test_given_scale_goes_before_all(tmp_path):
    (tmp_path / 'scale.txt').write_text('8\n')
    truth = read_truth(write(tmp_path / 'disp16.png', LEVELS), scale=2)
    assert truth.values[0, 1] == 8
    assert (truth.scale, truth.is_guess) == (2, False)


def test_unknown_name_names_the_ways_to_tell(tmp_path):
    pair = write(tmp_path / 'disparity.png', LEVELS)
    with pytest.raises(FormatError, match=r'scale\.txt beside it, or give it with --scale'):
        read_truth(pair)
    assert read_truth(pair, scale=4).values[0, 1] == 4


@pytest.mark.parametrize('text', ['', 'four', '0', '-1', 'nan', 'inf', '4 4'])
def test_bad_scale_file(tmp_path, text):
    (tmp_path / 'scale.txt').write_text(text)
    with pytest.raises(FormatError, match='one positive number'):
        read_truth(write(tmp_path / 'disp16.png', LEVELS))


@pytest.mark.parametrize('name', ['disp.png', 'disp_left.png'])
def test_16_bits_are_kitti(tmp_path, name):
    truth = read_truth(write(tmp_path / name, np.array([[0, 256, 640]], np.uint16)))
    np.testing.assert_array_equal(truth.values, np.float32([[np.nan, 1, 2.5]]))
    assert truth.scale is None


def test_arrays_are_pixels_whatever_scale_is_given(tmp_path):
    values = np.array([[1.5, np.inf, np.nan]], np.float64)
    truth = read_truth(write(tmp_path / 'disp.npy', values), scale=4)
    np.testing.assert_array_equal(truth.values, np.float32([[1.5, np.nan, np.nan]]))


def test_flow(tmp_path):
    flow = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    truth = read_truth(write(tmp_path / 'flow.npy', flow, task='flow'), scale=4)
    np.testing.assert_array_equal(truth.values, flow)


def test_no_image_at_all(tmp_path):
    path = tmp_path / 'disp2.png'
    path.write_text('hello')
    with pytest.raises(FormatError, match=r'disp2\.png'):
        read_truth(TruthPair('pair', 'stereo', path, path, path))
