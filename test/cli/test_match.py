"""``panmatch match``: what is written, and that it is right."""
import json

import cv2
import numpy as np
import pytest

from panmatch_ros.cli import match
from panmatch_ros.core.camera import StereoRig
from panmatch_ros.core.types import Disparity
from panmatch_ros.data.calibration import (
    camera_info_from_camera,
    write_camera_info_yaml,
    write_middlebury_calib,
)
from panmatch_ros.data.formats import read_flo, read_image, read_pfm, read_ply
from panmatch_ros.inference.classical import ClassicalMatcher

HEIGHT, WIDTH, DISPARITY, FLOW = 96, 160, 8, (3, -2)
STEREO_FILES = {'disparity.npy', 'disparity.pfm', 'disparity.png', 'confidence.npy',
                'confidence.png', 'summary.json'}
DEPTH_FILES = {'depth.npy', 'depth.png', 'cloud.ply', 'cloud.png'}
FLOW_FILES = {'flow.npy', 'flow.flo', 'flow.png', 'confidence.npy', 'confidence.png',
              'summary.json'}
MATCH_FILES = {'matches.npz', 'matches.png', 'confidence.npy', 'confidence.png', 'summary.json'}


def names(folder):
    return {path.name for path in folder.iterdir()}


def summary_of(folder):
    return json.loads((folder / 'summary.json').read_text())


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'deep' / 'out'


@pytest.fixture
def rig():
    return StereoRig.ideal((HEIGHT, WIDTH), focal_px=100.0, baseline_m=0.2)


def write_calib(rig, path):
    write_middlebury_calib(path, rig)
    return path


def test_stereo_without_calibration(panmatch, stereo_pair, out):
    result = panmatch('match', *stereo_pair, '--task', 'stereo', '--out', out)
    assert result.status == 0
    assert result.err == ('panmatch match: without --calib there is no depth and no point '
                          'cloud\n')
    assert names(out) == STEREO_FILES
    disparity = np.load(out / 'disparity.npy')
    assert (disparity.dtype, disparity.shape) == (np.float32, (HEIGHT, WIDTH))
    assert np.nanmedian(disparity) == pytest.approx(DISPARITY, abs=0.1)
    assert np.mean(np.abs(disparity[:, 20:] - DISPARITY) < 0.5) > 0.95
    np.testing.assert_array_equal(read_pfm(out / 'disparity.pfm'), disparity)
    assert 'disparity_px: median 8' in result.out


def test_values_are_the_matchers_own(panmatch, stereo_pair, out):
    panmatch('match', *stereo_pair, '--task', 'stereo', '--max-disparity', 32, '--out', out)
    own = ClassicalMatcher(match_config(32)).match_stereo(*map(read_image, stereo_pair))
    np.testing.assert_array_equal(np.load(out / 'disparity.npy'), own.disparity)
    np.testing.assert_array_equal(np.load(out / 'confidence.npy'), own.confidence)


def match_config(max_disparity):
    return ClassicalMatcher().config.__class__(max_disparity=max_disparity)


def test_depth_and_cloud(panmatch, stereo_pair, out, rig, tmp_path):
    calib = write_calib(rig, tmp_path / 'calib.txt')
    result = panmatch('match', *stereo_pair, '--task', 'stereo', '--calib', calib, '--out', out)
    assert (result.status, result.err) == (0, '')
    assert names(out) == STEREO_FILES | DEPTH_FILES
    disparity, depth = np.load(out / 'disparity.npy'), np.load(out / 'depth.npy')
    with np.errstate(divide='ignore'):
        expected = 100.0 * 0.2 / disparity
    known = np.isfinite(expected)
    np.testing.assert_allclose(depth[known], expected[known], rtol=1e-5)
    assert np.isnan(depth[~known]).all()
    assert np.nanmedian(depth) == pytest.approx(2.5, rel=0.02)  # 100 px * 0.2 m / 8 px
    points, colors, _ = read_ply(out / 'cloud.ply')
    assert len(points) == np.count_nonzero(known) == summary_of(out)['points']
    assert colors.shape == points.shape
    np.testing.assert_array_equal(colors, read_image(stereo_pair[0])[known])
    row, column = np.argwhere(known)[100]
    z = depth[row, column]
    np.testing.assert_allclose(
        points[100], [(column - rig.left.cx) * z / 100, (row - rig.left.cy) * z / 100, z],
        rtol=1e-4, atol=1e-5)


def test_ros_calibration_gives_the_same_depth(panmatch, stereo_pair, rig, tmp_path):
    calib = write_calib(rig, tmp_path / 'calib.txt')
    files = tmp_path / 'left.yaml', tmp_path / 'right.yaml'
    for path, camera in zip(files, (rig.left, rig.right), strict=True):
        write_camera_info_yaml(path, camera_info_from_camera(camera))
    depths = []
    for index, given in enumerate(([calib], files)):
        out = tmp_path / f'out{index}'
        result = panmatch('match', *stereo_pair, '--task', 'stereo', '--out', out,
                          '--calib', *given)
        assert result.status == 0
        depths.append(np.load(out / 'depth.npy'))
    np.testing.assert_allclose(depths[0], depths[1], rtol=1e-5)


def test_calibration_of_twice_the_size_is_scaled(panmatch, stereo_pair, out, rig, tmp_path):
    calib = write_calib(rig.resized(2 * HEIGHT, 2 * WIDTH), tmp_path / 'calib.txt')
    result = panmatch('match', *stereo_pair, '--task', 'stereo', '--calib', calib, '--out', out)
    assert result.status == 0
    assert result.err == ('panmatch match: the calibration is for 320x192, the images are '
                          '160x96: scaled by 0.5\n')
    assert np.nanmedian(np.load(out / 'depth.npy')) == pytest.approx(2.5, rel=0.02)
    assert summary_of(out)['focal_px'] == pytest.approx(100)


def test_calibration_of_another_shape_is_an_error(panmatch, stereo_pair, out, rig, tmp_path):
    calib = write_calib(StereoRig.ideal((120, 160), 100.0, 0.2), tmp_path / 'calib.txt')
    result = panmatch('match', *stereo_pair, '--task', 'stereo', '--calib', calib, '--out', out)
    assert result.status == 1
    assert result.err == (
        'panmatch match: error: the calibration is for 160x120, the images are 160x96: another '
        'shape, so they were cropped or belong to other cameras\n')
    assert not out.exists()


def test_swapped_calibration_is_told(panmatch, stereo_pair, out, rig, tmp_path):
    files = tmp_path / 'left.yaml', tmp_path / 'right.yaml'
    for path, camera in zip(files, (rig.right, rig.left), strict=True):
        write_camera_info_yaml(path, camera_info_from_camera(camera))
    result = panmatch('match', *stereo_pair, '--task', 'stereo', '--calib', *files, '--out', out)
    assert result.status == 0
    assert 'right camera left of the left one' in result.err
    assert np.nanmedian(np.load(out / 'depth.npy')) == pytest.approx(2.5, rel=0.02)


def test_flow(panmatch, flow_pair, out):
    result = panmatch('match', *flow_pair, '--out', out)
    assert (result.status, result.err) == (0, '')
    assert names(out) == FLOW_FILES
    flow = np.load(out / 'flow.npy')
    assert (flow.dtype, flow.shape) == (np.float32, (HEIGHT, WIDTH, 2))
    np.testing.assert_allclose(np.nanmedian(flow, axis=(0, 1)), FLOW, atol=0.1)
    np.testing.assert_array_equal(read_flo(out / 'flow.flo'), flow)
    assert 'flow_x_px: median' in result.out


@pytest.mark.parametrize('sampling', ['grid', 'balanced'])
def test_matches(panmatch, flow_pair, out, sampling):
    result = panmatch('match', *flow_pair, '--task', 'match', '--max-matches', 50,
                      '--sampling', sampling, '--out', out)
    assert (result.status, result.err) == (0, '')
    assert names(out) == MATCH_FILES
    with np.load(out / 'matches.npz') as matches:
        points0, points1, scores = (matches[name] for name in ('points0', 'points1', 'scores'))
    assert points0.dtype == points1.dtype == scores.dtype == np.float32
    assert points0.shape == points1.shape == (len(scores), 2)
    assert 10 < len(scores) <= 50
    assert (np.diff(scores) <= 0).all()
    assert scores.min() >= 0.5
    np.testing.assert_allclose(np.median(points1 - points0, axis=0), FLOW, atol=0.25)
    assert summary_of(out)['matches'] == len(scores)
    assert summary_of(out)['options']['max_matches'] == 50
    assert summary_of(out)['options']['sampling'] == sampling
    assert len(np.unique(points0, axis=0)) == len(points0)


def test_pictures_have_the_size_of_the_images(panmatch, stereo_pair, out, rig, tmp_path):
    calib = write_calib(rig, tmp_path / 'calib.txt')
    panmatch('match', *stereo_pair, '--task', 'stereo', '--calib', calib, '--out', out)
    for name in ('disparity.png', 'depth.png', 'confidence.png'):
        picture = cv2.imread(str(out / name))
        assert picture.shape == (HEIGHT, WIDTH, 3)
        assert picture.max() > 0
    assert cv2.imread(str(out / 'cloud.png')).max() > 100


def test_summary(panmatch, stereo_pair, out):
    panmatch('match', *stereo_pair, '--task', 'stereo', '--max-disparity', 32, '--out', out)
    summary = summary_of(out)
    disparity, confidence = np.load(out / 'disparity.npy'), np.load(out / 'confidence.npy')
    known = np.isfinite(disparity)
    assert summary['task'] == 'stereo'
    assert (summary['matcher'], summary['backend'], summary['precision']) == (
        'classical', 'opencv', 'fp32')
    assert (summary['height'], summary['width']) == (HEIGHT, WIDTH)
    assert summary['image0'] == str(stereo_pair[0])
    assert set(summary['files']) == names(out)
    assert summary['valid_share'] == pytest.approx(known.mean())
    assert summary['mean_confidence'] == pytest.approx(confidence[known].mean(), rel=1e-5)
    assert summary['values']['disparity_px'] == pytest.approx(
        {'min': np.nanmin(disparity), 'median': np.nanmedian(disparity),
         'max': np.nanmax(disparity)})
    assert summary['milliseconds'] > 0
    assert set(summary['versions']) == {'panmatch_ros', 'python', 'numpy', 'opencv'}
    assert summary['options']['matcher'] == 'auto'
    assert summary['options']['max_disparity'] == 32
    assert summary['options']['classical']['searched_disparities'] == [0, 31]


class HalfConfident:
    name, backend, precision = 'fake', 'none', 'fp32'

    def prepare(self, task, size):
        assert task == 'stereo'

    def match_stereo(self, left, right):
        disparity = np.full(left.shape[:2], 4, np.float32)
        confidence = np.full(left.shape[:2], 0.5, np.float32)
        confidence[:, ::2] = 0.25
        disparity[0], confidence[0] = np.nan, 0
        return Disparity(disparity, confidence)


def test_min_confidence_masks_values_and_not_the_confidence(panmatch, stereo_pair, out,
                                                            monkeypatch):
    monkeypatch.setattr(match, 'make_matcher', lambda name, args: HalfConfident())
    panmatch('match', *stereo_pair, '--task', 'stereo', '--min-confidence', 0.5, '--out', out)
    disparity, confidence = np.load(out / 'disparity.npy'), np.load(out / 'confidence.npy')
    assert np.isnan(disparity[:, ::2]).all()
    assert (disparity[1:, 1::2] == 4).all()
    assert (confidence[1:, ::2] == 0.25).all()
    np.testing.assert_array_equal(read_pfm(out / 'disparity.pfm'), disparity)
    assert summary_of(out)['valid_share'] == pytest.approx(0.5 * (HEIGHT - 1) / HEIGHT)


def test_nothing_valid_is_no_error(panmatch, stereo_pair, out, rig, tmp_path, monkeypatch):
    monkeypatch.setattr(match, 'make_matcher', lambda name, args: HalfConfident())
    calib = write_calib(rig, tmp_path / 'calib.txt')
    result = panmatch('match', *stereo_pair, '--task', 'stereo', '--min-confidence', 0.9,
                      '--calib', calib, '--out', out)
    assert result.status == 0
    assert summary_of(out)['values']['disparity_px']['median'] is None
    assert len(read_ply(out / 'cloud.ply')[0]) == 0


def test_grey_16_bit_images_of_other_formats(panmatch, tmp_path, stereo_pair):
    paths = tmp_path / 'l.tiff', tmp_path / 'r.tiff'
    for source, path in zip(stereo_pair, paths, strict=True):
        gray = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(path), gray.astype(np.uint16) * 257)
    result = panmatch('match', *paths, '--task', 'stereo', '--out', tmp_path / 'out')
    assert result.status == 0
    assert np.nanmedian(np.load(tmp_path / 'out' / 'disparity.npy')) == pytest.approx(8, abs=0.1)
