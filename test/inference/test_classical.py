import cv2
from moving_textures import MARGIN, SIZE, crop, moved_pair, stereo_pair, texture
import numpy as np
import pytest

from panmatch_ros.core.correspondence import (
    confidence_from_error,
    forward_backward_error,
    left_right_error,
)
from panmatch_ros.core.errors import ImageError
from panmatch_ros.inference.classical import ClassicalConfig, ClassicalMatcher, _weigh_with_support


def layered_pair():
    """A square of disparity 20 at x 70 to 109 in front of a wall of disparity 4."""
    wall, square = texture(seed=1), texture(seed=2)
    left, right = crop(wall, MARGIN, MARGIN), crop(wall, MARGIN + 4, MARGIN)
    left[12:52, 70:110] = right[12:52, 50:90] = square[12:52, 70:110]
    return left, right


def share_within(disparity, expected, tolerance=0.5):
    return np.mean(np.abs(disparity - expected) < tolerance)


class TestStereo:
    @pytest.mark.parametrize('disparity', [0, 7, 12.25, 31.5, 47])
    def test_a_wall_has_its_disparity(self, disparity):
        result = ClassicalMatcher().match_stereo(*stereo_pair(disparity))
        assert result.disparity.shape == result.confidence.shape == SIZE
        assert result.disparity.dtype == result.confidence.dtype == np.float32
        assert result.valid.all()
        error = result.disparity - disparity
        assert np.abs(error).max() < 2
        assert share_within(result.disparity, disparity) > 0.97
        assert abs(np.median(error)) <= 0.125  # SGBM pulls disparities to whole pixels
        assert np.mean(result.confidence[:, int(disparity) + 12:]) > 0.95

    @pytest.mark.parametrize('mode', [0, 1, 2, 3])
    def test_every_mode_matches(self, mode):
        matcher = ClassicalMatcher(ClassicalConfig(sgbm_mode=mode, correlation_window_size=5))
        result = matcher.match_stereo(*stereo_pair(9))
        assert share_within(result.disparity, 9) > 0.98

    def test_the_left_border_is_matched_up_to_what_the_right_image_shows(self):
        # SGBM itself gives nothing left of x = 80 with these options.
        matcher = ClassicalMatcher(ClassicalConfig(max_disparity=80))
        result = matcher.match_stereo(*stereo_pair(10))
        assert share_within(result.disparity[:, :80], 10) > 0.98
        assert result.confidence[:, 20:80].min() > 0.5
        assert result.confidence[:, :9].max() <= 0.1

    def test_negative_disparities_are_found_to_both_borders(self):
        left, right = stereo_pair(-6)
        matcher = ClassicalMatcher(ClassicalConfig(min_disparity=-16, max_disparity=16))
        result = matcher.match_stereo(left, right)
        assert share_within(result.disparity, -6) > 0.98
        assert result.confidence[:, :-20].mean() > 0.95
        assert result.confidence[:, -5:].max() <= 0.1

    def test_a_range_that_starts_late_is_searched_from_there(self):
        matcher = ClassicalMatcher(ClassicalConfig(min_disparity=20, max_disparity=36))
        result = matcher.match_stereo(*stereo_pair(30.5))
        assert share_within(result.disparity, 30.5) > 0.9
        assert matcher.search_range(160) == (20, 35)
        assert result.disparity.min() >= 20
        assert result.disparity.max() <= 35

    def test_what_the_right_camera_cannot_see_has_low_confidence_and_the_wall_behind(self):
        result = ClassicalMatcher().match_stereo(*layered_pair())
        hidden = np.s_[16:48, 56:68]  # x 54 to 69 in the left image
        seen_wall, square = np.s_[16:48, 120:150], np.s_[20:44, 78:102]
        assert np.median(result.disparity[square]) == pytest.approx(20, abs=0.1)
        assert np.median(result.disparity[seen_wall]) == pytest.approx(4, abs=0.1)
        assert np.median(result.disparity[hidden]) == pytest.approx(4, abs=0.2)
        assert np.mean(result.confidence[hidden] < 0.2) > 0.9
        assert result.confidence[seen_wall].min() > 0.6
        assert result.confidence[square].mean() > 0.8

    def test_without_filling_the_same_pixels_are_invalid_instead(self):
        pair = layered_pair()
        filled = ClassicalMatcher().match_stereo(*pair)
        sparse = ClassicalMatcher(ClassicalConfig(fill_holes=False)).match_stereo(*pair)
        assert 0.5 < sparse.valid.mean() < 1
        np.testing.assert_array_equal(sparse.disparity[sparse.valid],
                                      filled.disparity[sparse.valid])
        assert (sparse.confidence[~sparse.valid] == 0).all()
        assert filled.confidence[~sparse.valid].max() <= 0.1

    def test_disp12_max_diff_decides_what_is_a_hole(self):
        pair = layered_pair()
        valid = {diff: ClassicalMatcher(ClassicalConfig(
            disp12_max_diff=diff, fill_holes=False)).match_stereo(*pair).valid.mean()
            for diff in (0, 1, -1)}
        assert valid[0] < valid[1] < valid[-1]
        assert valid[-1] > 0.92  # OpenCV takes -1 for 1 and would leave 0.91

    def test_confidence_is_that_of_the_left_right_error(self):
        left, right = layered_pair()
        # Every disparity of both directions, so that they can be compared here.
        matcher = ClassicalMatcher(ClassicalConfig(disp12_max_diff=-1, fill_holes=False))
        result = matcher.match_stereo(left, right)
        mirrored = matcher.match_stereo(right[:, ::-1], left[:, ::-1]).disparity[:, ::-1]
        expected = confidence_from_error(left_right_error(result.disparity, mirrored))
        expected *= cv2.blur(expected, (9, 9), borderType=cv2.BORDER_REPLICATE)
        # The other direction has no disparity for what only its own image shows.
        assert np.mean(np.abs(expected - result.confidence) < 1e-3) > 0.97

    def test_a_pixel_without_a_partner_that_agrees_is_a_hole(self):
        matcher = ClassicalMatcher(ClassicalConfig(fill_holes=False))  # up to 1.5 px: 24 steps
        none, two = -16, 32  # sixteenths; SGBM marks invalid by one below the smallest
        left = np.array([[none, two, two, two, two, two, two]], np.int16)
        right = np.array([[two + 24, two - 24, two + 25, none, two, 0, 0]], np.int16)
        found = matcher._disparity(left, right).disparity
        # Invalid itself, partner outside, 24 more, 24 less, 25 more, invalid partner, equal.
        np.testing.assert_array_equal(found, [[np.nan, np.nan, 2, 2, np.nan, np.nan, 2]])
        # An invalid partner is no disparity of -1 that would differ by 1 from 0.
        at_infinity = matcher._disparity(np.zeros((1, 2), np.int16),
                                         np.array([[none, 0]], np.int16)).disparity
        np.testing.assert_array_equal(at_infinity, [[np.nan, 0]])

    @pytest.mark.parametrize('allowed_px', [14, 15, 16, 128])
    def test_large_differences_are_told_apart(self, allowed_px):
        # The confidence ends at 255 sixteenths; what is a hole does not.
        matcher = ClassicalMatcher(ClassicalConfig(fill_holes=False, disp12_max_diff=allowed_px))
        most, none = allowed_px * 16 + 8, -16
        left = np.full((1, 5), 0, np.int16)
        right = np.array([[most, most + 1, 0, none, 32767]], np.int16)
        found = matcher._disparity(left, right)
        np.testing.assert_array_equal(found.disparity, [[0, np.nan, 0, np.nan, np.nan]])
        assert (found.confidence[0, [1, 3, 4]] == 0).all()

    def test_modes_differ(self):
        pair = layered_pair()
        found = [ClassicalMatcher(ClassicalConfig(sgbm_mode=mode)).match_stereo(*pair).disparity
                 for mode in range(4)]
        for one in range(4):
            for other in range(one):
                assert (found[one] != found[other]).any()

    def test_images_without_texture_or_overlap_give_nothing_rather_than_a_guess(self):
        matcher = ClassicalMatcher(ClassicalConfig(min_disparity=100, max_disparity=120))
        result = matcher.match_stereo(*stereo_pair(4, (20, 40)))
        assert not result.valid.any()
        assert not result.confidence.any()

    @pytest.mark.parametrize('size', [(1, 160), (2, 160), (3, 90), (5, 64), (19, 33), (63, 161)])
    @pytest.mark.parametrize('window', [1, 5, 11])
    def test_odd_and_low_images(self, size, window):
        # 3WAY leaves rows out of images that are lower than four windows.
        matcher = ClassicalMatcher(ClassicalConfig(correlation_window_size=window))
        result = matcher.match_stereo(*stereo_pair(6, size))
        assert result.valid.all()
        assert share_within(result.disparity, 6) > 0.9
        assert np.mean(result.confidence > 0.2) > 0.5

    @pytest.mark.parametrize('mode', [0, 1, 2, 3])
    @pytest.mark.parametrize('size', [(1, 1), (1, 2), (2, 1), (50, 1), (3, 3), (8, 12)])
    def test_tiny_images_have_a_result_of_their_size(self, size, mode):
        matcher = ClassicalMatcher(ClassicalConfig(
            sgbm_mode=mode, correlation_window_size=21, max_disparity=128))
        image = crop(texture(size), MARGIN, MARGIN, size)
        result = matcher.match_stereo(image, image)
        assert result.disparity.shape == result.confidence.shape == size
        assert np.abs(result.disparity[result.valid]).max(initial=0) < 1


class TestFlow:
    @pytest.mark.parametrize(('u', 'v'), [(0, 0), (5, 0), (0, -3), (-4, 6), (1.5, -0.25), (12, 9)])
    def test_a_moved_image_has_its_flow(self, u, v):
        result = ClassicalMatcher().match(*moved_pair(u, v, (96, 160), sigma=4))
        assert result.flow.shape == (96, 160, 2)
        assert result.flow.dtype == result.confidence.dtype == np.float32
        assert result.flow.flags.c_contiguous
        assert result.valid.all()
        inner = result.flow[16:-16, 16:-16]
        assert np.abs(inner - (u, v)).max() < 0.4
        np.testing.assert_allclose(np.median(inner, axis=(0, 1)), (u, v), atol=0.1)
        assert result.confidence[16:-16, 16:-16].min() > 0.8

    @pytest.mark.parametrize('preset', ['ultrafast', 'fast', 'medium'])
    @pytest.mark.parametrize('size', [(8, 8), (9, 70), (70, 9), (13, 21), (91, 97)])
    def test_identical_images_do_not_move(self, preset, size):
        image = crop(texture(size), MARGIN, MARGIN, size)
        result = ClassicalMatcher(ClassicalConfig(flow_preset=preset)).match(image, image.copy())
        assert result.flow.shape == (*size, 2)
        assert result.flow.flags.c_contiguous
        assert np.abs(result.flow).max() < 1e-3
        assert result.confidence.min() > 0.999

    @pytest.mark.parametrize('preset', ['ultrafast', 'fast', 'medium'])
    @pytest.mark.parametrize('size', [(9, 9), (8, 120), (120, 8), (12, 12), (16, 36), (24, 61),
                                      (40, 41), (33, 130), (64, 40), (64, 10)])
    def test_small_images_move_too(self, preset, size):
        # At most of these sizes DIS fails, or reads beyond its buffers, unless it is helped.
        matcher = ClassicalMatcher(ClassicalConfig(flow_preset=preset))
        flow = matcher.match(*moved_pair(1.5, 0.5, size, sigma=2)).flow
        assert np.median(np.hypot(flow[..., 0] - 1.5, flow[..., 1] - 0.5)) < 0.75  # half of it

    @pytest.mark.parametrize('edge', [49, 57, 61, 62])
    def test_odd_sizes_do_not_shorten_the_flow(self, edge):
        # DIS halves 49 to 24 and doubles the flow again, which is 2 % too little.
        flow = ClassicalMatcher().match(*moved_pair(6, -6, (edge, edge), sigma=4)).flow
        middle = flow[12:-12, 12:-12]
        np.testing.assert_allclose(np.median(middle, axis=(0, 1)), (6, -6), atol=0.03)

    @pytest.mark.parametrize('size', [(7, 60), (60, 7), (1, 1)])
    def test_less_than_a_patch_is_refused(self, size):
        text = f'flow needs images of at least 8 x 8 pixels, got {size[1]} x {size[0]}'
        with pytest.raises(ImageError, match=text):
            ClassicalMatcher().match(*[np.zeros(size, np.uint8)] * 2)

    def test_what_leaves_the_image_has_no_confidence(self):
        result = ClassicalMatcher().match(*moved_pair(10, 0, (96, 160), sigma=4))
        assert (result.confidence[16:-16, -9:] == 0).all()
        assert result.confidence[16:-16, 16:-20].min() > 0.8

    def test_what_is_covered_has_low_confidence(self):
        # A square moves 12 px to the right over a resting wall: x 110 to 121 gets covered.
        wall, square = texture(seed=1, sigma=4), texture(seed=2, sigma=4)
        image0 = crop(wall, MARGIN, MARGIN)
        image1 = image0.copy()
        image0[12:52, 70:110] = image1[12:52, 82:122] = square[12:52, 70:110]
        result = ClassicalMatcher().match(image0, image1)
        np.testing.assert_allclose(np.median(result.flow[20:44, 78:102], axis=(0, 1)), (12, 0),
                                   atol=0.2)
        assert np.median(result.confidence[20:44, 111:121]) < 0.2
        assert np.median(result.confidence[20:44, 78:102]) > 0.8
        assert result.confidence[:, :50].min() > 0.9

    def test_confidence_is_that_of_the_forward_backward_error(self):
        image0, image1 = moved_pair(3, 1, (96, 160), sigma=4)
        matcher = ClassicalMatcher()
        result, back = matcher.match(image0, image1), matcher.match(image1, image0)
        expected = confidence_from_error(forward_backward_error(result.flow, back.flow))
        expected *= cv2.blur(expected, (9, 9))
        inner = np.s_[12:-12, 12:-12]
        np.testing.assert_allclose(result.confidence[inner], expected[inner], atol=0.01)
        assert expected[inner].min() > 0.5

    def test_a_matcher_that_saw_other_sizes_gives_the_same(self):
        # DIS changes its own options at small images and keeps them for the next ones.
        used = ClassicalMatcher()
        for size in ((96, 160), (24, 40), (40, 24), (97, 161)):
            pair = moved_pair(2, 1, size)
            for _ in range(2):
                result, expected = used.match(*pair), ClassicalMatcher().match(*pair)
                np.testing.assert_array_equal(result.flow, expected.flow)
                np.testing.assert_array_equal(result.confidence, expected.confidence)


def test_confidence_stays_between_0_and_1():
    # The running mean of OpenCV goes a little below 0 where it leaves larger values behind.
    errors = np.random.default_rng(0).integers(0, 255, (61, 64)).astype(np.float32) / 16
    confidence = confidence_from_error(errors)
    confidence[:, 32:] = 1e-20
    confidence[:, :12] = 1
    _weigh_with_support(confidence)
    assert (confidence >= 0).all()
    assert (confidence <= 1).all()
    assert confidence[30, 5] == 1


def test_modes_that_keep_all_costs_are_bounded():
    image = np.broadcast_to(np.uint8(0), (2000, 3000))
    matcher = ClassicalMatcher(ClassicalConfig(sgbm_mode=1))
    with pytest.raises(ImageError, match=r'sgbm_mode 1 \(HH\) needs 12.2 GiB for 3000 x 2000 '
                                         'pixels and 544 disparities.*use sgbm_mode 2'):
        matcher.match_stereo(image, image)
