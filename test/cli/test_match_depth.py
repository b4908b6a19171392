"""``panmatch match --task depth``: rendered views with known depth and motion."""
import json

import numpy as np
import pytest
from two_view_scene import direction_error_deg, motion, render_views, rotation_error_deg

from panmatch_ros.core.camera import Camera
from panmatch_ros.data.calibration import camera_info_from_camera, write_camera_info_yaml
from panmatch_ros.data.camera_info import CameraInfo
from panmatch_ros.data.formats import read_image, read_ply, write_image

HEIGHT, WIDTH = 240, 320
FOCAL, CX, CY = 260.0, 159.5, 119.5
K = np.array([[FOCAL, 0, CX], [0, FOCAL, CY], [0, 0, 1]])
INTRINSICS = ['--intrinsics', FOCAL, FOCAL, CX, CY]
T = motion(2, (-0.3, 0.02, 0.05))
BASELINE = float(np.linalg.norm(T[:3, 3]))
FILES = {'depth.npy', 'depth.png', 'cloud.ply', 'cloud.png', 'pose.json', 'confidence.npy',
         'confidence.png', 'summary.json'}


@pytest.fixture(scope='module')
def views():
    return render_views(K, (HEIGHT, WIDTH), T)


@pytest.fixture
def pair(views, tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    write_image(folder / 'a.png', views.image0)
    write_image(folder / 'b.png', views.image1)
    return folder / 'a.png', folder / 'b.png'


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out'


@pytest.fixture
def pose(tmp_path):
    np.savetxt(tmp_path / 'pose.txt', T)
    return tmp_path / 'pose.txt'


@pytest.fixture
def depth_of(panmatch, pair, out):
    def run(*options, task='depth'):
        return panmatch('match', *pair, '--task', task, '--out', out, *options)
    return run


def assert_depth(depth, truth, *, share=0.8, median=0.01, bad=0.03):
    known = np.isfinite(depth)
    relative = np.abs(depth[known] / truth[known] - 1)
    assert known.mean() > share
    assert np.median(relative) < median
    assert np.mean(relative > 0.1) < bad


def assert_refused(result, *parts):
    assert result.status == 1
    assert result.err.count('\n') == 1, result.err
    for part in parts:
        assert part in result.err


def test_known_pose_gives_metric_depth(depth_of, views, pair, out, pose):
    result = depth_of(*INTRINSICS, '--pose', pose)
    assert (result.status, result.err) == (0, '')
    assert {path.name for path in out.iterdir()} == FILES
    depth = np.load(out / 'depth.npy')
    assert (depth.dtype, depth.shape) == (np.float32, (HEIGHT, WIDTH))
    assert_depth(depth, views.depth)
    summary = json.loads((out / 'summary.json').read_text())
    assert summary['values']['depth_m']['median'] == pytest.approx(np.nanmedian(depth))
    assert summary['pose'] == {'source': str(pose)}
    assert summary['options']['min_confidence'] == 0.5
    assert 'depth_m: median' in result.out
    written = json.loads((out / 'pose.json').read_text())
    assert written['scale'] == 'metric'
    np.testing.assert_allclose(written['T_1_0'], T, atol=1e-12)
    points, colors, _ = read_ply(out / 'cloud.ply')
    known = np.isfinite(depth)
    assert len(points) == known.sum() == summary['points']
    np.testing.assert_array_equal(colors, read_image(pair[0])[known])
    row, column = np.argwhere(known)[50]
    z = depth[row, column]
    np.testing.assert_allclose(points[50], [(column - CX) * z / FOCAL, (row - CY) * z / FOCAL, z],
                               rtol=1e-4, atol=1e-5)


def test_estimated_pose_gives_depth_in_baselines(depth_of, views, out):
    result = depth_of(*INTRINSICS)
    assert result.status == 0
    assert '--baseline-m makes it metres' in result.err
    assert_depth(np.load(out / 'depth.npy') * BASELINE, views.depth, median=0.015)
    written = json.loads((out / 'pose.json').read_text())
    assert written['scale'] == 'unit baseline'
    estimated = np.array(written['T_1_0'])
    assert np.linalg.norm(estimated[:3, 3]) == pytest.approx(1)
    assert rotation_error_deg(estimated, T) < 0.1
    assert direction_error_deg(estimated, T) < 1
    summary = json.loads((out / 'summary.json').read_text())
    assert 'depth_baselines' in summary['values']
    assert summary['pose']['inliers'] > 0.95 * summary['pose']['matches'] > 1000
    assert summary['pose']['error_px'] < 0.2


def test_a_baseline_makes_an_estimated_pose_metric(depth_of, views, out):
    result = depth_of(*INTRINSICS, '--baseline-m', BASELINE)
    assert (result.status, result.err) == (0, '')
    assert_depth(np.load(out / 'depth.npy'), views.depth, median=0.015)
    written = json.loads((out / 'pose.json').read_text())
    assert written['scale'] == 'metric'
    assert np.linalg.norm(np.array(written['T_1_0'])[:3, 3]) == pytest.approx(BASELINE)


def test_a_written_pose_can_be_given_again(depth_of, panmatch, pair, out, tmp_path):
    depth_of(*INTRINSICS)
    again = tmp_path / 'again'
    result = panmatch('match', *pair, '--task', 'depth', *INTRINSICS, '--out', again,
                      '--pose', out / 'pose.json')
    assert result.status == 0
    np.testing.assert_allclose(np.load(again / 'depth.npy'), np.load(out / 'depth.npy'), rtol=1e-5)
    assert json.loads((again / 'pose.json').read_text())['scale'] == 'unit baseline'


def test_the_inverse_pose_is_told(depth_of, tmp_path):
    np.savetxt(tmp_path / 'inverse.txt', np.linalg.inv(T))
    result = depth_of(*INTRINSICS, '--pose', tmp_path / 'inverse.txt')
    assert result.status == 0
    assert 'is it T_1_0 and not its inverse' in result.err


def test_a_camera_that_did_not_move_is_an_error(panmatch, pair, out):
    result = panmatch('match', pair[0], pair[0], '--task', 'depth', *INTRINSICS, '--out', out)
    assert_refused(result, 'the camera only turned, or moved too little')


def write_calibration(path, camera=None, **changes):
    info = camera_info_from_camera(camera or Camera(WIDTH, HEIGHT, FOCAL, FOCAL, CX, CY))
    fields = {name: getattr(info, name) for name in info.__dataclass_fields__}
    write_camera_info_yaml(path, CameraInfo(**{**fields, **changes}))
    return path


def test_calibration_files_give_the_same_depth(depth_of, panmatch, pair, out, pose, tmp_path):
    depth_of(*INTRINSICS, '--pose', pose)
    expected = np.load(out / 'depth.npy')
    one = write_calibration(tmp_path / 'camera.yaml')
    for index, files in enumerate(([one], [one, one])):
        folder = tmp_path / f'out{index}'
        result = panmatch('match', *pair, '--task', 'depth', '--out', folder, '--pose', pose,
                          '--calib', *files)
        assert (result.status, result.err) == (0, '')
        np.testing.assert_array_equal(np.load(folder / 'depth.npy'), expected)


def test_a_calibration_for_another_size_is_scaled(depth_of, views, out, pose, tmp_path):
    camera = Camera(WIDTH, HEIGHT, FOCAL, FOCAL, CX, CY).resized(2 * HEIGHT, 2 * WIDTH)
    file = write_calibration(tmp_path / 'camera.yaml', camera)
    result = depth_of('--calib', file, '--pose', pose)
    assert result.status == 0
    assert 'scaled by 0.5' in result.err
    assert_depth(np.load(out / 'depth.npy'), views.depth)


@pytest.mark.parametrize('changes', [
    {'d': (0.1, 0.0, 0.0, 0.0, 0.0)}, {'k': (150.0, 0, 95, 0, 150.0, 71, 0, 0, 1)},
    {'r': (0.0, -1.0, 0, 1, 0, 0, 0, 0, 1)}])
def test_distortion_is_refused_unless_the_images_are_rectified(depth_of, out, pose, tmp_path,
                                                               changes):
    file = write_calibration(tmp_path / 'camera.yaml', **changes)
    assert_refused(depth_of('--calib', file, '--pose', pose), 'lens with distortion',
                   'add --rectified')
    assert not out.exists()
    assert depth_of('--calib', file, '--pose', pose, '--rectified').status == 0


@pytest.mark.parametrize(('options', 'part'), [
    ([], 'either --calib camera.yaml'),
    ([*INTRINSICS, '--calib', 'camera.yaml'], 'either --calib camera.yaml'),
    (['--intrinsics', 0, 160, 95, 71], 'focal lengths must be positive'),
    ([*INTRINSICS, '--max-matches', 5], '--max-matches is for --task match'),
    ([*INTRINSICS, '--max-disparity', 5], '--max-disparity is for --task stereo'),
    ([*INTRINSICS, '--pose', 'missing.txt'], 'no such file'),
    (['--calib', 'missing.yaml'], 'no such file'),
    (['--calib', 'a', 'b', 'c'], 'one or two files')])
def test_options_that_cannot_work(depth_of, out, options, part):
    assert_refused(depth_of(*options), part)
    assert not out.exists()


@pytest.mark.parametrize('options', [INTRINSICS, ['--pose', 'a'], ['--rectified'],
                                     ['--baseline-m', 1]])
def test_options_of_this_task_only(depth_of, out, options):
    assert_refused(depth_of(*options, task='flow'), f'{options[0]} is for --task depth')
    assert not out.exists()


def test_a_pose_without_translation_is_refused(depth_of, out, tmp_path):
    np.savetxt(tmp_path / 'turn.txt', motion(5, (0, 0, 0)))
    assert_refused(depth_of(*INTRINSICS, '--pose', tmp_path / 'turn.txt'),
                   'the translation is zero')
    assert not out.exists()


def test_results_never_go_to_the_folder_of_the_pose(depth_of, panmatch, pair, pose):
    result = panmatch('match', *pair, '--task', 'depth', *INTRINSICS, '--pose', pose,
                      '--out', pose.parent, '--overwrite')
    assert_refused(result, 'holds the input pose.txt')
