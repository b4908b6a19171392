import cv2
import numpy as np
import pytest

from panmatch_ros.core.camera import Camera, StereoRig
from panmatch_ros.core.disparity import depth_from_disparity, flow_from_disparity
from panmatch_ros.core.errors import ConfigError
from panmatch_ros.core.pixels import warp
from panmatch_ros.data.calibration import CameraInfo, RegionOfInterest
from panmatch_ros.data.synthetic.planes import render_plane_pair, render_stereo_scene

IDEAL = StereoRig.ideal((97, 129), 100.0, 0.1)


def rig_from(left, right):
    return StereoRig(Camera(160, 120, *left), Camera(160, 120, *right))


def measured_shift(left, right):
    """
    Sub-pixel ``x_left - x_right`` and ``y_left - y_right``, from the Fourier transforms.

    Phase correlation gives the whole pixels. Where the images overlap then, the rest is the
    slope of the phase difference over the low frequencies.
    """
    first, second = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) - 128
                     for image in (left, right))
    window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F)
    # phaseCorrelate writes to its inputs if it gets the window itself.
    whole = round(cv2.phaseCorrelate(second * window, first * window)[0][0])
    width = first.shape[1] - abs(whole)
    first = first[:, max(whole, 0):][:, :width]
    second = second[:, max(-whole, 0):][:, :width]
    window = cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F)
    product = np.fft.fft2(second * window) * np.conj(np.fft.fft2(first * window))
    frequency = np.meshgrid(np.fft.fftfreq(width), np.fft.fftfreq(len(first)))
    low = (np.hypot(*frequency) < 0.15) & (np.hypot(*frequency) > 0)
    weight = np.sqrt(np.abs(product[low]))
    slopes = 2 * np.pi * np.stack([axis[low] for axis in frequency], axis=-1)
    rest, *_ = np.linalg.lstsq(slopes * weight[:, None], np.angle(product[low]) * weight,
                               rcond=None)
    return rest + np.array([whole, 0])


@pytest.mark.parametrize(('rig', 'expected'), [
    # f * B / Z = 100 px * 0.246 m / 2 m
    (rig_from((100, 100, 79.5, 59.5), (100, 100, 79.5, 59.5, -24.6)), 12.3),
    # The drivers that give the left camera +f * B.
    (rig_from((100, 100, 79.5, 59.5, 24.6), (100, 100, 79.5, 59.5, 0)), 12.3),
    # The opposite sign: the right camera stands left.
    (rig_from((100, 100, 79.5, 59.5), (100, 100, 79.5, 59.5, 24.6)), -12.3),
    # cx_left - cx_right = -7.75
    (rig_from((100, 100, 70, 50), (100, 100, 77.75, 50, -24.6)), 12.3 - 7.75),
    (rig_from((100, 100, 79.5, 59.5), (100, 100, 79.5, 59.5, -5)), 2.5),
])
def test_shift_of_a_plane(rig, expected):
    left, right = render_plane_pair(rig, 2.0)
    assert left.shape == right.shape == (120, 160, 3)
    assert left.dtype == right.dtype == np.uint8
    assert measured_shift(left, right) == pytest.approx([expected, 0], abs=0.02)


def test_shift_with_region_and_binning():
    def info(tx):
        p = (200.0, 0, 330, tx, 0, 200.0, 250, 0, 0, 0, 1, 0)
        return CameraInfo(480, 640, p=p, binning_x=2, binning_y=2,
                          roi=RegionOfInterest(100, 60, 240, 320))
    rig = StereoRig.from_camera_info(info(0.0), info(-200 * 0.246))
    left, right = render_plane_pair(rig, 2.0)
    assert left.shape == (120, 160, 3)
    # 200 px * 0.246 m / 2 m, halved by the binning.
    assert measured_shift(left, right) == pytest.approx([12.3, 0], abs=0.02)


def test_a_whole_shift_is_exact_to_the_rounding_of_colors():
    rig = StereoRig.ideal((40, 60), 100.0, 0.1)
    left, right = render_plane_pair(rig, 2.0)
    assert np.abs(left[:, 5:].astype(int) - right[:, :-5]).max() <= 1


def test_the_texture_belongs_to_the_plane_not_to_the_pixels():
    # The same plane with twice the resolution: every other pixel is the same point.
    coarse = StereoRig(Camera(30, 20, 50, 50, 10, 10), Camera(30, 20, 50, 50, 10, 10, -5))
    fine = StereoRig(Camera(60, 40, 100, 100, 20, 20), Camera(60, 40, 100, 100, 20, 20, -10))
    small, _ = render_plane_pair(coarse, 2.0)
    large, _ = render_plane_pair(StereoRig(fine.left, fine.right), 2.0)
    # The cell follows the focal length: the fine image shows the texture at half the scale.
    assert np.abs(large[:20, :30].astype(int) - small).mean() > 5
    again, _ = render_plane_pair(coarse, 4.0)
    assert np.abs(again.astype(int) - small).max() <= 1  # the cell follows the depth


def test_the_seed_chooses_the_plane():
    images = [render_plane_pair(IDEAL, 2.0, seed)[0] for seed in (0, 0, 1)]
    assert np.array_equal(images[0], images[1])
    assert np.abs(images[0].astype(int) - images[2]).mean() > 20


@pytest.mark.parametrize('depth', [0, -1, np.nan, np.inf])
def test_bad_depth(depth):
    with pytest.raises(ConfigError, match='depth_m must be a positive number'):
        render_plane_pair(IDEAL, depth)


# --- scenes


OFFSET_RIG = StereoRig(Camera(128, 96, 100, 101, 60, 45), Camera(128, 96, 100, 101, 66.5, 45, -9))


@pytest.mark.parametrize('rig', [IDEAL, OFFSET_RIG])
@pytest.mark.parametrize('seed', [0, 1])
def test_the_right_image_warped_by_the_disparity_is_the_left(rig, seed):
    scene = render_stereo_scene(rig, seed)
    size = (rig.left.height, rig.left.width)
    assert scene.left.shape == scene.right.shape == (*size, 3)
    assert scene.disparity.dtype == scene.depth.dtype == np.float32
    assert scene.disparity.shape == scene.depth.shape == scene.occlusion.shape == size
    warped = warp(scene.right, flow_from_disparity(scene.disparity))
    seen = ~scene.occlusion
    error = np.abs(warped - scene.left).mean(axis=-1)
    assert np.isfinite(error[seen]).all()
    assert np.mean(error[seen]) < 2.0       # borders of objects mix with what is behind
    assert np.median(error[seen]) < 0.6     # rounding of the colors, and interpolation
    unshifted = np.abs(scene.right.astype(float) - scene.left).mean(axis=-1)
    assert np.mean(unshifted[seen]) > 8


def test_occluded_points_look_different():
    scene = render_stereo_scene(StereoRig.ideal((96, 128), 100.0, 0.1), 3)
    warped = warp(scene.right, flow_from_disparity(scene.disparity))
    error = np.abs(warped - scene.left).mean(axis=-1)
    assert 0.02 < scene.occlusion.mean() < 0.3
    hidden = scene.occlusion & np.isfinite(error)
    assert hidden.sum() > 50
    assert np.mean(error[hidden]) > 10


def test_what_leaves_the_image_is_occluded():
    scene = render_stereo_scene(IDEAL, 0)
    x_right = np.arange(129) - scene.disparity
    assert scene.occlusion[(x_right < -1e-3) | (x_right > 128 + 1e-3)].all()
    assert not scene.occlusion[0].all()  # rounding must not take the first row outside


@pytest.mark.parametrize('rig', [IDEAL, OFFSET_RIG])
def test_disparity_and_depth_agree(rig):
    scene = render_stereo_scene(rig, 1)
    assert np.allclose(depth_from_disparity(scene.disparity, rig), scene.depth, rtol=1e-4)
    shares = (scene.disparity - rig.cx_offset_px) / rig.left.width
    assert 0.01 < shares.min() < 0.025
    assert 0.08 < shares.max() < 0.2


def test_a_shift_by_the_baseline_shows_the_right_image():
    scene = render_stereo_scene(IDEAL, 2)
    moved = render_stereo_scene(IDEAL, 2, (IDEAL.baseline_m, 0, 0))
    assert np.mean(moved.left != scene.right) < 1e-3  # ties of rounding


def test_a_shift_forward_brings_everything_nearer():
    before = render_stereo_scene(IDEAL, 0)
    after = render_stereo_scene(IDEAL, 0, (0, 0, 0.25))
    # On the optical axis the same point is seen: pixel (64, 48) of 129 x 97.
    assert before.depth[48, 64] - after.depth[48, 64] == pytest.approx(0.25, abs=1e-5)


def test_a_shift_down_moves_the_picture_up():
    before = render_stereo_scene(IDEAL, 0)
    after = render_stereo_scene(IDEAL, 0, (0, 0.1, 0))
    rows = 100.0 * 0.1 / before.depth  # f * shift / Z
    moved = warp(after.left, np.dstack([np.zeros_like(rows), -rows]))
    error = np.abs(moved - before.left).mean(axis=-1)
    unmoved = np.abs(after.left.astype(float) - before.left).mean(axis=-1)
    assert np.nanmedian(error) < 0.7
    assert np.median(unmoved) > 6


def test_the_nearest_object_moves_alone():
    before = render_stereo_scene(IDEAL, 0)
    after = render_stereo_scene(IDEAL, 0, nearest_shift=(0.1, 0.0, 0.0))
    assert before.nearest.dtype == bool
    assert 0.02 < before.nearest.mean() < 0.3
    assert np.median(before.depth[before.nearest]) == pytest.approx(0.775, rel=0.1)  # NEAR
    others = ~before.nearest & ~after.nearest
    for name in ('left', 'depth'):
        assert np.array_equal(getattr(before, name)[others], getattr(after, name)[others])
    columns = 100.0 * 0.1 / before.depth  # f * shift / Z
    moved = warp(after.left, np.dstack([columns, np.zeros_like(columns)]))
    error = np.abs(moved - before.left).mean(axis=-1)[before.nearest]
    assert np.nanmedian(error) < 0.6
    assert np.isfinite(error).mean() > 0.5


def test_the_nearest_object_comes_nearer():
    before = render_stereo_scene(IDEAL, 0)
    rows, columns = np.nonzero(before.nearest)
    row, column = round(rows.mean()), round(columns.mean())
    ray = np.array([(column - IDEAL.left.cx) / 100, (row - IDEAL.left.cy) / 100, 1])
    after = render_stereo_scene(IDEAL, 0, nearest_shift=tuple(-0.1 * ray))
    # A point that comes straight towards the camera stays in its pixel.
    assert before.depth[row, column] - after.depth[row, column] == pytest.approx(0.1, abs=1e-5)


def test_scenes_differ_by_seed_and_are_reproducible():
    images = [render_stereo_scene(IDEAL, seed).left for seed in (0, 0, 1)]
    assert np.array_equal(images[0], images[1])
    assert np.abs(images[0].astype(int) - images[2]).mean() > 20


def test_a_camera_behind_the_wall():
    with pytest.raises(ConfigError, match='some pixels see no plane: the shift'):
        render_stereo_scene(IDEAL, 0, (0, 0, 100))
