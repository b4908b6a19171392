"""How far a pair is from being rectified, on fields whose answer is known."""
import cv2
import numpy as np
import pytest

from panmatch_ros.core.epipolar import report_of_field, report_of_matches
from panmatch_ros.core.errors import ConfigError, ShapeError
from panmatch_ros.core.types import Correspondences, Displacement

SIZE = (480, 640)
FOCAL, BASELINE = 500.0, 0.12
K = np.array([[FOCAL, 0, 319.5], [0, FOCAL, 239.5], [0, 0, 1]])


def field(v=0.0, *, noise_px=0.0, outliers=0.0, seed=0):
    """A field of a stereo pair whose rows are off by v, a number or (H, W)."""
    random = np.random.default_rng(seed)
    flow = np.empty((*SIZE, 2))
    flow[..., 0] = -random.uniform(5, 60, SIZE)
    flow[..., 1] = v + noise_px * random.normal(size=SIZE)
    wrong = random.random(SIZE) < outliers
    flow[wrong] = random.uniform((-100, -30), (0, 30), (np.count_nonzero(wrong), 2))
    return Displacement(flow.astype(np.float32), np.ones(SIZE, np.float32))


def seen_by(R=None, focal_scale=1.0, right_at=(BASELINE, 0.0, 0.0), seed=0, count=3000):
    """Matches of points 1 to 10 m away; the right camera is turned by R (its axes) and moved."""
    random = np.random.default_rng(seed)
    left = random.uniform((0, 0), (SIZE[1] - 1, SIZE[0] - 1), (count, 2))
    depth = 1 / random.uniform(0.1, 1, count)
    points = np.column_stack([left, np.ones(count)]) @ np.linalg.inv(K).T * depth[:, None]
    moved = (points - right_at) @ (np.eye(3) if R is None else R)
    scaled = K * [[focal_scale], [focal_scale], [1]]
    scaled[:2, 2] = K[:2, 2]
    right = moved @ scaled.T
    return matches(left, right[:, :2] / right[:, 2:])


def matches(left, right):
    return Correspondences(np.float32(left), np.float32(right), np.ones(len(left), np.float32))


def turn(x=0.0, y=0.0, z=0.0):
    """Axes of a camera, turned by angles in degrees."""
    return cv2.Rodrigues(np.radians([x, y, z]))[0]


def test_a_rectified_pair():
    report = report_of_field(field(noise_px=0.2))
    assert report.verdict == ''
    assert report.enough
    assert report.residual_px == pytest.approx(0.2 * 0.6745, rel=0.05)
    assert report.offset_px == pytest.approx(0, abs=0.01)
    assert report.beyond_share < 0.001
    assert report.unexplained_px == pytest.approx(report.residual_px, rel=0.02)
    assert report.matches == pytest.approx(20000, rel=0.2)
    assert report.summary == f'0.13 px (median of {report.matches} matches)'


def test_an_offset():
    report = report_of_field(field(3.2))
    assert report.residual_px == report.offset_px == pytest.approx(3.2)
    assert report.model.shift_px == pytest.approx(3.2, abs=0.01)
    assert report.beyond_share == 1
    assert report.verdict == 'the right image is 3.2 px lower: the pair is not rectified'


def test_the_sign():
    report = report_of_field(field(-3.2))
    assert report.residual_px == pytest.approx(3.2)
    assert report.offset_px == pytest.approx(-3.2)
    assert report.verdict == 'the right image is 3.2 px higher: the pair is not rectified'


@pytest.mark.parametrize('outliers', [0.1, 0.3])
def test_outliers_and_noise_do_not_matter(outliers):
    x = np.arange(SIZE[1])
    v = 4 + 0.02 * (x - 319.5)
    report = report_of_field(field(v, noise_px=0.5, outliers=outliers))
    assert report.model.shift_px == pytest.approx(4, abs=0.4)
    assert report.model.rotation_deg == pytest.approx(np.degrees(0.02), rel=0.1)
    assert report.model.scale_percent == pytest.approx(0, abs=0.1)
    good = report_of_field(field(0.3, noise_px=0.5, outliers=outliers))
    assert good.verdict == ''
    assert good.offset_px == pytest.approx(0.3, abs=0.05)


def test_noise_alone_has_no_direction():
    report = report_of_field(field(noise_px=3))
    assert report.verdict.startswith('the rows of the two images differ by 2.0 px, here so and')
    assert report_of_field(field(noise_px=1)).verdict == ''


def test_the_limit():
    assert report_of_field(field(0.9)).verdict == ''
    assert report_of_field(field(1.1)).verdict != ''
    assert report_of_field(field(0.6), limit_px=0.5).verdict != ''
    assert report_of_field(field(3), limit_px=5).verdict == ''


# What a misplaced right camera looks like.

def test_a_right_camera_in_its_place():
    report = report_of_matches(seen_by(), SIZE)
    assert report.residual_px < 0.001
    assert report.verdict == ''


@pytest.mark.parametrize('angle', [1.0, -1.0])
def test_a_camera_turned_about_its_axis(angle):
    report = report_of_matches(seen_by(turn(z=-angle)), SIZE)
    # The image turns against the camera; clockwise is positive with y down.
    assert report.model.rotation_deg == pytest.approx(angle, rel=0.02)
    assert abs(report.model.scale_percent) < 0.1
    word = 'clockwise' if angle > 0 else 'counter-clockwise'
    assert f'the right image is turned {abs(report.model.rotation_deg):.2f} degrees {word}:' in \
        report.verdict.replace(' and 0.3 px lower', '').replace(' and 0.3 px higher', '')


@pytest.mark.parametrize('angle', [1.0, -1.0])
def test_a_camera_that_looks_up_or_down(angle):
    report = report_of_matches(seen_by(turn(x=angle)), SIZE)
    # It looks up for positive angles (x right, y down), so the image goes down.
    assert report.model.shift_px == pytest.approx(np.radians(angle) * FOCAL, rel=0.1)
    assert ('lower' if angle > 0 else 'higher') in report.verdict
    assert 'turned' not in report.verdict


def test_another_focal_length():
    report = report_of_matches(seen_by(focal_scale=1.02), SIZE)
    assert report.model.scale_percent == pytest.approx(2, rel=0.02)
    assert report.verdict == 'the right image is 2.0 % larger: the pair is not rectified'
    report = report_of_matches(seen_by(focal_scale=0.98), SIZE)
    assert report.verdict == 'the right image is 2.0 % smaller: the pair is not rectified'


def test_a_camera_turned_to_the_side():
    report = report_of_matches(seen_by(turn(y=5)), SIZE)
    # v = -angle * x * y / f to first order, at the lower right corner:
    assert abs(report.model.keystone_px) == pytest.approx(np.radians(5) * 320 * 240 / FOCAL,
                                                          rel=0.15)
    assert abs(report.model.shift_px) < 0.5
    assert report.unexplained_px < report.residual_px / 4
    assert 'bent by' in report.verdict
    assert 'lower' not in report.verdict


def test_a_camera_that_stands_lower_is_in_the_residual():
    report = report_of_matches(seen_by(right_at=(BASELINE, 0.02, 0)), SIZE)
    # v is minus a sixth of the disparity, whose median is 500 * 0.12 * 0.55 px.
    assert report.residual_px == pytest.approx(33 / 6, rel=0.03)
    assert 'the right image is 5.' in report.verdict
    assert 'higher' in report.verdict


# Evidence.

def test_invalid_and_unsure_pixels_are_not_used():
    displacement = field(0.0)
    displacement.flow[:, :300] = (-20, 9)
    displacement.confidence[:, :200] = 0.4
    displacement.flow[:, 200:300, 1] = np.nan
    report = report_of_field(displacement)
    assert report.residual_px == 0
    assert report.matches == pytest.approx(20000 * 340 / 640, rel=0.25)
    assert report_of_field(displacement, min_confidence=0.3).residual_px == 0
    assert report_of_field(displacement, min_confidence=0.3).beyond_share > 0.3


def test_a_spot_is_not_enough():
    displacement = field(5.0)
    displacement.confidence[:] = 0
    displacement.confidence[10:100, 10:140] = 1
    report = report_of_field(displacement)
    assert report.matches > 500
    assert not report.enough
    assert report.verdict == ''
    assert report.model is None
    assert report.residual_px == pytest.approx(5)
    assert report.summary == f'unknown: {report.matches} matches are too few or too close together'


def test_nothing_to_go_by():
    displacement = field()
    displacement.flow[:] = np.nan
    displacement.confidence[:] = 0
    for report in (report_of_field(displacement),
                   report_of_matches(matches(np.empty((0, 2)), np.empty((0, 2))), SIZE)):
        assert report.matches == 0
        assert not report.enough
        assert np.isnan([report.residual_px, report.offset_px, report.beyond_share,
                         report.unexplained_px]).all()
        assert report.verdict == ''
        assert report.summary.startswith('unknown: 0 matches')


def test_few_matches_tell_the_shift_only():
    grid = np.stack(np.meshgrid(np.arange(80, 600, 120), np.arange(60, 460, 120)),
                    axis=-1).reshape(-1, 2)[:16]
    report = report_of_matches(matches(grid, np.add(grid, (-20, 4.5))), SIZE)
    assert report.enough
    assert report.model.shift_px == pytest.approx(4.5)
    assert (report.model.rotation_deg, report.model.scale_percent) == (0, 0)
    assert not report_of_matches(matches(grid[:11], np.add(grid[:11], (-20, 4))), SIZE).enough


def test_matches_that_are_not_finite_are_not_used():
    grid = np.stack(np.meshgrid(np.arange(20, 620, 60), np.arange(20, 460, 60)),
                    axis=-1).reshape(-1, 2).astype(np.float32)
    right = np.add(grid, (-20, 0))
    right[::4] = np.nan
    report = report_of_matches(matches(grid, right), SIZE)
    assert report.matches == 60
    assert report.residual_px == 0


def test_a_small_field():
    flow = np.zeros((16, 20, 2), np.float32)
    flow[..., 1] = 2
    report = report_of_field(Displacement(flow, np.ones((16, 20), np.float32)))
    assert report.enough
    assert report.matches == 320
    assert 'the right image is 2.0 px lower' in report.verdict


def test_errors():
    for limit in (0, -1, np.nan, np.inf):
        with pytest.raises(ConfigError, match='limit_px must be a positive number'):
            report_of_field(field(), limit_px=limit)
    with pytest.raises(ShapeError, match=r'size must be a positive .*got \(0, 640\)'):
        report_of_matches(seen_by(count=10), (0, 640))
